"""Events of a Stripe-compatible provider: signed, fresh, each counted once, whoever told it first."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from connectors.payment.webhook import TOLERANCE_S, verified
from engine.errors import Unauthenticated
from engine.store.access import commerce, identity
from engine.store.session import Database, Scope
from tests.support.outside import Outside, outside
from tests.support.shop import open_shop
from tests.support.stripe_like import API_KEY, StripeLike, stripe_like

DRAFT = "ORD-10000008"
SECRET = "whsec_of_the_shop_0001"


@pytest.fixture
def provider() -> Iterator[StripeLike]:
    with stripe_like() as found:
        yield found


@pytest.fixture
async def shop(database: Database, scope: Scope, provider: StripeLike) -> AsyncIterator[Outside]:
    await open_shop(database, scope)
    async with outside(database, scope, provider.host) as found:
        keys = {"api_key": API_KEY, "base_url": f"http://{provider.host}", "webhook_secret": SECRET}
        await found.keep("payment", json.dumps(keys))
        await found.call("authorize_payment", order_id=DRAFT, payment_method="pm_card")
        yield found


def signed(body: bytes, at: float | None = None, secret: str = SECRET) -> str:
    moment = str(int(time.time() if at is None else at))
    mark = hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={'0' * 64},v1={mark}"


def event(type: str, **found: Any) -> bytes:
    return json.dumps({"id": "evt_1", "type": type, "data": {"object": {"id": "pi_1", **found}}}).encode()


async def address(shop: Outside) -> str:
    async with shop.database.transaction(shop.scope) as tx:
        return f"/webhooks/payments/{(await identity.get_tenant(tx)).slug}/main"


async def tell(http: httpx.AsyncClient, shop: Outside, body: bytes, header: str | None = None) -> httpx.Response:
    headers = {"Stripe-Signature": signed(body) if header is None else header}
    return await http.post(await address(shop), content=body, headers=headers)


async def paid(shop: Outside) -> str:
    async with shop.database.transaction(shop.scope) as tx:
        return (await commerce.get_order(tx, DRAFT)).order.payment_status


async def test_the_provider_tells_first_and_we_count_it_once(http: httpx.AsyncClient, shop: Outside) -> None:
    body = event("payment_intent.succeeded", amount_received=8990)
    for status in ("noted", "known"):
        answer = await tell(http, shop, body)
        assert (answer.status_code, answer.json()) == (200, {"status": status})
    assert await paid(shop) == "paid"
    assert (await shop.call("capture_payment", order_id=DRAFT))["payment_status"] == "captured"
    refund = event("refund.created", id="re_1", payment_intent="pi_1", amount=1000, status="succeeded")
    refund = refund.replace(b"evt_1", b"evt_2")
    assert (await tell(http, shop, refund)).json() == {"status": "noted"}
    ours = await shop.call("payment_refund", order_id=DRAFT, amount=10)  # the provider calls it re_1 as well
    assert ours["refunded_amount"] == 10


async def test_we_tell_first_and_the_event_changes_nothing(http: httpx.AsyncClient, shop: Outside) -> None:
    await shop.call("capture_payment", order_id=DRAFT)
    await shop.call("payment_refund", order_id=DRAFT, amount=10)
    body = event("refund.updated", id="re_1", payment_intent="pi_1", amount=1000, status="succeeded")
    assert (await tell(http, shop, body)).json() == {"status": "known"}
    assert (await tell(http, shop, event("payment_intent.succeeded", amount_received=8990))).json()["status"] == "known"


async def test_a_hold_that_the_provider_let_go_is_let_go(http: httpx.AsyncClient, shop: Outside) -> None:
    assert (await tell(http, shop, event("payment_intent.canceled"))).json() == {"status": "noted"}
    assert await paid(shop) == "unpaid"


@pytest.mark.parametrize("header", ["", "t=1", "v1=00", "t=x,v1=00", "t=1,t=2,v1=00", f"t={'9' * 40},v1=ü"])
async def test_a_wrong_signature_is_refused(http: httpx.AsyncClient, shop: Outside, header: str) -> None:
    body = event("payment_intent.succeeded", amount_received=8990)
    answer = await http.post(
        await address(shop), content=body, headers=[(b"Stripe-Signature", header.encode("latin-1"))]
    )
    assert answer.status_code == 401
    assert await paid(shop) == "unpaid"


async def test_a_changed_body_another_secret_and_another_time_are_refused(
    http: httpx.AsyncClient, shop: Outside
) -> None:
    body = event("payment_intent.succeeded", amount_received=8990)
    now = time.time()
    wrong = [
        signed(body + b" "),
        signed(body, secret="whsec_of_somebody_else"),
        signed(body, now - TOLERANCE_S - 60),
        signed(body, now + TOLERANCE_S + 60),
    ]
    for header in wrong:
        assert (await tell(http, shop, body, header)).status_code == 401
    assert await paid(shop) == "unpaid"


def test_the_tolerance_is_five_minutes_both_ways() -> None:
    body = event("x")
    for off in (-300, 0, 300):
        assert verified(body, signed(body, 1000 + off), SECRET, 1000.0)["type"] == "x"
    for off in (-301, 301):
        with pytest.raises(Unauthenticated):
            verified(body, signed(body, 1000 + off), SECRET, 1000.0)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"id": 1, "type": "x"}', b'{"id": "\\u0000", "type": "x"}', b"[" * 50_000]
)
async def test_a_signed_body_that_is_no_event_is_refused(http: httpx.AsyncClient, shop: Outside, body: bytes) -> None:
    assert (await tell(http, shop, body)).status_code == 422


@pytest.mark.parametrize("amount", [-1, 9_000, "8990", True, None, 1.5])
async def test_an_amount_that_is_not_the_payments_is_refused(
    http: httpx.AsyncClient, shop: Outside, amount: Any
) -> None:
    body = event("payment_intent.succeeded", amount_received=amount)
    assert (await tell(http, shop, body)).status_code == 422
    assert await paid(shop) == "unpaid"


async def test_another_tenant_and_unknown_places_are_refused_alike(
    http: httpx.AsyncClient, shop: Outside, database: Database, other_scope: Scope
) -> None:
    async with database.transaction(other_scope) as tx:
        other = (await identity.get_tenant(tx)).slug
    body = event("payment_intent.succeeded", amount_received=8990)
    mine = await address(shop)
    places = [f"/webhooks/payments/{other}/main", "/webhooks/payments/nobody/main", mine.replace("/main", "/other")]
    answers = [await http.post(place, content=body, headers={"Stripe-Signature": signed(body)}) for place in places]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert await paid(shop) == "unpaid"


async def test_what_is_none_of_ours_is_ignored(http: httpx.AsyncClient, shop: Outside) -> None:
    for body in (
        event("customer.created"),
        event("payment_intent.succeeded", id="pi_of_somebody", amount_received=1),
        event("payment_intent.succeeded", id="pi_\0"),
        json.dumps({"id": "e", "type": "refund.created", "data": []}).encode(),
    ):
        assert (await tell(http, shop, body)).json() == {"status": "ignored"}
