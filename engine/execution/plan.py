"""Plan: a workflow made ready to run.

Config models are parsed, conditions compiled, schemas inferred, and what can be reached from where is known: all once
for a text, so that a step of a run does none of it. Plans are cached by the hash of the text. The node types must have
been registered before (`engine.nodes.load()`, called by whoever starts a process: execution does not import the nodes).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from pydantic import ValidationError

from engine.errors import GraphError, SchemaError
from engine.execution.caching import Cached
from engine.execution.node import Node as NodeBehaviour
from engine.execution.ports import Definition, Tools, ToolSpec
from engine.language import node_types
from engine.language.dataflow import Dataflow
from engine.language.document import Document
from engine.language.expressions import Expression, compile_expression
from engine.language.fields import fields_with_widget
from engine.language.infer import Inference
from engine.language.model import Edge, EdgeOn, ErrorRule, Node, OnError, RetryPolicy, RunDefaults, Workflow
from engine.language.node_types import NodeConfig

DEFAULT_STEP_TIMEOUT_S = 120.0
MOST_NODES = 25_000  # of all plans that a process keeps; a node takes about 3 kB


@dataclass(frozen=True, slots=True)
class PlanEdge:
    """An out-edge; `condition` is None for a default branch."""

    index: int
    target: str
    condition: Expression | None
    on: EdgeOn
    source_text: str | None


@dataclass(frozen=True, slots=True, eq=False)
class PlanNode:
    """A node with everything about it that does not depend on a run.

    `effect` and `long` are the type's, as far as this config asks for it.
    `targets` are all nodes that the run may go to from here, errors included. `retry` is never None: the workflow's
    defaults are filled in. `forks` says that some targets are lost when another is taken.
    """

    name: str
    type: str
    behaviour: NodeBehaviour[Any]
    config: NodeConfig
    edges: tuple[PlanEdge, ...]
    error_edges: tuple[PlanEdge, ...]
    retry: RetryPolicy
    own_retry: bool
    on_error: OnError | None
    timeout_s: float
    disabled: bool
    inferred_schema: Mapping[str, Any] | None
    targets: frozenset[str]
    forks: bool
    effect: bool
    long: bool


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A runnable workflow. `reach[n]` has the bits of each node that can still come after n (n itself only in cycles).

    `bits` has a bit for each node; `bodies` are the nodes that a loop repeats, by the loop's name.
    """

    workflow: Workflow
    hash: str
    start: str
    nodes: Mapping[str, PlanNode]
    bits: Mapping[str, int]
    reach: Mapping[str, int]
    rule_targets: frozenset[str]
    bodies: Mapping[str, frozenset[str]]

    @property
    def name(self) -> str:
        return self.workflow.name

    @property
    def defaults(self) -> RunDefaults:
        return self.workflow.defaults

    @property
    def rules(self) -> tuple[ErrorRule, ...]:
        return self.workflow.error_handling


@dataclass(slots=True)
class _Cache:
    plans: OrderedDict[str, Plan] = field(default_factory=OrderedDict)
    nodes: int = 0

    def get(self, key: str, make: Callable[[], Plan]) -> Plan:
        if key in self.plans:
            self.plans.move_to_end(key)
            return self.plans[key]
        plan = self.plans[key] = make()
        self.nodes += len(plan.nodes)
        while self.nodes > MOST_NODES and len(self.plans) > 1:
            _, gone = self.plans.popitem(last=False)
            self.nodes -= len(gone.nodes)
        return plan


_cache = _Cache()


def plan_of(definition: Definition, tools: Tools | None = None) -> Plan:
    """Plan of a stored text. Raises DefinitionError (with line and column where there is one).

    With `tools`, what they return is known when the schemas of agents are inferred.
    """
    return _cache.get(
        definition.hash, lambda: _compile(Document.parse(definition.text).runnable(), definition.hash, tools)
    )


def compile_plan(workflow: Workflow, hash: str, tools: Tools | None = None) -> Plan:
    """Plan of a parsed workflow; `hash` is that of its text, by which the plan is cached.

    Raises SchemaError for a config that does not fit its node type, GraphError for nodes and edges that do not fit.
    """
    return _cache.get(hash, lambda: _compile(workflow, hash, tools))


def _compile(workflow: Workflow, hash: str, tools: Tools | None) -> Plan:
    written = {node.name: node for node in workflow.nodes if _behaviour(node).runnable}
    out: dict[str, list[Edge]] = {name: [] for name in written}
    for edge in workflow.edges:
        for end in (edge.source, edge.target):
            if end not in written:
                raise GraphError(f"an edge names {end!r}, which is not a node that runs", node=end)
        out[edge.source].append(edge)
    starts = [name for name, node in written.items() if _behaviour(node).entry]
    if len(starts) != 1:
        raise GraphError(f"a workflow has one start node, this one has {len(starts)}")
    rule_targets = frozenset(r.fallback_node for r in workflow.error_handling if r.fallback_node in written)
    inference = Inference(workflow, _specs(workflow, tools))
    plan_nodes = {name: _plan_node(workflow, node, out[name], written, inference) for name, node in written.items()}
    bits = {name: 1 << number for number, name in enumerate(plan_nodes)}
    return Plan(
        workflow=workflow,
        hash=hash,
        start=starts[0],
        nodes=plan_nodes,
        bits=bits,
        reach=_reach(plan_nodes, bits),
        rule_targets=frozenset(target for target in rule_targets if target),
        bodies=_bodies(plan_nodes),
    )


