"""Answers given again: when a step may have an earlier one's, when it must not, and what people are told."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

import engine.nodes
from engine.errors import ModelError
from engine.execution.events import RunStatus
from engine.execution.ports import HttpReply, ToolSpec
from engine.language.document import Document
from engine.language.node_types import all_types
from engine.language.validate import validate
from tests.contract.test_nodes_data import one
from tests.support.ports import FakeHttp, FakeModels, FakeSandbox, FakeTools, World, workflow

engine.nodes.load()
OTHER = UUID("00000000-0000-7000-8000-00000000000b")
ANSWER = json.dumps({"class": "a", "confidence": 1, "x": "1", "clear": 1, "score": 1, "reason": "r"})
CACHED = ["agent", "classifier", "code", "extractor", "http", "judge", "knowledge", "tool"]

# Config of a node of each type, and the part of the input that it is asked with.
NODES = {
    "agent": "{model: 'tier:A', prompt_template: 'Say {q}'}",
    "classifier": "{classes: [{name: a}, {name: b}], text: '{q}'}",
    "extractor": "{schema: {type: object, properties: {x: {type: string}}}, text: '{q}'}",
    "judge": "{criteria: [clear], task: t, answer: '{q}'}",
    "http": "{url: 'https://api.example.com/{q}'}",
    "knowledge": "{query: context.q}",
    "tool": "{tool_name: find, parameters: {q: context.q}}",
    "code": "{source: 'result = q', inputs: {q: context.q}}",
}


class ReadingTools(FakeTools):
    """`find` only reads, `book` writes."""

    def spec(self, name: str) -> ToolSpec | None:
        spec = super().spec(name)
        return spec and replace(spec, writes=name == "book")


def world() -> World:
    return World(
        FakeModels({"*": ANSWER}),
        ReadingTools(
            {"find": {"found": 1}, "book": {}, "search_knowledge_base": {"search_results": [{"answer": "x"}]}}
        ),
        FakeHttp(HttpReply(200, {}, {"rate": 1})),
        sandbox=FakeSandbox({"v": 1}),
    )


def asked(w: World) -> int:
    """How often the world was asked for something."""
    return len(w.models.requests) + len(w.tools.calls) + len(w.http.requests) + len(w.sandbox.tasks)  # type: ignore[attr-defined]


def node(type_: str, config: str, cache: str = "{ttl_seconds: 60}") -> str:
    return one(f"type: {type_}, config: {config}, cache: {cache}")


async def twice(text: str, first: Any, second: Any, w: World | None = None) -> tuple[World, int, int, Any]:
    """How often the world was asked in the first run and in the second, and the second's result."""
    w = w or world()
    result = await w.run(text, first)
    assert result.status is RunStatus.SUCCEEDED, result.error
    before = asked(w)
    result = await w.run(text, second)
    assert result.status is RunStatus.SUCCEEDED, result.error
    return w, before, asked(w) - before, result


def test_these_types_can_be_answered_from_a_cache_and_no_others() -> None:
    assert [kind.type for kind in all_types() if kind.caches] == CACHED == sorted(NODES)


@pytest.mark.parametrize("type_", CACHED)
async def test_the_same_question_is_asked_once(type_: str) -> None:
    text = node(type_, NODES[type_])
    w, first, second, result = await twice(text, {"q": "a"}, {"q": "a", "unrelated": 5})
    assert (first, second) == (1, 0)
    assert w.cache.ttls == [60]
    fresh = await World.run(world(), text, {"q": "a", "unrelated": 5})
    assert result.output == fresh.output
    record = w.journal.attempts[-2]
    assert (record.path, record.usage.reason, record.usage.cost_usd_micros, record.usage.model) == (
        "it",
        "from the cache, 0 s old",
        0,
        None,
    )


