"""Days as people and models write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from engine.errors import PermanentError

_FURTHEST = timedelta(days=730)
_WORDS = {"today": 0, "tomorrow": 1, "next week": 7, "in a week": 7, "in one week": 7, "next month": 30}
_RELATIVE = re.compile(r"(?:in|within|after|\+)?\s*\+?(\d{1,4})\s*_?(h|hours?|d|days?|w|weeks?|months?)(?: from now)?")
_HOURS = {"h": 1, "d": 24, "w": 24 * 7, "m": 24 * 30}


def today() -> date:
    """The day now, in UTC."""
    return datetime.now(UTC).date()


def due_date(text: str, today: date) -> date:
    """The day meant by "2031-05-30", "tomorrow", "in 3 days", "+2w", "48 hours", ...; raises PermanentError.

    A day in the past, or more than two years ahead, is refused. Parts of a day count as a whole one.
    """
    plain = re.sub(r"\s+", " ", text.strip().lower())
    due = _relative(plain, today) or _absolute(plain)
    if due is None:
        raise PermanentError(f"follow_up_date is not a date: {text[:40]!r}", parameter="follow_up_date")
    if not today <= due <= today + _FURTHEST:
        raise PermanentError(f"follow_up_date {due} is not within the next two years.", parameter="follow_up_date")
    return due


def _relative(plain: str, today: date) -> date | None:
    if plain in _WORDS:
        return today + timedelta(days=_WORDS[plain])
    found = _RELATIVE.fullmatch(plain)
    if found is None:
        return None
    hours = int(found[1]) * _HOURS[found[2][0]]
    return today + timedelta(days=-(-hours // 24))


def _absolute(plain: str) -> date | None:
    try:
        return datetime.fromisoformat(plain.upper()).date()
    except ValueError:
        return None
