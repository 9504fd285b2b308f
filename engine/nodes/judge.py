"""judge: let a model grade an answer: a score from 0 to 1 and the reason.

What counts is named by `criteria` (each gets a score of its own, and `score` is their mean) or described in a `rubric`.
`passed` says whether the score reaches `min_score`, so an edge can send a weak answer back or to a person. The judge
sees the task, the answer, and what the answer should rest on; nothing in them changes its instructions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationInfo, field_validator

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.node_types import Group
from engine.language.ways import Way, yes_or_no
from engine.nodes._fields import NextNode
from engine.nodes._model_calls import ModelConfig, ask

_JUDGE = (
    "You grade an assistant's answer to a task. 1: right, complete and in keeping with the rubric; 0: wrong, made up "
    "or beside the point. Be strict: a doubt lowers the grade. reason says in one or two sentences what decided."
)


class JudgeConfig(ModelConfig):
    answer: str = Field(
        "{reply_text}",
        min_length=1,
        title="Answer",
        description="What is graded; {path} is filled in.",
        json_schema_extra={"ui": "prompt"},
    )
    task: str = Field(
        "{message}",
        title="Task",
        description="What the answer was given to; {path} is filled in.",
        json_schema_extra={"ui": "prompt"},
    )
    reference: Any = Field(
        None,
        title="Reference",
        description="What the answer should rest on or say, such as context.search_results.",
        json_schema_extra={"ui": "json"},
    )
    criteria: list[str] = Field(
        [],
        max_length=10,
        title="Criteria",
        description="Names of what is graded, such as accuracy or tone; each gets its own score.",
        json_schema_extra={"ui": "list"},
    )
    rubric: str | None = Field(
        None,
        max_length=8_000,
        validate_default=True,
        title="Rubric",
        description="What a good answer is like, in words.",
        json_schema_extra={"ui": "prompt"},
    )
    min_score: float = Field(
        0.7,
        ge=0,
        le=1,
        title="Least score",
        description="From this score on the answer has passed.",
        json_schema_extra={"unit": "of 1"},
    )
    next_node: NextNode = None

    @field_validator("criteria")
    @classmethod
    def _are_names(cls, criteria: list[str]) -> list[str]:
        for name in criteria:
            if not name.strip() or len(name) > 64 or name in ("score", "reason"):
                raise ValueError(f"{name[:80]!r} cannot be the name of a criterion")
        if len(set(criteria)) < len(criteria):
            raise ValueError("a criterion stands there twice")
        return criteria

    @field_validator("rubric")
    @classmethod
    def _something_counts(cls, rubric: str | None, info: ValidationInfo) -> str | None:
        if not rubric and not info.data.get("criteria", True):
            raise ValueError("say what counts: `criteria`, a `rubric`, or both")
        return rubric


class JudgeNode(Node[JudgeConfig]):
    """One question to a model, answered with scores."""

    type = "judge"
    title = "Judge"
    summary = "Grades an answer from 0 to 1 and says why."
    group = Group.MODEL
    icon = "gavel"
    config_model = JudgeConfig
    effect = True
    long = True
    caches = True
    families = ("agent_failure", "llm_error")
    example = """\
- name: grade_reply
  type: judge
  config:
    answer: "{reply_text | none}"
    task: "{message}"
    rubric: Answers the question, is polite, promises nothing.
    min_score: 0.5
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"score", "reason", "passed", "scores"})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        criteria = config.get("criteria")
        named = ", ".join(map(str, criteria)) if isinstance(criteria, list) else ""
        return named or str(config.get("rubric") or "no rubric yet")

    def ways(self, config: Mapping[str, Any]) -> tuple[Way, ...]:
        return yes_or_no(config, "passed", "passed", "not passed")

    def inputs(self, ctx: StepContext, config: JudgeConfig) -> Json:
        given = {"task": ctx.render(config.task), "answer": ctx.render(config.answer)}
        reference = ctx.resolve(config.reference)
        return given if reference is None else {**given, "reference": reference}

    async def asked(self, ctx: StepContext, config: JudgeConfig) -> Json:
        return {**ctx.input, "rubric": ctx.render(config.rubric or "")}

    async def run(self, ctx: StepContext, config: JudgeConfig) -> Outcome:
        parts = {name: _text(value) for name, value in ctx.input.items()}
        rubric = f"\nRubric: {ctx.render(config.rubric)}\n" if config.rubric else ""
        graded = await ask(ctx, config, system=_JUDGE + rubric, parts=parts, schema=_schema(config.criteria))
        return Done(_verdict(graded, config))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _schema(criteria: list[str]) -> dict[str, Json]:
    score = {"type": "number", "minimum": 0, "maximum": 1}
    scores = dict.fromkeys(criteria or ["score"], score)
    return {"type": "object", "required": [*scores, "reason"], "properties": {**scores, "reason": {"type": "string"}}}


def _verdict(graded: Mapping[str, Json], config: JudgeConfig) -> dict[str, Json]:
    names = config.criteria or ["score"]
    score = round(sum(graded[name] for name in names) / len(names), 4)
    verdict = {"score": score, "reason": graded["reason"], "passed": score >= config.min_score}
    return {**verdict, "scores": {name: graded[name] for name in names}} if config.criteria else verdict
