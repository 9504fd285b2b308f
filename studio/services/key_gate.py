"""What an API key may start: only what its scopes fit, as the api triggers of workflows ask for them.

A workflow asks as its published version does. Who means another version, or goes on with a run of another text, needs
what that one asks for as well: an old version is no way around the new one.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import replace
from typing import TypeVar
from uuid import UUID

from engine.errors import Forbidden, PublishedMeanwhile
from engine.language.document import Document
from engine.language.triggers import scopes_of
from engine.store.access import runs, workflows
from engine.store.session import Database, Scope
from engine.store.versions import Meant, Versions
from runners.client import ByName, ByVersion

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")
_Key = tuple[UUID, str, int | None]  # tenant, name of the workflow, number of a version or None
Asked = frozenset[str] | None  # None: no key starts it
MOST_KEPT = 4096  # texts, and names, of which is remembered what was found


class KeyGate:
    """One a process. `held` are the scopes of the caller's key, None for a person, who is asked for none."""

    def __init__(self, db: Database, versions: Versions) -> None:
        self._db = db
        self._versions = versions
        self._known: OrderedDict[str, Asked] = OrderedDict()  # by the hash of a text, which never changes
        self._seen: OrderedDict[_Key, Meant] = OrderedDict()  # by what was asked for, as of the last look

    async def start(
        self,
        scope: Scope,
        held: Collection[str] | None,
        meant: ByName,
        begin: Callable[[ByName], Awaitable[T]],
    ) -> T:
        """`begin` a run for a caller who means this workflow, in the published or another version.

        What was looked at for the last caller counts for this one, too, and saves a look: `begin` does nothing when
        something else has been published since. Raises NotFound, Forbidden, and what `begin` raises.
        """
        if held is None:
            return await begin(meant)
        key = (scope.tenant_id, meant.name, meant.number)
        last = self._seen.get(key)
        if last is not None and await self._fits(scope, held, meant.name, last):
            with contextlib.suppress(PublishedMeanwhile):
                return await begin(replace(meant, seen=last.seen))
        found = await self._versions.find(*key)
        _keep(self._seen, key, found)
        await self._check(scope, held, meant.name, {found.hash, found.live_hash})
        return await begin(replace(meant, seen=found.seen))

    async def named(self, scope: Scope, held: Collection[str] | None, name: str) -> ByName | ByVersion:
        """What to start for a caller who means the published version of this workflow.

        For a key it is the very version that was looked at, whatever is published meanwhile.

        Raises NotFound, Forbidden.
        """
        if held is None:
            return ByName(name)
        meant = await self._versions.find(scope.tenant_id, name, None)
        await self._check(scope, held, name, {meant.hash, meant.live_hash})
        return ByVersion(meant.workflow_id, meant.number)

    async def check_run(self, scope: Scope, held: Collection[str] | None, run_id: UUID) -> None:
        """Whether the caller may start a run that goes on from this one. Raises NotFound, Forbidden."""
        if held is None:
            return
        async with self._db.transaction(scope) as tx:
            row = await runs.get_run(tx, run_id)
            live = None if row.workflow_id is None else await workflows.live_hash(tx, row.workflow_id)
        await self._check(scope, held, row.workflow_name, {row.definition_hash, live})

    async def startable(self, scope: Scope, held: Collection[str]) -> list[str]:
        """Names of workflows that a key of these scopes may start and that programs are meant to call: first those that
        ask for scopes, then those that have an address."""
        async with self._db.transaction(scope) as tx:
            served = {endpoint.workflow_id for endpoint in await workflows.list_endpoints(tx)}
            live = await workflows.live_hashes(tx)
        found = [(await self._asked(scope, digest), workflow_id, name) for workflow_id, name, digest in live]
        fitting = [
            (asked, workflow_id, name) for asked, workflow_id, name in found if asked is not None and asked <= set(held)
        ]
        return [name for asked, _, name in fitting if asked] + [
            name for asked, workflow_id, name in fitting if not asked and workflow_id in served
        ]

    async def _fits(self, scope: Scope, held: Collection[str], name: str, found: Meant) -> bool:
        try:
            await self._check(scope, held, name, {found.hash, found.live_hash})
        except Forbidden:
            return False
        return True

    async def _check(self, scope: Scope, held: Collection[str], name: str, digests: Iterable[str | None]) -> None:
        needed: set[str] = set()
        for digest in digests:
            if digest is None:
                continue
            asked = await self._asked(scope, digest)
            if asked is None:
                raise Forbidden(f"No API key may start {name}: its API trigger is switched off.")
            needed |= asked
        missing = sorted(needed.difference(held))
        if missing:
            raise Forbidden(
                f"This API key may not start {name}; it lacks the scope {', '.join(missing)}.",
                permission=missing[0],
                missing=missing,
            )

    async def _asked(self, scope: Scope, digest: str) -> Asked:
        if digest in self._known:
            return self._known[digest]
        async with self._db.transaction(scope) as tx:
            text = (await workflows.get_definition(tx, digest)).text
        asked = await asyncio.to_thread(_asked_in, text)
        _keep(self._known, digest, asked)
        return asked


def _keep(found: OrderedDict[K, V], key: K, value: V) -> None:
    """Remember this one, and forget what was found longest ago."""
    found[key] = value
    found.move_to_end(key)
    while len(found) > MOST_KEPT:
        found.popitem(last=False)


def _asked_in(text: str) -> Asked:
    workflow = Document.parse(text).workflow
    return None if workflow is None else scopes_of(workflow)