@pytest.mark.parametrize("type_", CACHED)
async def test_another_question_another_tenant_or_another_config_is_asked(type_: str) -> None:
    w, _, second, _ = await twice(node(type_, NODES[type_]), {"q": "a"}, {"q": "b"})
    assert second == 1
    w.info = replace(w.info, tenant_id=OTHER)
    before = asked(w)
    await w.run(node(type_, NODES[type_]), {"q": "a"})
    await w.run(node(type_, NODES[type_].replace("{", "{description: changed, ", 1)), {"q": "a"})
    assert asked(w) - before == 2


@pytest.mark.parametrize("type_", CACHED)
async def test_without_a_cache_each_step_asks(type_: str) -> None:
    text = one(f"type: {type_}, config: {NODES[type_]}")
    w, _, second, _ = await twice(text, {"q": "a"}, {"q": "a"})
    assert (second, w.cache.answers) == (1, {})


async def test_a_key_of_its_own_decides_alone_within_the_node() -> None:
    text = node("agent", NODES["agent"], "{ttl_seconds: 60, key: '{customer}'}")
    w, _, second, _ = await twice(text, {"q": "a", "customer": 1}, {"q": "b", "customer": 1})
    assert second == 0
    await w.run(text, {"q": "a", "customer": 2})
    assert len(w.models.requests) == 2
    await w.run(
        text.replace("name: it", "name: other").replace("to: it", "to: other").replace("from: it", "from: other"),
        {"q": "a", "customer": 1},
    )
    assert len(w.models.requests) == 3


async def test_a_reply_from_the_cache_is_shown_and_stands_as_the_reply() -> None:
    text = node("agent", "{agent_type: responder, model: 'tier:A', prompt_template: '{q}'}")
    w = World(FakeModels({"*": "Good day!"}))
    _, _, second, result = await twice(text, {"q": "a"}, {"q": "a"}, w)
    assert (second, result.output) == (0, {"reply": "Good day!"})
    assert w.sink.data("step.delta", "it")[-1] == {"text": "Good day!"}


@pytest.mark.parametrize(
    ("config", "first", "second"),
    [
        ("{model: 'tier:A', prompt_template: x, system_prompt: 'You serve {who}'}", {"who": "a"}, {"who": "b"}),
        ("{model: 'tier:A', prompt_template: x, knowledge: [{source: s, query: '{who}'}]}", {"who": "a"}, {"who": "b"}),
        ("{model: 'tier:A', prompt_template: x, cite: true}", {}, {"search_results": [{"answer": "y"}]}),
        ("{model: 'tier:A', prompt: lib@1}", {"q": "a"}, {"q": "b"}),
    ],
)
async def test_all_that_an_agent_is_told_belongs_to_the_question(config: str, first: Any, second: Any) -> None:
    from tests.support.ports import FakePrompts

    w = world()
    w.models = FakeModels({"*": "text"})
    w.prompts = FakePrompts({"lib@1": "Answer {q}"})
    await w.run(node("agent", config), first)
    await w.run(node("agent", config), second)
    await w.run(node("agent", config), second)
    assert len(w.models.requests) == 2


@pytest.mark.parametrize(
    ("type_", "config"),
    [
        ("classifier", "{classes: [{name: a}, {name: b}], text: x, instructions: 'As {who} would'}"),
        ("extractor", "{schema: {type: object, properties: {x: {type: string}}}, text: x, instructions: 'For {who}'}"),
        ("judge", "{criteria: [clear], task: t, answer: a, rubric: 'As {who} would'}"),
        ("judge", "{criteria: [clear], task: t, answer: a, reference: context.who}"),
    ],
)
async def test_instructions_that_are_filled_in_belong_to_the_question(type_: str, config: str) -> None:
    _, _, second, _ = await twice(node(type_, config), {"who": "Ada"}, {"who": "Bea"})
    assert second == 1


async def test_the_conversation_belongs_to_the_question() -> None:
    w, text = world(), node("agent", "{model: 'tier:A', prompt_template: x, memory: {window: 3}}")
    for said in ("one", "two", "two"):
        await w.run(text, {}, history=[{"role": "user", "content": said}])
    assert len(w.models.requests) == 2


