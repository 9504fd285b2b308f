"""The agent with tools: what it may call, with what, how often; and its answer's way through guard and tiers."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from engine.errors import PermanentError, TransientError
from engine.execution.events import RunStatus
from engine.execution.ports import ModelReply, ModelRequest
from tests.contract.test_nodes_agent import SCHEMA, ask
from tests.support.ports import FakeModels, FakeTools, World

ORDER = {
    "type": "object",
    "additionalProperties": False,
    "required": ["order_id"],
    "properties": {"order_id": {"type": "string"}, "limit": {"type": "integer", "maximum": 5}},
}


def calls(*wanted: tuple[str, dict[str, Any]], text: str = "") -> ModelReply:
    asked = [{"id": f"c{i}", "name": name, "arguments": given} for i, (name, given) in enumerate(wanted)]
    return ModelReply(text, "fake-model", 10, 5, 100, tool_calls=asked)


async def talk(config: str, answers: Any, tools: FakeTools | None = None) -> tuple[World, Any]:
    w = World(FakeModels({"ask": answers}), tools or FakeTools({"find": {"status": "paid"}}, {"find": ORDER}))
    return w, await w.run(ask(config), {"message": "where is ORD-1"})


async def test_the_model_gets_the_tools_and_their_results_and_then_answers() -> None:
    w, result = await talk("tools: [find]", [calls(("find", {"order_id": "ORD-1"})), "It is paid."])
    assert result.output == {"reply": "It is paid."}
    first, second = w.models.requests
    assert [tool["function"]["name"] for tool in first.tools] == ["find"]
    assert "never follow" in first.messages[0]["content"]
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "tool"]
    assert second.messages[-1] == {"role": "tool", "tool_call_id": "c0", "content": '{"status": "paid"}'}
    assert json.loads(second.messages[2]["tool_calls"][0]["function"]["arguments"]) == {"order_id": "ORD-1"}
    assert (w.tools.calls[0].parameters, w.tools.calls[0].idempotency_key.endswith(":tool:1:find")) == (
        {"order_id": "ORD-1"},
        True,
    )
    assert w.journal.attempts[1].usage.cost_usd_micros == 200


async def test_only_tools_of_the_list_are_called_whatever_the_model_asks_for() -> None:
    tools = FakeTools({"find": 1, "refund": 2}, {"find": ORDER})
    w, result = await talk("tools: [find]", [calls(("refund", {}), ("find", {"order_id": "x"})), "ok"], tools)
    assert [call.tool for call in tools.calls] == ["find"]
    assert "no tool 'refund'" in w.models.requests[1].messages[-2]["content"]
    assert result.status is RunStatus.SUCCEEDED


async def test_arguments_that_do_not_fit_are_sent_back_and_not_tried() -> None:
    wrong = [{}, {"order_id": 7}, {"order_id": "x", "limit": 9}, {"order_id": "x", "rm": "-rf"}]
    w, _ = await talk("tools: [find]", [calls(*(("find", one) for one in wrong)), "ok"])
    assert w.tools.calls == []
    told = [m["content"] for m in w.models.requests[1].messages if m["role"] == "tool"]
    assert all("do not fit" in text for text in told)
    w, _ = await talk("tools: [find]", [calls(("find", {"order_id": "x", "limit": None})), "ok"])
    assert w.tools.calls[0].parameters == {"order_id": "x"}


async def test_the_calls_of_one_turn_run_side_by_side_and_come_back_in_order() -> None:
    arrived = asyncio.Barrier(2)

    async def answer(call: Any) -> Any:
        await asyncio.wait_for(arrived.wait(), 10)
        return {"n": call.parameters["order_id"]}

    tools = FakeTools({"find": answer}, {"find": ORDER})
    both = calls(("find", {"order_id": "1"}), ("find", {"order_id": "2"}))
    w, _ = await talk("tools: [find]", [both, "ok"], tools)
    assert [m["content"] for m in w.models.requests[1].messages if m["role"] == "tool"] == ['{"n": "1"}', '{"n": "2"}']
    assert len(tools.effects) == 2


async def test_after_max_tool_calls_the_model_has_to_answer() -> None:
    again = calls(("find", {"order_id": "1"}), ("find", {"order_id": "2"}))
    w, result = await talk("tools: [find], max_tool_calls: 1", [again, "enough"])
    assert len(w.tools.calls) == 1
    assert "limit of tool calls" in w.models.requests[1].messages[-1]["content"]
    assert [request.may_call for request in w.models.requests] == [True, False]
    assert result.output == {"reply": "enough"}
    w, result = await talk("tools: [find], max_tool_calls: 1", [again])
    assert (result.error["type"], len(w.tools.calls)) == ("agent_failure", 1)


async def test_a_refusal_is_told_to_the_model_and_a_passing_fault_fails_the_step() -> None:
    asked = calls(("find", {"order_id": "1"}))
    refusing = FakeTools({"find": PermanentError("no such order", error_type="crm_error")}, {"find": ORDER})
    w, result = await talk("tools: [find]", [asked, "There is no such order."], refusing)
    assert w.models.requests[1].messages[-1]["content"] == '{"error": "no such order"}'
    assert result.status is RunStatus.SUCCEEDED
    failing = FakeTools({"find": TransientError("down", error_type="crm_error")}, {"find": ORDER})
    _, result = await talk("tools: [find]", [asked], failing)
    assert result.error["type"] == "crm_error"


async def test_credential_and_fixed_parameters_stay_out_of_the_models_hands() -> None:
    config = "tools: [{tool_name: find, credential: crm, parameters: {order_id: context.message}}]"
    w, _ = await talk(config, [calls(("find", {"order_id": "other", "limit": 2})), "ok"])
    shown = w.models.requests[0].tools[0]["function"]["parameters"]
    assert (list(shown["properties"]), shown["required"]) == (["limit"], [])
    assert "crm" not in json.dumps(w.models.requests[1].messages)
    call = w.tools.calls[0]
    assert (call.credential, call.parameters) == ("crm", {"order_id": "where is ORD-1", "limit": 2})


async def test_a_tool_that_is_not_installed_fails_before_any_model_is_asked() -> None:
    w, result = await talk("tools: [nothing]", "ok")
    assert "no tool named 'nothing'" in result.error["message"]
    assert w.models.requests == []


async def test_a_result_too_long_is_cut_and_says_so() -> None:
    tools = FakeTools({"find": "x" * 50_000}, {"find": ORDER})
    w, _ = await talk("tools: [find]", [calls(("find", {"order_id": "1"})), "ok"], tools)
    content = w.models.requests[1].messages[-1]["content"]
    assert len(content) < 17_000
    assert "50,002 characters" in content


async def test_data_with_tools_follows_the_schema_and_is_mended_without_calls() -> None:
    config = f"agent_type: classifier, tools: [find], {SCHEMA}"
    w, result = await talk(config, [calls(("find", {"order_id": "1"})), "hmm", '{"intent": "order"}'])
    assert result.output == {"reply": None, "intent": "order"}
    assert [request.may_call for request in w.models.requests] == [True, True, False]


# -- guard and tiers ---------------------------------------------------------------------------------------------------


async def test_an_answer_without_form_is_asked_of_the_next_higher_tier() -> None:
    w, result = await talk(f"agent_type: classifier, {SCHEMA}", ["rubbish", "rubbish", '{"intent": "order"}'])
    assert [request.model for request in w.models.requests] == ["tier:A", "tier:A", "tier:B"]
    assert result.output == {"reply": None, "intent": "order"}
    record = w.journal.attempts[1]
    assert (record.usage.tier, record.usage.cost_usd_micros) == ("B", 300)
    assert "raised to B: the model's answer does not follow the schema" in record.usage.reason


async def test_no_other_tier_is_asked_without_guard_or_with_a_fixed_model_or_beyond_the_allowed() -> None:
    for more, requests in (
        ("routing: {guard: none}", 2),
        ("model: 'tier:A'", 2),
        ("routing: {tiers: [A]}", 2),
        ("routing: {escalate_on: [timeout]}", 2),
        ("routing: {tiers: [A, C]}", 4),
    ):
        w, result = await talk(f"agent_type: classifier, {SCHEMA}, {more}", "rubbish")
        assert (result.error["type"], len(w.models.requests)) == ("schema_error", requests), more


async def test_what_tools_found_goes_along_to_the_higher_tier() -> None:
    config = f"agent_type: classifier, tools: [find], {SCHEMA}"
    answers = [calls(("find", {"order_id": "1"})), "rubbish", "rubbish", '{"intent": "order"}']
    w, _ = await talk(config, answers)
    assert len(w.tools.calls) == 1
    assert w.models.requests[-1].model == "tier:B"
    assert w.models.requests[-1].messages[-1]["role"] == "tool"


async def test_failures_named_in_escalate_on_go_to_the_next_tier() -> None:
    down = TransientError("down", error_type="agent_failure")
    w, result = await talk("routing: {escalate_on: [agent_failure], tiers: [B, C]}", [down, "fine"])
    assert [request.model for request in w.models.requests] == ["tier:B", "tier:C"]
    assert result.output == {"reply": "fine"}


def graded(score: float) -> Any:
    return lambda request: json.dumps({"score": score, "reason": "r"}) if _is_grading(request) else "an answer"


def _is_grading(request: ModelRequest) -> bool:
    return request.idempotency_key.split(":")[-2] == "judge"


async def test_the_judge_raises_the_tier_until_one_passes_and_takes_the_last() -> None:
    w, result = await talk("routing: {guard: judge}", graded(0.9))
    assert [request.model for request in w.models.requests] == ["tier:B", "tier:B"]
    assert w.sink.seen("step.delta") == []  # nothing is shown that may be taken back
    w, result = await talk("routing: {guard: judge, min_quality: 0.8}", graded(0.5))
    assert [request.model for request in w.models.requests] == ["tier:B", "tier:B", "tier:C"]
    assert "raised to C: graded 0.50, below 0.8" in str(w.journal.attempts[1].usage.reason)
    assert result.output == {"reply": "an answer"}


async def test_max_latency_bounds_the_call_and_lowers_the_tier() -> None:
    w, _ = await talk("routing: {max_latency_ms: 2000}", "ok")
    assert (w.models.requests[0].timeout_s, w.models.requests[0].model) == (2.0, "tier:A")
    assert "lowered to A to answer within 2,000 ms" in str(w.journal.attempts[1].usage.reason)
