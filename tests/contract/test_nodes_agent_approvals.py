"""The agent whose tools a person has to approve: what is asked, which answers count, and what the model is told."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import TransientError
from engine.execution.events import RunStatus
from engine.execution.ports import ModelRequest, Signal
from engine.language.document import Document
from engine.language.validate import validate
from tests.contract.test_nodes_agent import ask
from tests.contract.test_nodes_agent_tools import ORDER, calls
from tests.support.ports import FakeMcp, FakeModels, FakeTools, World, workflow

CONFIG = "tools: [find, {tool_name: refund, approval: true}]"
REFUND = {"type": "object", "properties": {"order_id": {"type": "string"}, "amount": {"type": "number"}}}
TWELVE = {"order_id": "ORD-1", "amount": 12}


class Talk:
    """One run, suspended and gone on with as often as the test likes."""

    def __init__(self, answers: Any, config: str = CONFIG, refund: Any = None, after: str = "", **world: Any) -> None:
        self.tools = FakeTools(
            {"find": {"status": "paid"}, "refund": refund or {"ok": True}}, {"find": ORDER, "refund": REFUND}
        )
        self.w = World(FakeModels({"ask": answers}), self.tools, **world)
        self.text = ask(config, after=after)
        self.signals: list[Signal] = []

    async def go_on(self) -> Any:
        records, signals = tuple(self.w.journal.records), tuple(self.signals)
        return await self.w.run(self.text, {"message": "refund ORD-1"}, records=records, signals=signals)

    @property
    def asked(self) -> dict[str, Any]:
        """What the person is shown now."""
        shown: dict[str, Any] = self.w.journal.records[-1].outcome["suspend"]["data"]
        return shown

    async def answer(self, decision: str = "approve", **answer: Any) -> Any:
        given = {"hash": self.asked["hash"], "decision": decision} | answer
        self.signals.append(Signal(f"s{len(self.signals)}", "step:ask:0", given))
        return await self.go_on()

    @property
    def made(self) -> list[tuple[str, Any]]:
        return [(call.tool, call.parameters) for call in self.tools.calls]

    @property
    def told(self) -> list[str]:
        return [m["content"] for m in self.w.models.requests[-1].messages if m["role"] == "tool"]


async def test_an_approved_call_is_made_once_with_exactly_what_was_shown() -> None:
    talk = Talk([calls(("refund", TWELVE)), "Refunded."])
    assert (await talk.go_on()).status is RunStatus.SUSPENDED
    assert talk.made == []
    shown = talk.asked
    assert (shown["mode"], shown["message"], shown["details"]) == (
        "approval",
        "May the agent ask call “refund”?",
        TWELVE,
    )
    assert (shown["tool"]["name"], shown["order"]["details"]) == ("refund", ["order_id", "amount"])
    result = await talk.answer()
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, {"reply": "Refunded."})
    assert talk.made == [("refund", TWELVE)]
    assert talk.tools.calls[0].idempotency_key.endswith(":tool:1:refund")
    assert [m["role"] for m in talk.w.models.requests[-1].messages] == ["system", "user", "assistant", "tool"]


async def test_earlier_turns_and_results_are_kept_and_each_turn_is_paid_for_once() -> None:
    talk = Talk([calls(("find", {"order_id": "ORD-1"})), calls(("refund", TWELVE)), "Done."])
    await talk.go_on()
    assert len(talk.w.models.requests) == 2
    result = await talk.answer()
    assert len(talk.w.models.requests) == 3
    assert [tool for tool, _ in talk.made] == ["find", "refund"]
    assert talk.told == ['{"status": "paid"}', '{"ok": true}']
    assert (result.cost_usd_micros, result.tokens_in) == (300, 30)
    assert [cost for record in talk.w.journal.records if (cost := record.usage.cost_usd_micros)] == [200, 100]


@pytest.mark.parametrize("comment", [None, "The parcel is on its way."])
async def test_a_refused_call_is_not_made_and_the_model_goes_on_without_it(comment: str | None) -> None:
    talk = Talk([calls(("refund", TWELVE)), "I cannot refund it."])
    await talk.go_on()
    result = await talk.answer("reject", comment=comment, by="ada@example.org")
    assert (result.output, talk.made) == ({"reply": "I cannot refund it."}, [])
    assert "A person has refused this call" in talk.told[0]
    assert (comment in talk.told[0]) if comment else ("They wrote" not in talk.told[0])


async def test_a_call_that_nobody_approves_in_time_is_not_made() -> None:
    talk = Talk([calls(("refund", TWELVE)), "Later."], f"{CONFIG}, approvals: {{timeout_seconds: 3600}}")
    await talk.go_on()
    assert talk.w.journal.wake_at == 1_000 + 3600
    talk.w.clock.time = 5_000
    assert (await talk.go_on()).output == {"reply": "Later."}
    assert talk.made == []
    assert "Nobody approved this call within 3600 s" in talk.told[0]


async def test_calls_of_one_turn_are_asked_about_one_after_the_other_and_the_rest_does_not_wait() -> None:
    wanted = calls(
        ("refund", TWELVE),
        ("find", {"order_id": "ORD-1"}),
        ("refund", {"order_id": "ORD-2"}),
        ("refund", {"amount": "x"}),
    )
    talk = Talk([wanted, "ok"], f"{CONFIG}, approvals: {{timeout_seconds: 60}}")
    await talk.go_on()
    assert talk.made == [("find", {"order_id": "ORD-1"})]
    assert talk.asked["details"] == TWELVE
    talk.w.clock.time += 50
    assert (await talk.answer()).status is RunStatus.SUSPENDED
    assert talk.asked["details"] == {"order_id": "ORD-2"}
    assert talk.w.journal.wake_at == 1_000 + 50 + 60
    await talk.answer("reject")
    assert talk.made == [("find", {"order_id": "ORD-1"}), ("refund", TWELVE)]
    found = talk.told
    assert found[:2] == ['{"ok": true}', '{"status": "paid"}']
    assert "refused" in found[2]
    assert "do not fit" in found[3]


async def test_time_that_ended_one_question_does_not_end_the_next() -> None:
    twice = calls(("refund", TWELVE), ("refund", TWELVE))
    talk = Talk([twice, "ok"], f"{CONFIG}, approvals: {{timeout_seconds: 60}}")
    await talk.go_on()
    first = talk.asked["hash"]
    talk.w.clock.time += 61
    assert (await talk.go_on()).status is RunStatus.SUSPENDED
    assert talk.asked["hash"] != first  # the same call again is another question
    await talk.answer()
    assert talk.made == [("refund", TWELVE)]


async def test_a_later_turn_may_ask_again() -> None:
    other = {"order_id": "ORD-2", "amount": 1}
    talk = Talk([calls(("refund", TWELVE)), calls(("refund", other)), "Both."])
    await talk.go_on()
    assert (await talk.answer()).status is RunStatus.SUSPENDED
    assert (await talk.answer()).output == {"reply": "Both."}
    assert talk.made == [("refund", TWELVE), ("refund", other)]
    keys = [call.idempotency_key for call in talk.tools.calls]
    assert [key.partition("tool:")[2] for key in keys] == ["1:refund", "2:refund"]


@pytest.mark.parametrize(
    "answer",
    [
        {"hash": "0" * 64},
        {"hash": None},
        {"decision": "yes"},
        {"decision": ["approve"]},
        {"values": {"amount": 500}},
        {"details": {"amount": 500}, "hash": "f" * 64},
    ],
)
async def test_what_is_no_answer_to_this_call_is_passed_over(answer: dict[str, Any]) -> None:
    talk = Talk([calls(("refund", TWELVE)), "ok"], f"{CONFIG}, approvals: {{timeout_seconds: 60}}")
    await talk.go_on()
    shown = talk.asked
    talk.w.clock.time += 10
    assert (await talk.answer(**answer)).status is RunStatus.SUSPENDED
    assert (talk.made, talk.asked) == ([], shown)
    assert talk.w.journal.wake_at == 1_060  # nobody gets more time by that
    assert (await talk.answer()).status is RunStatus.SUCCEEDED
    assert talk.made == [("refund", TWELVE)]


async def test_an_answer_to_an_earlier_question_does_not_approve_a_later_one() -> None:
    talk = Talk([calls(("refund", TWELVE)), calls(("refund", {**TWELVE, "amount": 900})), "ok"])
    await talk.go_on()
    old = talk.asked["hash"]
    await talk.answer()
    assert (await talk.answer(hash=old)).status is RunStatus.SUSPENDED
    assert talk.made == [("refund", TWELVE)]


async def test_fixed_parameters_are_shown_and_called_as_they_were_shown() -> None:
    config = "tools: [{tool_name: refund, approval: true, parameters: {amount: '${now()}'}}]"
    talk = Talk([calls(("refund", {"order_id": "ORD-1", "amount": 9_999})), "ok"], config)
    talk.tools = talk.w.tools = FakeTools({"refund": 1}, {"refund": {"type": "object"}})
    await talk.go_on()
    shown = talk.asked["details"]
    assert shown["amount"] != 9_999
    talk.w.clock.time += 500
    await talk.answer()
    assert talk.made == [("refund", shown)]


async def test_a_call_that_fails_is_tried_again_without_another_question() -> None:
    down = [TransientError("down", error_type="crm_error"), {"ok": True}]
    again = "    retry: {max_attempts: 2, initial_seconds: 1}"
    talk = Talk([calls(("refund", TWELVE)), "ok"], refund=down, after=again)
    await talk.go_on()
    result = await talk.answer()
    assert (result.status, result.output) == (RunStatus.SUCCEEDED, {"reply": "ok"})
    assert len(talk.made) == 2
    assert len({call.idempotency_key for call in talk.tools.calls}) == 1
    assert len(talk.signals) == 1
    assert len(talk.w.models.requests) == 2
    assert result.cost_usd_micros == 200


async def test_after_a_crash_anywhere_nothing_is_asked_or_done_twice() -> None:
    """The journal is cut off after each of its records in turn; what was done before has its key."""
    whole = await approved()
    total = len(whole.w.journal.records)
    seen = next(n for n, record in enumerate(whole.w.journal.records) if record.status == "suspended")
    assert (len(whole.made), 4 < seen < total - 4) == (2, True)
    for kept in range(1, total):
        talk = await approved()
        effects = list(talk.tools.effects)
        del talk.w.journal.records[kept:]
        if kept <= seen:  # nobody has seen the question: it is another one now
            talk.signals.clear()
            assert (await talk.go_on()).status is RunStatus.SUSPENDED, kept
            assert (await talk.answer()).status is RunStatus.SUCCEEDED, kept
        else:
            assert (await talk.go_on()).status is RunStatus.SUCCEEDED, kept
        assert (talk.told, talk.tools.effects) == (whole.told, effects), kept


async def approved() -> Talk:
    """A run with a call that needs approval and one that does not, gone on with to its end."""
    wanted = calls(("refund", TWELVE), ("find", {"order_id": "ORD-1"}))

    def brain(request: ModelRequest) -> Any:
        return "Done." if any(m["role"] == "tool" for m in request.messages) else wanted

    talk = Talk(brain)
    await talk.go_on()
    await talk.answer()
    return talk


async def test_a_question_is_asked_by_the_tier_that_goes_on_afterwards() -> None:
    schema = "output_schema: {type: object, required: [n], properties: {n: {type: integer}}}"
    answers = ["rubbish", "rubbish", calls(("refund", TWELVE)), '{"n": 1}']
    talk = Talk(answers, f"agent_type: classifier, {CONFIG}, {schema}")
    await talk.go_on()
    result = await talk.answer()
    assert result.status is RunStatus.SUCCEEDED
    assert [request.model for request in talk.w.models.requests] == ["tier:A", "tier:A", "tier:B", "tier:B"]
    last = talk.w.journal.attempts[1]
    assert last.usage.tier == "B"
    assert "raised to B" in str(last.usage.reason)


async def test_tools_of_a_server_may_need_approval_too() -> None:
    remote = FakeMcp({"sums": FakeTools({"add": 5}, {"add": {"type": "object"}})})
    config = "mcp: [{name: sums, url: 'https://x.example', tools: [add], approval: true}]"
    talk = Talk([calls(("sums__add", {"a": 2})), "5"], config, mcp=remote)
    await talk.go_on()
    assert (talk.asked["tool"]["name"], remote.calls) == ("sums__add", [])
    await talk.answer()
    assert [(server, tool, given) for server, tool, given, _ in remote.calls] == [("sums", "add", {"a": 2})]


async def test_whoever_watches_learns_that_it_waits_and_for_whom() -> None:
    talk = Talk([calls(("refund", TWELVE)), "ok"], f"{CONFIG}, approvals: {{assignees: ['role:admin']}}")
    await talk.go_on()
    (event,) = talk.w.sink.data("step.suspended", "ask")
    assert (event["reason"], event["data"]["details"], event["data"]["assignees"]) == (
        "approval",
        TWELVE,
        ["role:admin"],
    )


def faults(config: str) -> list[tuple[int, str]]:
    text = workflow(
        f"nodes:\n  - {{name: start, type: start}}\n  - name: ask\n    type: agent\n    config:\n{config}"
        "  - {name: end, type: end}\nedges:\n  - {from: start, to: ask}\n  - {from: ask, to: end}\n"
    )
    first = text[: text.index("    config:")].count("\n") + 1
    return [(d.line - first, d.message) for d in validate(Document.parse(text), tools={"find", "refund"})]


@pytest.mark.parametrize("value", ["'true'", "yes", "1", "[role:admin]", "{by: ada}", "null"])
def test_approval_is_true_or_false_and_the_line_says_so(value: str) -> None:
    found = faults(f"      tools:\n        - find\n        - tool_name: refund\n          approval: {value}\n")
    assert [line for line, _ in found] == [4]
    assert found[0][1].startswith("`approval` must be true or false, not ")


@pytest.mark.parametrize(
    ("config", "line", "words"),
    [
        ("      tools: [find]\n      approvals: {timeout_seconds: 5}\n", 0, "no tool has `approval: true`"),
        ("      tools:\n        - {tool_name: find, approval: true}\n        - find\n", 1, "listed twice"),
        ("      tools:\n        - tool_name: refnd\n          approval: true\n", 2, "there is no tool `refnd`"),
        ("      tools:\n        - approval: true\n", 2, "the key `tool_name` is missing"),
        ("      tools:\n        - tool_name: find\n          aproval: true\n", 3, "did you mean `approval`"),
        ("      tools: [{tool_name: find, approval: true}]\n      approvals: {timeout_seconds: 0}\n", 2, "be more"),
    ],
)  # fmt: skip
def test_what_would_leave_a_tool_without_its_approval_is_a_fault(config: str, line: int, words: str) -> None:
    (found,) = faults(config)
    assert words in found[1]
    assert found[0] == line


def test_what_is_right_has_no_fault() -> None:
    tools = "      tools: [find, find, {tool_name: refund, approval: true}, {tool_name: find}]\n"
    assert faults(f"{tools}      approvals: {{assignees: ['role:admin'], timeout_seconds: 60}}\n") == []
