"""Events over HTTP: publish one, look at them, subscribe an address to them, send again what did not arrive."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from engine.store.access import deliveries, listeners, subscriptions
from engine.store.access import events as access
from engine.store.session import Scope
from studio.api.access import container_of, requires
from studio.api.json_object import JsonObject
from studio.api.views import dead_letter_json, event_json, subscription_json
from studio.services import events

router = APIRouter(prefix="/api/v1", tags=["events"])

Reader = Annotated[Scope, Depends(requires("events:read"))]
Writer = Annotated[Scope, Depends(requires("events:write"))]
MAX_TEXT = 2000


class NewEvent(BaseModel):
    """Something that happened, told to workflows that wait for it and to subscribers."""

    model_config = ConfigDict(extra="forbid")

    topic: str = Field(max_length=200, examples=["order.paid"])
    payload: JsonObject = Field(default_factory=dict, examples=[{"order_id": "ORD-10000007"}])


class NewSubscription(BaseModel):
    """An address that gets events, signed as Standard Webhooks says."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=MAX_TEXT, examples=["https://example.com/hooks/heddle"])
    topics: list[str] = Field(max_length=50, description='Topics, "prefix.*", or "*".', examples=[["agent_run"]])
    description: str = Field("", max_length=500)


class ChangedSubscription(BaseModel):
    """What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(None, max_length=MAX_TEXT)
    topics: list[str] | None = Field(None, max_length=50)
    description: str | None = Field(None, max_length=500)
    enabled: bool | None = None


class Redeliver(BaseModel):
    """Dead letters by id, or all those of one listener."""

    model_config = ConfigDict(extra="forbid")

    dead_letter_ids: list[UUID] = Field(default_factory=list, max_length=events.MOST_LETTERS)
    target_id: UUID | None = Field(None, description="A subscription or an event trigger.")


class SendAgain(BaseModel):
    model_config = ConfigDict(extra="forbid")

    event_id: UUID


@router.post("/events", summary="Publish an event", status_code=202)
async def publish(
    request: Request,
    body: NewEvent,
    scope: Annotated[Scope, Depends(requires("events:publish"))],
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> dict[str, str]:
    """Starts the workflows whose `event` trigger it fits. The same `Idempotency-Key` publishes once."""
    event_id = await events.publish(container_of(request).db, scope, body.topic, body.payload, idempotency_key)
    return {"event_id": str(event_id)}


@router.get("/events", summary="What happened, newest first")
async def list_events(
    request: Request,
    scope: Reader,
    topic: str | None = None,
    run_id: UUID | None = None,
    cursor: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    async with container_of(request).db.transaction(scope) as tx:
        page = await access.recent(
            tx, topic=topic, run_id=run_id, without=events.hidden_topics(scope), before=cursor, limit=limit
        )
    return {"events": [event_json(row) for row in page.rows], "cursor": page.cursor}


@router.get("/events/dead", summary="What could not be delivered, newest first")
async def list_dead(
    request: Request,
    scope: Reader,
    target_id: UUID | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> dict[str, Any]:
    """`hindrance` says why a letter cannot be sent again."""
    hidden = events.hidden_topics(scope)
    async with container_of(request).db.transaction(scope) as tx:
        rows = await deliveries.dead(tx, target_id=target_id, without=hidden, cursor=cursor, limit=limit)
        kept = await listeners.hindrances(tx, rows)
    shown = [dead_letter_json(row) | {"hindrance": kept.get(row.dead_letter_id)} for row in rows]
    return {"dead_letters": shown, "cursor": deliveries.place_of(rows[-1]) if len(rows) == limit else None}


@router.post("/events/redeliver", summary="Send dead letters again", status_code=202)
async def redeliver(request: Request, body: Redeliver, scope: Writer) -> dict[str, int]:
    """Those whose listener is gone or switched off stay where they are."""
    sent = await events.redeliver(container_of(request).db, scope, body.dead_letter_ids, target_id=body.target_id)
    return {"sent": sent}


@router.get("/subscriptions", summary="Addresses that get events")
async def list_subscriptions(request: Request, scope: Reader) -> dict[str, Any]:
    async with container_of(request).db.transaction(scope) as tx:
        return {"subscriptions": [subscription_json(row) for row in await subscriptions.listing(tx)]}


@router.post("/subscriptions", summary="Send events to an address", status_code=201)
async def subscribe(request: Request, body: NewSubscription, scope: Writer) -> dict[str, Any]:
    """The signing secret is in this answer only."""
    container = container_of(request)
    row, secret = await events.subscribe(
        container.db,
        container.vault,
        scope,
        url=body.url,
        topics=body.topics,
        description=body.description,
        allow=container.settings.egress_allow,
    )
    return subscription_json(row) | {"secret": secret}


@router.patch("/subscriptions/{subscription_id}", summary="Change a subscription, or switch it on or off")
async def change(request: Request, subscription_id: UUID, body: ChangedSubscription, scope: Writer) -> dict[str, Any]:
    container, wanted = container_of(request), events.Change(**body.model_dump())
    allow = container.settings.egress_allow
    return subscription_json(await events.change(container.db, scope, subscription_id, wanted, allow=allow))


@router.delete("/subscriptions/{subscription_id}", summary="Send nothing there any more", status_code=204)
async def unsubscribe(request: Request, subscription_id: UUID, scope: Writer) -> None:
    await events.unsubscribe(container_of(request).db, scope, subscription_id)


@router.post("/subscriptions/{subscription_id}/secret", summary="A new signing secret", status_code=201)
async def renew_secret(request: Request, subscription_id: UUID, scope: Writer) -> dict[str, str]:
    """The value is in this answer only; the old one is not used any more."""
    container = container_of(request)
    return {"secret": await events.renew_secret(container.db, container.vault, scope, subscription_id)}


@router.post("/subscriptions/{subscription_id}/send", summary="Send one event once more", status_code=202)
async def send_again(request: Request, subscription_id: UUID, body: SendAgain, scope: Writer) -> dict[str, str]:
    await events.send_again(container_of(request).db, scope, subscription_id, body.event_id)
    return {"event_id": str(body.event_id)}
