"""Answers of steps in Redis: kept for as long as they are to be, a bounded number of them, each tenant's its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from engine.settings import Settings
from engine.store.session import Scope
from runners.answers import RedisAnswers
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.redis_client import open_redis
from runners.runtime import Runtime
from tests.contract.test_nodes_cache import node
from tests.support.counting import until
from tests.support.echo import Page, echo_server

ONE, TWO = uuid4(), uuid4()
ANSWER = {"outcome": {"output": {"a": ["ü", None, 1.5]}, "reply": "x"}, "at": 1.0}


async def test_an_answer_comes_back_to_its_tenant_only(redis: Redis) -> None:
    answers = RedisAnswers(redis)
    await answers.put(ONE, "d", ANSWER, 60)
    assert await answers.get(ONE, "d") == ANSWER
    assert await answers.get(ONE, "e") is None
    assert await answers.get(TWO, "d") is None


async def test_an_answer_ends_and_leaves_nothing(redis: Redis) -> None:
    answers = RedisAnswers(redis)
    await answers.put(ONE, "d", ANSWER, 0.05)
    async with asyncio.timeout(10):
        while await answers.get(ONE, "d") is not None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        while await redis.keys("heddle:answers:*"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_nothing_is_kept_for_longer_than_a_week(redis: Redis) -> None:
    await RedisAnswers(redis).put(ONE, "d", ANSWER, 1e9)
    assert 0 < await redis.ttl(f"heddle:answers:{ONE}:d") <= 604_800


async def test_a_tenant_has_a_bounded_number_and_those_that_end_first_make_room(redis: Redis) -> None:
    answers = RedisAnswers(redis, most=5)
    await answers.put(TWO, "other", ANSWER, 10)
    for number in range(12):
        await answers.put(ONE, f"d{number}", ANSWER, 100 + number)
    kept = [number for number in range(12) if await answers.get(ONE, f"d{number}") is not None]
    assert kept == [7, 8, 9, 10, 11]
    await answers.put(ONE, "short", ANSWER, 50)
    assert await answers.get(ONE, "short") is None  # the first to end
    assert await answers.get(TWO, "other") is not None
    assert len(await redis.keys(f"heddle:answers:{ONE}:*")) == 6


async def test_an_answer_that_is_kept_again_counts_once(redis: Redis) -> None:
    answers = RedisAnswers(redis, most=2)
    for _ in range(5):
        await answers.put(ONE, "same", ANSWER, 100)
    await answers.put(ONE, "other", ANSWER, 100)
    assert await answers.get(ONE, "same") is not None


@pytest.mark.parametrize("text", [b"", b"{", b"5", b"[1]", b"\xff", b"null"])
async def test_what_is_no_answer_is_none(redis: Redis, text: bytes) -> None:
    await redis.set(f"heddle:answers:{ONE}:d", text)
    assert await RedisAnswers(redis).get(ONE, "d") is None


async def test_a_redis_that_is_away_knows_nothing() -> None:
    gone = open_redis("redis://127.0.0.1:1/0")
    answers = RedisAnswers(gone)
    await answers.put(ONE, "d", ANSWER, 60)
    assert await answers.get(ONE, "d") is None
    await gone.aclose()


async def test_runs_of_one_tenant_share_an_answer_and_other_tenants_ask_themselves(
    settings: Settings, connections: Connections, scope: Scope, other_scope: Scope
) -> None:
    with echo_server() as server:
        server.pages["/rate"] = Page(200, (("Content-Type", "application/json"),), b'{"rate": 1.1}')
        text = node("http", f"{{url: '{server.url('/rate')}'}}", "{ttl_seconds: 600}")
        allowed = replace(settings, egress_allow=frozenset({server.host}))
        runtime = await Runtime.open(allowed, connections, with_models=False)
        try:
            request = RunRequest(ByText(text), {})
            views = [await runtime.client.run_inline(who, request, 20) for who in (scope, scope, other_scope)]
            assert [view.output for view in views] == [{"reply": None, "rate": 1.1}] * 3
            assert len(server.seen) == 2
            steps = [(await runtime.client.steps(scope, view.run_id))[1].reason or "" for view in views[:2]]
            assert [reason.partition(",")[0] for reason in steps] == ["", "from the cache"]
            await runtime.redis.flushdb()
            await runtime.client.run_inline(scope, request, 20)
            await until(lambda: len(server.seen) == 3)
        finally:
            await runtime.close()
