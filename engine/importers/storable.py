"""Values of a foreign file as a workflow file may hold them: bounded, and without secrets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.language.node_checks import without_secret

Json = Any
MAX_DEPTH = 12
MAX_TEXT = 60_000
MAX_ITEMS = 500
MAX_KEY = 400


@dataclass(slots=True)
class Stored:
    """The value, and what was taken away: a secret, or what was too large."""

    value: Json = None
    secrets: bool = False
    cut: bool = False


def storable(value: Json) -> Stored:
    """A copy that the language accepts as data. The reader has already seen to characters and numbers."""
    stored = Stored()
    stored.value = _copy(value, "", 0, stored)
    return stored


def _copy(value: Json, key: str, depth: int, stored: Stored) -> Json:
    if isinstance(value, str):
        return _text(value, key, stored)
    if isinstance(value, dict):
        if depth >= MAX_DEPTH or len(value) > MAX_ITEMS:
            stored.cut = True
            value = {} if depth >= MAX_DEPTH else dict(list(value.items())[:MAX_ITEMS])
        stored.cut |= any(len(str(k)) > MAX_KEY for k in value)
        return {str(k)[:MAX_KEY]: _copy(item, str(k), depth + 1, stored) for k, item in value.items() if str(k)}
    if isinstance(value, list | tuple):
        if depth >= MAX_DEPTH or len(value) > MAX_ITEMS:
            stored.cut = True
            value = [] if depth >= MAX_DEPTH else value[:MAX_ITEMS]
        return [_copy(item, "", depth + 1, stored) for item in value]
    return value


def _text(value: str, key: str, stored: Stored) -> str:
    if len(value) > MAX_TEXT:
        stored.cut = True
        value = value[:MAX_TEXT] + "…"
    found = without_secret(key, value)
    if found == value:
        return value
    stored.secrets = True
    is_literal = value.startswith("'") and value.endswith("'") and not found.startswith("'")
    return f"'{found}'" if is_literal else found
