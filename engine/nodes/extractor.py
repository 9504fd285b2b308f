"""extractor: take facts out of a text, in the form that a JSON Schema asks for.

The answer follows the schema or the step fails with schema_error: one that does not is sent back to the model once with
what is wrong. A fact that the text does not state is null where the schema allows null (`type: [string, "null"]`), so
let it where a fact may be missing. The fields go into context.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from engine.execution.context import StepContext
from engine.execution.node import Done, Json, Node, Outcome
from engine.language.known_paths import properties
from engine.language.node_types import Group
from engine.nodes._agent_presets import GROUPS
from engine.nodes._fields import NextNode, usable_schema
from engine.nodes._model_calls import ModelConfig, ask


class ExtractorConfig(ModelConfig):
    text: str = Field(
        "{message}",
        min_length=1,
        title="Text",
        description="Where the facts are; {path} and {path | default} are filled in.",
        json_schema_extra={"ui": "prompt"},
    )
    fields: dict[str, Any] = Field(
        alias="schema",
        title="Schema",
        description="JSON Schema of an object: the facts, each with a type and a description.",
        json_schema_extra={"ui": "schema"},
    )
    instructions: str | None = Field(
        None,
        max_length=4_000,
        title="Instructions",
        description="What else the model should go by.",
        json_schema_extra={"ui": "prompt"},
    )
    next_node: NextNode = None

    @field_validator("fields")
    @classmethod
    def _asks_for_an_object(cls, schema: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(schema.get("properties"), dict) or not schema["properties"]:
            raise ValueError("must be a JSON Schema with `properties`: the facts to take out")
        if schema.get("type", "object") != "object":
            raise ValueError("must be the schema of an object (type: object)")
        return usable_schema(schema)


class ExtractorNode(Node[ExtractorConfig]):
    """One question to a model, answered by the schema."""

    type = "extractor"
    title = "Extractor"
    summary = "Takes facts out of a text, in the form of a schema."
    group = Group.MODEL
    icon = "scan-text"
    config_model = ExtractorConfig
    effect = True
    long = True
    caches = True
    families = ("agent_failure", "llm_error")
    example = """\
- name: read_request
  type: extractor
  config:
    text: "{message}"
    schema:
      type: object
      required: [order_id]
      properties:
        order_id: {type: [string, "null"], description: Number of the order}
        quantity: {type: [integer, "null"], description: How many pieces}
"""

    def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
        return properties(config.get("schema"))

    def subtitle(self, config: Mapping[str, Any]) -> str:
        return ", ".join(sorted(properties(config.get("schema")))) or "no schema yet"

    def inputs(self, ctx: StepContext, config: ExtractorConfig) -> Json:
        return {"text": ctx.render(config.text)}

    async def asked(self, ctx: StepContext, config: ExtractorConfig) -> Json:
        return {**ctx.input, "instructions": ctx.render(config.instructions or "")}

    async def run(self, ctx: StepContext, config: ExtractorConfig) -> Outcome:
        system = GROUPS["extractor"].system
        if config.instructions:
            system = f"{system}\n{ctx.render(config.instructions)}"
        schema = {"type": "object", **config.fields}
        return Done(await ask(ctx, config, system=system, parts={"message": ctx.input["text"]}, schema=schema))
