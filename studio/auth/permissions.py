"""Permissions, the roles that hold them, and the marks that UI event handlers carry.

A permission is named where the deed is: `@requires("workflows:write")` on an event handler,
`Depends(requires("workflows:write"))` on a route. What names none is refused. A role holds exactly what is listed
here: being allowed to read never implies being allowed to run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from engine.scopes import PERMISSIONS

_READ = frozenset(
    {
        "workflows:read",
        "runs:read",
        "knowledge:read",
        "crm:read",
        "orders:read",
        "analytics:read",
        "events:read",
        "account:use",
    }
)
_AGENT = _READ | {
    "workflows:write",
    "workflows:run",
    "runs:cancel",
    "approvals:answer",
    "chat:use",
    "events:publish",
    "knowledge:write",
    "crm:write",
    "orders:write",
}

ROLES: Mapping[str, frozenset[str]] = {"viewer": _READ, "agent": _AGENT, "admin": PERMISSIONS}

PUBLIC = "public"
_MARK = "__heddle_permission__"
Handler = TypeVar("Handler", bound=Callable[..., Any])


def role_allows(role: str, permission: str) -> bool:
    """Whether a role holds a permission; an unknown role holds none."""
    return permission in ROLES.get(role, frozenset())


def requires(permission: str) -> Callable[[Handler], Handler]:
    """Mark a UI event handler; write it under `@rx.event`. Raises ValueError for a permission that does not exist."""
    if permission not in PERMISSIONS:
        raise ValueError(f"There is no permission {permission!r}.")

    def mark(handler: Handler) -> Handler:
        setattr(handler, _MARK, permission)
        return handler

    return mark


def public(handler: Handler) -> Handler:
    """Mark a UI event handler that anybody may call, signed in or not."""
    setattr(handler, _MARK, PUBLIC)
    return handler


def permission_of(handler: Callable[..., Any]) -> str | None:
    """What a handler demands, or None when it is not marked (then nobody may call it)."""
    named: str | None = getattr(handler, _MARK, None)
    return named
