"""What was done to orders: money asked for and given back, stock taken and put back. Rows are the books of it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from engine.store.tables.base import TenantRow, json_column, row_id, tenant_key, timestamp


class Payment(TenantRow, table=True):
    """One payment of an order. `reference` is the provider's own id; the provider "ledger" is the shop's own books.

    status: pending (asked for, outcome unknown) | authorized | captured | voided | refunded | failed. `entries` lists
    what happened: {"kind", "amount_cents", "key", "reference"?}; a key stands there once.
    """

    __tablename__ = "payments"
    payment_id: str = Field(primary_key=True)  # PAY-000001
    order_id: str
    provider: str = "ledger"
    reference: str | None = None
    status: str = "pending"
    amount_cents: int
    captured_cents: int = 0
    refunded_cents: int = 0
    currency: str = "USD"
    payment_method: str | None = None  # the provider's token for it, never a card number
    entries: list[dict[str, Any]] = json_column(default=list)
    idempotency_key: str
    created_at: datetime = timestamp()
    __table_args__: Any = (
        tenant_key("order_id", "orders.order_id", ondelete="CASCADE"),
        sa.UniqueConstraint("tenant_id", "idempotency_key"),
        sa.CheckConstraint(
            "amount_cents > 0 AND captured_cents BETWEEN 0 AND amount_cents "
            "AND refunded_cents BETWEEN 0 AND captured_cents",
            name="payments_amounts",
        ),
        sa.Index("payments_order", "tenant_id", "order_id"),
    )


class StockMovement(TenantRow, table=True):
    """Pieces of a product taken for an order (quantity > 0) or put back (quantity < 0)."""

    __tablename__ = "stock_movements"
    movement_id: UUID = row_id()
    order_id: str
    product_id: str
    quantity: int
    idempotency_key: str
    created_at: datetime = timestamp()
    __table_args__: Any = (
        tenant_key("order_id", "orders.order_id", ondelete="CASCADE"),
        tenant_key("product_id", "products.product_id"),
        sa.UniqueConstraint("tenant_id", "idempotency_key", "product_id"),
        sa.Index("stock_movements_order", "tenant_id", "order_id"),
    )
