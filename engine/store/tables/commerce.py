"""The tenant's customers, products, orders, leads, escalations and follow-ups. Money in cents."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlmodel import Field

from engine.store.tables.base import TenantRow, json_column, moment, row_id, tenant_key, timestamp


class Customer(TenantRow, table=True):
    """`segment` (standard, silver, gold) decides the discount of calculate_pricing."""

    __tablename__ = "customers"
    customer_id: UUID = row_id()
    number: str  # CUS-0001, what people say
    name: str
    email: str
    phone: str | None = None
    segment: str = "standard"
    address: dict[str, Any] = json_column(default=dict)
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.UniqueConstraint("tenant_id", "number"),
        sa.UniqueConstraint("tenant_id", "email"),
    )


class Product(TenantRow, table=True):
    """`product_id` is the shop's own, e.g. PRD-0001; `stock` is what can be sold now."""

    __tablename__ = "products"
    product_id: str = Field(primary_key=True)
    name: str
    category: str
    description: str
    price_cents: int
    currency: str = "USD"
    attributes: dict[str, Any] = json_column(default=dict)  # {"size": ..., "color": ...}
    stock: int = 0
    search: Any = Field(
        default=None,
        sa_column=sa.Column(
            TSVECTOR,
            sa.Computed(
                "setweight(to_tsvector('english', name), 'A') || "
                "setweight(to_tsvector('english', category || ' ' || description), 'B')",
                persisted=True,
            ),
        ),
    )
    __table_args__: Any = (
        sa.CheckConstraint("stock >= 0", name="products_stock_not_negative"),
        sa.Index("products_search", "search", postgresql_using="gin"),
    )


class Order(TenantRow, table=True):
    """`order_id` looks like ORD-10000001. status: draft, pending, paid, shipped, delivered, returned or cancelled."""

    __tablename__ = "orders"
    order_id: str = Field(primary_key=True)
    customer_id: UUID | None = None
    status: str
    total_cents: int
    currency: str = "USD"
    payment_status: str = "unpaid"  # unpaid | paid | refunded | failed
    payment_link: str | None = None
    carrier: str | None = None
    tracking_number: str | None = None
    expected_on: date | None = None
    shipping_address: dict[str, Any] = json_column(default=dict)
    # what was done to it: {"kind": cancelled | changed | returned | note, "key", "at", ...}; a key stands there once
    changes: list[dict[str, Any]] = json_column(default=list)
    idempotency_key: str | None = None
    created_at: datetime = timestamp()
    shipped_at: datetime | None = moment()
    delivered_at: datetime | None = moment()
    __table_args__: Any = (
        tenant_key("customer_id", "customers.customer_id"),
        sa.CheckConstraint("order_id ~ '^ORD-[0-9]{8}$'", name="orders_id_form"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
    )


class OrderItem(TenantRow, table=True):
    """One line of an order; the price is what was agreed, not today's."""

    __tablename__ = "order_items"
    order_id: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    product_id: str
    quantity: int
    unit_price_cents: int
    __table_args__: Any = (
        tenant_key("order_id", "orders.order_id", ondelete="CASCADE"),
        tenant_key("product_id", "products.product_id"),
        sa.CheckConstraint("quantity BETWEEN 1 AND 100", name="order_items_quantity"),
    )


class Lead(TenantRow, table=True):
    """Somebody who may buy. stage: new | contacted | qualified | won | lost."""

    __tablename__ = "leads"
    lead_id: UUID = row_id()
    number: str  # LEAD-000001
    name: str
    email: str
    phone: str | None = None
    company: str | None = None
    interest: str = ""
    urgency: str = "normal"
    quality: str = "C"  # A | B | C
    source: str = "chat"
    stage: str = "new"
    notes: list[dict[str, Any]] = json_column(default=list)
    idempotency_key: str | None = None
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.UniqueConstraint("tenant_id", "number"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
    )


class Escalation(TenantRow, table=True):
    """A matter handed to people. `queue`: human, manager, specialist, technical_lead, technical_specialist or sales."""

    __tablename__ = "escalations"
    escalation_id: UUID = row_id()
    number: str  # ESC-000001
    queue: str
    priority: str = "medium"
    category: str = ""
    customer_ref: str | None = None  # what the conversation knew of the customer
    message: str = ""
    details: dict[str, Any] = json_column(default=dict)
    status: str = "open"  # open | assigned | resolved
    run_id: UUID | None = None
    idempotency_key: str | None = None
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.UniqueConstraint("tenant_id", "number"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
    )


class FollowUp(TenantRow, table=True):
    """A promise to come back to somebody."""

    __tablename__ = "follow_ups"
    follow_up_id: UUID = row_id()
    number: str  # FUP-000001
    kind: str
    subject_ref: str | None = None  # complaint or issue id
    customer_ref: str | None = None
    due_on: date
    status: str = "planned"  # planned | done | cancelled
    run_id: UUID | None = None
    idempotency_key: str | None = None
    created_at: datetime = timestamp()
    __table_args__: Any = (
        sa.UniqueConstraint("tenant_id", "number"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
    )
