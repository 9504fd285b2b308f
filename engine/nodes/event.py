"""event: tell others that something has happened.

An event has a `topic` and a `payload` of fields (64 kB at most); context.x and ${...} in it are replaced by what they
refer to. It starts a run of each published workflow of this tenant that has an event trigger for the topic, wakes runs
that wait for it, and goes to whoever has subscribed to it from outside. Each step publishes its event once, however
often it is tried. The output is the event's `event_id`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.execution.ports import BusEvent
from engine.execution.records import clean
from engine.language.node_types import Group, NodeConfig
from engine.language.triggers import TOPIC
from engine.nodes._fields import NextNode


class EventConfig(NodeConfig):
    topic: str = Field(
        pattern=TOPIC,
        max_length=200,
        title="Topic",
        description="What kind of thing has happened: letters, digits, _ and -, in parts joined by . : or /",
        examples=["order.paid"],
    )
    payload: dict[str, Any] = Field(
        {},
        title="Payload",
        description="Name -> value; context.x and ${...} are replaced by what they refer to.",
        json_schema_extra={"ui": "key_value"},
    )
    next_node: NextNode = None


class EventNode(Node[EventConfig]):
    """One event through the EventBus port; the step's key is the event's id."""

    type = "event"
    title = "Event"
    summary = "Tells other workflows, and runs that wait for it, that something has happened."
    group = Group.MESSAGES
    icon = "radio"
    config_model = EventConfig
    effect = True
    families = ("tool_failure",)
    example = """\
- name: tell_paid
  type: event
  config:
    topic: order.paid
    payload:
      order_id: context.order_id
      amount: context.amount
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"event_id"})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return str(config.get("topic") or "no topic")

    def inputs(self, ctx: StepContext, config: EventConfig) -> Json:
        return {"topic": config.topic, "payload": clean(ctx.resolve(config.payload))}

    async def run(self, ctx: StepContext, config: EventConfig) -> Outcome:
        event = BusEvent(
            tenant_id=ctx.run.tenant_id,
            run_id=ctx.run.run_id,
            topic=config.topic,
            payload=ctx.input["payload"],
            idempotency_key=ctx.idempotency_key,
        )
        return Done({"event_id": await ctx.bus.publish(event)})
