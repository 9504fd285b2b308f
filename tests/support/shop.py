"""A small shop for tests: three products, two customers, two orders and a handful of answers."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from connectors.toolbox import Toolbox
from engine.execution.ports import ToolCall
from engine.store.access import knowledge
from engine.store.session import Database, Scope, Tx
from engine.store.tables.commerce import Customer, Order, OrderItem, Product

FAQ = (
    ("What is your return policy?", "Unworn items can come back within 30 days for a full refund.", ["refund"]),
    ("How long does shipping take?", "Standard shipping takes 3 to 5 working days, express 1 to 2.", ["delivery"]),
    ("How much does shipping cost?", "Shipping is free from 50 dollars; below, it costs 4.90.", ["delivery", "fee"]),
    ("Which payment methods do you accept?", "Visa, Mastercard, PayPal and bank transfer.", ["pay", "credit card"]),
    ("How do I reset my password?", "Choose Forgot password; we send you a link.", ["forgot", "login", "log in"]),
    ("Do you ship internationally?", "We ship to Canada, Mexico and the European Union.", ["abroad", "overseas"]),
    ("How do I wash a down jacket?", "At 30 degrees, then tumble dry with tennis balls.", ["clean", "care"]),
    ("Do you offer gift cards?", "Gift cards of 25, 50 and 100 dollars are sold online.", ["voucher"]),
)


@dataclass(frozen=True)
class Shop:
    """One tenant's shop and a short way to call its tools."""

    scope: Scope
    toolbox: Toolbox

    async def call(self, tool: str, key: str | None = None, **parameters: Any) -> Any:
        return await self.toolbox.call(
            ToolCall(
                tenant_id=self.scope.tenant_id,
                tool=tool,
                parameters=parameters,
                idempotency_key=key or uuid.uuid4().hex,
                run_id=uuid.uuid4(),
                timeout_s=10,
            )
        )


async def open_shop(database: Database, scope: Scope) -> Shop:
    """Fill the tenant's tables."""
    async with database.transaction(scope) as tx:
        for question, answer, tags in FAQ:
            await knowledge.add_entry(tx, question, answer, tags=tags)
        await _fill(tx, scope)
    return Shop(scope, Toolbox(database, secret="test-secret", base_url="http://localhost:8000"))


async def _fill(tx: Tx, scope: Scope) -> None:
    tenant = scope.tenant_id
    tx.session.add_all(
        [
            _product(
                tenant, "PRD-0001", "Trail Backpack", cents=8990, stock=12, attributes={"color": "green", "size": "30L"}
            ),
            _product(
                tenant, "PRD-0002", "Trail Backpack Pro", cents=12990, stock=3, attributes={"color": ["black", "green"]}
            ),
            _product(
                tenant,
                "PRD-0003",
                "Summit Down Jacket",
                cents=24900,
                stock=0,
                attributes={"color": "blue", "size": ["M", "L"]},
            ),
        ]
    )
    ada = Customer(
        tenant_id=tenant,
        number="CUS-0001",
        name="Ada Ito",
        email="ada@example.com",
        phone="+1 555 010 2030",
        segment="gold",
    )
    bea = Customer(tenant_id=tenant, number="CUS-0002", name="Bea Lund", email="bea@example.com")
    tx.session.add_all([ada, bea])
    await tx.session.flush()
    shipped = Order(
        tenant_id=tenant,
        order_id="ORD-10000007",
        customer_id=ada.customer_id,
        status="shipped",
        total_cents=17980,
        payment_status="paid",
        carrier="DHL",
        tracking_number="JD0146 0000 1122",
        expected_on=date(2031, 5, 30),
        created_at=datetime(2031, 5, 20, 9, tzinfo=UTC),
        shipped_at=datetime(2031, 5, 22, 9, tzinfo=UTC),
    )
    draft = Order(
        tenant_id=tenant,
        order_id="ORD-10000008",
        customer_id=ada.customer_id,
        status="draft",
        total_cents=8990,
        created_at=datetime(2031, 5, 21, 9, tzinfo=UTC),
    )
    tx.session.add_all([shipped, draft])
    await tx.session.flush()
    tx.session.add_all(
        [
            _item(tenant, "ORD-10000007", "PRD-0001", quantity=2, cents=8990),
            _item(tenant, "ORD-10000008", "PRD-0001", quantity=1, cents=8990),
        ]
    )


def _product(tenant: uuid.UUID, product_id: str, name: str, *, cents: int, stock: int, attributes: Any) -> Product:
    return Product(
        tenant_id=tenant,
        product_id=product_id,
        name=name,
        category="Outdoor",
        description=f"{name} for long days outside.",
        price_cents=cents,
        stock=stock,
        attributes=attributes,
    )


def _item(tenant: uuid.UUID, order_id: str, product_id: str, *, quantity: int, cents: int) -> OrderItem:
    return OrderItem(
        tenant_id=tenant,
        order_id=order_id,
        position=1,
        product_id=product_id,
        quantity=quantity,
        unit_price_cents=cents,
    )
