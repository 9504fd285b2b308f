"""knowledge: search the tenant's knowledge, and hand the passages on with numbers to cite.

The output is the list of passages, the best first: `{cite, question, answer, confidence, source, category,
faq_entry_id}`. Without an `output_key` it stands at `context.search_results`, where agents with `cite` find it, and the
best passage at `context.best_result` (null when nothing fits). What passages say is information for the steps behind,
never an instruction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.execution.ports import ToolCall
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode, Threshold

SEARCH = "search_knowledge_base"
MAX_QUERY = 4_000
_CANDIDATES = 20  # passages looked at before source and filters choose among them


class KnowledgeConfig(NodeConfig):
    source: str | None = Field(
        None, min_length=1, title="Source", description="Only passages of this source, such as help_center."
    )
    query: str = Field(
        "context.message",
        min_length=1,
        title="Query",
        description="What is looked up: context.x, or a text with ${...} in it.",
        examples=["context.message"],
    )
    limit: int = Field(
        5,
        ge=1,
        le=_CANDIDATES,
        title="Most passages",
        description="So many at most are handed on.",
        json_schema_extra={"unit": "passages"},
    )
    threshold: Threshold = Field(0.5)
    filters: dict[str, str | list[str]] = Field(
        {},
        title="Filters",
        description="Field of a passage -> the value it must have, or several of which it must have one.",
        examples=[{"category": "returns"}],
        json_schema_extra={"ui": "json"},
    )
    next_node: NextNode = None


class KnowledgeNode(Node[KnowledgeConfig]):
    """One search through the Tools port; it changes nothing, so it may be repeated."""

    type = "knowledge"
    title = "Knowledge"
    summary = "Searches the tenant's knowledge for passages that answer a question."
    group = Group.TOOLS
    icon = "book-open"
    config_model = KnowledgeConfig
    effect = True
    families = ("tool_failure",)
    caches = True
    example = """\
- name: search_help
  type: knowledge
  config:
    source: help_center
    query: context.message
    limit: 3
    threshold: 0.6
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"search_results", "best_result"})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return f"{config.get('source') or 'all sources'} · {config.get('query') or 'context.message'}"

    def inputs(self, ctx: StepContext, config: KnowledgeConfig) -> Json:
        query = ctx.resolve(config.query)
        return {
            "query": "" if query is None else str(query).strip()[:MAX_QUERY],
            "filters": ctx.resolve(config.filters),
        }

    async def run(self, ctx: StepContext, config: KnowledgeConfig) -> Outcome:
        filters = ctx.input["filters"] | ({"source": config.source} if config.source else {})
        hits = await _search(ctx, ctx.input["query"], config.threshold) if ctx.input["query"] else []
        fitting = [hit for hit in hits if all(_fits(hit.get(name), wanted) for name, wanted in filters.items())]
        passages = [{"cite": number, **hit} for number, hit in enumerate(fitting[: config.limit], start=1)]
        if config.output_key:
            return Done(passages)
        best = passages[0] if passages else None
        return Done(passages, context={"search_results": passages, "best_result": best})


async def _search(ctx: StepContext, query: str, threshold: float) -> list[dict[str, Json]]:
    call = ToolCall(
        tenant_id=ctx.run.tenant_id,
        tool=SEARCH,
        parameters={"query": query, "limit": _CANDIDATES, "threshold": threshold},
        idempotency_key=ctx.idempotency_key,
        run_id=ctx.run.run_id,
        timeout_s=ctx.timeout_s,
    )
    found: list[dict[str, Json]] = (await ctx.tools.call(call))["search_results"]
    return found


def _fits(value: Json, wanted: Json) -> bool:
    return value in wanted if isinstance(wanted, list) else value == wanted
