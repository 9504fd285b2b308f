"""E-mail, event and respond: what they hand on, and what bad input does to them."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InputError, PermanentError, TransientError
from engine.execution.events import RunStatus
from engine.execution.http_answer import http_answer
from engine.language.document import Document
from engine.language.validate import validate
from tests.contract.test_nodes_data import one
from tests.support.ports import RUN_ID, TENANT_ID, FakeBus, FakeTools, World, workflow

# -- email -------------------------------------------------------------------------------------------------------------

SENT = {"sent": True, "message_id": "<1@x>", "refused": []}


def mail(more: str = "", to: str = "context.email") -> str:
    return one(f"type: email, config: {{to: {to}, subject: 'Order {{order}}', body: 'Dear {{name | you}},' {more}}}")


async def send(text: str, tools: FakeTools | None = None, **given: Any) -> tuple[World, Any]:
    w = World(tools=tools or FakeTools({"send_email": SENT}))
    return w, await w.run(text, {"email": "ada@x.example", "order": 7, **given})


async def test_an_email_goes_to_the_tool_with_the_steps_key_and_the_tenants_credential() -> None:
    w, result = await send(mail(", reply_to: context.help, credential: shop_mail"), help="help@x.example")
    (call,) = w.tools.calls
    assert call.parameters == {
        "to": ["ada@x.example"],
        "subject": "Order 7",
        "body": "Dear you,",
        "reply_to": "help@x.example",
    }
    assert (call.tool, call.credential, call.idempotency_key) == ("send_email", "shop_mail", f"{RUN_ID}:it:0")
    assert result.output == {"reply": None, **SENT}


@pytest.mark.parametrize(
    ("to", "given", "addresses"),
    [
        ("[a@x.example, context.email, ' a@x.example ']", {}, ["a@x.example", "ada@x.example"]),
        ("context.all", {"all": ["a@x.example", "b@x.example", None, 5, ""]}, ["a@x.example", "b@x.example"]),
        ("'${context.name}@x.example'", {"name": "bea"}, ["bea@x.example"]),
    ],
)
async def test_addresses_are_written_or_referred_to(to: str, given: Any, addresses: list[str]) -> None:
    w, _ = await send(mail(to=to), **given)
    assert w.tools.calls[0].parameters["to"] == addresses


@pytest.mark.parametrize(("to", "given"), [("context.none", {}), ("context.x", {"x": []}), ("context.x", {"x": {}})])
async def test_nobody_to_send_to_is_a_failure_before_anything_is_sent(to: str, given: Any) -> None:
    w, result = await send(mail(to=to), **given)
    assert (result.error["type"], w.tools.calls) == ("validation_error", [])


async def test_what_customers_write_makes_no_header_and_no_template() -> None:
    w, _ = await send(mail(), order="7\r\nBcc: all@x.example {name} ${context.email}", name="{order}")
    (call,) = w.tools.calls
    assert call.parameters["subject"] == "Order 7 Bcc: all@x.example {name} ${context.email}"
    assert call.parameters["body"] == "Dear {order},"


async def test_an_email_is_tried_again_under_its_key_and_a_refusal_is_an_email_error() -> None:
    text = mail().replace("type: email", "type: email, retry: {max_attempts: 2, initial_seconds: 1}")
    w, result = await send(text, FakeTools({"send_email": [TransientError(error_type="email_error"), SENT]}))
    assert (result.status, len(w.tools.calls), w.tools.effects) == (RunStatus.SUCCEEDED, 2, [f"{RUN_ID}:it:0"])
    refused = PermanentError("refused", error_type="email_error")
    _, result = await send(mail(), FakeTools({"send_email": refused}))
    assert result.error["type"] == "email_error"
    rules = "error_handling: [{error_type: tool_failure, action: custom_response, response: by phone then}]"
    _, result = await send(mail() + rules, FakeTools({"send_email": refused}))
    assert result.output == {"reply": "by phone then"}


async def test_an_installation_without_the_tool_says_so() -> None:
    _, result = await send(mail(), FakeTools({}))
    assert "no way to send e-mail" in result.error["message"]


# -- event -------------------------------------------------------------------------------------------------------------

EVENT = "type: event, config: {topic: order.paid, payload: {id: context.id, list: [context.id], none: null}}"


async def test_an_event_is_published_under_the_steps_key() -> None:
    w = World()
    result = await w.run(one(EVENT), {"id": 5})
    (event,) = w.bus.events
    assert (event.tenant_id, event.run_id, event.topic) == (TENANT_ID, RUN_ID, "order.paid")
    assert event.payload == {"id": 5, "list": [5], "none": None}
    assert event.idempotency_key == f"{RUN_ID}:it:0"
    assert result.output == {"reply": None, "event_id": f"event of {RUN_ID}:it:0"}


async def test_an_event_that_cannot_be_published_now_is_tried_again_under_the_same_key() -> None:
    w = World(bus=FakeBus(TransientError("not now")))
    result = await w.run(one(EVENT + ", retry: {max_attempts: 3, initial_seconds: 1}"), {"id": 5})
    assert (result.error["type"], len(w.bus.asked)) == ("tool_failure", 3)
    assert len({event.idempotency_key for event in w.bus.asked}) == 1


async def test_a_payload_that_is_too_large_or_too_deep_is_not_published() -> None:
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    for value in ("x" * 600_000, deep):
        w = World()
        result = await w.run(one(EVENT), {"id": value})
        assert (result.status, w.bus.asked) == (RunStatus.FAILED, [])


@pytest.mark.parametrize(
    "topic", ["''", "a b", "order.", ".paid", "'a\nb'", "'order.{x}'", "ü", "'${context.t}'", "5.5.", "*"]
)
def test_topics_that_are_none_are_diagnostics(topic: str) -> None:
    assert _errors(one(f"type: event, config: {{topic: {topic}}}"))


# -- respond -----------------------------------------------------------------------------------------------------------


def responding(config: str) -> str:
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - {{name: it, type: respond, config: {config}}}
edges: [{{from: start, to: it}}]
""")


