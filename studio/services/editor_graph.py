"""A draft's text as the canvas draws it: nodes, edges, diagnostics. Derived on every change, never stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import engine.nodes
from engine.execution.ports import ToolSpec
from engine.language import infer, node_types
from engine.language.diagnostics import Diagnostic
from engine.language.document import Document
from engine.language.model import Edge, Node, Trigger, Workflow
from engine.language.positions import Path
from engine.language.schedules import ScheduleError, next_fires, zone
from engine.language.validate import validate
from studio.services import words
from studio.services.publishing import PUBLISHED_KINDS

Json = Any
NEXT_FIRES = 3


class Utf16:
    """Offsets of a text as browsers count them: in UTF-16 units, where Python counts characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._same = text.isascii() or max(text) < "\U00010000"

    def __call__(self, offset: int) -> int:
        return offset if self._same else len(self._text[:offset].encode("utf-16-le", "surrogatepass")) // 2


def derive(text: str, tools: Mapping[str, ToolSpec], workflows: Collection[str]) -> dict[str, Json]:
    """`{"graph": {...} | None, "diagnostics": [...]}`; the graph is None while the text is not a workflow at all."""
    engine.nodes.load()
    document = Document.parse(text)
    found = validate(document, tools=tools, workflows=workflows) if document.error is None else document.diagnostics
    units = Utf16(text)
    return {
        "graph": graph(document) if document.workflow is not None else None,
        "diagnostics": [_diagnostic(one, units) for one in found],
    }


def graph(document: Document) -> dict[str, Json]:
    """What is drawn. Edges carry their `index` in the file: it is how an edit names them."""
    workflow = document.workflow
    if workflow is None:
        raise ValueError("the document holds no workflow")
    return {
        "nodes": [_node(document, workflow, index, node) for index, node in document.placed_nodes()],
        "edges": [_edge(document, edge) for edge in workflow.edges],
        "top": _top(document, workflow),
    }


def _node(document: Document, workflow: Workflow, index: int, node: Node) -> dict[str, Json]:
    raw = document.data["nodes"][index]
    kind = node_types.get(node.type)
    shown: dict[str, Json] = {
        "name": node.name,
        "type": node.type,
        "subtitle": kind.subtitle(node.config) if kind else f"unknown type {node.type}",
        "description": node.config.get("description"),
        "disabled": node.disabled,
        "lines": _lines(document, ("nodes", index)),
        "config": dict(node.config),
        "raw": raw,
    }
    inferred = _inferred(workflow, node)
    return shown | ({"inferred": inferred} if inferred else {})


def _inferred(workflow: Workflow, node: Node) -> dict[str, Json] | None:
    """The output schema that the conditions downstream ask for: `{"branches", "fields": [{name, values | type}]}`."""
    if node.config.get("output_schema"):
        return None
    schema = infer.infer_output_schema(workflow, node.name)
    if not schema or not schema.get("properties"):
        return None
    fields = [
        {"name": name, "values": shape["enum"]} if "enum" in shape else {"name": name, "type": shape.get("type", "any")}
        for name, shape in schema["properties"].items()
    ]
    asked = list(schema["properties"])
    conditions = {edge.condition for edge in workflow.edges if edge.condition}
    branches = sum(any(f"context.{name}" in condition for name in asked) for condition in conditions)
    return {"branches": max(1, branches), "fields": fields}


def _edge(document: Document, edge: Edge) -> dict[str, Json]:
    return {
        "index": edge.index,
        "from": edge.source,
        "to": edge.target,
        "condition": edge.condition,
        "on": edge.on,
        "label": edge.label,
        "lines": _lines(document, ("edges", edge.index)),
    }


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
        "triggers": [_trigger(document, index, trigger) for index, trigger in enumerate(workflow.triggers)],
        "addresses": [_address(t, workflow.name) for t in enabled if t.type in PUBLISHED_KINDS],
    }


def _trigger(document: Document, index: int, trigger: Trigger) -> dict[str, Json]:
    config = trigger.config
    detail = config.get("path") or config.get("cron") or config.get("topic") or ""
    detail = detail if trigger.enabled else "off"
    shown: dict[str, Json] = {
        "type": trigger.type,
        "name": trigger.name,
        "detail": str(detail),
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
