"""Workflows, their drafts and versions, the definitions that runs refer to, and published endpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from engine.errors import Conflict, DefinitionMissing, NotFound, SchemaError
from engine.execution.ports import Definition
from engine.language.document import Document
from engine.language.versions import satisfies
from engine.store.session import Tx
from engine.store.tables.workflows import DefinitionRow, Endpoint, WorkflowRow, WorkflowVersion

Json = Any


def content_hash(text: str) -> str:
    """sha256 of the text in hex: the identity of a definition."""
    return hashlib.sha256(text.encode()).hexdigest()


async def list_workflows(tx: Tx, *, archived: bool = False) -> Sequence[WorkflowRow]:
    """All workflows of the tenant by name; archived ones only when asked for."""
    query = select(WorkflowRow).order_by(WorkflowRow.name)
    query = query.where(
        col(WorkflowRow.archived_at).is_not(None) if archived else col(WorkflowRow.archived_at).is_(None)
    )
    return (await tx.session.execute(query)).scalars().all()


async def names(tx: Tx) -> Sequence[str]:
    """Names of the tenant's workflows in order, without their texts."""
    query = select(WorkflowRow.name).where(col(WorkflowRow.archived_at).is_(None)).order_by(WorkflowRow.name)
    return (await tx.session.execute(query)).scalars().all()


async def names_of(tx: Tx, workflow_ids: Collection[UUID]) -> Mapping[UUID, tuple[str, bool]]:
    """Names of those workflows of the tenant, and whether they are there: archived ones are not."""
    query = select(WorkflowRow.workflow_id, WorkflowRow.name, WorkflowRow.archived_at)
    rows = await tx.session.execute(query.where(col(WorkflowRow.workflow_id).in_(workflow_ids)))
    return {row.workflow_id: (row.name, row.archived_at is None) for row in rows}


async def taken_names(tx: Tx) -> set[str]:
    """Names that no new workflow can have: those of archived ones as well."""
    return set((await tx.session.execute(select(WorkflowRow.name))).scalars().all())


async def get_workflow(tx: Tx, workflow_id: UUID) -> WorkflowRow:
    """Raises NotFound, also for another tenant's workflow."""
    row = await tx.session.get(WorkflowRow, (tx.scope.tenant_id, workflow_id))
    if row is None:
        raise NotFound("No such workflow.")
    return row


async def get_by_name(tx: Tx, name: str) -> WorkflowRow:
    """Raises NotFound, also for an archived workflow."""
    query = select(WorkflowRow).where(WorkflowRow.name == name, col(WorkflowRow.archived_at).is_(None))
    row = (await tx.session.execute(query)).scalar_one_or_none()
    if row is None:
        raise NotFound(f"No workflow is named {name!r}.")
    return row


async def create(tx: Tx, text: str, layout: Mapping[str, Json] | None = None, golden: str | None = None) -> WorkflowRow:
    """Keep a new workflow under the name in its text; raises SchemaError without one, Conflict when it is taken."""
    name, description, category = described(text)
    row = WorkflowRow(
        tenant_id=tx.scope.tenant_id,
        name=name,
        description=description,
        category=category,
        text=text,
        layout=dict(layout or {}),
        golden=golden,
        updated_by=tx.scope.user_id,
    )
    try:
        async with tx.session.begin_nested():
            tx.session.add(row)
    except sa.exc.IntegrityError as error:
        raise Conflict(f"A workflow named {name!r} exists already.", field="name") from error
    return row


def described(text: str) -> tuple[str, str, str]:
    """Name, description and category that the text gives; raises SchemaError when it has no usable name."""
    workflow = Document.parse(text).workflow
    if workflow is None:
        raise SchemaError("The text is not a workflow; see its diagnostics.")
    return workflow.name, workflow.description, workflow.category


async def save_draft(
    tx: Tx, workflow_id: UUID, *, text: str, revision: int, layout: Mapping[str, Json] | None = None
) -> int:
    """Replace the draft; returns its new revision. Raises Conflict when `revision` is no longer the newest.

    A text that cannot be parsed is kept as well (nobody loses what they typed); the list's columns stay as they were.
    """
    values: dict[str, Any] = {
        "text": text,
        "revision": revision + 1,
        "updated_at": sa.func.now(),
        "updated_by": tx.scope.user_id,
    }
    if layout is not None:
        values["layout"] = dict(layout)
    workflow = Document.parse_cached(text).workflow
    if workflow is not None:
        values |= {"description": workflow.description, "category": workflow.category}
    query = (
        sa.update(WorkflowRow)
        .where(col(WorkflowRow.workflow_id) == workflow_id, col(WorkflowRow.revision) == revision)
        .values(**values)
    )
    done: Any = await tx.session.execute(query)
    if not done.rowcount:
        current = await get_workflow(tx, workflow_id)
        await tx.session.refresh(current)
        raise Conflict("The draft was changed elsewhere.", revision=current.revision)
    return revision + 1


