"""The part of JavaScript's expressions that our language may be able to say: text -> syntax tree.

    expression = nullish ["?" expression ":" expression]          nullish = or {"??" or}
    or = and {"||" and}        and = equal {"&&" equal}           equal = compared {("==" "!=" "===" "!==") compared}
    compared = sum {("<" "<=" ">" ">=" "in") sum}                 sum = product {("+" "-") product}
    product = unary {("*" "/" "%") unary}                         unary = ("!" "-" "+" "typeof") unary | postfix
    postfix = primary {("." | "?.") name | "[" expression "]" | "(" [arguments] ")"}
    primary = number | text | template | regex | name | "(" expression ")" | "[" [arguments] "]" | object
            | "new" name ["(" [arguments] ")"]

One semicolon may follow. An argument may be a function of one name, `x => x.y`. Other functions, assignments and
statements are no expressions that we could say: they raise `Unsayable`, as does anything else that does not parse, is
longer than 8,000 characters, nested deeper than 40 levels or has more than 150 operators.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NamedTuple

MAX_LENGTH = 8_000
MAX_DEPTH = 40
MAX_STEPS = 150
_TOKEN = re.compile(
    r"""(?:\s++|//[^\n]*+|/\*.*?\*/)*+(?:
        (?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w$]))
      | (?P<name>[A-Za-z_$\u00aa-\uffff][\w$]*)
      | (?P<text>'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+")
      | (?P<op>===|!==|==|!=|<=|>=|=>|\?\.(?!\d)|\?\?|&&|\|\||[-+*/%<>!?:.,;()\[\]{}`=])
      | (?P<end>$)
    )""",
    re.VERBOSE | re.DOTALL,
)
_REGEX = re.compile(r"/((?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*+\])++)/([a-z]*)")
_BRACES = re.compile(r"'(?:[^'\\]++|\\.)*+(?:'|\Z)|\"(?:[^\"\\]++|\\.)*+(?:\"|\Z)|[{}]", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "", "\n": ""}
_ARROW = re.compile(r"[\w$)]\s*=>")
_ONE_ARROW = re.compile(r"(?:([A-Za-z_$][\w$]{0,60})|\(\s{0,9}([A-Za-z_$][\w$]{0,60})\s{0,9}\))\s{0,9}=>(?!\s*\{)")
_STATEMENTS = frozenset({"function", "return", "const", "let", "var", "async", "await", "class", "if", "for", "while"})
_WORDS = ("in", "typeof")  # operators that are written as names
_BINARY = (
    ("??",),
    ("||",),
    ("&&",),
    ("===", "!==", "==", "!="),
    ("<", "<=", ">", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)


class Unsayable(Exception):
    """The expression cannot be said in our language; the message says what stands in the way."""


class Token(NamedTuple):
    kind: str
    value: str
    start: int
    end: int


@dataclass(slots=True)
class Literal:
    value: Any


@dataclass(slots=True)
class Regex:
    pattern: str
    flags: str


@dataclass(slots=True)
class Name:
    name: str


@dataclass(slots=True)
class Member:
    """`base.name` or `base[key]`; `key` is a syntax tree, a Literal for a name."""

    base: Any
    key: Any


@dataclass(slots=True)
class Call:
    callee: Any
    args: tuple[Any, ...]


@dataclass(slots=True)
class Arrow:
    """`name => body`, as an argument."""

    name: str
    body: Any


@dataclass(slots=True)
class Unary:
    op: str
    operand: Any


@dataclass(slots=True)
class Binary:
    op: str
    left: Any
    right: Any


@dataclass(slots=True)
class Choice:
    test: Any
    then: Any
    other: Any


@dataclass(slots=True)
class Array:
    items: tuple[Any, ...]


@dataclass(slots=True)
class Object:
    items: tuple[tuple[str, Any], ...]


@dataclass(slots=True)
class Template:
    """A text in back quotes: literal texts and trees."""

    parts: tuple[Any, ...]


def parse(source: str) -> Any:
    """The tree of one expression; raises Unsayable. `new X(...)` is a call of the name `new X`."""
    if len(source) > MAX_LENGTH:
        raise Unsayable("the expression is too long")
    parser = _Parser(source)
    try:
        tree = parser.expression()
    except Unsayable:
        if _ARROW.search(source):  # where it begins depends on its parameters
            raise Unsayable("a function") from None
        raise
    if parser.take(";") and parser.token.kind != "end":
        raise Unsayable("a statement, not one expression")
    if parser.token.kind != "end":
        raise Unsayable(parser.complaint())
    return tree


def unescape(raw: str) -> str:
    """What an escaped text means."""

    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "ux" and len(code) > 1:
            character = chr(int(code[1:], 16))
            return "\N{REPLACEMENT CHARACTER}" if "\ud800" <= character <= "\udfff" else character
        return _ESCAPES.get(code, code)

    return _ESCAPE.sub(one, raw)


class _Parser:
    def __init__(self, source: str, depth: int = 0, steps: int = 0) -> None:
        self.source, self.depth, self.steps, self.at = source, depth, steps, 0
        self.token = Token("start", "", 0, 0)
        self.advance()

    def advance(self) -> Token:
        """Pass the current token and return it."""
        passed = self.token
        found = _TOKEN.match(self.source, self.at)
        if found is None:
            rest = self.source[self.at :].lstrip()[:1]
            raise Unsayable(f"unexpected {rest!r}")
        kind = str(found.lastgroup)
        self.token = Token(kind, found.group(kind), *found.span(kind))
        self.at = self.token.end
        return passed

    def take(self, *values: str) -> str | None:
        if self.token.value in values and (self.token.kind == "op" or self.token.value in _WORDS):
            return self.advance().value
        return None

    def expect(self, value: str) -> None:
        if not self.take(value):
            raise Unsayable(self.complaint())

    def complaint(self) -> str:
        value = self.token.value
        if value == "=>" or value in ("function", "async"):
            return "a function"
        if value == "=":
            return "an assignment"
        if value in _STATEMENTS or (value == ";"):
            return "a statement, not one expression"
        return f"unexpected {value[:20]!r}" if value else "the expression ends too early"

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise Unsayable("the expression is nested too deep")

    def step(self) -> None:
        self.steps += 1
        if self.steps > MAX_STEPS:
            raise Unsayable("the expression is too long")

    def expression(self) -> Any:
        self.deeper()
        tree = self.binary(0)
        if self.take("?"):
            then = self.expression()
            self.expect(":")
            tree = Choice(tree, then, self.expression())
        self.depth -= 1
        return tree

    def binary(self, level: int) -> Any:
        if level == len(_BINARY):
            return self.unary()
        tree = self.binary(level + 1)
        while op := self.take(*_BINARY[level]):
            self.step()
            tree = Binary(op, tree, self.binary(level + 1))
        return tree

    def unary(self) -> Any:
        op = self.take("!", "-", "+", "typeof")
        if op is None:
            return self.postfix()
        self.deeper()
        tree = Unary(op, self.unary())
        self.depth -= 1
        return tree

    def postfix(self) -> Any:
        tree = self.primary()
        while True:
            if self.take("."):
                tree = Member(tree, Literal(self.member()))
            elif self.take("?."):
                if self.token.value not in ("[", "("):
                    tree = Member(tree, Literal(self.member()))
                continue
            elif self.take("["):
                tree = self.indexed(tree)
            elif self.take("("):
                tree = Call(tree, self.arguments(")"))
            else:
                return tree
            self.step()

    def member(self) -> str:
        if self.token.kind != "name":
            raise Unsayable(self.complaint())
        return self.advance().value

    def indexed(self, base: Any) -> Any:
        key = self.expression()
        self.expect("]")
        return Member(base, key)

    def arguments(self, closing: str) -> tuple[Any, ...]:
        found: list[Any] = []
        while not self.take(closing):
            self.step()
            found.append(self.argument())
            if not self.take(","):
                self.expect(closing)
                break
        return tuple(found)

    def argument(self) -> Any:
        arrow = _ONE_ARROW.match(self.source, self.token.start)
        if arrow is None:
            return self.expression()
        self.at = arrow.end()
        self.advance()
        return Arrow(arrow[1] or arrow[2], self.expression())

    def primary(self) -> Any:  # noqa: PLR0911  (one return per kind of token)
        token = self.token
        if token.kind == "op" and token.value == "`":
            return self.template()
        if token.kind == "op" and token.value == "/":
            return self.regex()
        if token.kind == "number":
            self.advance()
            number = float(token.value)
            if number == float("inf"):
                raise Unsayable("a number that is too large")
            return Literal(int(token.value) if token.value.isdigit() and len(token.value) < 16 else number)
        if token.kind == "text":
            self.advance()
            return Literal(unescape(token.value[1:-1]))
        if token.kind == "name":
            return self.word()
        if self.take("("):
            tree = self.expression()
            self.expect(")")
            return tree
        if self.take("["):
            return Array(self.arguments("]"))
        if self.take("{"):
            return self.object()
        raise Unsayable(self.complaint())

    def object(self) -> Any:
        found: list[tuple[str, Any]] = []
        while not self.take("}"):
            self.step()
            key = self.token
            if key.kind not in ("name", "text", "number"):
                raise Unsayable("an object of a kind that we do not have")
            self.advance()
            name = unescape(key.value[1:-1]) if key.kind == "text" else key.value
            if key.kind == "name" and self.token.value in (",", "}"):
                found.append((name, Name(name)))
            else:
                self.expect(":")
                found.append((name, self.expression()))
            if not self.take(","):
                self.expect("}")
                break
        return Object(tuple(found))

    def word(self) -> Any:
        name = self.token.value
        if name in ("void", "delete") or name in _STATEMENTS:
            raise Unsayable(self.complaint() if name in _STATEMENTS else f"`{name}`")
        self.advance()
        if name == "new":
            return Call(Name(f"new {self.member()}"), self.arguments(")") if self.take("(") else ())
        constants = {"true": True, "false": False, "null": None, "undefined": None}
        return Literal(constants[name]) if name in constants else Name(name)

    def regex(self) -> Any:
        found = _REGEX.match(self.source, self.token.start)
        if found is None:
            raise Unsayable(self.complaint())
        self.at = found.end()
        self.advance()
        return Regex(found[1], found[2])

    def template(self) -> Any:
        """A text in back quotes; what stands in `${ }` is parsed by a parser of its own."""
        parts: list[Any] = []
        raw: list[str] = []
        at = self.token.end
        while at < len(self.source):
            character = self.source[at]
            if character == "`":
                parts.append(unescape("".join(raw)))
                self.at = at + 1
                self.advance()
                return Template(tuple(part for part in parts if part != ""))
            if character == "\\":
                raw.append(self.source[at : at + 2])
                at += 2
            elif self.source.startswith("${", at):
                parts.append(unescape("".join(raw)))
                raw = []
                end = self.closing(at + 2)
                self.deeper()
                inner = _Parser(self.source[at + 2 : end], self.depth, self.steps)
                parts.append(inner.expression())
                if inner.token.kind != "end":
                    raise Unsayable(inner.complaint())
                self.depth -= 1
                self.steps = inner.steps + 1
                self.step()
                at = end + 1
            else:
                raw.append(character)
                at += 1
        raise Unsayable("a text in back quotes that is never closed")

    def closing(self, start: int) -> int:
        """Where the `}` of a `${` stands, texts skipped."""
        depth = 0
        for found in _BRACES.finditer(self.source[start:]):
            if found[0] == "{":
                depth += 1
            elif found[0] == "}":
                if depth == 0:
                    return start + found.start()
                depth -= 1
        raise Unsayable("a text in back quotes that is never closed")
