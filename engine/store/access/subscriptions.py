"""Addresses of the tenant's that get events."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import Conflict, InputError, NotFound
from engine.language.triggers import is_topic
from engine.store.access import deliveries
from engine.store.session import Tx
from engine.store.tables.events import Subscription

MAX_URL, MAX_TOPICS, MAX_SUBSCRIPTIONS = 2000, 50, 100
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


async def create(tx: Tx, url: str, topics: Sequence[str], description: str = "") -> Subscription:
    """Raises InputError, and Conflict when the tenant has too many already."""
    check(url, topics, description)
    if (
        await tx.session.execute(sa.select(sa.func.count()).select_from(Subscription))
    ).scalar_one() >= MAX_SUBSCRIPTIONS:
        raise Conflict(f"There are {MAX_SUBSCRIPTIONS} subscriptions already; that is as many as there can be.")
    row = Subscription(
        tenant_id=tx.scope.tenant_id,
        url=url,
        topics=list(dict.fromkeys(topics)),
        description=description,
        created_by=tx.scope.user_id,
    )
    tx.session.add(row)
    await tx.session.flush()
    return row


async def get(tx: Tx, subscription_id: UUID) -> Subscription:
    """Raises NotFound, also for another tenant's."""
    row = await tx.session.get(Subscription, (tx.scope.tenant_id, subscription_id))
    if row is None:
        raise NotFound("There is no such subscription.")
    return row


async def listing(tx: Tx) -> Sequence[Subscription]:
    """The tenant's subscriptions, oldest first."""
    query = select(Subscription).order_by(col(Subscription.created_at), col(Subscription.subscription_id))
    return (await tx.session.execute(query)).scalars().all()


def check(url: str, topics: Sequence[str], description: str) -> None:
    """Raises InputError. Whether the address may be reached is decided when something is sent there."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or len(url) > MAX_URL or _CONTROL.search(url) or not url.isascii():
        raise InputError("The address must be an http or https URL.", field="url")
    if parts.username is not None or parts.password is not None:
        raise InputError("The address must hold no user name and password; events are signed.", field="url")
    if not 1 <= len(topics) <= MAX_TOPICS:
        raise InputError(f'Name 1 to {MAX_TOPICS} topics, or "*" for all.', field="topics")
    for topic in topics:
        if topic != "*" and not is_topic(topic.removesuffix(".*")):
            raise InputError(
                f"{topic[:80]!r} is no topic: letters, digits, _ and -, in parts joined by . : or /, "
                'or "prefix.*" for all that begin so.',
                field="topics",
            )
    if len(description) > 500 or "\0" in description:
        raise InputError("The description is at most 500 characters.", field="description")


async def switch_off(tx: Tx, row: Subscription, fault: str | None = None) -> None:
    """Nothing more is sent there; what was on its way goes to the dead letters.

    `fault` says why, when nobody asked for it.
    """
    row.enabled, row.fault = False, fault
    await deliveries.bury_all(tx, "webhook", row.subscription_id, fault or "the subscription was switched off")


async def remove(tx: Tx, row: Subscription) -> None:
    """Nothing more is sent there; what was on its way is forgotten."""
    await deliveries.forget(tx, row.subscription_id)
    await tx.session.delete(row)
    await tx.session.flush()


def secret_place(row: Subscription) -> dict[str, str]:
    """What the signing secret is bound to in the vault."""
    return {"table": "subscriptions", "row": str(row.subscription_id), "field": "secret_sealed"}
