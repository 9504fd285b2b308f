"""The saga: forth in order or at once, back in reverse, and the same course after a crash at any point."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import ControlSignal, PermanentError, TransientError
from engine.execution.bound import BoundContext
from engine.execution.events import RunStatus
from engine.language.document import Document
from engine.language.validate import validate
from tests.support.ports import FakeTools, World, workflow

STEPS = """
        - {name: hold, tool_name: hold_money, parameters: {order: context.order_id},
           compensation: {tool_name: void, parameters: {payment: output.payment, order: parameters.order}}}
        - {name: take, tool_name: take_pieces, parameters: {order: context.order_id, payment: steps.hold.payment},
           compensation: {tool_name: restore, parameters: {order: context.order_id, why: "went wrong"}}}
        - {name: ship, tool_name: ship_it, parameters: {order: context.order_id}}
"""


def saga(more: str = "", extra: str = "", steps: str = STEPS) -> str:
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - name: order
    type: saga
    config:
      {more}
      steps: {steps}
  - {{name: end, type: end}}
edges: [{{from: start, to: order}}, {{from: order, to: end}}]
{extra}
""")


def tools(**changes: Any) -> FakeTools:
    answers = {
        "hold_money": {"payment": "PAY-1"},
        "take_pieces": {"pieces": 2},
        "ship_it": {},
        "void": {},
        "restore": {},
    }
    return FakeTools({**answers, **changes})


async def go(text: str, fakes: FakeTools) -> tuple[World, Any]:
    w = World(tools=fakes)
    return w, await w.run(text, {"order_id": "ORD-1"})


def called(w: World) -> list[str]:
    return [call.tool for call in w.tools.calls]


@pytest.mark.parametrize("more", ["parallel: false", "parallel: true"])
async def test_all_happen(more: str) -> None:
    w, result = await go(
        saga(more, steps=STEPS.replace("steps.hold.payment", "PAY-0") if "true" in more else STEPS), tools()
    )
    assert result.status is RunStatus.SUCCEEDED, result.error
    record = w.journal.attempts[1]
    assert record.outcome["output"] == {
        "saga_status": "completed",
        "steps": {"hold": {"payment": "PAY-1"}, "take": {"pieces": 2}, "ship": {}},
    }
    assert called(w) == ["hold_money", "take_pieces", "ship_it"]
    assert [call.idempotency_key.partition(":order:0:")[2] for call in w.tools.calls] == [
        "saga:hold:do",
        "saga:take:do",
        "saga:ship:do",
    ]


async def test_a_later_step_uses_an_earlier_ones_result() -> None:
    w, _ = await go(saga(), tools())
    assert w.tools.calls[1].parameters == {"order": "ORD-1", "payment": "PAY-1"}


async def test_what_was_done_is_taken_back_in_reverse() -> None:
    w, result = await go(saga(), tools(ship_it=PermanentError("no carrier", error_type="shipping_error")))
    assert called(w) == ["hold_money", "take_pieces", "ship_it", "restore", "void"]
    assert w.tools.calls[3].parameters == {"order": "ORD-1", "why": "went wrong"}
    assert w.tools.calls[4].parameters == {"payment": "PAY-1", "order": "ORD-1"}
    assert (result.error["code"], result.error["type"]) == ("saga_failed", "shipping_error")
    details = result.error["details"]
    assert (details["step"], details["compensated"], details["kept"]) == ("ship", ["take", "hold"], [])
    assert details["cause"]["message"] == "no carrier"


async def test_steps_side_by_side_all_end_before_any_is_taken_back() -> None:
    w, result = await go(saga("parallel: true"), tools(hold_money=PermanentError("declined")))
    assert called(w) == ["hold_money", "take_pieces", "ship_it", "restore"]
    assert (result.error["details"]["compensated"], result.error["details"]["kept"]) == (["take"], ["ship"])


