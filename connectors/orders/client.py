"""Orders: new drafts, payment links, and what can be told about an order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any
from uuid import UUID

from connectors.action import ActionCall, Site
from connectors.money import amount, cents, text
from engine.errors import Conflict, PermanentError
from engine.store.access import commerce, order_changes, stock
from engine.store.session import Tx
from engine.store.tables.commerce import Order

Json = Any


async def create_order_draft(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """A new order at today's prices; a total or price that the customer was told and that does not hold is an error."""
    total = parameters.get("total_amount")
    async with call.transaction() as tx:
        reference = parameters.get("customer_id")
        customer = await commerce.get_customer(tx, reference) if reference else None
        await _check_prices(tx, parameters["items"])
        try:
            view = await commerce.create_order(
                tx,
                [(item["product_id"], item.get("quantity", 1)) for item in parameters["items"]],
                customer=customer,
                status=parameters["status"],
                idempotency_key=call.idempotency_key,
                expected_total_cents=cents(total) if total is not None else None,
            )
        except Conflict as error:
            raise PermanentError(error.public_message, parameter="total_amount") from error
    return {
        "order_id": view.order.order_id,
        "status": view.order.status,
        "total_amount": amount(view.order.total_cents),
        "total_text": text(view.order.total_cents, view.order.currency),
        "currency": view.order.currency,
        "items": _items(view),
    }


async def _check_prices(tx: Tx, items: list[Mapping[str, Json]]) -> None:
    for index, item in enumerate(items):
        told = item.get("unit_price")
        if told is None:
            continue
        product = await commerce.get_product(tx, item["product_id"])
        if cents(told) != product.price_cents:
            raise PermanentError(
                f"{product.name} costs {amount(product.price_cents):.2f} and not {told:.2f}.",
                parameter=f"items.{index}.unit_price",
            )


