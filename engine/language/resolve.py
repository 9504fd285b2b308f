"""Config values that refer to data: `${expression}` inside a text, and texts that start with `context.`.

A text that is one `${...}` and nothing else takes the expression's value with its type; otherwise the values are put
into the text. `$${` is a literal `${`. A text starting with `context.` is an expression as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from engine.errors import ExpressionError, SchemaError
from engine.language.expressions import Expression, Scope, compile_expression
from engine.language.operators import as_text
from engine.language.templates import joined

CONTEXT_PREFIX = "context."
_PART = re.compile(r"\$\$\{|\$\{((?:[^{}'\"]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")*)\}", re.DOTALL)


def resolve_value(value: Any, scope: Scope) -> Any:
    """Deep copy of a JSON value with every reference replaced by what it means in the scope.

    Raises ExpressionError when an expression does not parse or cannot be evaluated; validation reports the former
    before a run.
    """
    if isinstance(value, str):
        if "${" not in value and not value.startswith(CONTEXT_PREFIX):
            return value
        return _evaluate(value, scope)
    if isinstance(value, dict):
        return {key: resolve_value(item, scope) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [resolve_value(item, scope) for item in value]
    return value


def expressions_in(text: str) -> list[tuple[str, int]]:
    """The expressions of a config text with their offsets in it; compiling is the caller's part."""
    if text.startswith(CONTEXT_PREFIX):
        return [(text, 0)]
    return [(m[1], m.start(1)) for m in _PART.finditer(text) if m[1] is not None]


def _evaluate(text: str, scope: Scope) -> Any:
    try:
        parts = _compiled(text)
    except SchemaError as err:
        raise ExpressionError(err.public_message, **err.details) from None
    if isinstance(parts, Expression):
        return parts.evaluate(scope)
    return joined(parts, scope)


@lru_cache(maxsize=2048)
def _compiled(text: str) -> Expression | list[str | Callable[[Scope], str]]:
    """One expression whose value is the result, or the parts of a text. Raises SchemaError."""
    if text.startswith(CONTEXT_PREFIX):
        return compile_expression(text)
    parts: list[str | Callable[[Scope], str]] = []
    done = 0
    for found in _PART.finditer(text):
        if found.start() > done:
            parts.append(text[done : found.start()])
        if found[1] is None:
            parts.append("${")
        elif found.start() == 0 and found.end() == len(text):
            return compile_expression(found[1])
        else:
            parts.append(_written(compile_expression(found[1])))
        done = found.end()
    parts.append(text[done:])
    return parts


def _written(expression: Expression) -> Callable[[Scope], str]:
    return lambda scope: as_text(expression.evaluate(scope))
