"""What the operators and functions of expressions do with JSON values. Wrong types raise `Mismatch`.

Rules: `==` compares as JSON does (`true` is not 1, `1` is `1.0`); `<` and its kin compare two numbers or two texts,
are false when a side is null, and are a fault otherwise (`"5" > 3`); arithmetic takes numbers, `+` also joins two texts
or two lists. Results are bounded in size, so no expression can exhaust memory.
"""

from __future__ import annotations

import json
import math
import operator
import re
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from engine.language import dates, patterns, texts

MAX_TEXT = 1_000_000
MAX_REPEAT = 10_000
MAX_BITS = 64
_NUMBER = re.compile(r"\s*[-+]?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][-+]?[0-9]{1,4})?\s*")


class Mismatch(Exception):
    """An operator or function got values that it cannot use; the message says which."""


def type_name(value: Any) -> str:
    """The JSON type in our words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true/false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "a list" if isinstance(value, list | tuple) else "a mapping"


def is_number(value: Any) -> bool:
    kind = type(value)
    return kind is int or kind is float


def equal(left: Any, right: Any) -> bool:
    """JSON equality."""
    try:
        return _equal(left, right)
    except RecursionError:
        raise Mismatch("the values are nested too deeply to be compared") from None


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_equal(v, right[k]) for k, v in left.items())
    return bool(left == right)


_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def ordered(op: str) -> Callable[[Any, Any], bool]:
    """The function of `<`, `<=`, `>` or `>=`."""
    compare = _ORDER[op]

    def run(left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return compare(left, right)
        raise Mismatch(f"`{op}` cannot compare {type_name(left)} with {type_name(right)}")

    return run


def contains(container: Any, value: Any) -> bool:
    """`value in container`: a part of a text, an element of a list, a key of a mapping; false for null."""
    if container is None:
        return False
    if isinstance(container, str):
        if value is None:
            return False
        if not isinstance(value, str):
            raise Mismatch(f"{type_name(value)} cannot be in a text")
        return value in container
    if isinstance(container, list | tuple):
        return any(equal(value, item) for item in container)
    if isinstance(container, Mapping):
        return isinstance(value, str) and value in container
    raise Mismatch(f"nothing can be in {type_name(container)}")


def add(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return _plus(left, right)
    if isinstance(left, str | list) and type(left) is type(right):
        if len(left) + len(right) > MAX_TEXT:
            raise Mismatch(f"the result of `+` is longer than {MAX_TEXT:,}")
        return operator.add(left, right)
    raise Mismatch(f"`+` cannot add {type_name(left)} and {type_name(right)}")


def multiply(left: Any, right: Any) -> Any:
    if is_number(left) and is_number(right):
        return _times(left, right)
    if isinstance(left, str) and type(right) is int:
        if right * len(left) > MAX_REPEAT:
            raise Mismatch(f"a text may be repeated to at most {MAX_REPEAT:,} characters")
        return left * right
    raise Mismatch(f"`*` cannot multiply {type_name(left)} and {type_name(right)}")


def _numeric(op: str, run: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def checked(left: Any, right: Any) -> Any:
        if not (is_number(left) and is_number(right)):
            raise Mismatch(f"`{op}` takes two numbers, not {type_name(left)} and {type_name(right)}")
        try:
            return _bounded_number(run(left, right))
        except ZeroDivisionError:
            raise Mismatch("division by zero") from None
        except OverflowError:
            raise Mismatch("the number is too large") from None

    return checked


def _bounded_number(value: Any) -> Any:
    if type(value) is int:
        if value.bit_length() > MAX_BITS:
            raise Mismatch("the number is too large")
    elif not math.isfinite(value):
        raise Mismatch("the number is too large")
    return value


_plus = _numeric("+", operator.add)
_times = _numeric("*", operator.mul)
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": add,
    "*": multiply,
    "-": _numeric("-", operator.sub),
    "/": _numeric("/", operator.truediv),
    "%": _numeric("%", operator.mod),
}


def negate(value: Any) -> Any:
    if not is_number(value):
        raise Mismatch(f"`-` takes a number, not {type_name(value)}")
    return -value


def length(value: Any) -> int:
    """Of a text, a list or a mapping; 0 for null, so that a missing list is an empty one."""
    if value is None:
        return 0
    if isinstance(value, str | list | tuple | Mapping):
        return len(value)
    raise Mismatch(f"`len` takes a text, a list or a mapping, not {type_name(value)}")


def _on_text(name: str, run: Callable[[str], str]) -> Callable[[Any], str | None]:
    def checked(value: Any) -> str | None:
        if value is not None and not isinstance(value, str):
            raise Mismatch(f"`{name}` takes a text, not {type_name(value)}")
        return None if value is None else run(value)

    return checked


def matches(value: Any, pattern: Any) -> bool:
    """Does the pattern occur in the text? Linear in the text's length, whatever the pattern; false for null."""
    if value is None:
        return False
    if not isinstance(value, str) or not isinstance(pattern, str):
        raise Mismatch(f"`matches` takes two texts, not {type_name(value)} and {type_name(pattern)}")
    try:
        return patterns.compile_pattern(pattern).search(value)
    except patterns.PatternError as err:
        raise Mismatch(str(err)) from None


