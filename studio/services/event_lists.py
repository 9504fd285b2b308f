"""What the page of events shows: subscriptions, what happened, and what did not arrive."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from engine.errors import NotFound
from engine.store.access import deliveries, events, listeners, subscriptions
from engine.store.access.listeners import DISPATCH, Listener
from engine.store.session import Database, Scope
from engine.store.tables.events import DeadLetter, OutboxEvent, Subscription
from studio.services import words
from studio.services.events import hidden_topics
from studio.services.reading import in_short, shown_json
from studio.services.runs import short_id

PAGE = 50
NOBODY = "those who listen"  # of a letter that could not be handed out, so that nobody knows to whom
_GONE = {"webhook": "a deleted subscription", "trigger": "a workflow that no longer listens", DISPATCH: NOBODY}


@dataclass(frozen=True, slots=True)
class SubscriptionLine:
    """An address that gets events, as it is shown. `address` is without its query, which may hold a secret."""

    subscription_id: str
    address: str
    topics: list[str]
    description: str
    enabled: bool
    state: str  # live | failing | fresh | off
    remark: str  # why it is off, or what went wrong last
    arrived: str
    arrived_at: str
    failed: str
    failed_at: str
    undelivered: int


@dataclass(frozen=True, slots=True)
class Subscribed:
    """A subscription as its form shows it."""

    subscription_id: str = ""
    url: str = ""
    address: str = ""
    topics: list[str] = field(default_factory=list)
    description: str = ""


@dataclass(frozen=True, slots=True)
class EventLine:
    """Something that happened."""

    event_id: str
    topic: str
    what: str
    run_id: str
    run: str
    when: str
    at: str


@dataclass(frozen=True, slots=True)
class LetterLine:
    """Something that did not arrive. `hindrance` says why it cannot be sent again, or is empty."""

    letter_id: str
    topic: str
    whom: str
    kind: str  # webhook | trigger | dispatch
    target_id: str
    why: str
    attempts: int
    run_id: str
    run: str
    when: str
    at: str
    happened_at: str
    hindrance: str


@dataclass(frozen=True, slots=True)
class Target:
    """A listener with dead letters. `hindrance`: why none of them can be sent again, or empty."""

    target_id: str
    title: str
    count: int
    hindrance: str


@dataclass(frozen=True, slots=True)
class Letters:
    """A page of dead letters; `cursor` leads to older ones, empty on the last page. `count` is of all listeners."""

    rows: list[LetterLine]
    cursor: str
    targets: list[Target]
    count: int


async def subscribed(db: Database, scope: Scope) -> list[SubscriptionLine]:
    """The tenant's subscriptions, oldest first."""
    async with db.transaction(scope) as tx:
        rows = await subscriptions.listing(tx)
        counts = await deliveries.dead_counts(tx, without=hidden_topics(scope))
    now = datetime.now(UTC)
    return [_subscription(row, counts.get(row.subscription_id, 0), now) for row in rows]


async def subscription(db: Database, scope: Scope, subscription_id: UUID) -> Subscribed:
    """One with its whole address, for those who may change it. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await subscriptions.get(tx, subscription_id)
    return Subscribed(str(row.subscription_id), row.url, plain_address(row.url), list(row.topics), row.description)


def _subscription(row: Subscription, undelivered: int, now: datetime) -> SubscriptionLine:
    arrived, failed = row.last_success_at, row.last_failure_at
    is_failing = failed is not None and (arrived is None or failed > arrived)
    state = "off" if not row.enabled else "failing" if is_failing else "live" if arrived else "fresh"
    remark = (row.fault or "") if not row.enabled else (row.last_error or "") if is_failing else ""
    return SubscriptionLine(
        subscription_id=str(row.subscription_id),
        address=plain_address(row.url),
        topics=list(row.topics),
        description=row.description,
        enabled=row.enabled,
        state=state,
        remark=remark[:1].upper() + remark[1:],
        arrived=words.ago(arrived, now),
        arrived_at=words.exact(arrived),
        failed=words.ago(failed, now),
        failed_at=words.exact(failed),
        undelivered=undelivered,
    )


def id_of(text: str) -> UUID:
    """The id that a page names; raises NotFound for what is none."""
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("There is no such thing.") from error


def plain_address(url: str) -> str:
    """Without its query, which may hold a secret of the other side."""
    plain, mark, _ = url.partition("?")
    return plain + ("?…" if mark else "")


async def happened(
    db: Database, scope: Scope, topic: str = "", before: int | None = None
) -> tuple[list[EventLine], int]:
    """A page of events, newest first, and the number that leads to older ones, 0 on the last page."""
    async with db.transaction(scope) as tx:
        page = await events.recent(tx, topic=topic or None, without=hidden_topics(scope), before=before, limit=PAGE)
    now = datetime.now(UTC)
    return [_event(row, now) for row in page.rows], page.cursor or 0


async def topics(db: Database, scope: Scope) -> list[str]:
    """Topics to narrow the list to."""
    hidden = hidden_topics(scope)
    async with db.transaction(scope) as tx:
        return [topic for topic in await events.topics(tx) if topic not in hidden]


async def payload(db: Database, scope: Scope, event_id: UUID) -> str:
    """What an event says, as text. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await events.get(tx, event_id)
    if row.topic in hidden_topics(scope):
        raise NotFound("There is no such event (any more).")
    return shown_json(row.payload)


