"""The page behind a payment link: readable for whoever holds the link, for nobody else."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx

from engine.store.session import Database, Scope
from tests.support.shop import open_shop


async def make_link(database: Database, scope: Scope) -> tuple[str, str]:
    shop = await open_shop(database, scope)
    items = [{"product_id": "PRD-0001", "quantity": 1}]
    order = await shop.call("create_order_draft", customer_id=None, items=items)
    made = await shop.call("generate_payment_link", order_id=order["order_id"], amount=order["total_amount"])
    parts = urlsplit(made["payment_link"])
    return f"{parts.path}?{parts.query}", order["total_text"]


async def test_the_link_shows_what_is_to_be_paid(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    link, total = await make_link(database, scope)
    page = await http.get(link)
    assert page.status_code == 200, page.text
    assert total in page.text
    assert "takes no payments online yet" in page.text
    assert page.headers["cache-control"] == "no-store"


async def test_another_link_shows_nothing(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope
) -> None:
    link, total = await make_link(database, scope)
    wrong = [
        link[:-1] + ("0" if link[-1] != "0" else "1"),
        link.replace(str(scope.tenant_id), str(other_scope.tenant_id)),
        link.replace("/orders/ORD-", "/orders/ORD-9"),
        link.partition("&token")[0] + "&token=",
    ]
    for address in wrong:
        answer = await http.get(address)
        assert (answer.status_code, total in answer.text) == (404, False), address
    assert (await http.get(link.replace(str(scope.tenant_id), "nobody"))).status_code == 422
