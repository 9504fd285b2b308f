"""Minimal text changes that mend a finding. Each returns None where no safe change can be offered."""

from __future__ import annotations

from dataclasses import replace

from engine.language.diagnostics import Diagnostic, Fix
from engine.language.document import Document
from engine.language.emit import scalar_text
from engine.language.positions import Patch, Path, line_start, next_line
from engine.language.tree import Kind, YamlNode


def with_fix(document: Document, found: Diagnostic) -> Diagnostic:
    """The same finding about a key or a value's form, with the change that would mend it."""
    fix: Fix | None = None
    if found.code == "unknown-key":
        fix = rename_key(document, found.path, found.meant) if found.meant else remove_line(document, found.path)
    elif found.code == "bad-value" and found.meant:
        fix = replace_value(document, found.path, found.meant)
    elif found.code == "bad-value" and "must be a text" in found.message:
        fix = quote(document, found.path)
    return replace(found, fix=fix) if fix is not None else found


def replace_value(document: Document, path: Path, value: str, title: str | None = None) -> Fix | None:
    """Write another text in place of the scalar at `path`, in its quotes."""
    node = document.find(path)
    if node is None or not _is_plain_scalar(node) or node.style in ("|", ">"):
        return None
    style = node.style or ("" if isinstance(node.value, str) else '"')
    return Fix(title or f"Change to `{value}`", (Patch(node.start, node.end, scalar_text(value, style)),))


def quote(document: Document, path: Path) -> Fix | None:
    """Put quotes around the scalar at `path`, so that it is text."""
    node = document.find(path)
    if node is None or not _is_plain_scalar(node) or node.style:
        return None
    written = document.text[node.start : node.end]
    return Fix("Put it in quotes", (Patch(node.start, node.end, f'"{written}"'),))


def rename_key(document: Document, path: Path, name: str) -> Fix | None:
    """Correct the spelling of the last key of `path`."""
    key = document.find_key(path)
    if key is None or not _is_plain_scalar(key) or document.find((*path[:-1], name)) is not None:
        return None
    return Fix(f"Rename to `{name}`", (Patch(key.start, key.end, scalar_text(name, key.style)),))


def remove_line(document: Document, path: Path) -> Fix | None:
    """Remove a `key: scalar` that has a line of its own in a block mapping with other keys."""
    key, value = document.find_key(path), document.find(path)
    parent = document.find(path[:-1])
    if key is None or value is None or parent is None or value.kind is not Kind.SCALAR or len(parent.entries) < 2:
        return None
    text = document.text
    start, end = line_start(text, key.start), next_line(text, max(value.end, key.end))
    if parent.is_flow or text[start : key.start].strip(" ") or "\n" in text[key.start : value.end] or value.anchor:
        return None
    return Fix(f"Remove `{path[-1]}`", (Patch(start, end, ""),))


def swap_words(document: Document, path: Path, offset: int, wrong: str, right: str) -> Fix | None:
    """Correct an operator inside the text at `path`; `offset` counts in the decoded text."""
    node = document.find(path)
    if node is None or not _is_plain_scalar(node):
        return None
    start = document.offset_in_scalar(node, offset)
    if start is None or document.text[start : start + len(wrong)] != wrong:
        return None
    return Fix(f"Write `{right}`", (Patch(start, start + len(wrong), right),))


def _is_plain_scalar(node: YamlNode) -> bool:
    """A scalar that stands here and nowhere else: no alias, no anchor."""
    return node.kind is Kind.SCALAR and node.anchor is None and node.end > node.start
