"""A finished draft -> the text of a workflow file, as a person would write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.importers.draft import Draft
from engine.importers.names import workflow_name
from engine.importers.storable import storable
from engine.language import emit
from engine.language.emit import Habit

Json = Any
_HABIT = Habit()


def text_of(draft: Draft) -> str:
    """The YAML text. Raises SchemaError for data that a file cannot hold."""
    parts = [_entries(_head(draft))]
    parts += [_entries({key: value}) for key, value in _middle(draft).items()]
    parts.append(_list("nodes", [node.to_data() for node in draft.nodes.values()], apart="\n"))
    parts.append(_list("edges", [edge.to_data() for edge in draft.edges]))
    return "\n".join(parts)


def _head(draft: Draft) -> dict[str, Json]:
    said = " ".join((draft.description or draft.title).split())[:400]
    description = storable(said).value
    return {
        "name": workflow_name(draft.title),
        "version": "1.0.0",
        "description": description or "Imported workflow",
        "category": "system",
        "priority": "medium",
        "status": "development",
    }


def _middle(draft: Draft) -> dict[str, Json]:
    """Sections that not every file has."""
    sections: dict[str, Json] = {}
    if draft.timeout_s is not None:
        sections["config"] = {"timeout_seconds": draft.timeout_s}
    if draft.inputs:
        sections["inputs"] = {"type": "object", "properties": draft.inputs}
    if draft.variables:
        sections["variables"] = [
            {"name": name} if value is None else {"name": name, "default": value}
            for name, value in draft.variables.items()
        ]
    if draft.credentials:
        sections["credentials"] = [{"name": name, "type": kind} for name, kind in draft.credentials.items()]
    if draft.triggers:
        sections["triggers"] = draft.triggers
    if draft.fallback is not None:
        sections["error_handling"] = [{"error_type": "*", "action": "fallback", "fallback_node": draft.fallback}]
    return sections


def _entries(data: Mapping[str, Json]) -> str:
    return "".join(emit.entry_text(key, value, 0, _HABIT) + "\n" for key, value in data.items())


def _list(key: str, items: list[dict[str, Json]], apart: str = "") -> str:
    if not items:
        return f"{key}: []\n"
    return f"{key}:\n" + apart.join(f"  {emit.item_text(item, 2, _HABIT)}\n" for item in items)