async def rename(tx: Tx, workflow_id: UUID, name: str) -> None:
    """Change the name in lists and addresses; the caller changes the text. Raises Conflict when it is taken."""
    row = await get_workflow(tx, workflow_id)
    try:
        async with tx.session.begin_nested():
            row.name = name
    except sa.exc.IntegrityError as error:
        raise Conflict(f"A workflow named {name!r} exists already.") from error


async def archive(tx: Tx, workflow_id: UUID, archived: bool = True) -> None:
    """Take a workflow out of lists and addresses, or bring it back."""
    row = await get_workflow(tx, workflow_id)
    row.archived_at = datetime.now(UTC) if archived else None
    await tx.session.flush()


async def put_definition(tx: Tx, name: str, text: str) -> str:
    """Keep a text under its hash; returns the hash. The same text twice is one row."""
    digest = content_hash(text)
    row = {"tenant_id": tx.scope.tenant_id, "hash": digest, "name": name, "text": text}
    await tx.session.execute(insert(DefinitionRow).values(row).on_conflict_do_nothing())
    return digest


async def get_definition(tx: Tx, digest: str) -> Definition:
    """The definition of that hash; raises NotFound."""
    row = await tx.session.get(DefinitionRow, (tx.scope.tenant_id, digest))
    if row is None:
        raise NotFound("No such definition.")
    return Definition(row.name, row.hash, row.text)


async def publish(tx: Tx, workflow_id: UUID, note: str = "") -> WorkflowVersion:
    """Freeze the draft as the next version and make it the published one. The caller has validated the text."""
    row = await tx.session.get(WorkflowRow, (tx.scope.tenant_id, workflow_id), with_for_update=True)
    if row is None:
        raise NotFound("No such workflow.")
    workflow = Document.parse(row.text).workflow
    if workflow is None:
        raise SchemaError("The draft is not a workflow; see its diagnostics.")
    latest = sa.select(sa.func.max(WorkflowVersion.number)).where(col(WorkflowVersion.workflow_id) == workflow_id)
    version = WorkflowVersion(
        tenant_id=tx.scope.tenant_id,
        workflow_id=workflow_id,
        number=((await tx.session.execute(latest)).scalar() or 0) + 1,
        hash=await put_definition(tx, row.name, row.text),
        version=workflow.version,
        layout=row.layout,
        note=note,
        created_by=tx.scope.user_id,
    )
    tx.session.add(version)
    row.published_number = version.number
    await tx.session.flush()
    return version


async def put_version(
    tx: Tx, workflow_id: UUID, number: int, text: str, *, layout: Mapping[str, Json], note: str, at: datetime | None
) -> bool:
    """Keep a version that was published elsewhere, under its own number and moment; it does not become live.

    Where the same text stands under that number, the earlier moment counts; False where another one does. Raises
    NotFound, SchemaError for a text that is no workflow.
    """
    row = await get_workflow(tx, workflow_id)
    workflow = Document.parse(text).workflow
    if workflow is None:
        raise SchemaError(f"Version {number} is not a workflow.")
    there = await tx.session.get(WorkflowVersion, (tx.scope.tenant_id, workflow_id, number))
    if there is not None and there.hash == content_hash(text) and at is not None:
        there.created_at = min(there.created_at, at)
    if there is not None:
        return there.hash == content_hash(text)
    version = WorkflowVersion(
        tenant_id=tx.scope.tenant_id,
        workflow_id=workflow_id,
        number=number,
        hash=await put_definition(tx, row.name, text),
        version=workflow.version,
        layout=dict(layout),
        note=note,
        created_by=tx.scope.user_id,
    )
    if at is not None:
        version.created_at = at
    tx.session.add(version)
    await tx.session.flush()
    return True


async def make_live(tx: Tx, workflow_id: UUID, number: int, seen: int | None) -> None:
    """Make an earlier or later version the published one; `seen` is the number that was published for the caller.

    Raises NotFound, Conflict when another one is published by now, or this one already. The caller has validated it.
    """
    row = await tx.session.get(
        WorkflowRow, (tx.scope.tenant_id, workflow_id), with_for_update=True, populate_existing=True
    )
    if row is None:
        raise NotFound("No such workflow.")
    if row.published_number != seen:
        now = "no version" if row.published_number is None else f"version {row.published_number}"
        raise Conflict(f"What is live was changed meanwhile: it is {now} now.", live=row.published_number)
    if number == seen:
        raise Conflict(f"Version {number} is live already.")
    row.published_number = (await get_version(tx, workflow_id, number)).number
    await tx.session.flush()


async def unpublish(tx: Tx, workflow_id: UUID) -> None:
    """Take the published version and all addresses away. Raises NotFound, Conflict when there is none."""
    row = await tx.session.get(WorkflowRow, (tx.scope.tenant_id, workflow_id), with_for_update=True)
    if row is None:
        raise NotFound("No such workflow.")
    if row.published_number is None:
        raise Conflict("The workflow is not published.")
    row.published_number = None
    for endpoint in await list_endpoints(tx, workflow_id):
        endpoint.enabled = False
    await tx.session.flush()


