"""Numbers and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from studio.services import words

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0, "0 ms"),
        (0.31, "310 ms"),
        (0.9999, "1.00 s"),
        (1.312, "1.31 s"),
        (9.996, "10 s"),
        (41.2, "41 s"),
        (59.6, "1 min"),
        (130, "2 min 10 s"),
        (3600, "1 h 0 min"),
        (-1, "0 ms"),
    ],
)
def test_durations(seconds: float | None, text: str) -> None:
    assert words.duration(seconds) == text


@pytest.mark.parametrize(
    ("micros", "text"),
    [(None, "–"), (0, "$0"), (12, "<$0.0001"), (1400, "$0.0014"), (4_120_000, "$4.12"), (1_234_000_000, "$1,234.00")],
)
def test_money(micros: float | None, text: str) -> None:
    assert words.money(micros) == text


@pytest.mark.parametrize(
    ("share", "text"), [(None, "–"), (0.0, "0%"), (1.0, "100%"), (0.984, "98.4%"), (0.9999, "100.0%")]
)
def test_percent(share: float | None, text: str) -> None:
    assert words.percent(share) == text


@pytest.mark.parametrize(
    ("back", "text"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=50), "1 min ago"),
        (timedelta(minutes=59, seconds=40), "1 h ago"),
        (timedelta(hours=23), "23 h ago"),
        (timedelta(days=1, hours=2), "yesterday"),
        (timedelta(days=6), "6 days ago"),
        (timedelta(days=40), "25 Mar 2026"),
        (timedelta(seconds=-30), "just now"),
    ],
)
def test_how_long_ago(back: timedelta, text: str) -> None:
    assert words.ago(NOW - back, NOW) == text


def test_trends_compare_with_something() -> None:
    assert words.trend(112, 100) == "+12%"
    assert words.trend(61, 100) == "−39%"
    assert words.trend(5, 0) == ""
    assert words.trend(None, 4) == ""


def test_exact_times_are_in_utc() -> None:
    assert words.exact(NOW) == "2026-05-04 12:00:00 UTC"
    assert words.exact(None) == ""


def test_plain_names() -> None:
    assert words.plain("e_commerce") == "e-commerce"
    assert words.plain("customer_service") == "customer service"
    assert words.some(1, "node") == "1 node"
    assert words.some(1200, "node") == "1,200 nodes"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "now"), (40, "in 40 s"), (70, "in 1 min"), (3599, "in 1 h"), (86_400, "in 24 h"), (172_800, "in 2 days")],
)
def test_time_that_is_left(seconds: float, text: str) -> None:
    assert words.ahead(NOW + timedelta(seconds=seconds), NOW) == text
