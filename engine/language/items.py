"""Items of a list as their owner wrote them: each with the comments directly above it and those at its own end.

A written item stands with its dash at column 0, comments above it, and lines that end with LF: what is copied from one
place can be put into another, at any depth.
"""

from __future__ import annotations

import re
from typing import Any

from engine.errors import SchemaError
from engine.language import emit
from engine.language.document import Document
from engine.language.layout import Refused, column, content_end, dash_of, extent
from engine.language.positions import Path, apply_patches
from engine.language.tree import Kind, YamlNode
from engine.language.writer import Writer, same

MAX_LENGTH = 500_000  # characters
_AT: Path = ("items", 0)  # where a written item stands while it is read
_LINE_END = re.compile(r"\r\n|\n|\r")


def written_item(document: Document, path: Path) -> str | None:
    """The item at `path` as its owner wrote it; None where it does not stand in lines of its own, or is JSON.

    One that shares a value with another place by an anchor is written anew, below the comments that stand above it.
    """
    above = [document.find(path[:length]) for length in range(len(path))]
    item = document.find(path)
    if item is None or any(one is None or one.is_flow or one.kind is Kind.ALIAS for one in above):
        return None
    if item.is_flow and any(entry.key.style == '"' for entry in item.entries.values()):
        return None
    try:
        dash = dash_of(document, item)
    except Refused:
        return None
    text = _at_the_margin(document.text, dash, content_end(document.text, item))
    return text if _says(text, item.value) else _anew(text, item.value)


def with_value(text: str, value: Any) -> str:
    """A written item that says `value`, with as little of it changed as may be."""
    document = Document.parse(_in_list(text))
    try:
        changed = Document.parse(apply_patches(document.text, Writer(document).set(_AT, value)))
    except (SchemaError, ValueError):
        return _anew(text, value)
    written = written_item(changed, _AT)
    return written if written is not None and _says(written, value) else _anew(text, value)


def read_item(text: str) -> emit.Written:
    """The mapping that a written item says, to be put somewhere as it is written. Raises SchemaError."""
    if len(text) > MAX_LENGTH:
        raise SchemaError(f"the node is longer than {MAX_LENGTH:,} characters")
    text = _LINE_END.sub("\n", text).strip("\n")
    document = Document.parse(_in_list(text))
    item = document.find(_AT)
    if document.tree_problems or item is None or not isinstance(item.value, dict) or not _says(text, item.value):
        raise SchemaError("this is not one node as YAML writes it")
    return emit.Written(item.value, text, _comments(text))


def _at_the_margin(text: str, dash: int, end: int) -> str:
    pad = column(text, dash)
    start, end = extent(text, dash, end)
    lines = _LINE_END.split(text[start:end] if start < dash else " " * pad + text[dash:end])
    return "\n".join(line[min(pad, len(line) - len(line.lstrip(" "))) :] for line in lines)


def _says(text: str, value: Any) -> bool:
    """Is the text one item of this value, whole in itself?"""
    document = Document.parse(_in_list(text))
    if not isinstance(document.data, dict) or not same(document.data, {"items": [value]}):
        return False
    item = document.find(_AT)
    return item is not None and not _shares(item)


def _anew(text: str, value: Any) -> str:
    return _comments(text) + emit.item_text(value, 0, emit.Habit())


def _comments(text: str) -> str:
    """The lines of a written item before its dash."""
    lines = text.split("\n")
    first = next((i for i, line in enumerate(lines) if not line.startswith("#")), 0)
    return "".join(f"{line}\n" for line in lines[:first])


def _in_list(text: str) -> str:
    return "items:\n" + emit.indented(text, 2) + "\n"


def _shares(node: YamlNode) -> bool:
    """Is a value in it shared with another place, or there to be?"""
    if node.kind is Kind.ALIAS or node.anchor is not None:
        return True
    entries = node.entries.values()
    return any(map(_shares, [*node.items, *(e.key for e in entries), *(e.value for e in entries)]))
