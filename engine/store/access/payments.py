"""The books of the tenant's payments. Money in cents.

A provider is asked between two transactions: `start` writes down what is asked for, `note` what came of it. Each change
carries the key of its effect and is written once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from engine.errors import Conflict, NotFound
from engine.store.access import commerce
from engine.store.access.numbers import next_number
from engine.store.session import Tx
from engine.store.tables.commerce import Order
from engine.store.tables.effects import Payment

LEDGER = "ledger"


async def start(
    tx: Tx, order_id: str, *, provider: str, idempotency_key: str, amount_cents: int | None, method: str | None
) -> Payment:
    """A pending payment of the order's total; the same one for the same key. Raises NotFound, Conflict."""
    order = (await commerce.get_order(tx, order_id, for_update=True)).order
    known = (
        await tx.session.execute(_own(tx).where(col(Payment.idempotency_key) == idempotency_key))
    ).scalar_one_or_none()
    if known is not None:
        return known
    if order.payment_status == "paid" or order.status not in ("draft", "pending"):
        raise Conflict(f"The order {order.order_id} is {order.status} and {order.payment_status}: nothing is to pay.")
    if amount_cents is not None and amount_cents != order.total_cents:
        raise Conflict(f"The order's total is {order.total_cents / 100:.2f} and not {amount_cents / 100:.2f}.")
    if order.total_cents <= 0:
        raise Conflict("An order of nothing cannot be paid.")
    row = await _new(tx, order, provider=provider, key=idempotency_key)
    row.payment_method = method
    return await _kept(tx, row)


async def find(tx: Tx, *, payment_id: str | None = None, order_id: str | None = None) -> Payment:
    """The payment, or the order's latest that was not given up, locked; raises NotFound.

    An order that was paid before there were books gets its opening entry here.
    """
    if payment_id:
        row = await tx.session.get(Payment, (tx.scope.tenant_id, payment_id.strip().upper()))
        if row is None or (order_id and row.order_id != commerce.order_number(order_id)):
            raise NotFound(f"There is no payment {payment_id!r}.")
        return await _locked(tx, row)
    order = (await commerce.get_order(tx, order_id or "", for_update=True)).order
    query = _own(tx).where(col(Payment.order_id) == order.order_id).order_by(col(Payment.payment_id).desc())
    rows = (await tx.session.execute(query.with_for_update())).scalars().all()
    for row in rows:
        if row.status not in ("voided", "failed"):
            return row
    if rows:
        return rows[0]
    if order.payment_status not in ("paid", "refunded") or order.total_cents <= 0:
        raise NotFound(f"There is no payment of the order {order.order_id}.")
    opening = await _new(tx, order, provider=LEDGER, key=f"opening:{order.order_id}")
    opening.captured_cents = order.total_cents
    opening.refunded_cents = order.total_cents if order.payment_status == "refunded" else 0
    opening.status = "refunded" if opening.refunded_cents else "captured"
    return await _kept(tx, opening)


async def find_by_reference(tx: Tx, reference: str) -> Payment | None:
    """The payment that the provider knows by that id, locked."""
    query = _own(tx).where(col(Payment.reference) == reference)
    row = (await tx.session.execute(query.limit(1))).scalar_one_or_none()
    return await _locked(tx, row) if row is not None else None


async def note(
    tx: Tx, payment: Payment, kind: str, *, key: str, amount_cents: int = 0, reference: str | None = None
) -> Payment:
    """Write down that something happened, and let the order follow; once a key.

    kind: authorize | decline | capture | void | refund | charge. Raises Conflict when the payment does not allow it.
    """
    if payment.status == _ONCE.get(kind) or any(_is(entry, kind, key, reference) for entry in payment.entries):
        return payment
    change, allowed = _CHANGES[kind]
    if payment.status not in allowed:
        raise Conflict(f"The payment {payment.payment_id} is {payment.status}.")
    change(payment, amount_cents)
    if kind == "authorize":
        payment.reference = reference
    entry: dict[str, Any] = {"kind": kind, "amount_cents": amount_cents, "key": key}
    payment.entries = [*payment.entries, entry | ({"reference": reference} if reference else {})]
    order = (await commerce.get_order(tx, payment.order_id, for_update=True)).order
    _follow(order, payment)
    tx.session.add(order)
    return await _kept(tx, payment)


def _is(entry: dict[str, Any], kind: str, key: str, reference: str | None) -> bool:
    """Whether the entry tells of the same thing: of this effect, or by the provider's own name for it."""
    return entry["key"] == key or bool(reference and (entry["kind"], entry.get("reference")) == (kind, reference))


def _authorize(payment: Payment, _: int) -> None:
    payment.status = "authorized"


def _decline(payment: Payment, _: int) -> None:
    payment.status = "failed"


def _capture(payment: Payment, amount_cents: int) -> None:
    payment.captured_cents, payment.status = amount_cents, "captured"


def _void(payment: Payment, _: int) -> None:
    payment.status = "voided"


def _refund(payment: Payment, amount_cents: int) -> None:
    payment.refunded_cents += amount_cents
    if payment.refunded_cents > payment.captured_cents:
        raise Conflict("More would be given back than was paid.")
    payment.status = "refunded" if payment.refunded_cents == payment.captured_cents else "captured"


def _charge(payment: Payment, amount_cents: int) -> None:
    if amount_cents > payment.refunded_cents:
        raise Conflict("More would be charged again than was given back.")
    payment.refunded_cents -= amount_cents
    payment.status = "captured"


# kind -> what it does, and the states in which it may happen
_CHANGES: dict[str, tuple[Callable[[Payment, int], None], tuple[str, ...]]] = {
    "authorize": (_authorize, ("pending",)),
    "decline": (_decline, ("pending",)),
    "capture": (_capture, ("authorized",)),
    "void": (_void, ("pending", "authorized")),
    "refund": (_refund, ("captured",)),
    "charge": (_charge, ("captured", "refunded")),
}


# kind -> the status that says that it has happened; we and the provider's webhook may both tell
_ONCE = {"capture": "captured", "void": "voided"}


def _follow(order: Order, payment: Payment) -> None:
    """The order's payment status after a change; an order that is only paid for goes with it."""
    states = {"captured": "paid", "refunded": "refunded", "voided": "unpaid", "failed": "failed"}
    order.payment_status = states.get(payment.status, order.payment_status)
    if order.payment_status == "paid" and order.status in ("draft", "pending"):
        order.status = "paid"
    elif order.payment_status == "refunded" and order.status == "paid":
        order.status = "pending"


def _own(tx: Tx) -> SelectOfScalar[Payment]:
    return select(Payment).where(col(Payment.tenant_id) == tx.scope.tenant_id)


async def _new(tx: Tx, order: Order, *, provider: str, key: str) -> Payment:
    return Payment(
        tenant_id=tx.scope.tenant_id,
        payment_id=await next_number(tx, Payment.payment_id, "PAY", 6),
        order_id=order.order_id,
        provider=provider,
        amount_cents=order.total_cents,
        currency=order.currency,
        idempotency_key=key,
    )


async def _locked(tx: Tx, row: Payment) -> Payment:
    """The payment as it is now, behind its order: all who change both take them in that order: no deadlocks."""
    await commerce.get_order(tx, row.order_id, for_update=True)
    await tx.session.refresh(row, with_for_update=True)
    return row


async def _kept(tx: Tx, row: Payment) -> Payment:
    tx.session.add(row)
    await tx.session.flush()
    return row
