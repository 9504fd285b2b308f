"""The agent whose tools a person has to approve: what is asked, which answers count, and what the model is told."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import permutations
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
    def asked_all(self) -> list[dict[str, Any]]:
        """What people are shown now; none of it once the run has gone on."""
        asked: list[dict[str, Any]] = []
        for record in self.w.journal.records:
            if record.status == "suspended":
                asked.append(record.outcome["suspend"]["data"])
            else:
                asked.clear()
        return asked

    @property
    def asked(self) -> dict[str, Any]:
        """The one thing that is asked now."""
        (shown,) = self.asked_all
        return shown

    async def answer(self, decision: str = "approve", about: dict[str, Any] | None = None, **answer: Any) -> Any:
        given = {"hash": (about or self.asked)["hash"], "decision": decision} | answer
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


async def test_calls_of_one_turn_are_asked_about_at_once_and_the_rest_does_not_wait() -> None:
    wanted = calls(
        ("refund", TWELVE),
        ("find", {"order_id": "ORD-1"}),
        ("refund", {"order_id": "ORD-2"}),
        ("refund", {"amount": "x"}),
    )
    talk = Talk([wanted, "ok"], f"{CONFIG}, approvals: {{timeout_seconds: 60}}")
    await talk.go_on()
    assert talk.made == [("find", {"order_id": "ORD-1"})]
    assert [asked["details"] for asked in talk.asked_all] == [TWELVE, {"order_id": "ORD-2"}]
    first, second = talk.asked_all
    talk.w.clock.time += 50
    written = len(talk.w.journal.records)
    assert (await talk.answer("reject", second, comment="Not that one.")).status is RunStatus.SUSPENDED
    assert (len(talk.w.journal.records), talk.w.journal.wake_at) == (written, 1_060)  # nobody gets more time by that
    assert talk.made == [("find", {"order_id": "ORD-1"})]
    assert (await talk.answer("approve", first)).status is RunStatus.SUCCEEDED
    assert talk.made == [("find", {"order_id": "ORD-1"}), ("refund", TWELVE)]
    found = talk.told
    assert found[:2] == ['{"ok": true}', '{"status": "paid"}']
    assert "refused" in found[2]
    assert "Not that one." in found[2]
    assert "do not fit" in found[3]


THREE = [{"order_id": f"ORD-{n}"} for n in range(3)]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_answers_may_come_in_any_order_and_each_belongs_to_its_call(order: tuple[int, ...]) -> None:
    talk = Talk([calls(*(("refund", given) for given in THREE)), "ok"])
    await talk.go_on()
    asked = talk.asked_all
    assert [one["details"] for one in asked] == THREE
    results = [await talk.answer("reject" if n == 1 else "approve", asked[n]) for n in order]
    assert [one.status for one in results] == [RunStatus.SUSPENDED] * 2 + [RunStatus.SUCCEEDED]
    assert talk.made == [("refund", THREE[0]), ("refund", THREE[2])]
    assert ["refused" in text for text in talk.told] == [False, True, False]
    assert results[-1].cost_usd_micros == 200  # the turn that asks is paid for once


async def test_of_two_answers_to_one_question_the_first_counts_and_neither_is_one_to_another() -> None:
    talk = Talk([calls(("refund", TWELVE), ("refund", TWELVE)), "ok"])
    await talk.go_on()
    first, second = talk.asked_all
    assert first["hash"] != second["hash"]  # the same call again is another question
    assert (await talk.answer("reject", first)).status is RunStatus.SUSPENDED
    assert (await talk.answer("approve", first)).status is RunStatus.SUSPENDED
    assert (await talk.answer("approve", second)).status is RunStatus.SUCCEEDED
    assert (len(talk.made), "refused" in talk.told[0]) == (1, True)


async def test_time_ends_what_nobody_has_answered_and_the_answers_that_came_count() -> None:
    twice = calls(("refund", {"order_id": "ORD-1"}), ("refund", TWELVE))
    talk = Talk([twice, "ok"], f"{CONFIG}, approvals: {{timeout_seconds: 60}}")
    await talk.go_on()
    await talk.answer("approve", talk.asked_all[1])
    talk.w.clock.time += 61
    assert (await talk.go_on()).status is RunStatus.SUCCEEDED
    assert talk.made == [("refund", TWELVE)]
    assert "Nobody approved this call within 60 s" in talk.told[0]
    assert talk.told[1] == '{"ok": true}'


async def test_time_that_ended_one_question_does_not_end_that_of_a_later_turn() -> None:
    answers = [calls(("refund", TWELVE)), calls(("refund", TWELVE)), "ok"]
    talk = Talk(answers, f"{CONFIG}, approvals: {{timeout_seconds: 60}}")
    await talk.go_on()
    first = talk.asked["hash"]
    talk.w.clock.time += 61
    assert (await talk.go_on()).status is RunStatus.SUSPENDED
    assert talk.asked["hash"] != first
    await talk.answer()
    assert talk.made == [("refund", TWELVE)]


async def test_what_is_asked_is_told_live_each_by_itself_and_kept_once() -> None:
    talk = Talk([calls(("refund", TWELVE), ("refund", {"order_id": "x" * 50_000})), "ok"])
    await talk.go_on()
    told = talk.w.sink.data("step.suspended", "ask")
    assert [(one["question"], one["reason"], one["data"]) for one in told] == [
        (number, "approval", asked) for number, asked in enumerate(talk.asked_all, start=1)
    ]
    kept = [record.outcome.get("keep") for record in talk.w.journal.records if record.status == "suspended"]
    assert [one is None for one in kept] == [False, True]
    assert json.dumps(kept[0]).count("x" * 50_000) == 2  # as the model asked for it, and as the call is made


async def test_what_is_answered_while_more_is_asked_is_told_live() -> None:
    talk = Talk([calls(("refund", TWELVE), ("refund", {"order_id": "ORD-2"})), "ok"])
    await talk.go_on()
    first, second = talk.asked_all
    await talk.answer("approve", second)
    await talk.answer("approve", first)
    told = [event.data for event in talk.w.sink.events if event.type == "run.suspended"]
    assert told == [{"wake_at": None}, {"wake_at": None, "answered": [second["hash"]]}]


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
        {"hash": ["f" * 64]},
        {"answers": {"f" * 64: {"decision": "approve"}}, "hash": None},
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
    seen = max(n for n, record in enumerate(whole.w.journal.records) if record.status == "suspended")
    assert (len(whole.made), 4 < seen < total - 4) == (3, True)
    for kept in range(1, total):
        talk = await approved()
        effects = list(talk.tools.effects)
        del talk.w.journal.records[kept:]
        if kept <= seen:  # nobody has seen the questions
            talk.signals.clear()
            assert (await talk.go_on()).status is RunStatus.SUSPENDED, kept
            assert (await answer_all(talk)).status is RunStatus.SUCCEEDED, kept
        else:
            assert (await talk.go_on()).status is RunStatus.SUCCEEDED, kept
        assert (talk.told, talk.tools.effects) == (whole.told, effects), kept


async def test_killed_between_two_answers_it_waits_for_the_other_one_only() -> None:
    talk = Talk([calls(("refund", TWELVE), ("refund", {"order_id": "ORD-2"})), "ok"])
    await talk.go_on()
    first, second = talk.asked_all
    await talk.answer("approve", second)
    for _ in range(3):
        assert (await talk.go_on()).status is RunStatus.SUSPENDED
    assert (talk.asked_all, talk.made) == ([first, second], [])
    assert (await talk.answer("reject", first)).status is RunStatus.SUCCEEDED
    assert talk.made == [("refund", {"order_id": "ORD-2"})]
    assert len(talk.w.models.requests) == 2


async def approved() -> Talk:
    """A run with two calls that need approval and one that does not, gone on with to its end."""
    wanted = calls(("refund", TWELVE), ("find", {"order_id": "ORD-1"}), ("refund", {"order_id": "ORD-2"}))

    def brain(request: ModelRequest) -> Any:
        return "Done." if any(m["role"] == "tool" for m in request.messages) else wanted

    talk = Talk(brain)
    await talk.go_on()
    await answer_all(talk)
    return talk


async def answer_all(talk: Talk) -> Any:
    """Approve all that is asked, until nothing is."""
    while True:
        for asked in talk.asked_all:
            result = await talk.answer("approve", asked)
        if result.status is not RunStatus.SUSPENDED:
            return result


# -- runs that were suspended when a turn's calls were asked about one after the other --------------------------------


def as_before(talk: Talk) -> dict[str, Any]:
    """Make the journal what it was then, when the first question is open: one record, the whole question kept, and any
    signal of the name ending the wait. Returns that question."""
    records = talk.w.journal.records
    first = next(n for n, record in enumerate(records) if record.status == "suspended")
    del records[first + 1 :]
    outcome = json.loads(json.dumps(records[first].outcome))
    del outcome["then"]["question"]
    shown: dict[str, Any] = outcome["suspend"]["data"]
    turn = outcome["keep"]["turn"]
    turn["asked"] = {"number": 1, "question": shown, "until": outcome["then"]["until"]}
    records[first] = replace(records[first], outcome=outcome)
    return shown


async def old_talk(*wanted: tuple[str, Any]) -> tuple[Talk, dict[str, Any]]:
    talk = Talk([calls(*wanted), "ok"], f"{CONFIG}, approvals: {{timeout_seconds: 60}}")
    await talk.go_on()
    return talk, as_before(talk)


@pytest.mark.parametrize("decision", ["approve", "reject"])
async def test_an_old_run_goes_on_with_the_answer_and_asks_the_rest_at_once(decision: str) -> None:
    talk, shown = await old_talk(*(("refund", given) for given in THREE))
    talk.w.clock.time += 10
    assert (await talk.answer(decision, shown)).status is RunStatus.SUSPENDED
    assert talk.made == ([("refund", THREE[0])] if decision == "approve" else [])
    assert [asked["details"] for asked in talk.asked_all] == THREE[1:]
    assert talk.w.journal.wake_at == 1_070
    assert (await answer_all(talk)).status is RunStatus.SUCCEEDED
    assert talk.made[-2:] == [("refund", given) for given in THREE[1:]]
    assert "refused" in talk.told[0] or decision == "approve"
    asked = [r.outcome["suspend"]["data"] for r in talk.w.journal.records if r.status == "suspended"]
    assert [one["details"] for one in asked] == THREE  # nothing twice


@pytest.mark.parametrize(
    "wrong", [{"hash": "0" * 64}, {"decision": "yes"}, {"answers": "yes", "hash": 1}, {"answers": {}, "decision": "no"}]
)
async def test_an_old_run_passes_over_what_is_no_answer_and_goes_on_with_one(wrong: dict[str, Any]) -> None:
    talk, shown = await old_talk(("refund", TWELVE), ("refund", THREE[1]))
    talk.w.clock.time += 10
    for _ in range(2):
        assert (await talk.answer(about=shown, **wrong)).status is RunStatus.SUSPENDED
        assert (talk.made, talk.asked_all[-1], talk.w.journal.wake_at) == ([], shown, 1_060)
    assert (await talk.answer("reject", shown)).status is RunStatus.SUSPENDED
    assert talk.asked["details"] == THREE[1]
    assert (await talk.answer()).status is RunStatus.SUCCEEDED
    assert talk.made == [("refund", THREE[1])]


async def test_an_old_run_whose_time_is_over_goes_on_without_the_call() -> None:
    talk, _ = await old_talk(("refund", TWELVE))
    talk.w.clock.time += 61
    assert (await talk.go_on()).status is RunStatus.SUCCEEDED
    assert talk.made == []
    assert "Nobody approved this call within 60 s" in talk.told[0]


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