def _errors(text: str) -> list[str]:
    return [d.message for d in validate(Document.parse(text)) if d.is_error]


@pytest.mark.parametrize(
    ("config", "response"),
    [
        ("{}", {"status": 200, "headers": {}, "body": None}),
        (
            "{status: 201, headers: {Location: '/o/${context.id}', X-Count: 3}, body: {id: context.id, n: null}}",
            {
                "status": 201,
                "headers": {"content-type": "application/json", "location": "/o/7", "x-count": "3"},
                "body": {"id": 7, "n": None},
            },
        ),
        (
            "{status: context.code, body: context.text}",
            {"status": 404, "headers": {"content-type": "text/plain; charset=utf-8"}, "body": "none"},
        ),
        (
            "{status: '4${context.digits}', headers: {content-type: text/csv, X-None: context.absent}, body: 'a,b'}",
            {"status": 422, "headers": {"content-type": "text/csv"}, "body": "a,b"},
        ),
    ],
)
async def test_the_answer_is_the_runs_output(config: str, response: Any) -> None:
    assert _errors(responding(config)) == []
    result = await World().run(responding(config), {"id": 7, "code": 404, "text": "none", "digits": "22"})
    assert result.output["response"] == response
    assert result.output.get("reply") == (response["body"] if isinstance(response["body"], str) else None)


@pytest.mark.parametrize(
    ("config", "given"),
    [
        ("{status: context.x}", {"x": 199}),
        ("{status: context.x}", {"x": 600}),
        ("{status: context.x}", {"x": True}),
        ("{status: context.x}", {"x": "20O"}),
        ("{status: context.x}", {"x": "٢٠٠"}),
        ("{status: context.x}", {}),
        ("{status: 204, body: text}", {}),
        ("{headers: {X-A: context.x}}", {"x": "a\r\nSet-Cookie: b=c"}),
        ("{headers: {X-A: context.x}}", {"x": "a\nb"}),
        ("{headers: {X-A: context.x}}", {"x": "a\0b"}),
        ("{headers: {X-A: context.x}}", {"x": "snow \u2603"}),
        ("{headers: {X-A: context.x}}", {"x": {"a": 1}}),
        ("{headers: {X-A: context.x}}", {"x": True}),
        ("{headers: {X-A: context.x}}", {"x": "y" * 9_000}),
    ],
)
async def test_an_answer_that_cannot_be_sent_fails_the_step(config: str, given: Any) -> None:
    result = await World().run(responding(config), given)
    assert (result.status, result.error["type"]) == (RunStatus.FAILED, "validation_error")


@pytest.mark.parametrize(
    "name",
    [
        "Set-Cookie", "set-cookie", "SET-COOKIE2", "Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length",
        "Content-Encoding", "Upgrade", "Trailer", "TE", "Proxy-Authenticate", "Strict-Transport-Security",
        "Content-Security-Policy", "Content-Security-Policy-Report-Only", "X-Frame-Options", "X-Content-Type-Options",
        "Clear-Site-Data", "Access-Control-Allow-Credentials", "Service-Worker-Allowed", "X-Accel-Redirect",
        "X-Sendfile", "Heddle-Run-Id", "Refresh", "Link", "Alt-Svc", "WWW-Authenticate", "Sec-Fetch-Site",
        "'X A'", "'X:A'", '"X\\r\\nA"', "''", "Ünicode", "'(x)'",
    ],
)  # fmt: skip
def test_headers_that_a_workflow_may_not_set_are_diagnostics(name: str) -> None:
    assert _errors(responding(f"{{headers: {{{name}: x}}}}"))


@pytest.mark.parametrize("status", ["199", "600", "ok", "'200'", "-1", "20.5", "true", "[200]"])
def test_statuses_that_are_none_are_diagnostics(status: str) -> None:
    assert _errors(responding(f"{{status: {status}}}"))


def test_too_many_headers_are_refused_and_usual_ones_go_out() -> None:
    with pytest.raises(InputError, match="50 headers"):
        http_answer({"status": 200, "headers": {f"X-{n}": "1" for n in range(51)}})
    usual = {"Cache-Control": "no-store", "ETag": '"1"', "Retry-After": 5, "Access-Control-Allow-Origin": "*"}
    assert set(http_answer({"status": 200, "headers": usual}).headers) == {name.lower() for name in usual}
    assert http_answer({"status": 200, "body": "a\ud800"}).body == b"a?"
    assert http_answer({"status": 200, "body": {"a": "ü"}}).body == '{"a":"ü"}'.encode()


async def test_in_a_called_workflow_the_answer_is_a_value_for_the_caller() -> None:
    from tests.support.ports import FakeDefinitions

    w = World(definitions=FakeDefinitions({"child": responding("{status: 418, body: {tea: true}}")}))
    result = await w.run(one("type: sub_workflow, config: {workflow_name: child, output_key: called}"), {})
    assert result.output["called"]["response"]["status"] == 418