def rounded(value: Any, digits: Any = 0) -> Any:
    if not is_number(value) or type(digits) is not int or not 0 <= digits <= 15:
        raise Mismatch("`round` takes a number and, if wanted, a count of digits from 0 to 15")
    try:
        return _bounded_number(round(value, digits) if digits else round(value))
    except (OverflowError, ValueError):  # of infinity, or of what is no number
        raise Mismatch("the number is too large") from None


def _extreme(name: str, run: Callable[[Any], Any]) -> Callable[..., Any]:
    def checked(*args: Any) -> Any:
        values = args[0] if len(args) == 1 and isinstance(args[0], list | tuple) else args
        known = [v for v in values if v is not None]
        if all(map(is_number, known)) or all(isinstance(v, str) for v in known):
            return run(known) if known else None
        raise Mismatch(f"`{name}` takes numbers only, or texts only")

    return checked


def default(value: Any, other: Any) -> Any:
    return other if value is None else value


def as_text(value: Any) -> str:
    """A JSON value inside a text: texts as they are, null as nothing, mappings and lists as compact JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "), default=str)


def text(value: Any) -> str:
    """Any value as a template writes it, so that `+` can join it to a text."""
    try:
        return as_text(value)
    except RecursionError:
        raise Mismatch("the value is nested too deeply to be written as a text") from None


def number(value: Any) -> Any:
    """A number, also one that is written as a text; null for everything else."""
    if is_number(value):
        return value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    try:
        found = float(value) if set(value) & set(".eE") else int(value)
        return _bounded_number(found)
    except (ValueError, Mismatch):
        return None


def date(when: Any, pattern: Any = None, zone: Any = "UTC") -> str | None:
    """A moment as a text; null for null."""
    if when is None:
        return None
    if not is_number(when) and not isinstance(when, str):
        raise Mismatch(f"`date` takes unix time or a text, not {type_name(when)}")
    try:
        return dates.shown(when, pattern, zone)
    except dates.DateFault as err:
        raise Mismatch(str(err)) from None


def _of_texts(run: Callable[..., Any]) -> Callable[..., Any]:
    """Null for null; a fault as a Mismatch."""

    def checked(value: Any, *more: Any) -> Any:
        try:
            return None if value is None else run(value, *more)
        except texts.TextFault as err:
            raise Mismatch(str(err)) from None

    return checked


def now() -> int:
    """Unix time in whole seconds; used where the scope's `run.now` is not given."""
    return int(time.time())


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": length,
    "lower": _on_text("lower", str.lower),
    "upper": _on_text("upper", str.upper),
    "contains": contains,
    "matches": matches,
    "round": rounded,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "default": default,
    "text": text,
    "number": number,
    "date": date,
    "trim": _of_texts(texts.trim),
    "split": _of_texts(texts.split),
    "join": _of_texts(partial(texts.join, text)),
    "replace": _of_texts(texts.replace),
    "slice": _of_texts(texts.cut),
    "pluck": _of_texts(texts.pluck),
}
