"""What differs between two workflow files, as people think of it: nodes, edges, and the fields of each.

Compared is what the files say, not how it is written: comments, quotes and the order of nodes make no difference.
Nodes are told apart by their names, and a node that only got another name counts as renamed; edges by their two ends.
The order of the edges that leave one node is part of what a file says, so it is compared as a field of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from engine.language.positions import Path
from engine.language.writer import same

Json = Any
Key = tuple[Any, ...]


class Missing:
    """Stands where nothing is written; there is one, MISSING."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing()
ORDER: Final = "(order)"  # the field that stands for an edge's place among the edges of its node


class Kind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field. `path` starts in the node, the edge or the file; `before` or `after` may be MISSING."""

    path: Path
    before: Json
    after: Json

    @property
    def kind(self) -> Kind:
        if self.before is MISSING:
            return Kind.ADDED
        return Kind.REMOVED if self.after is MISSING else Kind.CHANGED

    def to_dict(self) -> dict[str, Json]:
        """`{"path", "kind", "before"?, "after"?}`, JSON."""
        shown: dict[str, Json] = {"path": list(self.path), "kind": self.kind.value}
        shown |= {} if self.before is MISSING else {"before": self.before}
        return shown | ({} if self.after is MISSING else {"after": self.after})


@dataclass(frozen=True, slots=True)
class NodeChange:
    """A node of the new file, or of the old one where it was removed. `was`: its old name, where it has another."""

    kind: Kind
    name: str
    was: str | None = None
    fields: tuple[FieldChange, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        shown: dict[str, Json] = {"kind": self.kind.value, "name": self.name, "fields": _dicts(self.fields)}
        return shown | ({"was": self.was} if self.was is not None else {})


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """An edge; `before` and `after` are its places in the files' lists, None where it is in one of them only."""

    kind: Kind
    source: str
    target: str
    before: int | None
    after: int | None
    fields: tuple[FieldChange, ...] = ()

    def to_dict(self) -> dict[str, Json]:
        return {
            "kind": self.kind.value,
            "from": self.source,
            "to": self.target,
            "before": self.before,
            "after": self.after,
            "fields": _dicts(self.fields),
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """All that differs; empty for two files that say the same. `settings`: everything beside nodes and edges."""

    nodes: tuple[NodeChange, ...] = ()
    edges: tuple[EdgeChange, ...] = ()
    settings: tuple[FieldChange, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.nodes or self.edges or self.settings)

    def to_dict(self) -> dict[str, Json]:
        return {"nodes": _dicts(self.nodes), "edges": _dicts(self.edges), "settings": _dicts(self.settings)}


def compare(old: Json, new: Json) -> Difference:
    """What turns the data of one file (`Document.data`) into that of another. Never raises, whatever the files hold."""
    old, new = (data if isinstance(data, Mapping) else {} for data in (old, new))
    names = renamed_nodes(old, new)
    rest = [{key: value for key, value in data.items() if key not in ("nodes", "edges")} for data in (old, new)]
    return Difference(
        tuple(_nodes(old, new, names)),
        tuple(_edges(listed(old, "edges"), listed(new, "edges"), names)),
        tuple(field_changes(rest[0], rest[1])),
    )


def renamed_nodes(old: Mapping[str, Json], new: Mapping[str, Json]) -> dict[str, str]:
    """Old name -> new name of the nodes that are the same but for their names."""
    was, now = _named(old), _named(new)
    fresh = {name: node for name, node in now.items() if name not in was}
    found: dict[str, str] = {}
    for name, node in was.items():
        if name in now:
            continue
        same_but_named = (other for other, it in fresh.items() if same({**node, "name": other}, dict(it)))
        other = next(same_but_named, None)
        if other is not None:
            found[name] = other
            del fresh[other]
    return found


def field_changes(old: Json, new: Json, path: Path = ()) -> Iterator[FieldChange]:
    """The fields that differ, as deep as mappings and lists of the same length go."""
    if same(old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from field_changes(old.get(key, MISSING), new.get(key, MISSING), (*path, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from field_changes(before, after, (*path, index))
    else:
        yield FieldChange(path, old, new)


def listed(data: Json, key: str) -> list[Json]:
    """The list at a key of the file, empty where there is none."""
    found = data.get(key) if isinstance(data, Mapping) else None
    return found if isinstance(found, list) else []


def keyed_edges(edges: Sequence[Json], names: Mapping[str, str]) -> dict[Key, int]:
    """(source, target, number among those) -> place in the list; `names` gives nodes their new names."""
    found: dict[Key, int] = {}
    seen: dict[Key, int] = {}
    for index, edge in enumerate(edges):
        if not isinstance(edge, Mapping):
            continue
        ends = tuple(str(names.get(str(edge.get(end)), edge.get(end))) for end in ("from", "to"))
        seen[ends] = seen.get(ends, 0) + 1
        found[(*ends, seen[ends])] = index
    return found


def _named(data: Mapping[str, Json]) -> dict[str, Mapping[str, Json]]:
    """Nodes by name; of several with one name the first."""
    found: dict[str, Mapping[str, Json]] = {}
    for node in listed(data, "nodes"):
        if isinstance(node, Mapping) and isinstance(node.get("name"), str):
            found.setdefault(node["name"], node)
    return found


def _nodes(old: Mapping[str, Json], new: Mapping[str, Json], names: Mapping[str, str]) -> Iterator[NodeChange]:
    was, now = _named(old), _named(new)
    old_names = {after: before for before, after in names.items()}
    for name, node in now.items():
        before = old_names.get(name, name)
        if before not in was:
            yield NodeChange(Kind.ADDED, name)
        elif before != name:
            yield NodeChange(Kind.CHANGED, name, before)
        elif fields := tuple(field_changes(was[name], node)):
            yield NodeChange(Kind.CHANGED, name, None, fields)
    for name in was:
        if name not in now and name not in names:
            yield NodeChange(Kind.REMOVED, name)


def _edges(old: list[Json], new: list[Json], names: Mapping[str, str]) -> Iterator[EdgeChange]:
    was, now = keyed_edges(old, names), keyed_edges(new, {})
    ranks = _ranks(was, now), _ranks(now, was)
    for key, after in now.items():
        source, target, _ = key
        before = was.get(key)
        if before is None:
            yield EdgeChange(Kind.ADDED, source, target, None, after)
            continue
        fields = list(field_changes(_beside_ends(old[before]), _beside_ends(new[after])))
        fields += field_changes(ranks[0][key], ranks[1][key], (ORDER,))
        if fields:
            yield EdgeChange(Kind.CHANGED, source, target, before, after, tuple(fields))
    for key, before in was.items():
        if key not in now:
            yield EdgeChange(Kind.REMOVED, key[0], key[1], before, None)


def _ranks(edges: Mapping[Key, int], others: Mapping[Key, int]) -> dict[Key, int]:
    """The place of each edge that is in both, from 1, among those of the same source."""
    found: dict[Key, int] = {}
    count: dict[str, int] = {}
    for key in edges:
        if key in others:
            count[key[0]] = found[key] = count.get(key[0], 0) + 1
    return found


def _beside_ends(edge: Mapping[str, Json]) -> dict[str, Json]:
    """What an edge says beside its ends; an absent condition is the same as null."""
    return {
        key: value for key, value in edge.items() if key not in ("from", "to") and (key, value) != ("condition", None)
    }


def _dicts(changes: Sequence[FieldChange | NodeChange | EdgeChange]) -> list[dict[str, Json]]:
    return [change.to_dict() for change in changes]
