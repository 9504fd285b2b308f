"""What an operator can do to the processes without losing a run or repeating what was done.

Real worker and scheduler processes, a real queue, a real database. Leases last 1.5 s here instead of 15 s.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
from redis.asyncio import Redis
from rq import Queue
from rq.job import Job
from rq.registry import FinishedJobRegistry
from rq.serializers import JSONSerializer

from engine.store.access import runs
from runners.queue import QUEUE_NAME, WakeUp
from tests.support.counting import chain, until, workflow_text
from tests.support.place import Place, open_place
from tests.support.servers import TestServers
from tests.support.worker_process import LEASE_S, MAX_LEASES


@pytest.fixture
async def place(servers: TestServers, fresh_owner_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(servers, fresh_owner_url, redis_url, tmp_path) as found:
        yield found


async def test_killed_worker_loses_no_run_and_repeats_no_journalled_step(place: Place) -> None:
    ids = await place.submit(chain(5, 0.15), 30)
    with place.started("scheduler"):
        with place.started("worker") as (victim,):
            await until(lambda: len(place.calls()) > 40)
            victim.send(signal.SIGKILL)
            victim.wait()
        durable = await place.journalled(ids)
        assert durable
        with place.started("worker"):
            assert await place.statuses(ids) == {"succeeded": 30}
    calls = place.calls()
    assert len(calls) == 150
    assert {key: calls[key] for key in durable} == dict.fromkeys(durable, 1)
    repeated = [key for key, count in calls.items() if count > 1]
    assert len(repeated) <= 30  # at most the one call that each run was in the middle of


async def test_frozen_worker_is_fenced_when_it_comes_back(place: Place) -> None:
    ids = await place.submit(chain(4, 0.4), 8)
    with place.started("scheduler"), place.started("worker") as (zombie,):
        await until(lambda: len(place.calls()) >= 8)
        zombie.send(signal.SIGSTOP)
        await asyncio.sleep(LEASE_S + 0.3)
        with place.started("worker"):
            assert await place.statuses(ids) == {"succeeded": 8}
            before = {run_id: await place.runtime.client.steps(place.scope, run_id) for run_id in ids}
            zombie.send(signal.SIGCONT)
            await asyncio.sleep(1.5)
            after = {run_id: await place.runtime.client.steps(place.scope, run_id) for run_id in ids}
        assert before == after
        zombie.send(signal.SIGTERM)
        assert zombie.wait() == 0
    for steps in after.values():
        assert [s.path for s in steps] == [
            "start",
            *(f"{kind}call_{i}" for i in range(4) for kind in ("", "note_")),
            "end",
        ]
    assert await place.statuses(ids) == {"succeeded": 8}


async def test_runs_survive_a_flushed_redis(place: Place) -> None:
    redis = Redis.from_url(place.redis_url)
    waiting = await place.submit(chain(2, 0.05), 10)
    await redis.flushdb()
    with place.started("scheduler"), place.started("worker"):
        running = await place.submit(chain(4, 0.2), 10)
        await until(lambda: len(place.calls()) > 12)
        await redis.flushdb()
        assert await place.statuses(waiting + running) == {"succeeded": 20}
    assert set(place.calls().values()) == {1}
    await redis.aclose()


async def test_runs_survive_cut_database_connections(place: Place) -> None:
    with place.started("scheduler"), place.started("worker"):
        ids = await place.submit(chain(5, 0.2), 15)
        for calls in (10, 40):
            await until(lambda: len(place.calls()) > calls)  # noqa: B023 - called before the next round
            cut_database_connections(place.owner_url)
        assert await place.statuses(ids) == {"succeeded": 15}
    assert set(place.calls().values()) == {1}
    assert len(place.calls()) == 75


def cut_database_connections(owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


async def test_doubled_wake_ups_run_once(place: Place) -> None:
    ids = await place.submit(chain(3, 0.1), 5)
    with place.started("worker", 2):
        for _ in range(5):
            await place.runtime.queue.wake([WakeUp(place.scope.tenant_id, run_id, 0) for run_id in ids])
            await asyncio.sleep(0.05)
        assert await place.statuses(ids) == {"succeeded": 5}
    assert set(place.calls().values()) == {1}
    assert len(place.calls()) == 15


async def test_sigterm_hands_runs_over_at_the_next_step(place: Place) -> None:
    ids = await place.submit(chain(6, 0.3), 6)
    with place.started("worker") as (first,):
        await until(lambda: len(place.calls()) >= 6)
        first.send(signal.SIGTERM)
        assert first.wait(10) == 0
    handed_over = {(await place.runtime.client.get(place.scope, run_id)).status for run_id in ids}
    assert handed_over == {"queued"}
    assert len(place.calls()) < 24
    with place.started("worker"):  # no scheduler here: the hand-over itself has woken the next worker
        assert await place.statuses(ids) == {"succeeded": 6}
    assert set(place.calls().values()) == {1}


async def test_second_sigterm_cuts_steps_off_and_their_runs_go_on_elsewhere(place: Place) -> None:
    ids = await place.submit(chain(1, 3), 3)
    with place.started("worker") as (first,):
        await until(lambda: len(place.calls()) == 3)
        first.send(signal.SIGTERM)
        await asyncio.sleep(0.3)
        first.send(signal.SIGTERM)
        assert first.wait(10) == 0
    with place.started("worker"):
        assert await place.statuses(ids) == {"succeeded": 3}
    assert set(place.calls().values()) == {2}  # the same idempotency key: the tool can tell


async def test_a_run_that_kills_its_workers_fails_in_the_end(place: Place) -> None:
    (poison,) = await place.submit(chain(1, 0, tool="crash"))
    deaths = 0
    with place.started("scheduler"):
        while await place.statuses([poison], 0.1) != {"failed": 1}:
            with place.started("worker") as (victim,):
                while victim.exit_code is None and await place.statuses([poison], 0.3) != {"failed": 1}:
                    pass
                deaths += victim.exit_code == 9
    view = await place.runtime.client.get(place.scope, poison)
    assert (view.status, view.error["code"]) == ("failed", "run_abandoned")
    assert deaths == 1 + MAX_LEASES  # the first lease made progress: it wrote down the start


async def test_a_far_retry_holds_no_worker_and_the_timer_wakes_the_run(place: Place) -> None:
    text = workflow_text(
        "patient",
        ["- {name: start, type: start, config: {}}",
         "- {name: call, type: tool, config: {tool_name: fail},"
         " retry: {max_attempts: 2, backoff: fixed, initial_seconds: 40, max_seconds: 40, jitter: false}}",
         "- {name: end, type: end, config: {}}"],
        ["- {from: start, to: call, condition: null}", "- {from: call, to: end, condition: null}"],
    )  # fmt: skip
    (run_id,) = await place.submit(text)
    with place.started("worker"), place.started("scheduler", 2):
        await until(lambda: len(place.calls()) == 1)
        while (await place.runtime.client.get(place.scope, run_id)).status != "suspended":  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        async with place.runtime.db.transaction(place.scope) as tx:
            row = await runs.get_run(tx, run_id)
            (failed,) = [s for s in await runs.list_steps(tx, run_id) if s.status == "failed"]
        assert row.lease_owner is None
        assert abs(row.wake_at.timestamp() - failed.outcome["then"]["at"]) < 5
        assert (await place.runtime.client.cancel(place.scope, run_id)).status == "cancelled"
    assert set(place.calls().values()) == {1}


async def test_rq_sees_the_jobs_it_would_see_of_its_own_worker(place: Place) -> None:
    ids = await place.submit(chain(1, 0), 4)
    with place.started("worker"):
        assert await place.statuses(ids) == {"succeeded": 4}
        await asyncio.sleep(0.3)
    connection = place_connection(place.redis_url)
    queue = Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)
    finished = FinishedJobRegistry(queue=queue).get_job_ids()
    assert set(finished) == {f"run-{run_id}-0" for run_id in ids}
    job = Job.fetch(finished[0], connection=connection, serializer=JSONSerializer)
    assert (job.get_status().value, job.return_value()) == ("finished", "succeeded")
    assert job.args[0] == str(place.scope.tenant_id)
    assert queue.started_job_registry.count == 0
    assert connection.llen(queue.intermediate_queue_key) == 0
    connection.close()


def place_connection(redis_url: str):  # type: ignore[no-untyped-def]
    import redis

    return redis.Redis.from_url(redis_url)
