"""The document of a text that patches have made from another document's text, without reading all of it again.

When all patches lie inside one item of a top-level list (a node, an edge), only the lines from that item up to the next
one are parsed; the rest of the tree is taken over, shifted where it stands behind. A list item that is complete in
itself leaves the reader in the state in which it found it, so the lines around it mean what they meant before. Wherever
that argument does not hold for certain (anchors, document markers, odd layouts), the whole text is parsed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from engine.errors import YamlError
from engine.language.build import build_edge, build_node
from engine.language.document import Document
from engine.language.layout import Refused, column, content_end, dash_of
from engine.language.model import Workflow
from engine.language.positions import Patch, line_end, line_start
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
    place = _place(old, root, patches)
    if place is None:
        return None
    shift = len(text) - len(old.text)
    section = root.entries[place.section].value
    item = _read_item(text[place.start : place.end + shift], column(old.text, section.start))
    if item is None:
        return None
    new_root = _grafted(root, place, moved(item, place.start), shift)
    document = Document(text, ParsedTree(new_root, [], False))
    _take_over_model(old, document, place)
    return document


def _read_item(lines: str, dash_column: int) -> YamlNode | None:
    """The one list item that the lines hold, with its dash at that column; None when they hold anything else."""
    if _MARKER.search(lines):
        return None
    try:
        part = parse_tree(lines, outer_depth=1)
    except YamlError:
        return None
    found = part.root
    if found is None or part.problems or part.has_anchors or found.kind is not Kind.SEQUENCE or found.is_flow:
        return None
    return found.items[0] if len(found.items) == 1 and column(lines, found.start) == dash_column else None


def _place(old: Document, root: YamlNode, patches: Sequence[Patch]) -> _Place | None:
    """The one item of a top-level block list that holds all patches."""
    first, last = min(p.start for p in patches), max(p.end for p in patches)
    if root.kind is not Kind.MAPPING or root.is_flow:
        return None
    name = next((n for n, e in root.entries.items() if e.value.start <= first <= last <= _line_end(old, e.value)), None)
    section = root.entries[name].value if name is not None else None
    if name is None or section is None or section.kind is not Kind.SEQUENCE or section.is_flow:
        return None
    for index, item in enumerate(section.items):
        if item.start <= first and last <= _line_end(old, item):
            return _lines_of(old, root, name, index)
    return None


def _line_end(old: Document, node: YamlNode) -> int:
    return line_end(old.text, content_end(old.text, node))


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


def _grafted(root: YamlNode, place: _Place, item: YamlNode, shift: int) -> YamlNode:
    """The tree with another item in its place and everything behind it moved."""
    old_section = root.entries[place.section].value
    behind = [moved(later, shift) for later in old_section.items[place.item + 1 :]]
    items = [*old_section.items[: place.item], item, *behind]
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


def _take_over_model(old: Document, new: Document, place: _Place) -> None:
    """Where the old workflow is known and only a node or an edge differs, the new one is not built from scratch."""
    workflow = old.__dict__.get("workflow")
    if not isinstance(workflow, Workflow) or place.section not in ("nodes", "edges"):
        return
    before, after = old.data[place.section][place.item], new.data[place.section][place.item]
    listed = workflow.nodes if place.section == "nodes" else workflow.edges
    if len(listed) != len(old.data[place.section]) or not isinstance(before, dict) or not isinstance(after, dict):
        return
    made: Any = build_node(after) if place.section == "nodes" else build_edge(place.item, after)
    if not (made.name if place.section == "nodes" else made.source and made.target):
        return
    replaced = (*listed[: place.item], made, *listed[place.item + 1 :])
    new.__dict__["workflow"] = (
        replace(workflow, nodes=replaced) if place.section == "nodes" else replace(workflow, edges=replaced)
    )
