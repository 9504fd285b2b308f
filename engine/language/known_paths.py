"""Which context keys a workflow can fill, as far as the file says so; for the lint of templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from engine.errors import SchemaError
from engine.language import node_types
from engine.language.build import condition_text
from engine.language.expressions import compile_expression
from engine.language.model import Node, Workflow

# Set by the run itself or by every chat trigger.
_ALWAYS = frozenset({"message", "reply_text", "conversation_id", "customer_id", "error"})


class KnownPaths:
    """`keys` are names that something fills or reads; `is_open` says that other keys may be filled too."""

    def __init__(self, workflow: Workflow, tools: Mapping[str, Any] | None) -> None:
        self._workflow = workflow
        self._tools = tools or {}

    def has_key(self, key: str) -> bool:
        return key in self.keys

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(_ALWAYS.union(self._inputs, *(found for found, _ in self._nodes), self._read_by_conditions))

    @cached_property
    def is_open(self) -> bool:
        return not self._inputs or any(is_open for _, is_open in self._nodes)

    @property
    def _inputs(self) -> frozenset[str]:
        return properties(self._workflow.inputs)

    @cached_property
    def _nodes(self) -> list[tuple[frozenset[str], bool]]:
        return [self._filled_by(node) for node in self._workflow.nodes]

    @property
    def _read_by_conditions(self) -> Iterable[str]:
        """A key that a condition reads is known: an agent's output schema is inferred from it."""
        for edge in self._workflow.edges:
            for path in _paths(condition_text(edge.condition)):
                if path[0] == "context" and len(path) > 1:
                    yield str(path[1])

    def _filled_by(self, node: Node) -> tuple[frozenset[str], bool]:
        """The keys that a node fills, and whether it may fill others."""
        if isinstance(node.config.get("output_key"), str):
            return frozenset({node.config["output_key"]}), False
        schema = node.config.get("output_schema")
        if isinstance(schema, dict):
            return properties(schema), False
        kind = node_types.get(node.type)
        if kind is None or kind.final:
            return frozenset(), kind is None
        tool = self._tools.get(str(node.config.get("tool_name")))
        if tool is not None and properties(getattr(tool, "returns", None)):
            return properties(tool.returns), False
        written = kind.writes(node.config)
        return (written, False) if written is not None else (frozenset(), True)


def properties(schema: Any) -> frozenset[str]:
    """Names of a JSON Schema's properties."""
    found = schema.get("properties") if isinstance(schema, Mapping) else None
    return frozenset(map(str, found)) if isinstance(found, Mapping) else frozenset()


def _paths(condition: str | None) -> tuple[tuple[str | int, ...], ...]:
    if not condition:
        return ()
    try:
        return compile_expression(condition).paths
    except SchemaError:  # reported by the check of conditions
        return ()
