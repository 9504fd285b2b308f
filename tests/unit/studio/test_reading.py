"""What a person decides on is shown whole, and nothing hides in it."""

from __future__ import annotations

import pytest

from studio.commands.run import event_line
from studio.services.questions import _detail
from studio.services.reading import JSON_SHOWN, unhidden


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (
            "plain text, with ümläuts and 漢字\nand lines\tand tabs",
            "plain text, with ümläuts and 漢字\nand lines\tand tabs",
        ),
        ("pay \u202e001\u202c EUR", "pay \\u202e001\\u202c EUR"),
        ("ab\u200bc\ufeff\u2066d\u2069", "ab\\u200bc\\ufeff\\u2066d\\u2069"),
        ("\x1b[2J\r\x9b", "\\u001b[2J\\u000d\\u009b"),
        ("hidden\U000e0041", "hidden\\ue0041"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_what_shows_nothing_is_written_out(text: str, shown: str) -> None:
    assert unhidden(text) == shown


def test_a_detail_is_never_cut() -> None:
    end = "the end"
    for value in ("x" * (2 * JSON_SHOWN) + end, ["x" * (2 * JSON_SHOWN), end], {"a": "b" * 90, "c\u202e": end}):
        detail = _detail("na\u202eme", value)
        assert end in detail.value
        assert (detail.long, detail.name) == (True, "na\\u202eme")
        assert "\u202e" not in detail.value


def test_the_step_log_says_what_is_waited_for() -> None:
    event = {"type": "step.suspended", "path": "help", "node_type": "agent"}
    asked = {"reason": "approval", "data": {"message": "May the agent help call “Refund”?"}}
    assert event_line({**event, "data": asked}) == "  waits   help (agent)  May the agent help call “Refund”?"
    assert event_line({**event, "data": {"reason": "wait", "data": {}}}) == "  waits   help (agent)  wait"
