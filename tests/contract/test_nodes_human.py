"""human: what is shown, which answers are taken, and what time decides."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import TransientError
from engine.execution.events import RunStatus
from engine.execution.ports import Signal
from engine.language.document import Document
from engine.language.validate import validate
from tests.support.ports import FakeDefinitions, FakeTools, World, workflow

FORM = "{type: object, properties: {amount: {type: number, maximum: 100}}, required: [amount]}"


def asking(config: str) -> str:
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - {{name: ask, type: human, config: {{message: "Refund {{amount}}?", {config}}}}}
  - {{name: end, type: end, config: {{output: {{it: '${{nodes.ask.output}}'}}}}}}
edges:
  - {{from: start, to: ask}}
  - {{from: ask, to: end}}
""")


async def asked(w: World, config: str) -> dict[str, Any]:
    """Run up to the question; returns what a person is shown."""
    result = await w.run(asking(config), {"amount": 5})
    assert result.status is RunStatus.SUSPENDED, result.error
    shown: dict[str, Any] = w.journal.records[-1].outcome["suspend"]["data"]
    return shown


async def told(w: World, config: str, answer: dict[str, Any]) -> Any:
    """Go on with this answer."""
    signal = Signal(f"s{len(w.journal.records)}", "step:ask:0", answer)
    w.journal.signals = [*getattr(w.journal, "signals", []), signal]  # type: ignore[attr-defined]
    signals = tuple(w.journal.signals)  # type: ignore[attr-defined]
    return await w.run(asking(config), {"amount": 5}, records=tuple(w.journal.records), signals=signals)


async def test_an_approval_shows_exactly_what_it_is_about_and_takes_one_answer() -> None:
    w, config = World(), "details: {amount: context.amount}, assignees: [role:agent]"
    shown = await asked(w, config)
    assert (shown["message"], shown["details"], shown["assignees"]) == ("Refund 5?", {"amount": 5}, ["role:agent"])
    answer = {"hash": shown["hash"], "decision": "approve", "comment": "ok", "by": "ada@example.org"}
    result = await told(w, config, answer)
    given = result.output["it"]
    assert {k: given[k] for k in ("decision", "approved", "comment", "by")} == {
        "decision": "approve", "approved": True, "comment": "ok", "by": "ada@example.org",
    }  # fmt: skip


async def test_a_rejection_is_an_answer() -> None:
    w = World()
    shown = await asked(w, "mode: approval")
    result = await told(w, "mode: approval", {"hash": shown["hash"], "decision": "reject"})
    assert (result.status, result.output["it"]["approved"]) == (RunStatus.SUCCEEDED, False)


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"hash": "0" * 64, "decision": "approve"},
        {"decision": "approve"},
        {"hash": "right", "decision": "yes"},
        {"hash": "right", "decision": "approve", "values": {"amount": 1}},
        {"hash": ["right"], "decision": {"a": 1}},
    ],
)
async def test_what_is_no_answer_to_this_is_passed_over(answer: dict[str, Any]) -> None:
    w = World()
    shown = await asked(w, "mode: approval")
    given = {**answer, "hash": shown["hash"]} if answer.get("hash") == "right" else answer
    assert (await told(w, "mode: approval", given)).status is RunStatus.SUSPENDED
    right = {"hash": shown["hash"], "decision": "approve"}
    assert (await told(w, "mode: approval", right)).status is RunStatus.SUCCEEDED


async def test_a_form_is_checked_and_its_fields_are_the_output() -> None:
    w, config = World(), f"mode: form, form: {FORM}"
    shown = await asked(w, config)
    wrong = {"hash": shown["hash"], "decision": "submit", "values": {"amount": 500}}
    assert (await told(w, config, wrong)).status is RunStatus.SUSPENDED
    result = await told(w, config, {**wrong, "values": {"amount": 50}})
    assert (result.output["it"]["amount"], result.output["it"]["decision"]) == (50, "submit")


async def test_a_choice_is_one_of_those_offered() -> None:
    w, config = World(), "mode: choice, choices: [red, blue]"
    shown = await asked(w, config)
    assert (await told(w, config, {"hash": shown["hash"], "decision": "green"})).status is RunStatus.SUSPENDED
    result = await told(w, config, {"hash": shown["hash"], "decision": "blue"})
    assert (result.output["it"]["choice"], result.output["it"]["approved"]) == ("blue", True)


