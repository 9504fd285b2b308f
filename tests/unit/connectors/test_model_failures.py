"""What a model provider's refusal says about when to come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest

from connectors.models.failures import translate
from engine.errors import RateLimited


class Refused(Exception):
    def __init__(self, retry_after: str) -> None:
        super().__init__("slow down")
        self.response = SimpleNamespace(headers={"retry-after": retry_after})


LIBRARY = SimpleNamespace(exceptions=SimpleNamespace(RateLimitError=Refused))


def asked(retry_after: str) -> float | None:
    error = translate(LIBRARY, Refused(retry_after), None)
    assert isinstance(error, RateLimited)
    return error.retry_after_s


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("1.5", 1.5), ("-3", 0.0), ("1e3", 1000.0)])
def test_seconds_are_taken(said: str, seconds: float) -> None:
    assert asked(said) == seconds


def test_so_is_a_date() -> None:
    seconds = asked(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True))
    assert seconds is not None
    assert 80 < seconds <= 90


@pytest.mark.parametrize("said", ["inf", "nan", "9" * 400, "in a while", "Fri, 31 Dec 99999 23:59:59 GMT"])
def test_what_is_no_moment_is_passed_over(said: str) -> None:
    assert asked(said) is None
