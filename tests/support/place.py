"""A tenant with runs to submit, and the processes that execute them: what the tests of faults work on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from uuid import UUID

from engine.store.access import runs
from engine.store.session import Database, Scope
from engine.store.urls import app_url
from runners.client import ByText, RunRequest
from runners.runtime import Runtime
from tests.conftest import make_tenant
from tests.support.counting import counting_world, effects_of
from tests.support.servers import SECRET, TestServers
from tests.support.worker_process import Process, started


class Place:
    """A database and a Redis of the test's own, and a client to them."""

    def __init__(self, runtime: Runtime, scope: Scope, owner_url: str, redis_url: str, effects: Path) -> None:
        self.runtime, self.scope, self.effects = runtime, scope, effects
        self.owner_url, self.redis_url = owner_url, redis_url

    def started(self, role: str, count: int = 1, provider: str | None = None) -> AbstractContextManager[list[Process]]:
        return started(role, self.owner_url, self.redis_url, self.effects, count, provider=provider)

    async def submit(self, text: str, count: int = 1) -> list[UUID]:
        request = RunRequest(ByText(text), {"message": "hi"})
        return [await self.runtime.client.submit(self.scope, request) for _ in range(count)]

    async def statuses(self, run_ids: list[UUID], timeout_s: float = 90) -> Counter[str]:
        until_then = time.monotonic() + timeout_s
        views = [
            await self.runtime.client.wait(self.scope, run_id, max(0.1, until_then - time.monotonic()))
            for run_id in run_ids
        ]
        return Counter(view.status for view in views)

    async def journalled(self, run_ids: list[UUID]) -> set[str]:
        """Idempotency keys of the tool steps whose end is durable now."""
        keys = set()
        async with self.runtime.db.transaction(self.scope) as tx:
            for run_id in run_ids:
                steps = await runs.list_steps(tx, run_id)
                keys |= {f"{run_id}:{s.path}:{s.iteration}" for s in steps if s.node_type == "tool"}
        return keys

    def calls(self) -> Counter[str]:
        return Counter(effect["key"] for effect in effects_of(self.effects))


@asynccontextmanager
async def open_place(servers: TestServers, owner_url: str, redis_url: str, folder: Path) -> AsyncIterator[Place]:
    """A place on these servers, with a new tenant."""
    connections = servers.connections(owner_url, redis_url)
    settings = servers.settings(folder / "data", owner_url, redis_url)
    effects = folder / "effects"
    database = Database(app_url(owner_url, SECRET))
    scope = await make_tenant(database, "faults")
    runtime = await Runtime.open(settings, connections, ports=counting_world(effects))
    yield Place(runtime, scope, owner_url, redis_url, effects)
    await runtime.close()
    await database.close()
