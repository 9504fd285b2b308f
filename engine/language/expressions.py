"""Expressions of edges and values, compiled once to closures over a scope.

A scope is a mapping of roots: `{"context": {...}, "nodes": {name: {"output": ...}}, "inputs", "variables", "run",
"tenant", "item", "index"}`, JSON data only. Paths use the items of mappings and lists and nothing else, so no Python
attribute can be reached; a missing path is null. See expression_syntax.py for the grammar, operators.py for the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from engine.errors import ExpressionError
from engine.language import expression_syntax as syntax
from engine.language import operators, patterns
from engine.language.operators import Mismatch
from engine.language.tokens import fault

Scope = Mapping[str, Any]
Closure = Callable[[Scope], Any]
PathRef = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an expression asks of a path, for inference: `op` is == != < <= > >= in, or `truth` (used as a condition),
    `len` (its length is taken) or `text` (used by a text function). `value` is the literal on the other side."""

    path: PathRef
    op: str
    value: Any = None


class Expression:
    """A compiled expression. `paths` are all places it reads; `comparisons` what it asks of them."""

    __slots__ = ("_closure", "comparisons", "evaluate", "paths", "source", "tree")

    evaluate: Closure

    def __init__(self, source: str) -> None:
        self.source = source
        self.tree = syntax.parse(source)
        self.paths: tuple[PathRef, ...] = tuple(dict.fromkeys(_paths(self.tree)))
        self.comparisons: tuple[Comparison, ...] = tuple(_comparisons(self.tree, truth=True))
        self._closure = _compile(self.tree, source)
        self.evaluate = self._closure

    @property
    def is_constant(self) -> bool:
        return not self.paths and "now" not in self.source

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"


@lru_cache(maxsize=4096)
def compile_expression(source: str) -> Expression:
    """Compile; equal sources share one object. Raises SchemaError (details: column, expression).

    `Expression.evaluate(scope)` returns JSON data (`and`, `or` return the deciding operand, as in Python) and raises
    ExpressionError (details: column, expression) where a value has the wrong type.
    """
    return Expression(source)


def lookup(value: Any, key: Any) -> Any:
    """One step into JSON data; null when there is no such place."""
    if isinstance(key, str):
        return value.get(key) if isinstance(value, Mapping) else None
    if type(key) is int:
        if isinstance(value, list | tuple):
            return value[key] if -len(value) <= key < len(value) else None
        return value.get(str(key)) if isinstance(value, Mapping) else None
    return None


def path_closure(path: PathRef) -> Closure:
    """A closure that reads a path; the short forms are written out because conditions run in the hot loop."""
    root = path[0]
    assert isinstance(root, str)
    if len(path) == 1:
        return lambda scope: scope.get(root)
    if len(path) == 2:
        key = path[1]

        def read_one(scope: Scope) -> Any:
            value = scope.get(root)
            return value.get(key) if type(value) is dict and type(key) is str else lookup(value, key)

        return read_one
    keys = path[1:]

    def read(scope: Scope) -> Any:
        value = scope.get(root)
        for key in keys:
            value = value.get(key) if type(value) is dict and type(key) is str else lookup(value, key)
            if value is None:
                return None
        return value

    return read


def _compile(tree: syntax.Syntax, source: str) -> Closure:  # noqa: PLR0911  (one return per kind of syntax)
    match tree:
        case syntax.Literal(value=value):
            return lambda _scope: value
        case syntax.PathRef(path=path):
            return path_closure(path)
        case syntax.Compare():
            return _compile_compare(tree, source)
        case syntax.Chain(op=op, parts=parts):
            return _compile_chain(op, [_compile(p, source) for p in parts])
        case syntax.Not(operand=operand):
            inner = _compile(operand, source)
            return lambda scope: not inner(scope)
        case syntax.Negative(operand=operand, column=column):
            return _guarded(operators.negate, [_compile(operand, source)], source, column)
        case syntax.Arithmetic():
            return _compile_arithmetic(tree, source)
        case syntax.ListOf(items=items):
            parts_ = [_compile(i, source) for i in items]
            return lambda scope: [part(scope) for part in parts_]
        case syntax.Index(base=base, index=index):
            at, key = _compile(base, source), _compile(index, source)
            return lambda scope: lookup(at(scope), key(scope))
        case syntax.Call():
            return _compile_call(tree, source)
    raise AssertionError(tree)


def _compile_chain(op: str, parts: list[Closure]) -> Closure:
    first, last, middle = parts[0], parts[-1], parts[1:-1]
    if op == "and":
        if not middle:
            return lambda scope: first(scope) and last(scope)

        def all_of(scope: Scope) -> Any:
            value = None
            for part in parts:
                value = part(scope)
                if not value:
                    return value
            return value

        return all_of
    if not middle:
        return lambda scope: first(scope) or last(scope)

    def any_of(scope: Scope) -> Any:
        value = None
        for part in parts:
            value = part(scope)
            if value:
                return value
        return value

    return any_of


def _compile_compare(tree: syntax.Compare, source: str) -> Closure:
    left, right = _compile(tree.left, source), _compile(tree.right, source)
    if tree.op in ("==", "!="):
        return _compile_equal(tree, left, right, source)
    if tree.op == "in":
        return _guarded(
            lambda value, container: operators.contains(container, value), [left, right], source, tree.column
        )
    ordered = operators.ordered(tree.op)
    return _guarded(ordered, [left, right], source, tree.column)


