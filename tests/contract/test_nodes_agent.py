"""The agent node: what it asks models, how it reads answers, and what a rubbish answer does."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.errors import ModelError
from engine.execution.events import RunStatus
from engine.execution.ports import ModelReply
from engine.nodes._agent_presets import AGENT_TYPES, GROUPS, preset_of
from engine.nodes._answers import read_answer
from tests.support.ports import FakeModels, World, workflow

SCHEMA = "output_schema: {type: object, required: [intent], properties: {intent: {enum: [faq, order]}}}"


def ask(config: str, *, after: str = "", edges: str = "  - {from: ask, to: end}") -> str:
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - name: ask
    type: agent
    config: {{{config}}}
{after}
  - {{name: end, type: end}}
edges:
  - {{from: start, to: ask}}
{edges}
""")


FORK = """\
  - {from: ask, to: yes, condition: "context.resolution_provided == true"}
  - {from: ask, to: end}
  - {from: yes, to: end}
"""
YES = "  - {name: yes, type: transform, config: {set: {done: 'true'}}}"


async def answer(text: str, *answers: Any, history: Any = (), message: str = "hi") -> tuple[World, Any]:
    w = World(FakeModels({"ask": list(answers)}))
    return w, await w.run(text, {"message": message}, history=history)


async def test_free_text_is_the_reply_and_the_output() -> None:
    w, result = await answer(ask("agent_type: responder"), "Good day!")
    assert result.output == {"reply": "Good day!"}
    assert w.journal.attempts[1].outcome["output"] == "Good day!"


async def test_the_prompt_is_preset_then_history_then_the_filled_template() -> None:
    history = [{"role": "user", "content": f"m{i}"} for i in range(5)]
    config = "agent_type: responder, prompt_template: 'Say: {message}', memory: {window: 2}"
    w, _ = await answer(ask(config), "ok", history=history)
    messages = w.models.requests[0].messages
    assert [m["content"] for m in messages[1:]] == ["m3", "m4", "Say: hi"]
    assert messages[0]["content"] == preset_of("responder").system


async def test_without_memory_the_conversation_is_not_sent() -> None:
    w, _ = await answer(ask("agent_type: responder"), "ok", history=[{"role": "user", "content": "old"}])
    assert [m["role"] for m in w.models.requests[0].messages] == ["system", "user"]


async def test_system_prompt_replaces_the_preset() -> None:
    w, _ = await answer(ask("system_prompt: 'You serve {message}.'"), "ok")
    assert w.models.requests[0].messages[0]["content"] == "You serve hi."


async def test_what_a_person_writes_is_never_a_template() -> None:
    w, _ = await answer(ask("prompt_template: '{message}'"), "ok", message="{run.id} ${context.message}")
    assert w.models.requests[0].messages[-1]["content"] == "{run.id} ${context.message}"


async def test_the_schema_goes_along_and_the_data_into_context() -> None:
    w, result = await answer(ask(f"agent_type: classifier, {SCHEMA}"), '```json\n{"intent": "FAQ"}\n```')
    assert w.models.requests[0].output_schema is not None
    assert result.output == {"reply": None, "intent": "faq"}


async def test_a_writer_with_conditions_behind_it_gives_reply_and_fields() -> None:
    text = ask("agent_type: general_complaint_handler", after=YES, edges=FORK)
    w, result = await answer(text, '{"reply": "We fixed it.", "resolution_provided": true}')
    schema = w.models.requests[0].output_schema
    assert schema is not None
    assert set(schema["properties"]) == {"reply", "resolution_provided"}
    assert "reply" in schema["required"]
    assert result.output == {"reply": "We fixed it.", "resolution_provided": True, "done": True}
    assert w.sink.seen("step.delta") == []


async def test_a_classifier_with_conditions_behind_it_gives_fields_only() -> None:
    text = ask("agent_type: complaint_analyzer", after=YES, edges=FORK)
    w, _ = await answer(text, '{"resolution_provided": false}')
    schema = w.models.requests[0].output_schema
    assert schema is not None
    assert set(schema["properties"]) == {"resolution_provided"}


async def test_a_writer_is_not_asked_for_facts_that_an_end_node_reads() -> None:
    text = ask("agent_type: info_collector").replace(
        "type: end}", "type: end, config: {output: {reply: context.reply_text, link: context.payment_link}}}"
    )
    w, result = await answer(text, "Which order is it about?")
    assert w.models.requests[0].output_schema is None
    assert result.output == {"reply": "Which order is it about?", "link": None}
    assert w.sink.seen("step.delta") != []
    extract = text.replace("info_collector", "info_extractor")
    w, _ = await answer(extract, '{"payment_link": "x"}')
    assert w.models.requests[0].output_schema is not None


async def test_rubbish_is_sent_back_once_and_the_second_answer_taken() -> None:
    w, result = await answer(ask(f"agent_type: classifier, {SCHEMA}"), "I would say maybe", '{"intent": "order"}')
    assert result.output == {"reply": None, "intent": "order"}
    first, second = w.models.requests
    assert second.idempotency_key == first.idempotency_key + ":repair"
    assert "not JSON" in second.messages[-1]["content"]
    assert w.journal.attempts[1].usage.tokens_in == 20


