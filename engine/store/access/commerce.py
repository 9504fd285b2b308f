"""The tenant's products, customers and orders. Money in cents; prices and totals are always worked out here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import Conflict, NotFound
from engine.store.access.numbers import lock, next_number
from engine.store.session import Tx
from engine.store.tables.commerce import Customer, Order, OrderItem, Product

# Percent off by the customer's segment.
DISCOUNTS: Mapping[str, int] = {"standard": 0, "silver": 5, "gold": 10}
# The states of an order that has not left yet and can still be changed.
OPEN = ("draft", "pending", "paid")
_FIRST_ORDER = 10_000_001


@dataclass(frozen=True, slots=True)
class Quote:
    """What so many pieces cost a customer."""

    product: Product
    quantity: int
    subtotal_cents: int
    discount_percent: int
    discount_cents: int

    @property
    def total_cents(self) -> int:
        return self.subtotal_cents - self.discount_cents


@dataclass(frozen=True, slots=True)
class Line:
    """A line of an order with its product's name."""

    product_id: str
    product_name: str
    quantity: int
    unit_price_cents: int


@dataclass(frozen=True, slots=True)
class OrderView:
    """An order with its lines in order."""

    order: Order
    lines: tuple[Line, ...]


async def get_product(tx: Tx, product_id: str) -> Product:
    """Raises NotFound."""
    row = await tx.session.get(Product, (tx.scope.tenant_id, product_id.strip().upper()))
    row = row or await tx.session.get(Product, (tx.scope.tenant_id, product_id.strip()))
    if row is None:
        raise NotFound(f"There is no product {product_id!r}.")
    return row


async def find_customer(tx: Tx, reference: str) -> Customer | None:
    """The customer with that number (CUS-0001), e-mail address or id."""
    reference = reference.strip()
    matches = [sa.func.upper(Customer.number) == reference.upper(), sa.func.lower(Customer.email) == reference.lower()]
    try:
        matches.append(col(Customer.customer_id) == UUID(reference))
    except ValueError:
        pass
    query = select(Customer).where(col(Customer.tenant_id) == tx.scope.tenant_id, sa.or_(*matches)).limit(1)
    return (await tx.session.execute(query)).scalar_one_or_none()


async def get_customer(tx: Tx, reference: str) -> Customer:
    """Like find_customer, but raises NotFound."""
    customer = await find_customer(tx, reference)
    if customer is None:
        raise NotFound(f"There is no customer {reference!r}.")
    return customer


