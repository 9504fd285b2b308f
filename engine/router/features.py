"""What the router looks at: numbers about one model call, computed in well under a millisecond, without a model."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.execution.ports import RouteRequest

Json = Any
_WORD = re.compile(r"[^\W_]{2,}")
_DOMAINS = {
    "billing": frozenset({"payment", "payments", "invoice", "billing", "charge", "charged", "refund", "paid", "price"}),
    "sales": frozenset({"buy", "purchase", "quote", "offer", "pricing", "demo", "discount"}),
    "support": frozenset({"help", "support", "issue", "problem", "broken", "complaint", "return"}),
    "technical": frozenset({"api", "integration", "technical", "bug", "error", "crash", "login", "configuration"}),
}
_MAX_WORDS = 400
_REMEMBERED = 100  # requests per tenant
_TENANTS = 500
_DEEPEST = 8


@dataclass(frozen=True, slots=True)
class Features:
    """`strictness`: how little freedom the schema leaves (0: free text, 1: every field from a fixed list).
    `novelty`: how unlike the tenant's recent requests this is (0..1), None while too few are known.
    `complexity`: length, fields, nesting, tools and questions together (0..1)."""

    token_count: int
    strictness: float
    novelty: float | None
    complexity: float
    fields: int
    domains: tuple[str, ...]

    def to_dict(self) -> dict[str, float | str]:
        shown: dict[str, float | str] = {
            "token_count": self.token_count,
            "strictness": round(self.strictness, 3),
            "complexity": round(self.complexity, 3),
            "fields": self.fields,
            "domains": ",".join(self.domains),
        }
        return shown if self.novelty is None else shown | {"novelty": round(self.novelty, 3)}


class RecentRequests:
    """Word sets of each tenant's last 100 requests, in this process. Bounded: 500 tenants, 400 words a request."""

    KNOWN_ENOUGH = 10

    def __init__(self) -> None:
        self._tenants: OrderedDict[UUID, deque[frozenset[str]]] = OrderedDict()

    def novelty(self, tenant_id: UUID, words: frozenset[str]) -> float | None:
        """1 - the greatest likeness (Jaccard) to a recent request, which this one then joins."""
        recent = self._tenants.pop(tenant_id, None) or deque(maxlen=_REMEMBERED)
        self._tenants[tenant_id] = recent
        if len(self._tenants) > _TENANTS:
            self._tenants.popitem(last=False)
        known = len(recent) >= self.KNOWN_ENOUGH
        likeness = max((_jaccard(words, other) for other in recent), default=0.0) if known else 0.0
        recent.append(words)
        return 1.0 - likeness if known else None


def features_of(request: RouteRequest, recent: RecentRequests) -> Features:
    """All features of a request; remembers it for the novelty of later ones."""
    words = frozenset(word.lower() for word in _WORD.findall(request.text[: _MAX_WORDS * 12])[:_MAX_WORDS])
    token_count = max(1, len(request.text) // 4)
    leaves = _leaves(request.schema, 0) if request.schema else []
    nested = any(depth > 1 for depth, _ in leaves)
    return Features(
        token_count=token_count,
        strictness=sum(score for _, score in leaves) / len(leaves) if leaves else 0.0,
        novelty=recent.novelty(request.tenant_id, words),
        complexity=_complexity(token_count, len(leaves), nested, request),
        fields=len(leaves),
        domains=tuple(name for name, signs in _DOMAINS.items() if words & signs),
    )


def _complexity(tokens: int, fields: int, nested: bool, request: RouteRequest) -> float:
    length = (
        0.5 if tokens > 2_000 else 0.3 if tokens > 1_000 else 0.15 if tokens > 400 else 0.05 if tokens > 150 else 0.0
    )
    breadth = 0.3 if fields > 10 else 0.2 if fields > 5 else 0.1 if fields > 2 else 0.0
    questions = 0.2 if request.text.count("?") > 3 else 0.0
    tools = min(0.4, 0.2 + 0.05 * request.tools) if request.tools else 0.0
    return min(1.0, length + breadth + questions + tools + (0.2 if nested else 0.0))


def _leaves(schema: Mapping[str, Json], depth: int) -> list[tuple[int, float]]:
    """(depth, strictness) of every field of a schema that holds a value."""
    properties = schema.get("properties")
    if isinstance(properties, Mapping) and depth < _DEEPEST:
        inner = (_leaves(item, depth + 1) for item in properties.values() if isinstance(item, Mapping))
        return [leaf for leaves in inner for leaf in leaves]
    items = schema.get("items")
    if isinstance(items, Mapping) and depth < _DEEPEST:
        return [(at, score * 0.8) for at, score in _leaves(items, depth + 1)]
    return [(depth, _strictness(schema))]


def _strictness(leaf: Mapping[str, Json]) -> float:
    """How little freedom one field leaves."""
    types = leaf.get("type")
    kinds = {types} if isinstance(types, str) else set(types) if isinstance(types, list) else set()
    if "enum" in leaf or "const" in leaf or (kinds and kinds <= {"boolean", "null"}):
        return 1.0
    if kinds & {"number", "integer"} and "string" not in kinds:
        return 0.8 if {"minimum", "maximum"} <= leaf.keys() else 0.7
    if "pattern" in leaf or "format" in leaf:
        return 0.7
    return 0.4


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    if not one or not other:
        return 0.0
    common = len(one & other)
    return common / (len(one) + len(other) - common)
