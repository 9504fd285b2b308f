"""Texts with places to fill: `{path}`, `{path | default text}`, `{{` and `}}` for literal braces.

A path is looked up in `context` first, then among the roots (`{message}`, `{variables.brand}`). Anything else in braces
is literal text, because prompts contain JSON; so is a `}}` that no `{{` opened. A template is rendered once: what a
value brings is never looked at again. Credentials are no root and so cannot be reached.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from engine.errors import ExpressionError
from engine.language.expression_syntax import ROOTS
from engine.language.expressions import PathRef, Scope, lookup
from engine.language.operators import as_text

MAX_RENDERED = 2_000_000
_STEP = r"""(?:\.[A-Za-z0-9_]+|\[-?\d{1,9}\]|\['[^'\]{}]*'\]|\["[^"\]{}]*"\])"""
_PLACE = re.compile(
    rf"(?P<open>\{{\{{)|(?P<close>\}}\}})"
    rf"|\{{(?P<path>[A-Za-z_][A-Za-z0-9_]*{_STEP}{{0,32}})(?:[ \t]*\|[ \t]*(?P<default>[^{{}}\n]*))?\}}"
)
_ONE_STEP = re.compile(r"""\.([A-Za-z0-9_]+)|\[(-?\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")


class Place:
    """One `{path | default}`: `start` and `end` are its offsets in the source."""

    __slots__ = ("default", "end", "path", "start")

    def __init__(self, path: PathRef, default: str | None, start: int, end: int) -> None:
        self.path, self.default, self.start, self.end = path, default, start, end


class Template:
    """A compiled template. `paths` are as written: their first step is a context key or a root."""

    __slots__ = ("_parts", "paths", "places", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._parts: list[str | Callable[[Scope], str]] = []
        self.places: tuple[Place, ...] = tuple(self._read())
        self.paths: tuple[PathRef, ...] = tuple(dict.fromkeys(p.path for p in self.places))

    def render(self, scope: Scope) -> str:
        """The filled text; a missing place gives its default, or nothing. Raises ExpressionError when it gets long."""
        return joined(self._parts, scope)

    def _read(self) -> list[Place]:
        places: list[Place] = []
        literal: list[str] = []
        done = opened = 0
        for found in _PLACE.finditer(self.source):
            literal.append(self.source[done : found.start()])
            done = found.end()
            if found["open"]:
                opened += 1
                literal.append("{")
            elif found["close"]:
                literal.append("}" if opened else "}}")
                opened = max(0, opened - 1)
            else:
                place = Place(_path(found["path"]), found["default"], found.start(), found.end())
                places.append(place)
                self._parts += ("".join(literal), _filler(place))
                literal = []
        literal.append(self.source[done:])
        self._parts.append("".join(literal))
        return places


@lru_cache(maxsize=2048)
def compile_template(source: str) -> Template:
    """Never fails: what is not a place is literal text."""
    return Template(source)


def joined(parts: Sequence[str | Callable[[Scope], str]], scope: Scope) -> str:
    """Texts and what is filled in between; given up where it gets long. Raises ExpressionError."""
    out: list[str] = []
    size = 0
    for part in parts:
        text = part if isinstance(part, str) else part(scope)
        size += len(text)
        if size > MAX_RENDERED:
            raise ExpressionError(f"the filled text is longer than {MAX_RENDERED:,} characters")
        out.append(text)
    return "".join(out)


def _path(source: str) -> PathRef:
    head = re.match(r"\w+", source)
    assert head is not None
    steps: list[str | int] = [head.group()]
    for name, index, single, double in _ONE_STEP.findall(source, head.end()):
        steps.append(int(index) if index else (int(name) if name.isdecimal() else name or single or double))
    return tuple(steps)


def _filler(place: Place) -> Callable[[Scope], str]:
    first, rest, default = place.path[0], place.path[1:], place.default
    is_root = first in ROOTS
    assert isinstance(first, str)

    def fill(scope: Scope) -> str:
        context = scope.get("context")
        value = context.get(first) if isinstance(context, Mapping) else None
        if value is None and is_root:
            value = scope.get(first)
        for step in rest:
            value = lookup(value, step)
        if value is None and default is not None:
            return default
        return as_text(value)

    return fill
