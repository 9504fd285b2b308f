"""The document of a text that patches have made from another document's text, without reading all of it again.

When all patches lie inside one item of a top-level list (a node, an edge) or put further items behind it, only the
lines from that item up to the next old one are parsed, and none when one patch takes all lines of an item away; the
rest of the tree is taken over, shifted where it stands behind. Complete list items leave the reader in the state in
which it found it, so the lines around them mean what they meant before. Wherever that argument does not hold for
certain (anchors, document markers, odd layouts), the whole text is parsed.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from engine.errors import YamlError
from engine.language import shape
from engine.language.build import build_edge, build_node
from engine.language.document import Document
from engine.language.layout import Refused, column, dash_of
from engine.language.model import Workflow
from engine.language.positions import Patch, line_start
from engine.language.tree import Entry, Kind, ParsedTree, YamlNode, parse_tree

MAX_LENGTH = 400_000  # of a text: beyond, the bounds on whole files need a look at the whole file
_MARKER = re.compile(r"^(?:---|\.\.\.|%)", re.MULTILINE)


class _Place(NamedTuple):
    """The item number `item` of the top-level list `section`, whose lines are `text[start:end]`."""

    section: str
    item: int
    start: int
    end: int


def reparse(old: Document, text: str, patches: Sequence[Patch]) -> Document:
    """The same as `Document.parse(text)`, where `text` is that of `old` with the patches applied."""
    if not patches:
        return old
    return _reparse_item(old, text, patches) or Document.parse(text)


def _reparse_item(old: Document, text: str, patches: Sequence[Patch]) -> Document | None:
    """None where the whole text has to be parsed."""
    tree, root = old.tree, old.root
    if tree is None or root is None or tree.has_anchors or tree.problems or len(text) > MAX_LENGTH:
        return None
    shift = len(text) - len(old.text)
    items: list[YamlNode] = []
    place = _removed(old, root, patches)
    if place is None:
        place = _place(old, root, patches)
        if place is None:
            return None
        section = root.entries[place.section].value
        items = _read_items(text[place.start : place.end + shift], column(old.text, section.start))
        if not items:
            return None
    new_root = _grafted(root, place, [moved(item, place.start) for item in items], shift)
    document = Document(text, ParsedTree(new_root, [], False))
    _take_over_model(old, document, place, len(items))
    return document


def _read_items(lines: str, dash_column: int) -> list[YamlNode]:
    """The list items that the lines hold, with their dashes at that column; none when they hold anything else."""
    if _MARKER.search(lines):
        return []
    try:
        part = parse_tree(lines, outer_depth=1)
    except YamlError:
        return []
    found = part.root
    if found is None or part.problems or part.has_anchors or found.kind is not Kind.SEQUENCE or found.is_flow:
        return []
    return found.items if column(lines, found.start) == dash_column else []


def _place(old: Document, root: YamlNode, patches: Sequence[Patch]) -> _Place | None:
    """The one item of a top-level block list whose lines hold all patches; what is put right behind it counts."""
    first, last = min(p.start for p in patches), max(p.end for p in patches)
    name = _section_at(root, first)
    if name is None:
        return None
    index = bisect_right(root.entries[name].value.items, first, key=lambda item: item.start) - 1
    place = _lines_of(old, root, name, index) if index >= 0 else None
    return place if place is not None and last <= place.end else None


def _removed(old: Document, root: YamlNode, patches: Sequence[Patch]) -> _Place | None:
    """The item, not the first of its list, of which the one patch takes away all lines and nothing else."""
    start, end, text = patches[0].start, patches[0].end, old.text
    name = _section_at(root, start)
    if name is None or len(patches) > 1 or patches[0].text:
        return None
    while text[start : start + 1] in ("\r", "\n") and text[start] == text[end : end + 1]:
        start, end = start + 1, end + 1  # the same removal, with the line break behind the lines, not the one before
    items = root.entries[name].value.items
    index = bisect_right(items, start, key=lambda item: item.start)
    place = _lines_of(old, root, name, index) if 0 < index < len(items) else None
    return place if place is not None and (place.start, place.end) == (start, end) else None


def _section_at(root: YamlNode, offset: int) -> str | None:
    """The top-level block list that begins last before this place."""
    if root.kind is not Kind.MAPPING or root.is_flow:
        return None
    begun = [(e.value.start, name) for name, e in root.entries.items() if e.value.start <= offset]
    name = max(begun)[1] if begun else None
    section = root.entries[name].value if name is not None else None
    return name if section is not None and section.kind is Kind.SEQUENCE and not section.is_flow else None


def _lines_of(old: Document, root: YamlNode, name: str, index: int) -> _Place | None:
    """The item's lines up to what follows it: the next item, the next top-level key, or the end of the text."""
    text, items = old.text, root.entries[name].value.items
    try:
        start = line_start(text, dash_of(old, items[index]))
        if index + 1 < len(items):
            end = line_start(text, dash_of(old, items[index + 1]))
        else:
            later = [e.key.start for e in root.entries.values() if e.key.start > items[index].start]
            end = line_start(text, min(later)) if later else len(text)
    except Refused:
        return None
    if text[start : items[index].start].strip(" -") or end <= items[index].start:
        return None
    return _Place(name, index, start, end)


