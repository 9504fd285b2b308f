"""Search in the tenant's products: few and fitting hits, because "exactly one" is a branch of a workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlmodel import col, select

from engine.store.access.lexemes import any_of, query_words, share, storable
from engine.store.session import Tx
from engine.store.tables.commerce import Product

_CANDIDATES = 200
_SEARCH = sa.text("""
    SELECT product_id, tsvector_to_array(to_tsvector('english', name)) AS name_words,
           tsvector_to_array(to_tsvector('english', name || ' ' || category)) AS title_words,
           tsvector_to_array(search || jsonb_to_tsvector('english', attributes, '["string"]')) AS words,
           ts_rank_cd(search, CAST(:query AS tsquery), 4 | 32) AS rank
    FROM products WHERE tenant_id = :tenant AND search @@ CAST(:query AS tsquery)
    ORDER BY rank DESC, product_id LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class Filters:
    """Narrows a search. Size and colour are compared with the product's attributes, whatever their letter case."""

    size: str | None = None
    color: str | None = None
    category: str | None = None
    max_price_cents: int | None = None


async def search(tx: Tx, text: str, filters: Filters, limit: int = 10) -> list[Product]:
    """The products meant by `text`, best first.

    A product whose whole name was said wins over all others; else those whose name and category have every word
    asked for; else those that fit about as well as the best.
    """
    named = await tx.session.get(Product, (tx.scope.tenant_id, storable(text, 100).strip().upper()))
    if named is not None:
        return [named] if _passes(named, filters) else []
    words = await query_words(tx, text)
    if not words:
        return []
    values = {"tenant": tx.scope.tenant_id, "query": any_of(words), "limit": _CANDIDATES}
    rows = [row._asdict() for row in (await tx.session.execute(_SEARCH, values)).all()]
    query = select(Product).where(
        col(Product.tenant_id) == tx.scope.tenant_id, col(Product.product_id).in_([row["product_id"] for row in rows])
    )
    by_id = {row.product_id: row for row in (await tx.session.execute(query)).scalars()}
    fitting = [row for row in rows if _passes(by_id[row["product_id"]], filters)]
    return [by_id[row["product_id"]] for row in _best(fitting, words)][:limit]


def _best(rows: Sequence[Mapping[str, Any]], words: Sequence[str]) -> list[Mapping[str, Any]]:
    asked = set(words)
    whole_name = [row for row in rows if set(row["name_words"]) <= asked]
    if whole_name:
        longest = max(len(row["name_words"]) for row in whole_name)
        return [row for row in whole_name if len(row["name_words"]) == longest]
    all_in_title = [row for row in rows if asked <= set(row["title_words"])]
    if all_in_title:
        return all_in_title
    scored = [(share(words, set(row["words"]), {}) + share(words, set(row["name_words"]), {}), row) for row in rows]
    top = max((score for score, _ in scored), default=0.0)
    kept = [(score, row) for score, row in scored if score >= 0.75 * top and score >= 0.3]
    return [row for _, row in sorted(kept, key=lambda pair: -pair[0])]


def _passes(product: Product, filters: Filters) -> bool:
    if filters.max_price_cents is not None and product.price_cents > filters.max_price_cents:
        return False
    if filters.category and filters.category.casefold() not in product.category.casefold():
        return False
    return _has(product, "size", filters.size) and _has(product, "color", filters.color)


def _has(product: Product, attribute: str, wanted: str | None) -> bool:
    """A product that does not say its size or colour is not left out for it."""
    if not wanted:
        return True
    own = product.attributes.get(attribute, product.attributes.get(attribute + "s"))
    values = own if isinstance(own, list) else [own]
    return own is None or wanted.casefold() in (str(value).casefold() for value in values)
