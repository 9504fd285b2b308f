"""What each kind of edit changes: `(document, edit) -> changes`. See edits.py for the forms of edits.

Names, indexes and values come from a browser: all are checked here, and what is wrong raises SchemaError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.errors import SchemaError
from engine.language import shape
from engine.language.build import build_edge, condition_text
from engine.language.changes import Change, Insert, Move, Remove, Set, Unset
from engine.language.document import Document
from engine.language.items import read_item
from engine.language.mirror_changes import mirror_changes
from engine.language.positions import Path
from engine.language.renames import rename_changes, variable_changes
from engine.language.writer import value_at

EDGE_FIELDS = ("from", "to", "condition", "label", "on")
MAX_VALUE_DEPTH = 24
Edit = Mapping[str, Any]


def changes_of(document: Document, edit: Edit) -> list[Change]:
    """The changes that an edit means; none when it changes nothing."""
    operation = _OPERATIONS.get(str(edit.get("op")))
    if operation is None:
        raise SchemaError(f"unknown edit {edit.get('op')!r}")
    return operation(document, edit)


def _set_field(document: Document, edit: Edit) -> list[Change]:
    path = _field_path(document, edit)
    if path[2:] == ("name",):
        raise SchemaError("a node is renamed by `rename_node`")
    return [Set(path, _json(edit.get("value")))]


def _unset_field(document: Document, edit: Edit) -> list[Change]:
    return _unset(document, _field_path(document, edit), protected=("name", "type"))


def _set_top(_document: Document, edit: Edit) -> list[Change]:
    return [Set(_path(edit), _json(edit.get("value")))]


def _unset_top(document: Document, edit: Edit) -> list[Change]:
    path = _path(edit)
    if isinstance(path[-1], int):
        sequence = value_at(document.data, path[:-1])
        if not isinstance(sequence, list) or not 0 <= path[-1] < len(sequence):
            raise SchemaError(f"there is no item {path[-1]}")
        return [Remove(path[:-1], frozenset({path[-1]}))]
    config = document.data.get("config")
    if path[:-1] == ("config",) and isinstance(config, dict) and config.keys() == {path[-1]}:
        return [Unset((), ("config",))]  # without a limit, the file needs no place for limits
    return _unset(document, path)


def _unset(document: Document, path: Path, protected: Sequence[str] = ()) -> list[Change]:
    parent = value_at(document.data, path[:-1])
    if isinstance(path[-1], int):
        if not isinstance(parent, list) or not 0 <= path[-1] < len(parent):
            raise SchemaError(f"there is no item {path[-1]}")
        return [Remove(path[:-1], frozenset({path[-1]}))]
    if len(path) == 3 and path[-1] in protected:
        raise SchemaError(f"a node needs its `{path[-1]}`")
    return [Unset(path[:-1], (path[-1],))] if isinstance(parent, dict) and path[-1] in parent else []


def _add_node(document: Document, edit: Edit) -> list[Change]:
    text = edit.get("text")
    node = read_item(text) if isinstance(text, str) else _json(edit.get("node"))
    if not isinstance(node, dict) or not isinstance(node.get("type"), str):
        raise SchemaError("a new node needs a name and a type")
    _check_name(document, node.get("name"))
    nodes = document.data.get("nodes")
    index = len(nodes) if isinstance(nodes, list) else 0
    after = edit.get("after")
    if after is not None:
        index = _node_index(document, after) + 1
    if index >= shape.MAX_NODES:
        raise SchemaError(f"a workflow has at most {shape.MAX_NODES:,} nodes")
    return [Insert(("nodes",), index, node)]


def _remove_node(document: Document, edit: Edit) -> list[Change]:
    index = _node_index(document, edit.get("node"))
    name = document.data["nodes"][index]["name"]
    edges = _raw_edges(document)
    gone = frozenset(i for i, e in enumerate(edges) if isinstance(e, dict) and name in (e.get("from"), e.get("to")))
    left = [edge for i, edge in enumerate(edges) if i not in gone]
    changes = [c for c in mirror_changes(document, _raw_edges(document), left) if c.path[:2] != ("nodes", index)]
    changes.append(Remove(("nodes",), frozenset({index}), with_comments=edit.get("comments") is True))
    return [*changes, Remove(("edges",), gone)] if gone else changes


def _rename_node(document: Document, edit: Edit) -> list[Change]:
    index = _node_index(document, edit.get("node"))
    if edit.get("to") == document.data["nodes"][index]["name"]:
        return []
    _check_name(document, edit.get("to"))
    return rename_changes(document, index, str(edit["to"]))


def _rename_variable(document: Document, edit: Edit) -> list[Change]:
    index, new = edit.get("index"), edit.get("to")
    raw = document.data.get("variables")
    items = raw if isinstance(raw, list) else []
    if type(index) is not int or not 0 <= index < len(items) or not isinstance(items[index], dict):
        raise SchemaError(f"there is no variable {index!r}")
    if not isinstance(new, str) or not re.fullmatch(shape.NODE_NAME, new):
        raise SchemaError(
            "a variable's name has letters, digits and _ only, 64 at most, and does not start with a digit"
        )
    if new == items[index].get("name"):
        return []
    if any(isinstance(one, dict) and one.get("name") == new for one in items):
        raise SchemaError(f"there is a variable named `{new}` already")
    return variable_changes(document, index, new)


def _add_edge(document: Document, edit: Edit) -> list[Change]:
    for end in ("from", "to"):
        _node_index(document, edit.get(end))
    edges = _raw_edges(document)
    edge: dict[str, Any] = {"from": edit["from"], "to": edit["to"]}
    condition = _edge_value("condition", edit.get("condition"))
    if condition is not None or _writes_null(edges):
        edge["condition"] = condition
    for field in ("on", "label"):
        if edit.get(field) is not None:
            edge[field] = _edge_value(field, edit[field])
    if len(edges) >= shape.MAX_EDGES:
        raise SchemaError(f"a workflow has at most {shape.MAX_EDGES:,} edges")
    index = edit.get("index")
    if not isinstance(index, int) or not 0 <= index <= len(edges):
        index = _place_of_edge(edges, edge)
    new = [*edges[:index], edge, *edges[index:]]
    return [*mirror_changes(document, _raw_edges(document), new), Insert(("edges",), index, edge)]


def _place_of_edge(edges: Sequence[Any], new: Mapping[str, Any]) -> int:
    """Behind the other edges of the same node; a conditional one before that node's default, which would hide it."""
    beside = [(i, e) for i, e in enumerate(edges) if isinstance(e, dict) and e.get("from") == new["from"]]
    same_source = [build_edge(i, e) for i, e in beside]
    if not same_source:
        return len(edges)
    if not build_edge(0, new).is_default:
        default = next((e for e in same_source if e.is_default and e.on == "success"), None)
        if default is not None:
            return default.index
    return same_source[-1].index + 1


