"""From the outbox to everybody who listens: at least once, in order per run, nobody waiting for anybody else.

    outbox --fan out--> usage counters, signals of waiting runs (in the same transaction: exactly once)
                        deliveries --deliver--> subscriptions (HTTP), event triggers (a run)
                                   --given up-> dead letters

Any number of schedulers may work at once. A delivery is leased for a while, so that one whose scheduler died is made
again; a subscriber may therefore see an event twice, under the same `webhook-id`.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from dataclasses import replace
from itertools import groupby
from uuid import UUID

from engine.errors import AppError, CircuitOpen
from engine.store.access import deliveries, events
from engine.store.access.deliveries import Due
from engine.store.session import Database, Scope
from runners.event_starts import EventStarter
from runners.outgoing import TIMEOUT_S, WebhookSender
from runners.tasks import cancel_all

log = logging.getLogger(__name__)

# Pauses after each failed attempt; after the last one the event goes to the dead letters, some 20 hours later.
BACKOFF_S = (5.0, 30.0, 120.0, 600.0, 3600.0, 10_800.0, 28_800.0, 28_800.0)
LEASE_S = 60.0
_BATCH_S = LEASE_S - 2 * TIMEOUT_S  # nothing new is begun under a lease after so long
_RESTING_S = 30.0  # until a host is asked again that the policy lets rest
_LOOK_AGAIN_S = 0.5  # for what has become due, while slow listeners take their time
_RUNS_A_TARGET = 4  # under way at once
_AT_ONCE = 256
_FAN_OUT = 1000
_PURGE = 20_000


async def fan_out(db: Database) -> int:
    """Hand out what is in the outbox; returns how many events."""
    total = 0
    while True:
        async with db.anonymous() as session:
            done = await events.fan_out(session, _FAN_OUT)
        total += done
        if done < _FAN_OUT:
            return total


async def purge(db: Database) -> None:
    """Remove events and dead letters that are old; what is still on its way stays."""
    async with db.anonymous() as session:
        await events.purge(session, _PURGE)


class Deliverer:
    """Makes deliveries; a slow or broken listener holds up only itself."""

    def __init__(self, db: Database, sender: WebhookSender, starter: EventStarter) -> None:
        self._db, self._sender, self._starter = db, sender, starter
        self._tasks: set[asyncio.Task[None]] = set()
        self._under_way: Counter[UUID] = Counter()
        self._closing = False

    async def deliver(self) -> None:
        """Make all deliveries that are due, and those that become due meanwhile, until none is left or `close`."""
        while not self._closing:
            under_way = bool(self._tasks)
            free = _AT_ONCE - len(self._tasks)
            found = await self._due(free) if free > 0 else []
            for _, group in groupby(sorted(found, key=_order), key=_order_key):
                self._begin(list(group))
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_LOOK_AGAIN_S, return_when=asyncio.FIRST_COMPLETED)
            elif not under_way:  # else a listener that was busy when we asked may be free by now
                return

    async def close(self, patience_s: float = 5.0) -> None:
        """Begin nothing new, and wait for what is under way; what takes longer is made again by another scheduler."""
        self._closing = True
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=patience_s)
        await cancel_all(self._tasks)

    async def _due(self, free: int) -> list[Due]:
        busy = [target for target, number in self._under_way.items() if number >= _RUNS_A_TARGET]
        async with self._db.anonymous() as session:
            return await deliveries.due(session, busy=busy, runs=_RUNS_A_TARGET, limit=free, lease_s=LEASE_S)

    def _begin(self, group: list[Due]) -> None:
        target = group[0].target_id
        task = asyncio.create_task(self._in_order(group), name=f"deliver to {target}")
        self._tasks.add(task)
        self._under_way[target] += 1
        task.add_done_callback(lambda ended: self._end(ended, target))

    def _end(self, task: asyncio.Task[None], target: UUID) -> None:
        self._tasks.discard(task)
        self._under_way[target] -= 1
        if self._under_way[target] <= 0:
            del self._under_way[target]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("deliveries to %s stopped, they will be tried again", target, exc_info=error)

    async def _in_order(self, group: list[Due]) -> None:
        """Deliveries of one run to one listener. The first that fails stops those behind it."""
        clock = asyncio.get_running_loop().time
        began = clock()
        for number, one in enumerate(group):
            if clock() - began > _BATCH_S or self._closing:
                break
            counted = one if number == 0 else replace(one, attempts=one.attempts + 1)
            now = one.leased_until.timestamp() - LEASE_S + clock() - began
            if not await self._one(counted, now):
                return
        async with self._db.transaction(Scope(group[0].tenant_id, None, "system")) as tx:
            await deliveries.release(tx, group[0])

    async def _one(self, one: Due, now: float) -> bool:
        """Whether what comes behind it may go on."""
        try:
            if one.consumer == "webhook":
                await self._sender.deliver(one, now)
            else:
                await self._starter.deliver(one)
            return True
        except AppError as error:
            return await self._failed(one, error)

    async def _failed(self, one: Due, error: AppError) -> bool:
        resting = isinstance(error, CircuitOpen)
        pause = _pause(one.attempts, error) if error.retryable or resting else None
        said = error.public_message
        log.info("event %s to %s %s: %s", one.event_id, one.consumer, one.target_id, said)
        if one.consumer == "webhook" and not resting:
            await self._sender.failed(one, error)
        async with self._db.transaction(Scope(one.tenant_id, None, "system")) as tx:
            if pause is None:
                await deliveries.bury(tx, one, said)
                return True
            await deliveries.later(tx, one, seconds=pause, error=said, counted=not resting)
            return False


def _pause(attempts: int, error: AppError) -> float | None:
    """How long to wait before the next attempt, as long as the other side asks at least; None after the last one."""
    spread = 0.8 + 0.4 * random.random()  # noqa: S311 - so that retries do not come in waves
    if isinstance(error, CircuitOpen):
        return _RESTING_S * spread
    if attempts > len(BACKOFF_S):
        return None
    asked = float(error.details.get("retry_after_s") or 0.0)
    return min(max(asked, BACKOFF_S[attempts - 1] * spread), BACKOFF_S[-1])


def _order(one: Due) -> tuple[str, str, int]:
    return str(one.target_id), str(one.order_key), one.delivery_id


def _order_key(one: Due) -> tuple[str, str]:
    return str(one.target_id), str(one.order_key)
