"""Steps under way in this process, each a task; and what may wake the run loop meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from engine.errors import StepTimeout
from engine.execution.attempt import Attempt
from engine.execution.plan import PlanNode
from engine.execution.state import Key

_LINGER_S = 0.5  # how long a step that was cut off is waited for, before the run goes on without it


@dataclass(slots=True, eq=False)
class Flight:
    """One attempt under way. `ends_at` is the loop time at which it has taken too long."""

    key: Key
    node: PlanNode
    attempt: Attempt
    task: asyncio.Task[None]
    timeout_s: float
    ends_at: float


class Flights:
    """All flights of a run; those `under_way` are looked at by the run loop, and changed here only."""

    def __init__(self) -> None:
        self.under_way: dict[Key, Flight] = {}
        self._bell: asyncio.Future[None] | None = None
        self._rung = False

    def launch(
        self, key: Key, node: PlanNode, attempt: Attempt, work: Coroutine[Any, Any, None], timeout_s: float
    ) -> None:
        loop = asyncio.get_running_loop()
        task = loop.create_task(work, name=f"step {key[0]}")
        self.under_way[key] = Flight(key, node, attempt, task, timeout_s, loop.time() + timeout_s)
        task.add_done_callback(self._over)

    def _over(self, _: asyncio.Future[None]) -> None:
        self.ring()

    def ring(self) -> None:
        """Have `landed` return; at once when nobody waits now. (Who waits for each task anew pays for all of them.)"""
        self._rung = True
        if self._bell is not None and not self._bell.done():
            self._bell.set_result(None)

    async def landed(self, timer: Awaitable[None] | None = None) -> list[Flight]:
        """Wait for the first flights to be over, for the timer, or for the bell; returns the flights that are over.

        A flight that took too long is cut off, with the error in its attempt. Raises what a flight raised (LeaseLost).
        """
        loop = asyncio.get_running_loop()
        ticking = None if timer is None else asyncio.ensure_future(timer)
        if ticking is not None:
            ticking.add_done_callback(self._over)
        nearest = min((flight.ends_at for flight in self.under_way.values()), default=None)
        alarm = None if nearest is None else loop.call_at(nearest, self.ring)
        try:
            if not self._rung:
                self._bell = loop.create_future()
                await self._bell
        finally:
            self._rung, self._bell = False, None
            if alarm is not None:
                alarm.cancel()
            if ticking is not None:
                ticking.remove_done_callback(self._over)
                ticking.cancel()
        over = [flight for flight in self.under_way.values() if flight.task.done()]
        late = [f for f in self.under_way.values() if f.ends_at <= loop.time() and not f.task.done()]
        for flight in late:
            error = StepTimeout(f"the step took longer than {flight.timeout_s:g} s", timeout_s=flight.timeout_s)
            flight.attempt.error, flight.attempt.timed_out = error.to_dict(), True
        await self.cut_off([flight.key for flight in late])
        for flight in over:
            del self.under_way[flight.key]
            flight.task.result()
        return over + late

    async def cut_off_others(self, wanted: Collection[Key]) -> list[Flight]:
        """End the flights of steps that are not among the wanted ones."""
        keys = [key for key in self.under_way if key not in wanted]
        return await self.cut_off(keys) if keys else []

    async def cut_off(self, keys: Collection[Key] | None = None) -> list[Flight]:
        """End these flights (or all) where they are; returns them."""
        ended = [f for f in self.under_way.values() if keys is None or f.key in keys]
        for flight in ended:
            del self.under_way[flight.key]
            flight.task.cancel()
        if ended:
            await asyncio.wait({flight.task for flight in ended}, timeout=_LINGER_S)
        for flight in ended:  # what it raised on its way out is of no interest any more
            if flight.task.done() and not flight.task.cancelled():
                flight.task.exception()
        return ended
