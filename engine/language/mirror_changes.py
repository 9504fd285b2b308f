"""Keeping the mirrors of classic files in step with an edit of the edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.language.build import build_edge
from engine.language.changes import Change, Set, Unset
from engine.language.document import Document
from engine.language.mirrors import mirror_faults, wanted_branches, wanted_next
from engine.language.model import Edge
from engine.language.positions import Path


def mirror_changes(document: Document, old_edges: Sequence[Any], new_edges: Sequence[Any]) -> list[Change]:
    """What `next_node` and `conditions` need to say with the new edges, at nodes where they agreed before."""
    before, after = _by_source(old_edges), _by_source(new_edges)
    changes: list[Change] = []
    nodes = document.data.get("nodes")
    for index, node in enumerate(nodes if isinstance(nodes, list) else ()):
        config = node.get("config") if isinstance(node, dict) else None
        name = node.get("name") if isinstance(node, dict) else None
        if not isinstance(config, dict) or not isinstance(name, str):
            continue
        if before.get(name) == after.get(name):
            continue
        old, new = _built(before.get(name)), _built(after.get(name))
        if any(mirror_faults(config, old)):
            continue
        at: Path = ("nodes", index, "config")
        following = config.get("next_node")
        if isinstance(following, str) and (wanted := wanted_next(following, new)) != following:
            changes.append(Set((*at, "next_node"), wanted) if wanted else Unset(at, ("next_node",)))
        branches = config.get("conditions")
        if isinstance(branches, list) and (listed := wanted_branches(branches, new)) != branches:
            changes.append(Set((*at, "conditions"), listed))
    return changes


def _by_source(edges: Sequence[Any]) -> dict[Any, list[dict[str, Any]]]:
    found: dict[Any, list[dict[str, Any]]] = {}
    for edge in edges:
        if isinstance(edge, dict) and isinstance(edge.get("from"), str):
            found.setdefault(edge["from"], []).append(edge)
    return found


def _built(edges: Sequence[dict[str, Any]] | None) -> list[Edge]:
    return [build_edge(0, edge) for edge in edges or ()]
