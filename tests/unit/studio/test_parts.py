"""The shared parts of the pages, as they are rendered."""

from __future__ import annotations

from studio.components.parts import button, pager
from studio.pages.runs import RunsState


def test_a_button_without_a_reason_is_just_a_button() -> None:
    shown = str(button("Save").render())
    assert "disabled" not in shown
    assert "title" not in shown


def test_the_pages_of_the_history_say_why_there_is_no_other() -> None:
    state = RunsState
    shown = str(pager(state.page_number, state.older, state.go_newer, state.go_older, "runs").render())
    for reason in ("These are the newest runs.", "There are no older runs."):
        assert shown.count(reason) == 2, "as the tooltip, and for aria-disabled"
    assert shown.count("aria-disabled") == 2
    assert " disabled:" not in shown
