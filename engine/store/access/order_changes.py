"""Changes of orders: cancelled, changed, taken back. Each is one transaction over the order, its stock and its payment.

A change carries the key of its effect and is made once. Money in the shop's own books moves with it; money at a
provider cannot (a transaction does not reach there) and is told as still due.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from engine.errors import Conflict, NotFound
from engine.store.access import commerce, payments, stock
from engine.store.session import Tx
from engine.store.tables.commerce import Order, OrderItem
from engine.store.tables.effects import Payment


@dataclass(frozen=True, slots=True)
class Changed:
    """The order after the change. `refunded_cents` were given back by it, `due_cents` a provider must give back."""

    view: commerce.OrderView
    refunded_cents: int = 0
    due_cents: int = 0
    payment_id: str | None = None


async def cancel(tx: Tx, order_id: str, key: str) -> Changed:
    """Nothing is sent, stock and money go back. Raises NotFound, Conflict for an order that has left."""
    return await _close(tx, order_id, key, before=commerce.OPEN, after="cancelled")


async def take_back(tx: Tx, order_id: str, key: str) -> Changed:
    """A delivered order came back. Raises NotFound, Conflict for one that was not delivered."""
    return await _close(tx, order_id, key, before=("delivered",), after="returned")


async def change(
    tx: Tx,
    order_id: str,
    key: str,
    *,
    items: Sequence[tuple[str, int]] | None = None,
    address: Mapping[str, Any] | None = None,
) -> Changed:
    """Other lines (all of them, at today's prices) or another address. What a paid order costs less is given back.

    Raises NotFound, Conflict for an order that has left, costs more than was paid, or is being paid just now.
    """
    order = (await commerce.get_order(tx, order_id, for_update=True)).order
    if (known := _known(order, key)) is not None:
        return await _told(tx, order, known)
    _must_be(order, commerce.OPEN)
    before = order.total_cents
    if items is not None:
        await _set_items(tx, order, items, key)
    refunded = await _settle_difference(tx, order, before, key) if order.total_cents != before else 0
    if address is not None:  # last, for what reads the order again takes back what is not written yet
        order.shipping_address = dict(address)
    return await _kept(tx, order, {"kind": "changed", "key": key, "refunded_cents": refunded})


async def note(tx: Tx, order_id: str, key: str, status: str) -> Order:
    """Keep what the customer was told about the order; once a key."""
    order = (await commerce.get_order(tx, order_id, for_update=True)).order
    if _known(order, key) is None:
        await _kept(tx, order, {"kind": "note", "key": key, "status": status})
    return order


async def _close(tx: Tx, order_id: str, key: str, *, before: tuple[str, ...], after: str) -> Changed:
    order = (await commerce.get_order(tx, order_id, for_update=True)).order
    known = _known(order, key) or _last(order, after)
    if known is not None or order.status == after:
        return await _told(tx, order, known or {})
    _must_be(order, before)
    if after == "returned":
        await stock.open_books(tx, order.order_id, f"opening:{order.order_id}")
    await stock.restore(tx, order.order_id, key)
    entry = {"kind": after, "key": key, **await _money_back(tx, order, key)}
    order.status, order.payment_link = after, None
    return await _kept(tx, order, entry)


async def _money_back(tx: Tx, order: Order, key: str) -> dict[str, Any]:
    """Void or refund what the order's payment holds; {"refunded_cents", "due_cents", "payment_id"}, as far as told."""
    payment = await _payment(tx, order)
    if payment is None or payment.status in ("voided", "failed", "refunded"):
        return {}
    left = payment.captured_cents - payment.refunded_cents
    if payment.provider != payments.LEDGER:
        return {"due_cents": left or payment.amount_cents, "payment_id": payment.payment_id}
    if payment.status == "captured":
        await payments.note(tx, payment, "refund", key=key, amount_cents=left)
        return {"refunded_cents": left, "payment_id": payment.payment_id}
    await payments.note(tx, payment, "void", key=key)
    return {"payment_id": payment.payment_id}


async def _payment(tx: Tx, order: Order) -> Payment | None:
    try:
        return await payments.find(tx, order_id=order.order_id)
    except NotFound:
        return None


async def _set_items(tx: Tx, order: Order, items: Sequence[tuple[str, int]], key: str) -> None:
    """Replace the lines, and what is taken from stock if anything is."""
    customer = await commerce.get_customer(tx, str(order.customer_id)) if order.customer_id else None
    quotes = [commerce.quote(await commerce.get_product(tx, product), count, customer) for product, count in items]
    if {each.product.currency for each in quotes} != {order.currency}:
        raise Conflict("The products are priced in another currency than the order.")
    holds = await stock.held(tx, order.order_id)
    if holds:
        await stock.restore(tx, order.order_id, f"{key}:back")
    own = sa.and_(OrderItem.tenant_id == order.tenant_id, OrderItem.order_id == order.order_id)  # type: ignore[arg-type]
    await tx.session.execute(sa.delete(OrderItem).where(own))
    tx.session.add_all(commerce.items_of(order, quotes))
    order.total_cents = sum(each.total_cents for each in quotes)
    order.payment_link = None  # it was made for the old amount
    await tx.session.flush()
    if holds:
        await stock.reserve(tx, order.order_id, f"{key}:take")


async def _settle_difference(tx: Tx, order: Order, before: int, key: str) -> int:
    """Cents given back because the order costs less than was paid."""
    payment = await _payment(tx, order)
    if payment is None or payment.status in ("voided", "failed", "refunded"):
        return 0
    if payment.status != "captured" or payment.provider != payments.LEDGER:
        raise Conflict(f"The payment {payment.payment_id} is {payment.status} for another amount.")
    if order.total_cents > before:
        raise Conflict(f"The order would cost {(order.total_cents - before) / 100:.2f} more than was paid.")
    await payments.note(tx, payment, "refund", key=key, amount_cents=before - order.total_cents)
    return before - order.total_cents


def _must_be(order: Order, states: tuple[str, ...]) -> None:
    if order.status not in states:
        raise Conflict(f"The order {order.order_id} is {order.status}: that cannot be changed any more.")


def _known(order: Order, key: str) -> dict[str, Any] | None:
    return next((entry for entry in order.changes if entry["key"] == key), None)


def _last(order: Order, kind: str) -> dict[str, Any] | None:
    return next((entry for entry in reversed(order.changes) if entry["kind"] == kind), None)


async def _kept(tx: Tx, order: Order, entry: dict[str, Any]) -> Changed:
    order.changes = [*order.changes, {**entry, "at": datetime.now(UTC).isoformat(timespec="seconds")}]
    tx.session.add(order)
    await tx.session.flush()
    return await _told(tx, order, entry)


async def _told(tx: Tx, order: Order, entry: Mapping[str, Any]) -> Changed:
    view = await commerce.view(tx, order)
    return Changed(view, entry.get("refunded_cents", 0), entry.get("due_cents", 0), entry.get("payment_id"))
