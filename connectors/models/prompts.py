"""The prompt library behind its port (`engine.execution.ports.Prompts`)."""

from __future__ import annotations

from collections import OrderedDict
from uuid import UUID

from engine.errors import NotFound, PermanentError
from engine.execution.ports import PromptText
from engine.store.access import prompts
from engine.store.session import Database, Scope

_KEPT = 1_000


class StoredPrompts:
    """One a process. What was read is kept: a version never changes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: OrderedDict[tuple[UUID, str, int], PromptText] = OrderedDict()

    async def load(self, tenant_id: UUID, name: str, version: int) -> PromptText:
        key = (tenant_id, name, version)
        found = self._kept.pop(key, None) or await self._read(tenant_id, name, version)
        self._kept[key] = found
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return found

    async def _read(self, tenant_id: UUID, name: str, version: int) -> PromptText:
        try:
            async with self._database.transaction(Scope(tenant_id, None, "system")) as tx:
                row = await prompts.get(tx, name, version)
        except NotFound as error:
            raise PermanentError(error.public_message, prompt=f"{name}@{version}") from error
        return PromptText(row.name, row.version, row.text, row.system)
