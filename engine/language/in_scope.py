"""Which paths an expression or a template of a node can read, as far as the file says so; for completion in editors.

What the run's input brings, what the nodes before it put out (their schemas, what their tools return, what conditions
ask of an agent), the variables, and inside of a loop the item. A path may be missing in a run all the same: a
missing path is null.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.language import node_types
from engine.language.fields import fields_with_widget
from engine.language.infer import Inference
from engine.language.known_paths import properties
from engine.language.model import Node, Workflow

MAX_PATHS = 1_000
MAX_DEPTH = 4
_CHAT = {"message": "string", "conversation_id": "string", "customer_id": "string"}
_RUN = {"run.id": "string", "run.workflow": "string", "run.trigger": "string", "tenant.id": "string"}
Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class InScope:
    """A readable path. `origin` is the node that writes it, or what else brings it: "input", "variables", "run"."""

    path: str
    type: str
    origin: str
    description: str = ""

    def to_dict(self) -> dict[str, str]:
        shown = {"path": self.path, "type": self.type, "origin": self.origin, "description": self.description}
        return {key: value for key, value in shown.items() if value}


def paths_in_scope(inference: Inference, node_name: str, *, after: bool = False) -> list[InScope]:
    """The paths that are known where this node runs, the nearest writers first; each path once, 1,000 at most.

    With `after`, those that the conditions of its edges read: what it writes itself comes first. `node_name` may be
    unknown: then what all nodes write counts.
    """
    found: dict[str, InScope] = {}
    for one in _all(inference, node_name, after=after):
        found.setdefault(one.path, one)
        if len(found) >= MAX_PATHS:
            break
    return list(found.values())


def _all(inference: Inference, node_name: str, *, after: bool) -> Iterator[InScope]:
    workflow = inference.workflow
    if _in_loop(workflow, node_name):
        yield InScope("item", "any", "loop", "The loop's present item.")
        yield InScope("index", "number", "loop", "Its number, from 0.")
    own = [node for node in workflow.nodes if after and node.name == node_name]
    for node in own:
        yield from _written_by(node, _output_of(node, inference))
    yield from _input(workflow)
    for node in _before(workflow, node_name):
        yield from _written_by(node, _output_of(node, inference))
    for name, value in workflow.variables.items():
        yield InScope(f"variables.{name}", _type_of(value), "variables", str(value)[:80] if value is not None else "")
    for path, kind in _RUN.items():
        yield InScope(path, kind, "run")


def _input(workflow: Workflow) -> Iterator[InScope]:
    schema = workflow.inputs or _start_schema(workflow)
    if schema:
        yield from _below("context", schema, "input")
        yield from _below("inputs", schema, "input")
    if not schema or any(trigger.type == "chat" for trigger in workflow.triggers):
        for name, kind in _CHAT.items():
            yield InScope(f"context.{name}", kind, "input")
    yield InScope("context.reply_text", "string", "run", "What was last said to the person.")


def _start_schema(workflow: Workflow) -> Schema | None:
    for node in workflow.nodes:
        kind = node_types.get(node.type)
        schema = node.config.get("input_schema")
        if kind is not None and kind.entry and isinstance(schema, dict):
            return schema
    return None


def _before(workflow: Workflow, node_name: str) -> list[Node]:
    """The nodes from which a way leads here, the nearest first."""
    by_name = {node.name: node for node in workflow.nodes}
    if node_name not in by_name:
        return list(workflow.nodes)
    sources: dict[str, list[str]] = {}
    for edge in workflow.edges:
        sources.setdefault(edge.target, []).append(edge.source)
    for node in workflow.nodes:  # a loop leads to its body without an edge
        kind = node_types.get(node.type)
        for key in fields_with_widget(kind, "node"):
            if isinstance(node.config.get(key), str):
                sources.setdefault(node.config[key], []).append(node.name)
    seen = {node_name: None}
    todo = deque([node_name])
    while todo:
        for source in sources.get(todo.popleft(), ()):
            if source in by_name and source not in seen:
                seen[source] = None
                todo.append(source)
    return [by_name[name] for name in seen if name != node_name]


def _in_loop(workflow: Workflow, node_name: str) -> bool:
    """Whether a loop's body leads here without passing the loop itself."""
    out: dict[str, list[str]] = {}
    for edge in workflow.edges:
        out.setdefault(edge.source, []).append(edge.target)
    for node in workflow.nodes:
        if "over" not in node.config:
            continue
        bodies = [node.config.get(key) for key in fields_with_widget(node_types.get(node.type), "node")]
        todo = [body for body in bodies if isinstance(body, str)]
        seen = {node.name}
        while todo:
            current = todo.pop()
            if current in seen:
                continue
            if current == node_name:
                return True
            seen.add(current)
            todo += out.get(current, ())
    return False


def _output_of(node: Node, inference: Inference) -> Schema | None:
    """The schema of a node's output: its own, its tool's, or one inferred from what is asked of it."""
    kind = node_types.get(node.type)
    for key in ("output_schema", "schema"):
        if properties(node.config.get(key)):
            return dict(node.config[key])
    if kind is None:
        return None
    for key in fields_with_widget(kind, "tool"):
        returns = getattr(inference.tools.get(str(node.config.get(key))), "returns", None)
        if isinstance(returns, Mapping) and properties(returns):
            return returns
    if kind.infers:
        return inference.schema(node.name)
    return {"properties": {name: {} for name in sorted(kind.writes(node.config) or ())}}


def _written_by(node: Node, schema: Schema | None) -> Iterator[InScope]:
    kind = node_types.get(node.type)
    if kind is None or not kind.runnable or kind.entry:
        return
    key = node.config.get("output_key")
    title = f"Output of {node.name}"
    if isinstance(key, str) and key:
        yield InScope(f"context.{key}", _type_name(schema or {}), node.name, title)
        yield from _below(f"context.{key}", schema or {}, node.name)
    else:
        yield from _below("context", schema or {}, node.name)
    yield InScope(f"nodes.{node.name}.output", _type_name(schema or {}), node.name, title)
    yield from _below(f"nodes.{node.name}.output", schema or {}, node.name)


def _below(prefix: str, schema: Schema, origin: str, depth: int = 1) -> Iterator[InScope]:
    fields = schema.get("properties")
    for name, described in fields.items() if isinstance(fields, Mapping) else ():
        shape = described if isinstance(described, Mapping) else {}
        path = f"{prefix}.{name}" if str(name).isidentifier() else f"{prefix}[{name!r}]"
        yield InScope(path, _type_name(shape), origin, str(shape.get("description") or "")[:160])
        if depth < MAX_DEPTH:
            yield from _below(path, shape, origin, depth + 1)


def _type_name(shape: Schema) -> str:
    if isinstance(shape.get("enum"), list):
        return " | ".join(map(str, shape["enum"][:6]))
    kind = shape.get("type")
    names = [one for one in kind if one != "null"] if isinstance(kind, list) else [kind]
    return " or ".join(map(str, names)) if any(names) else "object" if properties(shape) else "any"


def _type_of(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "any")
