"""Files of any shape: every node has one outcome, the draft is valid, and importing twice gives the same."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine.importers
from engine.importers import attempt, convert
from tests.unit.importers.samples import TOOLS, imported, n8n, n8n_node, outcomes, promised
from tests.unit.importers.shapes import SHAPES

Json = Any


@pytest.mark.parametrize("kind", SHAPES)
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(chance=st.randoms(use_true_random=False))
def test_a_file_of_any_shape(kind: str, chance: Random, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "FAULTS", ())  # the converters have to be right by themselves
    monkeypatch.setattr(engine.importers, "FAULTS", ())
    data, count = SHAPES[kind](chance)
    raw = json.dumps(data)
    found = convert(raw, title="shape", tools=TOOLS)
    promised(found)
    assert found.text is not None, found.error
    assert (found.kind, len(found.report.entries)) == (kind, count)
    assert [reason for entry in found.report.entries for reason in entry.reasons if "not be valid" in reason] == []
    again = convert(raw, title="shape", tools=TOOLS)
    assert (again.text, again.layout) == (found.text, found.layout)


def test_a_list_of_workflows_gives_the_first_and_says_so() -> None:
    one, other = n8n(n8n_node("A", "noOp")), n8n(n8n_node("B", "noOp"))
    for data in ([one, other], {"data": [one, other]}, {"workflows": [one, other]}, [None, one, other]):
        found = imported(data)
        assert outcomes(found) == {"A": "mapped"}
        assert "this is the first" in found.report.remarks[0]
    assert imported([one]).report.remarks == []


def test_the_name_outside_is_taken_where_there_is_none_inside() -> None:
    inside = {key: value for key, value in n8n(n8n_node("A", "noOp")).items() if key != "name"}
    assert imported({"id": 1, "name": "Outside", "workflow": inside}).title == "Outside"
    assert imported({"name": "Outside", "workflow": n8n(n8n_node("A", "noOp"))}).title == "Sample"
