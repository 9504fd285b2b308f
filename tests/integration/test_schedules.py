"""Schedules on a real database: each moment once, however many schedulers there are and whatever happens to them."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.errors import Conflict
from engine.store.access import run_list, schedules, workflows
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from engine.store.tables.triggers import Schedule
from engine.store.urls import app_url
from runners import ticker
from runners.queue import RunQueue
from runners.scheduler import Scheduler
from runners.sweeper import sweep
from runners.ticker import Plan, decide, tick
from studio.services import publishing
from studio.services.schedules import listing
from tests.conftest import make_tenant
from tests.support.counting import until
from tests.support.servers import SECRET
from tests.support.worker_process import started

HEAD = """\
name: "{name}"
version: "1.0.0"
description: "a test"
category: "system"
priority: "low"
nodes:
  - {{name: "start", type: "start", config: {config}}}
  - {{name: "end", type: "end"}}
edges:
  - {{from: "start", to: "end", condition: null}}
triggers:
"""


@pytest.fixture
async def database(fresh_owner_url: str) -> AsyncIterator[Database]:
    """A database of its own: the ticker looks at all tenants."""
    opened = Database(app_url(fresh_owner_url, SECRET), pool_size=10)
    yield opened
    await opened.close()


@pytest.fixture
async def scope(database: Database) -> Scope:
    return await make_tenant(database, "ticked")


def text(*configs: str, name: str = "nightly", start: str = "{}") -> str:
    lines = [f"  - {{name: t{i}, type: schedule, config: {{{config}}}}}\n" for i, config in enumerate(configs)]
    return HEAD.format(name=name, config=start) + ("".join(lines) or "  - {type: manual}\n")


async def publish(database: Database, scope: Scope, *configs: str, name: str = "nightly", start: str = "{}") -> UUID:
    written = text(*configs, name=name, start=start)
    async with database.transaction(scope) as tx:
        try:
            row = await workflows.create(tx, written)
        except Conflict:
            row = await workflows.get_by_name(tx, name)
            await workflows.save_draft(tx, row.workflow_id, text=written, revision=row.revision)
    await publishing.publish(database, scope, row.workflow_id)
    return row.workflow_id


async def rows_of(database: Database, scope: Scope) -> list[Schedule]:
    async with database.transaction(scope) as tx:
        return [found.row for found in await schedules.listing(tx)]


async def set_back(database: Database, scope: Scope, **values: Any) -> datetime:
    """Let the time of all schedules have come; returns the moment that was due: the last full minute."""
    async with database.transaction(scope) as tx:
        now = await schedules.database_now(tx)
        moment = values.pop("next_at", None) or now.replace(second=0, microsecond=0)
        await tx.session.execute(sa.update(Schedule).values(next_at=moment, look_at=moment, **values))
    return moment


async def all_runs(database: Database, scope: Scope) -> list[RunRow]:
    async with database.transaction(scope) as tx:
        found = (await run_list.list_runs(tx, trigger="schedule", limit=200)).rows
    return sorted(found, key=lambda run: run.input.get("scheduled_at", ""))


async def end_runs(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        await tx.session.execute(
            sa.text("UPDATE runs SET status = 'succeeded', ended_at = clock_timestamp() WHERE ended_at IS NULL")
        )


async def look_now(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        await tx.session.execute(sa.text("UPDATE schedules SET look_at = now() WHERE look_at IS NOT NULL"))


async def test_publishing_keeps_what_the_file_says(database: Database, scope: Scope) -> None:
    config = "cron: '0 8 * * *', timezone: Europe/Berlin, input: {message: hi}, overlap: queue"
    workflow_id = await publish(database, scope, config, "cron: '*/5 * * * *'")
    first, second = sorted(await rows_of(database, scope), key=lambda row: row.key)
    assert (first.cron, first.timezone, first.overlap, first.catch_up) == ("0 8 * * *", "Europe/Berlin", "queue", 10)
    assert (second.overlap, second.catch_up, second.input) == ("skip", 1, {})
    assert first.next_at is not None
    assert first.next_at > datetime.now(UTC) - timedelta(minutes=5)
    await publish(database, scope, config + ", catch_up: 2", "cron: '*/7 * * * *'")
    again, changed = sorted(await rows_of(database, scope), key=lambda row: row.key)
    assert (again.schedule_id, again.next_at, again.catch_up) == (first.schedule_id, first.next_at, 2)
    assert (changed.schedule_id, changed.cron) == (second.schedule_id, "*/7 * * * *")
    await publish(database, scope, config)
    assert [row.key for row in await rows_of(database, scope)] == ["t0"]
    await publishing.unpublish(database, scope, workflow_id)
    assert await rows_of(database, scope) == []
    with pytest.raises(Conflict):
        await publishing.unpublish(database, scope, workflow_id)


async def test_another_tenant_sees_no_schedules(database: Database, scope: Scope) -> None:
    await publish(database, scope, "cron: '* * * * *'")
    other = await make_tenant(database, "other")
    assert await rows_of(database, other) == []
    assert await listing(database, other) == []


async def test_several_schedulers_start_each_moment_once(database: Database, redis: Redis, scope: Scope) -> None:
    scopes = [scope, *[await make_tenant(database, f"ticked{i}") for i in range(3)]]
    for each in scopes:
        await publish(database, each, *["cron: '* * * * *'"] * 5)
        moment = await set_back(database, each)
    queue = RunQueue(redis)
    started = await asyncio.gather(*(tick(database, queue) for _ in range(6)))
    assert sum(started) == 20
    assert await queue.length() == 20
    for each in scopes:
        found = await all_runs(database, each)
        assert len({run.idempotency_key for run in found}) == len(found) == 5
        assert {(run.trigger, run.created_by, run.version_number) for run in found} == {("schedule", None, 1)}
        assert {run.input["scheduled_at"] for run in found} == {moment.isoformat()}
        assert all(row.next_at == moment + timedelta(minutes=1) for row in await rows_of(database, each))
    assert sum(await asyncio.gather(*(tick(database, queue) for _ in range(3)))) == 0


async def test_a_scheduler_whose_clock_is_an_hour_off(
    database: Database, redis: Redis, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its clock is asked for nothing: what is due is due by the database's."""
    await publish(database, scope, "cron: '* * * * *'")
    moment = await set_back(database, scope)
    await set_back(database, scope, next_at=moment + timedelta(minutes=30))
    real = time.time
    for offset in (3600, -3600):

        class Shifted(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:
                return datetime.fromtimestamp(real() + offset, tz)  # noqa: B023

        monkeypatch.setattr(time, "time", lambda: real() + offset)  # noqa: B023
        for module in (ticker, ticker.schedules, ticker.language):
            monkeypatch.setattr(module, "datetime", Shifted)
        assert await tick(database, RunQueue(redis)) == 0
    monkeypatch.undo()
    await set_back(database, scope)
    monkeypatch.setattr(time, "time", lambda: real() - 3600)
    assert await tick(database, RunQueue(redis)) == 1


async def test_killed_before_the_wake_up_the_run_is_swept_up(database: Database, scope: Scope, redis: Redis) -> None:
    await publish(database, scope, "cron: '* * * * *'")
    await set_back(database, scope)
    nowhere = Redis(host="127.0.0.1", port=1)
    with pytest.raises(RedisError):
        await tick(database, RunQueue(nowhere))
    await nowhere.aclose()
    (run,) = await all_runs(database, scope)
    assert run.status == "queued"
    async with database.transaction(scope) as tx:
        await tx.session.execute(sa.text("UPDATE runs SET created_at = created_at - interval '5 seconds'"))
    assert (await sweep(database, RunQueue(redis))).woken == 1
    assert await tick(database, RunQueue(redis)) == 0
    assert len(await all_runs(database, scope)) == 1


async def test_killed_before_the_commit_nothing_has_happened(
    database: Database, scope: Scope, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    await publish(database, scope, "cron: '* * * * *'")
    moment = await set_back(database, scope)

    def die(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(ticker.schedules, "wait_for", die)
    with pytest.raises(asyncio.CancelledError):
        await tick(database, RunQueue(redis))
    monkeypatch.undo()
    assert await all_runs(database, scope) == []
    assert await tick(database, RunQueue(redis)) == 0  # the dead one has it for some seconds more
    await look_now(database, scope)
    assert await tick(database, RunQueue(redis)) == 1
    (run,) = await all_runs(database, scope)
    assert run.input["scheduled_at"] == moment.isoformat()


async def test_after_an_outage_the_latest_moments_are_made_up_for(
    database: Database, scope: Scope, redis: Redis
) -> None:
    await publish(database, scope, "cron: '* * * * *', catch_up: 3")
    last = (await set_back(database, scope)).replace(second=0)
    await set_back(database, scope, next_at=last - timedelta(days=30))
    queue = RunQueue(redis)
    async with database.transaction(scope) as tx:  # so that the walk below cannot meet a new minute
        now = await schedules.database_now(tx)
    for _ in range(12):
        await look_now(database, scope)
        await tick(database, queue)
        await end_runs(database, scope)
    made_up = [datetime.fromisoformat(run.input["scheduled_at"]) for run in await all_runs(database, scope)]
    assert made_up == sorted(set(made_up))
    assert all(now - timedelta(minutes=5) < moment <= now + timedelta(minutes=2) for moment in made_up)
    assert 3 <= len(made_up) <= 6


async def test_without_catching_up_only_the_future_counts(database: Database, scope: Scope, redis: Redis) -> None:
    await publish(database, scope, "cron: '0 0 1 1 *', catch_up: 0")
    await set_back(database, scope, next_at=datetime(2020, 1, 1, tzinfo=UTC))
    assert await tick(database, RunQueue(redis)) == 0
    (row,) = await rows_of(database, scope)
    assert row.next_at is not None
    assert row.next_at > datetime.now(UTC) - timedelta(days=1)


async def test_a_moment_during_the_run_before_is_left_out(database: Database, scope: Scope, redis: Redis) -> None:
    await publish(database, scope, "cron: '* * * * *', overlap: skip")
    queue = RunQueue(redis)
    await set_back(database, scope)
    assert await tick(database, queue) == 1
    async with database.transaction(scope) as tx:  # it began ten minutes ago, and goes on
        await tx.session.execute(sa.text("UPDATE runs SET created_at = created_at - interval '10 minutes'"))
    moment = await set_back(database, scope)
    assert await tick(database, queue) == 0
    (row,) = await rows_of(database, scope)
    # The one after, and the one after that when a minute has begun meanwhile.
    assert row.next_at in [moment + timedelta(minutes=minutes) for minutes in (1, 2)]
    assert len(await all_runs(database, scope)) == 1


async def test_a_moment_during_the_run_before_waits_for_its_end(database: Database, scope: Scope, redis: Redis) -> None:
    await publish(database, scope, "cron: '* * * * *', overlap: queue, catch_up: 100")
    queue = RunQueue(redis)
    first = await set_back(database, scope) - timedelta(minutes=3)
    await set_back(database, scope, next_at=first)
    assert await tick(database, queue) == 1
    for _ in range(3):
        await look_now(database, scope)
        assert await tick(database, queue) == 0
    (row,) = await rows_of(database, scope)
    assert row.next_at == first + timedelta(minutes=1), "nothing is passed over"
    await end_runs(database, scope)
    await look_now(database, scope)
    assert await tick(database, queue) == 1
    found = [datetime.fromisoformat(run.input["scheduled_at"]) for run in await all_runs(database, scope)]
    assert found == [first, first + timedelta(minutes=1)]


def _plan(overlap: str, catch_up: int, next_at: str, now: str, before: RunRow | None = None) -> Plan:
    row = Schedule(cron="0 * * * *", timezone="UTC", overlap=overlap, catch_up=catch_up, next_at=_at(next_at))  # type: ignore[call-arg]
    return decide(row, before, _at(now))


def _at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-05-05T{clock}:00+00:00")


def _run(status: str, created: str, ended: str | None = None) -> RunRow:
    return RunRow(status=status, created_at=_at(created), ended_at=ended and _at(ended))  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("plan", "expected"),
    [
        (_plan("skip", 1, "09:00", "09:00"), Plan(_at("09:00"), _at("09:00"))),
        (_plan("skip", 1, "05:00", "09:30"), Plan(_at("09:00"), _at("09:00"))),
        (_plan("skip", 2, "05:00", "09:30"), Plan(_at("08:00"), _at("08:00"))),
        (_plan("skip", 0, "05:00", "09:30"), Plan(None, _at("09:00"))),
        (_plan("skip", 0, "05:00", "09:00"), Plan(_at("09:00"), _at("09:00"))),
        # The one before goes on since before the moment; it ended after the moment; it ended in time.
        (_plan("skip", 1, "09:00", "09:00", _run("running", "08:00")), Plan(None, _at("09:00"))),
        (_plan("skip", 1, "09:00", "09:30", _run("succeeded", "08:00", "09:10")), Plan(None, _at("09:00"))),
        (_plan("skip", 1, "09:00", "09:30", _run("failed", "08:00", "08:50")), Plan(_at("09:00"), _at("09:00"))),
        # It made up for an earlier one, later than this moment: one after the other.
        (_plan("skip", 5, "09:00", "09:30", _run("queued", "09:29")), Plan(None, None, waits=True)),
        (_plan("queue", 5, "09:00", "09:00", _run("suspended", "08:00")), Plan(None, None, waits=True)),
        (_plan("queue", 2, "05:00", "09:30", _run("running", "04:00")), Plan(None, _at("07:00"), waits=True)),
        (_plan("queue", 5, "09:00", "09:30", _run("cancelled", "08:00", "09:10")), Plan(_at("09:00"), _at("09:00"))),
    ],
)
def test_what_becomes_of_a_moment(plan: Plan, expected: Plan) -> None:
    assert plan == expected


async def test_archived_unpublished_and_suspended_ones_rest(database: Database, scope: Scope, redis: Redis) -> None:
    workflow_id = await publish(database, scope, "cron: '* * * * *'")
    queue = RunQueue(redis)
    async with database.transaction(scope) as tx:
        await workflows.archive(tx, workflow_id)
    await set_back(database, scope)
    assert await tick(database, queue) == 0
    (line,) = await listing(database, scope)
    assert (line.next, line.fault) == ((), "the workflow is archived")
    async with database.transaction(scope) as tx:
        await workflows.archive(tx, workflow_id, archived=False)
        await tx.session.execute(sa.text("UPDATE tenants SET status = 'suspended'"))
    assert await tick(database, queue) == 0
    async with database.transaction(scope) as tx:
        await tx.session.execute(sa.text("UPDATE tenants SET status = 'active'"))
    assert await tick(database, queue) == 1


async def test_a_schedule_that_nobody_understands_rests_and_stops_no_other(
    database: Database, scope: Scope, redis: Redis
) -> None:
    await publish(database, scope, "cron: '* * * * *'", "cron: '* * * * *'", "cron: '* * * * *'")
    await set_back(database, scope)
    async with database.transaction(scope) as tx:
        await tx.session.execute(sa.text("UPDATE schedules SET timezone = 'Mars/Olympus' WHERE key = 't1'"))
    assert await tick(database, RunQueue(redis)) == 2
    faults = {row.key: row.fault for row in await rows_of(database, scope)}
    assert faults == {"t0": None, "t1": "there is no time zone `Mars/Olympus`", "t2": None}


@pytest.mark.parametrize(
    ("schema", "has_time"),
    [
        ("{}", True),
        ("{input_schema: {properties: {a: {}}, additionalProperties: false}}", False),
        ("{input_schema: {properties: {scheduled_at: {}}, additionalProperties: false}}", True),
    ],
)
async def test_the_time_is_told_where_the_workflow_takes_it(
    database: Database, scope: Scope, redis: Redis, schema: str, has_time: bool
) -> None:
    await publish(database, scope, "cron: '* * * * *', timezone: Asia/Kolkata, input: {a: 1}", start=schema)
    moment = await set_back(database, scope)
    await tick(database, RunQueue(redis))
    (run,) = await all_runs(database, scope)
    assert run.input.get("a") == 1
    assert ("scheduled_at" in run.input) == has_time
    if has_time:
        assert run.input["scheduled_at"].endswith("+05:30")
        assert datetime.fromisoformat(run.input["scheduled_at"]) == moment


async def test_the_scheduler_role_ticks(database: Database, scope: Scope, redis: Redis) -> None:
    await publish(database, scope, "cron: '* * * * *'")
    await set_back(database, scope)
    scheduler = Scheduler(database, redis, interval_s=0.05)
    serving = asyncio.create_task(scheduler.serve())
    woken = asyncio.create_task(_woken(redis))
    await until(woken.done, 20)
    scheduler.stop()
    await serving
    assert [run.status for run in await all_runs(database, scope)][:1] == ["queued"]


async def _woken(redis: Redis) -> None:
    while not await redis.llen("rq:queue:heddle"):  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def test_schedulers_that_are_killed_again_and_again(
    database: Database, fresh_owner_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Real processes, killed in the middle of a hundred due schedules: every moment has its run, and none has two."""
    scopes = [await make_tenant(database, f"killed{i}") for i in range(2)]
    for each in scopes:
        await publish(database, each, *["cron: '0 0 * * *', catch_up: 1"] * 50)
        moment = await set_back(database, each, next_at=datetime(2026, 1, 1, tzinfo=UTC))

    async def count() -> int:
        return sum([len(await all_runs(database, each)) for each in scopes])

    for _ in range(3):
        before = await count()
        with started("scheduler", fresh_owner_url, redis_url, tmp_path / "effects", count=2) as processes:
            while await count() < min(before + 5, 95):  # noqa: ASYNC110 - until they are in the middle of it
                await asyncio.sleep(0.005)
            for process in processes:
                process.send(signal.SIGKILL)
        for each in scopes:
            await look_now(database, each)
    with started("scheduler", fresh_owner_url, redis_url, tmp_path / "effects", count=2):
        for each in scopes:
            while len(await all_runs(database, each)) < 50:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    for each in scopes:
        found = await all_runs(database, each)
        assert len({run.idempotency_key for run in found}) == len(found) == 50
        assert {row.last_run_id for row in await rows_of(database, each)} == {run.run_id for run in found}
        assert all(datetime.fromisoformat(run.input["scheduled_at"]) > moment for run in found), "only the latest"
