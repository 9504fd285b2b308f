"""The sweeper: it finds what nobody works on, once, for every tenant, and shows nobody anything of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from engine.store.access import runs, workflows
from engine.store.access.runs import LeaseFor, NewRun
from engine.store.journal import JournalHub
from engine.store.session import Database, Scope
from engine.store.urls import app_url
from runners.clocks import WallClock
from runners.queue import RunQueue, WakeUp
from runners.scheduler import Scheduler
from runners.sweeper import Swept, sweep
from tests.conftest import make_tenant
from tests.support.counting import until
from tests.support.servers import SECRET


@pytest.fixture
async def database(fresh_owner_url: str) -> AsyncIterator[Database]:
    """A database of its own: the sweeper looks at all tenants."""
    opened = Database(app_url(fresh_owner_url, SECRET))
    yield opened
    await opened.close()


@pytest.fixture
async def scopes(database: Database) -> list[Scope]:
    return [await make_tenant(database, f"swept{i}") for i in range(2)]


async def accept(database: Database, scope: Scope, age_s: float = 0, lease: LeaseFor | None = None) -> UUID:
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        row, _ = await runs.create_run(tx, NewRun("w", digest, "manual", {}), lease)
        await tx.session.execute(
            sa.text("UPDATE runs SET created_at = now() - make_interval(secs => :age) WHERE run_id = :id"),
            {"age": age_s, "id": row.run_id},
        )
        return row.run_id


async def test_lost_wake_ups_of_all_tenants_are_sent_once(
    database: Database, redis: Redis, scopes: list[Scope]
) -> None:
    for scope in scopes:
        for _ in range(10):
            await accept(database, scope, age_s=60)
    await accept(database, scopes[0])  # just submitted: its wake-up is under way
    queue = RunQueue(redis)
    swept = await asyncio.gather(*(sweep(database, queue) for _ in range(4)))
    assert sum(s.found for s in swept) == sum(s.woken for s in swept) == 20
    assert await queue.length() == 20
    assert await sweep(database, queue) == Swept(0, 0)


async def test_a_run_that_waits_in_the_queue_is_left_there(
    database: Database, redis: Redis, scopes: list[Scope]
) -> None:
    run_id = await accept(database, scopes[0], age_s=60)
    queue = RunQueue(redis)
    await queue.wake([WakeUp(scopes[0].tenant_id, run_id, 0)])
    assert await sweep(database, queue) == Swept(1, 0)
    assert await queue.length() == 1


async def test_a_job_that_vanished_from_the_queue_is_put_back(
    database: Database, redis: Redis, scopes: list[Scope]
) -> None:
    wake_up = WakeUp(scopes[0].tenant_id, await accept(database, scopes[0], age_s=60), 0)
    queue = RunQueue(redis)
    await queue.wake([wake_up])
    await redis.delete("rq:queue:heddle")
    assert await queue.wake_missing([wake_up]) == []  # a worker may have it in its hands
    await redis.hset(f"rq:job:{wake_up.job_id}", "enqueued_at", "2020-01-01T00:00:00.000000Z")
    assert await queue.wake_missing([wake_up]) == [wake_up]
    assert await queue.length() == 1


async def test_ended_leases_and_due_timers_wake_their_runs(
    database: Database, redis: Redis, scopes: list[Scope], fresh_owner_url: str
) -> None:
    hub = JournalHub(app_url(fresh_owner_url, SECRET), "dead process", WallClock(), lease_s=0.3)
    hub.start()
    died = await accept(database, scopes[0], lease=LeaseFor("dead process", 0.2))
    alive = await accept(database, scopes[0], lease=LeaseFor("living process", 60))
    sleeping = {}
    for seconds in (0.2, 3600.0, None):
        run_id = await accept(database, scopes[1])
        claim = await hub.claim(scopes[1].tenant_id, run_id)
        await hub.journal(claim.lease).suspend(None if seconds is None else time.time() + seconds, 0)
        sleeping[seconds] = run_id
    await hub.close()
    await asyncio.sleep(0.5)
    queue = RunQueue(redis)
    assert await sweep(database, queue) == Swept(2, 2)
    jobs = {job.decode() for job in await redis.lrange("rq:queue:heddle", 0, -1)}
    assert jobs == {f"run-{died}-1", f"run-{sleeping[0.2]}-1"}
    async with database.transaction(scopes[1]) as tx:
        states = [(await runs.get_run(tx, sleeping[s])).status for s in (0.2, 3600.0, None)]
    assert states == ["queued", "suspended", "suspended"]
    async with database.transaction(scopes[0]) as tx:
        assert (await runs.get_run(tx, alive)).status == "running"


async def test_the_sweeper_itself_sees_no_rows(database: Database, scopes: list[Scope]) -> None:
    await accept(database, scopes[0], age_s=60)
    async with database.anonymous() as session:
        assert (await session.execute(sa.text("SELECT count(*) FROM runs"))).scalar_one() == 0
        found = (await session.execute(sa.text("SELECT * FROM heddle_due_runs(10)"))).mappings().all()
    assert set(found[0]) == {"tenant_id", "run_id", "epoch", "reason"}


async def test_scheduler_outlives_a_redis_that_is_away(database: Database, redis: Redis, scopes: list[Scope]) -> None:
    nowhere = Redis(host="127.0.0.1", port=1)
    run_id = await accept(database, scopes[0], age_s=60)
    blind = Scheduler(database, nowhere, interval_s=0.05)
    serving = asyncio.create_task(blind.serve())
    await asyncio.sleep(1.0)
    assert not serving.done()
    blind.stop()
    async with asyncio.timeout(20):
        await serving
    await nowhere.aclose()
    async with database.transaction(scopes[0]) as tx:
        await tx.session.execute(sa.text("UPDATE runs SET wake_at = now() WHERE run_id = :id"), {"id": run_id})
    seeing = Scheduler(database, redis, interval_s=0.05)
    serving = asyncio.create_task(seeing.serve())
    woken = asyncio.create_task(_appears(redis, run_id))
    await until(woken.done, 10)
    seeing.stop()
    await serving


async def _appears(redis: Redis, run_id: UUID) -> None:
    while not await redis.exists(f"rq:job:run-{run_id}-0"):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
