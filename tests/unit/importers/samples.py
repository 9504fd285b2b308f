"""Small foreign files of our own, one for each studio, and what every import has to hold."""

from __future__ import annotations

import json
from typing import Any

from connectors.manifest import manifests
from engine.importers import Imported, convert
from engine.importers.report import Outcome
from engine.language.document import Document
from engine.language.validate import validate

Json = Any
TOOLS = {name: spec for manifest in manifests().values() for name, spec in manifest.specs().items()}


def imported(data: Json, title: str = "sample") -> Imported:
    """The import of JSON data or of a text, held to what every import promises."""
    raw = data if isinstance(data, str | bytes) else json.dumps(data)
    found = convert(raw, title=title, tools=TOOLS)
    promised(found)
    return found


def promised(found: Imported) -> None:
    """Each node has one outcome and a place; the draft has no error."""
    report = found.report
    assert sum(report.count(outcome) for outcome in Outcome) == len(report.entries)
    if found.text is None:
        assert found.error
        return
    document = Document.parse(found.text)
    assert [one.message for one in validate(document, tools=TOOLS) if one.is_error] == []
    assert document.workflow is not None
    names = {node.name for node in document.workflow.nodes}
    for entry in report.entries:
        assert entry.node in names, entry
        assert entry.outcome is not Outcome.UNSUPPORTED or entry.reasons, entry
    for name, place in found.layout.get("nodes", {}).items():
        assert name in names
        assert all(isinstance(number, int) and number % 20 == 0 for number in place)


def outcomes(found: Imported) -> dict[str, str]:
    return {entry.source.name: entry.outcome.value for entry in found.report.entries}


def workflow(found: Imported) -> Json:
    """The draft's data."""
    assert found.text is not None
    return Document.parse(found.text).data


def node(found: Imported, name: str) -> dict[str, Json]:
    return next(one for one in workflow(found)["nodes"] if one["name"] == name)


def edges(found: Imported) -> list[tuple[str, str, str | None]]:
    return [(edge["from"], edge["to"], edge.get("condition")) for edge in workflow(found)["edges"]]


def n8n(*nodes: dict[str, Json], links: dict[str, Json] | None = None, **more: Json) -> dict[str, Json]:
    """An n8n file. `links` maps a node's name to the lists of targets of its outputs, or to {plug: target}."""
    connections: dict[str, Json] = {}
    for source, outputs in (links or {}).items():
        if isinstance(outputs, dict):
            connections[source] = {
                plug: [[{"node": target, "type": plug, "index": 0}]] for plug, target in outputs.items()
            }
        else:
            connections[source] = {
                "main": [[{"node": t, "type": "main", "index": 0} for t in targets] for targets in outputs]
            }
    return {"name": "Sample", "nodes": list(nodes), "connections": connections, **more}


def n8n_node(name: str, kind: str, parameters: Json = None, **more: Json) -> dict[str, Json]:
    full = kind if "." in kind else f"n8n-nodes-base.{kind}"
    return {"name": name, "type": full, "typeVersion": 1, "position": [0, 0], "parameters": parameters or {}, **more}
