"""Dates in n8n's expressions (Luxon's, Date's) as ours: unix time that is moved, and written by a pattern.

    $now.minus({days: 1}).toFormat('yyyy-MM-dd')  ->  date(now() - 86400, '%Y-%m-%d')

Moments are counted from here on, so a day is 24 hours; months and years cannot be said.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from engine.importers import wording as w
from engine.importers.script import Step
from engine.importers.script_syntax import Array, Binary, Literal, Object, Unsayable
from engine.importers.wording import Said

NOW = Said("now()")
_THOUSAND = " * 1000"
# Marks of Luxon and Moment -> those of strftime; the longest first.
_MARKS = {
    "yyyy": "%Y", "YYYY": "%Y", "LLLL": "%B", "LLL": "%b", "LL": "%m",
    "MMMM": "%B", "MMM": "%b", "MM": "%m", "dddd": "%A", "cccc": "%A", "EEEE": "%A",
    "ddd": "%a", "ccc": "%a", "EEE": "%a", "DDDD": "%j", "ooo": "%j", "DD": "%d", "dd": "%d", "HH": "%H", "hh": "%I",
    "mm": "%M", "ss": "%S", "yy": "%y", "YY": "%y", "SSS": "%f", "ZZ": "%z", "a": "%p", "A": "%p",
}  # fmt: skip
_MARK = re.compile(r"'[^']*'|\[[^\]]*\]|" + "|".join(_MARKS) + r"|[A-Za-z]+|%", re.DOTALL)
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_PARTS = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M", "second": "%S", "ordinal": "%j"}
_TEXTS = {"weekdayLong": "%A", "weekdayShort": "%a", "monthLong": "%B", "monthShort": "%b"}
_WRITTEN = {"toISODate": "%Y-%m-%d", "toDateString": "%a %b %d %Y", "toISOTime": "%H:%M:%S",
            "toUTCString": "%a, %d %b %Y %H:%M:%S GMT"}  # fmt: skip
_IN_UTC = ("toISOString", "toUTCString")
_AS_IT_IS = ("toISO", "toISOString", "toString", "toJSON", "toUTC", "toLocal")


def strftime(pattern: str) -> str:
    """A pattern of Luxon or Moment for strftime; letters that mean nothing there stay."""

    def one(found: re.Match[str]) -> str:
        mark = found[0]
        if mark[0] in "'[":
            return mark[1:-1].replace("%", "%%")
        if mark == "%":
            return "%%"
        return _MARKS.get(mark) or _MARKS.get(mark * 2) or mark

    return _MARK.sub(one, pattern)


def written(moment: Said, pattern: str | None, zone: str) -> Said:
    """`date(moment, pattern, zone)`; without a pattern in ISO 8601 and UTC."""
    if pattern is None and zone == "UTC":
        return Said(f"date({moment.text})", is_text=True)
    more = f", {w.quoted(pattern or '%Y-%m-%dT%H:%M:%S%z')}" + ("" if zone == "UTC" else f", {w.quoted(zone)}")
    return Said(f"date({moment.text}{more})", is_text=True)


def follow(moment: Said, steps: Sequence[Step], zone: str, *, day: bool = False) -> tuple[Said, int]:
    """What the steps behind a moment make of it, and how many they are; `day`: the day's date is meant ($today)."""
    at = 0
    while at < len(steps):
        kind, name = steps[at]
        args = steps[at + 1][1] if at + 1 < len(steps) and steps[at + 1][0] == "call" else None
        if kind != "get" or not isinstance(name, str):
            break
        if args is None:
            return _part(moment, name, zone), at + 1
        if name in ("plus", "minus"):
            moment = _moved(moment, args, 1 if name == "plus" else -1)
        elif name in ("setZone", "toUTC"):
            zone = str(args[0].value) if args and isinstance(getattr(args[0], "value", None), str) else "UTC"
        elif name in ("toLocal", "startOf") and (name == "toLocal" or _word(args) == "day"):
            day = day or name == "startOf"
        else:
            return _ended(moment, name, args, zone, day=day), at + 2
        at += 2
    return written(moment, "%Y-%m-%d" if day else None, zone), at


