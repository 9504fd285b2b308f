"""The run list: newest first, narrowed, searched, page by page, as quick with a million runs as with ten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from engine.store.access.paging import cursor_of, look_back, read_cursor
from engine.store.session import Tx
from engine.store.tables.runs import RunRow

_MAX_PAGE = 200

_Query = Any  # a select of RunRow
_NEWEST_FIRST = (col(RunRow.created_at).desc(), col(RunRow.run_id).desc())
_PLACE = sa.tuple_(col(RunRow.created_at), col(RunRow.run_id))


@dataclass(frozen=True, slots=True)
class RunPage:
    """One page, newest first; `cursor` leads to older runs, None when there are none left.

    A search that takes long ends early: the page may then be short, or empty, and has a cursor all the same.
    """

    rows: Sequence[RunRow]
    cursor: str | None


async def list_runs(
    tx: Tx,
    *,
    workflow: str | None = None,
    status: str | None = None,
    trigger: str | None = None,
    search: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> RunPage:
    """Runs of the tenant, newest first. `search` looks into the workflow's name, the run's id and its input.

    Raises InputError for a cursor that did not come from here.
    """
    query = select(RunRow)
    if workflow:
        query = query.where(RunRow.workflow_name == workflow)
    if status:
        query = query.where(RunRow.status == status)
    if trigger:
        query = query.where(RunRow.trigger == trigger)
    if cursor:
        query = query.where(sa.tuple_(*read_cursor(cursor)) > _PLACE)
    size = max(1, min(limit, _MAX_PAGE))
    if search:
        return await _searched(tx, query, search, size)
    rows = (await tx.session.execute(query.order_by(*_NEWEST_FIRST).limit(size + 1))).scalars().all()
    return _page(rows, size)


async def _searched(tx: Tx, query: _Query, search: str, size: int) -> RunPage:
    """Look through the runs from the newest on. (docs/adr/0007 says why there is no index over the inputs.)"""
    if (run_id := _as_id(search)) is not None:
        found = (await tx.session.execute(query.where(RunRow.run_id == run_id))).scalars().all()
        if found:
            return _page(found, size)
    rows, last = await look_back(tx, query, (col(RunRow.created_at), col(RunRow.run_id)), _mentions(search), size)
    return RunPage(rows, None if last is None else cursor_of(*last))


def _page(rows: Sequence[RunRow], size: int) -> RunPage:
    """The page of `size` rows, of which there is one too many when more follow."""
    last = rows[size - 1] if len(rows) > size else None
    return RunPage(rows[:size], None if last is None else cursor_of(last.created_at, last.run_id))


def _mentions(search: str) -> sa.ColumnElement[bool]:
    text = search.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    places = (
        col(RunRow.workflow_name),
        sa.cast(col(RunRow.run_id), sa.Text),
        sa.cast(col(RunRow.input), sa.Text),
    )
    return sa.or_(*(place.ilike(pattern) for place in places))


def _as_id(search: str) -> UUID | None:
    try:
        return UUID(search)
    except ValueError:
        return None
