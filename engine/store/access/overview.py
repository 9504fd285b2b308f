"""The tenant's workflows, for lists: one query each, however many runs there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from engine.store.session import Tx
from engine.store.tables.workflows import Endpoint, WorkflowRow, WorkflowVersion


@dataclass(frozen=True, slots=True)
class Listed:
    """A workflow in a list. `published_hash` is the published text's; `channels` are the open endpoints' kinds."""

    row: WorkflowRow
    published_hash: str | None
    channels: tuple[str, ...]


async def list_with_publication(
    tx: Tx, *, search: str = "", category: str = "", archived: bool = False
) -> Sequence[Listed]:
    """The tenant's workflows by name; `search` looks into name, description and the whole text (tools, prompts)."""
    version = aliased(WorkflowVersion)
    open_kinds = (
        select(sa.func.array_agg(sa.distinct(col(Endpoint.kind))))
        .where(col(Endpoint.workflow_id) == col(WorkflowRow.workflow_id), col(Endpoint.enabled))
        .scalar_subquery()
    )
    columns: list[Any] = [WorkflowRow, version.hash, open_kinds]
    query = (
        sa.select(*columns)
        .outerjoin(
            version,
            sa.and_(
                col(version.workflow_id) == col(WorkflowRow.workflow_id),
                col(version.number) == col(WorkflowRow.published_number),
            ),
        )
        .where(col(WorkflowRow.archived_at).is_not(None) if archived else col(WorkflowRow.archived_at).is_(None))
        .order_by(col(WorkflowRow.name))
    )
    if category:
        query = query.where(col(WorkflowRow.category) == category)
    for word in search.split():
        places = (col(WorkflowRow.name), col(WorkflowRow.description), col(WorkflowRow.text))
        query = query.where(sa.or_(*(place.icontains(word, autoescape=True) for place in places)))
    rows = (await tx.session.execute(query)).all()
    return [Listed(row, digest, tuple(sorted(kinds or ()))) for row, digest, kinds in rows]


async def categories(tx: Tx) -> Sequence[str]:
    """The categories that the tenant's workflows have."""
    query = select(WorkflowRow.category).where(col(WorkflowRow.archived_at).is_(None)).distinct()
    return sorted(filter(None, (await tx.session.execute(query)).scalars().all()))


async def workflow_names_with_runs(tx: Tx) -> Sequence[str]:
    """Names that runs carry, archived workflows and files included."""
    return (await tx.session.execute(_NAMES)).scalars().all()


# From each name to the next one, by the index: a million runs carry a few dozen names.
_NAMES = sa.text("""
    WITH RECURSIVE names (name) AS (
        SELECT min(r.workflow_name) FROM runs r
        UNION ALL SELECT (SELECT min(r.workflow_name) FROM runs r WHERE r.workflow_name > n.name)
        FROM names n WHERE n.name IS NOT NULL)
    SELECT n.name FROM names n WHERE n.name IS NOT NULL""")


async def name_of(tx: Tx, workflow_id: UUID) -> str | None:
    """The present name of a workflow, None when there is none (any more)."""
    row = await tx.session.get(WorkflowRow, (tx.scope.tenant_id, workflow_id))
    return row.name if row else None
