"""Subscriptions, events and dead letters on a running studio, as tests in the browser need them."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from engine.store.access import events
from engine.store.session import Database, Scope
from engine.store.tables.events import DeadLetter
from engine.store.vault import Vault
from studio.services import events as service
from tests.support.editor import run_on
from tests.support.servers import MASTER_KEY

HOOK = "https://example.test/hook"


def subscribed(studio: Any, scope: Scope, url: str = HOOK, topics: tuple[str, ...] = ("nothing.yet",)) -> UUID:
    async def make(database: Database) -> UUID:
        row, _ = await service.subscribe(database, Vault(MASTER_KEY), scope, url=url, topics=topics)
        return row.subscription_id

    found: UUID = run_on(studio, make)
    return found


def change(studio: Any, scope: Scope, subscription_id: UUID, **wanted: Any) -> None:
    run_on(studio, lambda db: service.change(db, scope, subscription_id, service.Change(**wanted)))


def unsubscribe(studio: Any, scope: Scope, subscription_id: UUID) -> None:
    run_on(studio, lambda db: service.unsubscribe(db, scope, subscription_id))


def published(studio: Any, scope: Scope, topic: str, count: int = 1) -> list[UUID]:
    async def make(database: Database) -> list[UUID]:
        async with database.transaction(scope) as tx:
            return [await events.publish(tx, topic, {"number": number}) for number in range(1, count + 1)]

    found: list[UUID] = run_on(studio, make)
    return found


def undelivered(studio: Any, scope: Scope, target: UUID, topic: str, *, count: int = 1, why: str = "it hung") -> None:
    async def make(database: Database) -> None:
        async with database.transaction(scope) as tx:
            for number in range(1, count + 1):
                letter = DeadLetter(
                    tenant_id=scope.tenant_id,
                    consumer="webhook",
                    target_id=target,
                    event_id=uuid.uuid4(),
                    topic=topic,
                    payload={"number": number},
                    event_at=datetime.now(UTC) - timedelta(hours=1),
                    attempts=9,
                    error=why,
                )
                tx.session.add(letter)

    run_on(studio, make)
