"""What answers at a public address, many addresses in one round trip: the first thing that every published call asks.

Nothing is remembered: what is unpublished, or gets a new token, is so for the next call. The SQL is in the migration
that makes `heddle_endpoints`.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from engine.errors import NotFound
from engine.store.group_commit import Lane, Question
from engine.store.json_text import json_bytes
from engine.store.session import Scope
from engine.store.tables.workflows import Endpoint

_FIND = "SELECT * FROM heddle_endpoints(%s::jsonb)"
_GIVE_UP_S = 5.0


class Addresses:
    """One a process."""

    def __init__(self, app_url: str) -> None:
        self._lane = Lane(app_url, _FIND, linger_s=0.0, give_up_s=_GIVE_UP_S)

    def start(self) -> None:
        """Begin to ask; needs the running event loop."""
        self._lane.start()

    async def close(self) -> None:
        await self._lane.close()

    async def find(self, tenant_slug: str, kind: str, path: str) -> tuple[Scope, Endpoint]:
        """The published endpoint and the scope its runs have.

        Raises NotFound, with the same words for any reason, and TransientError.
        """
        asked = json_bytes([tenant_slug, kind, path]).decode()
        found = await self._lane.ask(Question(asked, json_bytes(asked)))
        if found is None:
            raise NotFound("Nothing is published here.")
        row = dict(found["endpoint"])
        for name in ("tenant_id", "endpoint_id", "workflow_id"):
            row[name] = UUID(row[name])
        row["created_at"] = datetime.fromisoformat(row["created_at"])
        if row["secret_sealed"] is not None:
            row["secret_sealed"] = bytes.fromhex(row["secret_sealed"].removeprefix("\\x"))
        return Scope(row["tenant_id"], None, "system"), Endpoint(**row)
