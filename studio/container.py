"""What a web process holds open: database pool, Redis, and the client that submits runs.

Made at import, opened when the server starts, because the same modules are imported to build the frontend, where no
server runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

from redis.asyncio import Redis

from engine.errors import ConfigError
from engine.settings import Settings, get_settings
from engine.store.addresses import Addresses
from engine.store.callers import Callers
from engine.store.session import Database
from engine.store.vault import Vault
from engine.store.versions import Versions
from studio.services.tokens import PageTokens

if TYPE_CHECKING:
    from connectors.limits import Rate
    from runners.client import RunClient
    from runners.connections import Connections
    from studio.services.key_gate import KeyGate

POOL_SIZE = 20  # connections that stay; making one costs the server more than several requests
Service = TypeVar("Service")


class Container:
    """Services of one process; all but `settings` raise ConfigError before `open`."""

    def __init__(self, settings: Settings | None = None) -> None:
        self._settings = settings
        self._connections: Connections | None = None
        self._lock = asyncio.Lock()
        self._db: Database | None = None
        self._redis: Redis | None = None
        self._rate: Rate | None = None
        self._client: RunClient | None = None
        self._addresses: Addresses | None = None
        self._callers: Callers | None = None
        self._versions: Versions | None = None
        self._key_gate: KeyGate | None = None
        self.stopping = asyncio.Event()  # what would stay open for long ends when this is set

    @property
    def settings(self) -> Settings:
        return self._settings or get_settings()

    @property
    def db(self) -> Database:
        return _opened(self._db)

    @property
    def redis(self) -> Redis:
        return _opened(self._redis)

    @property
    def rate(self) -> Rate:
        """Counts calls over all processes."""
        return _opened(self._rate)

    @property
    def client(self) -> RunClient:
        return _opened(self._client)

    @property
    def addresses(self) -> Addresses:
        """What is published where."""
        return _opened(self._addresses)

    @property
    def callers(self) -> Callers:
        """Who calls."""
        return _opened(self._callers)

    @property
    def key_gate(self) -> KeyGate:
        """What an API key may start."""
        return _opened(self._key_gate)

    @property
    def vault(self) -> Vault:
        """Opens the secrets of tenants."""
        return Vault(_opened(self._connections).secrets.master_key)

    @property
    def tokens(self) -> PageTokens:
        """Makes and reads what public pages carry."""
        return PageTokens(_opened(self._connections).secrets.secret)

    def use(self, connections: Connections) -> None:
        """Say where the servers are; nothing is opened yet."""
        self._connections = connections

    async def open(self) -> None:
        """Open everything; a second call does nothing. Raises ConfigError when `use` was not called."""
        async with self._lock:
            if self._db is not None:
                return
            if self._connections is None:
                raise ConfigError("The web process was not told where its servers are; start it with `heddle web`.")
            from connectors.shared_limits import Link, SharedRate  # noqa: PLC0415  # not needed to build the frontend
            from runners.client import RunClient  # noqa: PLC0415
            from studio.services.key_gate import KeyGate  # noqa: PLC0415

            db = Database(self._connections.app_database_url, pool_size=POOL_SIZE)
            redis = Redis.from_url(self._connections.redis_url)
            self._client = await RunClient.open(self.settings, self._connections, db=db, redis=redis)
            self._addresses = Addresses(self._connections.app_database_url)
            self._callers = Callers(self._connections.app_database_url)
            self._versions = Versions(self._connections.app_database_url)
            for lane in (self._addresses, self._callers, self._versions):
                lane.start()
            self._key_gate = KeyGate(db, self._versions)
            self._db, self._redis, self._rate = db, redis, SharedRate(Link(redis))

    async def close(self) -> None:
        """Close what is open."""
        async with self._lock:
            for lane in (self._addresses, self._callers, self._versions):
                if lane is not None:
                    await lane.close()
            if self._client is not None:
                await self._client.close()
            if self._redis is not None:
                await self._redis.aclose()
            if self._db is not None:
                await self._db.close()
            self._db = self._redis = self._rate = self._client = None
            self._addresses = self._callers = self._versions = self._key_gate = None

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Open for as long as the server runs."""
        await self.open()
        try:
            yield
        finally:
            await self.close()


def _opened(service: Service | None) -> Service:
    if service is None:
        raise ConfigError("The studio's services are not open yet.")
    return service


@lru_cache(maxsize=1)
def get_container() -> Container:
    """The process's container."""
    return Container()
