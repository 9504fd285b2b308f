"""What tests of this folder share: a Redis, and the HTTP interface."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from redis.asyncio import Redis

from engine.settings import Settings
from engine.store.callers import Callers
from runners.connections import Connections
from runners.live import LiveWriter
from runners.redis_client import open_redis
from studio.container import Container
from tests.support.api import open_container, open_http


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """A client of this test's own Redis database, which is empty."""
    client = open_redis(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def writer(redis: Redis) -> AsyncIterator[LiveWriter]:
    """What tells the events of runs."""
    opened = LiveWriter(redis)
    opened.start()
    yield opened
    await opened.close()


@pytest.fixture
async def container(settings: Settings, connections: Connections) -> AsyncIterator[Container]:
    async with open_container(settings, connections) as opened:
        yield opened


@pytest.fixture
async def http(container: Container) -> AsyncIterator[httpx.AsyncClient]:
    async with open_http(container) as client:
        yield client


@pytest.fixture
async def callers(connections: Connections) -> AsyncIterator[Callers]:
    opened = Callers(connections.app_database_url)
    opened.start()
    yield opened
    await opened.close()
