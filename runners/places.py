"""The places of a worker: how many jobs it works on at once."""

from __future__ import annotations

from asyncio import Semaphore
from contextvars import ContextVar


class Place:
    """What a job takes up of its worker, from when it is taken from the queue.

    Given back with the job's end at the latest. A run gives it back as soon as only its end is to be written: its
    worker takes the next one meanwhile.
    """

    __slots__ = ("_free",)

    def __init__(self, free: Semaphore) -> None:
        self._free: Semaphore | None = free

    def leave(self) -> None:
        """Give it back, if that is not done yet."""
        free, self._free = self._free, None
        if free is not None:
            free.release()


current_place: ContextVar[Place] = ContextVar("current_place")
