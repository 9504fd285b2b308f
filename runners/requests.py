"""What is asked for when a run is started."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from engine.errors import InputError, NotFound, PublishedMeanwhile
from engine.execution.context import WHOLE, RunPart
from engine.language.document import Document
from engine.store.access import workflows
from engine.store.access.runs import NewRun
from engine.store.session import Tx
from engine.store.tables.workflows import WorkflowRow

Json = Any

_OWN_NAME = re.compile(r"[/\[]")  # what ends the name of a node of the workflow itself in a path


@dataclass(frozen=True, slots=True)
class ByText:
    """Run a draft or a file. `siblings` are the texts that its sub_workflow nodes mean, by name."""

    text: str
    siblings: Mapping[str, str] = field(default_factory=dict)
    workflow_id: UUID | None = None  # the draft's workflow, if it has one


@dataclass(frozen=True, slots=True)
class ByVersion:
    """Run a published version; `number` None means the one that is published now."""

    workflow_id: UUID
    number: int | None = None


@dataclass(frozen=True, slots=True)
class ByName:
    """As ByVersion, by the name of a workflow that is not archived. `seen`: only while that is still published."""

    name: str
    number: int | None = None
    seen: str | None = None


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run to start. `trigger`: manual | chat | webhook | api | cli | schedule | event | form | workflow.

    The same `idempotency_key` with the same input gives the run that was started first.
    """

    source: ByText | ByVersion | ByName
    input: Mapping[str, Json]
    trigger: str = "manual"
    conversation_id: UUID | None = None
    idempotency_key: str | None = None
    part: RunPart = WHOLE


async def resolved(tx: Tx, request: RunRequest) -> NewRun:
    """What is to be run: definitions stored, version chosen. Raises DefinitionError, InputError, NotFound."""
    source = request.source
    common: dict[str, Any] = {
        "trigger": request.trigger,
        "input": request.input,
        "conversation_id": request.conversation_id,
        "idempotency_key": request.idempotency_key,
        "part": part_row(request.part),
    }
    if isinstance(source, ByText):
        name = _name_in(source.text)
        _check_nodes(request.part, source.text)
        bindings = {
            sibling: await workflows.put_definition(tx, sibling, text) for sibling, text in source.siblings.items()
        }
        digest = await workflows.put_definition(tx, name, source.text)
        return NewRun(name, digest, bindings=bindings, workflow_id=source.workflow_id, **common)
    row = await _workflow(tx, source)
    number = source.number or row.published_number
    if number is None:
        raise NotFound("The workflow is not published.")
    version = await workflows.get_version(tx, row.workflow_id, number)
    if request.part.entry is not None or request.part.pins:
        _check_nodes(request.part, (await workflows.get_definition(tx, version.hash)).text)
    return NewRun(row.name, version.hash, workflow_id=row.workflow_id, version_number=number, **common)


async def _workflow(tx: Tx, source: ByVersion | ByName) -> WorkflowRow:
    if isinstance(source, ByName):
        row = await workflows.get_by_name(tx, source.name)
        if source.seen not in (None, f"{row.workflow_id}/{row.published_number or ''}"):
            raise PublishedMeanwhile("Another version was published at this moment; call again.")
        return row
    return await workflows.get_workflow(tx, source.workflow_id)


def _check_nodes(part: RunPart, text: str) -> None:
    """Raises InputError for a node that is not there. A pin may stand at a path within a node: "pay/charge"."""
    if part.entry is None and not part.pins:
        return
    names = {node.name for node in Document.parse_cached(text).runnable().nodes}
    if part.entry is not None and part.entry not in names:
        raise InputError(f"There is no node {part.entry!r} to begin with.", node=part.entry)
    unknown = next((path for path in part.pins if _OWN_NAME.split(path, maxsplit=1)[0] not in names), None)
    if unknown is not None:
        raise InputError(f"There is no node {unknown!r} whose output could be taken.", node=unknown)


def part_row(part: RunPart) -> dict[str, Json]:
    """The part as it is stored: what differs from the whole."""
    if part is WHOLE:  # nearly always
        return {}
    return {key: value for key, value in asdict(part).items() if value != getattr(WHOLE, key)}


@lru_cache(maxsize=256)
def _name_in(text: str) -> str:
    """The workflow's name. The same text is run again and again: by tests, and by people who try things out."""
    return Document.parse(text).runnable().name
