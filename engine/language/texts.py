"""What the functions of expressions do with texts and lists: cut, split, joined, replaced. Wrong types raise Mismatch.

Null comes out of null, so that a missing text stays one. Results are bounded like those of operators.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

MAX_TEXT = 1_000_000
MAX_PARTS = 10_000


class TextFault(Exception):
    """A function got values that it cannot use; the message says which."""


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise TextFault(f"`{name}` takes texts")
    return value


def _list(name: str, value: Any) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise TextFault(f"`{name}` takes a list")
    return value


def trim(value: Any) -> str:
    return _text("trim", value).strip()


def split(value: Any, separator: Any) -> list[str]:
    """The parts between the separators."""
    text, between = _text("split", value), _text("split", separator)
    if not between:
        raise TextFault("`split` needs a separator")
    if text.count(between) >= MAX_PARTS:
        raise TextFault(f"`split` makes at most {MAX_PARTS:,} parts")
    return text.split(between)


def join(as_text: Callable[[Any], str], value: Any, separator: Any = ", ") -> str:
    """The elements as one text, each as a template writes it."""
    between = _text("join", separator)
    pieces = [as_text(one) for one in _list("join", value)]
    if sum(map(len, pieces)) + len(between) * len(pieces) > MAX_TEXT:
        raise TextFault(f"the result of `join` is longer than {MAX_TEXT:,}")
    return between.join(pieces)


def replace(value: Any, old: Any, new: Any, count: Any = -1) -> str:
    """Every `old` becomes `new`, or the first `count` of them."""
    text, gone, come = _text("replace", value), _text("replace", old), _text("replace", new)
    if not gone or type(count) is not int:
        raise TextFault("`replace` needs what is replaced, and if wanted how often")
    found = text.count(gone) if count < 0 else min(count, text.count(gone))
    if len(text) + found * (len(come) - len(gone)) > MAX_TEXT:
        raise TextFault(f"the result of `replace` is longer than {MAX_TEXT:,}")
    return text.replace(gone, come, count)


def cut(value: Any, start: Any, end: Any = None) -> Any:
    """A part of a text or a list, from `start` up to and without `end`; negative places count from the end."""
    if (
        not isinstance(value, str | list | tuple)
        or type(start) is not int
        or (end is not None and type(end) is not int)
    ):
        raise TextFault("`slice` takes a text or a list, and places that are whole numbers")
    return value[start:end] if isinstance(value, str) else list(value)[start:end]


def pluck(value: Any, key: Any) -> list[Any]:
    """That field of each mapping in the list; null where there is none."""
    name = _text("pluck", key)
    return [one.get(name) if isinstance(one, Mapping) else None for one in _list("pluck", value)]
