"""Money and stock of orders: held, taken, given back, each once; in the shop's books and at a provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connectors.toolbox import toolbox_specs
from engine.errors import AppError, AuthError, EgressBlocked, PermanentError, TransientError
from engine.store.access import commerce
from engine.store.session import Database, Scope
from tests.support.outside import Outside, outside
from tests.support.shop import open_shop
from tests.support.stripe_like import StripeLike, stripe_like

DRAFT, SHIPPED = "ORD-10000008", "ORD-10000007"
QUICK = {"retries": 0, "breaker": {"failure_threshold": 0}}


@pytest.fixture
def provider() -> Iterator[StripeLike]:
    with stripe_like() as found:
        yield found


@pytest.fixture
async def shop(database: Database, scope: Scope, provider: StripeLike) -> AsyncIterator[Outside]:
    await open_shop(database, scope)
    async with outside(database, scope, provider.host) as found:
        await found.keep("payment", provider.credential)
        yield found


async def state(shop: Outside, order_id: str = DRAFT) -> tuple[str, str]:
    async with shop.database.transaction(shop.scope) as tx:
        order = (await commerce.get_order(tx, order_id)).order
        return order.status, order.payment_status


async def in_stock(shop: Outside, product_id: str = "PRD-0001") -> int:
    async with shop.database.transaction(shop.scope) as tx:
        return (await commerce.get_product(tx, product_id)).stock


async def own(shop: Outside, tool: str, **more: Any) -> Any:
    """A call in the shop's own books."""
    return await shop.call(tool, None, **more)


@pytest.mark.parametrize("credential", [None, "main"])
async def test_authorise_capture_refund(shop: Outside, provider: StripeLike, credential: str | None) -> None:
    held = await shop.call("authorize_payment", credential, order_id=DRAFT, payment_method="pm_card")
    assert (held["payment_status"], held["amount"], await state(shop)) == ("authorized", 89.9, ("draft", "unpaid"))
    for tool in ("authorize_payment", "capture_payment", "void_payment", "payment_refund"):
        Draft202012Validator(toolbox_specs()[tool].returns).validate(held)
    for _ in range(2):
        taken = await shop.call("capture_payment", credential, payment_id=held["payment_id"])
        assert (taken["payment_status"], await state(shop)) == ("captured", ("paid", "paid"))
    part = await shop.call("payment_refund", credential, key="once", order_id=DRAFT, amount=10)
    again = await shop.call("payment_refund", credential, key="once", order_id=DRAFT, amount=10)
    assert part == again
    assert (part["payment_status"], part["refunded_amount"]) == ("captured", 10)
    with pytest.raises(PermanentError, match=r"79\.90"):
        await shop.call("payment_refund", credential, order_id=DRAFT, amount=80)
    for _ in range(2):
        rest = await shop.call("payment_refund", credential, order_id=DRAFT)
        assert (rest["payment_status"], rest["refunded_amount"]) == ("refunded", 89.9)
    assert await state(shop) == ("pending", "refunded")
    if credential:
        assert [(r["payment_intent"], r["amount"]) for r in provider.refunds] == [("pi_1", "1000"), ("pi_1", "7990")]
        intent = provider.intents["pi_1"]
        assert (intent["amount"], intent["currency"], intent["metadata[order_id]"]) == ("8990", "usd", DRAFT)
        assert (intent["status"], intent["capture_method"]) == ("succeeded", "manual")
    else:
        assert provider.requests == []


@pytest.mark.parametrize("credential", [None, "main"])
async def test_void_undoes_whatever_was_done(shop: Outside, provider: StripeLike, credential: str | None) -> None:
    await shop.call("authorize_payment", credential, order_id=DRAFT, payment_method="pm_card")
    for _ in range(2):
        gone = await shop.call("void_payment", credential, order_id=DRAFT)
        assert (gone["payment_status"], await state(shop)) == ("voided", ("draft", "unpaid"))
    await shop.call("authorize_payment", credential, order_id=DRAFT, payment_method="pm_card")
    await shop.call("capture_payment", credential, order_id=DRAFT)
    for _ in range(2):
        assert (await shop.call("void_payment", credential, order_id=DRAFT))["payment_status"] == "refunded"
    assert [intent["status"] for intent in provider.intents.values()] == (
        ["canceled", "succeeded"] if credential else []
    )
    assert len(provider.refunds) == (1 if credential else 0)


async def test_an_authorisation_whose_answer_was_lost_is_made_once(shop: Outside, provider: StripeLike) -> None:
    provider.answers = [504]
    ask = {"order_id": DRAFT, "payment_method": "pm_card", "policy": QUICK}
    with pytest.raises(TransientError):
        await shop.call("authorize_payment", key="effect", **ask)
    held = await shop.call("authorize_payment", key="effect", **ask)
    assert (held["payment_status"], len(provider.intents)) == ("authorized", 1)
    assert provider.requests[0] == provider.requests[1]


async def test_an_authorisation_whose_answer_was_lost_can_be_undone(shop: Outside, provider: StripeLike) -> None:
    provider.answers = [504]
    with pytest.raises(TransientError):
        await shop.call("authorize_payment", order_id=DRAFT, payment_method="pm_card", policy=QUICK)
    assert (await shop.call("void_payment", order_id=DRAFT))["payment_status"] == "voided"
    assert [intent["status"] for intent in provider.intents.values()] == ["canceled"]


