"""handoff: what reaches the people, what the model may and may not spoil, and the wait for a resolution."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import PermanentError, TransientError
from engine.execution.events import RunStatus
from engine.execution.executor import RunResult
from engine.execution.ports import Signal
from engine.language.document import Document
from engine.language.validate import validate
from tests.support.ports import FakeModels, FakeTools, World, workflow

DESK = {"escalation_id": "ESC-000001", "queue": "tier1", "priority": "high", "escalation_status": "open"}
INPUT = {"message": "My lamp is broken", "priority": "urgent", "customer_id": "CUST-7"}


def handing(config: str) -> str:
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - {{name: over, type: handoff, config: {{queue: tier1, {config}}}}}
  - {{name: end, type: end, config: {{output: {{it: '${{nodes.over.output}}', reply: context.reply_text}}}}}}
edges:
  - {{from: start, to: over}}
  - {{from: over, to: end}}
""")


def world(summary: Any = json.dumps({"summary": "Wants a new lamp."}), desk: Any = DESK, resolved: Any = DESK) -> World:
    return World(FakeModels({"over": summary}), FakeTools({"hand_over": desk, "resolve_escalation": resolved}))


async def test_people_get_the_conversation_and_a_summary_and_the_run_goes_on() -> None:
    w = world()
    result = await w.run(handing("priority: context.priority"), INPUT, history=({"role": "user", "content": "Hello"},))
    assert result.status is RunStatus.SUCCEEDED, result.error
    (call,) = w.tools.calls
    assert call.parameters == {
        "queue": "tier1",
        "priority": "urgent",
        "customer_id": "CUST-7",
        "message": "Wants a new lamp.",
        "conversation": [
            {"role": "user", "content": "Hello"},
            {"role": "user", "content": "My lamp is broken"},
        ],
        "workflow": "main",
    }
    assert result.output["it"] == {
        "escalation_id": "ESC-000001", "queue": "tier1", "priority": "high", "summary": "Wants a new lamp.",
    }  # fmt: skip
    assert result.output["reply"].startswith("Thank you. A colleague takes over")


@pytest.mark.parametrize("spoilt", [TransientError("down"), "no JSON at all", PermanentError("no such model")])
async def test_a_model_that_fails_costs_the_summary_not_the_hand_over(spoilt: Any) -> None:
    w = world(summary=spoilt)
    result = await w.run(handing("message: ''"), INPUT)
    assert result.status is RunStatus.SUCCEEDED, result.error
    assert w.tools.calls[0].parameters["message"] == "My lamp is broken"
    assert (result.output["it"]["summary"], result.output["reply"]) == (None, None)


@pytest.mark.parametrize(("summary", "message"), [("'Lamp: {message}'", "Lamp: My lamp is broken"), ("false", None)])
async def test_a_summary_of_ones_own_or_none_asks_no_model(summary: str, message: str | None) -> None:
    w = world()
    await w.run(handing(f"summary: {summary}"), INPUT)
    assert w.models.requests == []
    assert w.tools.calls[0].parameters["message"] == (message or "My lamp is broken")


async def waiting(w: World, config: str = "resume_on: resolved") -> dict[str, Any]:
    result = await w.run(handing(config), INPUT)
    assert result.status is RunStatus.SUSPENDED, result.error
    shown: dict[str, Any] = w.journal.records[-1].outcome["suspend"]["data"]
    return shown


async def told(w: World, *answers: dict[str, Any]) -> RunResult:
    signals = tuple(Signal(f"s{n}", "step:over:0", answer) for n, answer in enumerate(answers))
    return await w.run(handing("resume_on: resolved"), INPUT, records=tuple(w.journal.records), signals=signals)


async def test_it_waits_until_somebody_resolved_it_and_hands_over_once() -> None:
    w = world()
    shown = await waiting(w)
    assert (shown["mode"], shown["message"], shown["assignees"]) == ("handoff", "Wants a new lamp.", [])
    assert shown["details"]["conversation"] == "customer: My lamp is broken"
    answer = {"hash": shown["hash"], "decision": "resolve", "values": {"reply": "It is on its way."}, "by": "ada@x.org"}
    result = await told(w, answer | {"comment": "sent a new one"})
    assert result.status is RunStatus.SUCCEEDED, result.error
    assert [call.tool for call in w.tools.calls] == ["hand_over", "resolve_escalation"]
    assert w.tools.calls[1].parameters == {"escalation_id": "ESC-000001", "note": "sent a new one"}
    assert len(w.models.requests) == 1
    it = result.output["it"]
    assert (it["resolved"], it["by"], it["comment"]) == (True, "ada@x.org", "sent a new one")
    assert result.output["reply"] == "It is on its way."


async def test_what_is_no_resolution_is_not_taken() -> None:
    w = world()
    shown = await waiting(w)
    wrong = [{}, {"hash": "0" * 64, "decision": "resolve"}, {"hash": shown["hash"], "decision": "approve"}]
    result = await told(w, *wrong, {"hash": shown["hash"], "decision": "resolve", "values": {"reply": 5}})
    assert result.status is RunStatus.SUSPENDED
    assert [call.tool for call in w.tools.calls] == ["hand_over"]


async def test_when_nobody_resolves_it_in_time_the_step_fails() -> None:
    w, config = world(), "resume_on: resolved, timeout_seconds: 60"
    await waiting(w, config)
    w.clock.time += 61
    result = await w.run(handing(config), INPUT, records=tuple(w.journal.records))
    assert (result.status, result.error["type"]) == (RunStatus.FAILED, "timeout")  # type: ignore[index]


async def test_a_desk_that_fails_is_a_failure_of_the_tool() -> None:
    w = world(desk=PermanentError("full", error_type="escalation_error"))
    result = await w.run(handing("summary: false"), INPUT)
    assert (result.status, result.error["type"]) == (RunStatus.FAILED, "escalation_error")  # type: ignore[index]
    assert (await World().run(handing("summary: false"), INPUT)).status is RunStatus.FAILED  # no desk at all


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ("queue: ''", "queue"),
        ("queue: 'two words'", "queue"),
        ("queue: 'a@b@c'", "queue"),
        ("queue: tier1, resume_on: never", "resume_on"),
        ("queue: tier1, timeout_seconds: 0", "timeout_seconds"),
        ("queue: tier1, summary: [a]", "summary"),
        ("queue: tier1, routing: {guard: judge}", "judge"),
    ],
)
def test_wrong_config_is_said_at_its_line(config: str, word: str) -> None:
    text = handing("").replace("queue: tier1, ", config)
    found = [d for d in validate(Document.parse(text)) if d.is_error]
    assert [d.line for d in found] == [text[: text.index("handoff")].count("\n") + 1]
    assert word in found[0].message or word in str(found[0].path)
