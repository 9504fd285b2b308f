"""email: send an e-mail through the tenant's own mail server.

`to` is an address or a list of addresses, also by reference (context.email); subject and body are templates. The
credential says which mail server sends it and whom it comes from. A step that is tried again sends the same message id,
by which mail systems know a second copy. The output tells `sent`, the `message_id`, and whom the server `refused`. When
it refuses everybody the step fails with email_error, which also counts as tool_failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.errors import InputError, PermanentError
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.execution.ports import ToolCall
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode

SEND = "send_email"
MAX_SUBJECT = 500


class EmailConfig(NodeConfig):
    to: str | list[str] = Field(
        min_length=1,
        title="To",
        description="An address, several, or where they are: context.email.",
        examples=["context.email"],
        json_schema_extra={"ui": "value"},
    )
    subject: str = Field(
        min_length=1,
        title="Subject",
        description="{path} and {path | default} are filled in.",
        json_schema_extra={"ui": "text"},
    )
    body: str = Field(
        min_length=1,
        title="Text",
        description="{path} and {path | default} are filled in.",
        json_schema_extra={"ui": "textarea"},
    )
    reply_to: str | None = Field(
        None,
        title="Answers to",
        description="Where answers go: an address, or context.x.",
        json_schema_extra={"ui": "text"},
    )
    credential: str = Field(
        "smtp",
        min_length=1,
        title="Credential",
        description="Name of the credential of the mail server (kind smtp).",
        json_schema_extra={"ui": "credential", "of": "smtp"},
    )
    next_node: NextNode = None


class EmailNode(Node[EmailConfig]):
    """One call of the tool that sends e-mail, with the step's key at every attempt."""

    type = "email"
    title = "E-mail"
    summary = "Sends an e-mail through the tenant's own mail server."
    group = Group.MESSAGES
    icon = "mail"
    config_model = EmailConfig
    effect = True
    families = ("tool_failure",)
    example = """\
- name: confirm_order
  type: email
  config:
    to: context.email
    subject: Your order {order_id}
    body: |
      Dear {name | customer},

      your order {order_id} is on its way.
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"sent", "message_id", "refused"})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        to = config.get("to")
        whom = ", ".join(map(str, to)) if isinstance(to, list) else str(to or "nobody yet")
        return f"{whom} · {config.get('subject') or 'no subject'}"

    def inputs(self, ctx: StepContext, config: EmailConfig) -> Json:
        mail: dict[str, Json] = {
            "to": _addresses(ctx.resolve(config.to)),
            "subject": " ".join(ctx.render(config.subject).split())[:MAX_SUBJECT],
            "body": ctx.render(config.body),
        }
        reply_to = ctx.resolve(config.reply_to)
        return mail | ({"reply_to": str(reply_to).strip()} if reply_to else {})

    async def run(self, ctx: StepContext, config: EmailConfig) -> Outcome:
        if ctx.tools.spec(SEND) is None:
            raise PermanentError("this installation has no way to send e-mail", tool=SEND)
        call = ToolCall(
            tenant_id=ctx.run.tenant_id,
            tool=SEND,
            parameters=ctx.input,
            idempotency_key=ctx.idempotency_key,
            run_id=ctx.run.run_id,
            timeout_s=ctx.timeout_s,
            credential=config.credential,
        )
        return Done(await ctx.tools.call(call))


def _addresses(found: Json) -> list[str]:
    """The addresses, each once; raises InputError when there is none."""
    listed = found if isinstance(found, list) else [found]
    addresses = list(dict.fromkeys(each.strip() for each in listed if isinstance(each, str) and each.strip()))
    if not addresses:
        raise InputError("there is nobody to send the e-mail to", field="to")
    return addresses