async def test_a_declined_card_is_told_and_can_be_replaced(shop: Outside, provider: StripeLike) -> None:
    with pytest.raises(PermanentError, match="insufficient_funds") as caught:
        await shop.call("authorize_payment", order_id=DRAFT, payment_method="pm_declined")
    assert caught.value.error_type == "payment_system_error"
    assert await state(shop) == ("draft", "failed")
    held = await shop.call("authorize_payment", order_id=DRAFT, payment_method="pm_card")
    assert held["payment_status"] == "authorized"


async def test_a_wrong_key_and_a_house_address_are_refused(shop: Outside, provider: StripeLike) -> None:
    await shop.keep("payment", provider.credential.replace("sk_test", "sk_wrong"), "wrong")
    await shop.keep("payment", '{"api_key": "sk_test_SECRET", "base_url": "http://127.0.0.1:9"}', "inside")
    for name, error in (("wrong", AuthError), ("inside", EgressBlocked)):
        with pytest.raises(error) as caught:
            await shop.call("authorize_payment", name, order_id=DRAFT, payment_method="pm_card")
        assert "SECRET" not in f"{caught.value.to_dict()}{caught.value.__cause__}"
    assert provider.intents == {}


@pytest.mark.parametrize(
    ("tool", "more", "said"),
    [
        ("authorize_payment", {"order_id": SHIPPED}, "nothing is to pay"),
        ("authorize_payment", {"order_id": DRAFT, "amount": 1}, "89.90"),
        ("authorize_payment", {"order_id": "ORD-99999999"}, "no order"),
        ("capture_payment", {"order_id": DRAFT}, "no payment"),
        ("capture_payment", {}, "wrong|missing"),
        ("void_payment", {"payment_id": "PAY-999999"}, "no payment"),
        ("payment_refund", {"order_id": SHIPPED, "amount": 1000}, "179.80"),
        ("payment_refund", {"order_id": SHIPPED, "amount": 0}, "amount"),
        ("reserve_inventory", {"order_id": "ORD-99999999"}, "no order"),
        ("reserve_inventory", {"order_id": SHIPPED}, "is shipped"),
    ],
)
async def test_what_cannot_be_done_is_refused(shop: Outside, tool: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(PermanentError, match=said) as caught:
        await own(shop, tool, **more)
    assert caught.value.error_type.endswith("_error")


async def test_an_order_paid_before_there_were_books_can_be_refunded(shop: Outside) -> None:
    back = await own(shop, "payment_refund", order_id=SHIPPED)
    assert (back["refunded_amount"], await state(shop, SHIPPED)) == (179.8, ("shipped", "refunded"))


async def test_stock_is_taken_and_put_back_once(shop: Outside) -> None:
    taken = [await own(shop, "reserve_inventory", key=key, order_id=DRAFT) for key in ("a", "a", "b")]
    assert taken[0] == taken[1] == taken[2] == {"order_id": DRAFT, "items": [{"product_id": "PRD-0001", "quantity": 1}]}
    assert await in_stock(shop) == 11
    for key in ("c", "c", "d"):
        await own(shop, "restore_inventory", key=key, order_id=DRAFT)
    assert await in_stock(shop) == 12
    await own(shop, "reserve_inventory", key="a", order_id=DRAFT)  # a late repetition of what was undone
    assert await in_stock(shop) == 12


async def test_too_few_pieces_take_nothing(shop: Outside) -> None:
    order = await own(
        shop,
        "create_order_draft",
        items=[{"product_id": "PRD-0001", "quantity": 5}, {"product_id": "PRD-0002", "quantity": 4}],
    )
    with pytest.raises(PermanentError, match="Only 3 of Trail Backpack Pro"):
        await own(shop, "reserve_inventory", order_id=order["order_id"])
    assert (await in_stock(shop), await in_stock(shop, "PRD-0002")) == (12, 3)


async def test_many_at_once_never_sell_more_than_there_is(shop: Outside) -> None:
    item = [{"product_id": "PRD-0002", "quantity": 1}]
    orders = [(await own(shop, "create_order_draft", items=item))["order_id"] for _ in range(5)]
    done = await asyncio.gather(
        *(own(shop, "reserve_inventory", order_id=order) for order in orders), return_exceptions=True
    )
    assert sum(isinstance(each, AppError) for each in done) == 2
    assert await in_stock(shop, "PRD-0002") == 0


async def test_another_tenants_orders_do_not_exist(shop: Outside, database: Database, other_scope: Scope) -> None:
    await own(shop, "authorize_payment", order_id=DRAFT)
    async with outside(database, other_scope) as stranger:
        for tool in ("authorize_payment", "capture_payment", "void_payment", "payment_refund", "reserve_inventory"):
            with pytest.raises(PermanentError, match="no order"):
                await own(stranger, tool, order_id=DRAFT)


def test_compensations_are_named() -> None:
    specs = toolbox_specs()
    assert specs["authorize_payment"].compensation == {
        "tool_name": "void_payment",
        "parameters": {"payment_id": "output.payment_id"},
    }
    assert (specs["reserve_inventory"].compensation or {})["tool_name"] == "restore_inventory"
    assert specs["search_order"].compensation is None
