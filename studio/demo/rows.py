"""The shop's data as table rows of a tenant. Days count back from a given moment, so the demo never grows old."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from uuid6 import uuid7

from engine.store.access.commerce import DISCOUNTS
from engine.store.tables.commerce import Customer, Lead, Order, OrderItem, Product
from engine.store.tables.knowledge import FaqEntry
from studio import demo

Json = Any

DAYS_TO_SHIP = 1
DAYS_TO_DELIVER = 4
_SHIPPED = ("shipped", "delivered", "returned")


def faq_entries(tenant_id: UUID) -> list[FaqEntry]:
    return [FaqEntry(tenant_id=tenant_id, source="help_center", **entry) for entry in demo.load("faq")]


def products(tenant_id: UUID) -> list[Product]:
    return [
        Product(
            tenant_id=tenant_id,
            product_id=entry["product_id"],
            name=entry["name"],
            category=entry["category"],
            description=entry["description"],
            price_cents=_cents(entry["price"]),
            attributes=entry["attributes"],
            stock=entry["stock"],
        )
        for entry in demo.load("products")
    ]


def customers(tenant_id: UUID, now: datetime) -> list[Customer]:
    """Customers in the order of the file; the first ones have been with the shop longest."""
    return [
        Customer(
            tenant_id=tenant_id,
            customer_id=uuid7(),
            number=entry["number"],
            name=entry["name"],
            email=entry["email"],
            phone=entry["phone"],
            segment=entry["segment"],
            address={"city": entry["city"], "country": entry["country"]},
            created_at=now - timedelta(days=400 - 12 * index),
        )
        for index, entry in enumerate(demo.load("customers")["customers"])
    ]


def leads(tenant_id: UUID, now: datetime) -> list[Lead]:
    return [
        Lead(
            tenant_id=tenant_id,
            number=f"LEAD-{index:06d}",
            created_at=now - timedelta(days=entry["days_ago"]),
            **{key: value for key, value in entry.items() if key != "days_ago"},
        )
        for index, entry in enumerate(demo.load("customers")["leads"], 1)
    ]


def orders(tenant_id: UUID, now: datetime, buyers: list[Customer]) -> tuple[list[Order], list[OrderItem]]:
    """Orders and their lines. `buyers` are the customers that `customers` made."""
    prices = {entry["product_id"]: _cents(entry["price"]) for entry in demo.load("products")}
    by_number = {buyer.number: buyer for buyer in buyers}
    rows: list[Order] = []
    lines: list[OrderItem] = []
    for entry in demo.load("orders"):
        buyer = by_number[entry["customer"]]
        percent = DISCOUNTS.get(buyer.segment, 0)
        total = 0
        for position, (product_id, quantity) in enumerate(entry["items"].items(), 1):
            subtotal = prices[product_id] * quantity
            total += subtotal - subtotal * percent // 100
            lines.append(
                OrderItem(
                    tenant_id=tenant_id,
                    order_id=entry["order_id"],
                    position=position,
                    product_id=product_id,
                    quantity=quantity,
                    unit_price_cents=prices[product_id],
                )
            )
        rows.append(_order(tenant_id, now, entry, buyer, total))
    return rows, lines


def _order(tenant_id: UUID, now: datetime, entry: Json, buyer: Customer, total_cents: int) -> Order:
    """One order; what has left the warehouse did so a day after it was placed, and arrives three days later."""
    placed = now - timedelta(days=entry["days_ago"], hours=3)
    has_left = entry["status"] in _SHIPPED
    arrived = entry["status"] in ("delivered", "returned")
    expected = placed + timedelta(days=DAYS_TO_DELIVER)
    return Order(
        tenant_id=tenant_id,
        order_id=entry["order_id"],
        customer_id=buyer.customer_id,
        status=entry["status"],
        total_cents=total_cents,
        payment_status=entry["payment"],
        carrier=entry.get("carrier"),
        tracking_number=entry.get("tracking_number"),
        expected_on=max(expected, now + timedelta(days=1)).date() if has_left and not arrived else None,
        shipping_address=dict(buyer.address),
        created_at=placed,
        shipped_at=placed + timedelta(days=DAYS_TO_SHIP) if has_left else None,
        delivered_at=expected if arrived else None,
    )


def _cents(price: float) -> int:
    return round(price * 100)
