"""Events on their way to those who listen, and those that did not arrive."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store.access import listeners
from engine.store.access.paging import cursor_of, read_cursor
from engine.store.session import Tx
from engine.store.tables.events import DeadLetter, Delivery, OutboxEvent

COUNTED = 10_000  # dead letters that are counted; where there are more, the oldest are left out


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that this scheduler may make until `leased_until` (the database's clock), with the attempts so far.

    Of those with the same target and order key, only the first one's attempt is counted already.
    """

    tenant_id: UUID
    delivery_id: int
    consumer: str
    target_id: UUID
    order_key: UUID
    event_id: UUID
    attempts: int
    leased_until: datetime


async def due(session: AsyncSession, *, busy: Sequence[UUID], runs: int, limit: int, lease_s: float) -> list[Due]:
    """Deliveries of all tenants whose time has come, in order; takes a session of `Database.anonymous()`.

    At most `runs` order keys of one target and `limit` in all, none for targets that are `busy`.
    """
    query = sa.text("SELECT * FROM heddle_due_deliveries(CAST(:busy AS uuid[]), :runs, :limit, :lease)")
    values = {"busy": [str(target) for target in busy], "runs": runs, "limit": limit, "lease": lease_s}
    rows = (await session.execute(query, values)).all()
    return sorted((Due(*row) for row in rows), key=lambda one: one.delivery_id)


async def arrived(tx: Tx, one: Due) -> bool:
    """The delivery is done with. False when it is no longer this scheduler's."""
    query = sa.delete(Delivery).where(*_mine(one))
    return bool((await tx.session.execute(query)).rowcount)  # type: ignore[attr-defined]


async def later(tx: Tx, one: Due, *, seconds: float, error: str, counted: bool = True) -> None:
    """Try again in so many seconds, and what comes behind it not before that."""
    when = sa.func.clock_timestamp() + sa.func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    attempts = one.attempts if counted else max(0, one.attempts - 1)
    values = {"attempts": attempts, "last_error": error}
    await tx.session.execute(sa.update(Delivery).where(*_mine(one)).values(**values))
    await tx.session.execute(sa.update(Delivery).where(*_same_order(one)).values(next_at=when))


async def release(tx: Tx, one: Due) -> None:
    """What comes behind a delivery that is done with may go at once."""
    await tx.session.execute(sa.update(Delivery).where(*_same_order(one)).values(next_at=sa.func.clock_timestamp()))


async def bury(tx: Tx, one: Due, error: str) -> None:
    """Give the delivery up: it goes to the dead letters, and what comes behind it goes on."""
    if await arrived(tx, one):
        await _bury(tx, [(one.event_id, one.attempts)], one.consumer, one.target_id, error)


async def bury_all(tx: Tx, consumer: str, target_id: UUID, error: str) -> int:
    """Give up everything that is on its way to a target; returns how many."""
    gone = sa.delete(Delivery).where(col(Delivery.target_id) == target_id)
    rows = await tx.session.execute(gone.returning(col(Delivery.event_id), col(Delivery.attempts)))
    found = [(row.event_id, row.attempts) for row in rows]
    await _bury(tx, found, consumer, target_id, error)
    return len(found)


async def forget(tx: Tx, target_id: UUID) -> None:
    """Drop everything that is on its way to a target."""
    await tx.session.execute(sa.delete(Delivery).where(col(Delivery.target_id) == target_id))


async def _bury(tx: Tx, found: Sequence[tuple[UUID, int]], consumer: str, target_id: UUID, error: str) -> None:
    attempts = dict(found)
    query = select(OutboxEvent).where(col(OutboxEvent.event_id).in_(attempts))
    for event in (await tx.session.execute(query)).scalars():
        letter = DeadLetter(
            tenant_id=tx.scope.tenant_id,
            consumer=consumer,
            target_id=target_id,
            event_id=event.event_id,
            run_id=event.run_id,
            topic=event.topic,
            payload=event.payload,
            event_at=event.created_at,
            attempts=attempts[event.event_id],
            error=error,
        )
        tx.session.add(letter)
    await tx.session.flush()


