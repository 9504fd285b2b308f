"""Sending what several tasks want sent in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True)
class Batcher(Generic[T]):
    """Collects items for `linger_s`, and while a batch is on its way, then sends them together, in their order."""

    send: Callable[[list[T]], Awaitable[None]]
    linger_s: float = 0.0
    _waiting: list[tuple[T, asyncio.Future[None]]] = field(default_factory=list)
    _sending: asyncio.Task[None] | None = None  # kept here, or it could be collected while it runs

    async def add(self, item: T) -> None:
        """Returns when the item is sent. Raises what `send` raised for its batch."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, done))
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all(), name="batcher")
        await done

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(self.linger_s)
                batch, self._waiting = self._waiting, []
                await self._send(batch)
        finally:
            self._sending = None

    async def _send(self, batch: list[tuple[T, asyncio.Future[None]]]) -> None:
        failed: Exception | None = None
        try:
            await self.send([item for item, _ in batch])
        except Exception as error:
            failed = error
        for _, done in batch:
            if not done.done():  # done: who waited was cancelled
                done.set_result(None) if failed is None else done.set_exception(failed)
