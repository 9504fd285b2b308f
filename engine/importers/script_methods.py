"""JavaScript's methods and functions, and those that n8n adds to values, as far as our language has the same."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from engine.importers import wording as w
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said

Method = Callable[[Said, Sequence[Said]], Said]
_PLAIN_PATTERN = re.compile(r"(?:[^\\^$.|?*+()\[\]{}/]|\\[^\w]|\\[nrt])+")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_CONTROLS = {"n": "\n", "r": "\r", "t": "\t"}
_WHOLE = re.compile(r"-?[0-9]{1,6}")


def call(said: Said, name: str, args: Sequence[Said]) -> Said:
    """`said.name(args)`; raises Unsayable."""
    made = _METHODS.get((name, len(args)))
    if made is None:
        raise Unsayable(f"`{name}()`")
    return made(said, args)


def get(said: Said, key: str | int) -> Said:
    """`said.key`."""
    if key == "length":
        return Said(f"len({said.text})")
    if said.path is not None and said.other is None:
        return w.path(*said.path, key)
    step = f"[{key}]" if isinstance(key, int) else f"[{w.quoted(key)}]"
    return Said(f"{said.within(w.ATOM)}{step}")


def matches(said: Said, pattern: str) -> Said:
    return Said(f"matches({said.text}, {w.quoted(pattern)})")


def text(said: Said) -> Said:
    return said if said.is_text or said.literal is not None else Said(f"text({said.text})", is_text=True)


def number(said: Said) -> Said:
    return Said(f"number({said.text})")


def _floor(said: Said) -> Said:
    one = said.within(w.PRODUCT)
    return Said(f"round({one} - {said.within(w.UNARY)} % 1)")


def _ceil(said: Said) -> Said:
    return Said(f"round({said.within(w.SUM)} + -{said.within(w.ATOM)} % 1)")


def _absolute(said: Said) -> Said:
    return Said(f"max({said.text}, -{said.within(w.ATOM)})")


def _round(said: Said) -> Said:
    return Said(f"round({said.text})")


def _contains(said: Said, args: Sequence[Said]) -> Said:
    return Said(f"contains({said.text}, {args[0].text})")


def _escaped(said: Said) -> str:
    if said.literal is None:
        raise Unsayable("a part of a text that is computed")
    return re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", said.literal)


def _at(said: Said, args: Sequence[Said]) -> Said:
    if not _WHOLE.fullmatch(args[0].text):
        raise Unsayable("`at()` with a place that is computed")
    return get(said, int(args[0].text))


def _joined(said: Said, args: Sequence[Said]) -> Said:
    if said.is_text or said.literal is not None or args[0].literal is not None:
        return w.joined([said, args[0]])
    return Said(f"{said.within(w.SUM)} + {args[0].within(w.PRODUCT)}", w.SUM)


def pluck(said: Said, key: str) -> Said:
    return Said(f"pluck({said.text}, {w.quoted(key)})")


def plain_pattern(pattern: str, flags: str) -> str:
    """The text that a pattern finds, when it finds one text only; raises Unsayable."""
    if set(flags) - set("gu") or not _PLAIN_PATTERN.fullmatch(pattern):
        raise Unsayable("a pattern")
    return _ESCAPED.sub(lambda found: _CONTROLS.get(found[1], found[1]), pattern)


def _replaced(count: str) -> Method:
    def replaced(said: Said, args: Sequence[Said]) -> Said:
        old, new = args
        if not old.literal or "$" in (new.literal if new.literal is not None else "$"):
            raise Unsayable("what is replaced is computed")
        return Said(f"replace({said.text}, {old.text}, {new.text}{count})")

    return replaced


def _split(said: Said, args: Sequence[Said]) -> Said:
    if not args[0].literal:
        raise Unsayable("a text in single letters")
    return Said(f"split({said.text}, {args[0].text})")


def _joined_list(said: Said, args: Sequence[Said]) -> Said:
    return Said(f"join({said.text}, {args[0].text if args else w.quoted(',')})")


def _slice(said: Said, args: Sequence[Said]) -> Said:
    return Said(f"slice({said.text}, {', '.join(arg.text for arg in args)})")


def _substring(said: Said, args: Sequence[Said]) -> Said:
    """Its negative places mean the beginning, those of slice the end."""
    if not all(_WHOLE.fullmatch(arg.text) and not arg.text.startswith("-") for arg in args):
        raise Unsayable("a part of a text by places that are computed")
    return _slice(said, args)


def _substr(said: Said, args: Sequence[Said]) -> Said:
    start, *more = (arg.text for arg in args)
    if not all(_WHOLE.fullmatch(one) for one in (start, *more)) or start.startswith("-"):
        raise Unsayable("a part of a text by places that are computed")
    end = [Said(str(int(start) + int(more[0])))] if more else []
    return _slice(said, [Said(start), *end])


def _first_call(function: str) -> Method:
    return lambda said, _args: Said(f"{function}({said.text})")


def _rounded(said: Said, args: Sequence[Said]) -> Said:
    return Said(f"round({said.text}, {args[0].text})")


# Functions of one argument, by their names: `Number(x)`, `Math.floor(x)`.
FUNCTIONS: Mapping[str, Callable[[Said], Said]] = {
    "String": text, "Number": number, "parseInt": number, "parseFloat": number,
}  # fmt: skip
MATH: Mapping[str, Callable[[Said], Said]] = {
    "round": _round, "floor": _floor, "ceil": _ceil, "abs": _absolute,
}  # fmt: skip
# (method, number of arguments) -> what it means.
_METHODS: Mapping[tuple[str, int], Method] = {
    ("toLowerCase", 0): _first_call("lower"),
    ("toUpperCase", 0): _first_call("upper"),
    ("toLocaleLowerCase", 0): _first_call("lower"),
    ("toLocaleUpperCase", 0): _first_call("upper"),
    ("includes", 1): _contains,
    ("contains", 1): _contains,
    ("hasField", 1): _contains,
    ("hasOwnProperty", 1): _contains,
    ("startsWith", 1): lambda said, args: matches(said, "^" + _escaped(args[0])),
    ("endsWith", 1): lambda said, args: matches(said, _escaped(args[0]) + "$"),
    ("isEmpty", 0): lambda said, _args: Said(f"len({said.text}) == 0", w.COMPARE),
    ("isNotEmpty", 0): lambda said, _args: Said(f"len({said.text}) > 0", w.COMPARE),
    ("concat", 1): _joined,
    ("append", 1): _joined,
    ("trim", 0): _first_call("trim"),
    ("split", 1): _split,
    ("join", 0): _joined_list,
    ("join", 1): _joined_list,
    ("replace", 2): _replaced(", 1"),
    ("replaceAll", 2): _replaced(""),
    ("slice", 1): _slice,
    ("slice", 2): _slice,
    ("substring", 1): _substring,
    ("substring", 2): _substring,
    ("substr", 1): _substr,
    ("substr", 2): _substr,
    ("pluck", 1): lambda said, args: Said(f"pluck({said.text}, {args[0].text})"),
    ("toFixed", 0): lambda said, _args: _round(said),
    ("toFixed", 1): _rounded,
    ("round", 0): lambda said, _args: _round(said),
    ("round", 1): _rounded,
    ("floor", 0): lambda said, _args: _floor(said),
    ("ceil", 0): lambda said, _args: _ceil(said),
    ("abs", 0): lambda said, _args: _absolute(said),
    ("max", 0): _first_call("max"),
    ("min", 0): _first_call("min"),
    ("at", 1): _at,
    ("first", 0): lambda said, _args: get(said, 0),
    ("shift", 0): lambda said, _args: get(said, 0),
    ("last", 0): lambda said, _args: get(said, -1),
    ("pop", 0): lambda said, _args: get(said, -1),
    ("toJsonString", 0): lambda said, _args: said,
    ("toString", 0): lambda said, _args: text(said),
    ("toNumber", 0): lambda said, _args: number(said),
    ("toInt", 0): lambda said, _args: number(said),
    ("toFloat", 0): lambda said, _args: number(said),
    ("valueOf", 0): lambda said, _args: said,
}