async def dead(
    tx: Tx,
    *,
    target_id: UUID | None = None,
    without: Collection[str] = (),
    cursor: str | None = None,
    limit: int = 50,
) -> Sequence[DeadLetter]:
    """The tenant's dead letters, newest first, but for those of the topics `without`; `cursor` is the `place_of` the
    last one that was seen. Raises InputError for a cursor that is none."""
    query = select(DeadLetter).order_by(col(DeadLetter.created_at).desc(), col(DeadLetter.dead_letter_id).desc())
    if target_id is not None:
        query = query.where(DeadLetter.target_id == target_id)
    if without:
        query = query.where(col(DeadLetter.topic).not_in(without))
    if cursor:
        here = sa.tuple_(col(DeadLetter.created_at), col(DeadLetter.dead_letter_id))
        query = query.where(sa.tuple_(*read_cursor(cursor)) > here)
    return (await tx.session.execute(query.limit(max(1, min(limit, 1000))))).scalars().all()


def place_of(letter: DeadLetter) -> str:
    """The cursor that leads to older dead letters."""
    return cursor_of(letter.created_at, letter.dead_letter_id)


async def letter(tx: Tx, dead_letter_id: UUID) -> DeadLetter:
    """Raises NotFound, also for another tenant's."""
    row = await tx.session.get(DeadLetter, (tx.scope.tenant_id, dead_letter_id))
    if row is None:
        raise NotFound("There is no such dead letter (any more).")
    return row


async def dead_counts(tx: Tx, *, without: Collection[str] = ()) -> Mapping[UUID | None, int]:
    """How many of the newest COUNTED dead letters each listener has; None for those that nobody could be told of."""
    newest = select(DeadLetter.target_id).order_by(col(DeadLetter.created_at).desc()).limit(COUNTED)
    if without:
        newest = newest.where(col(DeadLetter.topic).not_in(without))
    found = newest.subquery()
    counts = sa.select(found.c.target_id, sa.func.count().label("letters")).group_by(found.c.target_id)
    return {row.target_id: row.letters for row in await tx.session.execute(counts)}


async def oldest(tx: Tx, target_id: UUID, limit: int) -> Sequence[UUID]:
    """A listener's dead letters in the order of their events, by their ids."""
    query = select(DeadLetter.dead_letter_id).where(DeadLetter.target_id == target_id)
    order = col(DeadLetter.event_at), col(DeadLetter.created_at), col(DeadLetter.dead_letter_id)
    return (await tx.session.execute(query.order_by(*order).limit(limit))).scalars().all()


async def redeliver(tx: Tx, letters: Sequence[UUID]) -> int:
    """Put dead letters on their way again, in the order of their events; returns how many.

    Those that listeners.hindrances names stay where they are. Raises NotFound when one of them is not there.
    """
    query = select(DeadLetter).where(col(DeadLetter.dead_letter_id).in_(letters)).with_for_update()
    rows = (await tx.session.execute(query.order_by(col(DeadLetter.event_at)))).scalars().all()
    if len(rows) != len(set(letters)):
        raise NotFound("There is no such dead letter (any more).")
    kept = await listeners.hindrances(tx, rows)
    sent = [row for row in rows if row.dead_letter_id not in kept]
    for row in sent:
        await _again(tx, row)
        await tx.session.delete(row)
    await tx.session.flush()
    return len(sent)


async def _again(tx: Tx, letter: DeadLetter) -> None:
    """The event may have been purged meanwhile: it is written anew, under the id that it had."""
    event = await tx.session.get(OutboxEvent, (tx.scope.tenant_id, letter.event_id))
    if event is None:
        event = OutboxEvent(
            tenant_id=tx.scope.tenant_id,
            event_id=letter.event_id,
            run_id=letter.run_id,
            topic=letter.topic,
            source="tenant",  # what counts usage has seen it already
            payload=letter.payload,
            created_at=letter.event_at,
            dispatched_at=letter.created_at,
        )
        tx.session.add(event)
    if letter.consumer == listeners.DISPATCH:
        event.dispatched_at = None
    else:
        await queue(tx, letter.consumer, letter.target_id or uuid4(), event)


async def queue(tx: Tx, consumer: str, target_id: UUID, event: OutboxEvent) -> None:
    """Put one event on its way to one listener."""
    row: dict[str, Any] = {
        "consumer": consumer,
        "target_id": target_id,
        "event_id": event.event_id,
        "order_key": event.run_id or event.event_id,
        "next_at": sa.func.clock_timestamp(),
    }
    tx.session.add(Delivery(tenant_id=tx.scope.tenant_id, **row))
    await tx.session.flush()


def _mine(one: Due) -> tuple[sa.ColumnElement[bool], ...]:
    return col(Delivery.delivery_id) == one.delivery_id, col(Delivery.next_at) == one.leased_until


def _same_order(one: Due) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(Delivery.target_id) == one.target_id,
        col(Delivery.order_key) == one.order_key,
        col(Delivery.next_at) == one.leased_until,
    )