@pytest.mark.parametrize(
    "rubbish", ["", "no idea", '{"intent": "weather"}', "[]", '{"intent": ', "{" * 5000, '{"intent": {"a": 1}}', "null"]
)
async def test_rubbish_twice_fails_with_schema_error_and_its_cost_is_counted(rubbish: str) -> None:
    w, result = await answer(ask(f"agent_type: classifier, {SCHEMA}, model: 'tier:A'"), rubbish)
    assert result.status is RunStatus.FAILED
    assert result.error["type"] == "schema_error"
    assert result.error["details"]["node"] == "ask"
    assert len(w.models.requests) == 2
    assert result.cost_usd_micros == 200
    assert w.journal.attempts[-1].usage.tier == "A"


async def test_an_empty_free_text_is_a_failure() -> None:
    _, result = await answer(ask("agent_type: responder"), "  \n")
    assert result.error["type"] == "agent_failure"


async def test_a_model_error_keeps_its_type() -> None:
    _, result = await answer(ask("agent_type: responder"), ModelError("down"))
    assert result.error["type"] == "agent_failure"
    assert result.error["message"] == "down"


async def test_an_answer_too_large_is_refused_by_name() -> None:
    _, result = await answer(ask("agent_type: responder"), "x" * 1_100_000)
    assert result.error["type"] == "output_too_large"


async def test_model_auto_asks_the_router_and_a_fixed_model_does_not() -> None:
    w, _ = await answer(ask(f"agent_type: classifier, {SCHEMA}"), '{"intent": "faq"}')
    assert w.models.requests[0].model == "tier:A"
    record = w.journal.attempts[1]
    assert (record.usage.tier, record.usage.reason) == ("A", "the answer is one of a few fixed values")
    w, _ = await answer(ask("model: gpt-4o"), "text")
    assert w.models.requests[0].model == "gpt-4o"
    assert w.journal.attempts[1].usage.tier is None
    w, _ = await answer(ask("model: 'tier:C'"), "text")
    assert (w.models.requests[0].model, w.journal.attempts[1].usage.tier) == ("tier:C", "C")


async def test_routing_limits_and_models_reach_router_and_models() -> None:
    w, _ = await answer(ask(f"{SCHEMA}, routing: {{tiers: {{B: my-model, C: big}}}}"), '{"intent": "faq"}')
    assert w.models.requests[0].model == "tier:B"
    assert w.models.requests[0].tiers == {"B": "my-model", "C": "big"}
    w, _ = await answer(ask("routing: {tiers: [A]}"), "text")
    assert w.models.requests[0].model == "tier:A"


async def test_a_note_of_the_models_adapter_is_shown() -> None:
    reply = ModelReply("text", "heddle-demo/tier-b", 1, 1, 0, demo=True, note="answered by the demo model")
    w, _ = await answer(ask("model: gpt-4o"), reply)
    assert w.journal.attempts[1].usage.reason == "answered by the demo model"


def test_every_known_agent_type_has_a_preset_and_data_agents_are_told_from_writers() -> None:
    assert len(AGENT_TYPES) == 37
    for name in AGENT_TYPES:
        assert preset_of(name) in GROUPS.values()
    assert preset_of("order_classifier").is_data
    assert preset_of("my_own_extractor").is_data
    assert not preset_of("resolution_confirmer").is_data
    assert not preset_of("something new").is_data


PROPERTIES = {
    "done": {"type": "boolean"},
    "count": {"type": ["integer", "null"]},
    "name": {"type": ["string", "null"]},
    "grade": {"enum": ["A", "B", None]},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"done": "Yes", "count": "12", "name": "null", "grade": "a"}',
         {"done": True, "count": 12, "name": None, "grade": "A"}),
        ('Sure:\n```\n{"done": true}\n```\nBye', {"done": True, "count": None, "name": None}),
        ('The result is {"done": false, "count": "none", "name": "", "grade": "none"} as asked',
         {"done": False, "count": None, "name": "", "grade": None}),
    ],
)  # fmt: skip
def test_answers_are_read_tolerantly(text: str, expected: dict[str, Any]) -> None:
    value, wrong = read_answer(text, {"type": "object", "required": ["done"], "properties": PROPERTIES})
    assert wrong == []
    assert value == expected


@pytest.mark.parametrize("text", [json.dumps({"done": "perhaps"}), '{"count": 1}', '{"done": true, "count": 1.5}'])
def test_but_never_changed_in_meaning(text: str) -> None:
    _, wrong = read_answer(text, {"type": "object", "required": ["done"], "properties": PROPERTIES})
    assert wrong


def test_a_bare_word_answers_a_single_enum_only() -> None:
    one = {"type": "object", "properties": {"intent": {"enum": ["faq", "order"]}}}
    assert read_answer(" Faq. ", one) == ({"intent": "faq"}, [])
    two = {"type": "object", "properties": {"intent": {"enum": ["faq"]}, "x": {"type": "string"}}}
    assert read_answer("faq", two)[1] == ["the answer is not JSON"]
