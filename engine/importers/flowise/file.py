"""A Flowise file as nodes and links, and what its places mean."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.draft import Draft
from engine.importers.places import filled, plain_text
from engine.importers.report import Entry, Source
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said, Unsaid, Wording

Json = Any
PLACE = re.compile(r"\{\{\s*([^{}]{1,300}?)\s*\}\}")
_STEP = re.compile(r"\.([A-Za-z0-9_$-]+)|\[(\d+)\]|\[['\"]([^'\"\]]*)['\"]\]")
_OUTPUT = re.compile(r"-output-(\d+)")


@dataclass(slots=True, eq=False)
class Node:
    """A node of the file. `out[n]` are the targets of output n; `into` says of each link to which field it goes."""

    key: str
    kind: str
    label: str
    category: str
    inputs: dict[str, Json]
    raw: dict[str, Json]
    entry: Entry
    name: str = ""
    exit: str = ""  # where its edges leave from: the helper that keeps its state, or itself
    out: dict[int, list[Node]] = field(default_factory=dict)
    before: list[Node] = field(default_factory=list)
    fields: dict[str, list[Node]] = field(default_factory=dict)  # field -> what is plugged in there
    parent: Node | None = None

    @property
    def targets(self) -> list[Node]:
        return [target for targets in self.out.values() for target in targets]


@dataclass(slots=True)
class File:
    draft: Draft
    nodes: list[Node] = field(default_factory=list)
    by_key: dict[str, Node] = field(default_factory=dict)
    branches: dict[str, dict[int, tuple[str | None, str | None]]] = field(default_factory=dict)  # by key of the node

    def wording(self, raw: Json, here: Node | None = None) -> Wording:
        """A text, which the editor may have saved as HTML, with `{{ places }}` in it."""
        text = plain_text(raw) if isinstance(raw, str) else v.text({"x": raw}, "x")
        return filled(text[:200_000], PLACE, lambda inner: self.place(inner, here))

    def place(self, inner: str, here: Node | None) -> Said | Unsaid:
        try:
            return self.said(inner, here)
        except Unsayable as err:
            return Unsaid(f"{{{{ {inner} }}}}", str(err))

    def said(self, inner: str, here: Node | None) -> Said:
        """What a place means; raises Unsayable."""
        head = re.match(r"[$\w-]+", inner)
        steps = [
            name or (int(number) if number else key)
            for name, number, key in _STEP.findall(inner, head.end() if head else 0)
        ]
        name = head.group() if head else ""
        if name == "question":
            return w.path("context", "message")
        if name in ("$form", "$webhook", "$input"):
            return w.path("inputs", *steps)
        if name == "$flow":
            return _flow(steps)
        if name == "$vars" and steps:
            return w.path("variables", self.draft.read_variable(str(steps[0])), *steps[1:])
        if name == "$iteration":
            return w.path("item", *steps)
        found = here if name == "output" and here is not None else self.by_key.get(name)
        if found is None:
            raise Unsayable(
                {"chat_history": "the conversation so far", "file_attachment": "a file"}.get(name, f"`{inner[:60]}`")
            )
        if steps[:1] == ["output"] and found is not here:
            steps = steps[1:]
        if not found.name:
            raise Unsayable(f"the output of {found.label[:40]!r}")
        return w.path("nodes", found.name, "output", *_own(found, steps))


def _own(found: Node, steps: list[Any]) -> list[Any]:
    """Where a foreign node's value stands in our node's output."""
    if found.kind in ("llmAgentflow", "agentAgentflow") and steps == ["content"]:
        return []
    if found.kind == "iterationAgentflow":
        return ["results", *steps]
    return steps


def _flow(steps: list[Any]) -> Said:
    if steps[:1] == ["state"] and len(steps) > 1:
        return w.path("context", *steps[1:])
    known = {
        "sessionId": ("context", "conversation_id"),
        "chatId": ("context", "conversation_id"),
        "input": ("context", "message"),
    }
    if steps and steps[0] in known:
        return w.path(*known[steps[0]])
    raise Unsayable(f"`$flow.{steps[0] if steps else ''}`")


def read_file(data: dict[str, Json], draft: Draft) -> File:
    file = File(draft)
    for number, raw in enumerate(v.items(data, "nodes")):
        outer = raw if isinstance(raw, dict) else {}
        inner = v.mapping(outer, "data")
        kind, label = v.text(inner, "name"), v.text(inner, "label")
        key = v.text(outer, "id") or v.text(inner, "id") or f"#{number}"
        place = v.place(outer, "positionAbsolute") or v.place(outer, "position")
        source = Source(str(number), (label or kind or key)[:200], (kind or v.text(outer, "type"))[:200], place)
        node = Node(
            key, kind, label or kind, v.text(inner, "category"), v.mapping(inner, "inputs"), outer, draft.entry(source)
        )
        file.nodes.append(node)
        file.by_key.setdefault(key, node)
    for node in file.nodes:
        above = file.by_key.get(v.text(node.raw, "parentNode") or v.text(node.raw, "parentId"))
        if above is not None and above is not node and above.kind == "iterationAgentflow" and above.parent is not node:
            node.parent = above
            source, corner = node.entry.source, above.entry.source.place
            if source.place is not None and corner is not None and not v.place(node.raw, "positionAbsolute"):
                inside = (corner[0] + source.place[0], corner[1] + source.place[1])
                node.entry.source = replace(source, place=inside)
    for edge in v.mappings(data, "edges"):
        _connect(file, edge)
    return file


def _connect(file: File, edge: dict[str, Json]) -> None:
    source, target = file.by_key.get(v.text(edge, "source")), file.by_key.get(v.text(edge, "target"))
    if source is None or target is None:
        return
    found = _OUTPUT.search(v.text(edge, "sourceHandle"))
    targets = source.out.setdefault(int(found[1]) if found and len(found[1]) < 4 else 0, [])
    if target not in targets:
        targets.append(target)
    if source not in target.before:
        target.before.append(source)
    into = re.search(r"-input-([A-Za-z0-9_]+)-", v.text(edge, "targetHandle"))
    target.fields.setdefault(into[1] if into else "", []).append(source)
