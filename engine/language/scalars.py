"""Meaning of unquoted YAML scalars: the core schema of YAML 1.2, so `no` is text and `22:22` is text.

See https://yaml.org/spec/1.2.2/#103-core-schema. Numbers that JSON cannot carry (.inf, .nan) or that do not fit into
64 bits are refused, because every value here ends up in JSON.
"""

from __future__ import annotations

import math
import re
from typing import Any

_WORDS: dict[str, Any] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMBER_START = frozenset("0123456789+-.")
_INT = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MAX_DIGITS = 400  # int() of a longer text is refused by Python or is out of range anyway


def resolve_plain(text: str) -> Any:  # noqa: PLR0911  (one return per form)
    """Value of an unquoted scalar. Raises ValueError for a number that JSON cannot carry."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER_START:
        return text
    if _INT.fullmatch(text):
        return _integer(text, 10)
    if _OCTAL.fullmatch(text):
        return _integer(text[2:], 8)
    if _HEX.fullmatch(text):
        return _integer(text[2:], 16)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if not math.isfinite(value):
            raise ValueError("the number is too large")
        return value
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("infinity and not-a-number cannot be used; quote it if it is text")
    return text


def is_plain_text(text: str) -> bool:
    """Would this text, written without quotes, be read as a text (and not as a number, a boolean or null)?"""
    try:
        return isinstance(resolve_plain(text), str)
    except ValueError:
        return False


def _integer(digits: str, base: int) -> int:
    value = int(digits, base) if len(digits) <= _MAX_DIGITS else 1 << 64
    if not -(1 << 63) <= value < 1 << 64:
        raise ValueError("the number does not fit into 64 bits")
    return value
