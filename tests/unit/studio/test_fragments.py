"""Pasted YAML: what is taken, and that nothing else is."""

from __future__ import annotations

import pytest

from engine.errors import InputError
from studio.services import fragments

NODE = {"name": "a", "type": "agent"}


@pytest.mark.parametrize(
    "text",
    [
        "nodes:\n  - {name: a, type: agent}",
        "- {name: a, type: agent}",
        "name: a\ntype: agent",
        '{"nodes": [{"name": "a", "type": "agent"}]}',
    ],
)
def test_nodes_are_found_in_each_form(text: str) -> None:
    assert fragments.read(text) == {"nodes": [NODE], "edges": [], "layout": {}}


def test_only_edges_and_places_of_pasted_nodes_come_along() -> None:
    found = fragments.read(
        "nodes:\n  - {name: a, type: agent}\n  - {name: b, type: end}\n"
        "edges:\n  - {from: a, to: b, condition: null, x-mine: 1}\n  - {from: a, to: elsewhere}\n  - nonsense\n"
        "ui:\n  nodes: {a: [1, 2], b: [true, 1], c: [3, 4]}\n"
    )
    assert found["edges"] == [{"from": "a", "to": "b"}]
    assert found["layout"] == {"a": [1, 2]}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just a sentence",
        "nodes: [unclosed",
        "nodes: []",
        "nodes: 5",
        "edges: []",
        "[" * 5000,
        "&a [*a]",
        "a: !!python/object x",
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_anything_else_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(InputError):
        fragments.read(text)


def test_too_many_nodes_are_refused() -> None:
    with pytest.raises(InputError, match="at most 500"):
        fragments.read("\n".join(f"- {{name: n{i}, type: agent}}" for i in range(501)))
