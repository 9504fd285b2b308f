"""Orders that are cancelled, changed and taken back: order, stock and money move together, once, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connectors.toolbox import toolbox_specs
from engine.errors import PermanentError
from engine.store.access import commerce, payments
from engine.store.session import Database, Scope
from tests.support.outside import Outside, outside
from tests.support.shop import open_shop
from tests.support.stripe_like import stripe_like

DRAFT, SHIPPED = "ORD-10000008", "ORD-10000007"


@pytest.fixture
async def shop(database: Database, scope: Scope) -> AsyncIterator[Outside]:
    await open_shop(database, scope)
    async with outside(database, scope) as found:
        yield found


async def do(shop: Outside, tool: str, **more: Any) -> Any:
    result = await shop.call(tool, None, **more)
    Draft202012Validator(toolbox_specs()[tool].returns).validate(result)
    return result


async def facts(shop: Outside, order_id: str = DRAFT) -> tuple[str, str, int]:
    """Status, payment status and the stock of the order's product."""
    async with shop.database.transaction(shop.scope) as tx:
        order = (await commerce.get_order(tx, order_id)).order
        return order.status, order.payment_status, (await commerce.get_product(tx, "PRD-0001")).stock


async def buy(shop: Outside, order_id: str = DRAFT) -> None:
    for tool in ("authorize_payment", "reserve_inventory", "capture_payment"):
        await do(shop, tool, order_id=order_id)
    assert await facts(shop, order_id) == ("paid", "paid", 11)


async def set_status(shop: Outside, order_id: str, status: str) -> None:
    async with shop.database.transaction(shop.scope) as tx:
        (await commerce.get_order(tx, order_id)).order.status = status


async def test_a_paid_order_is_cancelled_whole_and_once(shop: Outside) -> None:
    await buy(shop)
    done = [await do(shop, "cancel_order", key=key, order_id=DRAFT) for key in ("a", "a", "b")]
    assert done[0] == done[1] == done[2]
    assert (done[0]["order_status"], done[0]["refunded_amount"], done[0]["refund_due"]) == ("cancelled", 89.9, False)
    assert await facts(shop) == ("cancelled", "refunded", 12)


async def test_a_held_payment_is_let_go(shop: Outside) -> None:
    await do(shop, "authorize_payment", order_id=DRAFT)
    assert (await do(shop, "cancel_order", order_id=DRAFT))["refunded_amount"] == 0
    assert await facts(shop) == ("cancelled", "unpaid", 12)
    with pytest.raises(PermanentError, match="nothing is to pay"):
        await do(shop, "authorize_payment", order_id=DRAFT)


async def test_money_at_a_provider_is_told_as_due_and_given_back_by_void(database: Database, scope: Scope) -> None:
    await open_shop(database, scope)
    with stripe_like() as provider:
        async with outside(database, scope, provider.host) as shop:
            await shop.keep("payment", provider.credential)
            for tool in ("authorize_payment", "capture_payment"):
                await shop.call(tool, order_id=DRAFT, **({"payment_method": "pm_card"} if tool[0] == "a" else {}))
            done = await do(shop, "cancel_order", order_id=DRAFT)
            assert (done["refund_due"], done["payment_status"], provider.refunds) == (True, "paid", [])
            await shop.call("void_payment", payment_id=done["payment_id"])
            assert [refund["amount"] for refund in provider.refunds] == ["8990"]
            assert (await facts(shop))[:2] == ("cancelled", "refunded")


async def test_a_delivered_order_comes_back(shop: Outside) -> None:
    with pytest.raises(PermanentError, match="shipped"):
        await do(shop, "return_order", order_id=SHIPPED)
    await set_status(shop, SHIPPED, "delivered")
    for _ in range(2):
        back = await do(shop, "return_order", order_id=SHIPPED)
        assert (back["order_status"], back["refunded_amount"]) == ("returned", 179.8)
    assert await facts(shop, SHIPPED) == ("returned", "refunded", 14)


async def test_an_unpaid_order_is_changed(shop: Outside) -> None:
    link = (await do(shop, "generate_payment_link", order_id=DRAFT))["payment_link"]
    await do(shop, "reserve_inventory", order_id=DRAFT)
    items = [{"product_id": "PRD-0001", "quantity": 3}]
    for _ in range(2):
        done = await do(shop, "modify_order", key="k", order_id=DRAFT, items=items)
        assert (done["total_amount"], [i["quantity"] for i in done["items"]]) == (242.73, [3])  # less ten percent
        assert (await facts(shop))[2] == 9
    assert (await do(shop, "generate_payment_link", order_id=DRAFT))["payment_link"] != link
    await do(shop, "modify_order", order_id=DRAFT, shipping_address={"city": "Oslo"})
    async with shop.database.transaction(shop.scope) as tx:
        order = (await commerce.get_order(tx, DRAFT)).order
        assert (order.shipping_address, [c["kind"] for c in order.changes]) == ({"city": "Oslo"}, ["changed"] * 2)


