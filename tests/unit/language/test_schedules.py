"""When schedules fire: against a walk over every minute, over both changes of the clock, and with odd expressions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from engine.language.schedules import ScheduleError, check_schedule, last_fires, next_fire, next_fires, zone

MINUTE = timedelta(minutes=1)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")
# Around each change of the clock: Lord Howe moves by half an hour.
CHANGES = {
    "Europe/Berlin": (datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1)),
    "America/New_York": (datetime(2026, 3, 8, 7), datetime(2026, 11, 1, 6)),
    "Australia/Lord_Howe": (datetime(2026, 10, 3, 15, 30), datetime(2026, 4, 4, 15)),
    "Asia/Kolkata": (datetime(2026, 3, 29, 1),),
    "UTC": (datetime(2026, 10, 25, 1),),
}


@dataclass(frozen=True)
class Cron:
    """An expression and what it means, so that nothing here has to parse one."""

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    weekdays: frozenset[int]  # Monday is 0
    is_interval: bool

    def matches(self, local: datetime) -> bool:
        return local.minute in self.minutes and local.hour in self.hours and local.weekday() in self.weekdays


@st.composite
def crons(draw: st.DrawFn) -> Cron:
    minute, minutes = draw(_field(0, 59))
    hour, hours = draw(_field(0, 23))
    weekday, days = draw(st.sampled_from([("*", range(7)), ("mon-fri", range(5)), ("0", [6]), ("6,7", [5, 6])]))
    text = f"{minute} {hour} * * {weekday}"
    interval = minute.startswith("*") or hour.startswith("*")
    return Cron(text, frozenset(minutes), frozenset(hours), frozenset(days), interval)


@st.composite
def _field(draw: st.DrawFn, low: int, high: int) -> tuple[str, list[int]]:
    kind = draw(st.sampled_from(["any", "step", "list", "range"]))
    if kind == "any":
        return "*", list(range(low, high + 1))
    if kind == "step":
        step = draw(st.integers(1, 20))
        return f"*/{step}", list(range(low, high + 1, step))
    if kind == "list":
        some = sorted(draw(st.sets(st.integers(low, high), min_size=1, max_size=4)))
        return ",".join(map(str, some)), some
    start = draw(st.integers(low, high))
    end = draw(st.integers(start, high))
    return f"{start}-{end}", list(range(start, end + 1))


def walk(cron: Cron, timezone: str, start: datetime, end: datetime) -> Iterator[datetime]:
    """Every minute in (start, end], one after the other, with the rule written out."""
    tz = ZoneInfo(timezone)
    moment = start.replace(second=0, microsecond=0)
    shown = moment.astimezone(tz).replace(tzinfo=None)
    while moment + MINUTE <= end:
        moment += MINUTE
        before, local = shown, moment.astimezone(tz)
        shown = local.replace(tzinfo=None)
        skipped = [before + n * MINUTE for n in range(1, max(1, round((shown - before) / MINUTE)))]
        first_time = local.fold == 0
        fires = cron.matches(local) if cron.is_interval else cron.matches(local) and first_time
        makes_up = not cron.is_interval and any(cron.matches(gone) for gone in skipped)
        if moment > start and (fires or makes_up):
            yield moment


@given(crons(), st.sampled_from(ZONES), st.integers(0, 1), st.integers(-500, 200), st.integers(0, 59))
@settings(max_examples=150, deadline=None)
@example(Cron("30 2 * * *", frozenset({30}), frozenset({2}), frozenset(range(7)), False), "Europe/Berlin", 1, 45, 0)
@example(Cron("30 1 * * *", frozenset({30}), frozenset({1}), frozenset(range(7)), False), "America/New_York", 1, 10, 0)
def test_as_a_walk_over_every_minute(cron: Cron, timezone: str, which: int, offset: int, second: int) -> None:
    assume(
        not (cron.is_interval and timezone == "Australia/Lord_Howe")
    )  # the library knows changes by whole hours there
    changes = CHANGES[timezone]
    change = changes[which % len(changes)].replace(tzinfo=UTC)
    start = change + offset * MINUTE + timedelta(seconds=second)
    end = start + timedelta(hours=12)
    expected = list(walk(cron, timezone, start, end))
    found = [moment for moment in next_fires(cron.text, timezone, start, len(expected) + 1) if moment <= end]
    assert found == expected
    # From each moment to the next, as the ticker goes: the same, none twice, none left out.
    at, stepped = start, []
    while (following := next_fire(cron.text, timezone, at)) is not None and following <= end and len(stepped) < 80:
        stepped.append(following)
        at = following
    assert stepped == expected[:80]


@given(crons(), st.sampled_from(ZONES), st.integers(0, 60 * 24 * 3), st.integers(0, 12))
@settings(max_examples=60, deadline=None)
def test_the_last_ones_before_now(cron: Cron, timezone: str, minutes: int, count: int) -> None:
    after = datetime(2026, 10, 23, 20, 7, tzinfo=UTC)
    until = after + minutes * MINUTE
    expected = [m for m in next_fires(cron.text, timezone, after, 6000) if m <= until]
    assert last_fires(cron.text, timezone, after, until, count) == (expected[-count:] if count else [])


def test_a_year_of_minutes_costs_no_more_than_the_few_that_count() -> None:
    until = datetime(2026, 10, 25, 12, tzinfo=UTC)
    found = last_fires("* * * * *", "Europe/Berlin", until - timedelta(days=365), until, 3)
    assert found == [until - 2 * MINUTE, until - MINUTE, until]


@pytest.mark.parametrize(
    ("timezone", "cron", "day", "expected"),
    [
        # The clock goes from 2:00 to 3:00: once, right after the gap.
        ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("America/New_York", "15,45 2 * * *", "2026-03-07T12:00", ["2026-03-08T03:00-04:00", "2026-03-09T02:15-04:00"]),
        # The clock shows the hour twice: the first time only.
        ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("America/New_York", "30 1 * * *", "2026-10-31T12:00", ["2026-11-01T01:30-04:00", "2026-11-02T01:30-05:00"]),
        # Real time: every half hour, whatever the clock shows.
        ("Europe/Berlin", "*/30 * * * *", "2026-03-29T01:15", ["2026-03-29T01:30+01:00", "2026-03-29T03:00+02:00"]),
        (
            "Europe/Berlin",
            "0 * * * *",
            "2026-10-25T01:15",
            ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"],
        ),
        ("Asia/Kolkata", "0 9 * * mon", "2026-03-29T12:00", ["2026-03-30T09:00+05:30", "2026-04-06T09:00+05:30"]),
    ],
)
def test_when_the_clock_changes(timezone: str, cron: str, day: str, expected: list[str]) -> None:
    start = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(timezone))
    found = [m.astimezone(ZoneInfo(timezone)) for m in next_fires(cron, timezone, start, len(expected))]
    assert [m.isoformat(timespec="minutes") for m in found] == expected


@pytest.mark.parametrize(
    ("cron", "said"),
    [
        ("daily", "five fields"),
        ("@daily", "five fields"),
        ("* * * * * *", "five fields"),
        ("", "five fields"),
        ("60 * * * *", "'60' is not a minute"),
        ("* 24 * * *", "'24' is not an hour"),
        ("0 0 32 * *", "'32' is not a day-of-month"),
        ("0 0 31 2 *", "'31' is not a day-of-month"),
        ("0 0 * 13 *", "month"),
        ("0 0 * * noday", "day-of-week"),
        ("*/0 * * * *", "'*/0' is not a minute"),
        ("0 0 * * MON#1/2", "cron expression"),
        ("0 0 * * ² ", "day-of-week"),
        ("1-5000000000000 * * * *", "minute"),
        ("0,1," * 100 + "2 * * * *", "five fields"),
    ],
)
def test_what_is_no_cron_expression(cron: str, said: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        check_schedule(cron, "UTC")
    assert said in caught.value.public_message
    assert caught.value.details["field"] == "cron"


@pytest.mark.parametrize(
    "name", ["Europe/Berln", "", "../../etc/passwd", "/etc/passwd", "Europe", "\0", "x" * 5000, "ü"]
)
def test_what_is_no_time_zone(name: str) -> None:
    with pytest.raises(ScheduleError) as caught:
        check_schedule("0 8 * * *", name)
    assert caught.value.details["field"] == "timezone"
    assert len(caught.value.public_message) < 200


def test_a_misspelt_time_zone_is_named() -> None:
    with pytest.raises(ScheduleError, match="did you mean `Europe/Berlin`"):
        zone("Europe/Berln")


@given(st.text(alphabet="0123456789*/-,#L@WMONJA ?", max_size=30))
@settings(max_examples=500, deadline=None)
@example("0 0 * * 1L,2#3/2")
@example("0 0 LW/2 * *")
def test_nothing_but_a_schedule_error_comes_of_any_text(text: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        found = next_fires(text, "Europe/Berlin", start, 3)
    except ScheduleError:
        return
    assert found == sorted(set(found))
    assert all(moment > start and moment.second == 0 for moment in found)
