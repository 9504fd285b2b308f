"""The HTTP interface in this process, and those who call it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from engine.settings import Settings
from engine.store.access import identity
from engine.store.session import Database, Scope
from runners.connections import Connections
from studio.api.app import create_api
from studio.auth.permissions import PERMISSIONS
from studio.container import Container


@asynccontextmanager
async def open_container(settings: Settings, connections: Connections) -> AsyncIterator[Container]:
    """What a web process holds open."""
    container = Container(settings)
    container.use(connections)
    async with container.lifespan():
        yield container


@asynccontextmanager
async def open_http(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    """A caller of the whole HTTP interface; errors inside it arrive as answers."""
    transport = httpx.ASGITransport(create_api(container), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://heddle.test") as client:
        yield client


async def key_for(database: Database, scope: Scope, *permissions: str) -> dict[str, str]:
    """Headers with a new API key that may do this; without any named, everything."""
    async with database.transaction(scope) as tx:
        _, key = await identity.create_api_key(tx, "test", permissions or sorted(PERMISSIONS))
    return {"Authorization": f"Bearer {key}"}


async def slug_of(database: Database, scope: Scope) -> str:
    """The tenant's name in addresses."""
    async with database.transaction(scope) as tx:
        return (await identity.get_tenant(tx)).slug
