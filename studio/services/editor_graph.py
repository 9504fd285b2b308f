"""A draft's text as the canvas draws it: nodes, edges, diagnostics. Derived on every change, never stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

import engine.nodes
from engine.execution.ports import ToolSpec
from engine.language import node_types
from engine.language.diagnostics import Diagnostic
from engine.language.document import Document
from engine.language.infer import Inference
from engine.language.model import Edge, Node, Trigger, Workflow
from engine.language.positions import Path
from engine.language.schedules import ScheduleError, next_fires, zone
from engine.language.validate import validate
from studio.services import words
from studio.services.editor_commit import Utf16
from studio.services.publishing import PUBLISHED_KINDS

Json = Any
NEXT_FIRES = 3
MAX_SHOWN = 300  # characters of a text on a card


def derive(document: Document, tools: Mapping[str, ToolSpec], workflows: Collection[str]) -> dict[str, Json]:
    """`{"graph": {...} | None, "diagnostics": [...]}`; the graph is None while the text is not a workflow at all."""
    return {"graph": drawn(document), "diagnostics": findings(document, tools, workflows)}


def findings(document: Document, tools: Mapping[str, ToolSpec], workflows: Collection[str]) -> list[dict[str, Json]]:
    """The diagnostics, with offsets and fixes in UTF-16 units."""
    engine.nodes.load()
    found = validate(document, tools=tools, workflows=workflows) if document.error is None else document.diagnostics
    units = Utf16(document.text)
    return [_diagnostic(one, units) for one in found]


def drawn(document: Document) -> dict[str, Json] | None:
    """What is drawn, None while the text is not a workflow: `{nodes, edges, top, node_lines, edge_places}`.

    `node_lines` has [first line, last line] of each node, `edge_places` [index in the file, first, last] of each edge;
    they stand apart because a line more at the top of the file changes all of them and nothing else.
    """
    engine.nodes.load()
    if document.workflow is None:
        return None
    if document not in _drawn:
        _drawn[document] = _graph(document, document.workflow)
    return _drawn[document]


_drawn: WeakKeyDictionary[Document, dict[str, Json]] = WeakKeyDictionary()


def difference(old: Mapping[str, Json] | None, new: Mapping[str, Json] | None) -> Json:
    """What turns the graph `old` into `new`: the parts that differ, and `since` to say that it is no whole graph.

    A number among the nodes or edges stands for that one of the old.
    """
    if old is None or new is None:
        return new
    found = {key: part for key, part in new.items() if part != old[key]}
    for key, name in (("nodes", "name"), ("edges", "from")):
        if key in found:
            found[key] = _referred(old[key], new[key], name)
    return found | {"since": True}


def _referred(old: Sequence[dict[str, Json]], new: Sequence[dict[str, Json]], name: str) -> list[int | dict[str, Json]]:
    """`new` with every item that is equal to one of the old replaced by its number there, taken in order."""
    numbers: dict[str, deque[int]] = {}
    for number, one in enumerate(old):
        numbers.setdefault(one[name], deque()).append(number)
    found: list[int | dict[str, Json]] = []
    for one in new:
        candidates = numbers.get(one[name], deque())
        same = next((number for number in candidates if old[number] == one), None)
        if same is not None:
            candidates.remove(same)
        found.append(one if same is None else same)
    return found


def _graph(document: Document, workflow: Workflow) -> dict[str, Json]:
    placed = document.placed_nodes()
    return {
        "nodes": [_node(document.data["nodes"][index], node) for index, node in placed],
        "edges": [_edge(edge) for edge in workflow.edges],
        "top": _top(document, workflow),
        "node_lines": [_lines(document, ("nodes", index)) for index, _ in placed],
        "edge_places": [[edge.index, *(_lines(document, ("edges", edge.index)) or ())] for edge in workflow.edges],
    }


def _node(raw: Mapping[str, Json], node: Node) -> dict[str, Json]:
    kind = node_types.get(node.type)
    shown: dict[str, Json] = {
        "name": node.name,
        "type": node.type,
        "subtitle": clipped(kind.subtitle(node.config)) if kind else f"unknown type {node.type}",
        "raw": raw,
    }
    if isinstance(node.config.get("description"), str):
        shown["description"] = clipped(node.config["description"])
    if kind and (ways := kind.ways(node.config)):
        shown["ways"] = [{"label": clipped(way.label), "condition": way.condition, "on": way.on} for way in ways]
    return shown | ({"disabled": True} if node.disabled else {})


def clipped(text: str) -> str:
    """What a card can show of a text that may be as long as a prompt."""
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def inferred(inference: Inference, node: Node) -> dict[str, Json] | None:
    """The output schema that the conditions downstream ask for: `{"branches", "fields": [{name, values | type}]}`."""
    kind = node_types.get(node.type)
    if kind is None or not kind.infers or node.config.get("output_schema"):
        return None
    schema = inference.schema(node.name)
    if not schema or not schema.get("properties"):
        return None
    fields = [
        {"name": name, "values": shape["enum"]} if "enum" in shape else {"name": name, "type": shape.get("type", "any")}
        for name, shape in schema["properties"].items()
    ]
    asked = list(schema["properties"])
    conditions = {edge.condition for edge in inference.workflow.edges if edge.condition}
    branches = sum(any(f"context.{name}" in condition for name in asked) for condition in conditions)
    return {"branches": max(1, branches), "fields": fields}


def _edge(edge: Edge) -> dict[str, Json]:
    shown = {"from": edge.source, "to": edge.target, "condition": edge.condition, "on": edge.on, "label": edge.label}
    return {key: value for key, value in shown.items() if value is not None}


def _top(document: Document, workflow: Workflow) -> dict[str, Json]:
    """What the panel of the workflow, the preview and the publish dialog say about the workflow as a whole."""
    enabled = [trigger for trigger in workflow.triggers if trigger.enabled]
    greeting = next((t.config.get("greeting") for t in enabled if t.type == "chat"), None)
    limits = document.data.get("config")
    return {
        "head": {key: document.data.get(key) for key in ("description", "version", "category", "priority")},
        "limits": limits if isinstance(limits, dict) else {},
        "inputs": dict(workflow.inputs) if workflow.inputs else None,
        "greeting": greeting if isinstance(greeting, str) else None,
        "triggers": [
            _trigger(document, index, raw, trigger)
            for (index, raw), trigger in zip(_objects(document, "triggers"), workflow.triggers, strict=True)
        ],
        "variables": [{"index": index, "raw": raw} for index, raw in _objects(document, "variables")],
        "addresses": [_address(t, workflow.name) for t in enabled if t.type in PUBLISHED_KINDS],
    }


def _objects(document: Document, key: str) -> list[tuple[int, dict[str, Json]]]:
    """The objects of a list at the top of the file, each with its place there."""
    listed = document.data.get(key)
    return [(i, one) for i, one in enumerate(listed if isinstance(listed, list) else ()) if isinstance(one, dict)]


def _trigger(document: Document, index: int, raw: Mapping[str, Json], trigger: Trigger) -> dict[str, Json]:
    config = trigger.config
    detail = config.get("path") or config.get("cron") or config.get("topic") or ""
    detail = detail if trigger.enabled else "off"
    shown: dict[str, Json] = {
        "type": trigger.type,
        "name": trigger.name,
        "detail": str(detail),
        "index": index,
        "raw": raw,
        "lines": _lines(document, ("triggers", index)),
    }
    if trigger.type == "schedule" and trigger.enabled:
        shown |= {"next": _upcoming(trigger), "clock": str(config.get("timezone", "UTC"))}
    return shown


def _upcoming(trigger: Trigger) -> list[str]:
    """When a schedule would fire next, by its own clock; empty while it has a fault."""
    cron, timezone = trigger.config.get("cron"), trigger.config.get("timezone", "UTC")
    try:
        moments = next_fires(str(cron), str(timezone), datetime.now(UTC), NEXT_FIRES)
        return [words.at(moment.astimezone(zone(str(timezone)))) for moment in moments]
    except ScheduleError:
        return []


def _address(trigger: Trigger, name: str) -> dict[str, str]:
    return {"kind": trigger.type, "path": str(trigger.config.get("path") or name).strip("/")}


def _lines(document: Document, path: Path) -> list[int] | None:
    """First and last line of what stands at `path`, counted from 1."""
    place = document.find(path)
    if place is None:
        return None
    last = max(place.start, place.end - 1)
    return [document.lines.position(place.start)[0], document.lines.position(last)[0]]


def _diagnostic(found: Diagnostic, units: Utf16) -> dict[str, Json]:
    shown = found.to_dict()
    shown |= {"start": units(found.start), "end": units(found.end)}
    if found.fix is not None:
        patches = [{"from": units(p.start), "to": units(p.end), "insert": p.text} for p in found.fix.patches]
        shown["fix"] = {"title": found.fix.title, "patches": patches}
    return shown
