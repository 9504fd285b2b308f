"""How the tenant's workflows do: numbers of the last days, and of the days before them.

They come from hours that have been added up (`run_hours`), and from the runs themselves for all that has not been: the
hours since the scheduler last did, or everything where none runs. So they are always up to date, and cost about the
same however many runs there are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from engine.store.session import Tx

P95 = 0.95
PRECISION = 0.05  # of durations, see RunNumbers


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """Of a span of time. `runs` is how many began in it; all others are of those that ended in it.

    So an hour that is over does not change any more. `cost_usd_micros` is of all of these, `p95_s` of the succeeded
    ones, from being accepted to the end: 95 % took as long, or less. Durations are kept in classes that are 5 % wide,
    with their sums: it is exact where few ended, and else the mean of those that took about as long, within 5 %.
    """

    runs: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    p95_s: float | None = None
    cost_usd_micros: int = 0

    @property
    def ended(self) -> int:
        """How many came to an end by themselves."""
        return self.succeeded + self.failed

    @property
    def success_share(self) -> float | None:
        """0..1, None while nothing has ended."""
        return self.succeeded / self.ended if self.ended else None

    @property
    def cost_a_run(self) -> float | None:
        """Millionths of a dollar, None while nothing has ended."""
        over = self.ended + self.cancelled
        return self.cost_usd_micros / over if over else None


@dataclass(frozen=True, slots=True)
class Numbers:
    """`now` and `before` are of all workflows; `by_workflow` and `begun` are of `now`, by the workflow's name.

    `begun` counts the runs that began in equal parts of the span, the oldest first.
    """

    now: RunNumbers
    before: RunNumbers
    by_workflow: dict[str, RunNumbers]
    begun: dict[str, list[int]]


class _Counted(NamedTuple):
    """Something that happened to runs of a workflow in a part of the span (from 1; 0 is the time before it)."""

    workflow: str | None
    part: int
    what: str  # began | succeeded | failed | cancelled
    number: int | None  # of the class of durations, of succeeded ones
    runs: int
    took_us: int = 0
    cost_usd_micros: int = 0


@dataclass(slots=True)
class _Sums:
    """What is added up of one workflow; `times` by class of durations: how many, and their microseconds."""

    runs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    times: dict[int, tuple[int, int]] = field(default_factory=dict)
    cost_usd_micros: int = 0

    def add(self, one: _Counted) -> None:
        self.runs[one.what] += one.runs
        self.cost_usd_micros += one.cost_usd_micros
        if one.number is not None:
            runs, took_us = self.times.get(one.number, (0, 0))
            self.times[one.number] = (runs + one.runs, took_us + one.took_us)

    def numbers(self) -> RunNumbers:
        what = self.runs
        return RunNumbers(
            what["began"],
            what["succeeded"],
            what["failed"],
            what["cancelled"],
            _p95_s(self.times),
            self.cost_usd_micros,
        )


_NOW = sa.text("""
    SELECT now(), date_trunc('hour', now(), 'UTC'), (SELECT until FROM run_hours_until WHERE tenant_id = :tenant)""")

# Hours that have been added up, by part of the span. The cost is that of all runs that ended.
_KEPT = sa.text("""
    SELECT workflow_name, width_bucket(extract(epoch FROM hour)::double precision, :from_s, :to_s, :points),
           sum(began)::bigint, sum(failed)::bigint, sum(cancelled)::bigint, sum(cost_usd_micros)::bigint
    FROM run_hours WHERE tenant_id = :tenant AND hour >= :first AND hour < :kept_until GROUP BY 1, 2""")
_KEPT_TIMES = sa.text("""
    SELECT k.workflow_name, k.class, sum(k.runs)::bigint, sum(k.took_us)::bigint
    FROM (SELECT CASE WHEN hour >= :since THEN workflow_name END AS workflow_name, unnest(classes) AS class,
                 unnest(class_runs) AS runs, unnest(class_us) AS took_us
          FROM run_hours WHERE tenant_id = :tenant AND hour >= :first AND hour < :kept_until) k
    GROUP BY 1, 2""")
_READ = sa.text("""
    SELECT workflow_name,
           least(:points, width_bucket(extract(epoch FROM hour)::double precision, :from_s, :to_s, :points)),
           what, class, sum(runs)::bigint, sum(took_us)::bigint, sum(cost_usd_micros)::bigint
    FROM heddle_run_tally(:tenant, :first, :until) GROUP BY 1, 2, 3, 4""")


async def run_numbers(tx: Tx, *, days: int, points: int) -> Numbers:
    """Of the last `days` days, from a whole hour of UTC on, with the hour under way, and of the same hours before."""
    now, hour, until = (await tx.session.execute(_NOW, {"tenant": tx.scope.tenant_id})).one()
    span = timedelta(days=days)
    since, first = hour - span, hour - 2 * span
    kept_until = min(max(until or first, first), hour)
    asked = {"tenant": tx.scope.tenant_id, "points": points, "from_s": since.timestamp(), "to_s": hour.timestamp()}
    counted = [
        *await _kept(tx, asked | {"first": first, "since": since, "kept_until": kept_until}),
        *await _read(tx, asked | {"first": kept_until, "until": now}),
        # The hour of which a part belongs to the time before as well, as long as the hour under way has lasted.
        *(one._replace(part=0) for one in await _read(tx, asked | {"first": since, "until": now - span})),
    ]
    return _summed(counted, points)


async def _kept(tx: Tx, asked: dict[str, Any]) -> list[_Counted]:
    found: list[_Counted] = []
    for name, part, began, failed, cancelled, cost in (await tx.session.execute(_KEPT, asked)).all():
        found += [
            _Counted(name, part, "began", None, began),
            _Counted(name, part, "failed", None, failed, 0, cost),
            _Counted(name, part, "cancelled", None, cancelled),
        ]
    for name, number, runs, took_us in (await tx.session.execute(_KEPT_TIMES, asked)).all():
        found.append(_Counted(name, 0 if name is None else 1, "succeeded", number, runs, took_us))
    return found


async def _read(tx: Tx, asked: dict[str, Any]) -> list[_Counted]:
    return [_Counted(*row) for row in (await tx.session.execute(_READ, asked)).all()]


def _summed(counted: Iterable[_Counted], points: int) -> Numbers:
    now, before = _Sums(), _Sums()
    by_workflow: dict[str, _Sums] = defaultdict(_Sums)
    begun: dict[str, list[int]] = defaultdict(lambda: [0] * points)
    for one in counted:
        (now if one.part else before).add(one)
        if one.part and one.workflow is not None:
            by_workflow[one.workflow].add(one)
            if one.what == "began":
                begun[one.workflow][one.part - 1] += one.runs
    each = {name: sums.numbers() for name, sums in by_workflow.items()}
    return Numbers(now.numbers(), before.numbers(), each, dict(begun))


def _p95_s(times: Mapping[int, tuple[int, int]]) -> float | None:
    """The mean of the class in which the run lies that 95 % took as long as, or less."""
    rank = math.ceil(P95 * sum(runs for runs, _ in times.values()))
    for _, (runs, took_us) in sorted(times.items()):
        rank -= runs
        if rank <= 0:
            return took_us / runs / 1_000_000
    return None
