"""Triggers as the editor needs them: what can start a workflow, and the form of each kind's config.

Forms are read from the config models (engine/language/triggers.py), as those of nodes are.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from engine.language.triggers import CONFIGS
from studio.services.editor_specs import form_fields

Json = Any

TITLES = {
    "chat": "Chat",
    "webhook": "Webhook",
    "form": "Form",
    "schedule": "Schedule",
    "event": "Event",
    "api": "API",
    "manual": "By hand",
    "workflow": "Another workflow",
    "email": "E-mail",
}
SUMMARIES = {
    "manual": "Somebody presses Run.",
    "workflow": "Another workflow calls it.",
}
NOT_OFFERED = frozenset({"email"})
_ASKED = {"type": "object", "required": ["message"], "properties": {"message": {"type": "string", "title": "Message"}}}
# What a new one begins with; `path` and the time zone are the browser's to say.
INITIAL: dict[str, dict[str, Json]] = {
    "schedule": {"cron": "0 8 * * mon-fri"},
    "event": {"topic": "orders.created"},
    "form": {"fields": _ASKED},
}


@lru_cache(maxsize=1)
def trigger_specs() -> dict[str, dict[str, Json]]:
    """Type name -> `{title, summary, fields, initial, offered}`, as JSON, in the order in which they are offered."""
    return {
        kind: {
            "title": title,
            "summary": SUMMARIES.get(kind) or (CONFIGS[kind].__doc__ or "").strip(),
            "fields": form_fields(CONFIGS[kind]),
            "initial": INITIAL.get(kind, {}),
            "offered": kind not in NOT_OFFERED,
        }
        for kind, title in TITLES.items()
    }
