"""The asynchronous worker does for RQ's jobs what RQ's own worker does, many at a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from rq import Queue
from rq.command import send_stop_job_command
from rq.job import Job
from rq.registry import FailedJobRegistry, FinishedJobRegistry, StartedJobRegistry
from rq.serializers import JSONSerializer
from rq.suspension import resume, suspend
from rq.worker import BaseWorker

from runners.queue import QUEUE_NAME
from runners.worker import AsyncWorker
from tests.support import rq_jobs
from tests.support.counting import until

CONCURRENCY = 20


@pytest.fixture
def connection(redis_url: str) -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(redis_url)
    client.flushdb()
    yield client
    client.close()


@pytest.fixture
def queue(connection: redis.Redis) -> Queue:
    return Queue(QUEUE_NAME, connection=connection, serializer=JSONSerializer)


@pytest.fixture
async def worker(redis_url: str, connection: redis.Redis) -> AsyncIterator[AsyncWorker]:
    made = AsyncWorker(redis_url, concurrency=CONCURRENCY, grace_s=0.5)
    serving = asyncio.create_task(made.serve())
    yield made
    made.stop()
    await serving


def status(job: Job) -> str:
    return str(job.get_status(refresh=True).value)


async def all_in(jobs: list[Job], wanted: str, timeout_s: float = 40) -> None:
    await until(lambda: all(status(job) == wanted for job in jobs), timeout_s)


async def most_at_once(worker: AsyncWorker, jobs: list[Job]) -> int:
    """How many jobs the worker had at most until all of these were done."""
    most = 0

    def done() -> bool:
        nonlocal most
        most = max(most, len(worker._running))
        return all(status(job) == "finished" for job in jobs)

    await until(done)
    return most


@contextmanager
def held_books(worker: AsyncWorker) -> Iterator[asyncio.Event]:
    """RQ hears nothing of the worker's jobs until the event is set."""
    may_write, write = asyncio.Event(), worker._records._changes.send

    async def later(changes: list[Any]) -> None:
        await may_write.wait()
        await write(changes)

    worker._records._changes.send = later
    yield may_write
    worker._records._changes.send = write


async def test_results_of_coroutines_and_functions_are_kept(worker: AsyncWorker, queue: Queue) -> None:
    jobs = [queue.enqueue(rq_jobs.add, i, 1) for i in range(50)] + [queue.enqueue(rq_jobs.add_slowly, 2, 2)]
    await all_in(jobs, "finished")
    assert [job.return_value() for job in jobs] == [*range(1, 51), 4]
    assert FinishedJobRegistry(queue=queue).count == 51
    assert StartedJobRegistry(queue=queue).count == 0
    assert queue.connection.llen(queue.intermediate_queue_key) == 0
    (seen,) = BaseWorker.all(queue=queue, serializer=JSONSerializer)
    assert (seen.name, seen.successful_job_count, seen.get_state()) == (worker.name, 51, "idle")


async def test_as_many_at_once_as_allowed_and_no_more(worker: AsyncWorker, queue: Queue) -> None:
    began = time.monotonic()
    jobs = [queue.enqueue(rq_jobs.rest, 0.5) for _ in range(2 * CONCURRENCY)]
    assert await most_at_once(worker, jobs) == CONCURRENCY
    assert time.monotonic() - began > 0.9


async def test_a_job_that_only_waits_for_its_end_leaves_its_place(worker: AsyncWorker, queue: Queue) -> None:
    ending = [queue.enqueue(rq_jobs.leave_and_rest, 0.5) for _ in range(CONCURRENCY)]
    others = [queue.enqueue(rq_jobs.rest, 0.5) for _ in range(2 * CONCURRENCY)]
    await until(lambda: len(worker._running) == 2 * CONCURRENCY)
    await all_in(ending, "finished")
    assert await most_at_once(worker, others) <= CONCURRENCY  # the place is not given back a second time at the end


async def test_a_failing_job_goes_to_the_failed_registry(worker: AsyncWorker, queue: Queue) -> None:
    job = queue.enqueue(rq_jobs.stumble)
    await all_in([job], "failed")
    assert job.id in FailedJobRegistry(queue=queue)
    assert "stumbled" in job.latest_result().exc_string


