"""The process role `scheduler`: wakes what is due, each second. Any number of them may run at once.

It has several duties, each in a loop of its own, so that none waits for another. A duty that fails (no database, no
Redis) is tried again; nothing is lost by it, for what is to be done is in the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.exceptions import RedisError

from connectors.http.client import EgressClient
from connectors.shared_limits import shared_guard
from engine.errors import Unavailable
from engine.store.session import Database
from engine.store.vault import Vault
from runners.event_starts import EventStarter
from runners.outbox import Deliverer, fan_out, purge
from runners.outgoing import WebhookSender
from runners.queue import RunQueue
from runners.redis_client import open_redis
from runners.sweeper import sweep
from runners.ticker import tick
from runners.upkeep import keep_statistics, roll_up

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections

log = logging.getLogger(__name__)

Duty = Callable[[], Awaitable[object]]
INTERVAL_S = 1.0
PURGE_S = 600.0
STATISTICS_S = 3.0
ROLL_UP_S = 5.0
_LONGEST_PAUSE_S = 10.0


class Scheduler:
    """Does its duties until `stop`. `deliverer` brings events to those who listen; without one nobody does."""

    def __init__(
        self, db: Database, redis: Redis, interval_s: float = INTERVAL_S, deliverer: Deliverer | None = None
    ) -> None:
        queue = RunQueue(redis)
        self._stopping = asyncio.Event()
        self._deliverer = deliverer
        self._duties: dict[str, tuple[Duty, float]] = {
            "sweep": (lambda: sweep(db, queue), interval_s),
            "tick": (lambda: tick(db, queue), interval_s),
            "fan out": (lambda: fan_out(db), interval_s),
            "statistics": (lambda: keep_statistics(db), STATISTICS_S),
            "roll up": (lambda: roll_up(db), ROLL_UP_S),
            "purge": (lambda: purge(db), PURGE_S),
        }
        if deliverer is not None:
            self._duties["deliver"] = (deliverer.deliver, interval_s)

    def stop(self) -> None:
        self._stopping.set()

    async def serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name, (duty, interval_s) in self._duties.items():
                group.create_task(self._repeat(name, duty, interval_s), name=name)
            await self._stopping.wait()
            if self._deliverer is not None:
                await self._deliverer.close()

    async def _repeat(self, name: str, duty: Duty, interval_s: float) -> None:
        pause_s = interval_s
        while not self._stopping.is_set():
            try:
                await duty()
                pause_s = interval_s
            except (RedisError, Unavailable, OSError) as error:
                log.warning("%s: %s, trying again", name, type(error).__name__)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
            except Exception:  # the other duties go on, whatever is wrong with this one
                log.exception("%s failed, trying again", name)
                pause_s = _LONGEST_PAUSE_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()


def run_scheduler(settings: Settings, connections: Connections) -> int:
    """The process role `scheduler`: works until SIGTERM or SIGINT. Returns the exit code."""
    asyncio.run(_schedule(settings, connections))
    return 0


async def _schedule(settings: Settings, connections: Connections) -> None:
    db = Database(connections.app_database_url, pool_size=8)
    redis = open_redis(connections.redis_url)
    http = EgressClient(allow=settings.egress_allow, guard=shared_guard(redis))
    sender = WebhookSender(db, http, Vault(connections.secrets.master_key))
    scheduler = Scheduler(db, redis, deliverer=Deliverer(db, sender, EventStarter(db, RunQueue(redis))))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, scheduler.stop)
    try:
        await scheduler.serve()
    finally:
        await http.aclose()
        await redis.aclose()
        await db.close()
