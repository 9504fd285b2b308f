"""The shared parts of the pages, as they are rendered."""

from __future__ import annotations

from studio.components.parts import button


def test_a_button_without_a_reason_is_just_a_button() -> None:
    shown = str(button("Save").render())
    assert "disabled" not in shown
    assert "title" not in shown