async def generate_payment_link(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """The order's payment link; made once. An order that cannot be paid (any more) is an error."""
    async with call.transaction() as tx:
        order = (await commerce.get_order(tx, parameters["order_id"], for_update=True)).order
        if order.status not in ("draft", "pending") or order.payment_status not in ("unpaid", "failed"):
            raise PermanentError(f"The order {order.order_id} is {order.status}: there is nothing to pay.")
        told = parameters.get("amount")
        if told is not None and cents(told) != order.total_cents:
            raise PermanentError(
                f"The order's total is {amount(order.total_cents):.2f} and not {told:.2f}.", parameter="amount"
            )
        await _check_customer(tx, order, parameters.get("customer_id"))
        if not order.payment_link:
            await commerce.set_payment_link(tx, order, payment_link(call.site, call.scope.tenant_id, order))
        return {
            "payment_link": order.payment_link,
            "order_id": order.order_id,
            "amount": amount(order.total_cents),
            "amount_text": text(order.total_cents, order.currency),
            "currency": order.currency,
        }


async def _check_customer(tx: Tx, order: Order, reference: str | None) -> None:
    if not reference:
        return
    customer = await commerce.get_customer(tx, reference)
    if customer.customer_id != order.customer_id:
        raise PermanentError("The order belongs to another customer.", parameter="customer_id")


def payment_link(site: Site, tenant_id: UUID, order: Order) -> str:
    """Address of the page on which the order is paid; its token lets in whoever holds it, for this order and amount."""
    token = site.sign("payment", str(tenant_id), order.order_id, str(order.total_cents), order.currency)
    return f"{site.base_url}/orders/{order.order_id}/pay?tenant={tenant_id}&token={token}"


async def search_order(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Whether there is such an order."""
    async with call.transaction() as tx:
        order = await commerce.find_order(
            tx, order_id=parameters.get("order_id"), tracking_number=parameters.get("tracking_number")
        )
    if order is None:
        return {"order_found": False}
    return {"order_found": True, "order_id": order.order_id, "status": order.status}


async def search_orders_by_customer(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """The customer's latest orders; an empty list for an unknown customer."""
    async with call.transaction() as tx:
        orders = await commerce.orders_of_customer(tx, email=parameters.get("email"), phone=parameters.get("phone"))
    return {
        "orders_found": [
            {
                "order_id": order.order_id,
                "status": order.status,
                "payment_status": order.payment_status,
                "total_amount": amount(order.total_cents),
                "total_text": text(order.total_cents, order.currency),
                "currency": order.currency,
                "ordered_on": _day(order.created_at),
                "carrier": order.carrier,
                "tracking_number": order.tracking_number,
                "expected_on": _day(order.expected_on),
            }
            for order in orders
        ]
    }


async def get_order_details(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """The whole truth about an order, but for personal data; an unknown order is an error."""
    async with call.transaction() as tx:
        view = await commerce.get_order(tx, parameters["order_id"])
    order = view.order
    payable = order.status in ("draft", "pending") and order.payment_status != "paid"
    return {
        "order_id": order.order_id,
        "status": order.status,
        "payment_status": order.payment_status,
        "total_amount": amount(order.total_cents),
        "total_text": text(order.total_cents, order.currency),
        "currency": order.currency,
        "items": _items(view),
        "carrier": order.carrier,
        "tracking_number": order.tracking_number,
        "ordered_on": _day(order.created_at),
        "shipped_on": _day(order.shipped_at),
        "delivered_on": _day(order.delivered_at),
        "expected_on": _day(order.expected_on),
        "payment_link": order.payment_link if payable else None,
    }


async def reserve_inventory(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Take the order's pieces from stock; too few of one product is an error, and nothing is taken."""
    async with call.transaction() as tx:
        try:
            return _pieces(parameters, await stock.reserve(tx, parameters["order_id"], call.idempotency_key))
        except Conflict as error:
            raise PermanentError(error.public_message) from error


async def restore_inventory(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Put back what was taken for the order; to do it twice puts back once."""
    async with call.transaction() as tx:
        return _pieces(parameters, await stock.restore(tx, parameters["order_id"], call.idempotency_key))


async def cancel_order(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Cancel the order; one that has left, or is another customer's, is an error."""
    async with _change(call, parameters) as (tx, number):
        return _changed(await order_changes.cancel(tx, number, call.idempotency_key))


async def return_order(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Take a delivered order back; one that was not delivered, or is another customer's, is an error."""
    async with _change(call, parameters) as (tx, number):
        return _changed(await order_changes.take_back(tx, number, call.idempotency_key))


async def modify_order(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Give the order other lines or another address; one that has left, or costs more than was paid, is an error."""
    items = parameters.get("items")
    async with _change(call, parameters) as (tx, number):
        changed = await order_changes.change(
            tx,
            number,
            call.idempotency_key,
            items=[(item["product_id"], item.get("quantity", 1)) for item in items] if items else None,
            address=parameters.get("shipping_address"),
        )
        return _changed(changed)


@asynccontextmanager
async def _change(call: ActionCall, parameters: Mapping[str, Json]) -> AsyncIterator[tuple[Tx, str]]:
    """The transaction of a change, and the order's number; the customer must be the order's own."""
    try:
        async with call.transaction() as tx:
            order = (await commerce.get_order(tx, parameters["order_id"])).order
            await _check_customer(tx, order, parameters.get("customer_id"))
            yield tx, order.order_id
    except Conflict as error:
        raise PermanentError(error.public_message, parameter="order_id") from error


def _changed(changed: order_changes.Changed) -> Json:
    order = changed.view.order
    return {
        "order_id": order.order_id,
        "order_status": order.status,
        "payment_status": order.payment_status,
        "total_amount": amount(order.total_cents),
        "total_text": text(order.total_cents, order.currency),
        "currency": order.currency,
        "items": _items(changed.view),
        "refunded_amount": amount(changed.refunded_cents),
        "refunded_text": text(changed.refunded_cents, order.currency),
        "refund_due": changed.due_cents > 0,
        "payment_id": changed.payment_id,
    }


def _pieces(parameters: Mapping[str, Json], pieces: Mapping[str, int]) -> Json:
    items = [{"product_id": product, "quantity": quantity} for product, quantity in pieces.items()]
    return {"order_id": commerce.order_number(parameters["order_id"]), "items": items}


def _items(view: commerce.OrderView) -> list[dict[str, Json]]:
    return [
        {
            "product_id": line.product_id,
            "product_name": line.product_name,
            "quantity": line.quantity,
            "unit_price": amount(line.unit_price_cents),
            "price_text": text(line.unit_price_cents, view.order.currency),
        }
        for line in view.lines
    ]


def _day(moment: datetime | date | None) -> str | None:
    """The day in ISO form, without the hour: that is what people are told."""
    if moment is None:
        return None
    return (moment.date() if isinstance(moment, datetime) else moment).isoformat()
