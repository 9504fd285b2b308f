"""Tools that call the outside world, with credentials in a real vault and a way out to named loopback services."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from connectors.credentials import TenantCredentials
from connectors.http.client import EgressClient
from connectors.toolbox import Toolbox
from engine.execution.ports import ToolCall
from engine.store.access.credentials import put_credential
from engine.store.session import Database, Scope
from engine.store.vault import Vault
from tests.support.servers import MASTER_KEY


@dataclass(frozen=True)
class Outside:
    """A tenant's tools and a short way to call them."""

    database: Database
    scope: Scope
    toolbox: Toolbox
    http: EgressClient
    vault: Vault

    async def keep(self, kind: str, value: str, name: str = "main", *, scope: Scope | None = None) -> None:
        """Put a credential into the vault."""
        async with self.database.transaction(scope or self.scope) as tx:
            await put_credential(tx, self.vault, name=name, kind=kind, value=value)

    async def call(self, tool: str, credential: str | None = "main", key: str | None = None, **parameters: Any) -> Any:
        policy = parameters.pop("policy", {})
        return await self.toolbox.call(
            ToolCall(
                tenant_id=self.scope.tenant_id,
                tool=tool,
                parameters=parameters,
                idempotency_key=key or uuid.uuid4().hex,
                run_id=uuid.uuid4(),
                timeout_s=10,
                credential=credential,
                policy=policy,
            )
        )


@asynccontextmanager
async def outside(database: Database, scope: Scope, *allow: str) -> AsyncIterator[Outside]:
    """`allow` are the loopback services that may be reached, as "host:port"."""
    vault = Vault(MASTER_KEY)
    credentials = TenantCredentials(database, vault)
    http = EgressClient(allow, credentials=credentials)
    toolbox = Toolbox(
        database, secret="test-secret", base_url="http://localhost", credentials=credentials, outside=http
    )
    yield Outside(database, scope, toolbox, http, vault)
    await http.aclose()
