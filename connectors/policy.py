"""The only way out of the house: every call of a connector goes through `Guard.run`.

It bounds each attempt in time, retries what may be retried (exponential backoff with jitter, never sooner than the
other side asked), stops calling what keeps failing (circuit breaker), and limits how many calls are under way at once
(bulkhead) and start per second (rate limit). It retries only when the failure says `retryable` and the call says
`repeatable`: an idempotent action, or one that carries an idempotency key.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

from connectors.limits import Breaker, Bulkhead, LocalBreaker, LocalBulkhead, LocalRate, Rate
from engine.errors import AppError, CircuitOpen, ConfigError, InputError, RateLimited, StepTimeout

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """How calls of one connector are treated. `retries` counts the further attempts after the first.

    `failure_threshold` failures in a row open the breaker for `recovery_timeout_s`; 0 switches it off. At most
    `bulkhead` calls run at once, and at most `queue` wait for their turn. `rate_per_s` calls start a second, `burst` of
    them at once; 0 is no limit.
    """

    timeout_s: float = 30.0
    retries: int = 3
    delay_s: float = 1.0
    multiplier: float = 2.0
    max_delay_s: float = 60.0
    failure_threshold: int = 5
    recovery_timeout_s: float = 60.0
    bulkhead: int = 10
    queue: int = 100
    rate_per_s: float = 0.0
    burst: int = 20


PROFILES: Mapping[str, Policy] = {
    "default": Policy(),
    "crm": Policy(bulkhead=8),
    "payment": Policy(
        timeout_s=45.0, retries=2, delay_s=2.0, failure_threshold=3, recovery_timeout_s=120.0, bulkhead=5
    ),
    "model": Policy(timeout_s=60.0, retries=2, bulkhead=50, queue=1000),
    "http": Policy(retries=1, delay_s=0.5, bulkhead=20),
}

# Names that workflow files use in `config.policy` -> fields of Policy.
_ALIASES = {"timeout": "timeout_s", "timeout_seconds": "timeout_s", "delay": "delay_s", "delay_seconds": "delay_s"}
_GROUPS: Mapping[str, Mapping[str, str]] = {
    "breaker": {"failure_threshold": "failure_threshold", "recovery_timeout": "recovery_timeout_s"},
    "rate_limit": {"per_second": "rate_per_s", "burst": "burst"},
}
# What a call may take beyond its time limit until it has let go.
_GRACE_S = 1.0
_LEAST: Mapping[str, float] = {
    "timeout_s": 0.05,
    "multiplier": 1,
    "bulkhead": 1,
    "recovery_timeout_s": 0.01,
    "burst": 1,
}
_MOST: Mapping[str, float] = {"timeout_s": 300, "retries": 10, "bulkhead": 1000, "max_delay_s": 600}


def policy_of(base: str | Mapping[str, Any], *overrides: str | Mapping[str, Any] | None) -> Policy:
    """A profile by name, changed by each override in turn; raises ConfigError for what is unknown or out of range.

    An override is a profile's name or `{timeout, retries, delay, breaker: {failure_threshold, recovery_timeout},
    bulkhead, rate_limit: {per_second, burst}, ...}`, the form of `config.policy` in a workflow.
    """
    policy = PROFILES["default"]
    for layer in (base, *overrides):
        if isinstance(layer, str):
            if layer not in PROFILES:
                raise ConfigError(f"there is no policy {layer!r}; there are {', '.join(sorted(PROFILES))}")
            policy = PROFILES[layer]
        elif layer:
            policy = replace(policy, **_flat(layer))
    return policy


def override(policy: Policy, node: Mapping[str, Any]) -> Policy:
    """The node's `config.policy` over the connector's; raises InputError that names the wrong setting."""
    given = {name: value for name, value in node.items() if name != "idempotency_key" and value is not None}
    try:
        return replace(policy, **_flat(given)) if given else policy
    except ConfigError as error:
        raise InputError(error.public_message) from error


def _flat(layer: Mapping[str, Any]) -> dict[str, Any]:
    known = {field.name: field.type for field in fields(Policy)}
    out: dict[str, Any] = {}
    for name, value in layer.items():
        if name in _GROUPS and isinstance(value, Mapping):
            unknown = value.keys() - _GROUPS[name].keys()
            if unknown:
                raise ConfigError(f"policy.{name} has no setting {sorted(unknown, key=str)[0]!r}")
            pairs = [(_GROUPS[name][key], each) for key, each in value.items()]
        else:
            pairs = [(_ALIASES.get(name, name), value)]
        for field, each in pairs:
            if field not in known:
                raise ConfigError(f"policy has no setting {name!r}")
            out[field] = _number(field, each, whole=known[field] == "int")
    return out


def _number(field: str, value: Any, *, whole: bool) -> float | int:
    low, high = _LEAST.get(field, 0), _MOST.get(field, 86_400)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ConfigError(f"policy.{field} must be a number from {low} to {high}, not {value!r}")
    if whole and value != int(value):
        raise ConfigError(f"policy.{field} must be a whole number, not {value!r}")
    return int(value) if whole else float(value)


class Guard:
    """Applies policies. One a process; breakers and bulkheads are shared by all calls with the same key.

    The clock, the sleep and the jitter can be replaced, so that tests take no time.
    """

    def __init__(
        self,
        *,
        breaker: Breaker | None = None,
        bulkhead: Bulkhead | None = None,
        rate: Rate | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._sleep, self._jitter = clock, sleep, jitter
        self._breaker = breaker or LocalBreaker(clock)
        self._bulkhead = bulkhead or LocalBulkhead()
        self._rate = rate or LocalRate(clock)

    async def run(
        self,
        key: str,
        policy: Policy,
        attempt: Callable[[], Awaitable[T]],
        *,
        repeatable: bool,
        total_s: float | None = None,
    ) -> T:
        """Call `attempt` under `policy`; `key` names what may fail together (tenant and connector).

        `total_s` bounds all attempts and the waiting together. Raises what the last attempt raised, StepTimeout,
        CircuitOpen, or RateLimited when too many calls are waiting already.
        """
        until = self._clock() + total_s if total_s is not None else None
        tries = 0
        while True:
            try:
                return await self._once(key, policy, attempt, until)
            except AppError as error:
                tries += 1
                pause = self._pause(policy, tries, error)
                again = error.retryable and repeatable and not isinstance(error, CircuitOpen)
                if not again or tries > policy.retries or self._late(until, pause):
                    raise
            await self._sleep(pause)

    async def _once(self, key: str, policy: Policy, attempt: Callable[[], Awaitable[T]], until: float | None) -> T:
        limit = max(policy.timeout_s if until is None else min(policy.timeout_s, until - self._clock()), 0.0)
        try:
            async with asyncio.timeout(limit) as deadline:
                if policy.rate_per_s:
                    await self._sleep(await self._rate.reserve(key, policy.rate_per_s, policy.burst, limit))
                async with self._bulkhead.slot(key, policy.bulkhead, policy.queue, limit + _GRACE_S):
                    return await self._watched(key, policy, attempt, deadline)
        except TimeoutError as error:
            raise StepTimeout(f"No answer within {limit:.3g} s.") from error

    async def _watched(
        self, key: str, policy: Policy, attempt: Callable[[], Awaitable[T]], deadline: asyncio.Timeout
    ) -> T:
        """Tell the breaker how it went: True answered, False failed, None for a call that somebody broke off.

        A refusal (also "slow down") counts as an answer, for the other side is there.
        """
        if policy.failure_threshold <= 0:
            return await attempt()
        ticket = await self._breaker.admit(key, policy.recovery_timeout_s, policy.timeout_s + _GRACE_S)
        healthy: bool | None = False
        try:
            result = await attempt()
            healthy = True
            return result
        except AppError as error:
            healthy = not error.retryable or isinstance(error, RateLimited)
            raise
        except asyncio.CancelledError:
            healthy = False if deadline.expired() else None
            raise
        finally:
            await self._breaker.record(key, ticket, healthy, policy.failure_threshold)

    def _pause(self, policy: Policy, tries: int, error: AppError) -> float:
        grown = min(policy.delay_s * policy.multiplier ** (tries - 1), policy.max_delay_s)
        asked = error.details.get("retry_after_s") or 0.0
        return max(float(asked), grown * (0.5 + 0.5 * self._jitter()))

    def _late(self, until: float | None, pause: float) -> bool:
        return until is not None and self._clock() + pause >= until
