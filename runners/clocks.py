"""Clocks of a process. The database's clock is the one that counts: leases and timers are kept by it."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

from engine.execution.ports import Clock
from engine.store.leases import Lease

_TOLERATED_S = 1.0


class WallClock:
    """engine.execution.ports.Clock: the machine's time."""

    now = staticmethod(time.time)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ShiftedClock:
    """Another clock, put forward by some seconds."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock, self._seconds = clock, seconds

    def now(self) -> float:
        return self._clock.now() + self._seconds

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


def clock_of(lease: Lease, clock: Clock, lease_s: float) -> Clock:
    """The database's clock, as far as the lease tells it: its end was set when it was taken, a moment ago.

    The process's own clock where that is right, give or take a second.
    """
    ends_at = datetime.fromisoformat(str(lease.run["lease_until"])).timestamp()
    ahead_s = ends_at - lease_s - clock.now()
    return clock if abs(ahead_s) < _TOLERATED_S else ShiftedClock(clock, ahead_s)