async def versions(tx: Tx, workflow_id: UUID) -> Sequence[WorkflowVersion]:
    """The versions of a workflow, newest first."""
    await get_workflow(tx, workflow_id)
    query = select(WorkflowVersion).where(WorkflowVersion.workflow_id == workflow_id)
    return (await tx.session.execute(query.order_by(col(WorkflowVersion.number).desc()))).scalars().all()


async def get_version(tx: Tx, workflow_id: UUID, number: int) -> WorkflowVersion:
    """Raises NotFound."""
    row = await tx.session.get(WorkflowVersion, (tx.scope.tenant_id, workflow_id, number))
    if row is None:
        raise NotFound(f"There is no version {number}.")
    return row


async def published_definition(tx: Tx, name: str, version_range: str | None = None) -> Definition:
    """What a sub_workflow node means by `name`: the published version, or the newest one in the range.

    Raises DefinitionMissing when the workflow is not published or no version fits.
    """
    query = (
        select(WorkflowVersion, DefinitionRow, WorkflowRow.published_number)
        .join(WorkflowRow, col(WorkflowRow.workflow_id) == col(WorkflowVersion.workflow_id))
        .join(DefinitionRow, col(DefinitionRow.hash) == col(WorkflowVersion.hash))
        .where(WorkflowRow.name == name, col(WorkflowRow.archived_at).is_(None))
        .order_by(col(WorkflowVersion.number).desc())
    )
    if version_range is None:
        query = query.where(WorkflowVersion.number == WorkflowRow.published_number)
    rows = (await tx.session.execute(query)).all()
    for version, definition, _ in rows:
        if version_range is None or satisfies(version.version, version_range):
            return Definition(name, definition.hash, definition.text, str(version.number))
    wanted = f"{name!r}" if version_range is None else f"{name!r} {version_range}"
    raise DefinitionMissing(f"No published workflow {wanted}.", workflow=name)


async def live_hash(tx: Tx, workflow_id: UUID) -> str | None:
    """The hash of the published version's text; None where there is none."""
    query = _live().where(col(WorkflowRow.workflow_id) == workflow_id)
    row = (await tx.session.execute(query)).one_or_none()
    return None if row is None else row.hash


async def live_hashes(tx: Tx) -> list[tuple[UUID, str, str]]:
    """(workflow_id, name, hash of the published version's text) of all that is published, by name."""
    query = _live().where(col(WorkflowRow.archived_at).is_(None)).order_by(WorkflowRow.name)
    return [tuple(row) for row in (await tx.session.execute(query)).all()]


def _live() -> Any:
    return select(WorkflowRow.workflow_id, WorkflowRow.name, WorkflowVersion.hash).join(
        WorkflowVersion,
        (col(WorkflowVersion.workflow_id) == col(WorkflowRow.workflow_id))
        & (col(WorkflowVersion.number) == col(WorkflowRow.published_number)),
    )


async def version_with(tx: Tx, name: str, digest: str) -> WorkflowVersion | None:
    """The newest version of the workflow `name` with this text; None for a text that was never published."""
    query = (
        select(WorkflowVersion)
        .join(WorkflowRow, col(WorkflowRow.workflow_id) == col(WorkflowVersion.workflow_id))
        .where(WorkflowRow.name == name, WorkflowVersion.hash == digest)
        .order_by(col(WorkflowVersion.number).desc())
        .limit(1)
    )
    return (await tx.session.execute(query)).scalar_one_or_none()


async def put_endpoint(
    tx: Tx, workflow_id: UUID, *, kind: str, path: str, config: Mapping[str, Json], token_hash: str | None = None
) -> Endpoint:
    """Publish a workflow at an address. The same address of the same workflow is updated and keeps its secrets.

    Raises Conflict when another workflow of the tenant answers there.
    """
    query = select(Endpoint).where(Endpoint.kind == kind, Endpoint.path == path)
    row = (await tx.session.execute(query)).scalar_one_or_none()
    if row is not None and row.workflow_id != workflow_id:
        raise Conflict(f"Another workflow answers at {path!r} already.")
    if row is None:
        row = Endpoint(tenant_id=tx.scope.tenant_id, kind=kind, path=path, workflow_id=workflow_id)
        tx.session.add(row)
    row.config = dict(config)
    row.enabled = True
    row.token_hash = token_hash or row.token_hash
    await tx.session.flush()
    return row


async def list_endpoints(tx: Tx, workflow_id: UUID | None = None) -> Sequence[Endpoint]:
    """The tenant's endpoints, or those of one workflow."""
    query = select(Endpoint).order_by(Endpoint.kind, Endpoint.path)
    if workflow_id is not None:
        query = query.where(Endpoint.workflow_id == workflow_id)
    return (await tx.session.execute(query)).scalars().all()


async def get_endpoint(tx: Tx, endpoint_id: UUID) -> Endpoint:
    """Raises NotFound."""
    row = await tx.session.get(Endpoint, (tx.scope.tenant_id, endpoint_id))
    if row is None:
        raise NotFound("Nothing is published here.")
    return row
