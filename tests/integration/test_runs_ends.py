"""Who waits for a run's end is told of it, and of nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from engine.execution.events import RUN_ENDS, RunEvent
from runners.ends import Ends
from runners.live import ENDS_CHANNEL, LiveWriter, stream_key
from tests.support.channels import drop_listeners
from tests.support.counting import until

TENANT = uuid4()


@pytest.fixture
async def ends(redis: Redis) -> AsyncIterator[Ends]:
    """One that listens already."""
    opened = Ends(redis)
    with opened.of(TENANT, uuid4()) as listening:
        await told(listening)
        yield opened
    await opened.close()


def event(run_id: UUID, type: str) -> RunEvent:
    return RunEvent(type, str(run_id), time.time())


async def told(over: asyncio.Event) -> None:
    async with asyncio.timeout(10):
        await over.wait()


@pytest.mark.parametrize("end", sorted(RUN_ENDS))
async def test_all_who_wait_for_a_run_are_told_of_its_end_alone(writer: LiveWriter, ends: Ends, end: str) -> None:
    run_id, other = uuid4(), uuid4()
    with ends.of(TENANT, run_id) as over, ends.of(TENANT, run_id) as also, ends.of(TENANT, other) as others:
        for type in ("run.queued", "run.started", "step.succeeded", "run.suspended"):
            writer.put(TENANT, event(run_id, type))
            writer.put(TENANT, event(other, type))
        await until(lambda: not writer._waiting.count and not writer._sending)
        assert not over.is_set()
        writer.put(TENANT, event(run_id, end))
        await told(over)
        await told(also)
        assert not others.is_set()


async def test_ends_that_are_told_together_reach_each_who_waits(writer: LiveWriter, ends: Ends) -> None:
    ids = [uuid4() for _ in range(300)]
    with ends.of(TENANT, ids[0]) as first, ends.of(TENANT, ids[-1]) as last:
        for run_id in ids:
            writer.put(TENANT, event(run_id, "step.succeeded"))
            writer.put(TENANT, event(run_id, "run.succeeded"))
        await told(first)
        await told(last)


async def test_the_run_of_another_tenant_is_another_run(writer: LiveWriter, ends: Ends) -> None:
    run_id, known = uuid4(), uuid4()
    with ends.of(TENANT, run_id) as over, ends.of(TENANT, known) as afterwards:
        writer.put(uuid4(), event(run_id, "run.succeeded"))
        writer.put(TENANT, event(known, "run.succeeded"))
        await told(afterwards)
        assert not over.is_set()


async def test_whoever_cannot_have_heard_is_told_to_look(redis: Redis, writer: LiveWriter, ends: Ends) -> None:
    run_id = uuid4()
    with ends.of(TENANT, run_id) as over:
        await drop_listeners(redis)
        await told(over)  # the end may have been told meanwhile
        over.clear()
        writer.put(TENANT, event(run_id, "run.failed"))
        await told(over)


async def test_nonsense_on_the_channel_is_for_nobody(redis: Redis, writer: LiveWriter, ends: Ends) -> None:
    run_id = uuid4()
    with ends.of(TENANT, run_id) as over:
        for nonsense in (b"", b" ", b"\xff\xfe", b"heddle:{}:run:", str(run_id).encode(), b"x" * 100_000):
            await redis.publish(ENDS_CHANNEL, nonsense)
        await asyncio.sleep(0.2)
        assert not over.is_set()
        await redis.publish(ENDS_CHANNEL, b"\xff " + stream_key(TENANT, run_id).encode())
        await told(over)


async def test_who_no_longer_waits_leaves_nothing_behind(ends: Ends) -> None:
    before = len(ends._waiting)
    for _ in range(100):
        with ends.of(TENANT, uuid4()):
            assert len(ends._waiting) == before + 1
    assert len(ends._waiting) == before
