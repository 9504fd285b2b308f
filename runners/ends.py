"""Waiting for the end of a run, and for nothing else of it.

All ends are told over one channel of Redis. Whoever follows the run's stream is given all its events, and a reader that
blocks has to be rung for each new stream: both cost more than the end is worth.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from redis.asyncio import Redis

from runners.channel import listen
from runners.live import ENDS_CHANNEL, stream_key
from runners.tasks import cancel_all


class Ends:
    """The ends of runs, for those in this process who wait for them."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._listening: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Stop listening; whoever still waits is told nothing more."""
        if self._listening is not None:
            await cancel_all([self._listening])
            self._listening = None

    @contextmanager
    def of(self, tenant_id: UUID, run_id: UUID) -> Iterator[asyncio.Event]:
        """Set when the run's end is told, or may have been told unheard. An end before is in the journal."""
        key, over = stream_key(tenant_id, run_id), asyncio.Event()
        self._waiting.setdefault(key, set()).add(over)
        if self._listening is None:
            task = listen(self._redis, ENDS_CHANNEL, heard=self._heard, began=self._began)
            self._listening = asyncio.create_task(task, name="ends")
        try:
            yield over
        finally:
            self._waiting[key].discard(over)
            if not self._waiting[key]:
                del self._waiting[key]

    async def _began(self) -> None:
        for waiting in self._waiting.values():
            for over in waiting:
                over.set()

    async def _heard(self, data: bytes) -> None:
        """Keys of the streams of runs that are over, with spaces between. Nonsense is nobody's."""
        for key in data.decode(errors="replace").split():
            for over in self._waiting.get(key, ()):
                over.set()
