"""Circuit breaker, bulkhead and rate limit: their interfaces, and the forms that count within one process.

The forms that all workers share through Redis are in `connectors/shared_limits.py`; these here take over while Redis
is away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from engine.errors import CircuitOpen, RateLimited

PROBE = "probe"
_MOST_RATES = 10_000


class Breaker(Protocol):
    """closed -> open after enough failures in a row -> half open after the rest -> closed, or open again."""

    async def admit(self, key: str, recovery_timeout_s: float, probe_s: float) -> str | None:
        """Let the call through, or raise CircuitOpen; while half open, one call at a time tries it out.

        Returns that call's ticket, for `record`; None for ordinary calls. A probe that has told nothing for `probe_s`
        is taken to be lost.
        """
        ...

    async def record(self, key: str, ticket: str | None, healthy: bool | None, failure_threshold: int) -> None:
        """How an admitted call went; None when nothing is known (it was broken off).

        Of an open circuit only the probe decides: calls that were under way when it opened tell old news.
        """
        ...


class Bulkhead(Protocol):
    def slot(self, key: str, limit: int, queue: int, hold_s: float) -> AbstractAsyncContextManager[None]:
        """Wait for one of `limit` places, to be held for at most `hold_s`.

        Raises RateLimited when `queue` others of this process wait already.
        """
        ...


class Rate(Protocol):
    async def reserve(self, key: str, per_s: float, burst: int, patience_s: float) -> float:
        """Take the next turn and return how many seconds to wait for it.

        Raises RateLimited, and takes no turn, when that would be longer than `patience_s`.
        """
        ...


@dataclass(slots=True)
class _Circuit:
    failures: int = 0
    opened_at: float | None = None
    probe_until: float | None = None


class LocalBreaker:
    """Counts within this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    async def admit(self, key: str, recovery_timeout_s: float, probe_s: float) -> str | None:
        circuit = self._circuits.get(key)
        if circuit is None or circuit.opened_at is None:
            return None
        now = self._clock()
        left = circuit.opened_at + recovery_timeout_s - now
        if left > 0 or (circuit.probe_until is not None and circuit.probe_until > now):
            raise resting(left)
        circuit.probe_until = now + probe_s
        return PROBE

    async def record(self, key: str, ticket: str | None, healthy: bool | None, failure_threshold: int) -> None:
        circuit = self._circuits.setdefault(key, _Circuit())
        if circuit.opened_at is not None:
            self._judge_probe(key, circuit, ticket, healthy)
        elif healthy is False:
            circuit.failures += 1
            if circuit.failures >= failure_threshold:
                circuit.opened_at = self._clock()
        if (healthy and circuit.opened_at is None) or not circuit.failures:
            self._circuits.pop(key, None)  # healthy circuits take no room

    def _judge_probe(self, key: str, circuit: _Circuit, ticket: str | None, healthy: bool | None) -> None:
        if ticket is None:
            return
        circuit.probe_until = None
        if healthy:
            self._circuits.pop(key, None)
        elif healthy is False:
            circuit.opened_at = self._clock()


@dataclass(slots=True)
class _Room:
    semaphore: asyncio.Semaphore
    limit: int
    users: int = 0  # inside or waiting


class LocalBulkhead:
    """Counts within this process. A changed limit holds once the room has been empty."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Room] = {}

    @asynccontextmanager
    async def slot(self, key: str, limit: int, queue: int, hold_s: float) -> AsyncIterator[None]:  # noqa: ARG002
        room = self._rooms.setdefault(key, _Room(asyncio.Semaphore(limit), limit))
        if room.users >= room.limit + queue:
            raise crowded()
        room.users += 1
        try:
            async with room.semaphore:
                yield
        finally:
            room.users -= 1
            if not room.users:
                self._rooms.pop(key, None)


class LocalRate:
    """Counts within this process (generic cell rate algorithm)."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next: dict[str, float] = {}

    async def reserve(self, key: str, per_s: float, burst: int, patience_s: float) -> float:
        now, interval = self._clock(), 1.0 / per_s
        due = max(self._next.get(key, now), now)
        wait = max(due - interval * (burst - 1) - now, 0.0)
        if wait > patience_s:
            raise too_fast(wait)
        if len(self._next) >= _MOST_RATES:
            self._next = {name: at for name, at in self._next.items() if at > now}
        self._next[key] = due + interval
        return wait


def resting(left_s: float) -> CircuitOpen:
    """The refusal of an open circuit."""
    return CircuitOpen(retry_after_s=round(max(left_s, 1.0), 1))


def crowded() -> RateLimited:
    """The refusal of a full bulkhead."""
    return RateLimited("Too many calls are waiting for this connector.", retry_after_s=1.0)


def too_fast(wait_s: float) -> RateLimited:
    """The refusal of a rate limit."""
    return RateLimited("This connector's rate limit is used up.", retry_after_s=round(wait_s, 3))
