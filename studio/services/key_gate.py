"""What an API key may start: only what its scopes fit, as the api triggers of workflows ask for them.

A workflow asks as its published version does. Who means another version, or goes on with a run of another text, needs
what that one asks for as well: an old version is no way around the new one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Iterable
from uuid import UUID

from engine.errors import Forbidden
from engine.language.document import Document
from engine.language.triggers import scopes_of
from engine.store.access import runs, workflows
from engine.store.session import Database, Scope
from engine.store.versions import Versions
from runners.client import ByName, ByVersion

Asked = frozenset[str] | None  # None: no key starts it
MOST_KEPT = 4096  # texts whose scopes are remembered


class KeyGate:
    """One a process. `held` are the scopes of the caller's key, None for a person, who is asked for none."""

    def __init__(self, db: Database, versions: Versions) -> None:
        self._db = db
        self._versions = versions
        self._known: OrderedDict[str, Asked] = OrderedDict()  # by the hash of a text, which never changes

    async def named(
        self, scope: Scope, held: Collection[str] | None, name: str, number: int | None = None
    ) -> ByName | ByVersion:
        """What to start for a caller who means this workflow, in the published or another version.

        For a key it is the very version that was looked at, whatever is published meanwhile.

        Raises NotFound, Forbidden.
        """
        if held is None:
            return ByName(name, number)
        meant = await self._versions.find(scope.tenant_id, name, number)
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
            self._known.move_to_end(digest)
            return self._known[digest]
        async with self._db.transaction(scope) as tx:
            text = (await workflows.get_definition(tx, digest)).text
        asked = self._known[digest] = await asyncio.to_thread(_asked_in, text)
        while len(self._known) > MOST_KEPT:
            self._known.popitem(last=False)
        return asked


def _asked_in(text: str) -> Asked:
    workflow = Document.parse(text).workflow
    return None if workflow is None else scopes_of(workflow)
