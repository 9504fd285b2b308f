"""The process role `scheduler`: sweeps once a second. Any number of them may run at once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.exc import DBAPIError

from engine.store.session import Database
from runners.queue import RunQueue
from runners.redis_client import open_redis
from runners.sweeper import sweep

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
_LONGEST_PAUSE_S = 10.0


class Scheduler:
    """Sweeps until `stop`."""

    def __init__(self, db: Database, redis: Redis, interval_s: float = INTERVAL_S) -> None:
        self._db = db
        self._queue = RunQueue(redis)
        self._interval_s = interval_s
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        self._stopping.set()

    async def serve(self) -> None:
        """A failure (no database, no Redis) is waited out; nothing is lost by it."""
        pause_s = self._interval_s
        while not self._stopping.is_set():
            try:
                await sweep(self._db, self._queue)
                pause_s = self._interval_s
            except (RedisError, DBAPIError, OSError) as error:
                log.warning("scheduler: %s, trying again", type(error).__name__)
                pause_s = min(_LONGEST_PAUSE_S, pause_s * 2)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._stopping.wait()


def run_scheduler(settings: Settings, connections: Connections) -> int:  # noqa: ARG001 - as every role's entry
    """The process role `scheduler`: works until SIGTERM or SIGINT. Returns the exit code."""
    asyncio.run(_schedule(connections))
    return 0


async def _schedule(connections: Connections) -> None:
    db = Database(connections.app_database_url, pool_size=2)
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
