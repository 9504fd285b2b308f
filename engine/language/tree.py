"""The concrete tree of a YAML text: every value with the offsets it was read from.

Built in one pass over `guard.bounded_events`, so that positions, values and bounds cost a single parse. The `value`
of a YamlNode is plain JSON data; aliases share the value of their anchor, so nothing here may be changed in place.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

from yaml.events import AliasEvent, MappingEndEvent, ScalarEvent, SequenceEndEvent

from engine.language import guard
from engine.language.positions import LineIndex
from engine.language.scalars import resolve_plain

MERGE_KEY = "<<"


class Kind(IntEnum):
    SCALAR = 1
    MAPPING = 2
    SEQUENCE = 3
    ALIAS = 4


class Entry(NamedTuple):
    """One `key: value` of a mapping as written; merged keys have no entry of their own."""

    key: YamlNode
    value: YamlNode


@dataclass(slots=True, eq=False)
class YamlNode:
    """`text[start:end]` is the value as written, from its anchor (if any) to its last character.

    `style` is "" (plain), "'", '"', "|" or ">" for scalars, "{" or "" for mappings, "[" or "" for sequences.
    """

    kind: Kind
    start: int
    end: int
    value: Any
    style: str = ""
    anchor: str | None = None
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[YamlNode] = field(default_factory=list)

    @property
    def is_flow(self) -> bool:
        return self.style in ("{", "[")


class Problem(NamedTuple):
    """A fault of the YAML that does not stop the reading."""

    code: str
    message: str
    start: int
    end: int


@dataclass(slots=True)
class ParsedTree:
    root: YamlNode | None
    problems: list[Problem]
    has_anchors: bool


def parse_tree(text: str, *, outer_depth: int = 0) -> ParsedTree:
    """Raises YamlError when the text is not YAML within the bounds. `outer_depth`: see `guard.bounded_events`."""
    # A tree is many small objects of which none is garbage: without the collector's passes it takes half the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _Builder(text, outer_depth).build()
    finally:
        if collecting:
            gc.enable()


_EMPTY_ENTRIES: dict[str, Entry] = {}
_EMPTY_ITEMS: list[YamlNode] = []


class _Builder:
    def __init__(self, text: str, outer_depth: int = 0) -> None:
        self.text = text
        self.outer_depth = outer_depth
        self.shift = 1 if text.startswith(guard.BOM) else 0
        self.problems: list[Problem] = []
        self.anchors: dict[str, YamlNode] = {}
        self.lines: LineIndex | None = None

    def build(self) -> ParsedTree:
        """Explicit stack of open collections with the children read so far; keys and values alternate in mappings."""
        stack: list[tuple[Any, list[YamlNode]]] = [(None, [])]
        shift = self.shift
        for event in guard.bounded_events(self.text, outer_depth=self.outer_depth):
            kind = type(event)
            if kind is ScalarEvent:
                stack[-1][1].append(self._scalar(event))
            elif kind is AliasEvent:
                target = self.anchors[event.anchor]
                node = YamlNode(
                    Kind.ALIAS, event.start_mark.index + shift, event.end_mark.index + shift, target.value,
                    "", event.anchor, _EMPTY_ENTRIES, [target],
                )  # fmt: skip
                stack[-1][1].append(node)
            elif kind is MappingEndEvent:
                opened, children = stack.pop()
                stack[-1][1].append(self._mapping(opened, event, children))
            elif kind is SequenceEndEvent:
                opened, children = stack.pop()
                stack[-1][1].append(self._sequence(opened, event, children))
            else:
                stack.append((event, []))
        top = stack[0][1]
        return ParsedTree(top[0] if top else None, self.problems, bool(self.anchors))

    def _scalar(self, event: Any) -> YamlNode:
        start, end = event.start_mark.index + self.shift, event.end_mark.index + self.shift
        style = event.style or ""
        value = event.value
        if not style:
            try:
                value = resolve_plain(value)
            except ValueError as err:
                self.problems.append(Problem("yaml-number", str(err), start, end))
        elif style == '"':
            if "\x00" in value:
                self.problems.append(Problem("yaml-character", "a text may not contain the character NUL", start, end))
                value = value.replace("\x00", "")
        elif style in "|>":
            end = self._block_end(start, end)
        node = YamlNode(Kind.SCALAR, start, end, value, style, event.anchor, _EMPTY_ENTRIES, _EMPTY_ITEMS)
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _block_end(self, start: int, end: int) -> int:
        """End of a block scalar without the blank lines after it, unless it keeps them (`|+`)."""
        raw = self.text[start:end]
        header = raw.splitlines()[0]
        if "+" in header.split("#")[0]:
            return end
        return start + len(raw.rstrip(" \t\r\n"))

    def _sequence(self, opened: Any, event: Any, items: list[YamlNode]) -> YamlNode:
        start = opened.start_mark.index + self.shift
        if opened.flow_style:
            end, style = event.end_mark.index + self.shift, "["
        else:
            end, style = (items[-1].end if items else start), ""
        values = [item.value for item in items]
        node = YamlNode(Kind.SEQUENCE, start, end, values, style, opened.anchor, _EMPTY_ENTRIES, items)
        if opened.anchor is not None:
            self.anchors[opened.anchor] = node
        return node

    def _mapping(self, opened: Any, event: Any, children: list[YamlNode]) -> YamlNode:
        start = opened.start_mark.index + self.shift
        entries: dict[str, Entry] = {}
        merges: list[YamlNode] = []
        for key_node, value_node in zip(children[::2], children[1::2], strict=True):
            key = self._key(key_node)
            if key is None:
                continue
            if key in entries:
                self._duplicate(key, entries[key].key, key_node)
                continue
            entries[key] = Entry(key_node, value_node)
            if key == MERGE_KEY and not key_node.style:
                merges.append(value_node)
        value = {k: e.value.value for k, e in entries.items()}
        for merge in merges:
            del value[MERGE_KEY]
            self._merge(merge, value)
        if opened.flow_style:
            end, style = event.end_mark.index + self.shift, "{"
        else:
            end, style = (children[-1].end if children else start), ""
        node = YamlNode(Kind.MAPPING, start, end, value, style, opened.anchor, entries, _EMPTY_ITEMS)
        if opened.anchor is not None:
            self.anchors[opened.anchor] = node
        return node

    def _key(self, node: YamlNode) -> str | None:
        """The key as text: an unquoted `1`, `true` or `null` is the key "1", "true", "null", as JSON wants it."""
        if node.kind is Kind.SCALAR and isinstance(node.value, str):
            if node.value or node.style:
                return node.value
        elif node.kind is Kind.SCALAR and node.end > node.start:
            raw = self.text[node.start : node.end]
            return raw.split(None, 1)[-1] if node.anchor else raw
        elif node.kind is Kind.ALIAS and isinstance(node.value, str):
            return node.value
        self.problems.append(Problem("yaml-key", "a key must be a text", node.start, max(node.end, node.start + 1)))
        return None

    def _duplicate(self, key: str, first: YamlNode, second: YamlNode) -> None:
        if self.lines is None:
            self.lines = LineIndex(self.text)
        one, two = self.lines.position(first.start)[0], self.lines.position(second.start)[0]
        message = f"the key `{key}` stands twice in one mapping: lines {one} and {two}"
        self.problems.append(Problem("yaml-duplicate-key", message, second.start, second.end))

    def _merge(self, node: YamlNode, into: dict[str, Any]) -> None:
        """Add what `<<` brings; keys written out win, and so do earlier sources."""
        sources = node.value if isinstance(node.value, list) else [node.value]
        for source in sources:
            if not isinstance(source, dict):
                message = "`<<` takes a mapping or a list of mappings"
                self.problems.append(Problem("yaml-merge", message, node.start, node.end))
                return
            for key, value in source.items():
                into.setdefault(key, value)
