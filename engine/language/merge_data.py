"""Three-way merge of what workflow files say, field by field, for merge.py.

Lists whose items have names (nodes, edges by their ends, triggers, variables and so on) are merged item by item; any
other list, and any text, is one field. A field that both sides changed, each in another way, is a collision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.language.diff import MISSING, ORDER, keyed_edges
from engine.language.writer import same

Json = Any
Place = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collision:
    """A field that both sides changed. `place` names it: ("nodes", "answer", "config", "model").

    A value is MISSING where the side has no such field. ORDER as the last part of a place: the order of a list's items.
    """

    place: Place
    base: Json
    mine: Json
    theirs: Json

    def to_dict(self) -> dict[str, Json]:
        """`{"place", "base"?, "mine"?, "theirs"?}`, JSON."""
        values = {"base": self.base, "mine": self.mine, "theirs": self.theirs}
        return {"place": list(self.place)} | {key: value for key, value in values.items() if value is not MISSING}


class Keyed(dict[str, Json]):
    """A list of named items: by name, in the order of the list."""


class Merger:
    """Merges values and collects the collisions. `takes_theirs` says which side a collision is decided for."""

    def __init__(self, takes_theirs: Callable[[Place], bool]) -> None:
        self.takes_theirs = takes_theirs
        self.collisions: list[Collision] = []

    def files(self, base: dict[str, Json], mine: dict[str, Json], theirs: dict[str, Json]) -> dict[str, Json]:
        """What the merged file says; each as `keyed` gives it."""
        merged: dict[str, Json] = self._entries(base, mine, theirs, ())
        return merged

    def merge(self, base: Json, mine: Json, theirs: Json, place: Place) -> Json:
        if same(mine, base) or same(mine, theirs):
            return self._ordered(theirs, base, mine, theirs, place)
        if same(theirs, base):
            return self._ordered(mine, base, mine, theirs, place)
        if isinstance(mine, dict) and isinstance(theirs, dict) and isinstance(mine, Keyed) == isinstance(theirs, Keyed):
            return self._entries(base if type(base) is type(mine) else type(mine)(), mine, theirs, place)
        return self._decided(Collision(place, base, mine, theirs))

    def _decided(self, collision: Collision) -> Json:
        self.collisions.append(collision)
        return collision.theirs if self.takes_theirs(collision.place) else collision.mine

    def _entries(self, base: dict[str, Json], mine: dict[str, Json], theirs: dict[str, Json], place: Place) -> Json:
        values = {
            key: self.merge(base.get(key, MISSING), mine.get(key, MISSING), theirs.get(key, MISSING), (*place, key))
            for key in [*mine, *(key for key in theirs if key not in mine)]
        }
        values = {key: value for key, value in values.items() if value is not MISSING}
        return self._ordered(type(mine)(values), base, mine, theirs, place)

    def _ordered(self, values: Json, base: Json, mine: Json, theirs: Json, place: Place) -> Json:
        """The items of a list in the order of the side that changed it; what the other side added follows its
        predecessor there."""
        if not all(isinstance(one, Keyed) for one in (values, base, mine, theirs)):
            return values
        orders = [[key for key in one if key in base and key in mine and key in theirs] for one in (base, mine, theirs)]
        takes_theirs = orders[1] in (orders[0], orders[2])
        if not takes_theirs and orders[2] != orders[0] and place in _ORDERED:
            takes_theirs = self._decided(Collision((*place, ORDER), *orders)) is orders[2]
        first, second = (list(theirs), list(mine)) if takes_theirs else (list(mine), list(theirs))
        return Keyed({key: values[key] for key in _interleaved(first, second) if key in values})


def _interleaved(first: list[str], second: list[str]) -> list[str]:
    order = list(first)
    for index, key in enumerate(second):
        if key not in order:
            before = next((order.index(other) for other in reversed(second[:index]) if other in order), -1)
            order.insert(before + 1, key)
    return order


def agree(data: Json, other: Json) -> bool:
    """Whether two files say the same; the order of nodes says nothing, nor that of edges of different nodes."""
    one, two = keyed(data), keyed(other)
    return same(one, two) and all(_order(one.get(key)) == _order(two.get(key)) for (key,) in _ORDERED)


def _order(items: Json) -> list[str]:
    return sorted(items, key=lambda name: name.split(" → ")[0]) if isinstance(items, Keyed) else []


def keyed(data: Json) -> Json:
    """The file's data with lists of named items as Keyed, where every item has a name of its own."""
    if not isinstance(data, dict):
        return data
    return {key: _keyed_list(key, value) for key, value in data.items()}


def unkeyed(data: Json) -> Json:
    """The opposite of `keyed`."""
    if not isinstance(data, dict):
        return data
    return {key: list(value.values()) if isinstance(value, Keyed) else value for key, value in data.items()}


def _keyed_list(key: str, value: Json) -> Json:
    if key not in _NAMES or not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
        return value
    names = list(_NAMES[key](value))
    return Keyed(zip(names, value, strict=True)) if len(set(names)) == len(names) else value


def _edge_names(edges: list[Json]) -> Iterator[str]:
    for source, target, number in keyed_edges(edges, {}):
        yield f"{source} → {target}" + (f" #{number}" if number > 1 else "")


def _by(*keys: str) -> Callable[[list[Json]], Iterator[str]]:
    """Names of items: the value of the first of these keys that an item has."""

    def names(items: list[Json]) -> Iterator[str]:
        for item in items:
            yield next((str(item[key]) for key in keys if item.get(key) is not None), "")

    return names


_ORDERED: tuple[Place, ...] = (("edges",), ("error_handling",))
_NAMES: Mapping[str, Callable[[list[Json]], Iterator[str]]] = {
    "nodes": _by("name"),
    "edges": _edge_names,
    "triggers": _by("name", "type"),
    "variables": _by("name"),
    "credentials": _by("name"),
    "error_handling": _by("error_type"),
}
