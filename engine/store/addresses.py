"""What answers at a public address, many addresses in one round trip: the first thing that every published call asks.

Nothing is remembered: what is unpublished, or gets a new token, is so for the next call. The SQL is in the migration
that makes `heddle_endpoints`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.errors import NotFound
from engine.store.json_text import json_bytes
from engine.store.lookup import Lookup
from engine.store.session import Scope


@dataclass(frozen=True, slots=True)
class PublicEndpoint:
    """What answers: a row of engine.store.tables.workflows.Endpoint that is enabled, as far as a call needs it."""

    tenant_id: UUID
    endpoint_id: UUID
    workflow_id: UUID
    kind: str
    path: str
    config: Mapping[str, Any]
    token_hash: str | None
    secret_sealed: bytes | None


class Addresses(Lookup):
    """One a process."""

    _QUERY = "SELECT * FROM heddle_endpoints(%s::jsonb)"
    _ANSWER = "endpoint"

    async def find(self, tenant_slug: str, kind: str, path: str) -> tuple[Scope, PublicEndpoint]:
        """The published endpoint and the scope its runs have.

        Raises NotFound, with the same words for any reason, and TransientError.
        """
        row = await self._ask(json_bytes([tenant_slug, kind, path]).decode())
        if row is None:
            raise NotFound("Nothing is published here.")
        sealed = row["secret_sealed"]
        endpoint = PublicEndpoint(
            tenant_id=UUID(row["tenant_id"]),
            endpoint_id=UUID(row["endpoint_id"]),
            workflow_id=UUID(row["workflow_id"]),
            kind=row["kind"],
            path=row["path"],
            config=row["config"],
            token_hash=row["token_hash"],
            secret_sealed=None if sealed is None else bytes.fromhex(sealed.removeprefix("\\x")),
        )
        return Scope(endpoint.tenant_id, None, "system"), endpoint