def _specs(workflow: Workflow, tools: Tools | None) -> dict[str, ToolSpec]:
    """The tools that the workflow names, as far as they are known."""
    if tools is None:
        return {}
    names = {str(node.config["tool_name"]) for node in workflow.nodes if "tool_name" in node.config}
    return {name: spec for name in sorted(names) if (spec := tools.spec(name)) is not None}


def _behaviour(node: Node) -> NodeBehaviour[Any]:
    behaviour = node_types.get(node.type)
    if not isinstance(behaviour, NodeBehaviour):
        raise SchemaError(f"node {node.name}: there is no node type {node.type!r}", node=node.name)
    return behaviour


def _plan_node(
    workflow: Workflow, node: Node, edges: list[Edge], names: Collection[str], inference: Inference
) -> PlanNode:
    behaviour = _behaviour(node)
    success = tuple(_plan_edge(edge) for edge in edges if edge.on == "success")
    errors = tuple(_plan_edge(edge) for edge in edges if edge.on != "success")
    fallback = node.on_error.node if node.on_error else None
    targets = {edge.target for edge in edges}
    if fallback is not None and fallback in names:
        targets.add(fallback)
    for body in _led_to(behaviour, node):
        if body not in names:
            raise GraphError(f"node {node.name}: there is no node {body!r}", node=node.name)
        targets.add(body)
    infers = behaviour.infers and "output_schema" not in node.config
    config = _config(node, behaviour, workflow.defaults)
    return PlanNode(
        name=node.name,
        type=behaviour.type,
        behaviour=_with_cache(node, behaviour, inference.tools),
        config=config,
        edges=success,
        error_edges=errors,
        retry=node.retry or _default_retry(workflow.defaults),
        own_retry=node.retry is not None,
        on_error=node.on_error,
        timeout_s=node.timeout_s or DEFAULT_STEP_TIMEOUT_S,
        disabled=node.disabled,
        inferred_schema=inference.schema(node.name) if infers else None,
        targets=frozenset(targets),
        forks=len(targets) > 1 or behaviour.final,
        effect=behaviour.has_effect(config),
        long=behaviour.takes_long(config),
    )


def _with_cache(node: Node, behaviour: NodeBehaviour[Any], specs: Mapping[str, ToolSpec]) -> NodeBehaviour[Any]:
    """A cache where it makes no sense is left out; validation has said so."""
    if node.cache is None or behaviour.uncacheable(node.config, specs) is not None:
        return behaviour
    return cast("NodeBehaviour[Any]", Cached(behaviour, node.name, node.cache))


def _default_retry(defaults: RunDefaults) -> RetryPolicy:
    return RetryPolicy(
        max_attempts=1 + defaults.max_retries,
        backoff="fixed",
        initial_s=defaults.retry_delay_s,
        max_s=max(60.0, defaults.retry_delay_s),
        jitter=False,
    )


def _config(node: Node, behaviour: NodeBehaviour[Any], defaults: RunDefaults) -> NodeConfig:
    given = dict(node.config)
    if defaults.breaker and "policy" in behaviour.config_model.model_fields:
        own = given.get("policy") or {}
        given["policy"] = {"breaker": defaults.breaker} | own if isinstance(own, dict) else own
    try:
        return behaviour.config_model.model_validate(given)
    except ValidationError as err:
        first = err.errors(include_url=False, include_context=False, include_input=False)[0]
        field_name = ".".join(map(str, first["loc"])) or "config"
        raise SchemaError(f"node {node.name}: {field_name}: {first['msg']}", node=node.name, field=field_name) from err


def _plan_edge(edge: Edge) -> PlanEdge:
    condition = None if edge.is_default else compile_expression(edge.condition or "")
    return PlanEdge(edge.index, edge.target, condition, edge.on, edge.condition)


def _led_to(behaviour: NodeBehaviour[Any], node: Node) -> Iterator[str]:
    """Nodes that the config names (a loop's body)."""
    for field_name in fields_with_widget(behaviour, "node"):
        if isinstance(node.config.get(field_name), str):
            yield node.config[field_name]


def _bodies(nodes: Mapping[str, PlanNode]) -> dict[str, frozenset[str]]:
    """For each loop what lies between its body's first node and the way back to the loop."""
    found: dict[str, frozenset[str]] = {}
    for name, node in nodes.items():
        seen: set[str] = set()
        waiting = [getattr(node.config, field) for field in fields_with_widget(node.behaviour, "node")]
        if not waiting:
            continue
        while waiting:
            current = waiting.pop()
            if current != name and current not in seen:
                seen.add(current)
                waiting.extend(nodes[current].targets)
        found[name] = frozenset(seen)
    return found


def _reach(nodes: Mapping[str, PlanNode], bits: Mapping[str, int]) -> dict[str, int]:
    links = ((name, target) for name, node in nodes.items() for target in node.targets)
    return Dataflow(nodes, links).from_behind(lambda name, behind: behind | bits[name])
