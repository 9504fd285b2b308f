"""Names of foreign things, in any script, as names that the language allows."""

from __future__ import annotations

import re
import unicodedata
from keyword import iskeyword
from typing import Any

MAX_NODE = 64
MAX_WORKFLOW = 64
_NOT_IN_NAME = re.compile(r"[^a-z0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Words that conditions and templates read as something else when a context key or a node is called so.
_RESERVED = frozenset({"context", "nodes", "inputs", "variables", "run", "tenant", "item", "index", "credentials"})


def slug(text: str, limit: int = 48) -> str:
    """Small letters, digits and _; empty when the text has none that can be written so."""
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    words = _NOT_IN_NAME.sub("_", _CAMEL.sub("_", plain).lower()).strip("_")
    return words[:limit].strip("_")


def identifier(text: str, fallback: str, limit: int = 48) -> str:
    """A slug that starts with a letter and is none of the roots."""
    found = slug(text, limit) or slug(fallback, limit) or "node"
    if not found[0].isalpha():
        found = f"n_{found}"
    return f"{found}_" if found in _RESERVED else found


def workflow_name(text: str) -> str:
    """A name for the workflow, never longer than allowed."""
    return identifier(text, "imported_workflow", MAX_WORKFLOW - 4)


def called_name(text: str, title: str) -> str:
    """The name of a workflow that this one calls; never its own."""
    found = workflow_name(text)
    return f"{found[:55]}_part" if found == workflow_name(title) else found


def readable(text: str, name: str) -> str | None:
    """The foreign name when ours does not say it already: for the description."""
    said = " ".join(text.split())[:200]
    return said if said and slug(said, 200) != name else None


def variables(values: dict[str, Any]) -> dict[str, Any]:
    """The values under names that a program may have for its variables."""
    found = {}
    for name, value in values.items():
        kept = name if name.isidentifier() else identifier(name, "value")
        found[f"{kept}_" if iskeyword(kept) else kept] = value
    return found


class Names:
    """Hands out each name once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def take(self, text: str, fallback: str) -> str:
        base = identifier(text, fallback)
        name, number = base, self._next.get(base, 2)
        while name in self._taken:
            name, number = f"{base}_{number}", number + 1
        self._next[base] = number
        self._taken.add(name)
        return name
