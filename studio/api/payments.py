"""Where a payment link leads: what is to be paid, for whoever holds the link."""

from __future__ import annotations

import hmac
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from connectors import money
from engine.errors import NotFound
from engine.store.access import commerce, identity
from engine.store.session import Scope
from engine.store.tables.commerce import Order
from studio.api.access import container_of, public

router = APIRouter(tags=["published"], dependencies=[Depends(public)])

PAGE = Path(__file__).with_name("payment_page.html")
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
