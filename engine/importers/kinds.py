"""Whose file is it? Read off its shape; and the wrappings that exports come in are taken away."""

from __future__ import annotations

from typing import Any

from engine.errors import NotImportable
from engine.importers import values as v
from engine.importers.schemas import parsed

Json = Any
HEDDLE = "heddle"


def recognised(data: Json) -> tuple[str, dict[str, Json]]:
    """(kind, the workflow itself). Raises NotImportable for a file of no kind that we know."""
    for candidate in _unwrapped(data):
        kind = _kind(candidate)
        if kind is not None:
            return kind, candidate
    raise NotImportable("This is no workflow of Heddle, n8n, Dify, Langflow or Flowise.")


def nodes_of(kind: str, data: dict[str, Json]) -> list[Json]:
    """The nodes of a file as they stand there."""
    paths = {"langflow": ("data", "nodes"), "dify": ("workflow", "graph", "nodes")}
    return v.items(data, *paths.get(kind, ("nodes",)))


def _unwrapped(data: Json) -> list[dict[str, Json]]:
    """The data, and what may be wrapped in it: a list of one, an API's answer, a text inside the JSON."""
    found: list[dict[str, Json]] = []
    todo = [data]
    while todo and len(found) < 20:
        here = todo.pop(0)
        if isinstance(here, list):
            todo += here[:5]
            continue
        if not isinstance(here, dict):
            continue
        found.append(here)
        for key in (
            "workflow",
            "data",
            "workflows",
            "flows",
            "workflowData",
            "template",
            "AgentFlowV2",
            "AgentFlow",
            "ChatFlow",
        ):
            if isinstance(here.get(key), dict | list):
                todo.append(_named(here[key], here))
        for key in ("flowData", "workflow_json"):
            if isinstance(here.get(key), str) and len(here[key]) < 4_000_000:
                todo.append(_named(parsed(here[key]), here))
    return found


def others_in(data: Json) -> int:
    """How many more workflows the file's list holds, which are not read."""
    for key in ("data", "workflows", "flows"):
        data = data[key] if isinstance(data, dict) and isinstance(data.get(key), list) else data
    return sum(isinstance(one, dict) for one in data[1:]) if isinstance(data, list) else 0


def _named(inner: Json, outer: dict[str, Json]) -> Json:
    """What is wrapped, with the wrapping's name where it has none."""
    return {"name": outer.get("name"), **inner} if isinstance(inner, dict) and outer.get("name") else inner


def _kind(data: dict[str, Json]) -> str | None:  # noqa: PLR0911  (one return per kind)
    nodes, edges = data.get("nodes"), data.get("edges")
    if isinstance(data.get("app"), dict) and (
        data.get("kind") == "app" or "workflow" in data or "model_config" in data
    ):
        return "dify"
    if isinstance(data.get("rag_pipeline"), dict) and isinstance(data.get("workflow"), dict):
        return "dify"
    if isinstance(v.at(data, "data", "nodes"), list) and isinstance(v.at(data, "data", "edges"), list):
        return "langflow"
    if not isinstance(nodes, list):
        return None
    if isinstance(edges, list):
        return _with_edges(data, nodes)
    first = next((node for node in nodes if isinstance(node, dict)), {})
    if isinstance(data.get("connections"), dict) or "parameters" in first or "typeVersion" in first:
        return "n8n"
    return None


def _with_edges(data: dict[str, Json], nodes: list[Json]) -> str | None:
    if any(isinstance(v.at(node, "data"), dict) and isinstance(v.at(node, "data", "node"), dict) for node in nodes):
        return "langflow"
    if any(isinstance(v.at(node, "data"), dict) for node in nodes):
        return "flowise"
    if isinstance(data.get("name"), str) and (
        isinstance(data.get("version"), str) or not nodes or "config" in str(nodes[:3])[:2000]
    ):
        return HEDDLE
    return (
        "flowise" if not nodes else HEDDLE if any("type" in node for node in nodes if isinstance(node, dict)) else None
    )
