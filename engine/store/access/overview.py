"""Numbers about the tenant's workflows and their runs, for lists: one query each, however many runs there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased
from sqlmodel import col, select

from engine.store.session import Tx
from engine.store.tables.runs import RunRow
from engine.store.tables.workflows import Endpoint, WorkflowRow, WorkflowVersion


@dataclass(frozen=True, slots=True)
class Listed:
    """A workflow in a list. `published_hash` is the published text's; `channels` are the open endpoints' kinds."""

    row: WorkflowRow
    published_hash: str | None
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunNumbers:
    """Of the runs that began in a span of time.

    `ended` counts succeeded and failed ones; `p95_s` is of the succeeded ones, from being accepted to the end.
    """

    runs: int = 0
    ended: int = 0
    succeeded: int = 0
    p95_s: float | None = None
    cost_usd_micros: int = 0

    @property
    def success_share(self) -> float | None:
        """0..1, None while nothing has ended."""
        return self.succeeded / self.ended if self.ended else None


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


async def run_numbers(tx: Tx, *, days: int, days_ago: int = 0) -> RunNumbers:
    """Of all runs that began in the `days` days up to `days_ago` days ago."""
    query = sa.select(*_measures()).where(*_began(days, days_ago))
    return _numbers((await tx.session.execute(query)).one())


async def run_numbers_by_workflow(tx: Tx, *, days: int) -> dict[str, RunNumbers]:
    """The same by the workflow's name, for the last `days` days."""
    query = sa.select(col(RunRow.workflow_name), *_measures()).where(*_began(days, 0)).group_by(RunRow.workflow_name)
    return {row[0]: _numbers(row[1:]) for row in (await tx.session.execute(query)).all()}


async def runs_over_time(tx: Tx, *, days: int, points: int) -> dict[str, list[int]]:
    """Runs begun by workflow name, in `points` equal spans of the last `days` days, oldest first."""
    span_s = days * 86_400 / points
    age = sa.extract("epoch", sa.func.now() - col(RunRow.created_at))
    bucket = sa.cast(sa.func.floor(age / sa.literal(span_s)), sa.Integer).label("bucket")
    query = (
        sa.select(col(RunRow.workflow_name), bucket, sa.func.count())
        .where(*_began(days, 0))
        .group_by(col(RunRow.workflow_name), sa.literal_column("bucket"))
    )
    found: dict[str, list[int]] = {}
    for name, back, count in (await tx.session.execute(query)).all():
        line = found.setdefault(name, [0] * points)
        line[points - 1 - min(max(back, 0), points - 1)] += count
    return found


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


def _began(days: int, days_ago: int) -> tuple[sa.ColumnElement[bool], ...]:
    until = sa.func.now() - sa.func.make_interval(0, 0, 0, days_ago)
    since = sa.func.now() - sa.func.make_interval(0, 0, 0, days + days_ago)
    return (col(RunRow.created_at) > since, col(RunRow.created_at) <= until)


def _measures() -> tuple[sa.ColumnElement[Any], ...]:
    seconds = sa.extract("epoch", col(RunRow.ended_at) - col(RunRow.created_at))
    good = col(RunRow.status) == "succeeded"
    return (
        sa.func.count(),
        sa.func.count().filter(col(RunRow.status).in_(("succeeded", "failed"))),
        sa.func.count().filter(good),
        sa.func.percentile_cont(0.95).within_group(seconds).filter(good),
        sa.func.coalesce(sa.func.sum(col(RunRow.cost_usd_micros)), 0),
    )


def _numbers(row: Any) -> RunNumbers:
    runs, ended, succeeded, p95_s, cost = row
    return RunNumbers(runs, ended, succeeded, None if p95_s is None else float(p95_s), int(cost))
