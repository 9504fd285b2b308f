"""A Langflow file as components and the links between their fields, and what a field is filled with.

Langflow's edges carry data, not control: a component runs when its fields can be filled. What only shapes a text (a
prompt, a text input, a parser) is a part of the texts that use it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from engine.importers import schemas
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.draft import Draft
from engine.importers.names import identifier
from engine.importers.places import filled
from engine.importers.report import Entry, Source
from engine.importers.wording import Part, Unsaid, Wording

Json = Any
MAX_DEPTH = 12
MAX_PARTS = 300
_TOO_DEEP = Wording.of([Unsaid("…", "texts that are put together too deep")])
PLACE = re.compile(r"\{([A-Za-z_][\w ]{0,80})\}")
DOUBLE = re.compile(r"\{\{\s*([A-Za-z_][\w ]{0,80}?)\s*\}\}")
INPUTS = frozenset({"ChatInput", "Webhook", "WebhookComponent", "InboundWebhookTrigger", "ScheduleTrigger"})
TEXTS = frozenset({"TextInput", "TextInputComponent"})
PROMPTS = frozenset({"Prompt", "Prompt Template", "PromptComponent", "PromptTemplate", "Prompt_Template"})
PARSERS = frozenset({
    "parser", "ParserComponent", "ParseData", "ParseDataFrame", "Parse Data", "MessagetoData", "TypeConverterComponent",
    "MessageToData", "ParseJSONData", "DataToMessage", "Pass", "PassMessage",
})  # fmt: skip
MEMORIES = frozenset({"Memory", "MemoryComponent", "StoreMessage", "MessageHistory"})


@dataclass(slots=True, eq=False)
class Node:
    """A component. `plugged[f]` are the components whose output goes into field f, with the output's name."""

    key: str
    kind: str
    label: str
    template: dict[str, Json]
    raw: dict[str, Json]
    entry: Entry
    name: str = ""
    plugged: dict[str, list[tuple[Node, str]]] = field(default_factory=dict)
    targets: list[tuple[Node, str, str]] = field(default_factory=list)  # (component, its field, our output)

    def value(self, *names: str) -> Json:
        """The first of these fields that says something."""
        for name in names:
            found = v.at(self.template, name)
            found = found.get("value") if isinstance(found, dict) else found
            if found not in (None, "", [], {}):
                return found
        return None

    def text(self, *names: str) -> str:
        found = self.value(*names)
        return found if isinstance(found, str) else ""