def _ended(moment: Said, name: str, args: Sequence[Any], zone: str, *, day: bool) -> Said:
    """The method that makes something else of the moment."""
    if name in ("toFormat", "format"):
        pattern = _word(args)
        if pattern is None:
            raise Unsayable("a date whose form is computed")
        return written(moment, strftime(pattern), zone)
    if name in _WRITTEN or name in _AS_IT_IS:
        pattern = _WRITTEN.get(name, "%Y-%m-%d" if day else None)
        return written(moment, pattern, "UTC" if name in _IN_UTC else zone)
    number = _seconds(moment)
    if name in ("toMillis", "valueOf", "getTime"):
        return Said(f"{number.within(w.PRODUCT)} * 1000", w.PRODUCT)
    if name in ("toSeconds", "toUnixInteger"):
        return number
    if name in ("getFullYear", "getHours", "getMinutes", "getSeconds"):
        return _part(
            moment, {"getFullYear": "year", "getHours": "hour", "getMinutes": "minute"}.get(name, "second"), zone
        )
    raise Unsayable(f"`{name}()` of a date")


def _seconds(moment: Said) -> Said:
    """The moment as unix time, which counts and can be moved; a text is read."""
    is_sum = moment.strength in (w.SUM, w.PRODUCT) and not moment.is_text
    if moment.text == "now()" or is_sum or _DIGITS.fullmatch(moment.text):
        return Said(moment.text, moment.strength)
    return Said(f"number(date({moment.text}, '%s'))")


_DIGITS = re.compile(r"[0-9.e+]+")


def _part(moment: Said, name: str, zone: str) -> Said:
    if name in _TEXTS:
        return written(moment, _TEXTS[name], zone)
    if name not in _PARTS:
        raise Unsayable(f"`{name[:30]}` of a date")
    return Said(f"number({written(moment, _PARTS[name], zone).text})")


def _word(args: Sequence[Any]) -> str | None:
    value = getattr(args[0], "value", None) if args else None
    return value if isinstance(value, str) else None


def _moved(moment: Said, args: Sequence[Any], sign: int) -> Said:
    """`plus({days: 1})`, `plus(1, 'days')`."""
    if len(args) == 1 and isinstance(args[0], Object):
        pairs = [(name, getattr(value, "value", None)) for name, value in args[0].items]
    elif len(args) == 2:
        pairs = [(_word(args[1:]) or "", getattr(args[0], "value", None))]
    else:
        raise Unsayable("a date that is moved by something computed")
    total: float = 0
    for name, count in pairs:
        unit = _SECONDS.get(name.rstrip("s"))
        if unit is None or not isinstance(count, int | float) or isinstance(count, bool):
            raise Unsayable(f"a date that is moved by {name[:20] or 'something computed'}")
        total += unit * count * sign
    moment = _seconds(moment)
    said = f"{abs(total):g}" if abs(total) < 1e6 else str(int(abs(total)))
    return moment if not total else Said(f"{moment.within(w.SUM)} {'+' if total > 0 else '-'} {said}", w.SUM)


def given(args: Sequence[Any], say: Callable[[Any], Said]) -> Said:
    """The moment that `new Date(x)`, `DateTime.fromISO(x)` mean; nothing is now."""
    if not args:
        return NOW
    if isinstance(args[0], Array | Object) or len(args) > 1:
        raise Unsayable("a date of several numbers")
    found = say(args[0])
    if found.text.endswith(_THOUSAND):  # as `Date.now()` is said
        return Said(found.text.removesuffix(_THOUSAND))
    if isinstance(args[0], Binary) and args[0].op in ("*", "-", "/"):  # a number, so milliseconds
        return Said(f"{found.within(w.PRODUCT)} / 1000", w.PRODUCT)
    if isinstance(args[0], Literal) and isinstance(args[0].value, int | float):
        return Said(f"{args[0].value / 1000:g}")
    return found
