"""Bytes of a foreign file -> JSON data within bounds, whatever the file holds.

JSON is read as JavaScript reads it (the last of two equal keys counts); everything else must be the YAML that the
language accepts. What comes out is clean: texts without NUL and half surrogates, finite numbers of at most 64 bits,
keys that are short texts. So nothing behind this door has to look for these again.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

from engine.errors import NotImportable, YamlError
from engine.language.guard import BOM, without_forbidden
from engine.language.tree import parse_tree

MAX_BYTES = 4_000_000
MAX_DEPTH = 64
MAX_VALUES = 400_000
MAX_KEY = 200
Json = Any

_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\Z)|(?P<open>[\[{])|(?P<close>[\]}])', re.DOTALL)
_UNCLEAN = re.compile("[\x00\ud800-\udfff\ufffe\uffff]")


def read(data: bytes | str) -> Json:
    """The file's data. Raises NotImportable, with the bound in its message where one is broken."""
    text = _text(data)
    start = text.lstrip()[:1]
    if start in ("{", "["):
        return _Cleaner().clean(_json(text))
    return _Cleaner().clean(_yaml(text))


def _text(data: bytes | str) -> str:
    size = len(data) if isinstance(data, bytes) else len(data.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise NotImportable(f"The file is larger than {MAX_BYTES:,} bytes.")
    if isinstance(data, str):
        text = data
    else:
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError as err:
            raise NotImportable(f"The file is not UTF-8 text (byte {err.start}).") from None
    text = text.removeprefix(BOM)
    if not text.strip():
        raise NotImportable("The file is empty.")
    return text


def _json(text: str) -> Json:
    depth = 0
    for found in _BRACKETS.finditer(text):
        if found["open"]:
            depth += 1
            if depth > MAX_DEPTH:
                raise NotImportable(f"The file is nested deeper than {MAX_DEPTH} levels.")
        elif found["close"]:
            depth -= 1
    try:
        return json.loads(text, strict=False, parse_int=_whole, parse_constant=lambda _name: None)
    except ValueError as err:
        where = f" (line {err.lineno}, column {err.colno})" if isinstance(err, json.JSONDecodeError) else ""
        raise NotImportable(f"The file is not JSON{where}.") from None


def _whole(digits: str) -> int | float:
    """Numbers beyond 64 bits lose digits, as they do in JavaScript."""
    return int(digits) if len(digits) < 19 else float(digits)


def _yaml(text: str) -> Json:
    try:
        tree = parse_tree(without_forbidden(text))
    except YamlError as err:
        line = err.details.get("line")
        raise NotImportable(
            f"The file is neither JSON nor YAML that we accept: line {line}: {err.public_message}."
        ) from None
    return tree.root.value if tree.root is not None else None


class _Cleaner:
    """Copies data while counting it."""

    def __init__(self) -> None:
        self.count = 0

    def clean(self, value: Json) -> Json:
        self.count += 1
        if self.count > MAX_VALUES:
            raise NotImportable(f"The file has more than {MAX_VALUES:,} values.")
        if isinstance(value, str):
            return clean_text(value)
        if isinstance(value, dict):
            return {clean_text(str(key))[:MAX_KEY]: self.clean(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.clean(item) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            return None
        return float(value) if type(value) is int and value.bit_length() > 63 else value


def clean_text(text: str) -> str:
    """Without the characters that no stored text may hold."""
    return _UNCLEAN.sub("\N{REPLACEMENT CHARACTER}", text) if _UNCLEAN.search(text) else text
