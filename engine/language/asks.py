"""What the conditions of a workflow ask of the paths they read, to be found by place, by context key and by node."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.errors import SchemaError
from engine.language.dataflow import members
from engine.language.expressions import Comparison, compile_expression
from engine.language.model import Edge

MAX_ASKS = 1_000  # of one node; more are not looked at


class Ask(NamedTuple):
    """What one condition asks of one path. `beside_default`: another edge of the same node is the default."""

    comparison: Comparison
    beside_default: bool


class Asks:
    """All of them in the order of the file. Sets of asks are bits of an int (dataflow.py), one for each number.

    `at` has those at a node's edges that read the context, `by_key` those that read one key of it, `by_node` those that
    read the output of a node by its name.
    """

    def __init__(self, edges: Iterable[Edge]) -> None:
        self._all: list[Ask] = []
        self.at: defaultdict[str, int] = defaultdict(int)
        self.by_key: defaultdict[str | int, int] = defaultdict(int)
        self.by_node: defaultdict[str | int, int] = defaultdict(int)
        edges = list(edges)
        with_default = {edge.source for edge in edges if edge.is_default and edge.on == "success"}
        for edge in edges:
            for comparison in _comparisons(edge):
                self._add(edge.source, Ask(comparison, edge.source in with_default))

    def _add(self, source: str, ask: Ask) -> None:
        root, *below = ask.comparison.path
        bit = 1 << len(self._all)
        self._all.append(ask)
        if root == "context" and below:
            self.at[source] |= bit
            self.by_key[below[0]] |= bit
        elif root == "nodes" and below:
            self.by_node[below[0]] |= bit

    def about(self, keys: Iterable[str]) -> int:
        """The asks that read one of these context keys."""
        found = 0
        for key in keys:
            found |= self.by_key.get(key, 0)
        return found

    def chosen(self, bits: int) -> list[Ask]:
        return [self._all[number] for number in members(bits, MAX_ASKS)]


def _comparisons(edge: Edge) -> Iterator[Comparison]:
    """The comparisons of an edge's condition, and the paths that it only reads; none where it does not parse."""
    if edge.is_default or edge.condition is None:
        return
    try:
        expression = compile_expression(edge.condition)
    except SchemaError:
        return
    compared = {one.path for one in expression.comparisons}
    yield from expression.comparisons
    yield from (Comparison(path, "value") for path in expression.paths if path not in compared)
