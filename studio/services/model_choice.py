"""Which models a node could use, what a call usually costs, and which tier the router would choose for it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, get_args
from uuid import UUID

from connectors.models.tiers import operator_keys, resolve
from engine.errors import AppError
from engine.execution.ports import RouteRequest, Tier
from engine.language import node_types
from engine.language.fields import fields_with_widget
from engine.language.infer import Inference
from engine.language.model import Node
from engine.router.rules import USUAL_COST_USD, RuleRouter
from engine.settings import Settings

Json = Any

TIERS: tuple[Tier, ...] = get_args(Tier)
_LABELS = {"A": "fast and cheap", "B": "balanced", "C": "the most capable"}
MODEL_KINDS = "model:"


def offered(settings: Settings, credential_kinds: Collection[str]) -> list[dict[str, Json]]:
    """`{value, label, model?, usual_usd?}`: the router's choice, then the tiers with the models behind them."""
    own = {kind.removeprefix(MODEL_KINDS): "" for kind in credential_kinds if kind.startswith(MODEL_KINDS)}
    keys = {**operator_keys(settings), **own}
    tiers = [_tier(tier, settings, keys) for tier in TIERS]
    return [{"value": "auto", "label": "the router chooses for each call"}, *tiers]


def _tier(tier: Tier, settings: Settings, keys: dict[str, str]) -> dict[str, Json]:
    shown: dict[str, Json] = {"value": f"tier:{tier}", "label": _LABELS[tier], "usual_usd": USUAL_COST_USD[tier]}
    try:
        found = resolve(f"tier:{tier}", {}, settings, keys)
    except AppError:
        return shown
    return shown | {"model": "built-in demo model" if found.demo else found.model}


def routed(inference: Inference, node: Node, tenant_id: UUID) -> dict[str, Json] | None:
    """`{tier, reason, usual_usd}` that the router would choose for the node's texts as they stand; None for a node
    that leaves it no choice. In a run the filled prompt counts, and what the tenant sent before."""
    kind = node_types.get(node.type)
    names = fields_with_widget(kind, "model")
    if not names or node.config.get(names[0], "auto") != "auto":
        return None
    routing = node.config.get("routing")
    limits = routing if isinstance(routing, dict) else {}
    tools = node.config.get("tools")
    schema = node.config.get("output_schema") or inference.schema(node.name)
    decision = RuleRouter().choose(
        RouteRequest(
            tenant_id=tenant_id,
            node=node.name,
            text="\n".join(_texts(node, fields_with_widget(kind, "prompt"))),
            schema=schema if isinstance(schema, dict) else None,
            tools=len(tools) if isinstance(tools, list) else 0,
            min_quality=_number(limits.get("min_quality")),
            max_cost_usd=_number(limits.get("max_cost_usd")),
            max_latency_ms=limits["max_latency_ms"] if type(limits.get("max_latency_ms")) is int else None,
            allowed=_allowed(limits.get("tiers")),
        )
    )
    return {"tier": decision.tier, "reason": decision.reason, "usual_usd": USUAL_COST_USD[decision.tier]}


def _texts(node: Node, names: Collection[str]) -> list[str]:
    return [text for text in (node.config.get(name) for name in names) if isinstance(text, str)]


def _number(value: Json) -> float | None:
    return float(value) if type(value) in (int, float) else None


def _allowed(tiers: Json) -> tuple[Tier, ...]:
    named = tuple(tier for tier in TIERS if isinstance(tiers, list | dict) and tier in tiers)
    return named or TIERS
