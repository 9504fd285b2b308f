"""What a node's config fields mean to the language: which hold templates, expressions, references or names.

Read from the config model: `json_schema_extra={"ui": ...}` names the inspector's widget, and the widget says how the
text is read. A field without a widget, or of an unknown node type, is only searched for `${...}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, NamedTuple

from engine.language.node_types import NodeType
from engine.language.positions import Path


class Reading(StrEnum):
    """How the texts of a field are read."""

    TEMPLATE = "template"  # {path}
    EXPRESSION = "expression"  # the whole text is an expression
    VALUE = "value"  # ${...} and context.x
    PLAIN = "plain"  # as it stands


_BY_WIDGET = {
    "prompt": Reading.TEMPLATE, "textarea": Reading.TEMPLATE, "text": Reading.TEMPLATE,
    "expression": Reading.EXPRESSION,
    "key_value": Reading.VALUE, "json": Reading.VALUE,
    "code": Reading.PLAIN, "schema": Reading.PLAIN, "select": Reading.PLAIN, "model": Reading.PLAIN,
    "tool": Reading.PLAIN, "workflow": Reading.PLAIN, "node": Reading.PLAIN, "hidden": Reading.PLAIN,
    "credential": Reading.PLAIN,
}  # fmt: skip
_ALWAYS_PLAIN = frozenset({"description", "next_node", "conditions", "output_key", "output_schema"})


class FieldText(NamedTuple):
    """A text inside a node's config; `path` starts at the config."""

    path: Path
    text: str
    reading: Reading


@lru_cache(maxsize=512)
def readings(node_type: NodeType | None) -> Mapping[str, Reading]:
    """Field name -> how its texts are read, for the fields whose model says so."""
    if node_type is None:
        return {}
    found: dict[str, Reading] = {}
    for name, info in node_type.config_model.model_fields.items():
        extra = info.json_schema_extra
        if not isinstance(extra, dict):
            continue
        reading = _BY_WIDGET.get(str(extra.get("ui")))
        if extra.get("values") == "expression":
            reading = Reading.EXPRESSION
        elif extra.get("values") == "template":
            reading = Reading.TEMPLATE
        if reading is not None:
            found[info.alias or name] = reading
    return found


def reading_of(node_type: NodeType | None, name: str) -> Reading:
    """How the texts of one field are read."""
    return Reading.PLAIN if name in _ALWAYS_PLAIN else readings(node_type).get(name, Reading.VALUE)


def texts_of(node_type: NodeType | None, config: Mapping[str, Any]) -> Iterator[FieldText]:
    """Every text in a config that may refer to data."""
    for name, value in config.items():
        reading = reading_of(node_type, name)
        if reading is not Reading.PLAIN:
            yield from _texts(value, (name,), reading)


def _texts(value: Any, path: Path, reading: Reading) -> Iterator[FieldText]:
    if isinstance(value, str):
        yield FieldText(path, value, reading)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _texts(item, (*path, key), reading)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, (*path, index), reading)


@lru_cache(maxsize=2048)
def fields_with_widget(node_type: NodeType | None, widget: str) -> tuple[str, ...]:
    """Names of the fields that the inspector edits with this widget, e.g. "node" for names of other nodes."""
    if node_type is None:
        return ()
    return tuple(
        info.alias or name
        for name, info in node_type.config_model.model_fields.items()
        if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("ui") == widget
    )
