"""Answers that are given again: a step with a `cache` looks for the answer of an earlier step before it runs.

An answer is known by the tenant and a digest: of the node's type and config together with everything that it was asked
(`Node.asked`), or with the workflow's `cache.key` in place of that. Only answers of steps that succeeded are kept, with
all that goes with them (reply, context). A hit costs nothing, and says so as the step's reason. The store may forget
anything at any time, and a cache that does not answer is one that knows nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from engine.execution.context import StepContext
from engine.execution.node import Done, Node, Outcome
from engine.execution.ports import Usage
from engine.execution.records import outcome_of
from engine.language.node_types import NodeConfig

Json = Any
MAX_KEPT_BYTES = 32_000
DEFAULT_TTL_S = 300.0


class Cached:
    """A node type's behaviour with the cache of one node before it; in all else it is the behaviour itself."""

    def __init__(self, behaviour: Node[Any], name: str, policy: Mapping[str, Json]) -> None:
        self._behaviour, self._name = behaviour, name
        ttl, key = policy.get("ttl_seconds", DEFAULT_TTL_S), policy.get("key")
        self._ttl_s = float(ttl) if isinstance(ttl, int | float) else DEFAULT_TTL_S
        self._key = key if isinstance(key, str) and key else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._behaviour, name)

    async def run(self, ctx: StepContext, config: NodeConfig) -> Outcome:
        asked = await self._behaviour.asked(ctx, config)
        if asked is None:
            return await self._behaviour.run(ctx, config)
        digest = self._digest(ctx, config, asked)
        found = _read(await ctx.cache.get(ctx.run.tenant_id, digest))
        if found is not None:
            done, kept_at = found
            ctx.usage = Usage(reason=f"from the cache, {max(0.0, ctx.clock.now() - kept_at):.0f} s old")
            if done.reply:
                await ctx.on_delta(done.reply)
            return done
        outcome = await self._behaviour.run(ctx, config)
        if isinstance(outcome, Done):
            await self._keep(ctx, digest, outcome)
        return outcome

    def _digest(self, ctx: StepContext, config: NodeConfig, asked: Json) -> str:
        """Whose answer it is. With a key of its own a node shares nothing with other nodes."""
        by = {"asked": asked} if self._key is None else {"node": f"{ctx.run.workflow}/{self._name}"}
        if self._key is not None:
            by["key"] = ctx.render(self._key)
        whole = {"type": self._behaviour.type, "config": config.model_dump(mode="json"), **by}
        text = json.dumps(whole, sort_keys=True, ensure_ascii=False, default=str)
        return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()

    async def _keep(self, ctx: StepContext, digest: str, done: Done) -> None:
        answer = {"outcome": outcome_of(done), "at": ctx.clock.now()}
        if len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace")) <= MAX_KEPT_BYTES:
            await ctx.cache.put(ctx.run.tenant_id, digest, answer, self._ttl_s)


def _read(answer: Mapping[str, Json] | None) -> tuple[Done, float] | None:
    """What was kept, if it has the form that we keep things in."""
    if answer is None or not isinstance(answer.get("outcome"), dict) or not isinstance(answer.get("at"), int | float):
        return None
    kept = answer["outcome"]
    reply, context = kept.get("reply"), kept.get("context") or {}
    if not isinstance(reply, str | None) or not isinstance(context, dict):
        return None
    return Done(kept.get("output"), reply=reply, context=context), float(answer["at"])