async def test_a_call_without_an_answer_is_asked_about_with_its_key_and_then_taken_back() -> None:
    w, result = await go(saga(), tools(take_pieces=[TransientError("cut off"), {"pieces": 2}]))
    assert called(w) == ["hold_money", "take_pieces", "take_pieces", "restore", "void"]
    assert w.tools.calls[1].idempotency_key == w.tools.calls[2].idempotency_key
    assert result.error["details"]["compensated"] == ["take", "hold"]


async def test_a_call_that_turns_out_not_to_have_happened_is_not_taken_back() -> None:
    w, result = await go(saga(), tools(take_pieces=[TransientError("cut off"), PermanentError("sold out")]))
    assert called(w) == ["hold_money", "take_pieces", "take_pieces", "void"]
    assert result.error["details"]["compensated"] == ["hold"]


async def test_a_failing_compensation_is_tried_again() -> None:
    w, result = await go(saga(), tools(ship_it=PermanentError("no"), restore=[TransientError("down")] * 2 + [{}]))
    assert called(w)[3:] == ["restore", "restore", "restore", "void"]
    assert len({call.idempotency_key for call in w.tools.calls if call.tool == "restore"}) == 1
    assert (result.error["code"], len(w.clock.slept)) == ("saga_failed", 2)


async def test_a_compensation_that_never_succeeds_is_put_before_people_and_the_rest_is_taken_back() -> None:
    desk = {"escalation_id": "ESC-000001"}
    fakes = tools(ship_it=PermanentError("no"), restore=PermanentError("locked"), escalate_to_human=desk)
    w, result = await go(saga(), fakes)
    assert called(w)[3:] == ["restore"] * 4 + ["void", "escalate_to_human"]
    assert result.error["type"] == "compensation_failed"
    details = result.error["details"]
    assert (details["compensated"], details["escalation_id"]) == (["hold"], "ESC-000001")
    assert [(each["step"], each["error"]["message"]) for each in details["open"]] == [("take", "locked")]
    told = w.tools.calls[-1].parameters
    assert told["priority"] == "critical"
    assert "take (locked)" in told["message"]


@pytest.mark.parametrize("parallel", ["", "parallel: true"])
async def test_a_compensation_whose_parameters_cannot_be_computed_holds_up_no_other(parallel: str) -> None:
    steps = STEPS.replace('why: "went wrong"', 'why: "${context.order_id + 1}"')
    fakes = tools(ship_it=PermanentError("no"), escalate_to_human={})
    w, result = await go(saga(parallel, steps=steps), fakes)
    assert called(w)[3:] == ["void", "escalate_to_human"]
    assert (result.error["type"], result.error["details"]["compensated"]) == ("compensation_failed", ["hold"])
    assert [each["error"]["type"] for each in result.error["details"]["open"]] == ["expression_error"]


async def test_a_call_whose_answer_is_too_large_was_made_all_the_same() -> None:
    w, result = await go(saga(), tools(take_pieces="x" * 1_100_000, escalate_to_human={}))
    assert called(w) == ["hold_money", *["take_pieces"] * 5, "void", "escalate_to_human"]
    details = result.error["details"]
    assert (details["cause"]["type"], details["compensated"]) == ("output_too_large", ["hold"])
    assert [each["step"] for each in details["open"]] == ["take"]


async def test_error_handling_sees_the_type_of_what_failed_and_of_the_saga() -> None:
    for name in ("shipping_error", "saga_failed", "tool_failure"):
        rule = f"error_handling: [{{error_type: {name}, action: log_and_continue}}]"
        _, result = await go(saga(extra=rule), tools(ship_it=PermanentError("no", error_type="shipping_error")))
        assert result.status is RunStatus.SUCCEEDED, name


async def test_no_call_is_started_when_half_the_time_is_over() -> None:
    w = World(tools=tools())

    async def slow(_: Any) -> Any:
        w.clock.time += 6
        return {"payment": "PAY-1"}

    w.tools = tools(hold_money=slow)
    result = await w.run(saga("timeout_seconds: 10"), {"order_id": "ORD-1"})
    assert called(w) == ["hold_money", "void"]
    assert (result.error["type"], result.error["details"]["step"]) == ("timeout", "take")


