"""Waiting runs: no worker is held, restarts lose nothing, and the database's clock is the one that counts."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from engine.settings import Settings
from engine.store.access import runs
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from engine.store.urls import app_url
from runners.client import ByText, RunRequest
from runners.clocks import ShiftedClock, WallClock
from runners.connections import Connections
from runners.runtime import Runtime
from tests.conftest import make_tenant
from tests.support.counting import counting_world, until, workflow_text
from tests.support.servers import SECRET, TestServers
from tests.support.worker_process import started


def waiting(config: str) -> str:
    nodes = [
        "- {name: start, type: start, config: {}}",
        f"- {{name: pause, type: wait, config: {{{config}}}}}",
        "- {name: call, type: tool, config: {tool_name: count, parameters: {}}}",
        "- {name: end, type: end, config: {output: {event: context.event, timed_out: context.timed_out}}}",
    ]
    names = ("start", "pause", "call", "end")
    return workflow_text("waiting", nodes, [f"- {{from: {a}, to: {b}}}" for a, b in pairwise(names)])


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


@pytest.fixture
def place(settings: Settings, connections: Connections) -> tuple[Settings, Connections]:
    return settings, connections


async def row_of(database: Database, scope: Scope, run_id: UUID) -> RunRow:
    async with database.transaction(scope) as tx:
        return await runs.get_run(tx, run_id)


async def waits_of(database: Database, scope: Scope) -> list[Any]:
    async with database.transaction(scope) as tx:
        found = await tx.session.execute(sa.text("SELECT path, reason, signal, closed_by FROM run_waits ORDER BY seq"))
        return [tuple(row) for row in found]


async def test_a_waiting_run_is_listed_until_its_signal_comes(
    runtime: Runtime, scope: Scope, database: Database
) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(waiting("event: {name: paid}")), {}))
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    async with database.transaction(scope) as tx:
        (wait,) = await runs.waiting_for(tx, "paid")
    assert (wait.run_id, wait.path, wait.until) == (run_id, "pause", None)
    await runtime.client.signal(scope, run_id, "other", {})
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    await runtime.client.signal(scope, run_id, "paid", {"by": "card"})
    assert await runtime.host.execute(scope.tenant_id, run_id) == "succeeded"
    view = await runtime.client.get(scope, run_id)
    assert view.output["event"] == {"name": "paid", "data": {"by": "card"}}
    assert [wait[3] is None for wait in await waits_of(database, scope)] == [False]


async def test_a_cancelled_run_waits_for_nothing(runtime: Runtime, scope: Scope, database: Database) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(waiting("seconds: 3600")), {}))
    await runtime.host.execute(scope.tenant_id, run_id)
    await runtime.client.cancel(scope, run_id)
    assert [wait[3] for wait in await waits_of(database, scope)] == ["cancelled"]


async def test_another_tenant_sees_no_waits_and_sends_no_signals(
    runtime: Runtime, scope: Scope, other_scope: Scope, database: Database
) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(waiting("event: {name: paid}")), {}))
    await runtime.host.execute(scope.tenant_id, run_id)
    async with database.transaction(other_scope) as tx:
        assert await runs.waiting_for(tx, "paid") == []
    with pytest.raises(Exception, match="No such run"):
        await runtime.client.signal(other_scope, run_id, "paid", {})


@pytest.mark.parametrize("ahead_s", [3600, -3600])
async def test_a_worker_whose_clock_is_wrong_keeps_the_right_time(
    place: tuple[Settings, Connections], scope: Scope, database: Database, tmp_path: Path, ahead_s: float
) -> None:
    wrong = counting_world(tmp_path / "effects")._replace(clock=ShiftedClock(WallClock(), ahead_s))
    runtime = await Runtime.open(*place, ports=wrong)
    try:
        run_id = await runtime.client.submit(scope, RunRequest(ByText(waiting("seconds: 600")), {}))
        assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
        row = await row_of(database, scope, run_id)
        assert row.wake_at is not None
        assert abs(row.wake_at.timestamp() - time.time() - 600) < 60
        async with database.transaction(scope) as tx:  # its time has come, by the database's clock
            await tx.session.execute(
                sa.text("UPDATE runs SET status = 'queued', wake_at = now() WHERE run_id = :run_id"), {"run_id": run_id}
            )
        assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended", "woken early it goes on waiting"
        assert abs((await row_of(database, scope, run_id)).wake_at.timestamp() - row.wake_at.timestamp()) < 60  # type: ignore[union-attr]
    finally:
        await runtime.close()


async def test_waits_outlive_every_process(
    servers: TestServers, fresh_owner_url: str, redis_url: str, tmp_path: Path
) -> None:
    connections = servers.connections(fresh_owner_url, redis_url)
    settings = servers.settings(tmp_path / "data", fresh_owner_url, redis_url)
    database = Database(app_url(fresh_owner_url, SECRET))
    scope = await make_tenant(database, "waits")
    runtime = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    try:
        by_time = await runtime.client.submit(scope, RunRequest(ByText(waiting("seconds: 5")), {}))
        by_event = await runtime.client.submit(scope, RunRequest(ByText(waiting("event: {name: paid}")), {}))

        async def status(run_id: UUID) -> str:
            return (await row_of(database, scope, run_id)).status

        with started("worker", fresh_owner_url, redis_url, tmp_path / "effects") as (first,):
            async with asyncio.timeout(30):
                while {await status(by_time), await status(by_event)} != {"suspended"}:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            first.send(signal.SIGKILL)
            first.wait()
        await runtime.client.signal(scope, by_event, "paid", {"n": 1})
        place = (fresh_owner_url, redis_url, tmp_path / "effects")
        with started("scheduler", *place), started("worker", *place):
            for run_id in (by_time, by_event):
                assert (await runtime.client.wait(scope, run_id, 60)).status == "succeeded"
    finally:
        await runtime.close()
        await database.close()


async def test_a_signal_reaches_a_run_under_way_in_another_process(
    runtime: Runtime, scope: Scope, settings: Settings, connections: Connections, tmp_path: Path
) -> None:
    nodes = [
        "- {name: start, type: start, config: {}}",
        "- {name: fork, type: parallel, config: {}}",
        "- {name: work, type: tool, config: {tool_name: count, parameters: {seconds: 20}}}",
        "- {name: paid, type: wait, config: {event: {name: paid}}}",
        "- {name: first, type: join, config: {mode: any}}",
        "- {name: end, type: end, config: {}}",
    ]
    pairs = [
        ("start", "fork"),
        ("fork", "work"),
        ("fork", "paid"),
        ("work", "first"),
        ("paid", "first"),
        ("first", "end"),
    ]
    text = workflow_text("both", nodes, [f"- {{from: {a}, to: {b}}}" for a, b in pairs])
    other = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    try:
        run_id = await runtime.client.submit(scope, RunRequest(ByText(text), {}))
        task = asyncio.create_task(other.host.execute(scope.tenant_id, run_id))
        await until((tmp_path / "effects").exists)
        await asyncio.sleep(0.3)
        began = time.monotonic()
        await runtime.client.signal(scope, run_id, "paid", {})
        assert await asyncio.wait_for(task, 15) == "succeeded"
        assert time.monotonic() - began < 15
    finally:
        await other.close()
