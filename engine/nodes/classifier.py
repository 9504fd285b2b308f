"""classifier: sort a text into one of several classes.

A model picks the class and says how sure it is; it can answer with nothing but one of the classes. Edges then ask for
`context.class`. With a `threshold`, a choice that the model is less sure of becomes the `fallback_class` (what it would
have chosen stays in `nodes.<name>.output.guess`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.node_types import Group
from engine.language.ways import Way, one_of
from engine.nodes._agent_presets import GROUPS
from engine.nodes._fields import NextNode
from engine.nodes._model_calls import ModelConfig, ask


class ClassOption(BaseModel):
    """One class. The description tells the model what belongs to it."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str = Field(pattern=r"^[A-Za-z][\w-]{0,63}$", title="Name", description="What conditions compare with.")
    description: str = Field("", max_length=500, title="Description", description="What belongs to this class.")


class ClassifierConfig(ModelConfig):
    text: str = Field(
        "{message}",
        min_length=1,
        title="Text",
        description="What to sort; {path} and {path | default} are filled in.",
        json_schema_extra={"ui": "prompt"},
    )
    classes: list[ClassOption] = Field(
        min_length=2,
        max_length=50,
        title="Classes",
        description="The classes, each with a name and a description.",
        json_schema_extra={"ui": "json"},
    )
    instructions: str | None = Field(
        None,
        max_length=4_000,
        title="Instructions",
        description="What else the model should go by, such as what to do in doubt.",
        json_schema_extra={"ui": "prompt"},
    )
    threshold: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Least confidence",
        description="Below it the fallback class is taken.",
        json_schema_extra={"unit": "of 1"},
    )
    fallback_class: str | None = Field(
        None,
        pattern=r"^[A-Za-z][\w-]{0,63}$",
        validate_default=True,
        title="Fallback class",
        description="Taken when the model is not sure enough; need not be one of the classes.",
    )
    next_node: NextNode = None

    @field_validator("classes")
    @classmethod
    def _names_differ(cls, classes: list[ClassOption]) -> list[ClassOption]:
        names = [option.name.lower() for option in classes]
        twice = next((option.name for option in classes if names.count(option.name.lower()) > 1), None)
        if twice:
            raise ValueError(f"two classes are named {twice}")
        return classes

    @field_validator("fallback_class")
    @classmethod
    def _threshold_has_one(cls, fallback: str | None, info: ValidationInfo) -> str | None:
        if fallback is None and info.data.get("threshold"):
            raise ValueError("a threshold needs a `fallback_class` to take below it")
        return fallback


class ClassifierNode(Node[ClassifierConfig]):
    """One question to a model, answered by a schema whose only classes are the listed ones."""

    type = "classifier"
    title = "Classifier"
    summary = "Sorts a text into one of several classes."
    group = Group.MODEL
    icon = "tags"
    config_model = ClassifierConfig
    effect = True
    long = True
    caches = True
    families = ("agent_failure", "llm_error")
    example = """\
- name: sort_message
  type: classifier
  config:
    text: "{message}"
    classes:
      - {name: order, description: Wants to buy something or asks about an order}
      - {name: complaint, description: Is unhappy with a product or the service}
      - {name: other, description: Anything else}
    threshold: 0.3
    fallback_class: other
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:  # noqa: ARG002
        return frozenset({"class", "confidence", "guess"})

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return " · ".join(str(name) for name in _class_names(config) if name) or "no classes yet"

    def ways(self, config: Mapping[str, Any]) -> tuple[Way, ...]:
        return one_of(config, "class", [*_class_names(config), config.get("fallback_class")])

    def inputs(self, ctx: StepContext, config: ClassifierConfig) -> Json:
        return {"text": ctx.render(config.text)}

    async def asked(self, ctx: StepContext, config: ClassifierConfig) -> Json:
        return {**ctx.input, "instructions": ctx.render(config.instructions or "")}

    async def run(self, ctx: StepContext, config: ClassifierConfig) -> Outcome:
        answer = await ask(
            ctx,
            config,
            system=_instructions(ctx, config),
            parts={"message": ctx.input["text"]},
            schema=_schema(config),
            max_tokens=200,
        )
        found, sure = answer["class"], answer["confidence"]
        if sure >= config.threshold or config.fallback_class is None:
            return Done({"class": found, "confidence": sure})
        return Done({"class": config.fallback_class, "confidence": sure, "guess": found})


def _class_names(config: Mapping[str, Any]) -> list[Any]:
    """As the raw config has them, whatever they are."""
    classes = config.get("classes")
    return [item.get("name") for item in classes if isinstance(item, Mapping)] if isinstance(classes, list) else []


def _instructions(ctx: StepContext, config: ClassifierConfig) -> str:
    lines = [GROUPS["classifier"].system, "", "Classes:"]
    lines += [f"- {option.name}: {' '.join(option.description.split()) or option.name}" for option in config.classes]
    lines += ["", "class is the class of the message. confidence says how sure you are, from 0 to 1."]
    return "\n".join([*lines, *([ctx.render(config.instructions)] if config.instructions else [])])


def _schema(config: ClassifierConfig) -> dict[str, Json]:
    return {
        "type": "object",
        "required": ["class", "confidence"],
        "properties": {
            "class": {"enum": [option.name for option in config.classes]},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        },
    }