async def test_people_are_told_in_time_when_taking_back_takes_too_long() -> None:
    fakes = tools(ship_it=PermanentError("no"), restore=TransientError("down"), escalate_to_human={})
    w = World(tools=fakes)
    result = await w.run(saga("timeout_seconds: 5"), {"order_id": "ORD-1"})
    assert called(w)[3:] == ["restore", "restore", "void", "escalate_to_human"]
    assert (result.error["type"], w.clock.slept) == ("compensation_failed", [1.0])


async def test_an_unknown_outcome_that_nobody_had_time_to_find_out_is_put_before_people() -> None:
    w = World()

    async def cut_off(_: Any) -> Any:
        w.clock.time += 9.5
        return TransientError("cut off")

    w.tools = tools(take_pieces=cut_off, escalate_to_human={})
    result = await w.run(saga("timeout_seconds: 10"), {"order_id": "ORD-1"})
    assert called(w) == ["hold_money", "take_pieces", "escalate_to_human"]
    assert [each["step"] for each in result.error["details"]["open"]] == ["take", "hold"]


async def test_a_tool_that_does_not_exist_takes_back_what_was_done() -> None:
    w, result = await go(saga(steps=STEPS.replace("ship_it", "fly")), tools())
    assert called(w)[2:] == ["restore", "void"]
    assert "'fly'" in result.error["message"]


@pytest.mark.parametrize(
    ("steps", "code", "said"),
    [
        ("[]", "bad-value", "at least"),
        ("[{name: a, tool_name: t}, {name: a, tool_name: t}]", "bad-value", "two steps are named a"),
        ("[{name: a-b, tool_name: t}]", "bad-name", "name"),
        ("[{name: a}]", "missing-key", "tool_name"),
        ("[{name: a, tool_name: t, undo: u}]", "unknown-key", "undo"),
        ("[{name: a, tool_name: tt}]", "unknown-tool", "tt"),
        ("[{name: a, tool_name: t, compensation: {tool_name: uu}}]", "unknown-tool", "uu"),
    ],
)
def test_a_wrong_config_is_a_diagnostic_at_its_line(steps: str, code: str, said: str) -> None:
    found = [d for d in validate(Document.parse(saga(steps=steps)), tools=["t"], workflows=[]) if d.is_error]
    assert said in " ".join(d.message for d in found)
    assert {d.line for d in found} == {12}
    assert code in {d.code for d in found}


class Effects:
    """Effects as the journal keeps them: a recorded result is not worked for again. `dies_at` ends a process there."""

    def __init__(self, dies_at: tuple[int, bool]) -> None:
        self.known: dict[str, Any] = {}
        self.dies_at, self.count = dies_at, 0

    async def effect(self, name: str, request: Any, work: Any) -> Any:
        if name in self.known:
            return self.known[name]
        self.count += 1
        if self.dies_at == (self.count, False):
            raise Killed
        result = await work("key")
        if self.dies_at == (self.count, True):
            raise Killed
        self.known[name] = result
        return result


class Killed(ControlSignal):
    """The process dies here."""


@pytest.mark.parametrize("before_record", [False, True])
@pytest.mark.parametrize("number", range(4, 6))
async def test_a_recorded_failure_stays_one_after_a_crash(
    number: int, before_record: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    effects = Effects((number, before_record))

    async def effect(_: Any, name: str, request: Any, work: Any) -> Any:
        return await effects.effect(name, request, work)

    monkeypatch.setattr(BoundContext, "effect", effect)
    fakes = tools(ship_it=[PermanentError("no carrier"), {}])
    with pytest.raises(Killed):
        await go(saga(), fakes)
    w, result = await go(saga(), fakes)
    assert result.error["code"] == "saga_failed"
    assert called(w).count("ship_it") == 1  # it would have succeeded now, while others were taken back
    assert sorted(fakes.effects) == sorted(
        f"{w.tools.calls[0].idempotency_key.partition(':saga:')[0]}:saga:{name}"
        for name in ("hold:do", "take:do", "take:undo", "hold:undo")
    )
