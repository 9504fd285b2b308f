"""Breaker, bulkhead and rate limit over several processes and a real Redis, and without it."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from connectors.limits import Breaker
from connectors.policy import Guard, Policy, override
from connectors.shared_limits import Link, SharedBreaker, SharedBulkhead, SharedRate, shared_guard
from engine.errors import CircuitOpen, InputError, RateLimited, TransientError

ROOT = Path(__file__).resolve().parents[2]
# A worker of its own: takes a place, says so, and holds it until it is killed.
HOLDER = """
import asyncio, sys
from redis.asyncio import Redis
from connectors.shared_limits import Link, SharedBulkhead

async def main(url, key, hold_s):
    async with SharedBulkhead(Link(Redis.from_url(url), answer_s=10)).slot(key, 1, 0, float(hold_s)):
        print("inside", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(*sys.argv[1:]))
"""
# A worker of its own that fails three times.
FAILER = """
import asyncio, sys
from redis.asyncio import Redis
from connectors.policy import Policy
from connectors.shared_limits import shared_guard
from engine.errors import TransientError

async def fail():
    raise TransientError()

async def main(url, key):
    redis = Redis.from_url(url)
    guard = shared_guard(redis, answer_s=10)
    for _ in range(3):
        try:
            await guard.run(key, Policy(failure_threshold=3, recovery_timeout_s=0.6), fail, repeatable=False)
        except TransientError:
            pass
    await redis.aclose()