async def test_failures_and_large_answers_are_not_kept() -> None:
    text = node("agent", "{model: 'tier:A', prompt_template: '{q}'}")
    w = World(FakeModels({"*": [ModelError("no"), "x" * 40_000, "short"]}))
    assert (await w.run(text, {"q": 1})).status is RunStatus.FAILED
    for _ in range(3):
        await w.run(text, {"q": 1})
    assert (len(w.models.requests), len(w.cache.answers)) == (3, 1)


async def test_a_tool_that_turns_out_to_write_is_called_each_time() -> None:
    text = node("tool", "{tool_name: book}")
    assert [d for d in validate(Document.parse(text), tools=["book"]) if d.is_error] == []  # nothing known of it here
    w, first, second, _ = await twice(text, {}, {})
    assert (first, second, w.cache.answers) == (1, 1, {})


@pytest.mark.parametrize(
    "kept",
    [
        {},
        {"outcome": 5, "at": 1},
        {"outcome": {"reply": 5}, "at": 1},
        {"outcome": {}, "at": "x"},
        {"outcome": {"context": [1]}, "at": 1},
    ],
)
async def test_what_is_no_answer_is_not_taken_for_one(kept: Any) -> None:
    text, w = node("http", NODES["http"]), world()
    await w.run(text, {"q": 1})
    w.cache.answers = dict.fromkeys(w.cache.answers, kept)
    assert (await w.run(text, {"q": 1})).output == {"reply": None, "rate": 1}
    assert len(w.http.requests) == 2


def errors(text: str, tools: Any = None) -> list[str]:
    return [f"{d.code}: {d.message}" for d in validate(Document.parse(text), tools=tools) if d.is_error]


@pytest.mark.parametrize(
    ("type_", "config"),
    [
        ("agent", "{tools: [find]}"),
        ("agent", "{mcp: [{name: m, url: 'https://m.example', tools: [t]}]}"),
        ("http", "{url: 'https://api.example.com', method: POST}"),
        ("tool", "{tool_name: book}"),
        ("message", "{text: hi}"),
        ("transform", "{set: {a: '1'}}"),
        ("email", "{to: a@x.example, subject: s, body: b}"),
        ("event", "{topic: t}"),
        ("memory", "{op: read, key: k}"),
        ("sub_workflow", "{workflow_name: child}"),
        ("wait", "{seconds: 1}"),
        ("guardrail", "{checks: [pii_redact]}"),
        ("parallel", "{}"),
    ],
)
async def test_a_cache_that_makes_no_sense_is_refused_where_it_stands(type_: str, config: str) -> None:
    tools = world().tools
    text = node(type_, config)
    found = [
        d for d in validate(Document.parse(text), tools={n: tools.spec(n) for n in ("find", "book")}) if d.is_error
    ]
    assert [d.code for d in found] == ["no-cache"]
    assert text[found[0].start : found[0].end] == "cache"


@pytest.mark.parametrize("type_", CACHED)
def test_a_cache_that_makes_sense_is_no_finding(type_: str) -> None:
    tools = {"find": world().tools.spec("find")}
    assert errors(node(type_, NODES[type_]), tools) == []


@pytest.mark.parametrize(
    "cache", ["{ttl_seconds: 0}", "{ttl_seconds: 700000}", "{ttl_seconds: x}", "{key: ''}", "5", "{key: 5}"]
)
def test_settings_that_are_none_are_diagnostics(cache: str) -> None:
    assert errors(node("agent", NODES["agent"], cache))


def test_the_key_is_a_template_that_is_checked() -> None:
    text = workflow("""\
inputs: {type: object, properties: {q: {type: string}}}
nodes:
  - {name: start, type: start}
  - {name: it, type: agent, config: {prompt_template: "{q}"}, cache: {key: "{nodes.nobody.output}"}}
  - {name: end, type: end}
edges: [{from: start, to: it}, {from: it, to: end}]
""")
    assert any("nobody" in d.message for d in validate(Document.parse(text)))
