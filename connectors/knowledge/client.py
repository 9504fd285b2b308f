"""Knowledge: the tenant's questions and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from connectors.action import ActionCall
from engine.store.access import knowledge

Json = Any


async def search_knowledge_base(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """The entries that answer the question; an empty list and a null best result when none does."""
    async with call.transaction() as tx:
        hits = await knowledge.search(
            tx, parameters["query"], limit=parameters["limit"], threshold=parameters["threshold"]
        )
    results = [
        {
            "question": hit.question,
            "answer": hit.answer,
            "confidence": hit.confidence,
            "source": hit.source,
            "category": hit.category,
            "faq_entry_id": str(hit.faq_entry_id),
        }
        for hit in hits
    ]
    return {"search_results": results, "best_result": results[0] if results else None}
