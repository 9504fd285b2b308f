"""The output schema of an agent that declares none, read from what its downstream conditions ask.

`context.intent == 'faq'` behind an agent means: the agent says which intent. Literals that are compared become an enum
(with "other" where a default branch exists or only one word is known), booleans and numbers their types, `len(x)` a
list, a bare path a text that may be missing. A condition counts as long as no other node has overwritten the key on the
way; another agent without a schema overwrites all that is asked behind it. Values that a tool, sub-workflow or end
reads count too, when no other node can have produced them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.errors import SchemaError
from engine.language import node_types
from engine.language.asks import Asks
from engine.language.dataflow import Bits, Dataflow
from engine.language.expressions import Comparison, compile_expression
from engine.language.fields import Reading, fields_with_widget, texts_of
from engine.language.known_paths import properties
from engine.language.model import Node, Workflow
from engine.language.node_types import NodeType
from engine.language.resolve import expressions_in

OTHER = "other"
REPLY_KEY = "reply_text"
# Filled by the trigger or the run itself, never asked of an agent.
_GIVEN = frozenset(
    {"message", "customer_id", "conversation_id", "user_id", "session_id", "tenant_id", REPLY_KEY, "error"}
)
_NULLABLE_TEXT: dict[str, Any] = {"type": ["string", "null"]}
_ANY = object()  # in a set of keys: it may be any other as well
Schema = dict[str, Any]
Path = tuple[str | int, ...]


def infer_output_schema(workflow: Workflow, node_name: str, *, tools: Mapping[str, Any] | None = None) -> Schema | None:
    """JSON Schema of the object that the node should put out; None when nothing downstream asks for anything.

    `tools` maps tool names to ToolSpecs, where known: what they return is then not asked of an agent. Who asks for
    several nodes of a workflow keeps one `Inference`.
    """
    return Inference(workflow, tools).schema(node_name)


@dataclass(slots=True)
class _Asked:
    """What is asked of one key: comparisons with the rest of the path, and whether a default branch stood beside."""

    comparisons: list[tuple[Path, Comparison]] = field(default_factory=list)
    has_default: bool = False


class Inference:
    """The output schemas of a workflow's agents; what all of them need is worked out once."""

    def __init__(self, workflow: Workflow, tools: Mapping[str, Any] | None = None) -> None:
        self.workflow = workflow
        self._nodes = {node.name: node for node in workflow.nodes}
        self._edges = [edge for edge in workflow.edges if edge.source in self._nodes and edge.target in self._nodes]
        self._flow = Dataflow(self._nodes, ((edge.source, edge.target) for edge in self._edges))
        self.tools = tools or {}
        self._given = _GIVEN | properties(workflow.inputs)
        self._keys = Bits()
        self._asked_of: dict[str, dict[str, _Asked]] = {}

    def schema(self, name: str) -> Schema | None:
        """As `infer_output_schema`."""
        if name not in self._nodes:
            return None
        asked = dict(self._asked(name))
        for key in self._read_values(name):
            asked.setdefault(key, _Asked())
        if not asked:
            return None
        found = {key: _property(what) for key, what in asked.items()}
        required = list(found)
        if self._speaks_last[name]:
            found[REPLY_KEY] = {"type": "string", "description": "The answer to the person, in full sentences."}
        return {"type": "object", "properties": found, "required": required}

    def _kind(self, name: str) -> NodeType | None:
        return node_types.get(self._nodes[name].type)

    # ---- what conditions ask

    def _asked(self, name: str) -> dict[str, _Asked]:
        """By key of the node's output."""
        if name not in self._asked_of:
            self._asked_of[name] = self._collected(name)
        return self._asked_of[name]

    def _collected(self, name: str) -> dict[str, _Asked]:
        reading = self._asks.at.get(name, 0) | self._asks_behind[name]
        if self._writes_what_is_asked(name):
            reading &= ~self._asks_about_named[name]
        found: dict[str, _Asked] = {}
        for ask in self._asks.chosen(reading | self._asks.by_node.get(name, 0)):
            key, *rest = self._below(name, ask.comparison.path) or (0,)
            if isinstance(key, str) and key not in self._given:
                asked = found.setdefault(key, _Asked())
                asked.comparisons.append((tuple(rest), ask.comparison))
                asked.has_default |= ask.beside_default
        return found

    def _below(self, name: str, path: Path) -> Path:
        """The steps of a path inside the node's output, empty when it does not lead there."""
        output_key = self._nodes[name].config.get("output_key")
        if path[:1] == ("context",):
            if not output_key:
                return path[1:]
            return path[2:] if path[1:2] == (output_key,) else ()
        return path[3:] if path[:3] == ("nodes", name, "output") else ()

    @cached_property
    def _asks(self) -> Asks:
        return Asks(self._edges)

    @cached_property
    def _asks_behind(self) -> dict[str, int]:
        """The asks of the nodes behind each node that nothing on the way answers."""

        def through(name: str, behind: int) -> int:
            asks = behind | self._asks.at.get(name, 0)
            if self._writes_what_is_asked(name):
                return asks & self._asks_about_named[name]
            written = self._written(name)
            return 0 if written is None else asks & ~self._asks.about(written)

        return self._flow.from_behind(through)

    @cached_property
    def _asks_about_named(self) -> dict[str, int]:
        """The asks about keys that a node before each node puts its output at: nobody but that one is asked."""
        return self._flow.from_before(lambda name, before: before | self._asks.about(_named(self._nodes[name])))

    # ---- what steps read

    def _read_values(self, name: str) -> list[str]:
        """Keys that steps downstream read as values and that nothing but this node can produce."""
        behind, produced = self._reads_behind[name], self._produced_before[name]
        if _named(self._nodes[name]) or produced & self._keys[_ANY]:
            return []
        wanted = behind & ~produced & ~self._keys.of(self._given)
        return [str(key) for key in self._keys.members(wanted)]

    @cached_property
    def _produced_before(self) -> dict[str, int]:
        """The keys that nodes before each node may have written."""
        return self._flow.from_before(lambda name, before: before | self._keys.of(self._all_written(name)))

    @cached_property
    def _reads_behind(self) -> dict[str, int]:
        """The keys that steps behind each node read and that no step on the way writes."""

        def through(name: str, behind: int) -> int:
            written = self._all_written(name)
            left = 0 if _ANY in written else behind & ~self._keys.of(written)
            return left | reads[name]

        reads = {name: self._keys.of(self._reads(name)) for name in self._nodes}
        return self._flow.from_behind(through)

    def _reads(self, name: str) -> Iterator[str]:
        node, kind = self._nodes[name], self._kind(name)
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

    # ---- what nodes write

    def _writes_what_is_asked(self, name: str) -> bool:
        """An agent that says nowhere what it puts out, and where."""
        node, kind = self._nodes[name], self._kind(name)
        return not _named(node) and "output_schema" not in node.config and kind is not None and kind.infers

    def _all_written(self, name: str) -> frozenset[object]:
        if self._writes_what_is_asked(name):
            return frozenset({*self._asked(name), REPLY_KEY})
        written = self._written(name)
        return frozenset({_ANY}) if written is None else frozenset(written)

    def _written(self, name: str) -> frozenset[str] | None:
        """Context keys that a step of this node may overwrite as far as its config says; None = any."""
        node, kind = self._nodes[name], self._kind(name)
        if named := _named(node):
            return named | {REPLY_KEY}
        if "output_schema" in node.config:
            return properties(node.config["output_schema"]) | {REPLY_KEY}
        if kind is None:
            return None
        spec = self.tools.get(str(node.config.get("tool_name")))
        return properties(getattr(spec, "returns", None)) or kind.writes(node.config)

    # ---- who speaks

    @cached_property
    def _speaks_last(self) -> Mapping[str, bool]:
        """Can the run end after each node without any other node having had the word?"""

        def through(name: str, behind: int) -> int:
            kind = self._kind(name)
            if _speaks(self._nodes[name], kind):
                return 0
            return 1 if kind is not None and kind.final else behind

        return {name: bool(silent) for name, silent in self._flow.from_behind(through).items()}


def _named(node: Node) -> frozenset[str]:
    """The context key that a node puts its output at, where it says one."""
    output_key = node.config.get("output_key")
    return frozenset({output_key} if isinstance(output_key, str) and output_key else ())


def _speaks(node: Node, kind: NodeType | None) -> bool:
    if kind is None:
        return False
    return kind.infers or bool(fields_with_widget(kind, "workflow")) or REPLY_KEY in (kind.writes(node.config) or ())


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
