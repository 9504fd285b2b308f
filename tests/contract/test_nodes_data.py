"""Tool, http, message, transform, start and end: what they hand on, and what bad input does to them."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from engine.errors import EgressBlocked, TransientError
from engine.execution.events import RunStatus
from engine.execution.ports import HttpReply
from tests.support.ports import FakeHttp, FakeTools, World, plan, workflow


def one(node: str, *, end: str = "{}", extra: str = "") -> str:
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - {{name: it, {node}}}
  - {{name: end, type: end, config: {end}}}
edges: [{{from: start, to: it}}, {{from: it, to: end}}]
{extra}
""")


# -- tool ------------------------------------------------------------------------------------------------------------


async def test_tool_parameters_are_resolved_and_references_to_nothing_left_out() -> None:
    w = World(tools=FakeTools({"t": {}}))
    node = """type: tool, config: {tool_name: t, credential: crm, policy: {timeout: 3}, parameters: {
      a: context.a, b: context.absent, c: null, d: "x${context.a}", e: [context.a, 1], f: {g: context.absent, h: 2}}}"""
    await w.run(one(node), {"a": 7})
    (call,) = w.tools.calls
    assert call.parameters == {"a": 7, "c": None, "d": "x7", "e": [7, 1], "f": {"h": 2}}
    assert (call.credential, call.policy) == ("crm", {"timeout": 3})


async def test_an_unknown_tool_is_a_tool_failure_that_names_it() -> None:
    result = await World().run(one("type: tool, config: {tool_name: fly}"))
    assert result.error is not None
    assert result.error["type"] == "tool_failure"
    assert "'fly'" in result.error["message"]


async def test_a_bug_in_an_adapter_is_wrapped_once_and_tells_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def bug(_: Any) -> Any:
        raise ZeroDivisionError("password is hunter2")

    result = await World(tools=FakeTools({"t": bug})).run(one("type: tool, config: {tool_name: t}"))
    assert result.error is not None
    assert result.error["code"] == "step_error"
    assert "hunter2" not in str(result.error)
    assert "ZeroDivisionError" in result.error["message"]
    assert "bug in a node" in caplog.text


@pytest.mark.parametrize("output", [{"x": object()}, {"x": {1, 2}}, b"bytes", {"a": "x" * 1_200_000}])
async def test_outputs_that_cannot_be_stored(output: Any) -> None:
    result = await World(tools=FakeTools({"t": lambda _: output})).run(one("type: tool, config: {tool_name: t}"))
    if isinstance(output, dict) and isinstance(output.get("x"), set):
        assert sorted(result.output["x"]) == [1, 2]
        return
    assert result.status is RunStatus.FAILED
    assert result.error is not None
    assert result.error["type"] in ("step_error", "output_too_large")
    assert result.error["details"]["node"] == "it"


MANY = "[" + ", ".join(["context.a"] * 350) + "]"


@pytest.mark.parametrize(
    ("node", "code"),
    [
        (f"type: transform, config: {{set: {{x: '{MANY}'}}}}", "output_too_large"),
        (f"type: tool, config: {{tool_name: t, parameters: {{x: '${{{MANY}}}'}}}}", "validation_error"),
        (f"type: tool, config: {{tool_name: t, parameters: {{x: '{'${context.a}' * 350}'}}}}", "expression_error"),
        (f"type: message, config: {{text: '{'{a}' * 350}'}}", "expression_error"),
    ],
    ids=["output", "input", "references in a text", "template"],
)
async def test_what_explodes_is_refused_before_it_takes_memory(node: str, code: str) -> None:
    """A large text named 350 times is one text in memory, until somebody writes it out."""
    w, text, given = World(tools=FakeTools({"t": {}})), one(node), {"a": "ü" * 900_000}
    plan(text)
    tracemalloc.start()
    try:
        result = await w.run(text, given)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert (result.status, result.error["code"], w.tools.calls) == (RunStatus.FAILED, code, [])


async def test_a_deeply_nested_output_is_refused() -> None:
    deep: Any = {}
    for _ in range(500):
        deep = {"a": deep}
    result = await World(tools=FakeTools({"t": lambda _: deep})).run(one("type: tool, config: {tool_name: t}"))
    assert result.error is not None
    assert "nested too deeply" in result.error["message"]


async def test_what_the_database_cannot_hold_is_replaced() -> None:
    value = {"nul": "a\0b", "lone": "x\ud800", "nan": float("nan"), "tuple": (1,), 3: "key"}
    result = await World(tools=FakeTools({"t": lambda _: value})).run(one("type: tool, config: {tool_name: t}"))
    assert result.output == {"reply": None, "nul": "ab", "lone": "x?", "nan": None, "tuple": [1], "3": "key"}


# -- http ------------------------------------------------------------------------------------------------------------

GET = (
    "type: http, "
    "config: {url: 'https://api.example.com/o/{id}?key=s3', headers: {x: context.id}, query: {q: context.no}}"
)


