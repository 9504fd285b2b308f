"""JSON Schema (2020-12) of the workflow language, generated from the file's shape and the registered node types.

For editors (completion, checking while typing) and for API clients. It accepts node types that are not installed, with
any config: whether a type exists is a matter of the installation, not of the language. What a schema cannot say
(references, cycles, expressions) is checked by validate.py.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from engine.language import node_types, shape
from engine.language.triggers import CONFIGS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
TYPE_NAME = r"^[a-z][a-z0-9_]{0,63}$"
JsonSchema = dict[str, Any]

_FREE_KEYS: JsonSchema = {"^x-": {}}


def language_schema() -> JsonSchema:
    """The schema of a whole file; node types must have been registered before (`engine.nodes.load()`)."""
    types = {kind.type: kind for kind in node_types.all_types()}
    mode: JsonSchemaMode = "validation"
    models: list[tuple[type[BaseModel], JsonSchemaMode]] = [(shape.FileShape, mode)]
    models += [(kind.config_model, mode) for kind in types.values()] + [(model, mode) for model in CONFIGS.values()]
    references, generated = models_json_schema(list(dict.fromkeys(models)), by_alias=True)
    definitions: dict[str, JsonSchema] = generated["$defs"]
    named = {model: reference["$ref"].rsplit("/", 1)[-1] for (model, _), reference in references.items()}
    for model in _open_models():
        if model.__name__ in definitions:
            definitions[model.__name__]["additionalProperties"] = True
    _describe_node(definitions["NodeShape"], {name: named[kind.config_model] for name, kind in types.items()})
    definitions["TriggerShape"]["allOf"] = _configs({kind: named[model] for kind, model in CONFIGS.items()})
    _describe_edge(definitions["EdgeShape"])
    root = definitions.pop(named[shape.FileShape])
    root |= {"$schema": DIALECT, "title": "Heddle workflow", "patternProperties": _FREE_KEYS, "$defs": definitions}
    root.pop("description", None)
    return root


def _open_models() -> list[type[BaseModel]]:
    """Mappings in which an unknown key is a warning only."""
    return list(shape.OpenShape.__subclasses__())


def _describe_node(node: JsonSchema, configs: dict[str, str]) -> None:
    node["patternProperties"] = _FREE_KEYS
    known = {"enum": sorted(configs), "description": "An installed node type."}
    node["properties"]["type"] = {"anyOf": [known, {"type": "string", "pattern": TYPE_NAME}]}
    node["allOf"] = _configs(configs)


def _configs(configs: dict[str, str]) -> list[JsonSchema]:
    """Which config belongs to which `type`."""
    return [
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"properties": {"config": {"anyOf": [{"$ref": f"#/$defs/{config}"}, {"type": "null"}]}}},
        }
        for name, config in sorted(configs.items())
    ]


def _describe_edge(edge: JsonSchema) -> None:
    edge["patternProperties"] = _FREE_KEYS
    edge["properties"]["condition"] = {
        "type": ["string", "null"],
        "default": None,
        "description": 'An expression; null or "true" is the default branch.',
    }
