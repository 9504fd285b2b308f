"""A foreign text with expressions in it, said in our language for each way in which a field may be read.

A `Wording` is a sequence of literal texts, expressions of ours (`Said`), and expressions that we cannot say (`Unsaid`),
which stay as the text they were. The three ways of reading are those of engine/language/fields.py: a template
(`Hello {name}`), a value (`Hello ${context.name}`), an expression (`'Hello ' + context.name`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.errors import SchemaError
from engine.language.expression_syntax import ROOTS
from engine.language.expressions import PathRef, compile_expression
from engine.language.resolve import CONTEXT_PREFIX, expressions_in
from engine.language.templates import compile_template
from engine.language.tokens import MAX_LENGTH

Json = Any
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEMPLATE_STEP = re.compile(r"[A-Za-z0-9_]+")
_NOT_IN_TEMPLATE_KEY = re.compile(r"['\]{}\[\"\n]")
# How strongly the outermost operator binds, from the grammar in expression_syntax.py.
OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, ATOM = range(8)


@dataclass(frozen=True, slots=True)
class Said:
    """An expression of ours. `path` is set when it is nothing but a path; `literal` when it is a text written out.

    `other` is the text to take where the path leads nowhere: `{path | other}` in a template. `is_text`: its value is a
    text, whatever the data.
    """

    text: str
    strength: int = ATOM
    path: PathRef | None = None
    literal: str | None = None
    other: str | None = None
    is_text: bool = False

    def within(self, strength: int) -> str:
        """The text, in brackets where an operator that binds so strongly would tear it apart."""
        return self.text if self.strength >= strength else f"({self.text})"


@dataclass(frozen=True, slots=True)
class Unsaid:
    """An expression that stays text; `source` is as the file has it, with its braces."""

    source: str
    reason: str


def joined(parts: Sequence[str | Said]) -> Said:
    """Texts and values as one text. What may be a number is made a text first: `+` would add it, or fail."""
    pieces = [quoted(part) if isinstance(part, str) else _as_text(part) for part in parts]
    if not pieces:
        return literal("")
    return Said(" + ".join(pieces), SUM if len(pieces) > 1 else ATOM, is_text=True)


def _as_text(said: Said) -> str:
    return said.within(SUM) if said.is_text or said.literal is not None else f"text({said.text})"


Part = str | Said | Unsaid
Keep = Callable[[str, str], None]  # (the expression's text, why it stays)


def quoted(text: str) -> str:
    """A text as a literal of an expression."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"


def literal(text: str) -> Said:
    return Said(quoted(text), literal=text)


def path(*steps: str | int) -> Said:
    """A path of ours, such as `path("context", "order", 0, "odd key")`."""
    out = str(steps[0])
    for step in steps[1:]:
        if isinstance(step, int):
            out += f"[{step}]"
        elif _NAME.fullmatch(step):
            out += f".{step}"
        else:
            out += f"[{quoted(step)}]"
    return Said(out, path=tuple(steps))


