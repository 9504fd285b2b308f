"""http: call an address on the internet.

The reply's body is the step's output (a JSON object's fields go into context). A status of 400 or more is a failure
with type http_4xx or http_5xx, 429 with type rate_limit. Which addresses may be called at all is decided by the
installation's egress rules; `allow_hosts` narrows them further. A credential is added to the call by name and never
enters the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from engine.errors import PermanentError, RateLimited, SchemaMismatch, TransientError
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.execution.ports import HttpReply, HttpRequest, retry_after_s
from engine.execution.schema_check import problems
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode
from engine.nodes._parameters import resolve_parameters

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]


class HttpConfig(NodeConfig):
    method: Method = Field("GET", title="Method", description="What to do there.", json_schema_extra={"ui": "select"})
    url: str = Field(
        min_length=1,
        title="Address",
        description="Where to; {path} is filled in.",
        examples=["https://api.example.com/orders/{order_id}"],
        json_schema_extra={"ui": "text"},
    )
    headers: dict[str, Any] = Field(
        {}, title="Headers", description="Name -> value.", json_schema_extra={"ui": "key_value"}
    )
    query: dict[str, Any] = Field(
        {}, title="Query", description="Name -> value, put behind the ? .", json_schema_extra={"ui": "key_value"}
    )
    body: Any = Field(None, title="Body", description="What to send as JSON.", json_schema_extra={"ui": "json"})
    credential: str | None = Field(
        None,
        title="Credential",
        description="Name of the credential to add.",
        json_schema_extra={"ui": "credential"},
    )
    response: dict[str, Any] | None = Field(
        None,
        title="Response schema",
        description="JSON Schema that the reply's body must follow.",
        json_schema_extra={"ui": "schema"},
    )
    allow_hosts: list[str] = Field(
        [],
        title="Allowed hosts",
        description="Only these hosts may be called, also after a redirect. Empty: as the installation allows.",
        json_schema_extra={"ui": "list"},
    )
    policy: dict[str, Any] = Field(
        {},
        title="Policy",
        description="Overrides of the policy of outgoing calls: timeout, retries, breaker, bulkhead, rate_limit.",
        json_schema_extra={"ui": "json"},
    )
    next_node: NextNode = None


class HttpNode(Node[HttpConfig]):
    """One request through the Http port."""

    type = "http"
    title = "HTTP request"
    summary = "Calls a web address and takes its answer."
    group = Group.TOOLS
    icon = "globe"
    config_model = HttpConfig
    effect = True
    families = ("tool_failure",)
    caches = True
    example = """\
- name: fetch_rate
  type: http
  config:
    url: https://api.example.com/rates/{currency}
    query:
      amount: context.amount
    response:
      type: object
      required: [rate]
"""

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return f"{config.get('method') or 'GET'} {config.get('url') or 'no address'}"

    def uncacheable(self, config: Mapping[str, Any], tools: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        method = str(config.get("method") or "GET").upper()
        return None if method in ("GET", "HEAD") else f"a {method} may change something"

    def inputs(self, ctx: StepContext, config: HttpConfig) -> Json:
        return {
            "method": config.method,
            "url": ctx.render(config.url),
            "headers": resolve_parameters(ctx, config.headers),
            "query": resolve_parameters(ctx, config.query),
            "body": ctx.resolve(config.body),
        }

    async def run(self, ctx: StepContext, config: HttpConfig) -> Outcome:
        sent = ctx.input
        reply = await ctx.http.request(
            HttpRequest(
                method=sent["method"],
                url=sent["url"],
                headers={name: str(value) for name, value in sent["headers"].items()},
                query=sent["query"],
                body=sent["body"],
                timeout_s=ctx.timeout_s,
                allow_hosts=tuple(config.allow_hosts),
                tenant_id=ctx.run.tenant_id,
                credential=config.credential,
                idempotency_key=ctx.idempotency_key,
                policy=config.policy,
            )
        )
        _raise_for_status(reply, sent["url"])
        found = problems(config.response, reply.body) if config.response is not None else []
        if found:
            raise SchemaMismatch(f"the reply does not follow the response schema: {'; '.join(found)}")
        return Done(reply.body)


def _raise_for_status(reply: HttpReply, url: str) -> None:
    if reply.status < 400:
        return
    where, after = url.partition("?")[0], retry_after_s(reply.headers)
    if reply.status == 429:
        raise RateLimited(f"{where} answered 429", retry_after_s=after)
    if reply.status >= 500:
        problem = {"error_type": "http_5xx", "status": reply.status, "retry_after_s": after}
        raise TransientError(f"{where} answered {reply.status}", **problem)
    raise PermanentError(f"{where} answered {reply.status}", error_type="http_4xx", status=reply.status)