async def test_a_paid_order_may_become_cheaper_and_not_dearer(shop: Outside) -> None:
    await do(shop, "modify_order", order_id=DRAFT, items=[{"product_id": "PRD-0001", "quantity": 3}])
    for tool in ("authorize_payment", "reserve_inventory", "capture_payment"):
        await do(shop, tool, order_id=DRAFT)
    with pytest.raises(PermanentError, match="more than was paid"):
        await do(shop, "modify_order", order_id=DRAFT, items=[{"product_id": "PRD-0001", "quantity": 4}])
    assert await facts(shop) == ("paid", "paid", 9)  # nothing of the refused change is left
    done = await do(shop, "modify_order", order_id=DRAFT, items=[{"product_id": "PRD-0001", "quantity": 2}])
    assert (done["refunded_amount"], await facts(shop)) == (80.91, ("paid", "paid", 10))
    assert (await do(shop, "cancel_order", order_id=DRAFT))["refunded_amount"] == 161.82


async def test_more_than_there_is_changes_nothing(shop: Outside) -> None:
    await do(shop, "reserve_inventory", order_id=DRAFT)
    with pytest.raises(PermanentError, match="Only 12"):
        await do(shop, "modify_order", order_id=DRAFT, items=[{"product_id": "PRD-0001", "quantity": 13}])
    assert await facts(shop) == ("draft", "unpaid", 11)


@pytest.mark.parametrize(
    ("tool", "more", "said"),
    [
        ("cancel_order", {"order_id": SHIPPED}, "shipped"),
        ("cancel_order", {"order_id": "ORD-99999999"}, "no order"),
        ("cancel_order", {"order_id": DRAFT, "customer_id": "CUS-0002"}, "another customer"),
        ("cancel_order", {"order_id": DRAFT, "customer_id": "CUS-9999"}, "no customer"),
        ("return_order", {"order_id": DRAFT}, "draft"),
        ("modify_order", {"order_id": SHIPPED, "shipping_address": {"city": "x"}}, "shipped"),
        ("modify_order", {"order_id": DRAFT}, "wrong|missing"),
        ("modify_order", {"order_id": DRAFT, "items": []}, "items"),
        ("modify_order", {"order_id": DRAFT, "items": [{"product_id": "PRD-9999"}]}, "no product"),
        ("modify_order", {"order_id": DRAFT, "shipping_address": {"city": {"a": 1}}}, "shipping_address"),
        ("crm_update", {"order_id": "ORD-99999999", "status": "refunded"}, "no order"),
        ("payment_charge_back", {"order_id": SHIPPED, "amount": 1}, "given back"),
        ("payment_charge_back", {"order_id": SHIPPED}, "given back"),
    ],
)
async def test_what_cannot_be_done_is_refused(shop: Outside, tool: str, more: dict[str, Any], said: str) -> None:
    with pytest.raises(PermanentError, match=said):
        await do(shop, tool, **more)


async def test_a_refund_is_taken_back(shop: Outside) -> None:
    await do(shop, "payment_refund", order_id=SHIPPED, amount=20)
    for _ in range(2):
        again = await do(shop, "payment_charge_back", key="k", order_id=SHIPPED, amount=20)
        assert (again["payment_status"], again["refunded_amount"]) == ("captured", 0)
    for amount in (5, 7):
        await do(shop, "payment_refund", order_id=SHIPPED, amount=amount)
    assert (await do(shop, "payment_charge_back", order_id=SHIPPED))["refunded_amount"] == 5  # the last one alone
    assert await do(shop, "crm_update", order_id=SHIPPED, status="paid") == {"order_id": SHIPPED, "status": "paid"}


async def test_a_cancellation_and_a_payment_at_once_leave_one_truth(shop: Outside) -> None:
    await do(shop, "authorize_payment", order_id=DRAFT)
    work = [do(shop, tool, order_id=DRAFT) for tool in ("capture_payment", "cancel_order", "reserve_inventory")]
    await asyncio.gather(*work, return_exceptions=True)
    status, paid, stock = await facts(shop)
    assert (status, stock) == ("cancelled", 12)
    assert paid in ("unpaid", "refunded")


async def test_nothing_is_taken_from_stock_for_a_cancelled_order(shop: Outside) -> None:
    await do(shop, "cancel_order", order_id=DRAFT)
    with pytest.raises(PermanentError, match="is cancelled"):
        await do(shop, "reserve_inventory", order_id=DRAFT)
    assert await facts(shop) == ("cancelled", "unpaid", 12)


async def test_a_payment_is_never_locked_before_its_order(shop: Outside) -> None:
    payment_id = (await do(shop, "authorize_payment", order_id=DRAFT))["payment_id"]
    async with shop.database.transaction(shop.scope) as tx:
        await commerce.get_order(tx, DRAFT, for_update=True)
        other = asyncio.create_task(do(shop, "void_payment", payment_id=payment_id, policy={"retries": 0}))
        await asyncio.sleep(0.3)  # by now it waits for what we hold
        assert not other.done()
        await payments.note(tx, await payments.find(tx, order_id=DRAFT), "capture", key="ours", amount_cents=8990)
    assert (await other)["payment_status"] == "refunded"  # it saw what we did


async def test_another_tenants_orders_do_not_exist(shop: Outside, database: Database, other_scope: Scope) -> None:
    async with outside(database, other_scope) as stranger:
        for tool in ("cancel_order", "return_order"):
            with pytest.raises(PermanentError, match="no order"):
                await do(stranger, tool, order_id=DRAFT)
    assert (await facts(shop))[0] == "draft"
