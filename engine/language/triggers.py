"""What each kind of trigger may say in its `config`.

The models find faults and describe the language's JSON Schema; `ScheduleSpec` and `EventSpec` are what publishing takes
out of a trigger that has been found right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.language.model import Trigger, Workflow
from engine.language.shape import JsonObject, Shape
from engine.scopes import MAX_OWN, MAX_SCOPE, SCOPE

PATH = r"^[A-Za-z0-9][A-Za-z0-9/_-]{0,99}$"
MAX_TOPIC = 200
TOPIC = r"^[A-Za-z0-9][A-Za-z0-9_-]*([.:/][A-Za-z0-9_-]+)*$"
_TOPIC = re.compile(TOPIC, re.ASCII)
MAX_CATCH_UP = 100
CATCH_UP = {"skip": 1, "queue": 10}  # where the trigger does not say


class NoConfig(Shape):
    """A trigger with nothing to set."""


class ChatTrigger(Shape):
    """Visitors talk to it, on a page of its own or in a widget on a site."""

    path: str = Field(pattern=PATH, title="Path", description="The chat answers at /c/<tenant>/<path>.")
    title: str | None = Field(
        None, max_length=200, title="Heading", description="Heading of the page; the tenant's name when absent."
    )
    greeting: str | None = Field(
        None,
        title="Greeting",
        description="What a visitor reads first.",
        json_schema_extra={"ui": "textarea"},
    )
    persist: bool | None = Field(
        False,
        title="Keep conversations",
        description="A visitor who comes back in the same browser goes on where they were, for 30 days after the last "
        "message. Otherwise each visit begins a conversation of its own.",
    )
    allowed_origins: list[str] | None = Field(
        None,
        title="Sites that may embed it",
        description="Sites that may embed the chat.",
        examples=["https://shop.example.com"],
        json_schema_extra={"ui": "list"},
    )


class WebhookTrigger(Shape):
    """Another system calls an address."""

    path: str = Field(pattern=PATH, title="Path", description="The webhook answers at /hooks/<tenant>/<path>.")
    auth: Literal["none", "token", "hmac"] | None = Field(
        "token",
        title="Callers prove themselves by",
        description="How callers prove themselves: a token, an HMAC signature of the body, or not at all.",
    )
    respond: Literal["immediate", "last_node"] | None = Field(
        "last_node", title="Answers", description="At once, or with the output when the run has ended."
    )
    method: Literal["POST"] | None = Field("POST", title="Method", description="POST is the only one.")
    input_schema: JsonObject | None = Field(
        None,
        alias="schema",
        title="Body",
        description="JSON Schema that the body must follow.",
        json_schema_extra={"ui": "schema"},
    )


class ApiTrigger(Shape):
    """Started over the API with a key of the tenant."""

    auth: Literal["key"] | None = Field(
        "key",
        title="Callers prove themselves by",
        description="An API key of the tenant: the only way for programs, which nothing switches off.",
        json_schema_extra={"ui": "hidden"},
    )
    scopes: list[Annotated[str, Field(max_length=MAX_SCOPE, pattern=SCOPE)]] | None = Field(
        None,
        max_length=MAX_OWN,
        title="Scopes that a key needs",
        description="An API key starts it only with all of these, besides `workflows:run`: names of your own, or "
        "permissions. People who are signed in need none.",
        examples=["invoices:approve"],
        json_schema_extra={"ui": "list"},
    )


class ScheduleTrigger(Shape):
    """At times of the clock."""

    cron: str = Field(
        title="When",
        description="Five fields: minute hour day month weekday.",
        examples=["0 8 * * mon-fri"],
        json_schema_extra={"ui": "cron"},
    )
    timezone: str = Field(
        "UTC",
        title="Time zone",
        description="The clock that the cron expression means.",
        examples=["Europe/Berlin"],
        json_schema_extra={"ui": "timezone"},
    )
    input: JsonObject = Field(
        {},
        title="Input",
        description="Input of each run; `scheduled_at` is added.",
        json_schema_extra={"ui": "key_value"},
    )
    overlap: Literal["skip", "queue"] = Field(
        "skip",
        title="While the run before goes on",
        description="What happens while the run before still goes on: skip this time, or queue it.",
    )
    catch_up: int | None = Field(
        None,
        ge=0,
        le=MAX_CATCH_UP,
        title="Missed times made up for",
        description=f"How many missed times are made up for, the latest ones. Empty: {CATCH_UP['skip']}, or "
        f"{CATCH_UP['queue']} where runs are queued.",
        json_schema_extra={"unit": "runs"},
    )


class FormTrigger(Shape):
    """A page with fields, for people."""

    path: str | None = Field(None, pattern=PATH, title="Path", description="The form is at /f/<tenant>/<path>.")
    title: str | None = Field(None, max_length=200, title="Heading", description="Heading of the page.")
    description: str | None = Field(
        None,
        max_length=4000,
        title="Text above the fields",
        description="Text above the fields.",
        json_schema_extra={"ui": "textarea"},
    )
    fields: JsonObject | None = Field(
        None,
        title="Fields",
        description="JSON Schema of the fields; the file's `inputs` when absent.",
        json_schema_extra={"ui": "schema"},
    )
    submit: str | None = Field(None, max_length=60, title="Button", description="Text of the button.")
    thanks: str | None = Field(
        None,
        max_length=4000,
        title="Shown at the end",
        description="What is shown at the end; else the run's answer.",
        json_schema_extra={"ui": "textarea"},
    )
    theme: Literal["auto", "light", "dark"] = Field(
        "auto", title="Colours", description="Light, dark, or as the visitor's own system."
    )


class EventTrigger(Shape):
    """Something happened elsewhere: another workflow, or a system that publishes events."""

    topic: str = Field(
        pattern=TOPIC,
        max_length=MAX_TOPIC,
        title="Topic",
        description="Starts a run for each event of this topic.",
        examples=["orders.created"],
    )
    filter: str | None = Field(
        None,
        title="Only if",
        description="Expression over the event's payload as `context`; false: no run.",
        examples=["context.total > 100"],
        json_schema_extra={"ui": "expression"},
    )


class EmailTrigger(Shape):
    """Nothing fetches mail yet."""

    address: str | None = Field(None, title="Address", description="The address that mail comes to.")
    filter: str | None = Field(None, title="Only if", description="Expression over the mail; false: no run.")


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


def scopes_of(workflow: Workflow) -> frozenset[str] | None:
    """What an API key needs to start the workflow, besides the permission: the scopes of all api triggers that are
    switched on. None where there are some and all are switched off: no key starts it.
    """
    triggers = [trigger for trigger in workflow.triggers if trigger.type == "api"]
    working = [trigger for trigger in triggers if trigger.enabled]
    if triggers and not working:
        return None
    return frozenset(scope for trigger in working for scope in trigger.config.get("scopes") or ())


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
