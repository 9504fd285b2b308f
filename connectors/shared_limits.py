"""Circuit breaker, bulkhead and rate limit that all workers share through Redis.

State changes in Lua scripts, one key each, in Redis' own time, so workers' clocks do not matter. What Redis holds is
never more than a brake: after FLUSHALL circuits are closed, places free and rates fresh.

When Redis does not answer within a second, the limits of this process take over for another second, then Redis is
asked again. During that time each worker counts for itself: with n workers up to n times the calls go out.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import RedisError

from connectors.limits import LocalBreaker, LocalBulkhead, LocalRate, crowded, resting, too_fast
from connectors.policy import Guard

_PREFIX = "heddle:limits"
_ANSWER_S = 1.0
_AWAY_S = 1.0
# A circuit that is closed and without failures is taken to be so for this long without asking again.
_FRESH_S = 0.25
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.005, 0.05
_MOST_KNOWN = 10_000
_log = logging.getLogger(__name__)

_NOW = "local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)\n"

# KEYS circuit; ARGV recovery ms, probe ms, ticket. -> {0, failures} go | {1, 0} go as the probe | {2, ms left} rest
_ADMIT = (
    _NOW
    + """
local opened = tonumber(redis.call('HGET', KEYS[1], 'opened'))
if not opened then return {0, tonumber(redis.call('HGET', KEYS[1], 'failures') or 0)} end
if opened > now then opened = now; redis.call('HSET', KEYS[1], 'opened', now) end
local left = opened + ARGV[1] - now
if left > 0 then return {2, left} end
local probe_until = tonumber(redis.call('HGET', KEYS[1], 'probe_until') or 0)
if probe_until > now then return {2, math.min(probe_until - now, 1000)} end
redis.call('HSET', KEYS[1], 'probe', ARGV[3], 'probe_until', now + ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1] + ARGV[2] + 3600000)
return {1, 0}
"""
)

# KEYS circuit; ARGV ticket, verdict (1 healthy, 0 failed, -1 unknown), threshold, ms to keep. -> failures
_RECORD = (
    _NOW
    + """
local opened = redis.call('HGET', KEYS[1], 'opened')
if opened then
  if ARGV[1] == '' or redis.call('HGET', KEYS[1], 'probe') ~= ARGV[1] then return 1 end
  if ARGV[2] == '1' then redis.call('DEL', KEYS[1]); return 0 end
  redis.call('HDEL', KEYS[1], 'probe', 'probe_until')
  if ARGV[2] == '0' then redis.call('HSET', KEYS[1], 'opened', now) end
  return 1
end
if ARGV[2] == '1' then redis.call('DEL', KEYS[1]); return 0 end
if ARGV[2] ~= '0' then return tonumber(redis.call('HGET', KEYS[1], 'failures') or 0) end
local failures = redis.call('HINCRBY', KEYS[1], 'failures', 1)
if failures >= tonumber(ARGV[3]) then redis.call('HSET', KEYS[1], 'opened', now) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return failures
"""
)

# KEYS room, a sorted set of holders by the time their place falls free; ARGV token, limit, hold ms. -> 1 inside | 0
_ENTER = (
    _NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return 1
"""
)

# KEYS rate, the time (microseconds) at which the next turn is due; ARGV interval us, burst, patience us.
# -> {1, us to wait} | {0, us it would be}
_RESERVE = """
local t = redis.call('TIME'); local now = t[1] * 1000000 + t[2]
local interval = tonumber(ARGV[1])
local due = tonumber(redis.call('GET', KEYS[1]) or now)
if due < now then due = now end
local wait = due - interval * (ARGV[2] - 1) - now
if wait < 0 then wait = 0 end
if wait > tonumber(ARGV[3]) then return {0, wait} end
local after = due + interval
redis.call('SET', KEYS[1], string.format('%.0f', after), 'PX', math.ceil((after - now) / 1000) + 1000)
return {1, wait}
"""


def shared_guard(redis: Redis, *, answer_s: float = _ANSWER_S) -> Guard:
    """A Guard whose limits hold over all processes that use this Redis; `redis` stays the caller's to close.

    Redis counts as away when it has not answered within `answer_s`.
    """
    link = Link(redis, answer_s=answer_s)
    return Guard(breaker=SharedBreaker(link), bulkhead=SharedBulkhead(link), rate=SharedRate(link))


class Away(Exception):
    """Redis does not answer; count within this process."""


class Link:
    """Runs scripts, and remembers for a second that Redis is away, so that an outage does not slow every call."""

    def __init__(self, redis: Redis, *, answer_s: float = _ANSWER_S) -> None:
        self._redis = redis
        self._answer_s = answer_s
        self._away_until = float("-inf")
        self.admit: AsyncScript = redis.register_script(_ADMIT)
        self.record: AsyncScript = redis.register_script(_RECORD)
        self.enter: AsyncScript = redis.register_script(_ENTER)
        self.reserve: AsyncScript = redis.register_script(_RESERVE)

    async def run(self, script: AsyncScript, key: str, *args: str | int) -> Any:
        """The script's answer; raises Away."""
        return await self._asked(lambda: script(keys=[key], args=list(args)))

    async def leave(self, key: str, token: str) -> None:
        """Give a place back; raises Away."""
        await self._asked(lambda: self._redis.zrem(key, token))

    async def _asked(self, ask: Callable[[], Any]) -> Any:
        if time.monotonic() < self._away_until:
            raise Away
        try:
            async with asyncio.timeout(self._answer_s):
                return await ask()
        except (RedisError, OSError, TimeoutError) as error:
            self._away_until = time.monotonic() + _AWAY_S
            _log.warning("Redis is away (%s): limits are counted within this process", type(error).__name__)
            raise Away from error


