"""Node types as the editor needs them: what the picker lists, the card draws, and the inspector asks for.

Everything is read from the registry and the config models; a node type never describes its form twice.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson
import yaml
from pydantic import BaseModel

import engine.nodes
from connectors.toolbox import toolbox_specs
from engine.language import node_types
from engine.language.fields import Reading, reading_of
from engine.language.node_types import Group, NodeConfig, NodeType
from engine.language.schema import language_schema

Json = Any

HIDDEN = "hidden"
COMMON_FIELDS = frozenset(NodeConfig.model_fields)
COLOUR_OF_GROUP = {Group.MESSAGES: "msg", Group.SAFETY: "safe"}  # the others are called like their group
WIDGET_OF_TYPE = {"boolean": "switch", "integer": "number", "number": "number", "object": "json", "array": "list"}


@lru_cache(maxsize=1)
def node_specs() -> dict[str, dict[str, Json]]:
    """Type name -> `{type, title, summary, group, icon, entry, leads, final, branches, caches, remark, runs,
    fields, initial}`, as JSON.

    `leads`: has ways on; `final`: ends a run; `branches`: goes all its ways at once; `caches`: its answers may be
    kept; `remark`: drawn only; `runs`: is executed, so it can fail; `initial`: the config that a new node starts with.
    """
    engine.nodes.load()
    return {kind.type: _spec(kind) for kind in node_types.all_types()}


@dataclass(frozen=True, slots=True)
class Packed:
    """JSON as it is sent: as it is and compressed, and the mark by which a browser knows it again."""

    plain: bytes
    zipped: bytes
    etag: str


@lru_cache(maxsize=1)
def packed_language() -> Packed:
    """The JSON Schema of the workflow language with the installed node types."""
    engine.nodes.load()
    plain = orjson.dumps(language_schema())
    return Packed(plain, gzip.compress(plain, mtime=0), f'"{hashlib.sha256(plain).hexdigest()[:32]}"')


def icon_names() -> set[str]:
    """Lucide names of all icons that node types and tools have."""
    return {spec["icon"] for spec in node_specs().values()} | {tool.icon for tool in toolbox_specs().values()}


def _spec(kind: NodeType) -> dict[str, Json]:
    fields = [_read(kind, field) for field in _fields(kind.config_model.model_json_schema())]
    return {
        "type": kind.type,
        "title": kind.title,
        "summary": kind.summary,
        "group": COLOUR_OF_GROUP.get(kind.group, kind.group.value),
        "icon": kind.icon,
        "entry": kind.entry,
        "leads": kind.runnable and not kind.final,
        "final": kind.final,
        "branches": kind.branches,
        "caches": kind.caches,
        "remark": not kind.runnable,
        "runs": kind.runnable and not kind.entry and not kind.final,
        "fields": fields,
        "initial": _initial(kind, fields),
    }


def form_fields(model: type[BaseModel]) -> list[dict[str, Json]]:
    """The fields of a form for what the model describes; texts that are expressions are read as such."""
    fields = list(_fields(model.model_json_schema()))
    return [
        field | {"reads": Reading.EXPRESSION.value} if field["widget"] == "expression" else field for field in fields
    ]


def _read(kind: NodeType, field: dict[str, Json]) -> dict[str, Json]:
    """The field with how its texts are read: as expression, template or value; nothing where they are plain."""
    reading = reading_of(kind, field["key"].partition(".")[0])
    return field if reading is Reading.PLAIN else field | {"reads": reading.value}


def _initial(kind: NodeType, fields: list[dict[str, Json]]) -> dict[str, Json] | None:
    """What must be set, as the type's own example sets it; None when nothing must."""
    example = (yaml.safe_load(kind.example) or [{}])[0].get("config") or {}
    required = [field["key"] for field in fields if field.get("required")]
    return {key: example[key] for key in required if key in example} or None


def _fields(schema: Mapping[str, Json], prefix: str = "") -> Iterator[dict[str, Json]]:
    """The form's fields in the order of the model; a nested model becomes fields with dotted keys."""
    definitions = schema.get("$defs", {})
    required = set(schema.get("required", ()))
    for key, raw in schema.get("properties", {}).items():
        shape = _resolved(raw, definitions)
        if shape.get("ui") == HIDDEN:
            continue
        if shape.get("properties") and "ui" not in shape:
            yield from _fields({**shape, "$defs": definitions, "required": ()}, f"{prefix}{key}.")
            continue
        yield _field(prefix + key, shape, required=not prefix and key in required, definitions=definitions)


def _resolved(raw: Mapping[str, Json], definitions: Mapping[str, Json]) -> dict[str, Json]:
    """A property without `$ref` and without the `null` that an optional field adds."""
    shape = dict(raw)
    options = [option for option in shape.pop("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        shape = {**options[0], **shape}
    elif options:
        shape.setdefault("ui", "json" if any(o.get("type") in ("object", "array") for o in options) else "text")
    reference = shape.pop("$ref", None) or next((r["$ref"] for r in shape.pop("allOf", ()) if "$ref" in r), None)
    if reference:
        target = _resolved(definitions.get(reference.rsplit("/", 1)[-1], {}), definitions)
        shape = {**target, **shape}
    return shape


def _field(key: str, shape: Mapping[str, Json], *, required: bool, definitions: Mapping[str, Json]) -> dict[str, Json]:
    values = shape.get("enum") or ([shape["const"]] if "const" in shape else None)
    widget = shape.get("ui") or ("select" if values else WIDGET_OF_TYPE.get(str(shape.get("type")), "text"))
    items = _items(shape, definitions)
    if widget in ("list", "json", "tool") and shape.get("type") == "array":
        widget, values = _widget_of_items(widget, items, values)
    examples = shape.get("examples") or []
    if widget == "select" and not values:  # any text will do, these are known ones
        widget, values = "combo", examples
    field: dict[str, Json] = {
        "key": key,
        "title": shape.get("title") or key,
        "description": shape.get("description"),
        "unit": shape.get("unit"),
        "widget": widget,
        "default": shape.get("default"),
        "required": required,
        "common": key in COMMON_FIELDS,
        "rare": "." in key,
        "integer": shape.get("type") == "integer",
        "of": shape.get("of"),
        "min": shape.get("minimum", shape.get("exclusiveMinimum")),
        "max": shape.get("maximum", shape.get("exclusiveMaximum")),
        "step": shape.get("step"),
        "options": [{"value": value} for value in values] if values else None,
        "placeholder": str(examples[0]) if examples else None,
        "items": list(_fields({**items, "$defs": definitions})) if widget == "objects" else None,
    }
    return {name: value for name, value in field.items() if value is not None and value is not False}


def _items(shape: Mapping[str, Json], definitions: Mapping[str, Json]) -> dict[str, Json]:
    """What the items of an array may be. Where texts are allowed beside objects (short forms), it is not one form."""
    raw = shape.get("items")
    if not isinstance(raw, Mapping) or len([o for o in raw.get("anyOf", ()) if o.get("type") != "null"]) > 1:
        return {}
    return _resolved(raw, definitions)


def _widget_of_items(widget: str, items: Mapping[str, Json], values: Json) -> tuple[str, Json]:
    """The widget of an array, and its choices: a form for each object, boxes to tick, or a list of texts."""
    if widget == "tool":
        return "tools", values
    if items.get("properties"):
        return "objects", values
    if items.get("enum"):
        return "choices", items["enum"]
    return ("list" if items.get("type") == "string" else "json"), values
