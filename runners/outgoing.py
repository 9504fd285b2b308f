"""Sends events to the addresses that tenants have subscribed: signed (Standard Webhooks), under the egress policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
import sqlalchemy as sa
from standardwebhooks.webhooks import Webhook

from connectors.http.client import EgressClient
from engine.errors import AppError, ConfigError, NotFound, TransientError
from engine.execution.ports import HttpReply, HttpRequest, retry_after_s
from engine.store.access import deliveries, events, subscriptions
from engine.store.access.deliveries import Due
from engine.store.session import Database, Scope
from engine.store.tables.events import OutboxEvent, Subscription
from engine.store.vault import Vault

TIMEOUT_S = 15.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class _Letter:
    """Everything that is needed to send one event to one address."""

    url: str
    secret: str
    event_id: str
    body: str


class WebhookSender:
    """Makes deliveries to subscriptions."""

    def __init__(self, db: Database, http: EgressClient, vault: Vault) -> None:
        self._db, self._http, self._vault = db, http, vault

    async def deliver(self, one: Due, now: float) -> None:
        """Send, and mark the delivery as arrived; `now` is the database's time. Raises AppError when it did not arrive.

        A subscriber that answers 410 is switched off.
        """
        scope = Scope(one.tenant_id, None, "system")
        letter = await self._letter(scope, one)
        if letter is None:
            return
        reply = await self._http.request(_request(letter, scope, now))
        if reply.status == _GONE:
            async with self._db.transaction(scope) as tx:
                row = await subscriptions.get(tx, one.target_id)
                await subscriptions.switch_off(tx, row, "the address answered 410: it is gone for good")
            return
        _raise_for(reply)
        async with self._db.transaction(scope) as tx:
            await deliveries.arrived(tx, one)
            await tx.session.execute(_stamp(one, last_success_at=sa.func.clock_timestamp()))

    async def failed(self, one: Due, error: AppError) -> None:
        """Show the tenant what went wrong last."""
        async with self._db.transaction(Scope(one.tenant_id, None, "system")) as tx:
            said = {"last_failure_at": sa.func.clock_timestamp(), "last_error": error.public_message[:500]}
            await tx.session.execute(_stamp(one, **said))

    async def _letter(self, scope: Scope, one: Due) -> _Letter | None:
        """None when nobody wants the event any more; the delivery is over then."""
        async with self._db.transaction(scope) as tx:
            try:
                row = await subscriptions.get(tx, one.target_id)
                event = await events.get(tx, one.event_id)
            except NotFound:
                await deliveries.arrived(tx, one)
                return None
            if row.secret_sealed is None:
                raise ConfigError("The subscription has no signing secret.")
            secret = await self._vault.open(tx, row.secret_sealed, **subscriptions.secret_place(row))
        return _Letter(row.url, secret.decode(), str(event.event_id), body_of(event))


def body_of(event: OutboxEvent) -> str:
    """What is sent: {"type", "timestamp", "data"}, as Standard Webhooks recommends."""
    shown = {"type": event.topic, "timestamp": event.created_at.astimezone(UTC).isoformat(), "data": event.payload}
    return orjson.dumps(shown).decode()


def _request(letter: _Letter, scope: Scope, now: float) -> HttpRequest:
    moment = datetime.fromtimestamp(now, UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": letter.event_id,
        "webhook-timestamp": str(int(now)),
        "webhook-signature": Webhook(letter.secret).sign(letter.event_id, moment, letter.body),
    }
    return HttpRequest(
        method="POST",
        url=letter.url,
        headers=headers,
        body=letter.body,
        timeout_s=TIMEOUT_S,
        tenant_id=scope.tenant_id,
        policy={"retries": 0},  # the deliveries' own backoff is slower, and outlives a restart
        follow_redirects=False,
    )


def _raise_for(reply: HttpReply) -> None:
    if 200 <= reply.status < 300:
        return
    after = retry_after_s(reply.headers)
    if 300 <= reply.status < 400:
        raise TransientError(f"The address answered {reply.status}: redirects are not followed.", status=reply.status)
    raise TransientError(f"The address answered {reply.status}.", status=reply.status, retry_after_s=after)


def _stamp(one: Due, **values: object) -> sa.Update:
    return sa.update(Subscription).where(Subscription.subscription_id == one.target_id).values(**values)  # type: ignore[arg-type]
