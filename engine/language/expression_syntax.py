"""The grammar of expressions: text -> syntax tree. No Python parser is involved, so nothing of Python can be reached.

    or_expr    = and_expr {"or" and_expr}
    and_expr   = not_expr {"and" not_expr}
    not_expr   = "not" not_expr | comparison
    comparison = sum [("==" | "!=" | "<" | "<=" | ">" | ">=" | ["not"] "in") sum]
    sum        = product {("+" | "-") product}
    product    = unary {("*" | "/" | "%") unary}
    unary      = "-" unary | postfix
    postfix    = primary {"." (name | integer) | "[" or_expr "]"}
    primary    = number | text | "true" | "false" | "null" | root | function "(" [args] ")" | "(" or_expr ")" | list
    list       = "[" [args] "]"

Bounds: 4,000 characters, depth 32. Every node keeps the column (from 1) that an error about it names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.errors import SchemaError
from engine.language.tokens import MEANT, Token, fault, tokenize

MAX_DEPTH = 32
ROOTS = ("context", "nodes", "inputs", "variables", "run", "tenant", "item", "index")
FUNCTIONS = {  # name -> (fewest, most arguments)
    "len": (1, 1), "lower": (1, 1), "upper": (1, 1), "contains": (2, 2), "matches": (2, 2),
    "round": (1, 2), "min": (1, 16), "max": (1, 16), "now": (0, 0), "default": (2, 2), "text": (1, 1),
    "number": (1, 1), "date": (1, 3),
    "trim": (1, 1), "split": (2, 2), "join": (1, 2), "replace": (3, 4), "slice": (2, 3), "pluck": (2, 2),
}  # fmt: skip
_COMPARE = ("==", "!=", "<", "<=", ">", ">=", "in")


@dataclass(slots=True)
class Syntax:
    """A part of an expression; `column` counts from 1."""

    column: int


@dataclass(slots=True)
class Literal(Syntax):
    value: Any


@dataclass(slots=True)
class PathRef(Syntax):
    """A root and fixed steps below it, such as `context.order.items[0]`."""

    path: tuple[str | int, ...]


@dataclass(slots=True)
class Index(Syntax):
    """`base[index]` where the index is computed, or the base is not a path."""

    base: Syntax
    index: Syntax


@dataclass(slots=True)
class Call(Syntax):
    name: str
    args: tuple[Syntax, ...]


@dataclass(slots=True)
class ListOf(Syntax):
    items: tuple[Syntax, ...]


@dataclass(slots=True)
class Not(Syntax):
    operand: Syntax


@dataclass(slots=True)
class Negative(Syntax):
    operand: Syntax


@dataclass(slots=True)
class Chain(Syntax):
    """`and` or `or` over any number of parts; kept flat so that long chains do not nest."""

    op: str
    parts: tuple[Syntax, ...]


@dataclass(slots=True)
class Compare(Syntax):
    """`op` is one of == != < <= > >= in, `not in` is Not(Compare in)."""

    op: str
    left: Syntax
    right: Syntax


@dataclass(slots=True)
class Arithmetic(Syntax):
    """`first` and then `(op, operand, column)` from left to right; flat like Chain."""

    first: Syntax
    rest: tuple[tuple[str, Syntax, int], ...]


def parse(source: str) -> Syntax:
    """The syntax tree; raises SchemaError whose details hold `column` and `expression`."""
    parser = _Parser(source)
    tree = parser.any()
    parser.expect_end()
    return tree


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokenize(source)
        self.at = 0
        self.depth = 0

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def take(self, *values: str) -> Token | None:
        """The current token if it is one of these operators or keywords, which is then passed."""
        token = self.token
        if token.kind in ("op", "keyword") and token.value in values:
            self.at += 1
            return token
        return None

    def expect(self, value: str) -> Token:
        token = self.take(value)
        if token is None:
            raise self.error(f"`{value}` is missing")
        return token

    def error(self, message: str, token: Token | None = None) -> SchemaError:
        return fault(message, self.source, (token or self.token).start)

    def expect_end(self) -> None:
        token = self.token
        if token.kind == "end":
            return
        if token.kind == "op" and token.value in _COMPARE:
            raise self.error("comparisons cannot be chained; join two with `and`")
        if token.kind == "name" and token.value in MEANT:
            raise self.error(f"unexpected `{token.value}`; write `{MEANT[token.value]}`")
        raise self.error(f"unexpected `{self.source[token.start : token.end]}`")

    def any(self) -> Syntax:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels")
        tree = self.chain("or")
        self.depth -= 1
        return tree

    def chain(self, op: str) -> Syntax:
        start = self.token.start
        parts = [self.chain("and") if op == "or" else self.negation()]
        while self.take(op):
            parts.append(self.chain("and") if op == "or" else self.negation())
        return parts[0] if len(parts) == 1 else Chain(start + 1, op, tuple(parts))

    def negation(self) -> Syntax:
        token = self.take("not")
        if token is None:
            return self.comparison()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels")
        operand = self.negation()
        self.depth -= 1
        return Not(token.start + 1, operand)

    def comparison(self) -> Syntax:
        left = self.arithmetic(("+", "-"))
        token = self.take(*_COMPARE)
        if token is not None:
            return Compare(token.start + 1, str(token.value), left, self.arithmetic(("+", "-")))
        if self.token.value == "not" and self.tokens[self.at + 1].value == "in":
            token = self.expect("not")
            self.expect("in")
            return Not(token.start + 1, Compare(token.start + 1, "in", left, self.arithmetic(("+", "-"))))
        return left

    def arithmetic(self, ops: tuple[str, ...]) -> Syntax:
        first = self.arithmetic(("*", "/", "%")) if "+" in ops else self.unary()
        rest: list[tuple[str, Syntax, int]] = []
        while token := self.take(*ops):
            operand = self.arithmetic(("*", "/", "%")) if "+" in ops else self.unary()
            rest.append((str(token.value), operand, token.start + 1))
        return Arithmetic(first.column, first, tuple(rest)) if rest else first

    def unary(self) -> Syntax:
        token = self.take("-")
        if token is None:
            return self.postfix()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels")
        operand = self.unary()
        self.depth -= 1
        if (
            isinstance(operand, Literal)
            and isinstance(operand.value, int | float)
            and not isinstance(operand.value, bool)
        ):
            return Literal(token.start + 1, -operand.value)
        return Negative(token.start + 1, operand)

    def postfix(self) -> Syntax:
        tree = self.primary()
        steps = 0
        while True:
            if self.take("."):
                tree = self.step(tree, self.member())
            elif token := self.take("["):
                index = self.any()
                self.expect("]")
                tree = self.indexed(tree, index, token)
            else:
                return tree
            steps += 1
            if steps > MAX_DEPTH:
                raise self.error(f"a path may have at most {MAX_DEPTH} steps")

    def member(self) -> tuple[str | int, ...]:
        """What stands after a dot; `items.0.1` reads as the number 0.1, which means two steps."""
        token = self.token
        if token.kind in ("name", "keyword"):
            self.at += 1
            return (str(token.value),)
        raw = self.source[token.start : token.end]
        if token.kind == "number" and re.fullmatch(r"\d{1,9}(\.\d{1,9})?", raw):
            self.at += 1
            return tuple(int(part) for part in raw.split("."))
        raise self.error("a name is missing after `.`")

    @staticmethod
    def step(tree: Syntax, names: tuple[str | int, ...]) -> Syntax:
        if isinstance(tree, PathRef):
            return PathRef(tree.column, tree.path + names)
        for name in names:
            tree = Index(tree.column, tree, Literal(tree.column, name))
        return tree

    @staticmethod
    def indexed(tree: Syntax, index: Syntax, token: Token) -> Syntax:
        if isinstance(tree, PathRef) and isinstance(index, Literal) and type(index.value) in (str, int):
            return PathRef(tree.column, (*tree.path, index.value))
        return Index(token.start + 1, tree, index)

    def primary(self) -> Syntax:
        token = self.token
        column = token.start + 1
        if token.kind in ("number", "text"):
            self.at += 1
            return Literal(column, token.value)
        if self.take("true", "false", "null"):
            return Literal(column, {"true": True, "false": False, "null": None}[str(token.value)])
        if token.kind == "name":
            return self.name(token)
        if self.take("("):
            tree = self.any()
            self.expect(")")
            return tree
        if self.take("["):
            return ListOf(column, self.arguments("]"))
        if token.kind == "end":
            raise self.error("the expression ends too early" if self.at else "the expression is empty")
        raise self.error(f"unexpected `{self.source[token.start : token.end]}`")

    def name(self, token: Token) -> Syntax:
        self.at += 1
        name = str(token.value)
        if self.take("("):
            if name not in FUNCTIONS:
                raise self.error(f"there is no function `{name}`; there are {', '.join(FUNCTIONS)}", token)
            args = self.arguments(")")
            fewest, most = FUNCTIONS[name]
            if not fewest <= len(args) <= most:
                count = str(fewest) if fewest == most else f"{fewest} to {most}"
                raise self.error(
                    f"`{name}` takes {count} argument{'s' if count != '1' else ''}, not {len(args)}", token
                )
            return Call(token.start + 1, name, args)
        if name in ROOTS:
            return PathRef(token.start + 1, (name,))
        if name in MEANT:
            raise self.error(f"unknown name `{name}`; write `{MEANT[name]}`", token)
        if name == "credentials":
            raise self.error("credentials cannot be read by expressions", token)
        raise self.error(
            f"unknown name `{name}`; a path starts with {', '.join(ROOTS[:-2])} (did you mean `context.{name}`?)", token
        )

    def arguments(self, closing: str) -> tuple[Syntax, ...]:
        if self.take(closing):
            return ()
        args = [self.any()]
        while self.take(","):
            args.append(self.any())
        self.expect(closing)
        return tuple(args)
