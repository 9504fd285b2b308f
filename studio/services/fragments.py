"""YAML that people paste onto a canvas: nodes and edges from another workflow, another tab, or a file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import InputError
from engine.language.document import Document

Json = Any

MAX_LENGTH = 1_000_000
MAX_NODES = 500
EDGE_KEYS = ("from", "to", "condition", "on", "label")


def read(text: str) -> dict[str, Json]:
    """`{"nodes": [...], "edges": [...], "layout": {name: [x, y]}}` of a text with `nodes:`, or a list of nodes, or one.

    Nothing of it is run or looked up. Raises InputError with a sentence for the person.
    """
    if len(text) > MAX_LENGTH:
        raise InputError("What you pasted is longer than a workflow may be.")
    document = Document.parse(text)
    if document.error is not None:
        raise InputError(f"What you pasted is not YAML with nodes: {document.error.public_message}")
    data = _as_mapping(document.data)
    nodes = [node for node in _listed(data.get("nodes")) if _is_node(node)]
    if not nodes:
        raise InputError("There are no nodes in what you pasted. Copy nodes here, or YAML with `nodes:` from anywhere.")
    if len(nodes) > MAX_NODES:
        raise InputError(f"What you pasted has {len(nodes):,} nodes; at most {MAX_NODES} can be pasted at once.")
    names = {node["name"] for node in nodes}
    edges = [edge for edge in _listed(data.get("edges")) if _joins(edge, names)]
    return {
        "nodes": nodes,
        "edges": [{key: edge[key] for key in EDGE_KEYS if edge.get(key) is not None} for edge in edges],
        "layout": _layout(data.get("ui"), names),
    }


def _as_mapping(data: Json) -> Mapping[str, Json]:
    if isinstance(data, list):
        return {"nodes": data}
    if not isinstance(data, dict):
        return {}
    return {"nodes": [data]} if _is_node(data) and "nodes" not in data else data


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _is_node(value: Json) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(key), str) and value[key] for key in ("name", "type"))


def _joins(edge: Json, names: set[str]) -> bool:
    return isinstance(edge, dict) and all(
        isinstance(edge.get(end), str) and edge[end] in names for end in ("from", "to")
    )


def _layout(ui: Json, names: set[str]) -> dict[str, list[float]]:
    places = ui.get("nodes") if isinstance(ui, dict) else None
    found: dict[str, list[float]] = {}
    for name, at in places.items() if isinstance(places, dict) else ():
        if name in names and isinstance(at, list) and len(at) == 2 and all(type(v) in (int, float) for v in at):
            found[name] = at
    return found
