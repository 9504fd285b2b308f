"""A Dify DSL file as nodes and links, and what its selectors mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.importers import script, script_methods
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.draft import Draft
from engine.importers.places import filled
from engine.importers.report import Entry, Source
from engine.importers.script_syntax import Unsayable, parse
from engine.importers.wording import Said, Unsaid, Wording

Json = Any
PLACE = re.compile(r"\{\{#([\w.\-]{1,300})#\}\}")
JINJA = re.compile(r"\{\{\s*([^{}]{1,300}?)\s*\}\}")
_BARS = re.compile(r"\|(?=(?:[^'\"]|'[^']*'|\"[^\"]*\")*$)")
_FILTER = re.compile(r"(\w+)\s*(?:\((.{0,200})\))?", re.DOTALL)
_JINJA_PATH = re.compile(r"[A-Za-z_]\w*(?:\.\w+|\[\d+\]|\['[^'\]]*'\])*")
_JINJA_STEP = re.compile(r"\.?([A-Za-z_]\w*)|\.(\d+)|\[(\d+)\]|\['([^']*)'\]")
_SYSTEM = {
    "query": ("context", "message"), "conversation_id": ("context", "conversation_id"),
    "user_id": ("context", "customer_id"), "workflow_run_id": ("run", "id"),
    "workflow_id": ("run", "workflow"), "app_id": ("run", "workflow"),
}  # fmt: skip
_CONTAINERS = frozenset({"iteration", "loop"})


@dataclass(slots=True, eq=False)
class Node:
    """A node of the file; `handles[h]` are the targets of its handle h."""

    key: str
    kind: str
    title: str
    data: dict[str, Json]
    raw: dict[str, Json]
    entry: Entry
    name: str = ""
    handles: dict[str, list[Node]] = field(default_factory=dict)
    before: list[Node] = field(default_factory=list)
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def targets(self) -> list[Node]:
        return [target for targets in self.handles.values() for target in targets]


@dataclass(slots=True)
class File:
    draft: Draft
    nodes: list[Node] = field(default_factory=list)
    by_key: dict[str, Node] = field(default_factory=dict)
    is_chat: bool = False
    entrances: dict[str, str] = field(default_factory=dict)  # a node -> the helper that edges to it lead to

    # -- what is referred to ------------------------------------------------------------------------------------------

    def selected(self, selector: Sequence[Json], here: Node) -> Said:
        """The place that a selector means (`["node", "variable", ...]`); raises Unsayable."""
        steps = [str(step) for step in selector if isinstance(step, str | int)]
        if len(steps) < 2:
            raise Unsayable("a variable that is not named")
        head, rest = steps[0], steps[1:]
        if head == "sys":
            if rest[0] in _SYSTEM:
                return w.path(*_SYSTEM[rest[0]])
            raise Unsayable("a file" if rest[0] == "files" else f"the system's {rest[0][:40]}")
        if head in ("env", "environment"):
            return w.path("variables", self.draft.read_variable(rest[0]), *rest[1:])
        if head == "conversation":
            return w.path("context", *rest)
        found = self.by_key.get(head)
        if found is None:
            raise Unsayable(f"there is no node {head[:60]!r} in the file")
        return self._output(found, rest, here)

    def _output(self, node: Node, rest: list[str], here: Node) -> Said:
        if node.kind in ("start", "trigger-webhook", "trigger-schedule", "trigger-plugin"):
            return w.path("inputs", *rest)
        if node.kind in _CONTAINERS and (here is node or _within(here, node)):
            inside = {"item": ("item",), "index": ("index",)}
            return (
                w.path(*inside.get(rest[0], ("context", rest[0])), *rest[1:])
                if node.kind == "iteration"
                else w.path("context", *rest)
            )
        if node.kind == "iteration":
            return w.path("nodes", node.name, "output", "results", *rest[1:])
        if node.kind == "loop":
            return w.path("context", *rest)
        steps = _own_steps(node, rest)
        if not node.name:
            raise Unsayable(f"the output of {node.title[:40]!r}")
        return w.path("nodes", node.name, "output", *steps)

    def wording(self, text: str, here: Node) -> Wording:
        """A text with `{{#node.variable#}}` in it."""
        return filled(text, PLACE, lambda inner: self._place(inner, here))

    def _place(self, inner: str, here: Node) -> Said | Unsaid:
        source = f"{{{{#{inner}#}}}}"
        try:
            if inner in ("context", "context#"):
                return self.selected(v.items(here.data, "context", "variable_selector"), here)
            return self.selected(inner.split("."), here)
        except Unsayable as err:
            return Unsaid(source, str(err))

    def jinja(self, text: str, variables: Json, here: Node) -> Wording:
        """A Jinja template whose places are names of `variables`, with or without steps behind them."""
        known = {v.text(one, "variable"): v.items(one, "value_selector") for one in v.mappings(variables)}
        if "{%" in text:
            return Wording.of([Unsaid(text, "a template that decides or loops")])
        return filled(text, JINJA, lambda inner: self._jinja_place(inner, known, here))

    def _jinja_place(self, inner: str, known: dict[str, list[Json]], here: Node) -> Said | Unsaid:
        source = f"{{{{ {inner} }}}}"
        written, *filters = (part.strip() for part in _BARS.split(inner))
        if not _JINJA_PATH.fullmatch(written):
            return Unsaid(source, "a template that computes")
        steps = [name or (int(a or b) if a or b else key) for name, a, b, key in _JINJA_STEP.findall(written)]
        try:
            base = self.selected(known.get(str(steps[0]), []), here)
            said = w.path(*(base.path or ()), *steps[1:])
            for one in filters:
                said = _filtered(said, one)
        except Unsayable as err:
            return Unsaid(source, str(err))
        return said


def _filtered(said: Said, written: str) -> Said:
    """What a filter of Jinja makes of a value; raises Unsayable."""
    found = _FILTER.fullmatch(written)
    name = found[1] if found else written
    given = found[2] if found else None
    if name in ("default", "d") and given is not None:
        other = script.translate_whole(given.partition(", true")[0], _NoNames())
        shown = other.literal if said.path is not None and said.other is None else None
        return Said(f"default({said.text}, {other.text})", path=said.path if shown is not None else None, other=shown)
    if name == "round" and (given or "0").isdecimal():
        return Said(f"round({said.text}, {given or '0'})")
    if given is not None and name in ("join", "replace"):
        args = getattr(parse(f"[{given}]"), "items", ())
        made = [script.say(arg, _NoNames()) for arg in args]
        return script_methods.call(said, "replaceAll" if name == "replace" else name, made)
    if given is None and name in _FILTERS:
        return _FILTERS[name](said)
    raise Unsayable(f"the filter `{name[:30]}`")


_FILTERS: Mapping[str, Callable[[Said], Said]] = {
    "upper": lambda said: Said(f"upper({said.text})"), "lower": lambda said: Said(f"lower({said.text})"),
    "length": lambda said: Said(f"len({said.text})"), "count": lambda said: Said(f"len({said.text})"),
    "first": lambda said: script_methods.get(said, 0), "last": lambda said: script_methods.get(said, -1),
    "string": script_methods.text, "tojson": lambda said: said, "safe": lambda said: said,
    "trim": lambda said: Said(f"trim({said.text})"), "join": lambda said: Said(f"join({said.text}, '')"),
    "int": script_methods.number, "float": script_methods.number, "abs": script_methods.MATH["abs"],
    "max": lambda said: Said(f"max({said.text})"), "min": lambda said: Said(f"min({said.text})"),
}  # fmt: skip


class _NoNames:
    """The default of a filter is written out."""

    def chain(self, name: str, steps: Sequence[script.Step]) -> tuple[Said, int] | None:  # noqa: ARG002
        raise Unsayable("a template that computes")


def _own_steps(node: Node, rest: list[str]) -> list[str]:  # noqa: PLR0911  (one return per kind of node)
    """Where a foreign node's variable stands in the output of ours."""
    first, more = rest[0], rest[1:]
    match node.kind:
        case "llm" | "agent":
            if first in ("text", "structured_output"):
                return more
            raise Unsayable(f"the {first[:40]} of a model's answer")
        case "knowledge-retrieval":
            return more
        case "http-request":
            if first == "body":
                return more
            raise Unsayable("a file" if first == "files" else f"the {first[:40]} of an answer")
        case "question-classifier":
            return ["class", *more]
        case "parameter-extractor":
            if first.startswith("__"):
                raise Unsayable("whether the extraction worked")
        case "tool":
            if first == "files":
                raise Unsayable("a file")
            return ["body", *more] if first in ("text", "json") else ["body", first, *more]
        case "variable-aggregator" | "variable-assigner":
            return [first] if more[:1] == ["output"] else rest
    return rest


