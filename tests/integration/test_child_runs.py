"""A step that starts a run of its own: once, whatever crashes, of the right text, and not without end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlmodel import select

from engine.settings import Settings
from engine.store.access import chains, workflows
from engine.store.session import Scope
from engine.store.tables.runs import RunRow
from runners.client import ByText, ByVersion, RunRequest, RunView
from runners.connections import Connections
from runners.runtime import Runtime
from studio.services import run_detail
from tests.integration.test_runs_every_commit import end_lease
from tests.support.counting import chain, counting_world, effects_of, workflow_text
from tests.support.worker_process import ROOT


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


def starting(called: str = "chain", *, name: str = "starting", config: str = "") -> str:
    nodes = [
        "- {name: start, type: start, config: {}}",
        f"- {{name: begin, type: sub_workflow, config: {{workflow_name: {called}, mode: async{config}}}}}",
        "- {name: after, type: tool, config: {tool_name: count, parameters: {}}}",
        "- {name: end, type: end, config: {output: {child: context.run_id}}}",
    ]
    edges = ["- {from: start, to: begin}", "- {from: begin, to: after}", "- {from: after, to: end}"]
    return workflow_text(name, nodes, edges)


async def publish(runtime: Runtime, scope: Scope, text: str) -> UUID:
    async with runtime.db.transaction(scope) as tx:
        row = await workflows.create(tx, text)
        await workflows.publish(tx, row.workflow_id)
    return row.workflow_id


async def done(runtime: Runtime, scope: Scope, run_id: UUID) -> RunView:
    await runtime.host.execute(scope.tenant_id, run_id)
    return await runtime.client.get(scope, run_id)


async def children(runtime: Runtime, scope: Scope) -> list[RunRow]:
    async with runtime.db.transaction(scope) as tx:
        query = select(RunRow).where(RunRow.trigger == "workflow").order_by(RunRow.created_at)
        return list((await tx.session.execute(query)).scalars())


async def test_a_published_workflow_gets_a_run_of_its_own(
    runtime: Runtime, scope: Scope, other_scope: Scope, tmp_path: Path
) -> None:
    called = await publish(runtime, scope, chain(1, 0))
    caller = await publish(runtime, scope, starting())
    run_id = await runtime.client.submit(scope, RunRequest(ByVersion(caller), {"n": 7}))
    view = await done(runtime, scope, run_id)
    assert view.status == "succeeded", view.error
    (child,) = await children(runtime, scope)
    assert (view.output["child"], child.workflow_id, child.version_number) == (str(child.run_id), called, 1)
    assert (child.status, child.input) == ("queued", {"n": 7})
    assert (await done(runtime, scope, child.run_id)).status == "succeeded"
    assert {effect["run"] for effect in effects_of(tmp_path / "effects")} == {str(run_id), str(child.run_id)}
    page = await run_detail.load(runtime.db, scope, str(child.run_id), {})
    assert (page.started_by.run_id, page.started_by.step) == (str(run_id), "begin")
    step = await run_detail.load_step(runtime.db, scope, str(run_id), "begin#0")
    assert step.started == str(child.run_id)
    assert await children(runtime, other_scope) == []


async def test_a_file_starts_the_files_beside_it(runtime: Runtime, scope: Scope) -> None:
    nested = starting("deep", name="chain")
    source = ByText(starting(), {"chain": nested, "deep": chain(1, 0, name="deep")})
    view = await done(runtime, scope, await runtime.client.submit(scope, RunRequest(source, {})))
    (child,) = await children(runtime, scope)
    assert (view.status, child.workflow_id) == ("succeeded", None)
    assert (await done(runtime, scope, child.run_id)).status == "succeeded"
    assert [one.workflow_name for one in await children(runtime, scope)] == ["chain", "deep"]


@pytest.mark.timeout(300)
async def test_killed_at_each_commit_it_is_started_once(
    runtime: Runtime, scope: Scope, connections: Connections, tmp_path: Path
) -> None:
    source = ByText(starting(), {"chain": chain(1, 0)})
    points = [(commit, after) for commit in range(1, 6) for after in (False, True)]
    ids = [await runtime.client.submit(scope, RunRequest(source, {"n": n})) for n in range(len(points))]
    given = {
        "owner_url": connections.database_url,
        "redis_url": connections.redis_url,
        "effects": str(tmp_path / "effects"),
        "tenant_id": str(scope.tenant_id),
        "lives": [
            {"run_id": str(run_id), "commit": commit, "after": after}
            for run_id, (commit, after) in zip(ids, points, strict=True)
        ],
    }
    command = [sys.executable, "-m", "tests.support.mortal"]
    process = await asyncio.to_thread(
        subprocess.run, command, cwd=ROOT, input=json.dumps(given), capture_output=True, text=True, check=True
    )
    assert process.stdout.split().count("-9") >= 6, process.stderr
    for run_id in ids:
        await end_lease(runtime, scope, run_id)
        assert (await done(runtime, scope, run_id)).status == "succeeded"
    outputs = {(await runtime.client.get(scope, run_id)).output["child"] for run_id in ids}
    assert {str(child.run_id) for child in await children(runtime, scope)} == outputs
    assert len(outputs) == len(ids)


async def test_a_retried_run_names_the_child_that_was_started(runtime: Runtime, scope: Scope) -> None:
    text = starting().replace("tool_name: count", "tool_name: fail")
    source = ByText(text, {"chain": chain(1, 0)})
    run_id = await runtime.client.submit(scope, RunRequest(source, {}))
    assert (await done(runtime, scope, run_id)).status == "failed"
    again = await runtime.client.retry(scope, run_id)
    assert (await done(runtime, scope, again)).status == "failed"
    assert len(await children(runtime, scope)) == 1
    page = await run_detail.load(runtime.db, scope, str(again), {})
    assert page.goes_on_from == str(run_id)


@pytest.mark.parametrize(
    ("called", "code"),
    [
        ("nothing", "definition_missing"),
        ("picky", "validation_error"),
    ],
)
async def test_what_cannot_be_started_fails_the_step_and_starts_nothing(
    runtime: Runtime, scope: Scope, called: str, code: str
) -> None:
    picky = chain(1, 0, name="picky") + "inputs: {type: object, required: [order]}\n"
    await publish(runtime, scope, picky)
    view = await done(runtime, scope, await runtime.client.submit(scope, RunRequest(ByText(starting(called)), {})))
    assert view.status == "failed"
    error: Any = view.error
    assert code in (error["code"], error["type"])
    assert await children(runtime, scope) == []


async def test_runs_that_start_each_other_end(runtime: Runtime, scope: Scope) -> None:
    """Two workflows in a circle, which no check of one file sees."""
    await publish(runtime, scope, starting("pong", name="ping"))
    await publish(runtime, scope, starting("ping", name="pong"))
    run_id = await runtime.client.submit(scope, RunRequest(ByText(starting("ping")), {}))
    view = await done(runtime, scope, run_id)
    for _ in range(chains.LONGEST - 1):
        assert view.status == "succeeded", view.error
        newest = (await children(runtime, scope))[-1]
        view = await done(runtime, scope, newest.run_id)
    view = await done(runtime, scope, (await children(runtime, scope))[-1].run_id)
    assert view.status == "failed"
    assert "have started each other" in view.error["message"]  # type: ignore[index]
    assert len(await children(runtime, scope)) == chains.LONGEST
