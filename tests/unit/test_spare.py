"""Whether a process has time to spare."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.store import group_commit
from engine.store.group_commit import Spare


class Clocks:
    """The clocks that Spare looks at, which stand still."""

    def __init__(self) -> None:
        self.wall = self.cpu = 100.0

    def pass_(self, seconds: float, *, cpu: float) -> None:
        self.wall += seconds
        self.cpu += cpu


@pytest.fixture
def clocks(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    made = Clocks()
    told = SimpleNamespace(monotonic=lambda: made.wall, process_time=lambda: made.cpu)
    monkeypatch.setattr(group_commit, "time", told)
    return made


def test_a_process_begins_with_time_to_spare(clocks: Clocks) -> None:
    spare = Spare()
    clocks.pass_(0.5, cpu=0.5)
    assert spare.has_time


@pytest.mark.parametrize(("cpu", "has_time"), [(0.0, True), (0.25, True), (0.35, False), (2.0, False)])
def test_it_has_none_when_it_used_much_lately(clocks: Clocks, cpu: float, has_time: bool) -> None:
    spare = Spare()
    clocks.pass_(1.0, cpu=cpu)
    assert spare.has_time is has_time


def test_what_was_long_ago_does_not_count(clocks: Clocks) -> None:
    spare = Spare()
    clocks.pass_(1.0, cpu=1.0)
    assert not spare.has_time
    clocks.pass_(0.5, cpu=0.0)
    assert not spare.has_time  # it was just looked
    clocks.pass_(0.5, cpu=0.0)
    assert spare.has_time
