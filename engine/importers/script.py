"""A JavaScript expression in our language, where the two can say the same.

What names mean is the peer's matter: its `Refs` turn the head of a chain (`$json.order`, `$('Get order').item.json`)
into a path of ours. Operators, and the few methods that we have functions for, are translated here. Everything else
raises `Unsayable` with what stands in the way.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from engine.errors import SchemaError
from engine.importers import wording as w
from engine.importers.script_syntax import (
    Array,
    Binary,
    Call,
    Choice,
    Literal,
    Member,
    Name,
    Object,
    Regex,
    Template,
    Unary,
    Unsayable,
    parse,
)
from engine.importers.wording import Said

# A step of a chain: ("get", key) with a name or number, ("index", tree), ("call", (trees)).
Step = tuple[str, Any]


class Refs(Protocol):
    """What the names of a peer mean where the expression stands."""

    def chain(self, name: str, steps: Sequence[Step]) -> tuple[Said, int] | None:
        """The place that `name` and so many of the steps behind it mean; None when the name is not known.

        Raises Unsayable for a name that is known and that we cannot say.
        """
        ...


def translate(source: str, refs: Refs) -> list[w.Part]:
    """The parts of a wording that mean the expression; raises Unsayable. Joined texts come apart into parts."""
    tree = parse(source)
    if isinstance(tree, Template) or (isinstance(tree, Binary) and tree.op == "+"):
        joined = _joined(tree, refs)
        if joined is not None:
            return joined
    return [_checked(say(tree, refs))]


def translate_whole(source: str, refs: Refs) -> Said:
    """The expression as one of ours; raises Unsayable."""
    return _checked(say(parse(source), refs))


def translate_data(source: str, refs: Refs) -> Any:
    """An object or list that is written out, as JSON whose leaves are wordings; None when it is none.

    Also what `JSON.stringify(...)` is given. Raises Unsayable.
    """
    tree = parse(source)
    if isinstance(tree, Call) and tree.callee == Member(Name("JSON"), Literal("stringify")) and tree.args:
        tree = tree.args[0]
    return _data(tree, refs) if isinstance(tree, Object | Array) else None


def _data(tree: Any, refs: Refs) -> Any:
    match tree:
        case Object(items=items):
            return {key: _data(item, refs) for key, item in items}
        case Array(items=items):
            return [_data(item, refs) for item in items]
        case Literal(value=value) if not isinstance(value, str):
            return value
    try:
        joined = _joined(tree, refs) if isinstance(tree, Template | Binary | Literal) else None
        return w.Wording.of(joined if joined is not None else [_checked(say(tree, refs))])
    except Unsayable as err:
        return w.Wording.of([w.Unsaid("{{ … }}", str(err))])


def _checked(said: Said) -> Said:
    try:
        return w.checked(said)
    except SchemaError as err:
        raise Unsayable(err.public_message) from None


def _joined(tree: Any, refs: Refs) -> list[w.Part] | None:
    """The parts of a text that is put together; None when it may be a sum of numbers."""
    pieces = _pieces(tree)
    if not any(isinstance(piece, str) for piece in pieces):
        return None
    return [piece if isinstance(piece, str) else _checked(say(piece, refs)) for piece in pieces]


def _pieces(tree: Any) -> list[Any]:
    match tree:
        case Literal(value=str(value)):
            return [value]
        case Template(parts=parts):
            return list(parts)
        case Binary(op="+", left=left, right=right):
            return [*_pieces(left), *_pieces(right)]
    return [tree]


def say(tree: Any, refs: Refs) -> Said:  # noqa: PLR0911  (one return per kind of syntax)
    """A tree as an expression of ours; raises Unsayable."""
    match tree:
        case Literal(value=value):
            return _literal(value)
        case Name() | Member() | Call():
            return _chain(tree, refs)
        case Unary(op=op, operand=operand):
            return _unary(op, say(operand, refs))
        case Binary():
            return _binary(tree, refs)
        case Choice(test=test, then=then, other=other):
            return _choice(say(test, refs), then, other, refs)
        case Array(items=items):
            return Said("[" + ", ".join(say(item, refs).text for item in items) + "]")
        case Template(parts=parts):
            pieces = [w.literal(part) if isinstance(part, str) else say(part, refs) for part in parts]
            return _sum(pieces) if pieces else w.literal("")
    raise Unsayable("a pattern" if isinstance(tree, Regex) else "an object")


def _literal(value: Any) -> Said:
    if isinstance(value, str):
        return w.literal(value)
    return Said(
        {True: "true", False: "false", None: "null"}[value]
        if value is None or value is True or value is False
        else repr(value)
    )


def _sum(pieces: Sequence[Said]) -> Said:
    return pieces[0] if len(pieces) == 1 else Said(" + ".join(p.within(w.PRODUCT) for p in pieces), w.SUM)


def _unary(op: str, operand: Said) -> Said:
    if op == "!":
        return Said(f"not {operand.within(w.NOT)}", w.NOT)
    if op == "-":
        return Said(f"-{operand.within(w.ATOM)}", w.UNARY)
    return operand


_OPERATORS: Mapping[str, tuple[str, int]] = {
    "||": ("or", w.OR), "&&": ("and", w.AND), "===": ("==", w.COMPARE), "==": ("==", w.COMPARE),
    "!==": ("!=", w.COMPARE), "!=": ("!=", w.COMPARE), "<": ("<", w.COMPARE), "<=": ("<=", w.COMPARE),
    ">": (">", w.COMPARE), ">=": (">=", w.COMPARE), "+": ("+", w.SUM), "-": ("-", w.SUM), "*": ("*", w.PRODUCT),
    "/": ("/", w.PRODUCT), "%": ("%", w.PRODUCT),
}  # fmt: skip


def _binary(tree: Binary, refs: Refs) -> Said:
    left, right = say(tree.left, refs), say(tree.right, refs)
    if tree.op == "??":
        return Said(f"default({left.text}, {right.text})")
    op, strength = _OPERATORS[tree.op]
    # The left side may have the same strength, the right one must bind more strongly; comparisons do not chain.
    at_left = strength + 1 if strength == w.COMPARE else strength
    text = f"{left.within(at_left)} {op} {right.within(strength + 1)}"
    other = right.literal if tree.op == "||" and left.path is not None else None
    return Said(text, strength, path=left.path if other is not None else None, other=other)


def choice(test: Any, then: Any, other: Any, refs: Refs) -> Said:
    """`test ? then : other` of three trees; raises Unsayable."""
    return _choice(say(test, refs), then, other, refs)


def _choice(test: Said, then: Any, other: Any, refs: Refs) -> Said:
    """`a ? b : c` is `a and b or c` as long as b counts as true, which only a literal promises."""
    first, second = say(then, refs), say(other, refs)
    sure = first.literal or (isinstance(then, Literal) and then.value not in (None, False, 0, ""))
    if isinstance(then, Literal) and isinstance(other, Literal) and (then.value, other.value) == (True, False):
        return test
    if isinstance(then, Literal) and isinstance(other, Literal) and (then.value, other.value) == (False, True):
        return _unary("!", test)
    if not sure and test.text == first.text:
        return Said(f"{test.within(w.OR)} or {second.within(w.AND)}", w.OR)
    if not sure:
        raise Unsayable("a choice between computed values")
    return Said(f"{test.within(w.NOT)} and {first.within(w.NOT)} or {second.within(w.AND)}", w.OR)


def _chain(tree: Any, refs: Refs) -> Said:
    head, steps = _flattened(tree)
    if isinstance(head, Name):
        found = refs.chain(head.name, steps)
        if found is not None:
            said, done = found
        else:
            said, done = _global(head.name, steps, refs)
    else:
        said, done = say(head, refs), 0
    return _steps(said, steps[done:], refs)


def _flattened(tree: Any) -> tuple[Any, list[Step]]:
    """The head of a chain and its steps."""
    steps: list[Step] = []
    while isinstance(tree, Member | Call):
        if isinstance(tree, Call):
            steps.append(("call", tree.args))
            tree = tree.callee
        else:
            key = tree.key
            fixed = isinstance(key, Literal) and isinstance(key.value, str | int) and not isinstance(key.value, bool)
            steps.append(("get", key.value) if fixed else ("index", key))
            tree = tree.base
    return tree, steps[::-1]


def _steps(said: Said, steps: Sequence[Step], refs: Refs) -> Said:
    at = 0
    while at < len(steps):
        kind, value = steps[at]
        called = at + 1 < len(steps) and steps[at + 1][0] == "call"
        if kind == "get" and called:
            said = _method(said, str(value), steps[at + 1][1], refs)
            at += 2
        elif kind == "get":
            said = _get(said, value)
            at += 1
        elif kind == "index":
            key = say(value, refs)
            said = Said(f"{said.within(w.ATOM)}[{key.text}]")
            at += 1
        else:
            raise Unsayable("a call of a value")
    return said


def _get(said: Said, key: str | int) -> Said:
    if key == "length":
        return Said(f"len({said.text})")
    if said.path is not None and said.other is None:
        return w.path(*said.path, key)
    step = f"[{key}]" if isinstance(key, int) else f"[{w.quoted(key)}]"
    return Said(f"{said.within(w.ATOM)}{step}")


def _text_of(tree: Any) -> str:
    if isinstance(tree, Literal) and isinstance(tree.value, str):
        return tree.value
    raise Unsayable("a part of a text that is computed")


def _escaped_pattern(text: str) -> str:
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", text)


def _method(said: Said, name: str, args: Sequence[Any], refs: Refs) -> Said:
    made = _METHODS.get((name, len(args)))
    if made is None:
        raise Unsayable(f"`{name}()`")
    return made(said, args, refs)


def _matches(said: Said, pattern: str) -> Said:
    return Said(f"matches({said.text}, {w.quoted(pattern)})")


def _first_call(function: str) -> Callable[[Said, Sequence[Any], Refs], Said]:
    return lambda said, _args, _refs: Said(f"{function}({said.text})")


def _item(index: int) -> Callable[[Said, Sequence[Any], Refs], Said]:
    return lambda said, _args, _refs: _get(said, index)


def _same(said: Said, _args: Sequence[Any], _refs: Refs) -> Said:
    return said


_METHODS: Mapping[tuple[str, int], Callable[[Said, Sequence[Any], Refs], Said]] = {
    ("toLowerCase", 0): _first_call("lower"),
    ("toUpperCase", 0): _first_call("upper"),
    ("includes", 1): lambda said, args, refs: Said(f"contains({said.text}, {say(args[0], refs).text})"),
    ("contains", 1): lambda said, args, refs: Said(f"contains({said.text}, {say(args[0], refs).text})"),
    ("hasField", 1): lambda said, args, refs: Said(f"contains({said.text}, {say(args[0], refs).text})"),
    ("startsWith", 1): lambda said, args, _refs: _matches(said, "^" + _escaped_pattern(_text_of(args[0]))),
    ("endsWith", 1): lambda said, args, _refs: _matches(said, _escaped_pattern(_text_of(args[0])) + "$"),
    ("isEmpty", 0): lambda said, _args, _refs: Said(f"len({said.text}) == 0", w.COMPARE),
    ("isNotEmpty", 0): lambda said, _args, _refs: Said(f"len({said.text}) > 0", w.COMPARE),
    ("toFixed", 1): lambda said, args, refs: Said(f"round({said.text}, {say(args[0], refs).text})"),
    ("round", 0): _first_call("round"),
    ("round", 1): lambda said, args, refs: Said(f"round({said.text}, {say(args[0], refs).text})"),
    ("max", 0): _first_call("max"),
    ("min", 0): _first_call("min"),
    ("first", 0): _item(0),
    ("last", 0): _item(-1),
    ("toJsonString", 0): _same,
    ("toString", 0): _same,
    ("valueOf", 0): _same,
}


def _global(name: str, steps: Sequence[Step], refs: Refs) -> tuple[Said, int]:
    """JavaScript's own functions; the steps they take up."""
    called = steps[0][1] if steps and steps[0][0] == "call" else None
    if called is not None and name == "String" and len(called) == 1:
        return say(called[0], refs), 1
    if called is not None and name == "Boolean" and len(called) == 1:
        return _unary("!", _unary("!", say(called[0], refs))), 1
    if len(steps) >= 2 and steps[1][0] == "call" and isinstance(steps[0][1], str):
        method, args = steps[0][1], steps[1][1]
        if name == "Math" and method in ("round", "min", "max") and args:
            return Said(f"{method}({', '.join(say(arg, refs).text for arg in args)})"), 2
        if name == "JSON" and method == "stringify" and args:
            return say(args[0], refs), 2
        if name == "Object" and method in ("keys", "values") and [step[1] for step in steps[2:3]] == ["length"]:
            return say(args[0], refs), 2
        raise Unsayable(f"`{name}.{method}()`")
    raise Unsayable(f"`{name}`")
