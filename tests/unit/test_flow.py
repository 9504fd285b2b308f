"""What counts in a journal's flow: what a record costs, or how soon it is written."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from engine.store import group_commit
from engine.store.group_commit import Flow


class Watch:
    """The clock that a flow looks at, which stands still."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr(group_commit, "time", SimpleNamespace(monotonic=made.monotonic))
    return made


def write(flow: Flow, watch: Watch, *, a_second: float, calls: bool, seconds: float = 1.0) -> None:
    """A record now and then."""
    for _ in range(int(a_second * seconds)):
        watch.now += 1 / a_second
        flow.written(1, calls=calls)


def test_nobody_waits_for_the_world_at_first(watch: Watch) -> None:
    flow = Flow()
    watch.now += 10
    assert not flow.is_calm


@pytest.mark.parametrize(
    ("a_second", "calm"), [(10, True), (1_000, True), (2_800, True), (3_300, False), (9_000, False)]
)
def test_calls_are_written_soon_unless_there_are_many(watch: Watch, a_second: float, calm: bool) -> None:
    flow = Flow()
    write(flow, watch, a_second=a_second, calls=True)
    assert flow.is_calm is calm


def test_runs_that_only_compute_are_written_together(watch: Watch) -> None:
    flow = Flow()
    write(flow, watch, a_second=500, calls=False)
    assert not flow.is_calm


def test_it_is_calm_again_when_the_crowd_is_gone_and_no_longer_than_somebody_calls(watch: Watch) -> None:
    flow = Flow()
    write(flow, watch, a_second=6_000, calls=True)
    assert not flow.is_calm
    watch.now += 0.1
    assert flow.is_calm
    watch.now += 1.0
    assert not flow.is_calm


def test_a_large_entry_counts_for_all_its_records(watch: Watch) -> None:
    flow = Flow()
    flow.written(1_000, calls=True)
    assert not flow.is_calm
