"""The output schema of an agent that declares none, read from what its downstream conditions ask.

`context.intent == 'faq'` behind an agent means: the agent says which intent. Literals that are compared become an enum
(with "other" where a default branch exists or only one word is known), booleans and numbers their types, `len(x)` a
list, a bare path a text that may be missing. A condition counts as long as no other node has overwritten the key on the
way. Values that a tool, sub-workflow or end reads count too, when no other node can have produced them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.errors import SchemaError
from engine.language import node_types
from engine.language.expressions import Comparison, compile_expression
from engine.language.fields import Reading, fields_with_widget, texts_of
from engine.language.known_paths import properties
from engine.language.model import Edge, Node, Workflow
from engine.language.resolve import expressions_in

OTHER = "other"
REPLY_KEY = "reply_text"
MAX_VISITS = 4_000
# Filled by the trigger or the run itself, never asked of an agent.
_GIVEN = frozenset(
    {"message", "customer_id", "conversation_id", "user_id", "session_id", "tenant_id", REPLY_KEY, "error"}
)
_NULLABLE_TEXT: dict[str, Any] = {"type": ["string", "null"]}
Schema = dict[str, Any]


def infer_output_schema(workflow: Workflow, node_name: str, *, tools: Mapping[str, Any] | None = None) -> Schema | None:
    """JSON Schema of the object that the node should put out; None when nothing downstream asks for anything.

    `tools` maps tool names to ToolSpecs, where known: what they return is then not asked of an agent.
    """
    return _Inference(workflow, tools or {}).schema(node_name)


@dataclass(slots=True)
class _Asked:
    """What is asked of one key: comparisons with the rest of the path, and whether a default branch stood beside."""

    comparisons: list[tuple[tuple[str | int, ...], Comparison]] = field(default_factory=list)
    has_default: bool = False


class _Inference:
    def __init__(self, workflow: Workflow, tools: Mapping[str, Any]) -> None:
        self.nodes = {node.name: node for node in workflow.nodes}
        self.tools = tools
        self.given = _GIVEN | properties(workflow.inputs)
        self.out: dict[str, list[Edge]] = {name: [] for name in self.nodes}
        self.sources: dict[str, list[str]] = {name: [] for name in self.nodes}
        for edge in workflow.edges:
            if edge.source in self.nodes and edge.target in self.nodes:
                self.out[edge.source].append(edge)
                self.sources[edge.target].append(edge.source)
        self.asked_of: dict[str, dict[str, _Asked]] = {}

    def schema(self, name: str) -> Schema | None:
        if name not in self.nodes:
            return None
        asked = dict(self.asked(name))
        for key in self.read_values(name):
            asked.setdefault(key, _Asked())
        if not asked:
            return None
        found = {key: _property(what) for key, what in asked.items()}
        required = list(found)
        if self.speaks_last(name):
            found[REPLY_KEY] = {"type": "string", "description": "The answer to the person, in full sentences."}
        return {"type": "object", "properties": found, "required": required}

    def asked(self, name: str) -> dict[str, _Asked]:
        """Context keys that conditions downstream ask of this node; computed once, empty while in progress."""
        if name not in self.asked_of:
            self.asked_of[name] = {}
            self.asked_of[name] = self.collect(name)
        return self.asked_of[name]

    def collect(self, name: str) -> dict[str, _Asked]:
        found: dict[str, _Asked] = {}
        for current, blocked in self.downstream(name):
            edges = self.out[current]
            has_default = any(edge.is_default and edge.on == "success" for edge in edges)
            for edge in edges:
                for key, rest, comparison in self.comparisons(name, edge):
                    if key in blocked or key in self.given:
                        continue
                    asked = found.setdefault(key, _Asked())
                    asked.comparisons.append((rest, comparison))
                    asked.has_default |= has_default
        return found

    def downstream(self, name: str) -> Iterator[tuple[str, frozenset[str]]]:
        """Nodes that decide after this one, with the keys that others have overwritten on the way there."""
        todo: deque[tuple[str, frozenset[str]]] = deque([(name, frozenset())])
        seen: dict[str, list[frozenset[str]]] = {}
        visits = 0
        while todo and visits < MAX_VISITS:
            current, blocked = todo.popleft()
            if current == name and seen.get(name):
                continue
            if current != name:
                written = self.written(current)
                if written is None:
                    continue
                blocked |= written
            if any(earlier <= blocked for earlier in seen.get(current, ())):
                continue
            seen.setdefault(current, []).append(blocked)
            visits += 1
            yield current, blocked
            todo.extend((edge.target, blocked) for edge in self.out[current])

    def written(self, name: str) -> frozenset[str] | None:
        """Context keys that a step of this node may overwrite; None = any."""
        node = self.nodes[name]
        kind = node_types.get(node.type)
        output_key = node.config.get("output_key")
        if isinstance(output_key, str) and output_key:
            return frozenset({output_key, REPLY_KEY})
        if "output_schema" in node.config:
            return properties(node.config["output_schema"]) | {REPLY_KEY}
        if kind is None:
            return None
        if kind.infers:
            return frozenset({*self.asked(name), REPLY_KEY})
        spec = self.tools.get(str(node.config.get("tool_name")))
        returned = properties(getattr(spec, "returns", None))
        return returned or kind.writes(node.config)

    def comparisons(self, name: str, edge: Edge) -> Iterator[tuple[str, tuple[str | int, ...], Comparison]]:
        """`(key, rest of the path, comparison)` for what an edge's condition asks of the node."""
        if edge.is_default or edge.condition is None:
            return
        try:
            expression = compile_expression(edge.condition)
        except SchemaError:
            return
        asked = {c.path for c in expression.comparisons}
        plain = [Comparison(path, "value") for path in expression.paths if path not in asked]
        for comparison in (*expression.comparisons, *plain):
            below = self.below(name, comparison.path)
            if below and isinstance(below[0], str):
                yield below[0], below[1:], comparison

    def below(self, name: str, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
        """The steps of a path inside the node's output, empty when it does not lead there."""
        output_key = self.nodes[name].config.get("output_key")
        if path[:1] == ("context",):
            if not output_key:
                return path[1:]
            return path[2:] if path[1:2] == (output_key,) else ()
        return path[3:] if path[:3] == ("nodes", name, "output") else ()

    def read_values(self, name: str) -> list[str]:
        """Keys that steps downstream read as values and that nothing but this node can produce."""
        before = self.upstream(name)
        written = [self.written(other) for other in before]
        if any(keys is None for keys in written) or self.nodes[name].config.get("output_key"):
            return []
        produced = frozenset().union(*(keys or () for keys in written))
        found: dict[str, None] = {}
        for current, blocked in list(self.downstream(name)):
            for edge in self.out[current]:
                for key in self.reads(edge.target):
                    if key not in blocked and key not in produced and key not in self.given:
                        found[key] = None
        return list(found)

    def upstream(self, name: str) -> set[str]:
        seen: set[str] = set()
        todo = list(self.sources[name])
        while todo:
            current = todo.pop()
            if current not in seen and current != name:
                seen.add(current)
                todo.extend(self.sources[current])
        return seen

    def reads(self, name: str) -> Iterator[str]:
        node = self.nodes[name]
        kind = node_types.get(node.type)
        if kind is None or kind.infers:
            return
        for found in texts_of(kind, node.config):
            if found.reading is not Reading.VALUE:
                continue
            for source, _ in expressions_in(found.text):
                try:
                    paths = compile_expression(source).paths
                except SchemaError:
                    continue
                yield from (str(path[1]) for path in paths if path[0] == "context" and len(path) > 1)

    def speaks_last(self, name: str) -> bool:
        """Can the run end after this node without any other node having had the word?"""
        seen = {name}
        todo = [edge.target for edge in self.out[name]]
        while todo:
            current = todo.pop()
            if current in seen or self.speaks(self.nodes[current]):
                continue
            seen.add(current)
            kind = node_types.get(self.nodes[current].type)
            if kind is not None and kind.final:
                return True
            todo.extend(edge.target for edge in self.out[current])
        return False

    @staticmethod
    def speaks(node: Node) -> bool:
        kind = node_types.get(node.type)
        if kind is None:
            return False
        return (
            kind.infers or bool(fields_with_widget(kind, "workflow")) or REPLY_KEY in (kind.writes(node.config) or ())
        )


def _property(asked: _Asked) -> Schema:
    """The schema of one key from everything that is asked of it."""
    below = [(rest, c) for rest, c in asked.comparisons if rest and isinstance(rest[0], str)]
    if below:
        children: dict[str, _Asked] = {}
        for rest, comparison in below:
            child = children.setdefault(str(rest[0]), _Asked(has_default=asked.has_default))
            child.comparisons.append((rest[1:], comparison))
        return {"type": ["object", "null"], "properties": {key: _property(child) for key, child in children.items()}}
    comparisons = [c for _, c in asked.comparisons]
    if any(c.op == "len" for c in comparisons) or any(rest for rest, _ in asked.comparisons):
        return {"type": "array"}
    literals = [value for c in comparisons for value in (c.value if c.op == "in" else [c.value])]
    if any(isinstance(value, bool) for value in literals):
        return {"type": "boolean"}
    if any(isinstance(value, int | float) for value in literals):
        return {"type": "number"}
    return _text_property(literals, asked.has_default)


def _text_property(literals: list[Any], has_default: bool) -> Schema:
    words = list(dict.fromkeys(v for v in literals if isinstance(v, str) and v))
    if not words:
        return dict(_NULLABLE_TEXT)
    if (has_default or len(words) == 1) and OTHER not in words:
        words.append(OTHER)
    return {"type": "string", "enum": words}
