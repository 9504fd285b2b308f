"""Numbers of the workflow list: by the hours that were added up, they are what they are by the runs themselves."""

from __future__ import annotations

import asyncio
import itertools
import math
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from engine.store.access import runs, workflows
from engine.store.access.run_numbers import Numbers, RunNumbers, run_numbers
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from engine.store.urls import app_url
from runners.scheduler import Scheduler
from runners.upkeep import roll_up
from tests.conftest import make_tenant
from tests.support.servers import SECRET

HOUR = timedelta(hours=1)
POINTS = {7: 7, 30: 10}
# Most runs take some seconds; some are as old as the index that finds them is bounded, wait for days, or seem to have
# ended before they began.
TOOK_S = (
    0.0,
    0.000_001,
    0.4,
    1.0,
    1.01,
    2.5,
    2.6,
    40.0,
    599.999,
    600.0,
    600.000_001,
    3600.0,
    90_000.0,
    900_000.0,
    -3.0,
)


@pytest.fixture
async def own_database(fresh_owner_url: str) -> AsyncIterator[Database]:
    """A database in which no other test's runs are added up."""
    found = Database(app_url(fresh_owner_url, SECRET))
    yield found
    await found.close()


async def now_of(db: Database) -> datetime:
    async with db.anonymous() as session:
        found: datetime = (await session.execute(sa.text("SELECT now()"))).scalar_one()
    return found.astimezone(UTC)


async def add_runs(db: Database, scope: Scope, made: Iterable[dict[str, Any]]) -> None:
    async with db.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        for values in made:
            row, _ = await runs.create_run(tx, runs.NewRun("w", digest, "api", {}))
            for key, value in values.items():
                setattr(row, key, value)


def some_runs(draw: random.Random, since: datetime, until: datetime, count: int) -> list[dict[str, Any]]:
    """Runs that began between these, many of them close to a full hour; one in eight is still under way."""
    found = []
    for _ in range(count):
        began = since + draw.random() * (until - since)
        if draw.random() < 0.5:
            full = began.replace(minute=0, second=0, microsecond=0)
            began = max(since, full + draw.choice((-1, 0, 1)) * timedelta(microseconds=draw.choice((0, 1, 2_000_000))))
        ended = began + timedelta(seconds=draw.choice(TOOK_S))
        values: dict[str, Any] = {"workflow_name": draw.choice("abc"), "created_at": began, "status": "running"}
        if ended <= until and draw.random() < 0.875:
            status = draw.choice(("succeeded", "succeeded", "succeeded", "failed", "cancelled"))
            values |= {"ended_at": ended, "status": status, "cost_usd_micros": draw.randrange(5_000)}
        found.append(values)
    return found


async def end_some(db: Database, scope: Scope, draw: random.Random, since: datetime, until: datetime) -> None:
    """Half of the runs that are under way end between these."""
    async with db.transaction(scope) as tx:
        rows = (await tx.session.execute(sa.select(RunRow).where(RunRow.status == "running"))).scalars().all()  # type: ignore[arg-type]
        for row in rows:
            if draw.random() < 0.5:
                row.ended_at = max(row.created_at, since) + draw.random() * (until - max(row.created_at, since))
                row.status, row.cost_usd_micros = "succeeded", 7


async def roll_up_to(db: Database, before: datetime) -> int:
    """All hours that are over by then, as if it was then; returns in how many pieces."""
    pieces = 0
    while True:
        async with db.anonymous() as session:
            done = (await session.execute(sa.text("SELECT heddle_roll_up(:b, 0)"), {"b": before})).scalar_one()
        if not done:
            return pieces
        assert done == 1, "with no time at all, one piece is done"
        pieces += 1


def expected(rows: Sequence[RunRow], since: datetime, until: datetime) -> tuple[RunNumbers, list[float]]:
    """The numbers without the p95, and the durations of which it is one."""
    began = sum(since <= row.created_at < until for row in rows)
    over = [row for row in rows if row.ended_at is not None and since <= row.ended_at < until]
    by_status = Counter(row.status for row in over)
    took = [
        max(0.0, (row.ended_at - row.created_at).total_seconds())
        for row in over
        if row.ended_at is not None and row.status == "succeeded"
    ]
    cost = sum(row.cost_usd_micros for row in over)
    counts = (by_status["succeeded"], by_status["failed"], by_status["cancelled"])
    return RunNumbers(began, *counts, None, cost), sorted(took)


def check(found: RunNumbers, rows: Sequence[RunRow], since: datetime, until: datetime) -> None:
    wanted, took = expected(rows, since, until)
    for name in ("runs", "succeeded", "failed", "cancelled", "cost_usd_micros", "ended", "success_share", "cost_a_run"):
        assert getattr(found, name) == getattr(wanted, name), name
    if not took:
        assert found.p95_s is None
    else:
        p95_s = took[math.ceil(0.95 * len(took)) - 1]
        assert found.p95_s is not None
        assert p95_s / 1.0501 - 0.000_002 <= found.p95_s <= p95_s * 1.0501 + 0.000_002


