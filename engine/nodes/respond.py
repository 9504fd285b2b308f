"""respond: end the run, and say how a call over HTTP is answered: with which status, headers and body.

A published webhook (with respond: last_node) and a run started over the API with `wait_s` answer with exactly this. The
body is JSON, or a text, which is text/plain unless a Content-Type header says otherwise; context.x and ${...} are
replaced by what they refer to. Like `end` it ends the workflow: what is to be done after the caller has its answer
belongs into a webhook with respond: immediate, or into another workflow (see event).

In a run that nobody called over HTTP (a chat, a schedule, a test) the answer is only its output: {response: {status,
headers, body}}; so it is in a called workflow, for its caller. Where branches run at the same time, the one that ends
last answers.

Headers about cookies, the connection, or the security of the site are refused, and the answer is sent so that a browser
runs no script in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from engine.execution.context import StepContext
from engine.execution.http_answer import http_answer, name_fault
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.node_types import Group, NodeConfig


class RespondConfig(NodeConfig):
    status: int | str = Field(
        200,
        title="Status",
        description="A number from 200 to 599, or context.x and ${...} for one.",
        json_schema_extra={"ui": "value"},
    )
    headers: dict[str, Any] = Field(
        {}, title="Headers", description="Name -> value.", json_schema_extra={"ui": "key_value"}
    )
    body: Any = Field(
        None,
        title="Body",
        description="JSON or a text; context.x and ${...} are replaced by what they refer to. Empty: no body.",
        json_schema_extra={"ui": "value"},
    )

    @field_validator("status")
    @classmethod
    def _is_a_status(cls, status: int | str) -> int | str:
        if isinstance(status, str) and not status.startswith("context.") and "${" not in status:
            raise ValueError("the status is a number from 200 to 599, or a reference such as context.status")
        if isinstance(status, int) and not 200 <= status <= 599:
            raise ValueError("the status is a number from 200 to 599")
        return status

    @field_validator("headers")
    @classmethod
    def _may_be_set(cls, headers: dict[str, Any]) -> dict[str, Any]:
        for name in headers:
            fault = name_fault(name)
            if fault:
                raise ValueError(fault)
        return headers


class RespondNode(Node[RespondConfig]):
    """Checks the answer, so that what the run's output holds can be sent as it is."""

    type = "respond"
    title = "Respond"
    summary = "Ends the workflow and answers the HTTP call: status, headers, body."
    group = Group.FLOW
    icon = "reply"
    config_model = RespondConfig
    final = True
    example = """\
- name: answer_created
  type: respond
  config:
    status: 201
    headers:
      Location: /orders/${context.order_id}
    body:
      order_id: context.order_id
      total: context.amount
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"response"})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        body = config.get("body")
        shown = ", ".join(map(str, body)) if isinstance(body, dict) else "" if body is None else str(body)
        return f"{config.get('status') or 200} · {shown or 'no body'}"[:80]

    def inputs(self, ctx: StepContext, config: RespondConfig) -> Json:
        return {
            "status": ctx.resolve(config.status),
            "headers": ctx.resolve(config.headers),
            "body": ctx.resolve(config.body),
        }

    async def run(self, ctx: StepContext, config: RespondConfig) -> Outcome:  # noqa: ARG002
        status, body = ctx.input["status"], ctx.input["body"]
        answer = http_answer({**ctx.input, "status": _number(status)})
        response = {"status": answer.status, "headers": dict(answer.headers), "body": body}
        return Done({"response": response} | ({"reply": body} if isinstance(body, str) else {}))


def _number(status: Json) -> Json:
    """A status that was put together as a text."""
    return (
        int(status)
        if isinstance(status, str) and status.isascii() and status.isdigit() and len(status) == 3
        else status
    )
