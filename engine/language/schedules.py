"""When a schedule fires: cron expressions in a time zone, across daylight saving time.

What Debian's cron does, by the library `cronsim`: an expression with fixed hours means the clock on the wall. A time
that the clock skips fires once, right after the gap; a time that it shows twice fires the first time only. An
expression whose minute or hour begins with `*` means real time: `*/15 * * * *` fires every 15 minutes, whatever the
clock shows. (On Lord Howe Island, whose clock moves by half an hour, such an expression may leave out that half hour.)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError

from engine.errors import InputError
from engine.language.suggest import nearest

MAX_CRON = 200  # characters
_FIELDS = {
    "minute": "a minute",
    "hour": "an hour",
    "day-of-month": "a day-of-month",
    "month": "a month",
    "day-of-week": "a day-of-week",
}
_FIRST_SPAN = timedelta(hours=1)
_SOME_TIME = datetime(2024, 1, 1, tzinfo=UTC)


class ScheduleError(InputError):
    """The schedule cannot be understood.

    Of the details, `field` is the key of the trigger (cron or timezone), and `meant` what was probably meant.
    """


def check_schedule(cron: str, timezone: str) -> None:
    """Raises ScheduleError."""
    next_fire(cron, timezone, _SOME_TIME)


def next_fire(cron: str, timezone: str, after: datetime) -> datetime | None:
    """The first moment after `after`, in UTC; None when there is none within 50 years. Raises ScheduleError."""
    return next(fires(cron, timezone, after), None)


def next_fires(cron: str, timezone: str, after: datetime, count: int) -> list[datetime]:
    """The first `count` moments after `after`, in UTC. Raises ScheduleError."""
    return list(islice(fires(cron, timezone, after), count))


def fires(cron: str, timezone: str, after: datetime) -> Iterator[datetime]:
    """All moments after `after` in order, in UTC. Raises ScheduleError, at once."""
    return _after(_parsed(cron, after.astimezone(zone(timezone))), after.astimezone(UTC))


def last_fires(cron: str, timezone: str, after: datetime, until: datetime, count: int) -> list[datetime]:
    """The last `count` moments in (after, until], in order: what is left to do after a long outage.

    Looks back in growing steps, so that a year of minutes costs no more than the few that count.
    """
    span = _FIRST_SPAN
    while True:
        start = max(after, until - span)
        found: list[datetime] = []
        for moment in fires(cron, timezone, start):
            if moment > until:
                break
            found.append(moment)
        if len(found) >= count or start == after:
            return found[-count:] if count else []
        span *= 4


def zone(name: str) -> ZoneInfo:
    """The time zone of that name; raises ScheduleError that says which one was probably meant."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; a path; the name of a folder
        shown = name[:60]
        meant = nearest(shown, _zones())
        hint = f"; did you mean `{meant}`?" if meant else ""
        raise ScheduleError(f"there is no time zone `{shown}`{hint}", field="timezone", meant=meant) from None


def _parsed(cron: str, start: datetime) -> CronSim:
    fields = cron.split()
    if len(fields) != len(_FIELDS) or len(cron) > MAX_CRON:
        raise ScheduleError("a cron expression has five fields: minute hour day month weekday", field="cron")
    try:
        return CronSim(" ".join(fields), start)
    except (CronSimError, AssertionError, TypeError, ValueError) as error:  # the last three: its parser's own slips
        which = str(error).removeprefix("Bad ")
        said = f"{fields[list(_FIELDS).index(which)]!r} is not {_FIELDS[which]}" if which in _FIELDS else str(error)
        raise ScheduleError(f"{said} of a cron expression", field="cron") from error


def _after(found: Iterator[datetime], last: datetime) -> Iterator[datetime]:
    """Each moment once and later than the last: in the hour that the clock shows twice, the library starts anew."""
    for moment in found:
        utc = moment.astimezone(UTC)
        if utc > last:
            last = utc
            yield utc


@lru_cache(maxsize=1)
def _zones() -> tuple[str, ...]:
    return tuple(sorted(available_timezones()))
