"""wait: let some time pass, or wait for an event.

`seconds` waits for so long, `until` up to a moment (a date and time such as 2026-12-01T09:00:00+01:00; without a zone
it is UTC; a moment that is over is not waited for). `event` waits until somebody gives the run a signal of that name,
or an event of that topic is published whose fields are those of `match`; `seconds` or `until` beside it is how long at
most.

No worker is held meanwhile, and a restart of anything loses nothing. The output has `timed_out`, and of an event its
`event`: {name, data}.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from engine.errors import InputError
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome, Suspend
from engine.execution.signals import fits
from engine.language.node_types import Group, NodeConfig
from engine.language.ways import Way, yes_or_no
from engine.nodes._fields import LONGEST_WAIT_S


class AwaitedEvent(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str = Field(min_length=1, max_length=200, title="Name", description="Name of the signal, or topic.")
    match: dict[str, Any] = Field({}, title="Match", description="Field -> value that the event's data must have.")


class WaitConfig(NodeConfig):
    seconds: float | None = Field(
        None, ge=0, le=LONGEST_WAIT_S, title="Seconds", description="How long.", json_schema_extra={"unit": "s"}
    )
    until: str | None = Field(
        None,
        min_length=1,
        title="Until",
        description="A date and time, or a template that gives one.",
        json_schema_extra={"ui": "text"},
    )
    event: AwaitedEvent | None = Field(
        None, title="Event", description="Wait for this event.", json_schema_extra={"ui": "json"}
    )

    @model_validator(mode="after")
    def _says_what(self) -> WaitConfig:
        if self.seconds is not None and self.until is not None:
            raise ValueError("seconds and until exclude each other")
        if self.seconds is None and self.until is None and self.event is None:
            raise ValueError("say what to wait for: seconds, until or event")
        return self


class WaitNode(Node[WaitConfig]):
    """Suspends; when it is resumed, looks whether that was what it waited for."""

    type = "wait"
    title = "Wait"
    summary = "Waits for some time, a moment or an event, without holding a worker."
    group = Group.FLOW
    icon = "timer"
    config_model = WaitConfig
    example = """\
- name: payment_arrives
  type: wait
  config:
    event: {name: payment_received, match: {order_id: context.order_id}}
    seconds: 86400
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"timed_out", "event"})

    def ways(self, config: Mapping[str, Any]) -> tuple[Way, ...]:
        ends = config.get("seconds") or config.get("until")
        return yes_or_no(config, "timed_out", "too late", "in time")[::-1] if config.get("event") and ends else ()

    def subtitle(self, config: Mapping[str, Any]) -> str:
        event, longest = config.get("event"), config.get("seconds") or config.get("until")
        if isinstance(event, Mapping):
            return f"for {event.get('name')}" + (f", at most {longest}" if longest else "")
        return f"{config['seconds']} s" if config.get("seconds") is not None else f"until {config.get('until')}"

    def inputs(self, ctx: StepContext, config: WaitConfig) -> Json:
        wanted: dict[str, Json] = {}
        if config.until is not None:
            wanted["until"] = ctx.render(config.until)
        if config.seconds is not None:
            wanted["seconds"] = config.seconds
        if config.event is not None:
            wanted["event"] = {"name": config.event.name, "match": ctx.resolve(config.event.match)}
        return wanted

    async def run(self, ctx: StepContext, config: WaitConfig) -> Outcome:  # noqa: ARG002
        event = ctx.input.get("event")
        resumed = ctx.resumed
        if resumed is not None and resumed.signal is None:
            return Done({"timed_out": event is not None})
        if resumed is not None and fits(resumed.data, event["match"]):
            return Done({"timed_out": False, "event": {"name": resumed.signal, "data": dict(resumed.data)}})
        if resumed is not None:  # taken by a version that took each event of that name: go on to the same moment
            return _waiting(event, resumed.until)
        wake_at = _moment(ctx)
        if event is None:
            assert wake_at is not None
            return Done({"timed_out": False}) if wake_at <= ctx.clock.now() else Suspend("wait", wake_at)
        return _waiting(event, wake_at)


def _waiting(event: Mapping[str, Json], until: float | None) -> Suspend:
    return Suspend("event", until, event["name"], event, match=event["match"])


def _moment(ctx: StepContext) -> float | None:
    """When the wait ends at the latest, as unix time."""
    if "seconds" in ctx.input:
        return ctx.clock.now() + float(ctx.input["seconds"])
    text = ctx.input.get("until")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as err:
        raise InputError(f"until must be a date and time such as 2026-12-01T09:00:00Z, not {text[:60]!r}") from err
    at = (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    if at - ctx.clock.now() > LONGEST_WAIT_S:
        raise InputError("until is more than a year away")
    return at
