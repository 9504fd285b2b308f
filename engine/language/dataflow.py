"""Data-flow analysis over a workflow's graph: what reaches each node, from before it or from behind it.

Sets are bits of an int, so that thousands of nodes with thousands of facts cost milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property

Links = Mapping[str, list[str]]


class Bits(dict[Hashable, int]):
    """A bit for each thing, given when it is first asked for."""

    def __missing__(self, thing: Hashable) -> int:
        self[thing] = bit = 1 << len(self)
        return bit

    def of(self, things: Iterable[Hashable]) -> int:
        """The set of these things."""
        found = 0
        for thing in things:
            found |= self[thing]
        return found

    def members(self, bits: int) -> list[Hashable]:
        """The things in a set, in the order in which they were first asked for."""
        things = list(self)
        return [things[number] for number in members(bits, len(things))]


def members(bits: int, most: int) -> list[int]:
    """Numbers of the bits that are set, the lowest first, `most` at most."""
    digits, found, at = f"{bits:b}"[::-1], list[int](), -1
    while len(found) < most and (at := digits.find("1", at + 1)) >= 0:
        found.append(at)
    return found


class Dataflow:
    """A graph of names, and the smallest solution of an analysis over it. Links to unknown names are not followed."""

    def __init__(self, names: Iterable[str], links: Iterable[tuple[str, str]]) -> None:
        self._after: dict[str, list[str]] = {name: [] for name in names}
        self._before: dict[str, list[str]] = {name: [] for name in self._after}
        for source, target in links:
            if source in self._after and target in self._after:
                self._after[source].append(target)
                self._before[target].append(source)

    def from_before(self, step: Callable[[str, int], int]) -> dict[str, int]:
        """What reaches each node along the edges. `step(name, reaching)` is what the node passes on: it may only grow
        when `reaching` grows."""
        return _solved(self._order, self._after, step)

    def from_behind(self, step: Callable[[str, int], int]) -> dict[str, int]:
        """The same against the edges."""
        return _solved(self._order[::-1], self._before, step)

    @cached_property
    def _order(self) -> list[str]:
        """Each node behind those that lead to it, as far as cycles allow: then few rounds are enough."""
        seen: set[str] = set()
        left: list[str] = []
        for root in self._after:
            todo = [(root, iter(self._after[root]))] if root not in seen else []
            seen.add(root)
            while todo:
                new = next((one for one in todo[-1][1] if one not in seen), None)
                if new is None:
                    left.append(todo.pop()[0])
                else:
                    seen.add(new)
                    todo.append((new, iter(self._after[new])))
        return left[::-1]


def _solved(order: Iterable[str], links: Links, step: Callable[[str, int], int]) -> dict[str, int]:
    reaching = dict.fromkeys(order, 0)
    moving = True
    while moving:
        moving = False
        for name in order:
            passed = step(name, reaching[name])
            for other in links[name]:
                if passed & ~reaching[other]:
                    reaching[other] |= passed
                    moving = True
    return reaching