def _grafted(root: YamlNode, place: _Place, new: Sequence[YamlNode], shift: int) -> YamlNode:
    """The tree with new items in the place of one, and everything behind it moved."""
    old_section = root.entries[place.section].value
    behind = [moved(later, shift) for later in old_section.items[place.item + 1 :]]
    items = [*old_section.items[: place.item], *new, *behind]
    section = YamlNode(
        Kind.SEQUENCE, old_section.start, items[-1].end, [i.value for i in items], old_section.style, None, {}, items
    )
    entries: dict[str, Entry] = {}
    for name, entry in root.entries.items():
        if name == place.section:
            entries[name] = Entry(entry.key, section)
        elif entry.key.start > old_section.start:
            entries[name] = Entry(moved(entry.key, shift), moved(entry.value, shift))
        else:
            entries[name] = entry
    value: dict[str, Any] = {**root.value, place.section: section.value}
    end = max(entry.value.end for entry in entries.values())
    return YamlNode(Kind.MAPPING, root.start, end, value, root.style, None, entries, [])


def moved(node: YamlNode, shift: int) -> YamlNode:
    """A copy whose offsets are larger by `shift`; values are shared."""
    if not shift:
        return node
    entries, items = node.entries, node.items
    if entries:
        entries = {k: Entry(moved(e.key, shift), moved(e.value, shift)) for k, e in entries.items()}
    if items:
        items = [moved(item, shift) for item in items]
    return YamlNode(node.kind, node.start + shift, node.end + shift, node.value, node.style, None, entries, items)


def _take_over_model(old: Document, new: Document, place: _Place, count: int) -> None:
    """Where the old workflow is known and only nodes or only edges differ, the new one is not built from scratch."""
    workflow = old.__dict__.get("workflow")
    if not isinstance(workflow, Workflow) or place.section not in ("nodes", "edges"):
        return
    listed: Sequence[Any] = workflow.nodes if place.section == "nodes" else workflow.edges
    fresh = new.data[place.section][place.item : place.item + count]
    was = old.data[place.section]
    if len(listed) != len(was) or not isinstance(was[place.item], dict) or not all(isinstance(f, dict) for f in fresh):
        return
    behind = listed[place.item + 1 :]
    if place.section == "nodes":
        nodes = tuple(build_node(one) for one in fresh)
        if all(one.name for one in nodes) and len(listed) + count - 1 <= shape.MAX_NODES:
            new.__dict__["workflow"] = replace(workflow, nodes=(*listed[: place.item], *nodes, *behind))
        return
    edges = tuple(build_edge(place.item + i, one) for i, one in enumerate(fresh))
    if all(one.source and one.target for one in edges) and len(listed) + count - 1 <= shape.MAX_EDGES:
        later = behind if count == 1 else tuple(replace(one, index=one.index + count - 1) for one in behind)
        new.__dict__["workflow"] = replace(workflow, edges=(*listed[: place.item], *edges, *later))
