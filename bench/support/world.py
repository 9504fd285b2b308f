"""A fresh installation for a benchmark: servers with their default settings, a migrated database, tenants, workflows.

It lives in `<data folder>/bench`, apart from the data of whoever runs the benchmark, and is thrown away at the end.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg

from engine.settings import Settings
from engine.store.access import identity, workflows
from engine.store.session import Database, Scope
from runners.connections import Connections, open_connections
from runners.embedded.servers import STATE

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Published:
    """A workflow with a published version."""

    tenant_id: UUID
    workflow_id: UUID


@dataclass(frozen=True, slots=True)
class World:
    """`server_pids` are PostgreSQL's postmaster and Redis."""

    settings: Settings
    connections: Connections
    server_pids: tuple[int, int]

    def given(self, **more: Any) -> dict[str, Any]:
        """What a load's process needs to find everything."""
        urls = {
            "data_dir": str(self.settings.data_dir),
            "database_url": self.connections.database_url,
            "app_database_url": self.connections.app_database_url,
            "redis_url": self.connections.redis_url,
            "secrets": asdict(self.connections.secrets),
        }
        return urls | more

    def publish(self, text: str, tenants: int = 1, *, slug: str = "bench") -> list[Published]:
        """Make tenants, each with this workflow published."""
        return asyncio.run(_publish(self.connections.app_database_url, text, tenants, slug))

    def know_tables(self) -> None:
        """Tell the planner what is in the tables, once there is something in those that count.

        A scheduler and autovacuum do so within seconds of use. A benchmark cannot wait for them: a server counts the
        rows of a connection that has gone idle ten seconds later, and with the plans of empty tables each run would
        read all those before it.
        """
        with psycopg.connect(self.connections.database_url, autocommit=True) as link:
            link.execute("ANALYZE")


@contextmanager
def world(settings: Settings, name: str, progress: Progress) -> Iterator[World]:
    """The benchmark's own installation, fresh."""
    folder = settings.data_dir / "bench" / name
    _remove(folder)
    own = replace(settings, data_dir=folder, database_url=None, redis_url=None, secret=None, master_key=None)
    try:
        with open_connections(own, progress=progress, use_instance=False) as connections:
            state = json.loads((folder / STATE).read_text())
            yield World(own, connections, (state["postgres"]["pid"], state["redis"]["pid"]))
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    state = folder / STATE
    if state.exists():
        home = Path(json.loads(state.read_text())["home"])
        for server in ("postgres", "redis"):
            shutil.rmtree(home / server, ignore_errors=True)
        if home != folder:
            shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


async def _publish(app_url: str, text: str, tenants: int, slug: str) -> list[Published]:
    db = Database(app_url, pool_size=4)
    try:
        return [await _publish_one(db, text, slug if number == 0 else f"{slug}-{number}") for number in range(tenants)]
    finally:
        await db.close()


async def _publish_one(db: Database, text: str, slug: str) -> Published:
    scope = Scope(identity.new_tenant_id(), None, "system")
    async with db.transaction(scope) as tx:
        await identity.create_tenant(tx, slug, slug.title())
        row = await workflows.create(tx, text)
        await workflows.publish(tx, row.workflow_id)
        return Published(scope.tenant_id, row.workflow_id)


def best(values: Sequence[float]) -> float:
    """The median of a few measurements: one that another load of the machine spoilt does not count."""
    return sorted(values)[len(values) // 2]
