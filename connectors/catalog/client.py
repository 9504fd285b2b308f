"""Catalog: products, stock and prices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.action import ActionCall
from connectors.money import amount, cents, text
from engine.store.access import commerce, products
from engine.store.tables.commerce import Product

Json = Any


async def search_products(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """The products meant; when it is exactly one, its id, name and price stand at the top for the steps that follow."""
    given = parameters.get("filters", {})
    most = given.get("max_price")
    filters = products.Filters(
        size=given.get("size"),
        color=given.get("color"),
        category=given.get("category"),
        max_price_cents=cents(most) if most is not None else None,
    )
    async with call.transaction() as tx:
        found = await products.search(tx, parameters["query"], filters, parameters["limit"])
    result: dict[str, Json] = {"products": [_shown(product) for product in found]}
    if len(found) == 1:
        only = found[0]
        result |= {
            "product_id": only.product_id,
            "product_name": only.name,
            "unit_price": amount(only.price_cents),
            "price_text": text(only.price_cents, only.currency),
            "currency": only.currency,
        }
    return result


async def check_inventory(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Whether that many pieces are in stock; an unknown product is an error."""
    async with call.transaction() as tx:
        product = await commerce.get_product(tx, parameters["product_id"])
    return {
        "inventory_available": product.stock >= parameters["quantity"],
        "product_id": product.product_id,
        "product_name": product.name,
        "quantity": parameters["quantity"],
        "stock": product.stock,
    }


async def calculate_pricing(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """The price with the customer's discount; an unknown product or customer is an error."""
    async with call.transaction() as tx:
        product = await commerce.get_product(tx, parameters["product_id"])
        reference = parameters.get("customer_id")
        customer = await commerce.get_customer(tx, reference) if reference else None
        quote = commerce.quote(product, parameters["quantity"], customer)
    return {
        "product_id": product.product_id,
        "product_name": product.name,
        "unit_price": amount(product.price_cents),
        "quantity": quote.quantity,
        "subtotal": amount(quote.subtotal_cents),
        "discount": amount(quote.discount_cents),
        "discount_percent": quote.discount_percent,
        "total_amount": amount(quote.total_cents),
        "price_text": text(product.price_cents, product.currency),
        "discount_text": text(quote.discount_cents, product.currency),
        "total_text": text(quote.total_cents, product.currency),
        "currency": product.currency,
    }


def _shown(product: Product) -> dict[str, Json]:
    return {
        "product_id": product.product_id,
        "name": product.name,
        "category": product.category,
        "description": product.description,
        "unit_price": amount(product.price_cents),
        "price_text": text(product.price_cents, product.currency),
        "currency": product.currency,
        "stock": product.stock,
        "in_stock": product.stock > 0,
        "attributes": product.attributes,
    }
