"""human: ask a person, and wait for the answer without holding a worker.

In mode approval the person approves or rejects, in mode choice picks one of `choices`, in mode form fills in `form` (a
JSON Schema; an approval may have one, too). `details` are the exact values that the answer is about. The answer is
bound to the hash of everything that is shown: one that was given to something else is not taken.

`assignees` are e-mail addresses of members, or roles such as role:agent; empty means anybody who may answer. When
nobody answers within `timeout_seconds`, the step fails with type timeout, or counts as approved or rejected, as
`on_timeout` says. A `retry` with `on: [timeout]` asks once more, for as long again.

The output has `decision` (approve, reject, the choice, or submit), `approved`, the fields of the form, `comment`, `by`
and `at`. A rejection is an answer, not a failure: let the edges ask for `context.approved`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from engine.errors import Unanswered
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome, Suspend
from engine.execution.questions import faults, hash_of
from engine.language.node_types import Group, NodeConfig
from engine.language.ways import TIMED_OUT, Way, one_of, yes_or_no
from engine.nodes._fields import LONGEST_WAIT_S, Assignees, usable_schema

Mode = Literal["approval", "form", "choice"]


class HumanConfig(NodeConfig):
    mode: Mode = Field(
        "approval",
        title="Mode",
        description="Approve or reject, fill in a form, or pick one of several.",
        json_schema_extra={"ui": "select"},
    )
    message: str = Field(
        min_length=1,
        title="Message",
        description="What the person is asked; {path} and {path | default} are filled in.",
        json_schema_extra={"ui": "textarea"},
    )
    details: dict[str, Any] = Field(
        {},
        title="Details",
        description="Name -> value: exactly what the answer is about.",
        json_schema_extra={"ui": "key_value"},
    )
    choices: list[str] = Field(
        [], max_length=50, title="Choices", description="With mode choice.", json_schema_extra={"ui": "list"}
    )
    form: dict[str, Any] | None = Field(
        None,
        title="Form",
        description="JSON Schema of what the person fills in; its fields are put into context.",
        json_schema_extra={"ui": "schema"},
    )
    assignees: Assignees = Field([])
    timeout_seconds: float | None = Field(
        None,
        gt=0,
        le=LONGEST_WAIT_S,
        title="Timeout",
        description="How long an answer is waited for. Empty: for ever.",
        json_schema_extra={"unit": "s"},
    )
    on_timeout: Literal["fail", "approve", "reject"] = Field(
        "fail",
        title="On timeout",
        description="What it counts as when nobody answers in time.",
        json_schema_extra={"ui": "select"},
    )

    @field_validator("form")
    @classmethod
    def _form_is_a_schema(cls, form: dict[str, Any] | None) -> dict[str, Any] | None:
        return form if form is None else usable_schema(form)

    @model_validator(mode="after")
    def _fits_the_mode(self) -> HumanConfig:
        if (self.mode == "choice") != bool(self.choices):
            raise ValueError("choices go with mode choice, and mode choice needs them")
        if self.mode == "form" and self.form is None:
            raise ValueError("mode form needs a form")
        if self.mode == "choice" and self.form is not None:
            raise ValueError("a choice has no form")
        if self.on_timeout == "approve" and self.mode != "approval":
            raise ValueError("only an approval can be approved by time")
        return self


class HumanNode(Node[HumanConfig]):
    """Suspends with what is to be shown; takes an answer only when it was given to exactly that."""

    type = "human"
    title = "Human"
    summary = "Asks a person to approve, choose or fill in a form."
    group = Group.PEOPLE
    icon = "user-check"
    config_model = HumanConfig
    example = """\
- name: approve_refund
  type: human
  config:
    mode: approval
    assignees: [role:agent]
    message: Refund {amount} for order {order_id}?
    details: {order_id: context.order_id, amount: context.amount}
    timeout_seconds: 86400
    on_timeout: reject
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
        form = config.get("form")
        fields = form.get("properties") if isinstance(form, Mapping) else None
        own = ("decision", "approved", "choice", "comment", "by", "at")
        return frozenset((*own, *(map(str, fields) if isinstance(fields, Mapping) else ())))

    def subtitle(self, config: Mapping[str, Any]) -> str:
        who = ", ".join(map(str, config.get("assignees") or ())) or "anybody"
        return f"{config.get('mode', 'approval')} by {who}"

    def ways(self, config: Mapping[str, Any]) -> tuple[Way, ...]:
        late = (TIMED_OUT,) if config.get("timeout_seconds") and config.get("on_timeout", "fail") == "fail" else ()
        mode, choices = config.get("mode", "approval"), config.get("choices")
        if mode == "approval":
            return (*yes_or_no(config, "approved", "approved", "rejected"), *late)
        if mode == "choice" and isinstance(choices, list):
            return (*one_of(config, "decision", choices), *late)
        return late

    def inputs(self, ctx: StepContext, config: HumanConfig) -> Json:
        shown: dict[str, Json] = {
            "mode": config.mode,
            "message": ctx.render(config.message),
            "details": ctx.resolve(config.details),
            "choices": list(config.choices),
            "form": config.form,
            "order": {"details": list(config.details), "form": list((config.form or {}).get("properties") or ())},
            "assignees": list(config.assignees),
        }
        return {**shown, "hash": hash_of(shown)}

    async def run(self, ctx: StepContext, config: HumanConfig) -> Outcome:
        resumed = ctx.resumed
        if resumed is None:
            until = None if config.timeout_seconds is None else ctx.clock.now() + config.timeout_seconds
            return Suspend(config.mode, until, ctx.signal, ctx.input)
        if resumed.signal is None:
            return _by_time(config, resumed.at)
        if faults(ctx.input, resumed.data):  # given to something else, or no answer: go on waiting
            return Suspend(config.mode, resumed.until, ctx.signal, ctx.input)
        return Done(_output(config.mode, resumed.data, resumed.at))


def _output(mode: Mode, answer: Mapping[str, Json], at: float) -> dict[str, Json]:
    decision = answer["decision"]
    output: dict[str, Json] = dict(answer.get("values") or {})
    if mode == "choice":
        output["choice"] = decision
    told = {"decision": decision, "approved": decision != "reject", "comment": answer.get("comment")}
    return {**output, **told, "by": answer.get("by"), "at": _moment(at)}


def _by_time(config: HumanConfig, at: float) -> Done:
    if config.on_timeout == "fail":
        raise Unanswered(f"nobody answered within {config.timeout_seconds:g} s", timeout_s=config.timeout_seconds)
    output = {"decision": config.on_timeout, "approved": config.on_timeout == "approve", "comment": None}
    return Done({**output, "by": None, "at": _moment(at)})


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()
