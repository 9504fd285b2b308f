"""The outbox: write an event of a tenant's own, look at what happened, start a chain's length from it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4, uuid5

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from engine.errors import InputError, NotFound
from engine.language.triggers import is_topic
from engine.store.access.paging import look_back
from engine.store.session import Tx
from engine.store.tables.events import OutboxEvent

Json = Any
SYSTEM_TOPICS = (
    "agent_run",
    "audit_log",
    "billing_event",
    "ingest_doc",
    "router_decision",
    "tool_call",
    "usage_metered",
    "websocket_message",
)
MAX_PAYLOAD = 64_000  # bytes of JSON
EVENTS_DAYS, LETTERS_DAYS = 7, 30
TOPICS_OF = 2_000  # newest events whose topics can be chosen among
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")  # as JSON writes it; PostgreSQL cannot keep it
_OWN_IDS = UUID("6a1f0d0c-6f0e-5b3b-9d55-0f4f3f1a8f10")


async def publish(
    tx: Tx, topic: str, payload: Mapping[str, Json], *, run_id: UUID | None = None, idempotency_key: str | None = None
) -> UUID:
    """Write an event; it goes out once the transaction commits. Returns its id.

    The same idempotency key is the same event, written once. Raises InputError.
    """
    check(topic, payload)
    key = f"{tx.scope.tenant_id}:{idempotency_key}"
    row = {
        "tenant_id": tx.scope.tenant_id,
        "event_id": uuid4() if idempotency_key is None else uuid5(_OWN_IDS, key),
        "run_id": run_id,
        "topic": topic,
        "source": "tenant",
        "payload": dict(payload),
    }
    await tx.session.execute(insert(OutboxEvent).values(row).on_conflict_do_nothing())
    return UUID(str(row["event_id"]))


def check(topic: str, payload: Mapping[str, Json]) -> None:
    """Raises InputError for a topic that is none or the house's own, and for what is too large or no JSON to store."""
    if not is_topic(topic):
        raise InputError(f"{topic[:80]!r} is no topic: letters, digits, _ and -, in parts joined by . : or /.")
    if topic in SYSTEM_TOPICS:
        raise InputError(f"Events of the topic {topic!r} come from Heddle itself; choose another name.")
    try:
        written = orjson.dumps(payload)
    except (TypeError, orjson.JSONEncodeError) as error:
        raise InputError("The payload is not JSON.") from error
    if len(written) > MAX_PAYLOAD:
        raise InputError(f"The payload is {len(written):,} bytes; at most {MAX_PAYLOAD:,} are sent.")
    if _NUL.search(written):
        raise InputError("The payload contains a NUL character.")


async def get(tx: Tx, event_id: UUID) -> OutboxEvent:
    """Raises NotFound, also for another tenant's event and for one that is too old."""
    row = await tx.session.get(OutboxEvent, (tx.scope.tenant_id, event_id))
    if row is None:
        raise NotFound("There is no such event (any more).")
    return row


@dataclass(frozen=True, slots=True)
class EventPage:
    """One page, newest first; `cursor` is the `seq` before which older ones are, None when there are none left.

    A look for rare ones that takes long ends early: the page may then be short, or empty, and has a cursor anyway.
    """

    rows: Sequence[OutboxEvent]
    cursor: int | None


async def recent(
    tx: Tx,
    *,
    topic: str | None = None,
    run_id: UUID | None = None,
    without: Collection[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> EventPage:
    """Events of the tenant, but for those of the topics `without`."""
    query, size = select(OutboxEvent), max(1, min(limit, 200))
    if before:
        query = query.where(col(OutboxEvent.seq) < before)
    wanted = [col(OutboxEvent.topic).not_in(without)] if without else []
    wanted += [OutboxEvent.topic == topic] if topic else []  # type: ignore[list-item]
    wanted += [OutboxEvent.run_id == run_id] if run_id else []  # type: ignore[list-item]
    if wanted:
        rows, last = await look_back(tx, query, [col(OutboxEvent.seq)], sa.and_(*wanted), size)
        return EventPage(rows, None if last is None else last[0])
    found = (await tx.session.execute(query.order_by(col(OutboxEvent.seq).desc()).limit(size + 1))).scalars().all()
    return EventPage(found[:size], found[size - 1].seq if len(found) > size else None)


async def topics(tx: Tx) -> Sequence[str]:
    """The topics of the tenant's newest events, by name."""
    newest = select(OutboxEvent.topic).order_by(col(OutboxEvent.seq).desc()).limit(TOPICS_OF).subquery()
    return (await tx.session.execute(sa.select(newest.c.topic).distinct().order_by(newest.c.topic))).scalars().all()


async def fan_out(session: AsyncSession, limit: int) -> int:
    """Hand the oldest events of all tenants to those who listen; takes a session of `Database.anonymous()`.

    Returns how many; 0 also while another scheduler is at it.
    """
    found: int = (await session.execute(sa.text("SELECT heddle_fan_out(:limit)"), {"limit": limit})).scalar_one()
    return found


async def purge(session: AsyncSession, limit: int) -> int:
    """Remove what is old and done, of all tenants; returns how many events.

    Takes a session of `Database.anonymous()`.
    """
    query = sa.text("SELECT heddle_purge_events(:events, :letters, :limit)")
    values = {"events": EVENTS_DAYS, "letters": LETTERS_DAYS, "limit": limit}
    found: int = (await session.execute(query, values)).scalar_one()
    return found
