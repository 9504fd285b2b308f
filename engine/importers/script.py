"""A JavaScript expression in our language, where the two can say the same.

What names mean is the peer's matter: its `Refs` turn the head of a chain (`$json.order`, `$('Get order').item.json`)
into a path of ours. Operators, and the few methods that we have functions for, are translated here. Everything else
raises `Unsayable` with what stands in the way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from engine.errors import SchemaError
from engine.importers import script_methods as methods
from engine.importers import wording as w
from engine.importers.script_syntax import (
    Array,
    Arrow,
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
        case Unary(op="!", operand=operand):
            return _unary("!", condition(operand, refs))
        case Unary(op=op, operand=operand):
            return _unary(op, say(operand, refs))
        case Binary():
            return _binary(tree, refs)
        case Choice(test=test, then=then, other=other):
            return _choice(condition(test, refs), then, other, refs)
        case Array(items=items):
            return Said("[" + ", ".join(say(item, refs).text for item in items) + "]")
        case Template(parts=parts):
            return w.joined([part if isinstance(part, str) else say(part, refs) for part in parts])
    raise Unsayable({Regex: "a pattern", Arrow: "a function"}.get(type(tree), "an object"))


def _literal(value: Any) -> Said:
    if isinstance(value, str):
        return w.literal(value)
    return Said(
        {True: "true", False: "false", None: "null"}[value]
        if value is None or value is True or value is False
        else repr(value)
    )


def _unary(op: str, operand: Said) -> Said:
    if op == "!":
        return Said(f"not {operand.within(w.NOT)}", w.NOT)
    if op == "-":
        return Said(f"-{operand.within(w.ATOM)}", w.UNARY)
    if op == "typeof":
        raise Unsayable("`typeof`")
    return Said(f"number({operand.text})")


_OPERATORS: Mapping[str, tuple[str, int]] = {
    "||": ("or", w.OR), "&&": ("and", w.AND), "===": ("==", w.COMPARE), "==": ("==", w.COMPARE),
    "!==": ("!=", w.COMPARE), "!=": ("!=", w.COMPARE), "<": ("<", w.COMPARE), "<=": ("<=", w.COMPARE),
    ">": (">", w.COMPARE), ">=": (">=", w.COMPARE), "+": ("+", w.SUM), "-": ("-", w.SUM), "*": ("*", w.PRODUCT),
    "/": ("/", w.PRODUCT), "%": ("%", w.PRODUCT), "in": ("in", w.COMPARE),
}  # fmt: skip


def condition(tree: Any, refs: Refs) -> Said:
    """A tree of which only the truth counts; raises Unsayable. A match is true where there is one."""
    match tree:
        case Call(callee=Member(base=base, key=Literal(value="match")), args=(Regex() as pattern,)):
            return _found(say(base, refs), pattern)
        case Binary(op="&&" | "||" as op, left=left, right=right):
            return _operated(op, condition(left, refs), condition(right, refs))
    return say(tree, refs)


def _found(said: Said, pattern: Regex) -> Said:
    return methods.matches(said, ("(?i)" if "i" in pattern.flags else "") + pattern.pattern)


def _compared(tree: Binary, refs: Refs) -> Said | None:
    """What JavaScript says by comparing: whether a text holds another, whether there is a match or a value at all."""
    is_equal = tree.op in ("==", "===")
    match tree.left, tree.op, _number(tree.right):
        case Call(callee=Member(base=base, key=Literal(value="indexOf")), args=(part,)), op, number:
            inside = Said(f"contains({say(base, refs).text}, {say(part, refs).text})")
            if (op, number) in ((">=", 0), (">", -1), ("!=", -1), ("!==", -1)):
                return inside
            if (op, number) in (("<", 0), ("==", -1), ("===", -1)):
                return _unary("!", inside)
    if tree.op not in ("==", "===", "!=", "!=="):
        return None
    match tree.left, tree.right:
        case Unary(op="typeof", operand=operand), Literal(value="undefined"):
            return Said(f"{say(operand, refs).within(w.SUM)} {'==' if is_equal else '!='} null", w.COMPARE)
        case Call(callee=Member(key=Literal(value="match"))) as call, Literal(value=None):
            return _unary("!", condition(call, refs)) if is_equal else condition(call, refs)
    return None


def _number(tree: Any) -> Any:
    if isinstance(tree, Unary) and tree.op == "-" and isinstance(tree.operand, Literal):
        return -tree.operand.value if isinstance(tree.operand.value, int) else None
    return tree.value if isinstance(tree, Literal) else None


def _binary(tree: Binary, refs: Refs) -> Said:
    found = _compared(tree, refs)
    if found is not None:
        return found
    left, right = say(tree.left, refs), say(tree.right, refs)
    if tree.op == "+" and any(side.is_text or side.literal is not None for side in (left, right)):
        return w.joined([left, right])
    if tree.op == "??":
        return Said(f"default({left.text}, {right.text})")
    return _operated(tree.op, left, right)


def _operated(js: str, left: Said, right: Said) -> Said:
    op, strength = _OPERATORS[js]
    # The left side may have the same strength, the right one must bind more strongly; comparisons do not chain.
    at_left = strength + 1 if strength == w.COMPARE else strength
    text = f"{left.within(at_left)} {op} {right.within(strength + 1)}"
    other = right.literal if js == "||" and left.path is not None else None
    return Said(text, strength, path=left.path if other is not None else None, other=other)


def choice(test: Any, then: Any, other: Any, refs: Refs) -> Said:
    """`test ? then : other` of three trees; raises Unsayable."""
    return _choice(condition(test, refs), then, other, refs)


def _choice(test: Said, then: Any, other: Any, refs: Refs) -> Said:
    """`a ? b : c` is `a and b or c` where b counts as true, which a literal promises; else b stands in a list."""
    first, second = say(then, refs), say(other, refs)
    if isinstance(then, Literal) and isinstance(other, Literal):
        if then.value is True and other.value is False:
            return test
        if then.value is False and other.value is True:
            return _unary("!", test)
    if _counts_as_true(then):
        return Said(f"{test.within(w.NOT)} and {first.within(w.NOT)} or {second.within(w.AND)}", w.OR)
    if test.text == first.text:
        return Said(f"{test.within(w.OR)} or {second.within(w.AND)}", w.OR)
    if _counts_as_true(other):
        return Said(f"not {test.within(w.NOT)} and {second.within(w.NOT)} or {first.within(w.AND)}", w.OR)
    return Said(f"({test.within(w.NOT)} and [{first.text}] or [{second.text}])[0]")


def _counts_as_true(tree: Any) -> bool:
    return isinstance(tree, Literal) and tree.value not in (None, False, 0, "")


def _chain(tree: Any, refs: Refs) -> Said:
    head, steps = _flattened(tree)
    if isinstance(head, Regex) and len(steps) == 2 and steps[0] == ("get", "test") and len(steps[1][1]) == 1:
        return _found(say(steps[1][1][0], refs), head)
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
    steps = _shortened(steps)
    while at < len(steps):
        kind, value = steps[at]
        called = at + 1 < len(steps) and steps[at + 1][0] == "call"
        if kind == "get" and called:
            said = _called(said, str(value), steps[at + 1][1], refs)
            at += 2
        elif kind == "get":
            said = methods.get(said, value)
            at += 1
        elif kind == "index":
            key = say(value, refs)
            said = Said(f"{said.within(w.ATOM)}[{key.text}]")
            at += 1
        else:
            raise Unsayable("a call of a value")
    return said


def _called(said: Said, name: str, args: Sequence[Any], refs: Refs) -> Said:
    """A method; patterns that are nothing but a text are one, and `map` may take one field of each."""
    if name in ("map", "flatMap") and len(args) == 1 and isinstance(args[0], Arrow):
        return _fields_of(said, args[0])
    if args and isinstance(args[0], Regex) and name in ("replace", "replaceAll", "split"):
        if name == "replace" and "g" in args[0].flags:
            name = "replaceAll"
        args = (Literal(methods.plain_pattern(args[0].pattern, args[0].flags)), *args[1:])
    return methods.call(said, name, [say(arg, refs) for arg in args])


def _fields_of(said: Said, arrow: Arrow) -> Said:
    head, steps = _flattened(arrow.body)
    fixed = all(kind == "get" and isinstance(key, str) and key != "length" for kind, key in steps)
    if head != Name(arrow.name) or not fixed:
        raise Unsayable("a function")
    for _, key in steps:
        said = methods.pluck(said, str(key))
    return said


def _shortened(steps: Sequence[Step]) -> Sequence[Step]:
    """`.slice(-1)[0]` and `.slice(-1).pop()` are the last element."""
    found: list[Step] = []
    for step in steps:
        if step in (("get", 0), ("get", "pop")) and _is_last_one(found[-2:]):
            found[-2:] = [("get", "at"), ("call", (Literal(-1),))] if step[1] == 0 else [("get", "pop")]
        else:
            found.append(step)
    return found


def _is_last_one(steps: Sequence[Step]) -> bool:
    return steps[:1] == [("get", "slice")] and [*map(_number, steps[1][1])] == [-1]


_OF_KEYS = (("keys", "length"), ("keys", "includes"), ("values", "length"))  # `Object.keys(x).length`


def _global(name: str, steps: Sequence[Step], refs: Refs) -> tuple[Said, int]:
    """JavaScript's own functions; the steps they take up."""
    called = steps[0][1] if steps and steps[0][0] == "call" else None
    if called is not None and name == "Boolean" and len(called) == 1:
        return _unary("!", _unary("!", condition(called[0], refs))), 1
    if called is not None and called and name in methods.FUNCTIONS:
        return methods.FUNCTIONS[name](say(called[0], refs)), 1
    if len(steps) >= 2 and steps[1][0] == "call" and isinstance(steps[0][1], str):
        method, args = steps[0][1], steps[1][1]
        if name == "Math" and method in ("min", "max") and args:
            return Said(f"{method}({', '.join(say(arg, refs).text for arg in args)})"), 2
        if name == "Math" and method in methods.MATH and len(args) == 1:
            return methods.MATH[method](say(args[0], refs)), 2
        of_keys = name == "Object" and len(steps) > 2 and (method, steps[2][1]) in _OF_KEYS
        if args and (of_keys or (name, method) == ("JSON", "stringify")):
            return say(args[0], refs), 2
        raise Unsayable(f"`{name}.{method}()`")
    raise Unsayable(f"`{name}`")
