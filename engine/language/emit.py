"""JSON values -> YAML text, for the small pieces that an edit writes. Never used on a whole file.

The pieces follow the file they go into: its line break, its indentation step and its habit of quoting.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from engine.errors import SchemaError
from engine.language.guard import MAX_DEPTH, MAX_SCALAR
from engine.language.scalars import is_plain_text

# Other YAML readers take these words for something else than text (YAML 1.1), so they are quoted.
_WORDS_1_1 = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_PLAIN = re.compile(r"[^\W_][\w./+$;()=<>-]*(?: [\w./+$;()=<>-]+)*|_[\w./-]*")
_LOOKS_LIKE_NUMBER = re.compile(r"[-+.0-9][0-9_.,:eExXoO+-]*")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")
_NOT_IN_SINGLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_NOT_IN_BLOCK = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


@dataclass(frozen=True, slots=True)
class Habit:
    """How a file is written. `dash` is how far a list's dashes stand right of its key."""

    newline: str = "\n"
    step: int = 2
    dash: int = 2
    quote: str = '"'
    blocks: bool = True  # write texts of several lines as `|`


class Written(dict[str, Any]):
    """A mapping that has its own writing as an item of a block list, with its dash at column 0: all of it, and the
    lines of comments before the dash."""

    def __init__(self, value: dict[str, Any], text: str, comments: str) -> None:
        super().__init__(value)
        self.text = text
        self.comments = comments


