"""message: say something to the person at the other end, in words written in the workflow.

The text is a template. It is streamed to the conversation at once. With `final` (the default) it becomes the reply of
the run; without it, it is said in passing ("One moment, I am looking that up.") and the reply is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.node_types import Group, NodeConfig
from engine.nodes._fields import NextNode


class Button(BaseModel):
    """A choice offered with the message; `value` is what is sent back when it is picked, the title by default."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    title: str = Field(min_length=1, max_length=80, title="Title", description="What stands on the button.")
    value: str | None = Field(None, title="Value", description="What is sent back when it is picked. Empty: the title.")


class MessageConfig(NodeConfig):
    text: str = Field(
        min_length=1,
        title="Text",
        description="What to say; {path} and {path | default} are filled in.",
        json_schema_extra={"ui": "textarea"},
    )
    buttons: list[Button] = Field(
        [], max_length=20, title="Buttons", description="Choices to offer.", json_schema_extra={"ui": "list"}
    )
    final: bool = Field(
        True,
        title="Reply of the run",
        description="On: this is the run's reply. Off: said in passing.",
        json_schema_extra={"ui": "switch"},
    )
    next_node: NextNode = None


class MessageNode(Node[MessageConfig]):
    """Renders the text and hands it on.

    Not an effect for the journal: the text reaches people through the live events, which are a view, and through the
    run's output, which is committed with the end of the run.
    """

    type = "message"
    title = "Message"
    summary = "Says something to the person, in fixed words with values filled in."
    group = Group.MESSAGES
    icon = "message-square"
    config_model = MessageConfig
    example = """\
- name: say_thanks
  type: message
  config:
    text: Thank you, {name | friend}. Your order {order_id} is on its way.
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"reply_text", "buttons"})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        text = " ".join(str(config.get("text") or "no text").split())
        return text if len(text) <= 60 else text[:59] + "…"

    def inputs(self, ctx: StepContext, config: MessageConfig) -> Json:
        return {"text": ctx.render(config.text)}

    async def run(self, ctx: StepContext, config: MessageConfig) -> Outcome:
        text = ctx.input["text"]
        await ctx.on_delta(text)
        output: dict[str, Json] = {"reply_text": text} if config.final else {}
        if config.buttons:
            output["buttons"] = [{"title": b.title, "value": b.value or b.title} for b in config.buttons]
        return Done(output or None, reply=text if config.final else None)
