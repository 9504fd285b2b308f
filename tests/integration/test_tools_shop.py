"""The 19 tools on real tables: what they find, write and refuse."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator

from connectors.orders.client import payment_link
from connectors.toolbox import Toolbox, toolbox_specs
from engine.errors import AppError, PermanentError, TransientError
from engine.execution.ports import ToolCall
from engine.store.session import Database, Scope
from engine.store.tables.commerce import Escalation, FollowUp, Lead, Order
from tests.support.shop import Shop, open_shop

# A good call of every tool: its result must fit the manifest's schema.
GOOD = {
    "search_knowledge_base": {"query": "What is your return policy?"},
    "search_products": {"query": "backpack"},
    "check_inventory": {"product_id": "PRD-0001", "quantity": 2},
    "calculate_pricing": {"product_id": "PRD-0001", "quantity": 2, "customer_id": "CUS-0001"},
    "create_order_draft": {"customer_id": "CUS-0001", "items": [{"product_id": "PRD-0001", "quantity": 1}]},
    "generate_payment_link": {"order_id": "ORD-10000008", "amount": 89.9, "customer_id": "ada@example.com"},
    "search_order": {"order_id": "ORD-10000007"},
    "search_orders_by_customer": {"email": "ada@example.com"},
    "get_order_details": {"order_id": "ORD-10000007"},
    "check_duplicate_lead": {"email": "nobody@example.com"},
    "create_lead": {"name": "Cy Park", "email": "cy@example.com"},
    "notify_sales_team": {"lead_id": "LEAD-000001"},
    "escalate_to_human": {"priority": "urgent", "category": "complaint", "message": "Help"},
    "escalate_to_manager": {"severity": "critical", "complaint_type": "billing", "analysis": {"a": [1]}},
    "escalate_to_specialist": {"complaint_type": "product", "message": "Broken"},
    "escalate_to_technical_lead": {"issue_type": "bug", "severity": "high"},
    "escalate_to_technical_specialist": {"issue_type": "login"},
    "hand_over": {"queue": "tier1", "conversation": [{"role": "user", "content": "Help"}]},
    "resolve_escalation": {"escalation_id": "ESC-000001", "note": "done"},
    "schedule_follow_up": {"customer_id": "CUS-0001", "complaint_id": "ESC-000001", "follow_up_date": "tomorrow"},
    "schedule_technical_follow_up": {"issue_id": "ESC-000002"},
}

# A call that each tool must refuse, and the name its refusal goes by.
BAD = {
    "search_knowledge_base": ({"query": "  "}, "knowledge_base_error"),
    "search_products": ({"query": "x", "limit": "many"}, "product_search_error"),
    "check_inventory": ({"product_id": "PRD-9999"}, "inventory_error"),
    "calculate_pricing": ({"product_id": "PRD-0001", "quantity": 0}, "pricing_error"),
    "create_order_draft": ({"items": []}, "order_creation_error"),
    "generate_payment_link": ({"order_id": "ORD-10000007"}, "payment_system_error"),
    "search_order": ({}, "order_system_error"),
    "search_orders_by_customer": ({"email": None, "phone": ""}, "order_system_error"),
    "get_order_details": ({"order_id": "ORD-99999999"}, "tracking_system_error"),
    "check_duplicate_lead": ({}, "duplicate_check_error"),
    "create_lead": ({"name": "Cy", "email": "not an address"}, "crm_error"),
    "notify_sales_team": ({"lead_id": "LEAD-999999"}, "notification_error"),
    "escalate_to_human": ({"message": {"not": "text"}}, "escalation_error"),
    "escalate_to_manager": ({"unknown": 1}, "escalation_error"),
    "escalate_to_specialist": ({"message": "x" * 9000}, "escalation_error"),
    "escalate_to_technical_lead": ({"severity": ["high"]}, "escalation_error"),
    "escalate_to_technical_specialist": ({"message": True}, "escalation_error"),
    "hand_over": ({"message": "no queue"}, "escalation_error"),
    "resolve_escalation": ({"escalation_id": "ESC-999999"}, "escalation_error"),
    "schedule_follow_up": ({"follow_up_date": "whenever"}, "follow_up_error"),
    "schedule_technical_follow_up": ({"follow_up_date": "2001-01-01"}, "follow_up_error"),
}


@pytest.fixture
async def shop(database: Database, scope: Scope) -> Shop:
    return await open_shop(database, scope)


@pytest.mark.parametrize("tool", sorted(GOOD))
async def test_a_good_call_fits_the_schema(shop: Shop, tool: str) -> None:
    if tool == "notify_sales_team":
        await shop.call("create_lead", name="Cy Park", email="cy@example.com")
    if tool == "resolve_escalation":
        await shop.call("escalate_to_human", message="Help")
    result = await shop.call(tool, **GOOD[tool])
    Draft202012Validator(toolbox_specs()[tool].returns).validate(result)


@pytest.mark.parametrize("tool", sorted(GOOD))
async def test_a_bad_call_is_a_typed_error(shop: Shop, tool: str) -> None:
    parameters, error_type = BAD[tool]
    with pytest.raises(PermanentError) as caught:
        await shop.call(tool, **parameters)
    shown = caught.value.to_dict()
    assert (shown["type"], shown["code"], shown["retryable"]) == (error_type, "tool_failure", False)


async def test_products_found_one_many_none(shop: Shop) -> None:
    one = await shop.call("search_products", query="I want to buy 2 Trail Backpack Pro, please!")
    assert [p["product_id"] for p in one["products"]] == ["PRD-0002"]
    assert (one["product_id"], one["unit_price"]) == ("PRD-0002", 129.9)
    exact = await shop.call("search_products", query="Trail Backpack")
    assert [p["product_id"] for p in exact["products"]] == ["PRD-0001"]
    many = await shop.call("search_products", query="backpacks")
    assert {p["product_id"] for p in many["products"]} == {"PRD-0001", "PRD-0002"}
    assert "product_id" not in many
    assert await shop.call("search_products", query="kayak") == {"products": []}
    assert (await shop.call("search_products", query="prd-0003"))["product_name"] == "Summit Down Jacket"


async def test_product_filters(shop: Shop) -> None:
    async def found(**filters: object) -> list[str]:
        result = await shop.call("search_products", query="backpack jacket", filters=filters)
        return sorted(p["product_id"] for p in result["products"])

    assert await found(color="Black") == ["PRD-0002"]
    assert await found(size="m", color=None) == ["PRD-0002", "PRD-0003"]  # 0002 does not say its size
    assert await found(max_price="90") == ["PRD-0001"]
    assert await found(category="kitchen") == []


async def test_inventory_tells_whether_enough_is_there(shop: Shop) -> None:
    assert (await shop.call("check_inventory", product_id="prd-0002", quantity="3"))["inventory_available"] is True
    assert (await shop.call("check_inventory", product_id="PRD-0002", quantity=4))["inventory_available"] is False
    assert (await shop.call("check_inventory", product_id="PRD-0003", quantity=None))["inventory_available"] is False


async def test_prices_follow_the_segment(shop: Shop) -> None:
    gold = await shop.call("calculate_pricing", product_id="PRD-0001", quantity=3, customer_id="ADA@example.com")
    assert (gold["subtotal"], gold["discount"], gold["total_amount"]) == (269.7, 26.97, 242.73)
    assert (gold["price_text"], gold["discount_text"], gold["total_text"]) == ("89.90 USD", "26.97 USD", "242.73 USD")
    nobody = await shop.call("calculate_pricing", product_id="PRD-0001", quantity=3, customer_id=None)
    assert (nobody["discount"], nobody["total_amount"], nobody["currency"]) == (0, 269.7, "USD")


async def test_an_order_from_draft_to_payment_link(shop: Shop, database: Database) -> None:
    items = [{"product_id": "PRD-0001", "quantity": 3, "unit_price": 89.9}]
    made = await shop.call("create_order_draft", customer_id="CUS-0001", items=items, total_amount=242.73)
    assert (made["order_id"], made["status"], made["total_amount"]) == ("ORD-10000009", "draft", 242.73)
    link = await shop.call("generate_payment_link", order_id=made["order_id"], amount=242.73, customer_id="CUS-0001")
    again = await shop.call("generate_payment_link", order_id=made["order_id"])
    assert link["payment_link"] == again["payment_link"]
    async with database.transaction(shop.scope) as tx:
        order = (await tx.session.execute(sa.select(Order).where(Order.order_id == made["order_id"]))).scalar_one()
    assert order.status == "pending"
    assert link["payment_link"] == payment_link(shop.toolbox._site, shop.scope.tenant_id, order)


@pytest.mark.parametrize(
    ("change", "parameter"),
    [
        ({"total_amount": 1.0}, "total_amount"),
        ({"items": [{"product_id": "PRD-0001", "quantity": 1, "unit_price": 0.01}]}, "items.0.unit_price"),
        ({"items": [{"product_id": "PRD-0001", "quantity": 101}]}, "items.0.quantity"),
        ({"items": [{"quantity": 1}]}, "items.0.product_id"),
        ({"customer_id": "CUS-9999"}, None),
        ({"status": "paid"}, "status"),
        ({"items": "PRD-0001"}, "items"),
    ],
)
async def test_a_wrong_order_is_refused_and_leaves_nothing(
    shop: Shop, database: Database, change: dict[str, object], parameter: str | None
) -> None:
    good = {"customer_id": "CUS-0001", "items": [{"product_id": "PRD-0001", "quantity": 1}]}
    with pytest.raises(PermanentError) as caught:
        await shop.call("create_order_draft", **{**good, **change})
    assert caught.value.error_type == "order_creation_error"
    assert caught.value.details.get("parameter") == parameter
    async with database.transaction(shop.scope) as tx:
        assert len((await tx.session.execute(sa.select(Order))).all()) == 2


async def test_payment_of_another_customer_or_amount_is_refused(shop: Shop) -> None:
    for wrong in ({"amount": 1}, {"customer_id": "CUS-0002"}):
        with pytest.raises(PermanentError):
            await shop.call("generate_payment_link", order_id="ORD-10000008", **wrong)


async def test_orders_are_found_however_they_are_named(shop: Shop) -> None:
    for written in ("ORD-10000007", "ord-10000007", "#10000007", "order 10000007.", 10000007):
        found = await shop.call("search_order", order_id=written)
        assert found == {"order_found": True, "order_id": "ORD-10000007", "status": "shipped"}, written
    assert (await shop.call("search_order", tracking_number="jd014600001122"))["order_id"] == "ORD-10000007"
    for unknown in ("ORD-1", "ORD-10000099", "'; DROP TABLE orders; --", "\x00"):
        assert await shop.call("search_order", order_id=unknown, tracking_number="nothing") == {"order_found": False}


async def test_order_details_tell_the_truth(shop: Shop) -> None:
    details = await shop.call("get_order_details", order_id="ORD-10000007")
    assert details == {
        "order_id": "ORD-10000007",
        "status": "shipped",
        "payment_status": "paid",
        "total_amount": 179.8,
        "total_text": "179.80 USD",
        "currency": "USD",
        "items": [
            {
                "product_id": "PRD-0001",
                "product_name": "Trail Backpack",
                "quantity": 2,
                "unit_price": 89.9,
                "price_text": "89.90 USD",
            }
        ],
        "carrier": "DHL",
        "tracking_number": "JD0146 0000 1122",
        "ordered_on": "2031-05-20",
        "shipped_on": "2031-05-22",
        "delivered_on": None,
        "expected_on": "2031-05-30",
        "payment_link": None,
    }


@pytest.mark.parametrize(
    "who",
    [{"email": "ADA@example.com"}, {"phone": "1-555-010-2030"}, {"phone": "(555) 010 2030", "email": "x@y.zz"}],
)
async def test_orders_of_a_customer_newest_first(shop: Shop, who: dict[str, str]) -> None:
    found = await shop.call("search_orders_by_customer", **who)
    assert [order["order_id"] for order in found["orders_found"]] == ["ORD-10000008", "ORD-10000007"]


@pytest.mark.parametrize("who", [{"email": "nobody@example.com"}, {"phone": "99"}, {"phone": "call me"}])
async def test_an_unknown_customer_has_no_orders(shop: Shop, who: dict[str, str]) -> None:
    assert await shop.call("search_orders_by_customer", **who) == {"orders_found": []}


async def test_a_lead_is_known_after_it_was_made(shop: Shop, database: Database) -> None:
    asked = {"email": "Cy@example.com", "phone": "+44 20 7946 0018"}
    assert await shop.call("check_duplicate_lead", **asked) == {"is_duplicate": False, "lead": None}
    made = await shop.call("create_lead", name="Cy Park", **asked, interest="20 tents", urgency="URGENT", quality="hot")
    assert (made["lead_id"], made["quality"], made["urgency"]) == ("LEAD-000001", "A", "urgent")
    known = await shop.call("check_duplicate_lead", email="x@example.com", phone="020 7946 0018")
    assert (known["is_duplicate"], known["lead_id"], known["lead"]["interest"]) == (True, "LEAD-000001", "20 tents")
    told = await shop.call("notify_sales_team", lead_id="lead-000001")
    assert (told["notified"], told["priority"]) == (True, "critical")
    async with database.transaction(shop.scope) as tx:
        lead = (await tx.session.execute(sa.select(Lead))).scalar_one()
        entry = (await tx.session.execute(sa.select(Escalation))).scalar_one()
    assert [note["ref"] for note in lead.notes] == [told["notification_id"]]
    assert (entry.queue, entry.customer_ref) == ("sales", "LEAD-000001")


async def test_an_escalation_keeps_all_that_is_known(shop: Shop, database: Database) -> None:
    made = await shop.call(
        "escalate_to_manager",
        severity="critical",
        complaint_type="billing",
        customer_id="CUS-0001",
        message="Charged twice!",
        analysis={"reason": "double charge"},
    )
    assert (made["escalation_id"], made["queue"], made["priority"]) == ("ESC-000001", "manager", "critical")
    async with database.transaction(shop.scope) as tx:
        row = (await tx.session.execute(sa.select(Escalation))).scalar_one()
    assert (row.category, row.customer_ref, row.message) == ("billing", "CUS-0001", "Charged twice!")
    assert row.details["analysis"] == {"reason": "double charge"}


async def test_a_hand_over_goes_to_its_queue_and_is_resolved_once(
    shop: Shop, database: Database, other_scope: Scope
) -> None:
    made = await shop.call("hand_over", queue="ada@example.org", message="Call back", workflow="support")
    assert (made["queue"], made["priority"], made["escalation_status"]) == ("ada@example.org", "medium", "open")
    other = await open_shop(database, other_scope)
    with pytest.raises(PermanentError):
        await other.call("resolve_escalation", escalation_id=made["escalation_id"])
    for note in ("called", "called again"):
        done = await shop.call("resolve_escalation", escalation_id=made["escalation_id"], note=note)
        assert done["escalation_status"] == "resolved"
    async with database.transaction(shop.scope) as tx:
        row = (await tx.session.execute(sa.select(Escalation))).scalar_one()
    assert row.details == {"workflow": "support", "resolution": "called"}


async def test_follow_ups_get_a_day(shop: Shop, database: Database) -> None:
    before = datetime.now(UTC)
    made = await shop.call("schedule_follow_up", customer_id="CUS-0001", complaint_id="ESC-000001")
    days = {moment.date() for moment in (before, datetime.now(UTC))}  # two around midnight
    assert made["due"] in {(day + timedelta(days=3)).isoformat() for day in days}
    technical = await shop.call("schedule_technical_follow_up", issue_id="T-1", follow_up_date="+2w")
    assert (technical["follow_up_id"], technical["follow_up_type"]) == ("FUP-000002", "technical")
    async with database.transaction(shop.scope) as tx:
        rows = (await tx.session.execute(sa.select(FollowUp))).scalars().all()
    assert {row.subject_ref for row in rows} == {"ESC-000001", "T-1"}


WRITES = {
    "create_order_draft": Order,
    "create_lead": Lead,
    "escalate_to_human": Escalation,
    "schedule_follow_up": FollowUp,
}


@pytest.mark.parametrize("tool", sorted(WRITES))
async def test_the_same_key_writes_once_even_at_once(shop: Shop, database: Database, tool: str) -> None:
    results = await asyncio.gather(*(shop.call(tool, key="run:step:0", **GOOD[tool]) for _ in range(5)))
    assert all(result == results[0] for result in results)
    other = await shop.call(tool, key="run:step:1", **GOOD[tool])
    assert other != results[0]
    async with database.transaction(shop.scope) as tx:
        keyed = sa.select(sa.func.count()).where(WRITES[tool].idempotency_key.like(f"{tool}:%"))
        assert (await tx.session.execute(keyed)).scalar_one() == 2


async def test_notifying_twice_with_one_key_leaves_one_entry_and_note(shop: Shop, database: Database) -> None:
    lead = await shop.call("create_lead", name="Cy", email="cy@example.com")
    for _ in range(2):
        await shop.call("notify_sales_team", key="k", lead_id=lead["lead_id"])
    async with database.transaction(shop.scope) as tx:
        assert (await tx.session.execute(sa.select(sa.func.count()).select_from(Escalation))).scalar_one() == 1
        assert len((await tx.session.execute(sa.select(Lead))).scalar_one().notes) == 1


async def test_numbers_are_distinct_under_load(shop: Shop) -> None:
    made = await asyncio.gather(*(shop.call("escalate_to_human", message=str(n)) for n in range(12)))
    assert {each["escalation_id"] for each in made} == {f"ESC-{n:06d}" for n in range(1, 13)}


async def test_another_tenant_sees_and_touches_nothing(shop: Shop, database: Database, other_scope: Scope) -> None:
    await shop.call("create_lead", name="Cy", email="cy@example.com")
    other = Shop(other_scope, shop.toolbox)
    nothing = {
        "search_knowledge_base": {"search_results": [], "best_result": None},
        "search_products": {"products": []},
        "search_order": {"order_found": False},
        "search_orders_by_customer": {"orders_found": []},
    }
    for tool, expected in nothing.items():
        assert await other.call(tool, **GOOD[tool]) == expected
    assert (await other.call("check_duplicate_lead", email="cy@example.com"))["is_duplicate"] is False
    foreign = (
        "check_inventory",
        "calculate_pricing",
        "create_order_draft",
        "generate_payment_link",
        "get_order_details",
        "notify_sales_team",
    )
    for tool in foreign:
        with pytest.raises(PermanentError):
            await other.call(tool, **GOOD[tool])
    async with database.transaction(other_scope) as tx:
        assert (await tx.session.execute(sa.select(sa.func.count()).select_from(Order))).scalar_one() == 0


async def test_a_lost_database_is_transient(scope: Scope) -> None:
    nowhere = Database("postgresql://heddle_app:x@127.0.0.1:9/none")
    toolbox = Toolbox(nowhere, secret="s", base_url="http://localhost")
    call = ToolCall(
        tenant_id=scope.tenant_id,
        tool="check_inventory",
        parameters={"product_id": "PRD-0001"},
        idempotency_key="k",
        run_id=scope.tenant_id,
        policy={"retries": 1, "delay": 0.01},
    )
    with pytest.raises(TransientError) as caught:
        await toolbox.call(call)
    assert (caught.value.error_type, caught.value.retryable) == ("inventory_error", True)
    await nowhere.close()


async def test_an_unknown_tool_or_policy_is_refused(shop: Shop) -> None:
    with pytest.raises(PermanentError):
        await shop.call("launch_rocket")
    call = ToolCall(
        tenant_id=shop.scope.tenant_id,
        tool="search_order",
        parameters={"order_id": "ORD-10000007"},
        idempotency_key="k",
        run_id=shop.scope.tenant_id,
        policy={"retries": "lots"},
    )
    with pytest.raises(AppError, match="retries"):
        await shop.toolbox.call(call)