def quote(product: Product, quantity: int, customer: Customer | None) -> Quote:
    """The price today; the discount is that of the customer's segment, rounded to a cent in the shop's favour."""
    percent = DISCOUNTS.get(customer.segment, 0) if customer else 0
    subtotal = product.price_cents * quantity
    return Quote(product, quantity, subtotal, percent, subtotal * percent // 100)


async def create_order(
    tx: Tx,
    wanted: Sequence[tuple[str, int]],
    *,
    customer: Customer | None,
    status: str = "draft",
    idempotency_key: str,
    expected_total_cents: int | None = None,
) -> OrderView:
    """Write an order of (product_id, quantity) lines; a second call with the same key returns the first one's order.

    Raises NotFound for an unknown product, Conflict when the lines differ in currency or the total is not the expected
    one. Stock is not taken: a draft promises nothing.
    """
    await lock(tx, "ORD")
    known = await _by_key(tx, idempotency_key)
    if known is not None:
        return await view(tx, known)
    quotes = [quote(await get_product(tx, product_id), quantity, customer) for product_id, quantity in wanted]
    if len({each.product.currency for each in quotes}) != 1:
        raise Conflict("The products are priced in different currencies.")
    total = sum(each.total_cents for each in quotes)
    if expected_total_cents is not None and abs(total - expected_total_cents) > 1:
        raise Conflict(f"The total is {total / 100:.2f} and not {expected_total_cents / 100:.2f}.")
    order = Order(
        tenant_id=tx.scope.tenant_id,
        order_id=await next_number(tx, Order.order_id, "ORD", 8, _FIRST_ORDER),
        customer_id=customer.customer_id if customer else None,
        status=status,
        total_cents=total,
        currency=quotes[0].product.currency,
        shipping_address=dict(customer.address) if customer else {},
        idempotency_key=idempotency_key,
    )
    tx.session.add(order)
    await tx.session.flush()
    tx.session.add_all(items_of(order, quotes))
    await tx.session.flush()
    return await view(tx, order)


def items_of(order: Order, quotes: Sequence[Quote]) -> list[OrderItem]:
    """Rows for the order's lines; nothing is written."""
    return [
        OrderItem(
            tenant_id=order.tenant_id,
            order_id=order.order_id,
            position=position,
            product_id=each.product.product_id,
            quantity=each.quantity,
            unit_price_cents=each.product.price_cents,
        )
        for position, each in enumerate(quotes, start=1)
    ]


def order_number(text: str) -> str | None:
    """ORD-10000007 from what people write: "ord 10000007", "#10000007", "ORD10000007."; None for anything else."""
    found = re.fullmatch(r"\W*(?:ORD(?:ER)?)?\W*([0-9]{8})\W*", text.strip(), re.IGNORECASE)
    return f"ORD-{found[1]}" if found else None


async def find_order(tx: Tx, *, order_id: str | None = None, tracking_number: str | None = None) -> Order | None:
    """The order with that number, or else with that tracking number."""
    number = order_number(order_id) if order_id else None
    if number:
        found = await tx.session.get(Order, (tx.scope.tenant_id, number))
        if found:
            return found
    if not tracking_number:
        return None
    plain = sa.func.upper(sa.func.replace(Order.tracking_number, " ", ""))
    query = select(Order).where(
        col(Order.tenant_id) == tx.scope.tenant_id, plain == tracking_number.replace(" ", "").upper()
    )
    return (await tx.session.execute(query.order_by(col(Order.created_at).desc()).limit(1))).scalar_one_or_none()


async def get_order(tx: Tx, order_id: str, *, for_update: bool = False) -> OrderView:
    """Raises NotFound."""
    order = await find_order(tx, order_id=order_id)
    if order is None:
        raise NotFound(f"There is no order {order_id!r}.")
    if for_update:
        await tx.session.refresh(order, with_for_update=True)
    return await view(tx, order)


async def orders_of_customer(tx: Tx, *, email: str | None, phone: str | None, limit: int = 10) -> Sequence[Order]:
    """The latest orders of the customers with that e-mail address or phone number, newest first."""
    matches: list[Any] = []
    if email:
        matches.append(sa.func.lower(Customer.email) == email.strip().lower())
    if phone and digits(phone):
        matches.append(same_phone(Customer.phone, phone))
    if not matches:
        return []
    query = (
        select(Order)
        .join(Customer, sa.and_(Customer.tenant_id == Order.tenant_id, Customer.customer_id == Order.customer_id))  # type: ignore[arg-type]
        .where(col(Order.tenant_id) == tx.scope.tenant_id, sa.or_(*matches))
        .order_by(col(Order.created_at).desc(), col(Order.order_id).desc())
        .limit(limit)
    )
    return (await tx.session.execute(query)).scalars().all()


async def set_payment_link(tx: Tx, order: Order, link: str) -> None:
    """Keep the link; a draft becomes pending with it."""
    order.payment_link = link
    if order.status == "draft":
        order.status = "pending"
    tx.session.add(order)
    await tx.session.flush()


async def view(tx: Tx, order: Order) -> OrderView:
    """The order with its lines."""
    same_product = sa.and_(Product.tenant_id == OrderItem.tenant_id, Product.product_id == OrderItem.product_id)  # type: ignore[arg-type]
    query = (
        select(OrderItem.product_id, Product.name, OrderItem.quantity, OrderItem.unit_price_cents)
        .join(Product, same_product)
        .where(OrderItem.tenant_id == tx.scope.tenant_id, OrderItem.order_id == order.order_id)
        .order_by(col(OrderItem.position))
    )
    return OrderView(order, tuple(Line(*row) for row in (await tx.session.execute(query)).all()))


async def _by_key(tx: Tx, idempotency_key: str) -> Order | None:
    query = select(Order).where(
        col(Order.tenant_id) == tx.scope.tenant_id, col(Order.idempotency_key) == idempotency_key
    )
    return (await tx.session.execute(query)).scalar_one_or_none()


def digits(phone: str) -> str:
    """The digits of a phone number, without leading zeros."""
    return re.sub(r"\D", "", phone).lstrip("0")


def same_phone(column: Any, phone: str) -> Any:
    """Condition: the column holds that phone number, however either is written; a country code may be missing."""
    mine = digits(phone)
    theirs = sa.func.ltrim(sa.func.regexp_replace(column, r"\D", "", "g"), "0")
    if len(mine) < 7:  # too short to leave anything out
        return theirs == mine
    return sa.or_(theirs == mine, theirs.endswith(mine), sa.func.right(mine, sa.func.length(theirs)) == theirs)
