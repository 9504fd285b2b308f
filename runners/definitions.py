"""Which text a run means by the name of a workflow: pinned for the run at first use, so that a publish in the middle of
a run changes nothing in it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from functools import partial
from uuid import UUID

from engine.errors import DefinitionMissing, NotFound
from engine.execution.ports import Definition
from engine.store.access import runs, workflows
from engine.store.leases import Lease
from engine.store.session import Database, Scope

_MOST_KEPT = 64_000_000  # characters of all texts that a process keeps: tens of thousands of workflows, mostly
_Key = tuple[UUID, str]  # tenant and hash


class DefinitionCache:
    """Definitions by tenant and hash, for all runs of a process. They never change, so nothing goes stale.

    Runs that want the same one at the same time read it once: a worker begins with hundreds of one workflow.
    """

    def __init__(self) -> None:
        self._found: OrderedDict[_Key, Definition] = OrderedDict()
        self._kept = 0  # characters
        self._reading: dict[_Key, asyncio.Task[Definition]] = {}

    async def get(self, db: Database, scope: Scope, digest: str) -> Definition:
        """Raises DefinitionMissing."""
        key = (scope.tenant_id, digest)
        if key in self._found:
            self._found.move_to_end(key)
            return self._found[key]
        reading = self._reading.get(key)
        if reading is None:
            reading = self._reading[key] = asyncio.create_task(_read(db, scope, digest))
            reading.add_done_callback(partial(self._keep, key))
        return await asyncio.shield(reading)

    def _keep(self, key: _Key, reading: asyncio.Task[Definition]) -> None:
        del self._reading[key]
        if reading.cancelled() or reading.exception() is not None:
            return
        found = self._found[key] = reading.result()
        self._kept += len(found.text)
        while self._kept > _MOST_KEPT:
            _, gone = self._found.popitem(last=False)
            self._kept -= len(gone.text)


async def _read(db: Database, scope: Scope, digest: str) -> Definition:
    try:
        async with db.transaction(scope) as tx:
            return await workflows.get_definition(tx, digest)
    except NotFound as error:
        raise DefinitionMissing("The workflow's text is not stored.", hash=digest) from error


class RunDefinitions:
    """engine.execution.ports.Definitions of one run: its own bindings first, then the tenant's published versions."""

    def __init__(self, db: Database, scope: Scope, lease: Lease, cache: DefinitionCache) -> None:
        self._db = db
        self._scope = scope
        self._run_id = lease.run_id
        self._bindings: dict[str, str] = dict(lease.run["bindings"])
        self._cache = cache

    async def load(self, name: str, version_range: str | None) -> Definition:
        """The text that a step calls. The pin is durable before the text is used. Raises DefinitionMissing."""
        key = name if version_range is None else f"{name}@{version_range}"
        pinned = self._bindings.get(key) or self._bindings.get(name)
        if pinned is None:
            async with self._db.transaction(self._scope) as tx:
                found = await workflows.published_definition(tx, name, version_range)
                pinned = await runs.pin_binding(tx, self._run_id, key, found.hash)
            self._bindings[key] = pinned
        return await self.by_hash(pinned)

    async def by_hash(self, hash: str) -> Definition:
        return await self._cache.get(self._db, self._scope, hash)
