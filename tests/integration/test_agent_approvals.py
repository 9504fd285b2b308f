"""Agents whose tools a person has to approve, with real processes and stores: killed anywhere, answered by anybody."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from engine.errors import Conflict, Forbidden, NotFound
from engine.settings import Settings
from engine.store.access import audit
from engine.store.session import Database, Scope
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.runtime import Runtime
from studio.services import approvals, questions
from tests.contract.test_nodes_agent_tools import calls
from tests.support.counting import counting_world, effects_of, until, workflow_text
from tests.support.place import Place, open_place
from tests.support.ports import FakeModels
from tests.support.provider import Reply, ScriptedProvider
from tests.support.servers import TestServers

Question = dict[str, Any]


def asking(more: str = "") -> str:
    tools = f"tools: [{{tool_name: count, approval: true}}]{more}"
    nodes = [
        "- {name: start, type: start, config: {}}",
        f"- {{name: ask, type: agent, config: {{model: gpt-4o-mini, {tools}}}}}",
        "- {name: end, type: end, config: {output: {reply: context.reply_text}}}",
    ]
    return workflow_text("asking", nodes, ["- {from: start, to: ask}", "- {from: ask, to: end}"])


# -- real workers, a real queue, a provider over HTTP -----------------------------------------------------------------


@pytest.fixture
async def place(servers: TestServers, fresh_owner_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Place]:
    async with open_place(servers, fresh_owner_url, redis_url, tmp_path) as found:
        yield found


async def open_questions(place: Place, count: int = 1) -> list[Question]:
    """What is asked, once so many questions are open."""
    async with asyncio.timeout(90):
        while len(found := await approvals.questions(place.runtime.db, place.scope)) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def decide(place: Place, question: Question, decision: str = "approve", **answer: Any) -> None:
    given = {"hash": question["hash"], "decision": decision, "values": {}, "comment": None} | answer
    key = (UUID(question["run_id"]), question["seq"])
    await approvals.answer(place.runtime.db, place.runtime.client, place.scope, key, given)


def counter(*calls: dict[str, Any]) -> Callable[[Mapping[str, Any]], Reply]:
    """A model that makes these calls, and answers once it has their results."""
    wanted = tuple({"id": f"c{n}", "name": "count", "arguments": given} for n, given in enumerate(calls))
    return lambda body: Reply("Counted.") if _has_results(body) else Reply(tool_calls=wanted)


def _has_results(body: Mapping[str, Any]) -> bool:
    return bool(body["messages"][-1]["role"] == "tool")


@pytest.mark.timeout(240)
async def test_killed_while_it_waits_and_in_the_middle_of_the_call_it_goes_on_where_it_was(
    place: Place, provider: ScriptedProvider
) -> None:
    """One worker asks, another one dies in the approved call, a third goes on: one question, one key, and the model is
    not asked again what it had decided."""
    provider.otherwise(counter({"seconds": 1.5, "n": 7}))
    (run_id,) = await place.submit(asking())
    with place.started("scheduler"):
        with place.started("worker", provider=provider.url) as (first,):
            (question,) = await open_questions(place)
            first.send(signal.SIGKILL)
            first.wait()
        assert (question["details"], place.calls()) == ({"seconds": 1.5, "n": 7}, {})
        before = len(provider.requests)
        await decide(place, question)
        with place.started("worker", provider=provider.url) as (second,):
            await until(lambda: len(place.calls()) == 1)
            second.send(signal.SIGKILL)
            second.wait()
        with place.started("worker", provider=provider.url):
            assert await place.statuses([run_id]) == {"succeeded": 1}
    assert list(place.calls()) == [f"{run_id}:ask:0:tool:1:count"]
    later = [request.body for request in provider.requests[before:]]
    assert [_has_results(body) for body in later] == [True] * max(1, len(later))
    said = later[-1]["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "tool"]
    assert said[-1]["content"] == '{"counted": true}'
    view = await place.runtime.client.get(place.scope, run_id)
    assert view.output == {"reply": "Counted."}
    assert await approvals.questions(place.runtime.db, place.scope) == []


@pytest.mark.timeout(180)
async def test_many_runs_with_two_calls_each_some_refused(place: Place, provider: ScriptedProvider) -> None:
    """Turns with several calls; the answers come while workers go on with others."""
    provider.otherwise(counter({"n": 0}, {"n": 1}))
    ids = await place.submit(asking(), 5)
    with place.started("scheduler"), place.started("worker", provider=provider.url):
        for _ in range(2):
            found = await open_questions(place, 5)
            assert {question["run_id"] for question in found} == {str(run_id) for run_id in ids}
            for question in found:
                n = question["details"]["n"]
                await decide(place, question, "approve" if n else "reject", comment=None if n else "no <b>zeros</b>")
        assert await place.statuses(ids) == {"succeeded": 5}
    assert set(place.calls()) == {f"{run_id}:ask:0:tool:2:count" for run_id in ids}
    answered = [request.body["messages"] for request in provider.requests if _has_results(request.body)]
    assert len(answered) >= 5
    for messages in answered:
        told = [message["content"] for message in messages if message["role"] == "tool"]
        assert ["no <b>zeros</b>" in text for text in told] == [True, False]


# -- who may answer what ----------------------------------------------------------------------------------------------


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    return tmp_path / "effects"


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, effects: Path) -> AsyncIterator[Runtime]:
    models = FakeModels({"ask": [calls(("count", {"n": 7})), "Counted."]})
    opened = await Runtime.open(settings, connections, ports=counting_world(effects)._replace(models=models))
    yield opened
    await opened.close()


async def ask(runtime: Runtime, scope: Scope, more: str = "") -> tuple[UUID, Question]:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(asking(more)), {"message": "count"}))
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    (found,) = await approvals.questions(runtime.db, scope)
    return run_id, found


async def give(runtime: Runtime, scope: Scope, question: Question, **answer: Any) -> None:
    given = {"hash": question["hash"], "decision": "approve", "values": {}, "comment": None} | answer
    await approvals.answer(runtime.db, runtime.client, scope, (UUID(question["run_id"]), question["seq"]), given)


async def test_the_question_names_tool_and_arguments_and_only_its_own_tenant_sees_it(
    runtime: Runtime, scope: Scope, other_scope: Scope, effects: Path
) -> None:
    run_id, question = await ask(runtime, scope, ", approvals: {timeout_seconds: 3600}")
    assert (question["tool"]["name"], question["details"], question["path"]) == ("count", {"n": 7}, "ask")
    assert question["until"] is not None
    seen = await questions.load(runtime.db, scope, f"{run_id}.{question['seq']}")
    assert (seen.tool, [(d.name, d.value) for d in seen.details]) == ("count", [("n", "7")])
    assert await approvals.questions(runtime.db, other_scope) == []
    with pytest.raises(NotFound):
        await give(runtime, other_scope, question)
    assert effects_of(effects) == []
    await give(runtime, scope, question)
    assert await runtime.host.execute(scope.tenant_id, run_id) == "succeeded"
    assert len(effects_of(effects)) == 1


async def test_an_answer_to_other_arguments_is_refused_and_two_answers_at_once_are_one(
    runtime: Runtime, scope: Scope, effects: Path, database: Database
) -> None:
    run_id, question = await ask(runtime, scope)
    with pytest.raises(Conflict):
        await give(runtime, scope, question, hash="0" * 64)
    another = replace(scope, user_id=None, role="admin")
    results = await asyncio.gather(
        give(runtime, scope, question), give(runtime, another, question, decision="reject"), return_exceptions=True
    )
    assert [type(one) for one in results].count(Conflict) == 1
    assert await runtime.host.execute(scope.tenant_id, run_id) == "succeeded"
    assert len(effects_of(effects)) == (1 if results[0] is None else 0)
    async with database.transaction(scope) as tx:
        answers = [one for one in (await audit.entries(tx))[0] if one.action == "approval.answer"]
    told = {"step": "ask", "tool": "count", "hash": question["hash"]}
    decision = "approve" if results[0] is None else "reject"
    assert [(one.resource_id, one.details) for one in answers] == [(str(run_id), {**told, "decision": decision})]


async def test_only_those_who_are_asked_may_answer(runtime: Runtime, scope: Scope, effects: Path) -> None:
    _, question = await ask(runtime, scope, ", approvals: {assignees: ['role:admin']}")
    for role in ("viewer", "agent"):
        with pytest.raises(Forbidden):
            await give(runtime, replace(scope, role=role), question)
    await give(runtime, replace(scope, role="admin"), question)
    assert effects_of(effects) == []  # it is made by a worker, not by whoever answers


async def test_a_cancelled_run_calls_nothing_and_one_that_goes_on_from_it_asks_again(
    runtime: Runtime, scope: Scope, effects: Path
) -> None:
    run_id, question = await ask(runtime, scope)
    await runtime.client.cancel(scope, run_id)
    with pytest.raises(Conflict):
        await give(runtime, scope, question)
    assert await approvals.questions(runtime.db, scope) == []
    again = await runtime.client.retry(scope, run_id, {})
    (asked,) = await approvals.questions(runtime.db, scope)
    assert (asked["run_id"], asked["details"]) == (str(again), {"n": 7})
    await give(runtime, scope, asked)
    assert await runtime.host.execute(scope.tenant_id, again) == "succeeded"
    assert [call["key"] for call in effects_of(effects)] == [f"{run_id}:ask:0:tool:1:count"]