def _remove_edge(document: Document, edit: Edit) -> list[Change]:
    index, edges = _edge_index(document, edit.get("index")), _raw_edges(document)
    new = [edge for i, edge in enumerate(edges) if i != index]
    return [*mirror_changes(document, _raw_edges(document), new), Remove(("edges",), frozenset({index}))]


def _set_edge(document: Document, edit: Edit) -> list[Change]:
    index, edges = _edge_index(document, edit.get("index")), _raw_edges(document)
    field = str(edit.get("field"))
    if field not in EDGE_FIELDS:
        raise SchemaError(f"an edge has no field {field!r}")
    value = _edge_value(field, edit.get("value"))
    if field in ("from", "to"):
        _node_index(document, value)
    edge = dict(edges[index])
    change: Change
    if value is None and field in ("label", "on"):
        if field not in edge:
            return []
        del edge[field]
        change = Unset(("edges", index), (field,))
    else:
        if value is None and field not in edge:
            return []
        edge[field] = value
        change = Set(("edges", index, field), value)
    return [*mirror_changes(document, _raw_edges(document), [*edges[:index], edge, *edges[index + 1 :]]), change]


def _move_edge(document: Document, edit: Edit) -> list[Change]:
    index, to = _edge_index(document, edit.get("index")), _edge_index(document, edit.get("to"))
    if index == to:
        return []
    new = list(_raw_edges(document))
    new.insert(to, new.pop(index))
    return [*mirror_changes(document, _raw_edges(document), new), Move(("edges",), index, to)]


