"""A run with twelve effects, its worker killed right before and right after each single commit."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from engine.settings import Settings
from engine.store.access import runs
from engine.store.session import Scope
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.runtime import Runtime
from tests.support.counting import chain, counting_world, effects_of, workflow_text
from tests.support.worker_process import ROOT

EFFECTS = 12
# Before each call is written down what is asked for, and with it the end of the call before; at the end, the end.
COMMITS = EFFECTS + 1


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


def branches() -> str:
    """Twelve calls, four at a time in a loop of three."""
    nodes = [
        "- {name: start, type: start, config: {}}",
        "- {name: each, type: loop, config: {over: inputs.items, body: fork}}",
        "- {name: fork, type: parallel, config: {}}",
        *(f"- {{name: call_{i}, type: tool, config: {{tool_name: count, parameters: {{}}}}}}" for i in range(4)),
        "- {name: gather, type: join, config: {}}",
        "- {name: end, type: end, config: {output: {reply: context.count}}}",
    ]
    edges = ["- {from: start, to: each}", "- {from: gather, to: each}", "- {from: each, to: end}"]
    for i in range(4):
        edges += [f"- {{from: fork, to: call_{i}}}", f"- {{from: call_{i}, to: gather}}"]
    return workflow_text("branches", nodes, edges)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("case", [(chain(EFFECTS, 0), COMMITS), (branches(), 4)], ids=["one by one", "four at a time"])
async def test_killed_at_each_commit_a_run_ends_right_and_repeats_nothing_that_was_recorded(
    runtime: Runtime, scope: Scope, connections: Connections, case: tuple[str, int], tmp_path: Path
) -> None:
    text, least = case
    points = [(commit, after) for commit in range(1, COMMITS + 1) for after in (False, True)]
    request = RunRequest(ByText(text), {"items": [1, 2, 3]})
    ids = [await runtime.client.submit(scope, request) for _ in points]
    lives = [
        {"run_id": str(run_id), "commit": commit, "after": after}
        for run_id, (commit, after) in zip(ids, points, strict=True)
    ]
    given = {
        "owner_url": connections.database_url,
        "redis_url": connections.redis_url,
        "effects": str(tmp_path / "effects"),
        "tenant_id": str(scope.tenant_id),
        "lives": lives,
    }
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.support.mortal"],
        cwd=ROOT,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
    )
    codes = list(map(int, done.stdout.split()))
    killed = codes.count(-9)
    assert codes == [-9] * killed + [0] * (len(codes) - killed), done.stderr
    assert killed >= 2 * least, "after each commit that the run has, and before it"
    for run_id in ids:
        recorded = await keys_of(runtime, scope, run_id)
        before = Counter(effect["key"] for effect in effects_of(tmp_path / "effects"))
        await end_lease(runtime, scope, run_id)
        await runtime.host.execute(scope.tenant_id, run_id)
        view = await runtime.client.get(scope, run_id)
        assert view.status == "succeeded"
        calls = Counter(effect["key"] for effect in effects_of(tmp_path / "effects"))
        mine = {key: count for key, count in calls.items() if key.startswith(str(run_id))}
        assert len(mine) == EFFECTS
        assert all(calls[key] == before[key] for key in recorded), "what was recorded was done again"
        assert max(mine.values()) <= 2
        assert sum(count - 1 for count in mine.values()) <= 4  # at most what was under way when the worker died
        assert await keys_of(runtime, scope, run_id) == set(mine)


async def keys_of(runtime: Runtime, scope: Scope, run_id: UUID) -> set[str]:
    """Idempotency keys of the calls whose end is recorded."""
    async with runtime.db.transaction(scope) as tx:
        steps = await runs.list_steps(tx, run_id)
    return {f"{run_id}:{s.path}:{s.iteration}" for s in steps if s.node_type == "tool" and s.status == "succeeded"}


async def end_lease(runtime: Runtime, scope: Scope, run_id: UUID) -> None:
    """As if the dead worker's time were over."""
    async with runtime.db.transaction(scope) as tx:
        query = (
            "UPDATE runs SET lease_until = now() - interval '1 second' WHERE run_id = :run_id AND status = 'running'"
        )
        await tx.session.execute(sa.text(query), {"run_id": run_id})
