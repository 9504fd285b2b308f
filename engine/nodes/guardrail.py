"""guardrail: check a text before or after a model sees it, and block, flag or redact what should not be there.

Checks: `pii` (and `pii_redact`), `prompt_injection`, `max_length`, `banned_words`, `regex`, `json_schema`; and three
that ask a model: `banned_topics`, `moderation`, `grounded` (does the answer rest on its passages?). They run in their
order, each on what the one before left.

`on_violation`: with `block` the step fails with type guardrail_blocked; `flag` goes on and says so; `redact` masks
personal data and banned words, takes injected sentences out, cuts what is too long, and blocks what cannot be mended
like that. The checked value stands at `context.<field>` afterwards; `context.passed` says whether all was well and
`context.violations` what was not: `{check, reason, action}`, never the text itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from engine.errors import GuardrailBlocked
from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.node_types import Group, NodeConfig
from engine.language.ways import Way, yes_or_no
from engine.nodes._fields import NextNode
from engine.nodes._guard_checks import Action, Entry, as_check, asks_a_model
from engine.nodes._guard_run import Finding, examine
from engine.nodes._model_calls import ModelConfig


class GuardrailConfig(ModelConfig):
    key: str = Field(
        "message",
        alias="field",
        pattern=r"^[A-Za-z_]\w{0,63}$",
        title="Field",
        description="Name of the value in context that is checked, such as message or reply_text.",
    )
    checks: list[Entry] = Field(
        min_length=1,
        max_length=30,
        title="Checks",
        description="Names of checks, or mappings with `check` and options.",
        examples=["prompt_injection"],
        json_schema_extra={"ui": "json"},
    )
    on_violation: Action = Field(
        "block",
        title="On violation",
        description="block: fail; flag: go on and say so; redact: mend, or block what cannot be mended.",
        json_schema_extra={"ui": "select"},
    )
    next_node: NextNode = None


class GuardrailNode(Node[GuardrailConfig]):
    """Most checks are computed here; those that ask a model make the step an effect and a long one."""

    type = "guardrail"
    title = "Guardrail"
    summary = "Checks a text and blocks, flags or redacts what should not be there."
    group = Group.SAFETY
    icon = "shield-check"
    config_model = GuardrailConfig
    effect = True
    long = True
    families = ("agent_failure",)
    example = """\
- name: guard_input
  type: guardrail
  config:
    field: message
    checks:
      - pii_redact
      - prompt_injection
      - {check: max_length, limit: 4000}
      - {check: banned_words, words: [guaranteed profit]}
    on_violation: block
"""

    def has_effect(self, config: NodeConfig) -> bool:
        return isinstance(config, GuardrailConfig) and any(map(asks_a_model, config.checks))

    def takes_long(self, config: NodeConfig) -> bool:
        return self.has_effect(config)

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
        return frozenset({"passed", "violations", str(config.get("field") or "message")})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        checks = config.get("checks")
        entries = checks if isinstance(checks, list) else []
        names = [entry.get("check") if isinstance(entry, Mapping) else entry for entry in entries]
        return ", ".join(str(name) for name in names if name) or "no checks yet"

    def ways(self, config: Mapping[str, Any]) -> tuple[Way, ...]:
        if config.get("on_violation", "block") == "block":
            return (Way("blocked", on="error"),)
        return yes_or_no(config, "passed", "passed", "not passed")

    def inputs(self, ctx: StepContext, config: GuardrailConfig) -> Json:  # noqa: ARG002
        return {"field": config.key, "checks": [as_check(entry).check for entry in config.checks]}

    async def run(self, ctx: StepContext, config: GuardrailConfig) -> Outcome:
        given = ctx.evaluate(f"context.{config.key}")
        value, findings = await examine(ctx, config, config.checks, config.on_violation, given)
        blocked = [finding for finding in findings if finding.action == "block"]
        if blocked:
            raise _stopped(config.key, findings, blocked)
        changed = {} if value == given else {config.key: value}
        told = [finding.told() for finding in findings]
        return Done({"passed": not findings, "violations": told}, context=changed)


def _stopped(field: str, findings: list[Finding], blocked: list[Finding]) -> GuardrailBlocked:
    reasons = "; ".join(f"{finding.check}: {finding.reason}" for finding in blocked)
    return GuardrailBlocked(f"{field} was stopped: {reasons}", violations=[finding.told() for finding in findings])