asyncio.run(main(*sys.argv[1:]))
"""
POLICY = Policy(failure_threshold=3, recovery_timeout_s=0.6)
RECOVERY_S, PROBE_S = 60, 30


def link(redis: Redis) -> Link:
    """With patience for a loaded machine, on which a first connection may take long."""
    return Link(redis, answer_s=10)


def guard_on(redis: Redis) -> Guard:
    return shared_guard(redis, answer_s=10)


async def answer() -> str:
    return "answer"


async def fail() -> str:
    raise TransientError


@pytest.fixture
def key() -> str:
    return f"tenant:{uuid.uuid4().hex}"


@pytest.fixture
async def second(redis_url: str) -> AsyncIterator[Redis]:
    """Another worker's client."""
    client = Redis.from_url(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def nowhere() -> AsyncIterator[Redis]:
    """A Redis that is not there."""
    client = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    yield client
    await client.aclose()


async def process(code: str, *args: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *args, stdout=asyncio.subprocess.PIPE, cwd=ROOT
    )


async def opened(breaker: Breaker, key: str, failures: int = 3) -> None:
    for _ in range(failures):
        ticket = await breaker.admit(key, RECOVERY_S, PROBE_S)
        await breaker.record(key, ticket, False, failures)


async def passes(redis: Redis, key: str, seconds: int) -> None:
    """As if that time had passed: all that a circuit knows of is so much longer ago."""
    circuit = f"heddle:limits:breaker:{key}"
    for name in ("opened", "probe_until"):
        at = await redis.hget(circuit, name)
        if at is not None:
            await redis.hset(circuit, name, str(int(at) - 1000 * seconds))


async def test_a_circuit_opened_by_another_process_is_open_here_and_closes_when_the_provider_is_back(
    redis: Redis, redis_url: str, key: str
) -> None:
    guard = guard_on(redis)
    assert await guard.run(key, POLICY, answer, repeatable=False) == "answer"
    other = await process(FAILER, redis_url, key)
    assert await other.wait() == 0
    await asyncio.sleep(0.26)  # what was known to be calm has been forgotten
    with pytest.raises(CircuitOpen) as refused:
        await guard.run(key, Policy(failure_threshold=3, recovery_timeout_s=60), answer, repeatable=False)
    assert refused.value.to_dict()["details"]["retry_after_s"] > 50
    await asyncio.sleep(0.6)
    assert await guard.run(key, POLICY, answer, repeatable=False) == "answer"
    assert await guard.run(key, POLICY, answer, repeatable=False) == "answer"
    assert not await redis.exists(f"heddle:limits:breaker:{key}")


async def test_one_probe_at_a_time_over_all_workers(redis: Redis, second: Redis, key: str) -> None:
    one, two = SharedBreaker(link(redis)), SharedBreaker(link(second))
    await opened(one, key)
    await passes(redis, key, RECOVERY_S)
    ticket = await one.admit(key, RECOVERY_S, PROBE_S)
    assert ticket
    with pytest.raises(CircuitOpen):
        await two.admit(key, RECOVERY_S, PROBE_S)
    await two.record(key, None, True, 3)  # a call from before it opened: old news
    with pytest.raises(CircuitOpen):
        await two.admit(key, RECOVERY_S, PROBE_S)
    await one.record(key, ticket, True, 3)
    assert await two.admit(key, RECOVERY_S, PROBE_S) is None


async def test_a_failed_probe_opens_again_and_a_lost_one_is_replaced(redis: Redis, second: Redis, key: str) -> None:
    one, two = SharedBreaker(link(redis)), SharedBreaker(link(second))
    await opened(one, key)
    await passes(redis, key, RECOVERY_S)
    lost = await one.admit(key, RECOVERY_S, PROBE_S)
    with pytest.raises(CircuitOpen):
        await two.admit(key, RECOVERY_S, PROBE_S)
    await passes(redis, key, PROBE_S)
    ticket = await two.admit(key, RECOVERY_S, PROBE_S)
    assert ticket
    assert ticket != lost
    await one.record(key, lost, True, 3)  # too late: another call is the probe now
    with pytest.raises(CircuitOpen):
        await one.admit(key, RECOVERY_S, PROBE_S)
    await two.record(key, ticket, False, 3)
    with pytest.raises(CircuitOpen):
        await two.admit(key, RECOVERY_S, PROBE_S)


async def test_an_unknown_end_of_a_probe_lets_the_next_try(redis: Redis, key: str) -> None:
    breaker = SharedBreaker(link(redis))
    await opened(breaker, key)
    await passes(redis, key, RECOVERY_S)
    await breaker.record(key, await breaker.admit(key, RECOVERY_S, PROBE_S), None, 3)
    assert await breaker.admit(key, RECOVERY_S, PROBE_S)


async def test_failures_must_come_in_a_row(redis: Redis, second: Redis, key: str) -> None:
    one, two = SharedBreaker(link(redis)), SharedBreaker(link(second))
    for _ in range(4):
        await one.record(key, None, False, 3)
        await two.record(key, None, False, 3)
        await two.record(key, await two.admit(key, RECOVERY_S, PROBE_S), True, 3)
    assert await one.admit(key, RECOVERY_S, PROBE_S) is None


async def test_a_clock_of_redis_that_went_back_does_not_keep_a_circuit_open(redis: Redis, key: str) -> None:
    breaker = SharedBreaker(link(redis))
    await opened(breaker, key)
    await redis.hset(f"heddle:limits:breaker:{key}", "opened", int((time.time() + 3600) * 1000))
    with pytest.raises(CircuitOpen) as refused:
        await breaker.admit(key, RECOVERY_S, PROBE_S)
    assert refused.value.to_dict()["details"]["retry_after_s"] <= RECOVERY_S
    await passes(redis, key, RECOVERY_S)
    assert await breaker.admit(key, RECOVERY_S, PROBE_S)


async def test_places_are_counted_over_all_workers(redis: Redis, second: Redis, key: str) -> None:
    guards = [guard_on(redis), guard_on(second)]
    inside = most = 0

    async def work() -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.02)
        inside -= 1

    policy = Policy(bulkhead=3, timeout_s=20)
    await asyncio.gather(*(guards[n % 2].run(key, policy, work, repeatable=False) for n in range(24)))
    assert most == 3
    assert not await redis.exists(f"heddle:limits:bulkhead:{key}")


async def test_the_place_of_a_killed_worker_falls_free(redis: Redis, redis_url: str, key: str) -> None:
    bulkhead = SharedBulkhead(link(redis))
    holder = await process(HOLDER, redis_url, key, "2.5")
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"inside\n"
    since = time.monotonic()
    with pytest.raises(RateLimited):
        async with bulkhead.slot(key, 1, 0, 5):
            pass
    holder.send_signal(signal.SIGKILL)
    await holder.wait()
    async with asyncio.timeout(5), bulkhead.slot(key, 1, 1, 5):
        assert 1.0 < time.monotonic() - since < 4.0


async def test_no_more_than_the_queue_wait(redis: Redis, key: str) -> None:
    bulkhead = SharedBulkhead(link(redis))

    async def wait_inside() -> None:
        async with bulkhead.slot(key, 1, 2, 5):
            await asyncio.sleep(0.3)

    tasks = [asyncio.create_task(wait_inside()) for _ in range(6)]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [result for result in results if result is not None]
    assert len(refused) == 3
    assert all(isinstance(error, RateLimited) for error in refused)