def data_literal(value: Json) -> str:
    """JSON data as an expression; mappings, which expressions cannot hold, as text."""
    if isinstance(value, list):
        return "[" + ", ".join(data_literal(item) for item in value[:50]) + "]"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    return quoted(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def checked(said: Said) -> Said:
    """Raises SchemaError when the language does not take the expression (too long, too deep, a bad pattern)."""
    compile_expression(said.text)
    return said


@dataclass(frozen=True, slots=True)
class Wording:
    """Parts in the order of the text. A wording of one `Said` keeps the type of the value."""

    parts: tuple[Part, ...] = ()

    @classmethod
    def of(cls, parts: Sequence[Part]) -> Wording:
        """Joins neighbouring literals, drops empty ones."""
        joined: list[Part] = []
        for part in parts:
            if isinstance(part, str) and joined and isinstance(joined[-1], str):
                joined[-1] += part
            elif part != "":
                joined.append(part)
        return cls(tuple(joined))

    @property
    def only(self) -> Said | None:
        """The expression, when the text is nothing but one."""
        return self.parts[0] if len(self.parts) == 1 and isinstance(self.parts[0], Said) else None

    @property
    def plain(self) -> str | None:
        """The text, when there is no expression in it."""
        if not self.parts:
            return ""
        first = self.parts[0]
        if len(self.parts) > 1:
            return None
        return first if isinstance(first, str) else first.literal if isinstance(first, Said) else None

    def stripped(self) -> Wording:
        """Without space at both ends."""
        parts = list(self.parts)
        if parts and isinstance(parts[0], str):
            parts[0] = parts[0].lstrip()
        if parts and isinstance(parts[-1], str):
            parts[-1] = parts[-1].rstrip()
        return Wording.of(parts)

    # -- the three ways to write it -------------------------------------------------------------------------------

    def value(self, keep: Keep) -> str:
        """For fields that take `${...}` and `context.x`."""
        only = self.only
        if only is not None and only.literal is None:
            return only.text if only.text.startswith(CONTEXT_PREFIX) and only.path else f"${{{only.text}}}"
        text = ""
        for part in self.parts:
            piece = self._in_value(part, keep)
            if piece.startswith("${") and (dollars := len(text) - len(text.rstrip("$"))):  # `$${` would be literal
                text = f"{text[:-dollars]}${{{quoted('$' * dollars)}}}"
            text += piece
        if text.startswith(CONTEXT_PREFIX):
            return f"${{{quoted(text)}}}" if "${" not in text else f"${{''}}{text}"
        return text

    @staticmethod
    def _in_value(part: Part, keep: Keep) -> str:
        if isinstance(part, Said):
            return part.literal.replace("${", "$${") if part.literal is not None else f"${{{part.text}}}"
        if isinstance(part, Unsaid):
            keep(part.source, part.reason)
            part = part.source
        return part.replace("${", "$${")

    def template(self, keep: Keep, compute: Callable[[str], str] | None = None) -> str:
        """For fields that take `{path}`. `compute` gets an expression and gives the key in context for its value."""
        out = []
        for part in self.parts:
            if isinstance(part, Said) and part.literal is None:
                place = template_place(part)
                if place is None and compute is not None and fits(part):
                    place = f"{{{compute(part.text)}}}"
                if place is None:
                    keep(f"{{{part.text}}}", "a text with places takes paths only, not computed values")
                    place = f"{{{{{part.text}}}}}"
                out.append(place)
                continue
            if isinstance(part, Unsaid):
                keep(part.source, part.reason)
            raw = part.source if isinstance(part, Unsaid) else part if isinstance(part, str) else part.literal
            out.append(escaped_template(raw or ""))
        return "".join(out)

    def expression(self, keep: Keep) -> Said:
        """For fields that are an expression as a whole; texts are joined with `+`."""
        only = self.only
        if only is not None:
            return only
        if any(isinstance(part, Unsaid) for part in self.parts):
            for part in self.parts:
                if isinstance(part, Unsaid):
                    keep(part.source, part.reason)
            return literal("".join(_source_of(part) for part in self.parts))
        if (plain := self.plain) is not None:
            return literal(plain)
        return joined([part for part in self.parts if not isinstance(part, Unsaid)])


def _source_of(part: Part) -> str:
    return part if isinstance(part, str) else part.source if isinstance(part, Unsaid) else f"{{{{ {part.text} }}}}"


def template_place(said: Said) -> str | None:
    """`{path}`, or None where the path cannot be written in a template."""
    if said.path is None:
        return None
    steps = said.path[1:] if said.path[0] == "context" and len(said.path) > 1 else said.path
    first = steps[0]
    if not isinstance(first, str) or not _NAME.fullmatch(first) or (first in ROOTS and steps is not said.path):
        steps = said.path
    out = str(steps[0])
    for step in steps[1:]:
        if isinstance(step, int):
            out += f"[{step}]"
        elif _TEMPLATE_STEP.fullmatch(step):
            out += f".{step}"
        elif _NOT_IN_TEMPLATE_KEY.search(step):
            return None
        else:
            out += f"['{step}']"
    if said.other is not None and re.fullmatch(r"[^{}\n]*", said.other):
        out += f" | {said.other}"
    return f"{{{out}}}"


def escaped_template(text: str) -> str:
    """The text as a template that renders to it."""
    if "{" not in text and "}" not in text:
        return text
    compiled = compile_template(text)
    touches = text.endswith("{") or text.startswith("}")  # a place may stand beside it
    if not touches and not compiled.places and compiled.render({}) == text:
        return text
    return text.replace("{", "{{").replace("}", "}}")


def fits(said: Said) -> bool:
    """Does the language take the expression?"""
    try:
        checked(said)
    except SchemaError:
        return False
    return True


def checked_value(text: str) -> str:
    """A value whose references parse; one that does not is written as plain text."""
    try:
        for source, _ in expressions_in(text):
            compile_expression(source)
    except SchemaError:
        return f"${{{quoted(text)}}}" if len(text) < MAX_LENGTH // 2 else text.replace("${", "$${")
    return text
