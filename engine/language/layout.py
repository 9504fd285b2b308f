"""Where things stand in the text around a value: columns, colons, dashes, line ends. For writer.py."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from engine.errors import SchemaError
from engine.language.document import Document
from engine.language.emit import Habit
from engine.language.positions import Path, line_end, line_start, newline_of, next_line
from engine.language.tree import Entry, Kind, YamlNode

_ANCHOR = re.compile(r"&[^\s,\[\]{}]+[ \t]*")
_COMMENT = re.compile(r"( *)#")
_DASH_LINE = re.compile(r"[ \t]*-[ \t]*(?:#[^\r\n]*)?$")


class Refused(SchemaError):
    """The edit cannot be written here without touching something else."""


def refuse(document: Document, node: YamlNode | None, reason: str) -> Refused:
    """The error for an edit that cannot be done as text; names the line."""
    line = document.lines.position(node.start)[0] if node is not None else None
    place = f"line {line}: " if line else ""
    return Refused(f"{place}{reason}", line=line)


def column(text: str, offset: int) -> int:
    """How many characters stand before `offset` on its line."""
    return offset - line_start(text, offset)


def content_start(text: str, node: YamlNode) -> int:
    """Where the value itself starts, behind an anchor on the same line."""
    if node.anchor is None or node.kind is Kind.ALIAS:
        return node.start
    found = _ANCHOR.match(text, node.start)
    return found.end() if found else node.start


def content_end(text: str, node: YamlNode) -> int:
    """End of the value without the line breaks that a kept block scalar (`|+`) ends with."""
    end = node.end
    while end > node.start and text[end - 1] in "\r\n":
        end -= 1
    return end


def colon_after(text: str, key: YamlNode) -> int | None:
    """Offset behind the `:` of an entry; None when it has none (`{a}`) or the key is written with `?`."""
    offset = key.end
    while offset < len(text) and text[offset] in " \t":
        offset += 1
    return offset + 1 if text[offset : offset + 1] == ":" else None


def is_explicit(text: str, key: YamlNode) -> bool:
    """Is the key written as `? key`?"""
    before = text[line_start(text, key.start) : key.start].rstrip(" \t")
    return before.endswith("?")


def mapping_column(document: Document, node: YamlNode) -> int:
    """The column of a block mapping's keys."""
    first = next(iter(node.entries.values())).key
    if any(is_explicit(document.text, entry.key) for entry in node.entries.values()):
        raise refuse(document, node, "keys written with `?` cannot be edited here")
    return column(document.text, first.start)


def dash_of(document: Document, item: YamlNode) -> int:
    """Offset of the `-` of an item of a block sequence."""
    text, offset = document.text, item.start
    while offset > 0 and text[offset - 1] in " \t":
        offset -= 1
    if text[offset - 1 : offset] == "-":
        return offset - 1
    while offset > 0:  # the item starts below its dash; comments may stand between
        end = offset - 1
        if end > 0 and text[end - 1 : end + 1] == "\r\n":
            end -= 1
        start = line_start(text, end)
        line = text[start:end]
        if _DASH_LINE.fullmatch(line):
            return start + line.index("-")
        if line.strip() and not line.lstrip().startswith("#"):
            break
        offset = start
    raise refuse(document, item, "the dash of this list item was not found")


def extent(text: str, dash: int, end: int) -> tuple[int, int]:
    """From where to where the item of a block list goes whose dash is at `dash` and whose value ends at `end`: whole
    lines, with the comments directly above it that stand no deeper than its dash, and those below its end."""
    start, pad = dash, column(text, dash)
    if starts_line(text, dash):
        start = line_start(text, dash)
        while start > 0:
            before = line_start(text, start - 1 - (text[start - 2 : start] == "\r\n"))
            if _comment_column(text, before) not in range(pad + 1):
                break
            start = before
    return start, comments_below(text, pad, line_end(text, max(dash + 1, end)))


def comments_below(text: str, pad: int, end: int) -> int:
    """The end of the last of the comments that stand directly below `end` and deeper than `pad`; `end` without any."""
    below = next_line(text, end)
    while below < len(text) and _comment_column(text, below) > pad:
        end = line_end(text, below)
        below = next_line(text, end)
    return end


def _comment_column(text: str, offset: int) -> int:
    """The column of the comment that the line at `offset` is, -1 when it is none."""
    found = _COMMENT.match(text, offset)
    return len(found[1]) if found else -1


def starts_line(text: str, offset: int) -> bool:
    """Is there nothing but spaces before `offset` on its line?"""
    return not text[line_start(text, offset) : offset].strip(" ")


def entry_end(text: str, entry: Entry) -> int:
    """End of an entry's content: of its value, or of its colon when the value is empty."""
    return max(content_end(text, entry.value), entry.key.end, entry.value.start)


def raw_end(entry: Entry) -> int:
    """End of an entry with the line breaks that belong to its value."""
    return max(entry.value.end, entry.key.end)


def below(text: str, offset: int, newline: str) -> tuple[int, str, str]:
    """Where and how to write a new line after the content that ends at `offset`: `(offset, before, after)`."""
    if offset > 0 and text[offset - 1] in "\r\n":
        return offset, "", newline
    return line_end(text, offset), newline, ""


def parents(document: Document, path: Path) -> list[YamlNode]:
    """The nodes from the root to `path`, both included. Refuses to look through an alias or a merge."""
    chain = [document.root] if document.root is not None else []
    for at, step in enumerate(path):
        node = chain[-1]
        if node.kind is Kind.ALIAS:
            raise refuse(
                document, node, f"this is an alias of `&{node.anchor}`, which other places share; edit it there"
            )
        found = document.find(path[: at + 1])
        if found is None:
            if isinstance(step, str) and isinstance(node.value, dict) and step in node.value:
                raise refuse(document, node, f"`{step}` comes from a merge (`<<`); edit it where it is written")
            raise refuse(document, node, f"there is no `{step}` here")
        chain.append(found)
    return chain


def habit_of(document: Document, *, blocks: bool = True) -> Habit:
    """How this file is written, from its list of nodes (or its root)."""
    text = document.text
    step, dash, quote = 2, 2, '"'
    nodes = document.find(("nodes",))
    root = document.root
    if root is not None and root.kind is Kind.MAPPING and not root.is_flow and nodes is not None:
        if nodes.kind is Kind.SEQUENCE and not nodes.is_flow and nodes.items:
            dash = max(0, column(text, dash_of(document, nodes.items[0])))
            step = _step(document, nodes) or step
        found = quote_of(nodes.items[:20])
        quote = quote if found is None else found
    return Habit(newline_of(text), step, dash, quote, blocks)


def quote_of(items: Iterable[YamlNode]) -> str | None:
    """How most texts of these mappings are quoted ("" for not at all), None where there are none."""
    values = [entry.value for item in items for entry in item.entries.values()]
    styles = Counter(value.style for value in values if value.kind is Kind.SCALAR and isinstance(value.value, str))
    style = styles.most_common(1)[0][0] if styles else None
    return '"' if style in ("|", ">") else style


def _step(document: Document, nodes: YamlNode) -> int | None:
    """Spaces between a node's keys and those of its config, None when no config is written as a block."""
    for item in nodes.items[:20]:
        config = item.entries.get("config")
        if config is not None and config.value.kind is Kind.MAPPING and not config.value.is_flow:
            inner = next(iter(config.value.entries.values())).key
            found = column(document.text, inner.start) - column(document.text, config.key.start)
            return found if 1 <= found <= 8 else None
    return None
