"""Choosing a tier by rules that can be read aloud: A fast and cheap, B balanced, C best.

    answer from fixed values (strict schema), not long                  -> A
    facts into a schema                                                 -> A when short, else B
    free text                                                           -> B
    long, complex, or unlike anything the tenant sent before            -> C

Then the node's own limits: `allowed` tiers, `min_quality`, `max_cost_usd`, `max_latency_ms`. The first two may raise or
lower the tier, the limits of cost and time only lower it and win. Confidence says how clear-cut the case is, not how
good the answer will be.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.execution.ports import RouteDecision, RouteRequest, Tier
from engine.router.features import Features, RecentRequests, features_of

TIERS: tuple[Tier, ...] = ("A", "B", "C")
STRICT = 0.9
LONG_TOKENS = 1_500
SHORT_TOKENS = 400
COMPLEX = 0.7
NOVEL = 0.85
USUAL_COST_USD: dict[Tier, float] = {"A": 0.001, "B": 0.005, "C": 0.02}  # a call of usual length
_LATENCY_MS: dict[Tier, int] = {"A": 1_500, "B": 4_000, "C": 12_000}  # of an answer of usual length
_QUALITY: dict[Tier, float] = {"A": 0.75, "B": 0.86, "C": 0.95}
_STRICT_QUALITY: dict[Tier, float] = {"A": 0.9, "B": 0.93, "C": 0.96}


@dataclass(frozen=True, slots=True)
class _Choice:
    tier: Tier
    reason: str
    confidence: float


class RuleRouter:
    """The Router port. One per process; it remembers the tenants' recent requests for the novelty feature."""

    def __init__(self) -> None:
        self._recent = RecentRequests()

    def choose(self, request: RouteRequest) -> RouteDecision:
        features = features_of(request, self._recent)
        choice = _within_limits(_by_rule(features, request), features, request)
        return RouteDecision(choice.tier, choice.reason, choice.confidence, features.to_dict())


def _by_rule(features: Features, request: RouteRequest) -> _Choice:  # noqa: PLR0911  (one return per rule)
    tokens = features.token_count
    if features.complexity >= COMPLEX:
        return _Choice("C", f"complex request ({_size(features, request)})", 0.8)
    if features.strictness >= STRICT and tokens <= LONG_TOKENS:
        return _Choice("A", "the answer is one of a few fixed values", 0.9 if tokens <= SHORT_TOKENS else 0.8)
    if tokens > LONG_TOKENS:
        return _Choice("C", f"long request (about {tokens:,} tokens)", 0.75)
    if features.fields and "reply" not in _names(request):
        if tokens <= SHORT_TOKENS and features.fields <= 8:
            return _Choice("A", f"{_fields(features)} to fill in from a short text", 0.7)
        return _Choice("B", f"{_fields(features)} to fill in from a longer text", 0.7)
    if features.novelty is not None and features.novelty > NOVEL:
        return _Choice("C", "unlike this tenant's recent requests", 0.6)
    if features.domains == ("technical",) and tokens > SHORT_TOKENS:
        return _Choice("C", "a longer technical matter to write about", 0.6)
    return _Choice("B", "a short text to write", 0.75)


def _within_limits(choice: _Choice, features: Features, request: RouteRequest) -> _Choice:
    allowed = [tier for tier in TIERS if tier in request.allowed] or list(TIERS)
    notes: list[str] = []
    tier = choice.tier
    if tier not in allowed:
        higher = [t for t in allowed if t > tier]
        tier = higher[0] if higher else allowed[-1]
        notes.append(f"of the tiers allowed here {tier} is the nearest")
    if request.min_quality is not None and _quality(tier, features) < request.min_quality:
        enough = [t for t in allowed if _quality(t, features) >= request.min_quality]
        better = enough[0] if enough else allowed[-1]
        if better != tier:
            tier = better
            notes.append(f"raised to {tier} for a quality of {request.min_quality:g}")
    if request.max_cost_usd is not None:
        cheap = [t for t in allowed if _cost(t, features) <= request.max_cost_usd]
        tier = _lowered(tier, cheap or allowed[:1], f"to cost at most ${request.max_cost_usd:g}", notes)
    if request.max_latency_ms is not None:
        quick = [t for t in allowed if _LATENCY_MS[t] <= request.max_latency_ms]
        tier = _lowered(tier, quick or allowed[:1], f"to answer within {request.max_latency_ms:,} ms", notes)
    if not notes:
        return choice
    return _Choice(tier, "; ".join([choice.reason, *notes]), round(max(0.3, choice.confidence - 0.15 * len(notes)), 2))


def _lowered(tier: Tier, fitting: list[Tier], why: str, notes: list[str]) -> Tier:
    """The highest fitting tier that is not above `tier`; says so in `notes` when it is another one."""
    fit = [t for t in fitting if t <= tier]
    if not fit or fit[-1] == tier:
        return tier
    notes.append(f"lowered to {fit[-1]} {why}")
    return fit[-1]


def _quality(tier: Tier, features: Features) -> float:
    """What share of answers is expected to be right; a rough figure until outcomes are learned from."""
    return (_STRICT_QUALITY if features.strictness >= STRICT else _QUALITY)[tier]


def _cost(tier: Tier, features: Features) -> float:
    return USUAL_COST_USD[tier] * (1 + features.token_count / 2_000)


def _names(request: RouteRequest) -> frozenset[str]:
    properties = (request.schema or {}).get("properties")
    return frozenset(properties) if isinstance(properties, dict) else frozenset()


def _fields(features: Features) -> str:
    return "one field" if features.fields == 1 else f"{features.fields} fields"


def _size(features: Features, request: RouteRequest) -> str:
    parts = [f"about {features.token_count:,} tokens"]
    if features.fields:
        parts.append(_fields(features))
    if request.tools:
        parts.append(f"{request.tools} tools")
    return ", ".join(parts)
