"""Which version of a workflow is meant by its name, many in one round trip: for programs, whose keys are seen to first.

The SQL is in the migration that makes `heddle_versions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from engine.errors import NotFound
from engine.store.json_text import json_bytes
from engine.store.lookup import Lookup


@dataclass(frozen=True, slots=True)
class Meant:
    """A version that exists. `hash` is its text's; `live_hash` that of the published one, None where there is none.

    `seen` is for accepting a run (PublishedRun), which then is refused when something else has been published since.
    """

    workflow_id: UUID
    number: int
    hash: str
    live_hash: str | None
    seen: str


class Versions(Lookup):
    """One a process."""

    _QUERY = "SELECT * FROM heddle_versions(%s::jsonb)"
    _ANSWER = "version"

    async def find(self, tenant_id: UUID, name: str, number: int | None) -> Meant:
        """The version of that number, or the published one. Raises NotFound as accepting a run does, TransientError."""
        row = await self._ask(json_bytes([str(tenant_id), name, number]).decode())
        if row is None:
            raise NotFound(f"No workflow is named {name!r}.")
        if row["number"] is None:
            raise NotFound("The workflow is not published.")
        if row["hash"] is None:
            raise NotFound("There is no such version.")
        return Meant(UUID(row["workflow_id"]), row["number"], row["hash"], row["published_hash"], row["seen"])
