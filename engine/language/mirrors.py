"""`config.next_node` and `config.conditions[]` of classic files: what they should say, given the edges.

Edges are authoritative. A mirror that a file already has is kept and follows the edges; new nodes have none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from engine.language.build import condition_text
from engine.language.model import Edge
from engine.language.positions import Path


class MirrorFault(NamedTuple):
    """`path` starts at the config; `wanted` is the text to put there, None where more than one text would change."""

    path: Path
    message: str
    wanted: str | None


def mirror_faults(config: Mapping[str, Any], edges: Sequence[Edge]) -> Iterator[MirrorFault]:
    """Where a config's mirrors disagree with the node's out-edges, given in the order of the file."""
    success = [edge for edge in edges if edge.on == "success"]
    following = config.get("next_node")
    if isinstance(following, str) and all(edge.target != following for edge in success):
        wanted = next_target(success)
        said = f"the edge leads to `{wanted}`" if wanted else "no edge leads there"
        yield MirrorFault(("next_node",), f"`next_node` says `{following}`, but {said}", wanted)
    branches = config.get("conditions")
    if not isinstance(branches, list):
        return
    for index, (branch, edge) in enumerate(zip(branches, success, strict=False)):
        if not isinstance(branch, dict):
            return
        at: Path = ("conditions", index)
        if branch.get("next_node") != edge.target:
            message = f"branch {index + 1} leads to `{branch.get('next_node')}`, but its edge to `{edge.target}`"
            yield MirrorFault((*at, "next_node"), message, edge.target)
        elif meaning(condition_text(branch.get("condition"))) != meaning(edge.condition):
            message = f"branch {index + 1} has another condition than its edge"
            yield MirrorFault((*at, "condition"), message, edge.condition or "true")
    if len(branches) != len(success):
        message = f"{len(branches)} branches are listed, but {len(success)} edges leave the node"
        yield MirrorFault(("conditions",), message, None)


def meaning(condition: str | None) -> str:
    """A condition for comparison: null and "true" are the same default."""
    return "true" if condition is None else condition.strip()


def next_target(edges: Sequence[Edge]) -> str | None:
    """What `next_node` should name: the target of the default edge, else of the first one."""
    default = next((edge for edge in edges if edge.is_default), None)
    chosen = default or next(iter(edges), None)
    return chosen.target if chosen else None


def wanted_next(current: str, edges: Sequence[Edge]) -> str | None:
    """The value `next_node` should have once the edges are these; None = remove it."""
    success = [edge for edge in edges if edge.on == "success"]
    return current if any(edge.target == current for edge in success) else next_target(success)


def wanted_branches(current: Sequence[Any], edges: Sequence[Edge]) -> list[Any]:
    """The list `conditions` should be once the edges are these; entries that still hold are kept as they are."""
    left = list(current)
    wanted: list[Any] = []
    for edge in (e for e in edges if e.on == "success"):
        same = next((b for b in left if _says(b, edge)), None)
        if same is None:
            wanted.append({"condition": edge.condition or "true", "next_node": edge.target})
        else:
            left.remove(same)
            wanted.append(same)
    return wanted


def _says(branch: Any, edge: Edge) -> bool:
    return (
        isinstance(branch, dict)
        and branch.get("next_node") == edge.target
        and meaning(condition_text(branch.get("condition"))) == meaning(edge.condition)
    )