def _event(row: OutboxEvent, now: datetime) -> EventLine:
    return EventLine(
        event_id=str(row.event_id),
        topic=row.topic,
        what=in_short(row.payload),
        run_id=str(row.run_id or ""),
        run=short_id(row.run_id) if row.run_id else "",
        when=words.ago(row.created_at, now),
        at=words.exact(row.created_at),
    )


async def undelivered(db: Database, scope: Scope, target_id: UUID | None = None, cursor: str = "") -> Letters:
    """A page of dead letters, newest first, of one listener or of all. Raises InputError for a cursor that is none."""
    hidden = hidden_topics(scope)
    async with db.transaction(scope) as tx:
        rows = await deliveries.dead(tx, target_id=target_id, without=hidden, cursor=cursor or None, limit=PAGE + 1)
        counts = await deliveries.dead_counts(tx, without=hidden)
        kept = await listeners.hindrances(tx, rows)
        targets = {row.target_id for row in rows if row.target_id} | {one for one in counts if one}
        names = await listeners.by_id(tx, targets)
    shown, now = rows[:PAGE], datetime.now(UTC)
    lines = [_letter(row, names, kept.get(row.dead_letter_id, ""), now) for row in shown]
    older = deliveries.place_of(shown[-1]) if len(rows) > PAGE else ""
    listed = [_target(one, names.get(one), count) for one, count in counts.items() if one]
    return Letters(lines, older, sorted(listed, key=lambda one: one.title), sum(counts.values()))


async def undelivered_count(db: Database, scope: Scope) -> int:
    """How many of the newest did not arrive."""
    async with db.transaction(scope) as tx:
        return sum((await deliveries.dead_counts(tx, without=hidden_topics(scope))).values())


def count_text(count: int) -> str:
    """How many did not arrive, as a mark shows it: nothing for none, and a + where there may be more."""
    more = "+" if count >= deliveries.COUNTED else ""
    return f"{count:,}{more}" if count else ""


async def letter_payload(db: Database, scope: Scope, letter_id: UUID) -> str:
    """What did not arrive, as text. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await deliveries.letter(tx, letter_id)
    if row.topic in hidden_topics(scope):
        raise NotFound("There is no such dead letter (any more).")
    return shown_json(row.payload)


def _letter(row: DeadLetter, names: Mapping[UUID, Listener], hindrance: str, now: datetime) -> LetterLine:
    listener = names.get(row.target_id) if row.target_id else None
    return LetterLine(
        letter_id=str(row.dead_letter_id),
        topic=row.topic,
        whom=_title(listener) if listener else _GONE[row.consumer],
        kind=row.consumer,
        target_id=str(row.target_id or ""),
        why=row.error[:1].upper() + row.error[1:],
        attempts=row.attempts,
        run_id=str(row.run_id or ""),
        run=short_id(row.run_id) if row.run_id else "",
        when=words.ago(row.created_at, now),
        at=words.exact(row.created_at),
        happened_at=words.exact(row.event_at),
        hindrance=hindrance,
    )


def _target(target_id: UUID, listener: Listener | None, count: int) -> Target:
    if listener is None:
        return Target(str(target_id), f"Gone ({str(target_id)[-12:]})", count, "Nobody listens there any more.")
    return Target(str(target_id), _title(listener), count, "" if listener.enabled else listeners.OFF)


def _title(listener: Listener) -> str:
    return plain_address(listener.name) if listener.consumer == "webhook" else listener.name
