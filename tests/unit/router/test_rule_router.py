"""The rule router: the tier for usual calls, its reasons, the node's limits, and faults it must not have."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from engine.execution.ports import RouteDecision, RouteRequest, Tier
from engine.router.features import RecentRequests, features_of
from engine.router.rules import RuleRouter

ONE, TWO = UUID(int=1), UUID(int=2)
STRICT = {"type": "object", "properties": {"intent": {"enum": ["faq", "order"]}, "urgent": {"type": "boolean"}}}
FACTS = {"type": "object", "properties": {"name": {"type": "string"}, "email": {"type": ["string", "null"]}}}
HANDLER = {"type": "object", "properties": {"reply": {"type": "string"}, "resolved": {"type": "boolean"}}}


def request(text: str = "Where is my order?", **fields: Any) -> RouteRequest:
    return RouteRequest(fields.pop("tenant_id", ONE), "node", text, **fields)


def choose(text: str = "Where is my order?", **fields: Any) -> RouteDecision:
    return RuleRouter().choose(request(text, **fields))


@pytest.mark.parametrize(
    ("text", "schema", "tier"),
    [
        ("I want my money back", STRICT, "A"),
        ("Ada, ada@example.com, please call", FACTS, "A"),
        ("word " * 600, FACTS, "B"),
        ("Where is my order?", None, "B"),
        ("It is broken, do something", HANDLER, "B"),
        ("word " * 2_000, None, "C"),
        ("word " * 2_000, STRICT, "C"),
    ],
)
def test_the_usual_calls(text: str, schema: Any, tier: Tier) -> None:
    decision = choose(text, schema=schema)
    assert decision.tier == tier, decision
    assert decision.reason
    assert 0.5 <= decision.confidence <= 0.95


def test_a_plain_chat_does_not_end_in_the_dearest_tier() -> None:
    router = RuleRouter()
    texts = [f"Hello, could you tell me about item {i} and when it ships?" for i in range(40)]
    tiers = [router.choose(request(text)).tier for text in texts]
    assert tiers == ["B"] * 40


def test_the_very_first_request_is_not_novel() -> None:
    assert "novelty" not in choose("anything at all").features


def test_a_request_unlike_the_tenants_others_goes_to_the_best() -> None:
    router = RuleRouter()
    for i in range(12):
        router.choose(request(f"where is my parcel number {i}"))
    decision = router.choose(request("compose quarterly arbitrage hedging narratives for investors"))
    assert decision.tier == "C"
    assert "unlike" in decision.reason
    assert router.choose(request("where is my parcel number 77")).tier == "B"


def test_tenants_do_not_see_each_others_requests() -> None:
    recent = RecentRequests()
    for i in range(20):
        recent.novelty(ONE, frozenset({"parcel", str(i)}))
    assert recent.novelty(TWO, frozenset({"parcel"})) is None
    assert recent.novelty(ONE, frozenset({"parcel", "3"})) == 0.0


def test_memory_is_bounded_in_tenants() -> None:
    recent = RecentRequests()
    for i in range(600):
        recent.novelty(UUID(int=i), frozenset({"a"}))
    assert len(recent._tenants) == 500


def test_tools_and_breadth_make_a_request_complex() -> None:
    wide = {"type": "object", "properties": {f"f{i}": {"type": "object", "properties": {"x": {}}} for i in range(12)}}
    decision = choose("why? how? when? where? who?", schema=wide, tools=3)
    assert decision.tier == "C"
    assert "tools" in decision.reason


def test_allowed_tiers_are_kept_to() -> None:
    assert choose(schema=STRICT, allowed=("B", "C")).tier == "B"
    assert choose("word " * 2_000, allowed=("A",)).tier == "A"
    assert "nearest" in choose(schema=STRICT, allowed=("C",)).reason


def test_least_quality_raises_the_tier() -> None:
    assert choose(min_quality=0.9).tier == "C"
    assert choose(schema=STRICT, min_quality=0.85).tier == "A"
    assert choose(min_quality=1.0, allowed=("A", "B")).tier == "B"


def test_most_cost_lowers_the_tier_and_wins() -> None:
    assert choose(max_cost_usd=0.002).tier == "A"
    assert choose(max_cost_usd=0.000001).tier == "A"
    assert choose(min_quality=0.95, max_cost_usd=0.01).tier == "B"


@pytest.mark.parametrize(
    ("schema", "strictness"),
    [
        (None, 0.0),
        ({}, 0.0),
        (STRICT, 1.0),
        ({"type": "object", "properties": {"a": {"const": 1}, "b": {"type": ["boolean", "null"]}}}, 1.0),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, 0.4),
        ({"type": "array", "items": {"enum": [1, 2]}}, 0.8),
        ({"type": "string", "description": "json schema validation format rules"}, 0.4),
    ],
)
def test_strictness_is_read_from_the_schema_not_from_words(schema: Any, strictness: float) -> None:
    assert features_of(request(schema=schema), RecentRequests()).strictness == pytest.approx(strictness)


def test_token_count_and_domains() -> None:
    features = features_of(request("My invoice shows an error, help"), RecentRequests())
    assert features.token_count == 7
    assert features.domains == ("billing", "support", "technical")
    assert features_of(request(""), RecentRequests()).token_count == 1


def test_a_schema_that_refers_to_itself_does_no_harm() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(2_000):
        deep = {"properties": {"a": deep}}
    assert choose(schema=deep).tier in ("A", "B", "C")
