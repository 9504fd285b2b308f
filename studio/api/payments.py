"""Payments from outside: the page behind a payment link, and the events of a payment provider."""

from __future__ import annotations

import hmac
import time
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from connectors import money
from connectors.credentials import TenantCredentials
from connectors.manifest import manifests
from connectors.payment import webhook
from engine.errors import AuthError, NotFound, PermanentError, Unauthenticated
from engine.store.access import commerce, identity
from engine.store.session import Scope
from engine.store.tables.commerce import Order
from studio.api.access import container_of, public
from studio.api.hooks import read_body
from studio.container import Container

router = APIRouter(tags=["published"], dependencies=[Depends(public)])

PAGE = Path(__file__).with_name("payment_page.html")
_UNSIGNED = "The request is not signed as it must be: check address, secret, timestamp and body."
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"


@router.get("/orders/{order_id}/pay", summary="What a payment link shows", response_class=HTMLResponse)
async def payment_page(
    request: Request, order_id: str, tenant: UUID, token: Annotated[str, Query(max_length=200)]
) -> HTMLResponse:
    """The order's amount and state. Raises NotFound for a link that was not made for this order and amount."""
    async with container_of(request).db.transaction(Scope(tenant, None, "system")) as tx:
        order = await commerce.find_order(tx, order_id=order_id)
        if order is None or not _is_link_of(order, token):
            raise NotFound("This payment link is not valid.")
        shop = (await identity.get_tenant(tx)).name
    values = {
        "shop": shop,
        "order_id": order.order_id,
        "amount": money.text(order.total_cents, order.currency),
        "state": _state(order),
    }
    body = Template(PAGE.read_text()).substitute({name: escape(value) for name, value in values.items()})
    return HTMLResponse(body, headers={"Content-Security-Policy": POLICY, "Cache-Control": "no-store"})


@router.post("/webhooks/payments/{tenant}/{credential}", summary="What the payment provider tells")
async def payment_event(request: Request, tenant: str, credential: str) -> dict[str, str]:
    """Takes a signed event of the provider whose keys the tenant's credential holds; each event counts once.

    Raises Unauthenticated with the same words for an unknown tenant or credential and for a wrong signature.
    """
    body = await read_body(request)
    container = container_of(request)
    async with container.db.anonymous() as session:
        tenant_id = await identity.tenant_id_by_slug(session, tenant)
    if tenant_id is None:
        raise Unauthenticated(_UNSIGNED)
    scope = Scope(tenant_id, None, "system")
    secret = await _signing_secret(container, scope, credential)
    try:
        event = webhook.verified(body, request.headers.get("stripe-signature", ""), secret, time.time())
    except Unauthenticated as error:
        raise Unauthenticated(_UNSIGNED) from error
    async with container.db.transaction(scope) as tx:
        return {"status": await webhook.note_event(tx, event)}


async def _signing_secret(container: Container, scope: Scope, credential: str) -> str:
    manifest = manifests()["payment"]
    keys = TenantCredentials(container.db, container.vault)
    try:
        fields = await keys.for_connector(scope.tenant_id, credential, manifest)
    except (PermanentError, AuthError) as error:
        raise Unauthenticated(_UNSIGNED) from error
    if not fields.get("webhook_secret"):
        raise Unauthenticated(_UNSIGNED)
    return str(fields["webhook_secret"])


def _is_link_of(order: Order, token: str) -> bool:
    """The link kept with the order holds the one token that is right; it is renewed when the amount changes."""
    kept = parse_qs(urlsplit(order.payment_link or "").query).get("token", [""])[0]
    return bool(kept) and hmac.compare_digest(kept.encode(), token.encode())


def _state(order: Order) -> str:
    if order.payment_status == "paid":
        return "This order is paid. Thank you."
    if order.status == "cancelled":
        return "This order was cancelled; there is nothing to pay."
    return "The shop takes no payments online yet. It will tell you how to pay, and keeps your order until then."
