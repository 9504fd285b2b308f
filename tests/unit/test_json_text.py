"""Whatever a step gives becomes JSON that the database takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.store.json_text import json_bytes


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ({"a": [1, 2.5, None, True, "ü"]}, {"a": [1, 2.5, None, True, "ü"]}),
        ({"a": 2**64, "b": [-(10**30)]}, {"a": 2**64, "b": [-(10**30)]}),
        ({"a": 10**20_000, "b": 1}, {"a": None, "b": 1}),
        ({"a\0": "b\0", "c": "\ud800"}, {"a\ufffd": "b\ufffd", "c": "\ufffd"}),
        ({1: (2, 3)}, {"1": [2, 3]}),
        ("\\u0000", "\\u0000"),
        ([True, 2**70], [True, 2**70]),
        ([float("nan"), 1.5], [None, 1.5]),
        ([float("inf"), float("nan"), "\ud800"], [None, None, "\ufffd"]),
    ],
    ids=[
        "plain",
        "large numbers",
        "too large a number",
        "odd letters",
        "odd keys",
        "no escape",
        "in a list",
        "no number",
        "no number, odd letter",
    ],
)
def test_values_are_kept_as_far_as_they_can_be(value: Any, kept: Any) -> None:
    assert json.loads(json_bytes(value)) == kept
