"""The policy that every outgoing call obeys, with a clock and a jitter of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from connectors.policy import PROFILES, Guard, Policy, override, policy_of
from engine.errors import (
    AppError,
    CircuitOpen,
    ConfigError,
    InputError,
    PermanentError,
    RateLimited,
    StepTimeout,
    TransientError,
)


class World:
    """A guard in a world whose time only moves when somebody waits."""

    def __init__(self, jitter: float = 1.0) -> None:
        self.now = 0.0
        self.waits: list[float] = []
        self.calls = 0
        self.guard = Guard(clock=lambda: self.now, sleep=self._sleep, jitter=lambda: jitter)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def failing(self, *errors: AppError | None) -> Callable[[], Awaitable[str]]:
        """An attempt that raises these in turn (None: answers), and answers from then on."""
        queue = list(errors)

        async def attempt() -> str:
            self.calls += 1
            error = queue.pop(0) if queue else None
            if error is not None:
                raise error
            return "answer"

        return attempt


async def fail(world: World, policy: Policy, error: AppError, *, repeatable: bool = False) -> None:
    with pytest.raises(AppError):
        await world.guard.run("k", policy, world.failing(*[error] * 20), repeatable=repeatable)


def test_the_profiles_are_those_of_the_facts() -> None:
    default, crm, payment = PROFILES["default"], PROFILES["crm"], PROFILES["payment"]
    assert (default.timeout_s, default.retries, default.delay_s, default.max_delay_s) == (30, 3, 1, 60)
    assert (default.multiplier, default.failure_threshold, default.recovery_timeout_s, default.bulkhead) == (
        2,
        5,
        60,
        10,
    )
    assert (crm.bulkhead, crm.timeout_s) == (8, 30)
    assert (payment.timeout_s, payment.retries, payment.delay_s, payment.bulkhead) == (45, 2, 2, 5)
    assert (payment.failure_threshold, payment.recovery_timeout_s) == (3, 120)


async def test_retries_back_off_exponentially_up_to_a_limit() -> None:
    world = World()
    policy = Policy(retries=5, max_delay_s=5, failure_threshold=0)
    await fail(world, policy, TransientError(), repeatable=True)
    assert (world.calls, world.waits) == (6, [1, 2, 4, 5, 5])


async def test_jitter_shortens_waits_to_no_less_than_half() -> None:
    world = World(jitter=0.0)
    await fail(world, Policy(failure_threshold=0), TransientError(), repeatable=True)
    assert world.waits == [0.5, 1, 2]


@pytest.mark.parametrize(
    ("error", "repeatable"), [(TransientError(), False), (PermanentError(), True), (InputError(), True)]
)
async def test_what_may_not_be_repeated_is_not(error: AppError, repeatable: bool) -> None:
    world = World()
    await fail(world, Policy(), error, repeatable=repeatable)
    assert (world.calls, world.waits) == (1, [])


async def test_the_other_sides_wish_is_obeyed() -> None:
    world = World()
    attempt = world.failing(RateLimited(retry_after_s=9.0), None)
    assert await world.guard.run("k", Policy(), attempt, repeatable=True) == "answer"
    assert world.waits == [9.0]


async def test_a_wish_beyond_the_deadline_ends_the_call() -> None:
    world = World()
    attempt = world.failing(RateLimited(retry_after_s=9.0))
    with pytest.raises(RateLimited):
        await world.guard.run("k", Policy(), attempt, repeatable=True, total_s=5)
    assert (world.calls, world.waits) == (1, [])


async def test_an_attempt_is_bounded_in_time() -> None:
    async def forever() -> str:
        await asyncio.sleep(60)
        return "never"

    guard = Guard(jitter=lambda: 0.0)
    with pytest.raises(StepTimeout):
        await guard.run("k", Policy(timeout_s=0.05, retries=0), forever, repeatable=True)
    with pytest.raises(StepTimeout):
        await guard.run("k", Policy(), forever, repeatable=True, total_s=0.05)


async def test_the_circuit_opens_rests_tries_and_closes() -> None:
    world = World()
    policy = Policy(failure_threshold=3, recovery_timeout_s=60)
    for _ in range(3):
        await fail(world, policy, TransientError())
    with pytest.raises(CircuitOpen) as caught:
        await world.guard.run("k", policy, world.failing(), repeatable=False)
    assert (world.calls, caught.value.details["retry_after_s"]) == (3, 60)
    assert await world.guard.run("another", policy, world.failing(), repeatable=False) == "answer"
    world.now += 60
    await fail(world, policy, TransientError())  # the trial fails: open again at once
    with pytest.raises(CircuitOpen):
        await world.guard.run("k", policy, world.failing(), repeatable=False)
    world.now += 60
    assert await world.guard.run("k", policy, world.failing(), repeatable=False) == "answer"
    await fail(world, policy, TransientError())  # closed: one failure does not open it
    assert await world.guard.run("k", policy, world.failing(), repeatable=False) == "answer"


async def test_only_one_call_tries_a_half_open_circuit() -> None:
    world = World()
    policy = Policy(failure_threshold=1, recovery_timeout_s=60)
    await fail(world, policy, TransientError())
    world.now += 60
    go = asyncio.Event()

    async def slow() -> str:
        await go.wait()
        return "answer"

    trial = asyncio.create_task(world.guard.run("k", policy, slow, repeatable=False))
    await asyncio.sleep(0)
    with pytest.raises(CircuitOpen):
        await world.guard.run("k", policy, world.failing(), repeatable=False)
    go.set()
    assert await trial == "answer"


async def test_a_broken_off_trial_does_not_block_the_circuit() -> None:
    world = World()
    policy = Policy(failure_threshold=1, recovery_timeout_s=60)
    await fail(world, policy, TransientError())
    world.now += 60

    async def forever() -> str:
        await asyncio.sleep(60)
        return "never"

    trial = asyncio.create_task(world.guard.run("k", policy, forever, repeatable=False))
    await asyncio.sleep(0.01)
    trial.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trial
    assert await world.guard.run("k", policy, world.failing(), repeatable=False) == "answer"


@pytest.mark.parametrize("error", [PermanentError(), RateLimited(retry_after_s=1)])
async def test_a_refusal_is_no_reason_to_open_the_circuit(error: AppError) -> None:
    world = World()
    policy = Policy(failure_threshold=1)
    for _ in range(3):
        await fail(world, policy, error)
    assert await world.guard.run("k", policy, world.failing(), repeatable=False) == "answer"


async def test_timeouts_and_bugs_open_the_circuit() -> None:
    world = World()

    async def forever() -> None:
        await asyncio.sleep(60)

    async def bug() -> None:
        raise ZeroDivisionError

    policy = Policy(timeout_s=0.05, retries=0, failure_threshold=2)
    with pytest.raises(StepTimeout):
        await world.guard.run("k", policy, forever, repeatable=False)
    with pytest.raises(ZeroDivisionError):
        await world.guard.run("k", policy, bug, repeatable=False)
    with pytest.raises(CircuitOpen):
        await world.guard.run("k", policy, world.failing(), repeatable=False)


async def test_the_bulkhead_limits_what_runs_and_what_waits() -> None:
    guard = Guard()
    policy = Policy(bulkhead=2, queue=1, timeout_s=5)
    inside, most, go = 0, 0, asyncio.Event()

    async def work() -> str:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await go.wait()
        inside -= 1
        return "done"

    tasks = [asyncio.create_task(guard.run("k", policy, work, repeatable=False)) for _ in range(3)]
    await asyncio.sleep(0.01)
    with pytest.raises(RateLimited):
        await guard.run("k", policy, work, repeatable=False)
    assert await asyncio.wait_for(asyncio.gather(_at_once(guard, policy)), 1) == ["elsewhere"]
    go.set()
    assert await asyncio.gather(*tasks) == ["done"] * 3
    assert most == 2
    assert await guard.run("k", policy, work, repeatable=False) == "done"


async def _at_once(guard: Guard, policy: Policy) -> str:
    async def work() -> str:
        return "elsewhere"

    return await guard.run("another key", policy, work, repeatable=False)


def test_a_nodes_overrides_reach_the_policy() -> None:
    node = {
        "timeout": 5,
        "retries": 0,
        "bulkhead": 2,
        "breaker": {"failure_threshold": 9, "recovery_timeout": 7},
        "idempotency_key": "order-1",
        "delay": None,
    }
    assert override(Policy(), node) == Policy(
        timeout_s=5, retries=0, bulkhead=2, failure_threshold=9, recovery_timeout_s=7
    )
    assert policy_of("default", "payment", {"retries": 1}) == Policy(
        timeout_s=45, retries=1, delay_s=2, failure_threshold=3, recovery_timeout_s=120, bulkhead=5
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"retries": "3"},
        {"retries": -1},
        {"retries": 1.5},
        {"retries": True},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"timeout": 10_000},
        {"bulkhead": 0},
        {"breaker": {"threshold": 1}},
        {"breaker": 5},
        {"colour": "red"},
    ],
)
def test_wrong_overrides_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="policy"):
        override(Policy(), wrong)
    with pytest.raises(ConfigError):
        policy_of("default", wrong)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(ConfigError, match="gold"):
        policy_of("gold")
