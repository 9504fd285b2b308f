"""Accepting runs of published versions, and looking at runs, many in one round trip.

The way that published calls take: what `access.runs` does through the ORM for one run costs several times the run
itself. The SQL is in the migration that makes `heddle_accept` and `heddle_runs`, under row-level security.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from uuid6 import uuid7

from engine.errors import KeyReused, NotFound, PublishedMeanwhile
from engine.store.group_commit import Lane, Question
from engine.store.json_text import json_bytes

Json = Any
Run = Mapping[str, Json]  # a row of `runs` as JSON
_WHOLE: Mapping[str, Json] = {}
_ACCEPT = "SELECT * FROM heddle_accept(%s::jsonb, %s, %s)"
_LOOK = "SELECT * FROM heddle_runs(%s::jsonb)"
_REFUSED = {
    "no_workflow": "No such workflow.",
    "no_version": "There is no such version.",
    "unpublished": "The workflow is not published.",
}


class PublishedRun(NamedTuple):
    """A run of a published version; `number` None: the one that is published now. `leased`: it begins right here.

    `workflow` is an id, or the name of a workflow that is not archived. `seen` is that of a look before
    (`Versions.find`).
    """

    tenant_id: UUID
    workflow: UUID | str
    number: int | None
    trigger: str
    input: Mapping[str, Json]
    leased: bool
    idempotency_key: str | None = None
    created_by: UUID | None = None
    part: Mapping[str, Json] = _WHOLE
    seen: str | None = None


class Acceptance:
    """One a process; `owner` and `lease_s` are those of its runs."""

    def __init__(self, app_url: str, owner: str, lease_s: float, *, give_up_s: float) -> None:
        self._accepts = Lane(app_url, _ACCEPT, (owner, lease_s), linger_s=0.0, give_up_s=give_up_s)
        self._looks = Lane(app_url, _LOOK, linger_s=0.0, give_up_s=give_up_s)

    def start(self) -> None:
        self._accepts.start()
        self._looks.start()

    async def close(self) -> None:
        await self._accepts.close()
        await self._looks.close()

    async def accept(self, new: PublishedRun) -> tuple[Run, bool]:
        """The run, durable, and whether it is new: the same idempotency key and input give the run that exists.

        Raises NotFound for a foreign or unpublished workflow, PublishedMeanwhile when it is not what was seen,
        KeyReused for the same key with another input, TransientError.
        """
        run_id = str(uuid7())
        body = {
            "tenant_id": str(new.tenant_id),
            "run_id": run_id,
            "workflow_id" if isinstance(new.workflow, UUID) else "workflow_name": str(new.workflow),
            "number": new.number,
            "trigger": new.trigger,
            "input": dict(new.input),
            "idempotency_key": new.idempotency_key,
            "created_by": None if new.created_by is None else str(new.created_by),
            "part": dict(new.part),
            "leased": new.leased,
            "seen": new.seen,
        }
        found = await self._accepts.ask(Question(run_id, json_bytes(body)))
        verdict = "no_workflow" if found is None else found["verdict"]
        if verdict == "no_workflow" and isinstance(new.workflow, str):
            raise NotFound(f"No workflow is named {new.workflow!r}.")
        if verdict in _REFUSED:
            raise NotFound(_REFUSED[verdict])
        assert found is not None
        if verdict == "moved":
            raise PublishedMeanwhile("Another version was published at this moment; call again.")
        if verdict == "other_input":
            raise KeyReused(run_id=found["run"]["run_id"])
        return found["run"], verdict == "accepted"

    async def look(self, tenant_id: UUID, run_id: UUID) -> Run:
        """The run as it stands. Raises NotFound, TransientError."""
        body = orjson.dumps({"tenant_id": str(tenant_id), "run_id": str(run_id)})
        found = await self._looks.ask(Question(str(run_id), body))
        if found is None:
            raise NotFound("No such run.")
        run: Run = found["run"]
        return run
