"""Questions of suspended runs: who may answer, once, and to exactly what was shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from connectors.toolbox import Toolbox
from engine.errors import Conflict, Forbidden, InputError, NotFound
from engine.settings import Settings
from engine.store.access import desk, identity
from engine.store.session import Database, Scope
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.runtime import Runtime
from studio.services import approvals, questions
from tests.support.counting import counting_world, workflow_text


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


def asking(config: str = "mode: approval") -> str:
    nodes = [
        "- {name: start, type: start, config: {}}",
        f"- {{name: ask, type: human, config: {{message: Really?, {config}}}}}",
        "- {name: end, type: end, config: {output: {it: '${nodes.ask.output}'}}}",
    ]
    return workflow_text("asking", nodes, ["- {from: start, to: ask}", "- {from: ask, to: end}"])


async def ask(runtime: Runtime, scope: Scope, config: str = "mode: approval") -> dict[str, Any]:
    """A run that has come to its question."""
    run_id = await runtime.client.submit(scope, RunRequest(ByText(asking(config)), {}))
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    return next(one for one in await approvals.questions(runtime.db, scope) if one["run_id"] == str(run_id))


async def give(runtime: Runtime, scope: Scope, question: dict[str, Any], **answer: Any) -> None:
    given = {"hash": question["hash"], "decision": "approve", "values": {}, "comment": None} | answer
    key = (UUID(question["run_id"]), question["seq"])
    await approvals.answer(runtime.db, runtime.client, scope, key, given)


async def output(runtime: Runtime, scope: Scope, question: dict[str, Any]) -> dict[str, Any]:
    run_id = UUID(question["run_id"])
    assert await runtime.host.execute(scope.tenant_id, run_id) == "succeeded"
    it: dict[str, Any] = (await runtime.client.get(scope, run_id)).output["it"]
    return it


RACE = workflow_text(
    "race",
    [
        "- {name: start, type: start, config: {}}",
        "- {name: fork, type: parallel, config: {}}",
        "- {name: ask, type: human, config: {message: Really?}}",
        "- {name: paid, type: wait, config: {event: {name: paid}}}",
        "- {name: first, type: join, config: {mode: any}}",
        "- {name: then, type: human, config: {message: And now?}}",
        "- {name: end, type: end, config: {}}",
    ],
    [
        "- {from: start, to: fork}",
        "- {from: fork, to: ask}",
        "- {from: fork, to: paid}",
        "- {from: ask, to: first}",
        "- {from: paid, to: first}",
        "- {from: first, to: then}",
        "- {from: then, to: end}",
    ],
)


async def test_what_the_run_went_on_without_is_no_longer_asked(runtime: Runtime, scope: Scope) -> None:
    run_id = await runtime.client.submit(scope, RunRequest(ByText(RACE), {}))
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    (before,) = await approvals.questions(runtime.db, scope)
    await runtime.client.signal(scope, run_id, "paid", {})
    assert await runtime.host.execute(scope.tenant_id, run_id) == "suspended"
    (after,) = await approvals.questions(runtime.db, scope)
    assert (before["message"], after["message"]) == ("Really?", "And now?")
    with pytest.raises(Conflict) as told:
        await give(runtime, scope, before)
    assert told.value.details == {"closed_by": "dropped"}
    await give(runtime, scope, after)
    assert await runtime.host.execute(scope.tenant_id, run_id) == "succeeded"


async def test_an_answer_lets_the_run_go_on_and_names_who_gave_it(
    runtime: Runtime, scope: Scope, database: Database
) -> None:
    question = await ask(runtime, scope)
    await give(runtime, scope, question, comment="fine")
    async with database.transaction(scope) as tx:
        assert scope.user_id is not None
        email = await identity.email_of(tx, scope.user_id)
    it = await output(runtime, scope, question)
    assert (it["approved"], it["comment"], it["by"]) == (True, "fine", email)
    assert await approvals.questions(runtime.db, scope) == []
    closed = await approvals.question(runtime.db, scope, UUID(question["run_id"]), question["seq"])
    assert closed["closed_at"] is not None


async def test_the_first_answer_counts_and_the_same_one_again_changes_nothing(runtime: Runtime, scope: Scope) -> None:
    question = await ask(runtime, scope)
    other = replace(scope, user_id=None, role="admin")
    results = await asyncio.gather(
        give(runtime, scope, question, decision="approve"),
        give(runtime, other, question, decision="reject"),
        return_exceptions=True,
    )
    assert [type(one) for one in results].count(Conflict) == 1
    winner = "approve" if results[0] is None else "reject"
    await give(runtime, scope if results[0] is None else other, question, decision=winner)  # again: no change
    assert (await output(runtime, scope, question))["decision"] == winner
    with pytest.raises(Conflict):
        await give(runtime, scope, question, decision="reject" if winner == "approve" else "approve")


async def test_only_assignees_may_answer(runtime: Runtime, scope: Scope, database: Database) -> None:
    question = await ask(runtime, scope, "assignees: [ada@example.org]")
    with pytest.raises(Forbidden):
        await give(runtime, scope, question)
    by_role = await ask(runtime, scope, "assignees: ['role:agent']")
    with pytest.raises(Forbidden):
        await give(runtime, replace(scope, role="viewer"), by_role)
    await give(runtime, replace(scope, role="agent"), by_role)


async def test_another_tenant_knows_nothing_of_it(runtime: Runtime, scope: Scope, other_scope: Scope) -> None:
    question = await ask(runtime, scope)
    assert await approvals.questions(runtime.db, other_scope) == []
    with pytest.raises(NotFound):
        await give(runtime, other_scope, question)


async def test_an_answer_to_something_else_is_refused(runtime: Runtime, scope: Scope) -> None:
    question = await ask(runtime, scope)
    with pytest.raises(Conflict):
        await give(runtime, scope, question, hash="0" * 64)
    for wrong in ({"decision": "perhaps"}, {"values": {"a": 1}}):
        with pytest.raises(InputError):
            await give(runtime, scope, question, **wrong)
    with pytest.raises(NotFound):
        await give(runtime, scope, {**question, "seq": 99})


async def test_a_run_that_is_over_asks_nothing_more(runtime: Runtime, scope: Scope) -> None:
    question = await ask(runtime, scope)
    await runtime.client.cancel(scope, UUID(question["run_id"]))
    with pytest.raises(Conflict):
        await give(runtime, scope, question)
    assert await approvals.questions(runtime.db, scope) == []


FORM = """mode: approval, details: {b: 2, aa: [1], a: 3}, form: {type: object, required: [why], properties: {
  why: {type: string, minLength: 3}, amount: {type: number, exclusiveMinimum: 0}, by: {enum: [card, bank]}}}"""


async def send(runtime: Runtime, scope: Scope, question: dict[str, Any], **fields: str) -> dict[str, str]:
    """Answer with what a browser sends; returns what is wrong."""
    seen = await questions.load(runtime.db, scope, f"{question['run_id']}.{question['seq']}")
    posted = {("f:" + name if name not in ("decision", "comment") else name): [text] for name, text in fields.items()}
    about = questions.Seen(seen.key, seen.hash)
    return await questions.give(runtime.db, runtime.client, scope, about, posted)


async def test_a_form_in_the_studio_says_what_is_wrong_beside_each_field(runtime: Runtime, scope: Scope) -> None:
    question = await ask(runtime, scope, FORM)
    seen = await questions.load(runtime.db, scope, f"{question['run_id']}.{question['seq']}")
    assert [detail.name for detail in seen.details] == ["b", "aa", "a"]  # as they were written
    assert [field.name for field in seen.fields] == ["why", "amount", "by"]
    wrong = await send(runtime, scope, question, decision="approve", amount="0", by="cash", nothing="x")
    assert set(wrong) == {"why", "amount", "by"}
    assert await send(runtime, scope, question, why="late") == {"decision": "Approve or reject."}
    assert set(await send(runtime, scope, question, decision="approve", comment="x" * 4001)) == {"comment"}
    with pytest.raises(InputError):
        await send(runtime, scope, question, decision="perhaps", why="late")
    assert await questions.count(runtime.db, scope) == 1
    assert await send(runtime, scope, question, decision="approve", why="late", amount="2.5", comment=" ") == {}
    it = await output(runtime, scope, question)
    assert (it["why"], it["amount"], it["comment"]) == ("late", 2.5, None)


async def test_a_rejection_needs_no_form(runtime: Runtime, scope: Scope) -> None:
    question = await ask(runtime, scope, FORM)
    assert await send(runtime, scope, question, decision="reject", amount="nonsense") == {}
    assert (await output(runtime, scope, question))["approved"] is False


async def test_a_form_that_cannot_be_laid_out_is_written_as_json(runtime: Runtime, scope: Scope) -> None:
    config = "mode: form, form: {type: object, required: [box], properties: {box: {type: object, required: [w]}}}"
    question = await ask(runtime, scope, config)
    for text in ("{", "[1]", "{}", '{"box": {}}', '{"box": {"w": NaN}}'):
        assert set(await send(runtime, scope, question, values=text)) == {"values"}
    assert await send(runtime, scope, question, values='{"box": {"w": 2}}') == {}
    assert (await output(runtime, scope, question))["box"] == {"w": 2}


async def test_what_is_answered_is_no_longer_listed_while_its_run_waits_for_a_worker(
    runtime: Runtime, scope: Scope, other_scope: Scope
) -> None:
    question = await ask(runtime, scope)
    key = f"{question['run_id']}.{question['seq']}"
    assert [line.key for line in await questions.waiting(runtime.db, scope)] == [key]
    assert [line.key for line in await questions.waiting(runtime.db, scope, question["run_id"])] == [key]
    assert await questions.waiting(runtime.db, other_scope) == []
    viewer = replace(scope, role="viewer")
    assert (await questions.count(runtime.db, scope), await questions.count(runtime.db, viewer)) == (1, 0)
    assert (await questions.load(runtime.db, viewer, key)).refused
    await give(runtime, scope, question)
    assert await questions.waiting(runtime.db, scope) == []
    assert await approvals.questions(runtime.db, scope) == []
    assert (await questions.load(runtime.db, scope, key)).outcome.startswith("Approved by ")
    for wrong in ("", "x", f"{question['run_id']}.99", f"{question['run_id']}.²", key + "0"):
        with pytest.raises(NotFound):
            await questions.load(runtime.db, scope, wrong)


async def test_a_hand_off_is_resolved_like_a_question(
    runtime: Runtime, scope: Scope, database: Database, settings: Settings, connections: Connections
) -> None:
    """With the real service desk: the matter is open until a person has resolved it."""
    nodes = [
        "- {name: start, type: start, config: {}}",
        "- {name: over, type: handoff, config: {queue: tier1, summary: 'Lamp {n}', resume_on: resolved}}",
        "- {name: end, type: end, config: {output: {it: '${nodes.over.output}', reply: context.reply_text}}}",
    ]
    text = workflow_text("handing", nodes, ["- {from: start, to: over}", "- {from: over, to: end}"])
    ports = counting_world(Path("unused"))._replace(tools=Toolbox(database, secret="s", base_url="http://x"))
    real = await Runtime.open(settings, connections, ports=ports)
    try:
        run_id = await real.client.submit(scope, RunRequest(ByText(text), {"message": "Help", "n": 7}))
        assert await real.host.execute(scope.tenant_id, run_id) == "suspended"
        (line,) = await questions.waiting(real.db, scope)
        assert (line.mode, line.message) == ("handoff", "Lamp 7")
        async with database.transaction(scope) as tx:
            assert [one.status for one in await desk.list_escalations(tx)] == ["open"]
        question = {"run_id": str(run_id), "seq": int(line.key.rpartition(".")[2])}
        assert set(await send(real, scope, question, reply="x" * 8001)) == {"reply"}
        assert await send(real, scope, question, reply="Sent.", comment="new lamp") == {}
        assert await real.host.execute(scope.tenant_id, run_id) == "succeeded"
        assert (await real.client.get(scope, run_id)).output["reply"] == "Sent."
        async with database.transaction(scope) as tx:
            (one,) = await desk.list_escalations(tx)
        assert (one.status, one.details["resolution"], one.run_id) == ("resolved", "new lamp", run_id)
    finally:
        await real.close()