async def test_many_at_once_get_in_without_a_queue(redis: Redis, key: str) -> None:
    bulkhead = SharedBulkhead(link(redis))

    async def visit() -> None:
        async with bulkhead.slot(key, 8, 0, 5):
            await asyncio.sleep(0.05)

    await asyncio.gather(*(visit() for _ in range(8)))


async def test_giving_up_while_waiting_gives_no_place_away(redis: Redis, key: str) -> None:
    bulkhead = SharedBulkhead(link(redis))
    async with bulkhead.slot(key, 1, 5, 5):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), bulkhead.slot(key, 1, 5, 5):
                pass
    async with asyncio.timeout(1), bulkhead.slot(key, 1, 5, 5):
        assert await redis.zcard(f"heddle:limits:bulkhead:{key}") == 1


async def test_the_rate_holds_over_all_workers(redis: Redis, second: Redis, key: str) -> None:
    rates = [SharedRate(link(redis)), SharedRate(link(second))]
    began = time.monotonic()
    waits = [await rates[n % 2].reserve(key, 0.1, 3, 100) for n in range(6)]
    took = time.monotonic() - began
    assert waits[:3] == [0, 0, 0]
    assert all(turn - took <= wait <= turn for wait, turn in zip(waits[3:], (10, 20, 30), strict=True)), (waits, took)
    with pytest.raises(RateLimited) as refused:
        await rates[0].reserve(key, 0.1, 3, 10)
    assert 30 < (refused.value.retry_after_s or 0) <= 40
    assert await rates[1].reserve(key, 0.1, 3, 100) <= 40  # the refused one took no turn


async def test_a_policy_with_a_rate_spreads_its_calls(redis: Redis, key: str) -> None:
    guard = guard_on(redis)
    policy = override(Policy(), {"rate_limit": {"per_second": 20, "burst": 1}})
    began = time.monotonic()
    await asyncio.gather(*(guard.run(key, policy, answer, repeatable=False) for _ in range(5)))
    assert time.monotonic() - began > 0.18
    with pytest.raises(InputError, match="rate_limit"):
        override(Policy(), {"rate_limit": {"per_minute": 3}})


async def test_flushall_forgets_and_harms_nobody(redis: Redis, key: str) -> None:
    guard = guard_on(redis)
    breaker = SharedBreaker(link(redis))
    await opened(breaker, key)
    with pytest.raises(CircuitOpen):
        await guard.run(key, POLICY, answer, repeatable=False)
    await redis.flushdb()
    await redis.script_flush()
    assert await guard.run(key, POLICY, answer, repeatable=False) == "answer"

    async def flush() -> None:
        await redis.flushdb()

    await guard.run(key, POLICY, flush, repeatable=False)  # in the middle of a call
    assert await guard.run(key, Policy(bulkhead=1, queue=0), answer, repeatable=False) == "answer"


async def test_without_redis_each_process_counts_for_itself(nowhere: Redis, key: str) -> None:
    guard = shared_guard(nowhere)
    began = time.monotonic()
    assert await guard.run(key, POLICY, answer, repeatable=False) == "answer"
    for _ in range(3):
        with pytest.raises(TransientError):
            await guard.run(key, POLICY, fail, repeatable=False)
    with pytest.raises(CircuitOpen):
        await guard.run(key, POLICY, answer, repeatable=False)
    await asyncio.sleep(0.61)
    assert await guard.run(key, POLICY, answer, repeatable=False) == "answer"
    limited = Policy(rate_per_s=1, burst=1, timeout_s=0.2)
    assert await guard.run(f"{key}:rate", limited, answer, repeatable=False) == "answer"
    with pytest.raises(RateLimited):
        await guard.run(f"{key}:rate", limited, answer, repeatable=False)
    assert time.monotonic() - began < 4


async def test_a_redis_that_hangs_costs_its_patience_once(key: str) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    client = Redis.from_url(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    guard = shared_guard(client, answer_s=0.3)
    began = time.monotonic()
    for _ in range(20):
        assert await guard.run(key, POLICY, answer, repeatable=False) == "answer"
    assert time.monotonic() - began < 3, "to wait for it each time would take six seconds"
    await client.aclose()
    server.close()