class SharedBreaker:
    """`connectors.limits.Breaker` over all workers.

    The healthy path costs next to nothing: a closed circuit without failures is asked for at most four times a second,
    so that a circuit that another worker opened is seen here within a quarter of a second.
    """

    def __init__(self, link: Link, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._clock = clock
        self._local = LocalBreaker(clock)
        self._calm_until: dict[str, float] = {}

    async def admit(self, key: str, recovery_timeout_s: float, probe_s: float) -> str | None:
        if self._calm_until.get(key, 0.0) > self._clock():
            return None
        ticket = uuid.uuid4().hex
        try:
            verdict, number = await self._link.run(
                self._link.admit, _name("breaker", key), _ms(recovery_timeout_s), _ms(probe_s), ticket
            )
        except Away:
            return await self._local.admit(key, recovery_timeout_s, probe_s)
        if verdict == 2:
            raise resting(number / 1000)
        self._remember(key, calm=verdict == 0 and number == 0)
        return ticket if verdict == 1 else None

    async def record(self, key: str, ticket: str | None, healthy: bool | None, failure_threshold: int) -> None:
        if ticket is None and healthy is not False and key in self._calm_until:
            return
        verdict = -1 if healthy is None else int(healthy)
        self._remember(key, calm=False)
        try:
            failures = await self._link.run(
                self._link.record, _name("breaker", key), ticket or "", verdict, failure_threshold, 86_400_000
            )
        except Away:
            await self._local.record(key, ticket, healthy, failure_threshold)
        else:
            self._remember(key, calm=failures == 0)

    def _remember(self, key: str, *, calm: bool) -> None:
        if not calm:
            self._calm_until.pop(key, None)
            return
        if len(self._calm_until) >= _MOST_KNOWN:
            self._calm_until.clear()
        self._calm_until[key] = self._clock() + _FRESH_S


@dataclass(slots=True)
class _Door:
    """Who of this process wants in. One at a time asks Redis, the others queue behind it in order."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    freed: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: int = 0
    users: int = 0  # inside or waiting
    full: bool = False


class SharedBulkhead:
    """`connectors.limits.Bulkhead` over all workers.

    A place falls free by itself when its time is up, so a killed worker blocks it no longer than its call might have
    lasted. The queue is counted per process.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._local = LocalBulkhead()
        self._doors: dict[str, _Door] = {}

    @asynccontextmanager
    async def slot(self, key: str, limit: int, queue: int, hold_s: float) -> AsyncIterator[None]:
        room, token = _name("bulkhead", key), uuid.uuid4().hex
        door = self._doors.setdefault(key, _Door())
        if door.full and door.waiting >= queue:
            raise crowded()
        door.users += 1
        try:
            try:
                await self._enter(
                    door, queue, lambda: self._link.run(self._link.enter, room, token, limit, _ms(hold_s))
                )
            except Away:
                async with self._local.slot(key, limit, queue, hold_s):
                    yield
            else:
                yield
        finally:
            try:  # also after being broken off while asking: the place may have been given
                with suppress(Away):
                    await self._link.leave(room, token)
            finally:
                self._left(key, door)

    async def _enter(self, door: _Door, queue: int, ask: Callable[[], Awaitable[Any]]) -> None:
        door.waiting += 1
        try:
            async with door.turn:
                pause = _FIRST_PAUSE_S
                while not await ask():
                    if not door.full and door.waiting > queue:
                        raise crowded()
                    door.full = True
                    door.freed.clear()
                    with suppress(TimeoutError):
                        await asyncio.wait_for(door.freed.wait(), pause)
                    pause = min(pause * 1.5, _LONGEST_PAUSE_S)
                door.full = False
        finally:
            door.waiting -= 1
            if not door.waiting:
                door.full = False

    def _left(self, key: str, door: _Door) -> None:
        door.freed.set()
        door.users -= 1
        if not door.users:
            self._doors.pop(key, None)


class SharedRate:
    """`connectors.limits.Rate` over all workers."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._local = LocalRate()

    async def reserve(self, key: str, per_s: float, burst: int, patience_s: float) -> float:
        interval = max(round(1_000_000 / per_s), 1)
        try:
            given, wait = await self._link.run(
                self._link.reserve, _name("rate", key), interval, burst, round(patience_s * 1_000_000)
            )
        except Away:
            return await self._local.reserve(key, per_s, burst, patience_s)
        if not given:
            raise too_fast(wait / 1_000_000)
        return float(wait) / 1_000_000


def _name(kind: str, key: str) -> str:
    return f"{_PREFIX}:{kind}:{key}"


def _ms(seconds: float) -> int:
    return max(round(seconds * 1000), 1)