async def test_a_job_that_takes_too_long_fails(worker: AsyncWorker, queue: Queue) -> None:
    job = queue.enqueue(rq_jobs.rest, 30, job_timeout=1)
    await all_in([job], "failed")


async def test_stop_command_reaches_its_job_alone(worker: AsyncWorker, queue: Queue) -> None:
    stopped = queue.enqueue(rq_jobs.rest, 300)
    await all_in([stopped], "started")
    other = queue.enqueue(rq_jobs.rest, 1)
    send_stop_job_command(queue.connection, stopped.id, serializer=JSONSerializer)
    await all_in([stopped], "stopped")
    await all_in([other], "finished")


async def test_a_job_that_is_over_is_not_stopped_any_more(worker: AsyncWorker, queue: Queue) -> None:
    with held_books(worker) as may_write:
        job = queue.enqueue(rq_jobs.add, 1, 1)
        await until(lambda: worker._recording)
        worker._stop_job(job.id)
        may_write.set()
        await all_in([job], "finished")
    await until(lambda: not worker.executions and not worker._recording)
    assert StartedJobRegistry(queue=queue).count == 0


async def test_a_job_gives_its_place_away_before_its_end_is_booked(worker: AsyncWorker, queue: Queue) -> None:
    with held_books(worker) as may_write:
        jobs = [queue.enqueue(rq_jobs.add, i, 1) for i in range(3 * CONCURRENCY)]
        await until(lambda: len(worker._recording) == len(jobs))  # all have run, and RQ knows of none of them
        may_write.set()
        await all_in(jobs, "finished")
    assert [job.return_value() for job in jobs] == list(range(1, len(jobs) + 1))


async def test_what_is_not_booked_yet_is_booked_before_the_worker_ends(redis_url: str, queue: Queue) -> None:
    worker = AsyncWorker(redis_url, concurrency=CONCURRENCY, grace_s=20)
    serving = asyncio.create_task(worker.serve())
    with held_books(worker) as may_write:
        job = queue.enqueue(rq_jobs.add, 1, 1)
        await until(lambda: worker._recording)
        worker.stop()
        await asyncio.sleep(0.2)
        assert not serving.done()
        may_write.set()
        await serving
    assert (status(job), job.return_value()) == ("finished", 2)


async def test_dependents_start_when_their_job_is_done(worker: AsyncWorker, queue: Queue) -> None:
    first = queue.enqueue(rq_jobs.rest, 0.2)
    second = queue.enqueue(rq_jobs.add, 1, 1, depends_on=first)
    await all_in([first, second], "finished")
    assert second.return_value() == 2


async def test_suspended_workers_take_nothing(worker: AsyncWorker, queue: Queue) -> None:
    suspend(queue.connection)
    await asyncio.sleep(4)  # one heartbeat, and the blocking wait that was under way
    job = queue.enqueue(rq_jobs.add, 1, 1)
    await asyncio.sleep(1)
    assert status(job) == "queued"
    resume(queue.connection)
    await all_in([job], "finished")


async def test_an_unreadable_job_does_not_stop_the_worker(worker: AsyncWorker, queue: Queue) -> None:
    queue.connection.hset("rq:job:bad", mapping={"data": b"\x00rubbish", "created_at": "no date"})
    queue.connection.rpush(queue.key, "bad", "not there at all")
    job = queue.enqueue(rq_jobs.add, 1, 1)
    await all_in([job], "finished")


@pytest.mark.parametrize("harm", ["everything is flushed", "connections are cut"])
async def test_worker_survives_harm_to_redis(worker: AsyncWorker, queue: Queue, harm: str) -> None:
    job = queue.enqueue(rq_jobs.rest, 0.5)
    await all_in([job], "started")
    if harm == "everything is flushed":
        queue.connection.flushdb()
    else:
        cut_connections(queue.connection)
    await asyncio.sleep(0.7)
    again = queue.enqueue(rq_jobs.add, 1, 1)
    await all_in([again], "finished")


def cut_connections(connection: redis.Redis) -> None:
    """Cut all connections to this test's database, but for the one given."""
    own = connection.client_id()
    database = str(connection.connection_pool.connection_kwargs["db"])
    for client in connection.client_list():
        if client["db"] == database and int(client["id"]) != own:
            connection.client_kill_filter(_id=client["id"])
