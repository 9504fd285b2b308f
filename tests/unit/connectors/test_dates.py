"""Follow-up days as people and models write them."""

from __future__ import annotations

from datetime import date

import pytest

from connectors.desk.dates import due_date
from engine.errors import PermanentError

TODAY = date(2031, 5, 28)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2031-05-30", date(2031, 5, 30)),
        ("2031-05-30T10:00:00Z", date(2031, 5, 30)),
        ("today", TODAY),
        ("Tomorrow", date(2031, 5, 29)),
        ("next week", date(2031, 6, 4)),
        ("in 3 days", date(2031, 5, 31)),
        ("3 days", date(2031, 5, 31)),
        ("+2d", date(2031, 5, 30)),
        ("2_days", date(2031, 5, 30)),
        ("within 48 hours", date(2031, 5, 30)),
        ("1 hour", date(2031, 5, 29)),
        ("2 weeks from now", date(2031, 6, 11)),
        ("1 month", date(2031, 6, 27)),
    ],
)
def test_days_are_understood(text: str, day: date) -> None:
    assert due_date(text, TODAY) == day


@pytest.mark.parametrize(
    "text", ["soon", "2031-13-01", "30.05.2031", "2031-05-27", "2040-01-01", "in 9999 months", "in many days", "-3d"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(PermanentError) as caught:
        due_date(text, TODAY)
    assert caught.value.details["parameter"] == "follow_up_date"
