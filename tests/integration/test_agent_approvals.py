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
from engine.execution.ports import ModelRequest
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


async def seen_and_suspended(place: Place, run_id: UUID) -> None:
    """Until a worker has looked at what came for the run, and the run waits on."""
    async with asyncio.timeout(90):
        while (await place.runtime.client.get(place.scope, run_id)).status != "suspended":  # noqa: ASYNC110
            await asyncio.sleep(0.05)


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


@pytest.mark.timeout(240)
async def test_killed_between_two_answers_it_goes_on_after_the_second_as_if_nothing_had_been(
    place: Place, provider: ScriptedProvider
) -> None:
    """Both questions of a turn are open at once; one is answered while no worker runs, and workers are killed before
    and after: each is asked once, the call that is approved is made once, the other one is not."""
    provider.otherwise(counter({"n": 1}, {"n": 2}))
    (run_id,) = await place.submit(asking())
    with place.started("scheduler"):
        with place.started("worker", provider=provider.url) as (first,):
            asked = await open_questions(place, 2)
            first.send(signal.SIGKILL)
            first.wait()
        assert [question["details"] for question in asked] == [{"n": 1}, {"n": 2}]
        before = len(provider.requests)
        await decide(place, asked[1], "reject")
        with place.started("worker", provider=provider.url) as (second,):
            await seen_and_suspended(place, run_id)
            assert await open_questions(place) == asked[:1]  # the other one, as it was
            assert (place.calls(), len(provider.requests)) == ({}, before)
            second.send(signal.SIGKILL)
            second.wait()
        with pytest.raises(Conflict):
            await decide(place, asked[1], "approve")
        await decide(place, asked[0])
        with place.started("worker", provider=provider.url):
            assert await place.statuses([run_id]) == {"succeeded": 1}
    assert list(place.calls()) == [f"{run_id}:ask:0:tool:1:count"]
    assert await approvals.questions(place.runtime.db, place.scope) == []


@pytest.mark.timeout(180)
async def test_many_runs_with_two_calls_each_some_refused(place: Place, provider: ScriptedProvider) -> None:
    """Turns with several calls, all of them open at once; two people answer at the same moment while workers go on."""
    provider.otherwise(counter({"n": 0}, {"n": 1}))
    ids = await place.submit(asking(), 5)
    with place.started("scheduler"), place.started("worker", provider=provider.url):
        found = await open_questions(place, 10)
        assert {question["run_id"] for question in found} == {str(run_id) for run_id in ids}
        for run_id in map(str, ids):
            await asyncio.gather(*(answer_by_number(place, q) for q in found if q["run_id"] == run_id))
        assert await place.statuses(ids) == {"succeeded": 5}
    assert set(place.calls()) == {f"{run_id}:ask:0:tool:2:count" for run_id in ids}
    answered = [request.body["messages"] for request in provider.requests if _has_results(request.body)]
    assert len(answered) >= 5
    for messages in answered:
        told = [message["content"] for message in messages if message["role"] == "tool"]
        assert ["no <b>zeros</b>" in text for text in told] == [True, False]


async def answer_by_number(place: Place, question: Question) -> None:
    n = question["details"]["n"]
    await decide(place, question, "approve" if n else "reject", comment=None if n else "no <b>zeros</b>")


@pytest.mark.timeout(180)
async def test_time_ends_the_question_that_nobody_answers_and_no_other(
    place: Place, provider: ScriptedProvider
) -> None:
    provider.otherwise(counter({"n": 1}, {"n": 2}))
    (run_id,) = await place.submit(asking(", approvals: {timeout_seconds: 8}"))
    with place.started("scheduler"), place.started("worker", provider=provider.url):
        late, answered = await open_questions(place, 2)
        assert late["until"] == answered["until"]
        await decide(place, answered)
        assert await place.statuses([run_id]) == {"succeeded": 1}
    assert list(place.calls()) == [f"{run_id}:ask:0:tool:2:count"]
    said = [message["content"] for message in provider.requests[-1].body["messages"] if message["role"] == "tool"]
    assert "Nobody approved this call within 8 s" in said[0]
    assert said[1] == '{"counted": true}'
    shown = [await questions.load(place.runtime.db, place.scope, f"{run_id}.{q['seq']}") for q in (late, answered)]
    assert "Nobody answered in time" in shown[0].outcome
    assert shown[1].outcome.startswith("Approved by")
    with pytest.raises(Conflict):
        await decide(place, late)


