"""The demo tenant's scope, which is whom the command line acts for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from engine.errors import ConfigError
from studio.commands.common import DEMO_TENANT

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.store.session import Database, Scope
    from runners.connections import Connections
    from studio.commands.common import Progress


@asynccontextmanager
async def tenant_database(connections: Connections) -> AsyncIterator[tuple[Database, Scope]]:
    """A small pool and the demo tenant's scope; raises ConfigError when the tenant is missing."""
    from engine.store.access.identity import tenant_id_by_slug
    from engine.store.session import Database, Scope

    db = Database(connections.app_database_url, pool_size=2)
    try:
        async with db.anonymous() as session:
            tenant_id = await tenant_id_by_slug(session, DEMO_TENANT)
        if tenant_id is None:
            raise ConfigError(f"There is no tenant {DEMO_TENANT!r} yet: run `heddle seed`")
        yield db, Scope(tenant_id, None, "admin")
    finally:
        await db.close()


async def ensure_tenant(settings: Settings, connections: Connections, progress: Progress) -> None:
    """Seed the demo tenant when it is missing."""
    from studio.commands.seed import demo_exists, seed

    if not await demo_exists(connections):
        progress("creating the demo tenant")
        await seed(settings, connections)
