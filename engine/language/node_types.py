"""What the language knows about a node type: its config model and how it is drawn. Behaviour lives in engine/nodes.

A node type registers by subclassing `NodeType` (through `engine.execution.node.Node`). The registry is filled by
`engine.nodes.load()`; the language itself never imports a node. Inspector form, JSON Schema of the language and
docs/nodes are generated from `config_model`.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator, Mapping
from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from engine.language.ways import Way


class Group(StrEnum):
    """Decides a node's colour and its place in the node picker."""

    FLOW = "flow"
    MODEL = "model"
    TOOLS = "tools"
    DATA = "data"
    PEOPLE = "people"
    MESSAGES = "messages"
    SAFETY = "safety"


class NodeConfig(BaseModel):
    """Base of every config model: unknown keys are refused, values are immutable.

    Give each field a title, a description, and where it has one a unit, in `Field(...)`. The inspector's widget is
    chosen by `json_schema_extra={"ui": ...}`: text, textarea, prompt, code, expression, number, slider, switch, select,
    model, tool, workflow, node, credential, key_value, list, schema, json, value (any JSON, texts without quotes).
    """

    # Built at first use: a file needs few of the types, and `heddle validate` must start fast.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    description: str | None = Field(None, title="Description", description="What this node is for; shown on hover.")
    output_key: str | None = Field(
        None,
        title="Output key",
        description="Store the output at context.<key> instead of merging its fields into context.",
    )
    timeout_seconds: float | None = Field(
        None,
        gt=0,
        le=86_400,
        title="Timeout",
        description="Longest time one attempt may take.",
        json_schema_extra={"unit": "s"},
    )


class NodeType:
    """Description of a node type; never instantiated for a run's data, one shared instance serves all steps."""

    type: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str]
    summary: ClassVar[str]
    group: ClassVar[Group]
    icon: ClassVar[str]  # a lucide icon name
    config_model: ClassVar[builtins.type[NodeConfig]]  # plain `type` is the field above
    example: ClassVar[str]  # YAML of one node, as it stands under `nodes:`
    effect: ClassVar[bool] = False  # touches the outside world: the journal is flushed before it runs
    long: ClassVar[bool] = False  # may take seconds: a published call hands the run to a worker here
    runnable: ClassVar[bool] = True  # False: drawn only (note)
    entry: ClassVar[bool] = False  # a workflow starts here
    final: ClassVar[bool] = False  # a workflow ends here; its output is the workflow's
    infers: ClassVar[bool] = False  # its output schema is inferred from the conditions downstream when it has none
    caches: ClassVar[bool] = False  # an answer may be kept and given again (see engine/execution/caching.py)
    branches: ClassVar[bool] = False  # takes all its true edges at once (parallel)
    joins: ClassVar[bool] = False  # gathers the branches that come to it; its config has `wanted` (join)

    def has_effect(self, config: NodeConfig) -> bool:  # noqa: ARG002  (used by subclasses)
        """Whether a step with this config is an effect; never so for a type that is none."""
        return self.effect

    def takes_long(self, config: NodeConfig) -> bool:  # noqa: ARG002  (used by subclasses)
        """Whether a step with this config may take long; never so for a type that does not."""
        return self.long

    def uncacheable(self, config: Mapping[str, Any], tools: Mapping[str, Any]) -> str | None:  # noqa: ARG002
        """Why answers of a node with this raw config may not be kept; None when they may. `tools`: the known specs."""
        return None if self.caches else f"what a node of type {self.type} does has to be done each time"

    def writes(self, config: Mapping[str, Any]) -> frozenset[str] | None:  # noqa: ARG002  (used by subclasses)
        """Context keys that a step with this raw config may set: none for a node that only decides, None = any.

        The inference of an agent's output schema looks for the conditions downstream up to where a key is overwritten.
        """
        return None

    def subtitle(self, config: Mapping[str, Any]) -> str:  # noqa: ARG002  (used by subclasses)
        """The one config line shown on the node's card; `config` is raw and may be incomplete."""
        return self.title

    def ways(self, config: Mapping[str, Any]) -> tuple[Way, ...]:  # noqa: ARG002  (used by subclasses)
        """The ways on that a node with this raw config is known to have, in the order in which they are shown."""
        return ()

    def tool_names(self, config: Mapping[str, Any]) -> Iterator[tuple[tuple[str | int, ...], str]]:  # noqa: ARG002
        """Tools that the raw config names inside of other fields, each with its path from the config."""
        return iter(())

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" in cls.__dict__:
            register(cls())


_registry: dict[str, NodeType] = {}
_offered: dict[str, Callable[[], object]] = {}


def register(node_type: NodeType) -> None:
    """Add a node type; raises ValueError on a second one of the same name."""
    if node_type.type in _registry:
        raise ValueError(f"node type {node_type.type!r} is registered twice")
    _registry[node_type.type] = node_type


def offer(type_name: str, load: Callable[[], object]) -> None:
    """Make a type known whose module registers it when `load` is called: not before it is asked for."""
    _offered.setdefault(type_name, load)


def get(type_name: str) -> NodeType | None:
    if type_name not in _registry and type_name in _offered:
        _offered[type_name]()
    return _registry.get(type_name)


def all_types() -> Iterator[NodeType]:
    """Every registered or offered node type in alphabetical order."""
    for name in _offered:
        get(name)
    return iter([_registry[name] for name in sorted(_registry)])