def _compile_equal(tree: syntax.Compare, left: Closure, right: Closure, source: str) -> Closure:
    """Comparing with a text, true, false or null needs no type checks: the fast and the usual case."""
    wanted = tree.op == "=="
    literal: syntax.Syntax = tree.right
    if isinstance(tree.left, syntax.Literal) and not isinstance(literal, syntax.Literal):
        left, right, literal = right, left, tree.left
    if isinstance(literal, syntax.Literal):
        value = literal.value
        if isinstance(value, str):
            return (lambda scope: left(scope) == value) if wanted else (lambda scope: left(scope) != value)
        if value is None or isinstance(value, bool):
            return (lambda scope: left(scope) is value) if wanted else (lambda scope: left(scope) is not value)
    return _guarded(lambda one, other: operators.equal(one, other) is wanted, [left, right], source, tree.column)


def _compile_arithmetic(tree: syntax.Arithmetic, source: str) -> Closure:
    first = _compile(tree.first, source)
    rest = [(operators.ARITHMETIC[op], _compile(operand, source), column) for op, operand, column in tree.rest]

    def run(scope: Scope) -> Any:
        value = first(scope)
        for apply, operand, column in rest:
            other = operand(scope)
            try:
                value = apply(value, other)
            except Mismatch as err:
                raise _error(err, source, column) from None
        return value

    return run


def _compile_call(tree: syntax.Call, source: str) -> Closure:
    if tree.name == "now":
        return _now
    args = [_compile(a, source) for a in tree.args]
    if tree.name == "matches" and isinstance(tree.args[1], syntax.Literal):
        _check_pattern(tree.args[1], source)
    return _guarded(operators.FUNCTIONS[tree.name], args, source, tree.column)


def _check_pattern(literal: syntax.Literal, source: str) -> None:
    """A pattern that is written out is compiled now, so that its faults show when the file is checked."""
    if not isinstance(literal.value, str):
        raise fault("a pattern must be a text", source, literal.column - 1)
    try:
        patterns.compile_pattern(literal.value)
    except patterns.PatternError as err:
        raise fault(str(err), source, literal.column - 1) from None


def _now(scope: Scope) -> Any:
    """The run's own time when the scope has one, so that a replay decides the same."""
    given = lookup(scope.get("run"), "now")
    return operators.now() if given is None else given


def _guarded(run: Callable[..., Any], args: list[Closure], source: str, column: int) -> Closure:
    """Call with evaluated arguments; a Mismatch becomes an ExpressionError that names the place."""
    if len(args) == 2:
        one, two = args

        def binary(scope: Scope) -> Any:
            try:
                return run(one(scope), two(scope))
            except Mismatch as err:
                raise _error(err, source, column) from None

        return binary

    def call(scope: Scope) -> Any:
        try:
            return run(*[arg(scope) for arg in args])
        except Mismatch as err:
            raise _error(err, source, column) from None

    return call


def _error(err: Mismatch, source: str, column: int) -> ExpressionError:
    shown = source if len(source) <= 200 else source[:197] + "..."
    return ExpressionError(f"{err} (column {column} of `{shown}`)", column=column, expression=shown)


def walk(tree: syntax.Syntax) -> Iterator[syntax.Syntax]:
    """The tree and everything in it."""
    yield tree
    for part in _parts(tree):
        yield from walk(part)


def _parts(tree: syntax.Syntax) -> tuple[syntax.Syntax, ...]:
    match tree:
        case syntax.Index(base=base, index=index):
            return (base, index)
        case syntax.Call(args=parts) | syntax.ListOf(items=parts) | syntax.Chain(parts=parts):
            return parts
        case syntax.Not(operand=operand) | syntax.Negative(operand=operand):
            return (operand,)
        case syntax.Compare(left=left, right=right):
            return (left, right)
        case syntax.Arithmetic(first=first, rest=rest):
            return (first, *(operand for _, operand, _ in rest))
    return ()


def _paths(tree: syntax.Syntax) -> Iterator[PathRef]:
    return (part.path for part in walk(tree) if isinstance(part, syntax.PathRef))


_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def _comparisons(tree: syntax.Syntax, *, truth: bool) -> Iterator[Comparison]:
    """`truth`: is the value of this part itself used as true or false?"""
    match tree:
        case syntax.PathRef(path=path):
            if truth:
                yield Comparison(path, "truth")
        case syntax.Compare(op=op, left=syntax.PathRef(path=path), right=syntax.Literal(value=value)):
            yield Comparison(path, op, value)
        case syntax.Compare(op=op, left=syntax.Literal(value=value), right=syntax.PathRef(path=path)) if op in _MIRROR:
            yield Comparison(path, _MIRROR[op], value)
        case syntax.Compare(op="in", left=syntax.PathRef(path=path), right=syntax.ListOf(items=items)):
            yield Comparison(path, "in", [i.value for i in items if isinstance(i, syntax.Literal)])
        case syntax.Call(name="len", args=(syntax.PathRef(path=path),)):
            yield Comparison(path, "len")
        case syntax.Call(name="lower" | "upper" | "matches", args=(syntax.PathRef(path=path), *_)):
            yield Comparison(path, "text")
        case _:
            passes_on = isinstance(tree, syntax.Chain | syntax.Not)
            for part in _parts(tree):
                yield from _comparisons(part, truth=truth and passes_on)