@dataclass(slots=True)
class File:
    draft: Draft
    nodes: list[Node] = field(default_factory=list)
    by_key: dict[str, Node] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)  # a text input -> the variable that stands for it
    known: dict[str, Wording] = field(default_factory=dict)  # a component -> what it gives, once that is put together

    def filled(self, node: Node, *names: str, depth: int = 0) -> Wording:
        """What a field is filled with: by what is plugged in, or by its own value."""
        for name in names:
            if node.plugged.get(name):
                parts: list[Part] = []
                for number, (source, _output) in enumerate(node.plugged[name]):
                    parts += ["\n"] if number else []
                    parts += self.output(source, depth + 1).parts
                return Wording.of(parts)
        value = node.value(*names)
        if isinstance(value, str):
            return Wording.of([value])
        if isinstance(value, dict) and isinstance(value.get("text"), str):
            return Wording.of([value["text"]])
        return Wording() if value is None else Wording.of([v.text({"x": value}, "x")])

    def output(self, node: Node, depth: int = 0) -> Wording:
        """What a component gives to those it is plugged into."""
        if node.key not in self.known:
            self.known[node.key] = _TOO_DEEP  # what is met inside of itself
            self.known[node.key] = self._output(node, depth)
        return self.known[node.key]

    def _output(self, node: Node, depth: int) -> Wording:  # noqa: PLR0911  (one return per kind of component)
        if depth > MAX_DEPTH:
            return _TOO_DEEP
        if node.kind in INPUTS:
            return Wording.of([w.path("context", "message") if node.kind == "ChatInput" else w.path("inputs")])
        if node.kind in TEXTS:
            return self._text_input(node, depth)
        if node.kind in PROMPTS:
            return self.prompt(node, depth)
        if node.kind in MEMORIES:
            return Wording()
        if node.kind in PARSERS:
            return self._parsed(node, depth)
        if not node.name:
            return Wording.of([Unsaid(f"{{{node.label}}}", f"the output of {node.label[:60]!r}")])
        return Wording.of([w.path("nodes", node.name, "output")])

    def _text_input(self, node: Node, depth: int) -> Wording:
        if node.plugged.get("input_value"):
            return self.filled(node, "input_value", depth=depth)
        name = identifier(node.label, "text")
        name = self.texts.get(node.key) or self.draft.variable(name, node.text("input_value"))
        self.texts[node.key] = name
        return Wording.of([w.path("variables", name)])

    def prompt(self, node: Node, depth: int = 0) -> Wording:
        """A prompt with each of its places filled."""
        text = node.text("template")
        pattern = DOUBLE if v.flag(node.template, "use_double_brackets", "value") else PLACE
        wording = filled(
            text.replace("{{", "\ue000").replace("}}", "\ue001") if pattern is PLACE else text,
            pattern,
            lambda name: f"\ue002{name}\ue003",
        )
        parts: list[Part] = []
        for number, piece in enumerate(re.split("\ue002([^\ue003]*)\ue003", wording.plain or "")):
            if number % 2 == 0:
                parts.append(piece.replace("\ue000", "{").replace("\ue001", "}"))
            elif node.plugged.get(piece) or node.value(piece) is not None:
                parts += self.filled(node, piece, depth=depth + 1).parts
            else:
                parts.append(w.path("context", piece))
        return Wording.of(parts) if len(parts) <= MAX_PARTS else _TOO_DEEP

    def _parsed(self, node: Node, depth: int) -> Wording:
        """A parser puts fields of data into a text; what it parses stands for the data as a whole."""
        inner = self.filled(node, "input_data", "data", "df", "input_value", "message", "data_input", depth=depth + 1)
        pattern = node.text("pattern", "template")
        only = inner.only
        if not pattern or only is None or only.path is None or pattern.strip() in ("{text}", "Text: {text}", "{data}"):
            return inner
        base = only.path
        return filled(pattern, PLACE, lambda name: w.path(*base) if name == "text" else w.path(*base, name))


def handle(edge: dict[str, Json], which: str) -> dict[str, Json]:
    """An edge's handle: in its data, or as a text of JSON whose quotes are written as another letter."""
    found = v.at(edge, "data", which)
    if not isinstance(found, dict):
        found = edge.get(which)
    if isinstance(found, str):
        found = schemas.parsed(found.replace("\u0153", '"'))
    return found if isinstance(found, dict) else {}


def read_file(data: dict[str, Json], draft: Draft) -> File:
    file = File(draft)
    for number, raw in enumerate(v.items(data, "data", "nodes") or v.items(data, "nodes")):
        outer = raw if isinstance(raw, dict) else {}
        inner = v.mapping(outer, "data")
        component = v.mapping(inner, "node")
        kind = v.text(inner, "type") or v.text(outer, "type")
        if "note" in v.text(outer, "type").lower():
            kind = "note"
        label = v.text(component, "display_name") or v.text(inner, "display_name") or kind
        key = v.text(outer, "id") or v.text(inner, "id") or f"#{number}"
        place = v.place(outer, "position") or v.place(outer, "positionAbsolute")
        source = Source(str(number), label[:200], kind[:200] or "unknown", place)
        node = Node(key, kind, label, v.mapping(component, "template"), outer, draft.entry(source))
        file.nodes.append(node)
        file.by_key.setdefault(key, node)
    for edge in [*v.mappings(data, "data", "edges"), *v.mappings(data, "edges")]:
        start, target = file.by_key.get(v.text(edge, "source")), file.by_key.get(v.text(edge, "target"))
        if start is None or target is None or start is target:
            continue
        output = v.text(handle(edge, "sourceHandle"), "name")
        into = v.text(handle(edge, "targetHandle"), "fieldName") or v.text(handle(edge, "targetHandle"), "name")
        target.plugged.setdefault(into, []).append((start, output))
        start.targets.append((target, into, output))
    return file