def scalar_text(value: Any, style: str, *, in_flow: bool = False) -> str:
    """One scalar on one line, in the wanted style ("", "'" or '"') where that can carry it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 64:
            raise SchemaError("the number does not fit into 64 bits")
        return str(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise SchemaError("infinity and not-a-number cannot be written")
        return repr(value)
    if not isinstance(value, str):
        raise SchemaError(f"{type(value).__name__} is not JSON data")
    return _text(value, style, in_flow)


def _text(value: str, style: str, in_flow: bool) -> str:
    check_text(value)
    if style == "" and is_safe_plain(value):
        return value
    if style == "'" and not _NOT_IN_SINGLE.search(value):
        return "'" + value.replace("'", "''") + "'"
    if style == "" and not in_flow and "'" not in value and "\\" in value and not _NOT_IN_SINGLE.search(value):
        return f"'{value}'"
    quoted = json.dumps(value, ensure_ascii=False)
    return _ESCAPED.sub(lambda m: f"\\u{ord(m.group()):04x}", quoted)


def check_text(value: str) -> None:
    """Raise SchemaError for a text that a file may not hold."""
    if len(value) > MAX_SCALAR:
        raise SchemaError(f"a text is longer than {MAX_SCALAR:,} characters")
    if _UNWRITABLE.search(value):
        raise SchemaError("a text may not contain NUL or half a surrogate pair")


def is_safe_plain(value: str) -> bool:
    """Can the text stand without quotes, in any place and for any YAML reader?"""
    return (
        _PLAIN.fullmatch(value) is not None
        and value.lower() not in _WORDS_1_1
        and _LOOKS_LIKE_NUMBER.fullmatch(value) is None
        and is_plain_text(value)
    )


def fits_block(value: Any) -> bool:
    """Is this a text of several lines that `|` can carry?"""
    return can_block(value) and "\n" in value.rstrip("\n")


def can_block(value: Any) -> bool:
    """Can `|` carry the text? Not one that ends in blank lines: others may stand behind it in the file."""
    if not isinstance(value, str) or value.endswith("\n\n") or _NOT_IN_BLOCK.search(value):
        return False
    lines = value.removesuffix("\n").split("\n")
    return bool(lines[-1].strip(" \t")) and bool(lines[0].strip(" \t")) and not lines[0].startswith("\t")


def block_text(value: str, parent: int, indent: int, habit: Habit) -> str:
    """A `|` scalar whose lines stand at `indent`, under a key or dash at column `parent`; no line break at its end."""
    check_text(value)
    body = value.removesuffix("\n")
    hint = str(indent - parent) if body.startswith(" ") else ""
    chomp = "" if value.endswith("\n") else "-"
    pad = " " * indent
    return habit.newline.join([f"|{hint}{chomp}", *[pad + line if line else "" for line in body.split("\n")]])


def key_text(key: str, habit: Habit) -> str:
    if not isinstance(key, str) or not key:
        raise SchemaError("a key must be a text")
    if len(key) > 1000:
        raise SchemaError("a key is longer than 1,000 characters")
    return scalar_text(key, "" if key != "<<" else habit.quote)


def flow_text(value: Any, habit: Habit, depth: int = 0) -> str:
    """A value on one line: `{a: 1, b: [x, "y, z"]}`."""
    if depth > MAX_DEPTH:
        raise SchemaError(f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        pairs = (f"{key_text(k, habit)}: {flow_text(v, habit, depth + 1)}" for k, v in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow_text(item, habit, depth + 1) for item in value) + "]"
    bare = isinstance(value, str) and re.fullmatch(r"[A-Za-z_]\w*", value)
    return scalar_text(value, habit.quote if habit.quote or bare else '"', in_flow=True)


def entry_text(key: str, value: Any, indent: int, habit: Habit) -> str:
    """`key: value` for a block mapping with its keys at column `indent`; the first line is not indented."""
    return f"{key_text(key, habit)}:{after_key(value, indent, habit)}"


def after_key(value: Any, indent: int, habit: Habit) -> str:
    """What follows `key:` in a block mapping at column `indent`: a space and a scalar, or lines of their own."""
    if isinstance(value, dict) and value:
        return habit.newline + " " * (indent + habit.step) + mapping_text(value, indent + habit.step, habit)
    if isinstance(value, list | tuple) and value:
        if all(isinstance(item, str | int | float | bool | None) for item in value) and len(value) <= 8:
            flow = flow_text(list(value), habit)
            if len(flow) + indent <= 90:
                return f" {flow}"
        return habit.newline + " " * (indent + habit.dash) + sequence_text(value, indent + habit.dash, habit)
    if isinstance(value, dict | list | tuple):
        return f" {flow_text(value, habit)}"
    if habit.blocks and fits_block(value):
        return f" {block_text(value, indent, indent + habit.step, habit)}"
    return f" {scalar_text(value, habit.quote)}"


def mapping_text(value: dict[str, Any], indent: int, habit: Habit) -> str:
    """A non-empty block mapping at column `indent`; the first line is not indented."""
    if indent > 1000:
        raise SchemaError(f"nested deeper than {MAX_DEPTH} levels")
    entries = [entry_text(k, v, indent, habit) for k, v in value.items()]
    return _joined(entries, indent, habit)


def sequence_text(value: Any, indent: int, habit: Habit) -> str:
    """A non-empty block sequence whose dashes stand at column `indent`; the first line is not indented."""
    return _joined([item_text(item, indent, habit) for item in value], indent, habit)


def item_text(item: Any, indent: int, habit: Habit) -> str:
    """`- item` for a sequence whose dashes stand at column `indent`; the first line is not indented."""
    inner = indent + 2
    if isinstance(item, Written):
        new = item.text if habit.blocks else item.comments + item_text(dict(item), 0, habit)
        return indented(new, indent, habit.newline)[indent:]
    if isinstance(item, dict) and item:
        return "- " + mapping_text(item, inner, habit)
    if isinstance(item, list | tuple) and item:
        return "- " + flow_text(list(item), habit)
    if habit.blocks and fits_block(item):
        return "- " + block_text(item, indent, inner, habit)
    return "- " + (flow_text(item, habit) if isinstance(item, dict | list | tuple) else scalar_text(item, habit.quote))


def indented(text: str, by: int, newline: str = "\n") -> str:
    """The lines of a text further to the right."""
    return newline.join(" " * by + line if line else line for line in text.split("\n"))


def _joined(pieces: list[str], indent: int, habit: Habit) -> str:
    """Pieces below each other."""
    return (habit.newline + " " * indent).join(pieces)