async def compared(db: Database, scope: Scope, days: int) -> Numbers:
    """The numbers, after they were found to be those of the runs."""
    async with db.transaction(scope) as tx:
        found = await run_numbers(tx, days=days, points=POINTS[days])
        now: datetime = (await tx.session.execute(sa.text("SELECT now()"))).scalar_one()
        rows = (await tx.session.execute(sa.select(RunRow))).scalars().all()
    span = timedelta(days=days)
    since = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0) - span
    check(found.now, rows, since, now)
    check(found.before, rows, since - span, now - span)
    by_name: dict[str, list[RunRow]] = defaultdict(list)
    for row in rows:
        by_name[row.workflow_name].append(row)
    for name, own in by_name.items():
        check(found.by_workflow.get(name, RunNumbers()), own, since, now)
        line = [0] * POINTS[days]
        for row in own:
            if since <= row.created_at < now:
                line[min(len(line) - 1, (row.created_at - since) // (span / len(line)))] += 1
        assert found.begun.get(name, [0] * len(line)) == line
    return found


@pytest.mark.parametrize("seed", range(8))
async def test_hours_that_were_added_up_say_what_the_runs_say(own_database: Database, seed: int) -> None:
    draw, now = random.Random(seed), await now_of(own_database)
    scopes = [await make_tenant(own_database, name) for name in ("first", "second")]
    times = [now - timedelta(days=70), *sorted(now - draw.random() * timedelta(days=68) for _ in range(3)), now]
    for since, until in itertools.pairwise(times):
        for scope in scopes:
            await end_some(own_database, scope, draw, since, until)
            await add_runs(own_database, scope, some_runs(draw, since, until, draw.randrange(40)))
        if draw.random() < 0.8:
            await roll_up_to(own_database, until)
        for scope in scopes:
            for days in POINTS:
                await compared(own_database, scope, days)


async def test_nothing_is_kept_longer_than_it_is_shown(own_database: Database) -> None:
    scope, now = await make_tenant(own_database, "old"), await now_of(own_database)
    await add_runs(own_database, scope, [{"created_at": now - timedelta(days=days)} for days in range(1, 140)])
    await roll_up_to(own_database, now - timedelta(days=50))
    pieces = await roll_up_to(own_database, now)
    assert 50 <= pieces <= 52, "a day at a time"
    async with own_database.transaction(scope) as tx:
        first, rows = (await tx.session.execute(sa.text("SELECT min(hour), count(*) FROM run_hours"))).one()
    assert now - timedelta(days=61, hours=1) <= first
    assert 60 <= rows <= 61


async def test_added_up_hours_are_not_read_again_and_stay_their_tenant_s(own_database: Database) -> None:
    mine, other = [await make_tenant(own_database, name) for name in ("mine", "other")]
    now = await now_of(own_database)
    run = {"created_at": now - 3 * HOUR, "ended_at": now - 2 * HOUR, "status": "succeeded", "cost_usd_micros": 5}
    await add_runs(own_database, mine, [run] * 3 + [{"created_at": now}])
    await roll_up_to(own_database, now)
    async with own_database.transaction(mine) as tx:
        await tx.session.execute(sa.delete(RunRow).where(RunRow.status == "succeeded"))  # type: ignore[arg-type]
    async with own_database.transaction(mine) as tx:
        found = await run_numbers(tx, days=7, points=7)
    assert found.now == RunNumbers(4, 3, 0, 0, 3600.0, 15)
    async with own_database.transaction(other) as tx:
        assert (await run_numbers(tx, days=7, points=7)).now == RunNumbers()
        assert (await tx.session.execute(sa.text("SELECT count(*) FROM run_hours"))).scalar_one() == 0


async def test_many_schedulers_at_once_add_up_once(own_database: Database) -> None:
    now, draw = await now_of(own_database), random.Random(1)
    scopes = [await make_tenant(own_database, f"t{number}") for number in range(4)]
    for scope in scopes:
        await add_runs(own_database, scope, some_runs(draw, now - timedelta(days=9), now, 60))
    done = 1
    while done:
        done = sum(await asyncio.gather(*(roll_up(own_database, 5) for _ in range(6))))
    for scope in scopes:
        await compared(own_database, scope, 7)
        async with own_database.transaction(scope) as tx:
            until = (await tx.session.execute(sa.text("SELECT until FROM run_hours_until"))).scalar_one()
        assert now - 2 * HOUR < until <= now


async def test_who_commits_late_is_waited_for(own_database: Database, fresh_owner_url: str) -> None:
    """The function is told when the oldest transaction began, and leaves out the hours since then."""
    scope, now = await make_tenant(own_database, "late"), await now_of(own_database)
    await add_runs(own_database, scope, [{"created_at": now - number * HOUR} for number in range(9)])
    await roll_up_to(own_database, now - 4 * HOUR)
    async with own_database.transaction(scope) as tx:
        until = (await tx.session.execute(sa.text("SELECT until FROM run_hours_until"))).scalar_one()
    assert until == (now - 4 * HOUR).replace(minute=0, second=0, microsecond=0)
    owner = sa.create_engine(fresh_owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with owner.begin() as connection:
        connection.execute(
            sa.text("""CREATE OR REPLACE FUNCTION heddle_roll_up(p_before timestamptz, p_ms integer) RETURNS integer
            LANGUAGE sql AS 'SELECT (extract(epoch FROM clock_timestamp() - p_before) * 1000)::integer'""")
        )
    owner.dispose()
    async with own_database.transaction(scope):
        await asyncio.sleep(0.3)
        assert await roll_up(own_database) >= 300


async def test_the_scheduler_adds_up(own_database: Database, redis: Redis) -> None:
    scope, now = await make_tenant(own_database, "kept"), await now_of(own_database)
    await add_runs(
        own_database, scope, [{"created_at": now - 5 * HOUR, "status": "failed", "ended_at": now - 4 * HOUR}]
    )
    scheduler = Scheduler(own_database, redis)
    serving = asyncio.create_task(scheduler.serve())
    rows = 0
    async with asyncio.timeout(30):
        while rows < 2:
            await asyncio.sleep(0.05)
            async with own_database.transaction(scope) as tx:
                rows = (await tx.session.execute(sa.text("SELECT count(*) FROM run_hours"))).scalar_one()
    scheduler.stop()
    await serving
    assert (await compared(own_database, scope, 7)).now == RunNumbers(1, 0, 1)