def _writes_null(edges: Sequence[Any]) -> bool:
    """Whether edges without a condition say `condition: null` here, and not nothing at all."""
    return not edges or any(isinstance(edge, dict) and edge.get("condition", "") is None for edge in edges)


def _raw_edges(document: Document) -> list[Any]:
    edges = document.data.get("edges")
    return edges if isinstance(edges, list) else []


def _node_index(document: Document, name: Any) -> int:
    if not isinstance(name, str):
        raise SchemaError("the name of a node is missing")
    nodes = document.data.get("nodes")
    found = [
        i
        for i, n in enumerate(nodes if isinstance(nodes, list) else ())
        if isinstance(n, dict) and n.get("name") == name
    ]
    if not found:
        raise SchemaError(f"there is no node `{name}`", node=name)
    if len(found) > 1:
        raise SchemaError(f"there are two nodes named `{name}`; rename one in the text first", node=name)
    return found[0]


def _edge_index(document: Document, index: Any) -> int:
    edges = _raw_edges(document)
    if (
        not isinstance(index, int)
        or isinstance(index, bool)
        or not 0 <= index < len(edges)
        or not isinstance(edges[index], dict)
    ):
        raise SchemaError(f"there is no edge {index!r}")
    return index


def _edge_value(field: str, value: Any) -> Any:
    if field == "condition":
        return condition_text(value) if isinstance(value, bool) else _text_or_null(field, value)
    if field == "on" and value not in (None, "success", "error", "timeout"):
        raise SchemaError("`on` must be success, error or timeout")
    return _text_or_null(field, value)


def _text_or_null(field: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise SchemaError(f"`{field}` must be a text")
    return value


def _check_name(document: Document, name: Any) -> None:
    if not isinstance(name, str) or not re.fullmatch(shape.NODE_NAME, name):
        raise SchemaError("a node's name has letters, digits and _ only, 64 at most, and does not start with a digit")
    if document.node_index(name) is not None:
        raise SchemaError(f"there is a node named `{name}` already", node=name)


def _field_path(document: Document, edit: Edit) -> Path:
    return ("nodes", _node_index(document, edit.get("node")), *_path(edit))


def _path(edit: Edit) -> Path:
    path = edit.get("path")
    if not isinstance(path, list | tuple) or not path or len(path) > 30:
        raise SchemaError("the path of the field is missing")
    for step in path:
        if (
            not isinstance(step, str | int)
            or isinstance(step, bool)
            or step == ""
            or (isinstance(step, int) and step < 0)
        ):
            raise SchemaError("a path has texts and numbers from 0 only")
    return tuple(path)


def _json(value: Any, depth: int = 0) -> Any:
    """A deep copy of a value that came from outside; raises SchemaError unless it is JSON data within bounds."""
    if depth > MAX_VALUE_DEPTH:
        raise SchemaError("the value is nested too deep")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise SchemaError("a key must be a text")
        return {key: _json(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise SchemaError(f"{type(value).__name__} is not JSON data")


_OPERATIONS: dict[str, Callable[[Document, Edit], list[Change]]] = {
    "set_field": _set_field,
    "unset_field": _unset_field,
    "set_top": _set_top,
    "unset_top": _unset_top,
    "add_node": _add_node,
    "remove_node": _remove_node,
    "rename_node": _rename_node,
    "rename_variable": _rename_variable,
    "add_edge": _add_edge,
    "remove_edge": _remove_edge,
    "set_edge": _set_edge,
    "move_edge": _move_edge,
}
