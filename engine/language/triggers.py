"""What each kind of trigger may say in its `config`.

The models find faults and describe the language's JSON Schema; `ScheduleSpec` and `EventSpec` are what publishing takes
out of a trigger that has been found right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from engine.language.model import Trigger, Workflow
from engine.language.shape import JsonObject, Shape

PATH = r"^[A-Za-z0-9][A-Za-z0-9/_-]{0,99}$"
MAX_TOPIC = 200
TOPIC = r"^[A-Za-z0-9][A-Za-z0-9_-]*([.:/][A-Za-z0-9_-]+)*$"
_TOPIC = re.compile(TOPIC, re.ASCII)
MAX_CATCH_UP = 100
CATCH_UP = {"skip": 1, "queue": 10}  # where the trigger does not say


class NoConfig(Shape):
    """A trigger with nothing to set."""


class ChatTrigger(Shape):
    path: str = Field(pattern=PATH, description="The chat answers at /c/<tenant>/<path>.")
    title: str | None = Field(None, max_length=200, description="Heading of the page; the tenant's name when absent.")
    greeting: str | None = Field(None, description="What a visitor reads first.")
    persist: bool | None = Field(None, description="Keep the conversation for the visitor's next visit.")
    allowed_origins: list[str] | None = Field(None, description="Sites that may embed the chat.")


class WebhookTrigger(Shape):
    path: str = Field(pattern=PATH, description="The webhook answers at /hooks/<tenant>/<path>.")
    auth: Literal["none", "token", "hmac"] | None = Field(None, description="How callers prove themselves: token.")
    respond: Literal["immediate", "last_node"] | None = Field(None, description="Answer at once, or with the output.")
    method: Literal["POST"] | None = Field(None, description="POST is the only one.")
    input_schema: JsonObject | None = Field(None, alias="schema", description="JSON Schema that the body must follow.")


class ApiTrigger(Shape):
    auth: JsonObject | str | None = None
    scopes: list[str] | None = None


class ScheduleTrigger(Shape):
    cron: str = Field(description="Five fields: minute hour day month weekday.", examples=["0 8 * * mon-fri"])
    timezone: str = Field("UTC", description="The clock that the cron expression means.", examples=["Europe/Berlin"])
    input: JsonObject = Field({}, description="Input of each run; `scheduled_at` is added.")
    overlap: Literal["skip", "queue"] = Field("skip", description="What happens while the run before still goes on.")
    catch_up: int | None = Field(
        None, ge=0, le=MAX_CATCH_UP, description="How many missed times are made up for, the latest ones."
    )


class FormTrigger(Shape):
    path: str | None = Field(None, pattern=PATH, description="The form is at /f/<tenant>/<path>.")
    title: str | None = Field(None, max_length=200)
    description: str | None = Field(None, max_length=4000, description="Text above the fields.")
    fields: JsonObject | None = Field(None, description="JSON Schema of the fields; the file's `inputs` when absent.")
    submit: str | None = Field(None, max_length=60, description="Text of the button.")
    thanks: str | None = Field(None, max_length=4000, description="What is shown at the end; else the run's answer.")
    theme: Literal["auto", "light", "dark"] = "auto"


class EventTrigger(Shape):
    topic: str = Field(pattern=TOPIC, max_length=MAX_TOPIC, description="Starts a run for each event of this topic.")
    filter: str | None = Field(None, description="Expression over the event's payload as `context`; false: no run.")


class EmailTrigger(Shape):
    address: str | None = None
    filter: str | None = None


CONFIGS: Mapping[str, type[Shape]] = {
    "manual": NoConfig,
    "chat": ChatTrigger,
    "webhook": WebhookTrigger,
    "api": ApiTrigger,
    "schedule": ScheduleTrigger,
    "email": EmailTrigger,
    "form": FormTrigger,
    "event": EventTrigger,
    "workflow": NoConfig,
}


@dataclass(frozen=True, slots=True)
class ScheduleSpec:
    """A schedule that is to be kept. `key` names it among the workflow's triggers, from version to version."""

    key: str
    cron: str
    timezone: str
    input: Mapping[str, Any]
    overlap: str
    catch_up: int
    tells_time: bool  # whether the input gets a `scheduled_at`: not where the workflow takes no other keys


@dataclass(frozen=True, slots=True)
class EventSpec:
    """A topic whose events start runs, if `filter` lets them."""

    key: str
    topic: str
    filter: str | None


def is_topic(text: str) -> bool:
    """Whether events can be named so."""
    return len(text) <= MAX_TOPIC and _TOPIC.fullmatch(text) is not None


def schedules_of(workflow: Workflow) -> list[ScheduleSpec]:
    """The schedules that are switched on. The workflow has passed validation."""
    tells_time = not any(_is_closed(schema) for schema in _input_schemas(workflow))
    return [_schedule(key, trigger, tells_time) for key, trigger in _keyed(workflow, "schedule")]


def events_of(workflow: Workflow) -> list[EventSpec]:
    """The event triggers that are switched on. The workflow has passed validation."""
    return [EventSpec(key, t.config["topic"], t.config.get("filter")) for key, t in _keyed(workflow, "event")]


def _input_schemas(workflow: Workflow) -> list[Any]:
    return [workflow.inputs, *(node.config.get("input_schema") for node in workflow.nodes if node.type == "start")]


def _is_closed(schema: Any) -> bool:
    """Whether an input with `scheduled_at` would be refused."""
    if not isinstance(schema, Mapping) or schema.get("additionalProperties", True) is not False:
        return False
    named = schema.get("properties")
    return not (isinstance(named, Mapping) and "scheduled_at" in named)


def _schedule(key: str, trigger: Trigger, tells_time: bool) -> ScheduleSpec:
    said = ScheduleTrigger.model_validate(dict(trigger.config))
    catch_up = CATCH_UP[said.overlap] if said.catch_up is None else said.catch_up
    return ScheduleSpec(key, said.cron, said.timezone, said.input, said.overlap, catch_up, tells_time)


def _keyed(workflow: Workflow, kind: str) -> list[tuple[str, Trigger]]:
    """Triggers of a kind by name, or by their number among those without one."""
    of_kind = [trigger for trigger in workflow.triggers if trigger.type == kind]
    named = [(trigger.name or f"{kind} {number}", trigger) for number, trigger in enumerate(of_kind, 1)]
    return list({key: (key, trigger) for key, trigger in named if trigger.enabled}.values())
