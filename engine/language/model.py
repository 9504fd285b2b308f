"""The parsed workflow: frozen values, derived from the text and never written back to it.

`Document` (document.py) builds these; positions in the text stay there. All mappings are plain JSON data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Json = Any  # JSON data: dict, list, str, int, float, bool, None

EdgeOn = Literal["success", "error", "timeout"]
Backoff = Literal["fixed", "linear", "exponential"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a step is tried again. `max_attempts` counts the first try; times in seconds."""

    max_attempts: int = 1
    backoff: Backoff = "exponential"
    initial_s: float = 1.0
    max_s: float = 60.0
    multiplier: float = 2.0
    jitter: bool = True
    on: tuple[str, ...] = ()  # error types; empty = every retryable error


@dataclass(frozen=True, slots=True)
class OnError:
    """What a node does once its retries are used up. `node` is the target of goto, fallback and escalate."""

    action: str
    node: str | None = None
    output: Json = None
    response: str | None = None
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """One node of the file. `config` is as written; its typed form is made by the node type's config model."""

    name: str
    type: str
    config: Mapping[str, Json] = field(default_factory=dict)
    retry: RetryPolicy | None = None
    on_error: OnError | None = None
    timeout_s: float | None = None
    cache: Mapping[str, Json] | None = None
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """A link between nodes; `index` is its place in the file, which is the order of evaluation."""

    index: int
    source: str
    target: str
    condition: str | None = None  # None and "true" both mean: the default branch
    on: EdgeOn = "success"
    label: str | None = None

    @property
    def is_default(self) -> bool:
        return self.condition is None or self.condition.strip() == "true"


@dataclass(frozen=True, slots=True)
class Trigger:
    """What may start a run of this workflow, e.g. type "webhook" with config {"path": "support"}."""

    type: str
    name: str | None = None
    config: Mapping[str, Json] = field(default_factory=dict)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ErrorRule:
    """One entry of `error_handling`: matched by error type after the node's own rules, "*" last."""

    error_type: str
    action: str
    fallback_node: str | None = None
    max_retries: int = 0
    response: str | None = None
    wait_s: float | None = None


@dataclass(frozen=True, slots=True)
class CallRate:
    """How often each published address of the workflow may be called, and how many calls may come at once."""

    per_minute: int
    burst: int


@dataclass(frozen=True, slots=True)
class RunDefaults:
    """The file's `config`: limits of a run and defaults of its nodes. None = no limit of that kind.

    `breaker` stands before the connectors' own in tool and http nodes whose `policy` has none.
    """

    timeout_s: float = 300.0
    max_retries: int = 0
    retry_delay_s: float = 1.0
    max_cost_usd: float | None = None
    max_steps: int = 1000
    breaker: Mapping[str, Json] = field(default_factory=dict)
    rate: CallRate | None = None


@dataclass(frozen=True, slots=True)
class Workflow:
    """A whole file. `inputs` is a JSON Schema; `variables` maps name to default."""

    name: str
    version: str
    description: str
    category: str
    priority: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    status: str = "active"
    defaults: RunDefaults = field(default_factory=RunDefaults)
    triggers: tuple[Trigger, ...] = ()
    variables: Mapping[str, Json] = field(default_factory=dict)
    credentials: tuple[Mapping[str, Json], ...] = ()
    inputs: Mapping[str, Json] | None = None
    outputs: Mapping[str, Json] | None = None
    error_handling: tuple[ErrorRule, ...] = ()
    tests: Mapping[str, Json] = field(default_factory=dict)
    monitoring: Mapping[str, Json] = field(default_factory=dict)
    metadata: Mapping[str, Json] = field(default_factory=dict)

    def node(self, name: str) -> Node | None:
        return next((n for n in self.nodes if n.name == name), None)
