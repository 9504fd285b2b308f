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
from sqlalchemy.exc import DBAPIError

from engine.store.session import Database
from runners.queue import RunQueue
from runners.redis_client import open_redis
from runners.sweeper import sweep
from runners.ticker import tick

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections

log = logging.getLogger(__name__)

Duty = Callable[[], Awaitable[object]]
INTERVAL_S = 1.0
_LONGEST_PAUSE_S = 10.0


class Scheduler:
    """Does its duties until `stop`."""

    def __init__(self, db: Database, redis: Redis, interval_s: float = INTERVAL_S) -> None:
        queue = RunQueue(redis)
        self._interval_s = interval_s
        self._stopping = asyncio.Event()
        self._duties: dict[str, Duty] = {
            "sweep": lambda: sweep(db, queue),
            "tick": lambda: tick(db, queue),
        }

    def stop(self) -> None:
        self._stopping.set()

    async def serve(self) -> None:
        async with asyncio.TaskGroup() as group:
            for name, duty in self._duties.items():
                group.create_task(self._repeat(name, duty), name=name)

    async def _repeat(self, name: str, duty: Duty) -> None:
        pause_s = self._interval_s
        while not self._stopping.is_set():
            try:
                await duty()
                pause_s = self._interval_s
            except (RedisError, DBAPIError, OSError) as error:
                log.warning("%s: %s, trying again", name, type(error).__name__)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
            except Exception:  # the other duties go on, whatever is wrong with this one
                log.exception("%s failed, trying again", name)
                pause_s = _LONGEST_PAUSE_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()


def run_scheduler(settings: Settings, connections: Connections) -> int:  # noqa: ARG001 - as every role's entry
    """The process role `scheduler`: works until SIGTERM or SIGINT. Returns the exit code."""
    asyncio.run(_schedule(connections))
    return 0


async def _schedule(connections: Connections) -> None:
    db = Database(connections.app_database_url, pool_size=4)
    redis = open_redis(connections.redis_url)
    scheduler = Scheduler(db, redis)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, scheduler.stop)
    try:
        await scheduler.serve()
    finally:
        await redis.aclose()
        await db.close()
