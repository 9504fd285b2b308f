"""The numbers over the workflow list, and the small pictures in it."""

from __future__ import annotations

import pytest

from engine.store.access.run_numbers import RunNumbers
from studio.services.workflow_list import SPARK_HEIGHT, SPARK_WIDTH, kpis, spark


def test_numbers_with_something_to_compare() -> None:
    runs, succeeded, p95, cost = kpis(
        RunNumbers(112, 98, 2, 12, 1.4, 224_000), RunNumbers(100, 97, 3, 0, 1.3, 200_000), 7
    )
    assert (runs.value, runs.remark) == ("112", "+12% on the week before")
    assert (succeeded.value, succeeded.remark, succeeded.tone) == ("98.0%", "+1.0 points", "good")
    assert (p95.value, p95.remark, p95.tone) == ("1.40 s", "+100 ms", "bad")
    assert (cost.value, cost.remark) == ("$0.2240", "$0.0020 a run")


@pytest.mark.parametrize(
    ("now", "before", "remark"),
    [(1.04, 1.0, ("about as before", "")), (1.0, 1.04, ("about as before", "")), (0.8, 1.0, ("−200 ms", "good"))],
)
def test_a_change_within_the_precision_is_none(now: float, before: float, remark: tuple[str, str]) -> None:
    p95 = kpis(RunNumbers(p95_s=now), RunNumbers(p95_s=before), 7)[2]
    assert (p95.remark, p95.tone) == remark


def test_numbers_of_an_empty_house_invent_nothing() -> None:
    shown = kpis(RunNumbers(), RunNumbers(), 30)
    assert [kpi.value for kpi in shown] == ["0", "–", "–", "$0"]
    assert [kpi.remark for kpi in shown] == [
        "no earlier runs",
        "no run has ended yet",
        "of the runs that succeeded",
        "no run has ended yet",
    ]


def test_a_spark_stays_in_its_box() -> None:
    points = [tuple(map(float, p.split(","))) for p in spark([0, 3, 9, 1]).removeprefix("M").split(" L")]
    assert points[0] == (0, SPARK_HEIGHT - 2)
    assert points[2] == (SPARK_WIDTH * 2 / 3, 2)
    assert all(0 <= x <= SPARK_WIDTH and 0 <= y <= SPARK_HEIGHT for x, y in points)
    assert spark([0, 0]).count(f"{SPARK_HEIGHT - 2:.1f}") == 2
