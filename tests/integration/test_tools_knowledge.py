"""Knowledge search: confidence means the same for every question, and any text may be asked."""

from __future__ import annotations

import pytest

from engine.errors import NotFound
from engine.store.access import knowledge
from engine.store.session import Database, Scope
from tests.support.shop import Shop, open_shop


@pytest.fixture
async def shop(database: Database, scope: Scope) -> Shop:
    return await open_shop(database, scope)


async def best(database: Database, scope: Scope, question: str) -> tuple[str, float]:
    async with database.transaction(scope) as tx:
        hits = await knowledge.search(tx, question)
    return (hits[0].question, hits[0].confidence) if hits else ("", 0.0)


@pytest.mark.parametrize(
    ("asked", "found", "band"),
    [
        ("What is your return policy?", "What is your return policy?", (1.0, 1.0)),
        ("  what is your RETURN policy?  ", "What is your return policy?", (1.0, 1.0)),
        ("what's your return policy", "What is your return policy?", (0.9, 1.0)),
        ("Hello! How long does delivery take?", "How long does shipping take?", (0.8, 1.0)),
        ("I forgot my password and cannot log in, please help", "How do I reset my password?", (0.8, 1.0)),
        (
            "I bought boots in May and they pinch. What is your return policy?",
            "What is your return policy?",
            (0.8, 1.0),
        ),
        ("how do I clean my down jacket", "How do I wash a down jacket?", (0.8, 1.0)),
        ("do you ship to Canada", "Do you ship internationally?", (0.5, 0.8)),
        ("can I pay with paypal?", "Which payment methods do you accept?", (0.5, 0.8)),
        ("can I return shoes after 3 weeks", "What is your return policy?", (0.2, 0.6)),
        ("how much is the moon", "", (0.0, 0.5)),
        ("tell me a joke", "", (0.0, 0.5)),
    ],
)
async def test_confidence_bands(
    shop: Shop, database: Database, asked: str, found: str, band: tuple[float, float]
) -> None:
    low, high = band
    question, confidence = await best(database, shop.scope, asked)
    assert low <= confidence <= high, (question, confidence)
    if found:
        assert question == found


@pytest.mark.parametrize(
    "odd",
    [
        "???",
        "'; DROP TABLE faq_entries; --",
        "a & | ! ( :* <->",
        "\\'\\ x:b",
        "\x00",
        "\ud800",
        "the of and",
        "🙂" * 50,
        "return " * 3000,
        '"unclosed',
        "{{message}} ${x}",
    ],
)
async def test_any_text_may_be_asked(shop: Shop, database: Database, odd: str) -> None:
    async with database.transaction(shop.scope) as tx:
        for hit in await knowledge.search(tx, odd):
            assert 0 <= hit.confidence <= 1


async def test_threshold_limit_and_order(shop: Shop) -> None:
    everything = await shop.call("search_knowledge_base", query="how much does shipping cost", threshold=0, limit=3)
    confidences = [hit["confidence"] for hit in everything["search_results"]]
    assert len(confidences) == 3
    assert confidences == sorted(confidences, reverse=True)
    assert everything["best_result"] == everything["search_results"][0]
    strict = await shop.call("search_knowledge_base", query="shipping to the moon by boat", threshold=0.9)
    assert strict == {"search_results": [], "best_result": None}


async def test_entries_are_their_tenants_own(shop: Shop, database: Database, other_scope: Scope) -> None:
    async with database.transaction(shop.scope) as tx:
        entry = (await knowledge.list_entries(tx))[0]
        assert (await knowledge.get_entry(tx, entry.faq_entry_id)).question == entry.question
    async with database.transaction(other_scope) as tx:
        assert await knowledge.search(tx, entry.question) == []
        with pytest.raises(NotFound):
            await knowledge.get_entry(tx, entry.faq_entry_id)
