"""Long lists, newest first: the place where a page ends, and a look back through a list that gives up in time."""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from engine.errors import InputError
from engine.store.session import Tx

LOOK_AT = 20_000  # rows that are looked through at a time
SEARCH_S = 1.0

Place = tuple[Any, ...]  # values of the columns that a list is ordered by
_Query = Any  # a select of rows


def cursor_of(moment: datetime, row_id: UUID) -> str:
    """The place of a row in a list that is ordered by time and id, as a text for addresses."""
    return base64.urlsafe_b64encode(f"{moment.isoformat()} {row_id}".encode()).decode()


def read_cursor(cursor: str) -> tuple[datetime, UUID]:
    """Raises InputError for what `cursor_of` has not made."""
    try:
        moment, _, row_id = base64.urlsafe_b64decode(cursor.encode()).decode().rpartition(" ")
        return datetime.fromisoformat(moment), UUID(row_id)
    except (ValueError, binascii.Error) as error:
        raise InputError("This is not a cursor of this list.") from error


async def look_back(
    tx: Tx, query: _Query, order: Sequence[Any], matches: sa.ColumnElement[bool], size: int
) -> tuple[list[Any], Place | None]:
    """Rows of the query that match, newest first: LOOK_AT rows are looked through at a time, in the order of an index,
    until there are `size` of them or the time is up.

    Returns them with the place from which to look further back, None where nothing is left. A page that took long may
    be short, or empty, and has a place all the same. `order`: the columns of the index, ascending.
    """
    until = time.monotonic() + SEARCH_S
    here, newest_first = sa.tuple_(*order), [column.desc() for column in order]
    rows: list[Any] = []
    while True:
        places = query.with_only_columns(*order).order_by(*newest_first)
        last = (await tx.session.execute(places.offset(LOOK_AT - 1).limit(1))).one_or_none()
        some = query if last is None else query.where(sa.tuple_(*last) <= here)
        wanted = some.where(matches).order_by(*newest_first).limit(size + 1 - len(rows))
        rows += (await tx.session.execute(wanted)).scalars().all()
        if len(rows) > size:
            return rows[:size], tuple(getattr(rows[size - 1], column.key) for column in order)
        if last is None:
            return rows, None
        if time.monotonic() >= until:
            return rows, tuple(last)
        query = query.where(sa.tuple_(*last) > here)