def _within(node: Node, container: Node) -> bool:
    seen = 0
    above = node.parent
    while above is not None and seen < 20:
        if above is container:
            return True
        above, seen = above.parent, seen + 1
    return False


def read_file(data: dict[str, Json], draft: Draft) -> File:
    file = File(draft, is_chat=v.text(data, "app", "mode") in ("advanced-chat", "chat", "agent-chat"))
    graph = v.mapping(data, "workflow", "graph")
    for number, raw in enumerate(v.items(graph, "nodes")):
        node = _node(number, raw, draft)
        file.nodes.append(node)
        file.by_key.setdefault(node.key, node)
    for node in file.nodes:
        parent = v.text(node.raw, "parentId") or v.text(node.data, "iteration_id") or v.text(node.data, "loop_id")
        above = file.by_key.get(parent)
        if above is not None and above is not node and above.kind in _CONTAINERS and not _within(above, node):
            node.parent = above
            above.children.append(node)
            node.entry.source = _inside(node, above)
    for edge in v.mappings(graph, "edges"):
        source, target = file.by_key.get(v.text(edge, "source")), file.by_key.get(v.text(edge, "target"))
        if source is not None and target is not None:
            targets = source.handles.setdefault(v.text(edge, "sourceHandle", default="source"), [])
            if target not in targets:
                targets.append(target)
                target.before.append(source)
    return file


def _node(number: int, raw: Json, draft: Draft) -> Node:
    outer = raw if isinstance(raw, dict) else {}
    data = v.mapping(outer, "data")
    kind = v.text(data, "type")
    if not kind or "note" in v.text(outer, "type"):
        kind = "note" if "note" in v.text(outer, "type") or "theme" in data else kind or "unknown"
    title = v.text(data, "title")
    source = Source(str(number), (title or kind)[:200], kind[:200], _place_of(outer))
    return Node(v.text(outer, "id") or f"#{number}", kind, title or kind, data, outer, draft.entry(source))


def _inside(node: Node, above: Node) -> Source:
    """A child's place is written from its parent's corner, unless the file has the whole one too."""
    source, corner = node.entry.source, above.entry.source.place
    if v.place(node.raw, "positionAbsolute") or source.place is None or corner is None:
        return source
    return replace(source, place=(corner[0] + source.place[0], corner[1] + source.place[1]))


def _place_of(raw: dict[str, Json]) -> tuple[float, float] | None:
    return v.place(raw, "positionAbsolute") or v.place(raw, "position")
