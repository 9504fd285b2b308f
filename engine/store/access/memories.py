"""The memory of runs: entries under places, with an end where one is set, each write counted once.

Time is the database's. What has run out is not seen from that moment on, and is deleted by a later write of the tenant.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import col

from engine.errors import InputError
from engine.execution.ports import MemoryPlace
from engine.store.json_text import json_bytes
from engine.store.session import Tx
from engine.store.tables.memories import Memory

Json = Any
MAX_ENTRIES = 200  # of a place; the oldest beyond are dropped
MAX_OF_OWNER = 20_000  # entries of one run, conversation, customer or tenant
MAX_BYTES = 64_000  # of an entry
MAX_NAME = 200  # characters of an owner or a key
MAX_TTL_S = 10 * 366 * 86_400.0
_RUN_TTL_S = 400 * 86_400.0  # no run lives longer than this, and nobody else reads what it remembers
_KEY_KEPT = timedelta(days=7)  # far longer than a write is repeated for
_TIDIED = 500  # rows that one write clears up

_now = sa.func.now()
_holds = col(Memory.value).is_not(sa.null())
_live = sa.and_(_holds, sa.or_(col(Memory.expires_at).is_(None), col(Memory.expires_at) > _now))


async def last(tx: Tx, place: MemoryPlace, limit: int) -> Sequence[Json]:
    """The newest entries of a place that have not run out, oldest first."""
    rows = await tx.session.execute(_newest(tx, place, min(limit, MAX_ENTRIES), col(Memory.value)))
    return [value for (value,) in rows.all()][::-1]


async def add(
    tx: Tx, place: MemoryPlace, value: Json, idempotency_key: str, ttl_s: float | None, *, alone: bool
) -> None:
    """Add an entry; `alone` takes all others away. Raises InputError for one that is too large, or one too many."""
    text = json_bytes(value)
    if len(text) > MAX_BYTES:
        raise InputError(f"{len(text):,} bytes are too much to remember at once; {MAX_BYTES:,} are the most.")
    if ttl_s is not None and not 0 < ttl_s <= MAX_TTL_S:
        raise InputError("What is remembered lasts for more than no time, and for ten years at most.", field="ttl")
    if await _is_known(tx, place, idempotency_key):
        return
    if alone:
        await _empty(tx, *_at(tx, place))
    ends = ttl_s if ttl_s is not None else _RUN_TTL_S if place.scope == "run" else None
    await _insert(tx, place, text.decode(), idempotency_key, ends)
    if not alone:
        kept = _newest(tx, place, MAX_ENTRIES, col(Memory.entry_id)).subquery()
        await _empty(
            tx, *_at(tx, place), col(Memory.entry_id) < sa.select(sa.func.min(kept.c.entry_id)).scalar_subquery()
        )
    await _check_room(tx, place)
    await _tidy(tx)


async def clear(tx: Tx, place: MemoryPlace, idempotency_key: str) -> None:
    """Take all entries of a place away."""
    if await _is_known(tx, place, idempotency_key):
        return
    await _empty(tx, *_at(tx, place))
    await _insert(tx, place, None, idempotency_key, 0.0)
    await _tidy(tx)


async def _is_known(tx: Tx, place: MemoryPlace, idempotency_key: str) -> bool:
    """Whether this write was made before; once it answers, nobody else writes to the place until the end."""
    _check_names(place)
    what = "\1".join(("memory", str(tx.scope.tenant_id), place.scope, place.owner, place.key))
    await tx.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(what, 0))))
    known = sa.select(sa.literal(1)).where(_mine(tx), col(Memory.idempotency_key) == idempotency_key)
    return (await tx.session.execute(known)).first() is not None


def _newest(tx: Tx, place: MemoryPlace, limit: int, column: Any) -> sa.Select[Any]:
    _check_names(place)
    return sa.select(column).where(*_at(tx, place), _live).order_by(col(Memory.entry_id).desc()).limit(limit)


def _check_names(place: MemoryPlace) -> None:
    for name, text in (("owner", place.owner), ("key", place.key)):
        if not 0 < len(text) <= MAX_NAME or not text.isprintable():
            raise InputError(f"The {name} of a memory is a text of 1 to {MAX_NAME} printable characters.", field=name)


def _mine(tx: Tx) -> sa.ColumnElement[bool]:
    return col(Memory.tenant_id) == tx.scope.tenant_id


def _at(tx: Tx, place: MemoryPlace) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _mine(tx),
        col(Memory.scope) == place.scope,
        col(Memory.owner) == place.owner,
        col(Memory.key) == place.key,
    )


async def _empty(tx: Tx, *which: sa.ColumnElement[bool]) -> None:
    await tx.session.execute(sa.update(Memory).where(_holds, *which).values(value=sa.null(), expires_at=_now))


async def _insert(tx: Tx, place: MemoryPlace, text: str | None, idempotency_key: str, ttl_s: float | None) -> None:
    row = {
        "tenant_id": tx.scope.tenant_id,
        "scope": place.scope,
        "owner": place.owner,
        "key": place.key,
        "value": sa.cast(sa.literal(text, sa.Text()), JSONB),
        "expires_at": None if ttl_s is None else _now + timedelta(seconds=ttl_s),
        "idempotency_key": idempotency_key,
    }
    await tx.session.execute(sa.insert(Memory).values(row))


async def _check_room(tx: Tx, place: MemoryPlace) -> None:
    """Counts no further than the limit, so it stays quick."""
    some = sa.select(sa.literal(1)).where(*_at(tx, place)[:3], _live).limit(MAX_OF_OWNER + 1).subquery()
    count = (await tx.session.execute(sa.select(sa.func.count()).select_from(some))).scalar_one()
    if count > MAX_OF_OWNER:
        raise InputError(f"This {place.scope} has {MAX_OF_OWNER:,} entries in memory, which is the most.")


async def _tidy(tx: Tx) -> None:
    """Delete some of the tenant's values that have run out, and rows whose key nobody will come with again."""
    await tx.session.execute(
        sa.update(Memory).where(_some(tx, col(Memory.expires_at) < _now, _holds)).values(value=sa.null())
    )
    await tx.session.execute(sa.delete(Memory).where(_some(tx, col(Memory.expires_at) < _now - _KEY_KEPT)))


def _some(tx: Tx, *which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    found = sa.select(col(Memory.entry_id)).where(_mine(tx), *which).limit(_TIDIED).with_for_update(skip_locked=True)
    return sa.and_(_mine(tx), col(Memory.entry_id).in_(found))