async def test_http_fills_address_and_headers_and_puts_the_body_out() -> None:
    w = World(http=FakeHttp(HttpReply(200, {}, {"total": 5})))
    result = await w.run(one(GET), {"id": 9})
    (request,) = w.http.requests
    assert (request.url, request.headers, request.query) == ("https://api.example.com/o/9?key=s3", {"x": "9"}, {})
    assert request.idempotency_key is not None
    assert request.idempotency_key.endswith(":it:0")
    assert result.output == {"reply": None, "total": 5}


@pytest.mark.parametrize(
    ("status", "error_type", "retryable"),
    [(404, "http_4xx", False), (503, "http_5xx", True), (429, "rate_limit", True)],
)
async def test_http_statuses_are_typed_errors(status: int, error_type: str, retryable: bool) -> None:
    w = World(http=FakeHttp(HttpReply(status, {"Retry-After": "3"}, "no")))
    result = await w.run(one(GET), {"id": 9})
    assert result.error is not None
    assert (result.error["type"], result.error["retryable"]) == (error_type, retryable)
    assert "s3" not in result.error["message"]


async def test_http_5xx_counts_as_tool_failure() -> None:
    rules = "error_handling: [{error_type: tool_failure, action: custom_response, response: down}]"
    w = World(http=FakeHttp(HttpReply(500, {}, "")))
    assert (await w.run(one(GET, extra=rules), {})).output == {"reply": "down"}


async def test_http_egress_errors_and_reply_schema() -> None:
    w = World(http=FakeHttp(EgressBlocked("not allowed")))
    result = await w.run(one(GET), {})
    assert result.error is not None
    assert result.error["type"] == "egress_blocked"
    w = World(http=FakeHttp(HttpReply(200, {}, {"total": "five"})))
    schema = "type: http, config: {url: 'https://a.b', response: {type: object, properties: {total: {type: number}}}}"
    result = await w.run(one(schema), {})
    assert result.error is not None
    assert result.error["type"] == "schema_error"
    assert "total" in result.error["message"]


# -- message, transform, start ---------------------------------------------------------------------------------------


async def test_a_message_in_passing_is_streamed_and_leaves_the_reply_alone() -> None:
    w = World()
    result = await w.run(one("type: message, config: {text: One moment, final: false}"))
    assert result.output == {"reply": None}
    assert w.sink.data("step.delta", "it") == [{"text": "One moment"}]


async def test_buttons_go_along_with_the_message() -> None:
    node = "type: message, config: {text: Which?, buttons: [{title: A}, {title: B, value: b}]}"
    result = await World().run(one(node))
    assert result.output["buttons"] == [{"title": "A", "value": "A"}, {"title": "B", "value": "b"}]


async def test_transform_computes_from_the_data_before_it_and_removes() -> None:
    node = (
        'type: transform, config: {set: {a: context.b, b: context.a, c: ["context.a + 1", 5], d: "\'x\'"}, delete: [z]}'
    )
    w = World(tools=FakeTools({}))
    result = await w.run(one(node), {"a": 1, "b": 2, "z": 3})
    assert result.output == {"reply": None, "a": 2, "b": 1, "c": [2, 5], "d": "x"}
    assert "z" not in w.journal.attempts[-1].outcome


async def test_an_expression_that_fails_names_the_node_and_the_expression() -> None:
    result = await World().run(one('type: transform, config: {set: {a: "context.x * 2"}}'), {"x": {}})
    assert result.error is not None
    assert result.error["type"] == "expression_error"
    assert result.error["details"]["node"] == "it"
    assert "context.x * 2" in result.error["message"]


async def test_an_expression_that_does_not_parse_fails_the_step_only() -> None:
    rules = "error_handling: [{error_type: expression_error, action: custom_response, response: sorry}]"
    result = await World().run(one('type: transform, config: {set: {a: "1 +"}}', extra=rules))
    assert result.output == {"reply": "sorry"}


async def test_start_checks_the_input() -> None:
    text = one("type: message, config: {text: hi}").replace(
        "{name: start, type: start}", "{name: start, type: start, config: {input_schema: {required: [message]}}}"
    )
    result = await World().run(text, {})
    assert result.error is not None
    assert result.error["type"] == "validation_error"
    assert (await World().run(text, {"message": "x"})).status is RunStatus.SUCCEEDED


async def test_an_end_whose_output_fails_is_a_failure_of_the_run() -> None:
    result = await World().run(
        one("type: message, config: {text: hi}", end="{output: {x: '${context.a - 1}'}}"), {"a": "b"}
    )
    assert result.error is not None
    assert result.error["details"]["node"] == "end"


async def test_a_flaky_http_call_is_retried_with_its_key() -> None:
    w = World(http=FakeHttp(TransientError("reset")))
    await w.run(one(GET + ", retry: {max_attempts: 3, initial_seconds: 1}"), {})
    assert len({r.idempotency_key for r in w.http.requests}) == 1
    assert len(w.http.requests) == 3