@pytest.mark.parametrize(
    ("on_timeout", "expected"),
    [("fail", None), ("reject", False), ("approve", True)],
    ids=["fail", "reject", "approve"],
)
async def test_time_decides_when_nobody_answers(on_timeout: str, expected: bool | None) -> None:
    w, config = World(), f"timeout_seconds: 3600, on_timeout: {on_timeout}"
    await asked(w, config)
    assert w.journal.wake_at == 1_000 + 3600
    w.clock.time = 5_000
    result = await w.run(asking(config), {"amount": 5}, records=tuple(w.journal.records))
    if expected is None:
        assert (result.status, result.error["type"]) == (RunStatus.FAILED, "timeout")
    else:
        assert result.output["it"]["approved"] is expected


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("mode: choice", "choices"),
        ("choices: [a]", "choices"),
        ("mode: form", "form"),
        ("mode: form, form: {type: wrong}", "form"),
        ("mode: choice, choices: [a], form: {type: object}", "form"),
        ("mode: form, form: {type: object}, on_timeout: approve", "approved by time"),
        ("mode: shout", "mode"),
        ("timeout_seconds: 0", "timeout_seconds"),
    ],
)
def test_bad_questions_are_diagnostics_at_their_line(config: str, words: str) -> None:
    found = [d for d in validate(Document.parse(asking(config))) if d.is_error]
    assert found
    assert {d.line for d in found} == {8}
    assert any(words in d.message or words in str(d.path) for d in found), found


async def late(w: World, text: str) -> Any:
    w.clock.time = w.journal.wake_at or 0.0
    w.journal.wake_at = None
    return await w.run(text, {"amount": 5}, records=tuple(w.journal.records))


@pytest.mark.parametrize(
    "how", ["retry: {max_attempts: 2, initial_seconds: 1, on: [timeout]}", "on_error: {action: retry}"]
)
async def test_who_is_to_be_asked_once_more_is_asked_for_as_long_again(how: str) -> None:
    w, text = World(), asking("timeout_seconds: 60").replace("{name: ask,", f"{{name: ask, {how},")
    assert (await w.run(text, {"amount": 5})).status is RunStatus.SUSPENDED
    assert (await late(w, text)).status is RunStatus.SUSPENDED
    assert w.journal.wake_at == 1_060 + 1 + 60
    shown = w.journal.records[-1].outcome["suspend"]["data"]
    answer = Signal("s1", "step:ask:0", {"hash": shown["hash"], "decision": "approve"})
    result = await w.run(text, {"amount": 5}, records=tuple(w.journal.records), signals=(answer,))
    assert result.output["it"]["approved"] is True


async def test_nobody_is_asked_again_because_calls_are_repeated_by_default() -> None:
    w, text = World(), asking("timeout_seconds: 60") + "config: {max_retries: 3, retry_delay_seconds: 5}\n"
    await w.run(text, {"amount": 5})
    result = await late(w, text)
    assert (result.status, result.error["type"], w.clock.slept) == (RunStatus.FAILED, "timeout", [])


SUB = """\
nodes:
  - {name: start, type: start}
  - {name: ask, type: human, config: {message: "Sure?"}}
  - {name: pay, type: tool, config: {tool_name: pay}, retry: {max_attempts: 1}}
  - {name: end, type: end}
edges:
  - {from: start, to: ask}
  - {from: ask, to: pay}
  - {from: pay, to: end}
"""
CALLS = """\
nodes:
  - {name: start, type: start}
  - name: sub
    type: sub_workflow
    config: {workflow_name: sub}
    retry: {max_attempts: 3, initial_seconds: 1, on: ["*"]}
  - {name: end, type: end}
edges:
  - {from: start, to: sub}
  - {from: sub, to: end}
"""


async def test_a_step_beneath_one_that_is_tried_again_asks_again_and_can_be_answered() -> None:
    """The question is the same to the letter; the earlier answer is used up and must not stand for the new one."""
    down = TransientError("down")
    w = World(tools=FakeTools({"pay": [down, down, 1]}), definitions=FakeDefinitions({"sub": workflow(SUB, "sub")}))
    result, signals, names = await w.run(workflow(CALLS)), [], []
    for n in range(3):
        assert result.status is RunStatus.SUSPENDED, result.error
        asked = w.journal.records[-1].outcome
        names.append(asked["then"]["signal"])
        answer = {"hash": asked["suspend"]["data"]["hash"], "decision": "approve"}
        signals.append(Signal(f"s{n}", names[-1], answer))
        result = await w.run(workflow(CALLS), records=tuple(w.journal.records), signals=tuple(signals))
    assert (result.status, names) == (
        RunStatus.SUCCEEDED,
        ["step:sub/ask:0", "step:sub/ask:0:1", "step:sub/ask:0:2"],
    )
    assert len(w.tools.calls) == 3
