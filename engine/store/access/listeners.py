"""Who events are sent to, and why a dead letter cannot be sent there again."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlmodel import col, select

from engine.store.session import Tx
from engine.store.tables.events import DeadLetter, EventTrigger, OutboxEvent, Subscription
from engine.store.tables.workflows import WorkflowRow

DISPATCH = "dispatch"  # the consumer of a letter that could not even be handed out

GONE = {
    "webhook": "The subscription was deleted.",
    "trigger": "The workflow does not start with this event any more.",
    DISPATCH: "The event was removed: it is too old.",
}
OFF = "The subscription is switched off."


@dataclass(frozen=True, slots=True)
class Listener:
    """A subscription or a workflow's event trigger. `name`: the address, or the workflow's name."""

    consumer: str  # webhook | trigger
    name: str
    enabled: bool


async def by_id(tx: Tx, target_ids: Collection[UUID]) -> Mapping[UUID, Listener]:
    """Those of them that are there; nobody else's."""
    subscribed = select(Subscription).where(col(Subscription.subscription_id).in_(target_ids))
    found = {
        row.subscription_id: Listener("webhook", row.url, row.enabled)
        for row in (await tx.session.execute(subscribed)).scalars()
    }
    started = (
        select(EventTrigger.trigger_id, WorkflowRow.name)
        .join(WorkflowRow, col(WorkflowRow.workflow_id) == col(EventTrigger.workflow_id))
        .where(col(EventTrigger.trigger_id).in_(target_ids))
    )
    for trigger_id, name in (await tx.session.execute(started)).all():
        found[trigger_id] = Listener("trigger", name, True)
    return found


async def hindrances(tx: Tx, letters: Sequence[DeadLetter]) -> Mapping[UUID, str]:
    """Why some of these letters cannot be sent again, by their ids, in words for people."""
    there = await by_id(tx, {letter.target_id for letter in letters if letter.target_id})
    handed_out = {letter.event_id for letter in letters if letter.consumer == DISPATCH}
    kept = select(OutboxEvent.event_id).where(col(OutboxEvent.event_id).in_(handed_out))
    events = set((await tx.session.execute(kept)).scalars()) if handed_out else set()
    found = {letter.dead_letter_id: _hindrance(letter, there, events) for letter in letters}
    return {letter_id: why for letter_id, why in found.items() if why}


def _hindrance(letter: DeadLetter, there: Mapping[UUID, Listener], events: Collection[UUID]) -> str:
    if letter.consumer == DISPATCH:
        return "" if letter.event_id in events else GONE[DISPATCH]
    listener = there.get(letter.target_id) if letter.target_id else None
    if listener is None:
        return GONE[letter.consumer]
    return "" if listener.enabled else OFF
