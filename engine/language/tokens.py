"""Expressions as tokens."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from engine.errors import SchemaError

MAX_LENGTH = 4_000
_KEYWORDS = ("and", "or", "not", "in", "true", "false", "null")
MEANT = {
    "&&": "and", "||": "or", "!": "not", "=": "==", "===": "==", "<>": "!=", "**": "*", "AND": "and", "OR": "or",
    "NOT": "not", "True": "true", "False": "false", "None": "null",
}  # fmt: skip
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<wrong>&&|\|\||===|\*\*|<>)
      | (?P<op>==|!=|<=|>=|[<>+\-*/%().,\[\]])
      | (?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


class Token(NamedTuple):
    """`kind`: number, name, keyword, text, op, end. `value` is the literal's value; `start`, `end` are offsets."""

    kind: str
    value: Any
    start: int
    end: int


def fault(message: str, source: str, offset: int) -> SchemaError:
    """The error to raise, with `column` (from 1) and `expression` in its details."""
    shown = source if len(source) <= 200 else source[:197] + "..."
    return SchemaError(message, column=offset + 1, expression=shown)


def tokenize(source: str) -> list[Token]:
    """Tokens with an `end` token last. Raises SchemaError."""
    if len(source) > MAX_LENGTH:
        raise fault(f"the expression is longer than {MAX_LENGTH:,} characters", source, MAX_LENGTH)
    tokens: list[Token] = []
    offset = 0
    while True:
        found = _TOKEN.match(source, offset)
        if found is None or found.lastgroup == "wrong":
            raise _token_fault(source, offset)
        kind = str(found.lastgroup)
        start, end = found.span(kind)
        tokens.append(_token(kind, found.group(kind), start, end, source))
        if kind == "end":
            return tokens
        offset = end


def _token(kind: str, raw: str, start: int, end: int, source: str) -> Token:
    if kind == "number":
        value: Any = int(raw) if raw.isdigit() and len(raw) < 20 else float(raw)
        if value == float("inf"):
            raise fault("the number is too large", source, start)
        return Token(kind, value, start, end)
    if kind == "text":
        return Token(kind, _ESCAPE.sub(lambda m: _ESCAPES.get(m[1], m[1]), raw[1:-1]), start, end)
    if kind == "name" and raw in _KEYWORDS:
        return Token("keyword", raw, start, end)
    return Token(kind, raw, start, end)


def _token_fault(source: str, offset: int) -> SchemaError:
    offset += len(source[offset:]) - len(source[offset:].lstrip())
    rest = source[offset:]
    if rest[:1] in "'\"":
        return fault("the quote is never closed", source, offset)
    meant = next((word for word in ("===", "&&", "||", "<>", "**", "=", "!") if rest.startswith(word)), None)
    if meant == "**":
        return fault("there is no power operator", source, offset)
    if meant is not None:
        return fault(f"unknown operator `{meant}`; write `{MEANT[meant]}`", source, offset)
    return fault(f"unexpected character {rest[:1]!r}", source, offset)
