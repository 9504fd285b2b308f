"""Ranges of semantic versions, as a sub_workflow node names them: "1.2.0", "^1.0", "~1.2", ">=1.0 <2.0", "*".

The meaning is that of npm's ranges for the operators we have (https://docs.npmjs.com/cli/configuring-npm/package-json):
`^1.2` admits changes that keep the first number that is not zero, `~1.2` admits patches. Pre-releases (1.0.0-rc.1)
satisfy only a range that names them exactly. Build metadata after "+" is ignored.
"""

from __future__ import annotations

import re

from engine.errors import SchemaError

_VERSION = re.compile(r"(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?(-[0-9A-Za-z.-]{1,64})?(?:\+[0-9A-Za-z.-]{1,64})?")
_TERM = re.compile(r"(\^|~|>=|<=|>|<|=|)(.*)")

Triple = tuple[int, int, int]


def satisfies(version: str, version_range: str) -> bool:
    """Whether the version is in the range; raises SchemaError when either cannot be read."""
    number, pre_release, _ = _parse(version)
    terms = version_range.replace(",", " ").split()
    if not terms:
        raise SchemaError("A version range is empty.")
    if pre_release:
        return any(term.lstrip("=") == version for term in terms)
    return all(_fits(number, term) for term in terms)


def _fits(number: Triple, term: str) -> bool:
    if term in ("*", "x", "latest"):
        return True
    match = _TERM.fullmatch(term)
    assert match is not None  # the second group takes anything
    operator, bound_text = match.groups()
    bound, _, given = _parse(bound_text)
    if operator in ("", "="):
        return number[:given] == bound[:given]
    if operator == "^":
        return bound <= number < _next(bound, _caret_place(bound, given))
    if operator == "~":
        return bound <= number < _next(bound, min(given, 2) - 1)
    return {">=": number >= bound, "<=": number <= bound, ">": number > bound, "<": number < bound}[operator]


def _caret_place(bound: Triple, given: int) -> int:
    """Index of the number that must not change: the first that is not zero, or the last one given."""
    return next((i for i, part in enumerate(bound) if part), given - 1)


def _next(bound: Triple, place: int) -> Triple:
    """The smallest version with another number at `place`."""
    parts = [*bound[:place], bound[place] + 1, 0, 0]
    return parts[0], parts[1], parts[2]


def _parse(text: str) -> tuple[Triple, str | None, int]:
    """The three numbers (missing ones 0), the pre-release, and how many numbers were given."""
    match = _VERSION.fullmatch(text)
    if match is None:
        raise SchemaError(f"{text[:80]!r} is not a version; write one like 1.2.0.")
    parts = [int(part) if part is not None else None for part in match.groups()[:3]]
    given = sum(part is not None for part in parts)
    first, second, third = (part or 0 for part in parts)
    return (first, second, third), match.group(4), given
