"""What people paste onto a canvas: nodes, edges, notes of another workflow, another tab, a file, or another studio."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import engine.nodes
from engine.errors import InputError, NotImportable
from engine.importers import Imported, convert
from engine.importers.kinds import HEDDLE, recognised
from engine.importers.reading import read as read_file
from engine.importers.report import Outcome
from engine.language import node_types, shape
from engine.language.document import Document
from engine.language.edits import MAX_EDITS
from engine.language.items import with_value, written_item
from engine.language.positions import Path
from engine.language.renames import renamed_data
from studio.services.editor_commit import MAX_GROUPS, MAX_NOTES, read_group, read_note
from studio.services.importing import KINDS
from studio.services.workflow_files import MAX_TEXT

Json = Any

EDGE_KEYS = ("from", "to", "condition", "on", "label")


def read(text: str, taken: Iterable[str] = (), *, begins: bool = False) -> dict[str, Json]:
    """`{"nodes", "written", "edges", "layout", "notes", "groups"}` of a text with `nodes:`, a list of nodes, or one.

    `written` has each node's YAML with the comments in and directly above it, or None; `layout` maps names to [x, y];
    it, notes and groups are those of the text's `ui:`. There may be notes alone. The nodes come under names that are
    not `taken`, and what refers to one of them in the fragment follows. Where the workflow `begins` already, a start is
    left out, and what refers to it means the workflow's own. A workflow of another studio comes as its import would
    bring it, with `"said"`: a sentence about what became of it.
    Nothing of it is run or looked up. Raises InputError with a sentence for the person.
    """
    if len(text) > MAX_TEXT:
        raise InputError(f"What you pasted is longer than a workflow may be: {MAX_TEXT:,} characters.")
    foreign = _foreign(text)
    document = Document.parse(text if foreign is None else foreign.text or "")
    if document.error is not None:
        raise InputError(f"What you pasted is not YAML with nodes: {document.error.public_message}")
    data = _as_mapping(document.data)
    at: Path = () if isinstance(document.data, list) else ("nodes",)
    placed = [((*at, i), node) for i, node in enumerate(_listed(data.get("nodes"))) if _is_node(node)]
    ui = _as_object(data.get("ui") if foreign is None else foreign.layout)
    notes = _readable(ui.get("notes"), read_note)[:MAX_NOTES]
    if not placed and not notes:
        raise InputError(
            "There are no nodes in what you pasted. Copy nodes or notes here, or YAML with `nodes:` from anywhere."
        )
    if begins:
        placed = [(path, node) for path, node in placed if not _is_entry(node)]
        if not placed and not notes:
            raise InputError("A workflow has one start, and there is nothing else to paste.")
    nodes = [node for _, node in placed]
    names = {node["name"] for node in nodes}
    edges = [edge for edge in _listed(data.get("edges")) if _joins(edge, names)]
    if len(nodes) + len(edges) > MAX_EDITS:
        raise InputError(
            f"What you pasted has {len(nodes):,} nodes and {len(edges):,} edges; at most {MAX_EDITS:,} of both "
            "together can be pasted at once. A whole file can be imported as a workflow of its own."
        )
    found = {
        "nodes": nodes,
        "written": [written_item(document, path) for path, _ in placed],
        "edges": [{key: edge[key] for key in EDGE_KEYS if edge.get(key) is not None} for edge in edges],
        "layout": _layout(ui, names),
        "notes": notes,
        "groups": _groups(ui, names),
    }
    return _under_free_names(found, set(taken)) | ({} if foreign is None else {"said": _said(foreign)})


def _foreign(text: str) -> Imported | None:
    """What a workflow of another studio would become; None for everything else."""
    try:
        kind, _ = recognised(read_file(text))
    except NotImportable:
        return None
    if kind == HEDDLE:
        return None
    try:
        found = convert(text)
    except NotImportable as error:
        raise InputError(error.public_message) from error
    if found.text is None:
        raise InputError(found.error or "Nothing of this workflow can be pasted here.")
    return found


def _said(foreign: Imported) -> str:
    counts = (f"{foreign.report.count(outcome)} {outcome}" for outcome in Outcome if foreign.report.count(outcome))
    return f"From {KINDS[foreign.kind]}: {', '.join(counts)}. Import the file in the list of workflows to see why."


def _under_free_names(found: dict[str, Json], taken: set[str]) -> dict[str, Json]:
    """Each node under a name of its own; of two that are called the same, references mean the first."""
    new = []
    for node in found["nodes"]:
        new.append(_free(node["name"], taken))
        taken.add(new[-1])
    names: dict[str, str] = {}
    for node, name in zip(found["nodes"], new, strict=True):
        names.setdefault(node["name"], name)
    moved = {old: name for old, name in names.items() if old != name}
    renamed = renamed_data({"nodes": found["nodes"], "edges": found["edges"]}, moved)
    for node, name in zip(renamed["nodes"], new, strict=True):
        node["name"] = name
    groups = [one | {"nodes": [names[old] for old in one["nodes"]]} for one in found["groups"]]
    places = {names[old]: at for old, at in found["layout"].items()}
    pairs = zip(found["written"], renamed["nodes"], strict=True)
    written = [None if text is None else with_value(text, node) for text, node in pairs]
    return renamed | {"written": written, "layout": places, "notes": found["notes"], "groups": groups}


def _free(name: str, taken: set[str]) -> str:
    """The name itself, or what a workflow may call a node that nobody is called yet: `answer`, then `answer_2`."""
    if name not in taken and re.fullmatch(shape.NODE_NAME, name):
        return name
    base = re.sub(r"_\d+$", "", name) if name in taken else name
    stem = re.sub(r"^(\d)", r"_\1", re.sub(r"\W+", "_", base, flags=re.ASCII))[:56] or "node"
    if stem not in taken:
        return stem
    number = 2
    while f"{stem}_{number}" in taken:
        number += 1
    return f"{stem}_{number}"


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


def _is_entry(node: Mapping[str, Json]) -> bool:
    engine.nodes.load()
    known = node_types.get(node["type"])
    return known is not None and known.entry


def _joins(edge: Json, names: set[str]) -> bool:
    return isinstance(edge, dict) and all(
        isinstance(edge.get(end), str) and edge[end] in names for end in ("from", "to")
    )


def _as_object(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _readable(values: Json, read_one: Callable[[Mapping[str, Json]], dict[str, Json]]) -> list[dict[str, Json]]:
    """Those of a list that can be read."""
    found = []
    for value in _listed(values):
        try:
            found.append(read_one(_as_object(value)))
        except InputError:
            continue
    return found


def _groups(ui: Mapping[str, Json], names: set[str]) -> list[dict[str, Json]]:
    """The groups that have one of the nodes, with those that they have of them."""
    found = [
        one | {"nodes": [n for n in one["nodes"] if n in names]} for one in _readable(ui.get("groups"), read_group)
    ]
    return [one for one in found if one["nodes"]][:MAX_GROUPS]


def _layout(ui: Mapping[str, Json], names: set[str]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name, at in _as_object(ui.get("nodes")).items():
        if name in names and isinstance(at, list) and len(at) == 2 and all(type(v) in (int, float) for v in at):
            found[name] = at
    return found