# -- who may answer what ----------------------------------------------------------------------------------------------


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    return tmp_path / "effects"


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, effects: Path) -> AsyncIterator[Runtime]:
    models = FakeModels({"ask": [calls(("count", {"n": 7})), "Counted."], "both": two_calls})
    opened = await Runtime.open(settings, connections, ports=counting_world(effects)._replace(models=models))
    yield opened
    await opened.close()


def two_calls(request: ModelRequest) -> Any:
    """A model that calls twice in a turn, and then answers."""
    has_results = any(message["role"] == "tool" for message in request.messages)
    return "Counted." if has_results else calls(("count", {"n": 1}), ("count", {"n": 2}))


async def ask_both(runtime: Runtime, scope: Scope, more: str = "") -> tuple[UUID, list[Question]]:
    """A run that asks two things at once."""
    text = asking(more).replace("ask", "both")
    run_id = await runtime.client.submit(scope, RunRequest(ByText(text), {"message": "count"}))
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    return run_id, await approvals.questions(runtime.db, scope)


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


async def test_two_people_answer_the_questions_of_a_turn_at_the_same_moment(
    runtime: Runtime, scope: Scope, effects: Path, database: Database
) -> None:
    run_id, asked = await ask_both(runtime, scope, ", approvals: {timeout_seconds: 3600, assignees: ['role:admin']}")
    assert [(q["details"], q["assignees"], q["path"]) for q in asked] == [
        ({"n": n}, ["role:admin"], "both") for n in (1, 2)
    ]
    assert asked[0]["until"] == asked[1]["until"] is not None
    with pytest.raises(Forbidden):
        await give(runtime, replace(scope, role="agent"), asked[1])
    with pytest.raises(Conflict):  # an answer is to what it was given to
        await give(runtime, scope, asked[0], hash=asked[1]["hash"])
    another = replace(scope, user_id=None, role="admin")
    await asyncio.gather(give(runtime, scope, asked[0]), give(runtime, another, asked[1], decision="reject"))
    assert await approvals.questions(runtime.db, scope) == []
    assert await runtime.host.execute(scope.tenant_id, run_id) == "succeeded"
    assert [call["key"] for call in effects_of(effects)] == [f"{run_id}:both:0:tool:1:count"]
    async with database.transaction(scope) as tx:
        answers = [one for one in (await audit.entries(tx))[0] if one.action == "approval.answer"]
    told = sorted((one.details["hash"], one.details["decision"]) for one in answers)
    assert told == sorted([(asked[0]["hash"], "approve"), (asked[1]["hash"], "reject")])
    with pytest.raises(Conflict):
        await give(runtime, scope, asked[1])


async def test_one_answer_of_two_writes_nothing_and_leaves_the_other_question_open(
    runtime: Runtime, scope: Scope, effects: Path
) -> None:
    run_id, asked = await ask_both(runtime, scope)
    before = await runtime.client.steps(scope, run_id)
    await give(runtime, scope, asked[1])
    await give(runtime, scope, asked[1])  # once more the same: it is kept once
    assert [q["seq"] for q in await approvals.questions(runtime.db, scope)] == [asked[0]["seq"]]
    assert await questions.count(runtime.db, scope) == 1
    seen = [await approvals.question(runtime.db, scope, run_id, q["seq"]) for q in asked]
    assert [one["closed_at"] for one in seen] == [None, None]
    assert seen[0]["answer"] is None
    assert seen[1]["answer"]["decision"] == "approve"
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    assert await runtime.client.steps(scope, run_id) == before
    await runtime.client.cancel(scope, run_id)
    assert await approvals.questions(runtime.db, scope) == []
    with pytest.raises(Conflict):
        await give(runtime, scope, asked[0])
    assert effects_of(effects) == []
    events = [event async for _, event in runtime.client.events(scope, run_id)]
    told = [event["data"] for event in events if event["type"] == "step.suspended"]
    assert [(one["question"], one["data"]["details"]) for one in told] == [(1, {"n": 1}), (2, {"n": 2})]


async def test_a_run_that_goes_on_from_a_cancelled_one_asks_only_what_nobody_has_answered(
    runtime: Runtime, scope: Scope, effects: Path
) -> None:
    run_id, asked = await ask_both(runtime, scope)
    await give(runtime, scope, asked[1])
    await runtime.client.cancel(scope, run_id)
    again = await runtime.client.retry(scope, run_id, {})
    (left,) = await approvals.questions(runtime.db, scope)
    assert (left["run_id"], left["hash"]) == (str(again), asked[0]["hash"])
    await give(runtime, scope, left, decision="reject")
    assert await runtime.host.execute(scope.tenant_id, again) == "succeeded"
    assert [call["key"] for call in effects_of(effects)] == [f"{run_id}:both:0:tool:2:count"]
