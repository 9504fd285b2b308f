"""What the function `date` of expressions does: a moment as a text, by a pattern and the clock of a time zone.

A moment is unix time in seconds, or an ISO 8601 text; without a zone it is UTC. Patterns are strftime's, of which those
marks are known that say the same on every machine, and `%s`, unix time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

MAX_PATTERN = 100
_MARK = re.compile(r"%(.?)", re.DOTALL)
_MARKS = frozenset("YymdHIMSpjaAbBzZs%")


class DateFault(Exception):
    """The moment, the pattern or the zone is none; the message says which."""


def moment_of(when: float | int | str, zone: str) -> datetime:
    """The moment by the clock of that zone; raises DateFault."""
    try:
        clock = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise DateFault(f"there is no time zone {zone[:40]!r}") from None
    try:
        found = (
            datetime.fromtimestamp(when, UTC)
            if not isinstance(when, str)
            else datetime.fromisoformat(when.strip()[:40])
        )
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(clock)
    except (ValueError, OverflowError, OSError):
        raise DateFault(f"{str(when)[:40]!r} is no date") from None


def shown(when: float | int | str, pattern: Any = None, zone: Any = "UTC") -> str:
    """The moment as a text, in ISO 8601 without a pattern; raises DateFault."""
    if not isinstance(zone, str) or not (pattern is None or isinstance(pattern, str)):
        raise DateFault("the pattern and the time zone of a date are texts")
    moment = moment_of(when, zone)
    if pattern is None:
        return moment.isoformat(timespec="seconds")
    if len(pattern) > MAX_PATTERN:
        raise DateFault(f"the pattern of a date is longer than {MAX_PATTERN} characters")
    odd = next((mark for mark in _MARK.findall(pattern) if mark not in _MARKS), None)
    if odd is not None:
        raise DateFault(
            f"`%{odd}` is no mark of a date; there are {' '.join(f'%{mark}' for mark in 'YymdHIMSpjaAbBzZs')}"
        )
    seconds = str(int(moment.timestamp()))  # %s is no mark of every machine's
    return moment.strftime(_MARK.sub(lambda mark: seconds if mark[1] == "s" else mark[0], pattern))
