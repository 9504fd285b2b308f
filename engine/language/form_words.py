"""What is said to a person beside a field of a form that does not fit: published forms, and the editor's input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

MISSING = "Please fill this in."
UNFIT = "This does not have the right form."
_SHOWN = 8  # values of a choice
_TYPES = {
    "integer": "Please write a whole number.",
    "number": "Please write a number.",
    "string": "Please write a text.",
    "boolean": "Please choose yes or no.",
    "array": "This must be a list.",
    "object": "This must be an object.",
    "null": "This must be empty.",
}


def at_least(least: float, what: str = "") -> str:
    return f"At least {least:g}{what}."


def at_most(most: float, what: str = "") -> str:
    return f"At most {most:g}{what}."


def wrong_type(wanted: str | Sequence[str]) -> str:
    """`wanted` is a schema's `type`."""
    names = [wanted] if isinstance(wanted, str) else [name for name in wanted if name != "null"]
    if len(names) == 1 and names[0] in _TYPES:
        return _TYPES[names[0]]
    return f"This must be of type {' or '.join(names)}."


def one_of(values: Sequence[Any]) -> str:
    shown = ", ".join(str(value) for value in values[:_SHOWN])
    return f"Please choose one of these: {shown}{', …' if len(values) > _SHOWN else ''}."
