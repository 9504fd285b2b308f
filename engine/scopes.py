"""What an API key may hold: permissions of Heddle's own, and scopes that a tenant has named for its workflows.

A permission stands for something that Heddle does; roles and routes name them (studio/auth). A scope of a tenant's own
means nothing to Heddle. It is what the api trigger of a workflow asks of a key, and what keys get for it.
"""

from __future__ import annotations

import re

MAX_SCOPE = 100  # characters
MAX_OWN = 50  # of a tenant's own, in a key or a trigger
SCOPE = r"^[a-z][a-z0-9_-]*:[a-z][a-z0-9_-]*$"
SCOPE_WORDS = (
    "a scope has two parts joined by a colon, of lower-case letters, digits, _ and -, such as `invoices:approve`"
)
_SCOPE = re.compile(SCOPE, re.ASCII)

PERMISSIONS = frozenset(
    {
        "workflows:read",
        "workflows:write",
        "workflows:run",
        "workflows:publish",
        "runs:read",
        "runs:cancel",
        "approvals:answer",
        "chat:use",
        "knowledge:read",
        "knowledge:write",
        "crm:read",
        "crm:write",
        "orders:read",
        "orders:write",
        "analytics:read",
        "events:read",
        "events:publish",
        "events:write",
        "audit:read",
        "credentials:read",
        "credentials:write",
        "api_keys:read",
        "api_keys:write",
        "members:read",
        "members:write",
        "settings:read",
        "settings:write",
        "account:use",
    }
)

_AREAS = frozenset(name.partition(":")[0] for name in PERMISSIONS)


def scope_fault(name: str) -> str | None:
    """Why no key can hold this scope, in words; None for a permission, and for a scope that a tenant may name.

    What begins as a permission does is one or is a mistake: `runs:raed` lets nobody in, and a permission that a later
    version adds must not be in keys already.
    """
    if name in PERMISSIONS:
        return None
    if len(name) > MAX_SCOPE or _SCOPE.fullmatch(name) is None:
        return SCOPE_WORDS
    area = name.partition(":")[0]
    if area in _AREAS:
        there = ", ".join(sorted(one for one in PERMISSIONS if one.startswith(f"{area}:")))
        return f"`{area}:` begins permissions of Heddle's own: {there}; a scope of your own begins otherwise"
    return None
