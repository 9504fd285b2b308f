"""What runs remember, behind its port (`engine.execution.ports.Memory`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from engine.execution.ports import MemoryPlace
from engine.store.access import memories
from engine.store.session import Database, Scope, Tx

Json = Any


class StoredMemory:
    """One a process; the tenant's rows in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last(self, place: MemoryPlace, limit: int) -> Sequence[Json]:
        async with self._transaction(place) as tx:
            return await memories.last(tx, place, limit)

    async def append(self, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None = None) -> None:
        async with self._transaction(place) as tx:
            await memories.add(tx, place, value, idempotency_key, ttl_s, alone=False)

    async def write(self, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None = None) -> None:
        async with self._transaction(place) as tx:
            await memories.add(tx, place, value, idempotency_key, ttl_s, alone=True)

    async def clear(self, place: MemoryPlace, idempotency_key: str) -> None:
        async with self._transaction(place) as tx:
            await memories.clear(tx, place, idempotency_key)

    @asynccontextmanager
    async def _transaction(self, place: MemoryPlace) -> AsyncIterator[Tx]:
        async with self._database.transaction(Scope(place.tenant_id, None, "system")) as tx:
            yield tx
