"""A workflow while it is being put together from a foreign file. See finish.py for what makes it whole.

A peer's module adds a node for each node of the file (or folds it into another), and edges between them; names are
given here. Each thing of the file has exactly one entry in the report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.importers import storable
from engine.importers.names import Names, identifier, readable, slug
from engine.importers.report import Entry, Place, Report, Source
from engine.importers.wording import Wording, checked_value
from engine.language.tokens import MAX_LENGTH

Json = Any
MAX_ORIGINAL = 6_000  # characters of a foreign node's parameters that are kept beside a placeholder
LONG_LITERAL = MAX_LENGTH - 500


@dataclass(slots=True)
class DraftNode:
    """`more` holds what stands beside `config`: retry, on_error, disabled, x-source."""

    name: str
    type: str
    config: dict[str, Json]
    place: Place | None = None
    more: dict[str, Json] = field(default_factory=dict)
    is_helper: bool = False  # the file does not have it

    def to_data(self) -> dict[str, Json]:
        data: dict[str, Json] = {"name": self.name, "type": self.type}
        if self.config:
            data["config"] = self.config
        return data | self.more


@dataclass(slots=True)
class DraftEdge:
    source: str
    target: str
    condition: str | None = None
    on: str = "success"
    label: str | None = None

    @property
    def is_default(self) -> bool:
        return self.condition is None

    def to_data(self) -> dict[str, Json]:
        data: dict[str, Json] = {"from": self.source, "to": self.target}
        if self.condition is not None:
            data["condition"] = self.condition
        if self.on != "success":
            data["on"] = self.on
        if self.label:
            data["label"] = self.label
        return data


@dataclass(slots=True)
class Draft:
    """Everything that will be written. `title` is the file's own name of the workflow."""

    kind: str
    title: str = ""
    description: str = ""
    nodes: dict[str, DraftNode] = field(default_factory=dict)
    edges: list[DraftEdge] = field(default_factory=list)
    first: list[str] = field(default_factory=list)  # where the start leads
    triggers: list[dict[str, Json]] = field(default_factory=list)
    variables: dict[str, Json] = field(default_factory=dict)
    credentials: dict[str, str] = field(default_factory=dict)  # name -> type
    inputs: dict[str, Json] = field(default_factory=dict)  # properties of the run's input
    homes: dict[str, str] = field(default_factory=dict)  # a node in a loop -> the loop that it leads back to
    gates: dict[str, str] = field(default_factory=dict)  # a node -> the helper in front that computes for its texts
    fallback: str | None = None  # where a failure leads that nothing else takes
    timeout_s: float | None = None
    report: Report = field(default_factory=Report)
    names: Names = field(default_factory=Names)
    keys: Names = field(default_factory=Names)  # of what is computed for texts
    computed: dict[int, dict[str, str]] = field(default_factory=dict)  # id of an entry -> key -> expression
    start: str = ""
    end: str = ""

    # -- nodes ------------------------------------------------------------------------------------------------------

    def entry(self, source: Source) -> Entry:
        """The entry of a thing of the file; each gets one, in the order of the calls."""
        found = Entry(source)
        self.report.entries.append(found)
        return found

    def reserve(self, source: Source, fallback: str) -> str:
        """A name for a node that is added later: references to it can be written before."""
        return self.names.take(source.name, fallback)

    def add(self, entry: Entry, type_name: str, config: Mapping[str, Json], *, name: str, **more: Json) -> DraftNode:
        """A node for an entry."""
        kept = {key: value for key, value in config.items() if value is not None and value not in ({}, [], "")}
        if said := kept.pop("description", None) or readable(entry.source.name, name):
            kept = {"description": said, **kept}
        node = DraftNode(name, type_name, {}, entry.source.place, {k: v for k, v in more.items() if v is not None})
        node.config = self._stored(entry, kept)
        node.more = self._stored(entry, node.more)
        self.nodes[name] = node
        entry.node = name
        if computed := self.computed.pop(id(entry), None):
            helper = self.helper(f"{name[:56]}_values", "transform", {"set": computed})
            if (outer := self.gates.get(name)) is not None:
                self.gates[helper.name] = outer
            self.gates[name] = helper.name
        return node

    def _stored(self, entry: Entry, data: Mapping[str, Json]) -> dict[str, Json]:
        """The data as a file may hold it, without secrets."""
        found = storable.storable(dict(data))
        if found.secrets:
            entry.approximate("a secret was left out; store it as a credential")
        if found.cut:
            entry.approximate("a value was too large for a workflow file and was cut")
        return found.value if isinstance(found.value, dict) else {}

    def placeholder(self, entry: Entry, name: str, original: Json = None) -> DraftNode:
        """A disabled node that keeps the place of one that we cannot say; a run passes through it."""
        said = f"{entry.source.type}: {'; '.join(entry.reasons) or 'not supported'}"[:400]
        node = DraftNode(name, "transform", {"description": self.plain(said)}, entry.source.place, {"disabled": True})
        node.more["x-source"] = self._original(entry, original)
        self.nodes[name] = node
        entry.node = name
        return node

    def _original(self, entry: Entry, original: Json) -> dict[str, Json]:
        """The foreign node as it was, as far as it is small."""
        kept = storable.storable({"type": entry.source.type[:200], "parameters": original})
        if original in (None, {}, []) or len(json.dumps(kept.value, ensure_ascii=False)) > MAX_ORIGINAL:
            return {"type": entry.source.type[:200]}
        return dict(kept.value)

    def note(self, entry: Entry, text: str, *, name: str | None = None) -> None:
        """A remark on the canvas."""
        name = name or self.names.take("note", "note")
        config = self._stored(entry, {"text": text}) if text else {}
        self.nodes[name] = DraftNode(name, "note", config, entry.source.place)
        entry.node = name

    def helper(self, name: str, type_name: str, config: Mapping[str, Json]) -> DraftNode:
        """A node that stands for nothing of the file; it is not counted, and picture.py finds it a place."""
        node = DraftNode(self.names.take(name, type_name), type_name, self.plain(dict(config)), is_helper=True)
        self.nodes[node.name] = node
        return node

    # -- edges and the rest -----------------------------------------------------------------------------------------

    def link(
        self, source: str, target: str, condition: str | None = None, *, on: str = "success", label: str | None = None
    ) -> None:
        self.edges.append(DraftEdge(source, target, condition, on, label[:80] if label else None))

    def credential(self, name: str, type_name: str = "http") -> str:
        """Note that the workflow needs a credential of the tenant; returns its name."""
        self.credentials.setdefault(name, type_name)
        return name

    def variable(self, name: str, value: Json = None) -> str:
        """A variable of the workflow with its value; returns its name."""
        taken = Names()
        for known in self.variables:
            taken.take(known, known)
        kept = name if name in self.variables and value is None else taken.take(name, "value")
        self.variables.setdefault(kept, storable.storable(value).value)
        return kept

    def plain(self, value: Json) -> Json:
        """A value as the file may hold it."""
        return storable.storable(value).value

    def read_variable(self, text: str) -> str:
        """A variable that the file reads and does not define: its name here, the same for the same text."""
        name = identifier(text, "value")
        self.variables.setdefault(name, None)
        return name

    # -- wordings ---------------------------------------------------------------------------------------------------

    def keeper(self, entry: Entry, field_name: str) -> Callable[[str, str], None]:
        """Writes down what stays text in that field."""
        return lambda text, reason: entry.keep(field_name, text, reason)

    def value(self, entry: Entry, field_name: str, wording: Wording) -> str:
        return checked_value(wording.value(self.keeper(entry, field_name)))

    def template(self, entry: Entry, field_name: str, wording: Wording) -> str:
        """A template takes paths only: a helper in front of the entry's node computes what is more than a path."""

        def compute(expression: str) -> str:
            computed = self.computed.setdefault(id(entry), {})
            known = next((key for key, text in computed.items() if text == expression), None)
            key = known or self.keys.take(f"{slug(entry.source.name, 24)}_{slug(field_name, 20)}", "value")
            computed[key] = expression
            return key

        return wording.template(self.keeper(entry, field_name), compute)

    def expression(self, entry: Entry, field_name: str, wording: Wording) -> str:
        """An expression; a long text becomes a variable, because an expression holds 4,000 characters at most."""
        said = wording.expression(self.keeper(entry, field_name))
        if len(said.text) > LONG_LITERAL:
            plain = said.literal if said.literal is not None else said.text
            return f"variables.{self.variable(field_name, plain)}"
        return said.text

    def edges_from(self, name: str) -> Iterator[DraftEdge]:
        return (edge for edge in self.edges if edge.source == name)
