"""Composition root of a process that runs workflows: which adapter stands behind which port."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from redis.asyncio import Redis

from engine.execution.absent import NoSandbox
from engine.execution.context import Ports
from engine.execution.ports import ModelReply, ModelRequest, Models, OnDelta
from engine.settings import Settings
from engine.store.journal import JournalHub
from engine.store.session import Database
from runners.answers import RedisAnswers
from runners.bus import OutboxBus
from runners.client import RunClient, process_name
from runners.clocks import WallClock
from runners.ends import Ends
from runners.host import RunHost
from runners.live import LiveReader, LiveWriter
from runners.queue import RunQueue
from runners.redis_client import open_redis

if TYPE_CHECKING:
    from connectors.http.client import EgressClient
    from connectors.policy import Guard
    from engine.store.vault import Vault
    from runners.connections import Connections

_POOL_SIZE = 10


@runtime_checkable
class Closable(Protocol):
    """What holds on to something that must be let go of."""

    async def aclose(self) -> None: ...


class NoModels:
    """Models of a process that has none. Runs are handed over before a model call, so nobody should come here."""

    async def complete(self, request: ModelRequest, on_delta: OnDelta | None = None) -> ModelReply:  # noqa: ARG002
        raise RuntimeError(f"model {request.model} was called in a process without models")


class Runtime:
    """Everything that a process needs to run workflows. `client` is how others use it, `host` executes."""

    def __init__(
        self, db: Database, redis: Redis, hub: JournalHub, http: EgressClient, ports: Ports, *, owns: tuple[bool, bool]
    ) -> None:
        self.db = db
        self.redis = redis
        self.hub = hub
        self.ports = ports
        self._http = http
        self._owns_db, self._owns_redis = owns
        self.writer = LiveWriter(redis)
        self.reader = LiveReader(redis)
        self.ends = Ends(redis)
        self.queue = RunQueue(redis)
        self.host = RunHost(db=db, redis=redis, hub=hub, live=self.writer, queue=self.queue, ports=ports)
        self.client = RunClient(
            db=db,
            redis=redis,
            hub=hub,
            writer=self.writer,
            reader=self.reader,
            ends=self.ends,
            queue=self.queue,
            host=self.host,
        )

    @classmethod
    async def open(
        cls,
        settings: Settings,
        connections: Connections,
        *,
        db: Database | None = None,
        redis: Redis | None = None,
        with_models: bool = True,
        ports: Ports | None = None,
    ) -> Runtime:
        """Connect what is needed; `db` and `redis` given here stay open at `close`.

        `with_models` False keeps LiteLLM and code out of the process. `ports` replaces the outside world (tests,
        replays).
        """
        owns = (db is None, redis is None)
        db = db or Database(connections.app_database_url, pool_size=_POOL_SIZE)
        redis = redis or open_redis(connections.redis_url)
        http, ports = _outside(settings, connections, (db, redis), ports, with_models=with_models)
        hub = JournalHub(connections.app_database_url, process_name(), ports.clock)
        runtime = cls(db, redis, hub, http, ports, owns=owns)
        hub.start()
        runtime.writer.start()
        runtime.host.start()
        return runtime

    async def warm_up(self) -> None:
        """Connect now, and load the model library in a thread, so that the first run does not wait for them."""
        from connectors.models.client import LiteLlmModels  # noqa: PLC0415

        self.hub.warm_up()
        await self.db.warm_up()
        if isinstance(self.ports.models, LiteLlmModels):
            await self.ports.models.warm_up()

    async def close(self) -> None:
        """Hand over what runs here, write what is left, disconnect."""
        await self.host.close()
        await self.writer.close()
        await self.reader.close()
        await self.ends.close()
        await self.hub.close()
        await self._http.aclose()
        if isinstance(self.ports.sandbox, Closable):
            await self.ports.sandbox.aclose()
        if self._owns_redis:
            await self.redis.aclose()
        if self._owns_db:
            await self.db.close()


def _outside(
    settings: Settings,
    connections: Connections,
    stores: tuple[Database, Redis],
    ports: Ports | None,
    *,
    with_models: bool,
) -> tuple[EgressClient, Ports]:
    """The adapters to the outside world; one guard stands before all of them, shared by all workers."""
    from connectors.code.sandbox import MontySandbox  # noqa: PLC0415
    from connectors.credentials import TenantCredentials  # noqa: PLC0415 - a process opens a runtime late, if at all
    from connectors.http.client import EgressClient  # noqa: PLC0415
    from connectors.mcp.client import McpClient  # noqa: PLC0415
    from connectors.memory import StoredMemory  # noqa: PLC0415
    from connectors.models.prompts import StoredPrompts  # noqa: PLC0415
    from connectors.shared_limits import shared_guard  # noqa: PLC0415
    from connectors.toolbox import Toolbox  # noqa: PLC0415
    from engine.router.rules import RuleRouter  # noqa: PLC0415
    from engine.store.vault import Vault  # noqa: PLC0415

    db, redis = stores
    vault, guard = Vault(connections.secrets.master_key), shared_guard(redis)
    credentials = TenantCredentials(db, vault)
    http = EgressClient(allow=settings.egress_allow, guard=guard, credentials=credentials)
    if ports is not None:
        return http, ports
    tools = Toolbox(
        db,
        secret=connections.secrets.secret,
        base_url=settings.public_url or connections.instance_url or settings.base_url,
        guard=guard,
        credentials=credentials,
        outside=http,
    )
    models = _models(settings, db, vault, guard) if with_models else NoModels()
    return http, Ports(
        models=models,
        tools=tools,
        http=http,
        router=RuleRouter(),
        clock=WallClock(),
        prompts=StoredPrompts(db),
        mcp=McpClient(http),
        memory=StoredMemory(db),
        cache=RedisAnswers(redis),
        # Code never runs where people's requests are answered: such a process leaves it to a worker.
        sandbox=MontySandbox(settings.data_dir / "sandbox") if settings.code and with_models else NoSandbox(),
        bus=OutboxBus(db),
    )


def _models(settings: Settings, db: Database, vault: Vault, guard: Guard) -> Models:
    from connectors.models.client import LiteLlmModels  # noqa: PLC0415 - only processes that call models
    from connectors.models.keys import VaultKeys  # noqa: PLC0415

    return LiteLlmModels(settings, tenant_keys=VaultKeys(db, vault), guard=guard)
