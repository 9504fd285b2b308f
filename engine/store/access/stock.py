"""Stock of the tenant's products, taken for orders and put back. Each order's pieces are taken at most once."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import Conflict
from engine.store.access import commerce
from engine.store.session import Tx
from engine.store.tables.effects import StockMovement


async def reserve(tx: Tx, order_id: str, idempotency_key: str) -> Mapping[str, int]:
    """Take the order's pieces from stock: product -> pieces that the order holds now.

    What it holds already is not taken twice. Raises NotFound, Conflict when the order has left or was cancelled, or a
    product has too few: then nothing is taken at all.
    """
    view = await commerce.get_order(tx, order_id, for_update=True)
    wanted: dict[str, int] = {}
    for line in view.lines:
        wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
    if await _is_known(tx, idempotency_key):
        return await held(tx, view.order.order_id)
    if view.order.status not in commerce.OPEN:
        raise Conflict(f"The order {view.order.order_id} is {view.order.status}: nothing is taken for it any more.")
    has = await held(tx, view.order.order_id)
    missing = {product: pieces - has.get(product, 0) for product, pieces in wanted.items()}
    await _move(tx, view.order.order_id, {p: n for p, n in missing.items() if n > 0}, idempotency_key)
    return await held(tx, view.order.order_id)


async def restore(tx: Tx, order_id: str, idempotency_key: str) -> Mapping[str, int]:
    """Put back all that the order holds: product -> pieces put back; nothing when it holds nothing."""
    view = await commerce.get_order(tx, order_id, for_update=True)
    if await _is_known(tx, idempotency_key):
        query = select(StockMovement.product_id, StockMovement.quantity).where(
            col(StockMovement.tenant_id) == tx.scope.tenant_id, col(StockMovement.idempotency_key) == idempotency_key
        )
        return {product: -pieces for product, pieces in (await tx.session.execute(query)).all()}
    has = await held(tx, view.order.order_id)
    await _move(tx, view.order.order_id, {product: -pieces for product, pieces in has.items()}, idempotency_key)
    return has


async def open_books(tx: Tx, order_id: str, idempotency_key: str) -> None:
    """Write down as taken the pieces of an order that left before there were books; stock stays as it is."""
    if await _movements(tx, order_id):
        return
    wanted: dict[str, int] = {}
    for line in (await commerce.get_order(tx, order_id)).lines:
        wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
    for product_id, quantity in sorted(wanted.items()):
        _write(tx, order_id, product_id, quantity, idempotency_key)
    await tx.session.flush()


async def held(tx: Tx, order_id: str) -> dict[str, int]:
    """Product -> pieces that are taken for the order now."""
    total = sa.func.sum(StockMovement.quantity)
    query = (
        select(StockMovement.product_id, total)
        .where(col(StockMovement.tenant_id) == tx.scope.tenant_id, col(StockMovement.order_id) == order_id)
        .group_by(col(StockMovement.product_id))
        .having(total > 0)
        .order_by(col(StockMovement.product_id))
    )
    return {product: int(pieces) for product, pieces in (await tx.session.execute(query)).all()}


async def _move(tx: Tx, order_id: str, pieces: Mapping[str, int], idempotency_key: str) -> None:
    for product_id, quantity in sorted(pieces.items()):  # in one order everywhere: no deadlocks
        product = await commerce.get_product(tx, product_id)
        await tx.session.refresh(product, with_for_update=True)
        if product.stock < quantity:
            raise Conflict(f"Only {product.stock} of {product.name} are in stock, and {quantity} are needed.")
        product.stock -= quantity
        tx.session.add(product)
        _write(tx, order_id, product_id, quantity, idempotency_key)
    await tx.session.flush()


def _write(tx: Tx, order_id: str, product_id: str, quantity: int, idempotency_key: str) -> None:
    movement = StockMovement(
        tenant_id=tx.scope.tenant_id,
        order_id=order_id,
        product_id=product_id,
        quantity=quantity,
        idempotency_key=idempotency_key,
    )
    tx.session.add(movement)


async def _is_known(tx: Tx, idempotency_key: str) -> bool:
    return await _any(tx, col(StockMovement.idempotency_key) == idempotency_key)


async def _movements(tx: Tx, order_id: str) -> bool:
    return await _any(tx, col(StockMovement.order_id) == order_id)


async def _any(tx: Tx, condition: sa.ColumnElement[bool]) -> bool:
    query = select(StockMovement.movement_id).where(col(StockMovement.tenant_id) == tx.scope.tenant_id, condition)
    return (await tx.session.execute(query.limit(1))).first() is not None
