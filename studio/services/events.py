"""Events for others: who gets them, what could not be delivered, and sending it again. Each change is on the record."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from connectors.http.addresses import is_refused, normal
from engine.errors import Conflict, InputError
from engine.store.access import audit, deliveries, events, subscriptions
from engine.store.session import Database, Scope, Tx
from engine.store.tables.events import Subscription
from engine.store.vault import Vault
from studio.auth.permissions import role_allows
from studio.services.publishing import SECRET_PREFIX

Json = Any
MOST_LETTERS = 1000


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be different about a subscription; None leaves it as it is."""

    url: str | None = None
    topics: Sequence[str] | None = None
    description: str | None = None
    enabled: bool | None = None


async def publish(
    db: Database, scope: Scope, topic: str, payload: Mapping[str, Json], idempotency_key: str | None = None
) -> UUID:
    """Tell everybody who listens; returns the event's id. Raises InputError."""
    key = None if idempotency_key is None else f"api:{idempotency_key}"
    async with db.transaction(scope) as tx:
        return await events.publish(tx, topic, payload, idempotency_key=key)


def hidden_topics(scope: Scope) -> tuple[str, ...]:
    """Topics whose events are not for this person: who may not read the record of changes does not read it here."""
    is_person = scope.user_id is not None
    return ("audit_log",) if is_person and not role_allows(scope.role, "audit:read") else ()


async def subscribe(
    db: Database,
    vault: Vault,
    scope: Scope,
    *,
    url: str,
    topics: Sequence[str],
    description: str = "",
    allow: Collection[str] = (),
) -> tuple[Subscription, str]:
    """Send events to an address from now on; returns the subscription and its signing secret, shown this once.

    `allow`: the private "host:port" that the operator allows. Raises InputError, Conflict.
    """
    async with db.transaction(scope) as tx:
        row = await subscriptions.create(tx, url, topics, description)
        _check_reachable(url, allow)
        secret = await _new_secret(tx, vault, row)
        await _record(tx, "subscription.create", row)
    return row, secret


async def change(
    db: Database, scope: Scope, subscription_id: UUID, wanted: Change, *, allow: Collection[str] = ()
) -> Subscription:
    """Switching off gives up what is on its way; switching on begins with what comes then.

    `allow`: the private "host:port" that the operator allows. Raises InputError, NotFound.
    """
    async with db.transaction(scope) as tx:
        row = await subscriptions.get(tx, subscription_id)
        row.url = row.url if wanted.url is None else wanted.url
        row.topics = row.topics if wanted.topics is None else list(dict.fromkeys(wanted.topics))
        row.description = row.description if wanted.description is None else wanted.description
        subscriptions.check(row.url, row.topics, row.description)
        if wanted.url is not None:
            _check_reachable(row.url, allow)
        if wanted.enabled is False and row.enabled:
            await subscriptions.switch_off(tx, row)
        elif wanted.enabled:
            row.enabled, row.fault = True, None
        await tx.session.flush()
        await _record(tx, "subscription.change", row)
    return row


async def unsubscribe(db: Database, scope: Scope, subscription_id: UUID) -> None:
    """Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await subscriptions.get(tx, subscription_id)
        await subscriptions.remove(tx, row)
        await _record(tx, "subscription.delete", row)


async def renew_secret(db: Database, vault: Vault, scope: Scope, subscription_id: UUID) -> str:
    """A new signing secret, shown this once; the old one is not used any more. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await subscriptions.get(tx, subscription_id)
        secret = await _new_secret(tx, vault, row)
        await _record(tx, "subscription.renew_secret", row)
    return secret


async def send_again(db: Database, scope: Scope, subscription_id: UUID, event_id: UUID) -> None:
    """Send an event to a subscriber once more, whatever became of it before. Raises NotFound, Conflict."""
    async with db.transaction(scope) as tx:
        row = await subscriptions.get(tx, subscription_id)
        if not row.enabled:
            raise Conflict("The subscription is switched off; switch it on first.")
        await deliveries.queue(tx, "webhook", row.subscription_id, await events.get(tx, event_id))
        await audit.record(tx, "event.send_again", "subscription", subscription_id, {"event_id": event_id})


async def redeliver(db: Database, scope: Scope, letters: Sequence[UUID] = (), *, target_id: UUID | None = None) -> int:
    """Put dead letters on their way again: those named, or the oldest MOST_LETTERS of a listener; returns how many.

    Those whose listener is gone or switched off stay. Raises NotFound.
    """
    async with db.transaction(scope) as tx:
        if target_id is not None:
            letters = [*letters, *await deliveries.oldest(tx, target_id, MOST_LETTERS)]
        sent = await deliveries.redeliver(tx, letters)
        await audit.record(
            tx, "event.redeliver", "dead_letters", target_id or "", {"asked": len(letters), "sent": sent}
        )
    return sent


def _check_reachable(url: str, allow: Collection[str]) -> None:
    """Raises InputError for an address inside the house. What a name leads to is judged each time something is sent."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if is_refused(normal(allow), parts.hostname or "", port):
        raise InputError(
            f"{parts.hostname} is not on the public internet; only the operator can allow it (HEDDLE_EGRESS_ALLOW).",
            field="url",
        )


async def _new_secret(tx: Tx, vault: Vault, row: Subscription) -> str:
    secret = SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()
    row.secret_sealed = await vault.seal(tx, secret.encode(), **subscriptions.secret_place(row))
    await tx.session.flush()
    return secret


async def _record(tx: Tx, action: str, row: Subscription) -> None:
    """The address without its query, which may hold a secret of the other side."""
    shown = {"url": row.url.partition("?")[0], "topics": row.topics, "enabled": row.enabled}
    await audit.record(tx, action, "subscription", row.subscription_id, shown)
