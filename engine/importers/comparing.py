"""Conditions as other editors have them (a left side, an operator, a right side) as an expression of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from engine.errors import SchemaError
from engine.importers import wording as w
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said

Json = Any
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,15})?")

# The operators of all peers, by the one word that we use for them here.
SYNONYMS: Mapping[str, str] = {
    "=": "equals", "==": "equals", "is": "equals", "equal": "equals", "equals": "equals",
    "≠": "not_equals", "!=": "not_equals", "is not": "not_equals", "notequal": "not_equals", "notequals": "not_equals",
    "not equals": "not_equals", "not equal": "not_equals",
    ">": "larger", "larger": "larger", "gt": "larger", "greater than": "larger", "after": "larger",
    "<": "smaller", "smaller": "smaller", "lt": "smaller", "less than": "smaller", "before": "smaller",
    "≥": "larger_equal", ">=": "larger_equal", "largerequal": "larger_equal", "gte": "larger_equal",
    "greater than or equal": "larger_equal", "afterorequals": "larger_equal",
    "≤": "smaller_equal", "<=": "smaller_equal", "smallerequal": "smaller_equal", "lte": "smaller_equal",
    "less than or equal": "smaller_equal", "beforeorequals": "smaller_equal",
    "contains": "contains", "in": "in", "not in": "not_in",
    "not contains": "not_contains", "notcontains": "not_contains",
    "startswith": "starts", "start with": "starts", "starts with": "starts",
    "notstartswith": "not_starts", "not starts with": "not_starts",
    "endswith": "ends", "end with": "ends", "ends with": "ends",
    "notendswith": "not_ends", "not ends with": "not_ends",
    "regex": "matches", "matches regex": "matches", "notregex": "not_matches",
    "exists": "exists", "not null": "exists", "is not null": "exists", "notexists": "not_exists",
    "not exists": "not_exists", "null": "not_exists", "is null": "not_exists",
    "empty": "empty", "isempty": "empty", "is empty": "empty",
    "not empty": "not_empty", "notempty": "not_empty", "isnotempty": "not_empty", "is not empty": "not_empty",
    "true": "true", "false": "false", "is true": "true", "is false": "false",
    "lengthequals": "length_equals", "lengthnotequals": "length_not_equals", "lengthgt": "length_larger",
    "lengthlt": "length_smaller", "lengthgte": "length_larger_equal", "lengthlte": "length_smaller_equal",
}  # fmt: skip
_SIGNS = {
    "equals": "==", "not_equals": "!=", "larger": ">", "smaller": "<", "larger_equal": ">=", "smaller_equal": "<=",
}  # fmt: skip
_OF_NUMBERS = {"empty": "not_exists", "not_empty": "exists"}  # 0 is a number like any other
_ALONE = frozenset({"exists", "not_exists", "empty", "not_empty", "true", "false"})


def takes_no_right_side(operator: str) -> bool:
    return SYNONYMS.get(operator.strip().lower()) in _ALONE


def compare(
    left: Said, operator: str, right: Said | None, *, is_number: bool = False, ignore_case: bool = False
) -> Said:
    """The comparison; raises Unsayable for an operator that we do not have, or a right side that is missing."""
    word = SYNONYMS.get(operator.strip().lower())
    if word is None:
        raise Unsayable(f"the operator {operator[:30]!r}")
    if word in _ALONE:
        return _alone(left, _OF_NUMBERS.get(word, word) if is_number else word)
    if right is None:
        raise Unsayable("a comparison without a right side")
    if is_number:
        left, right = as_number(left), as_number(right)
    if ignore_case and not is_number:
        left, right = _lower(left), _lower(right)
    return _checked(_compared(left, word, right))


def as_number(said: Said) -> Said:
    """A number that is written as a text."""
    if said.literal is not None and _NUMBER.fullmatch(said.literal.strip()):
        digits = said.literal.strip()
        return Said(digits if "." in digits else str(int(digits)))
    return said


def _lower(said: Said) -> Said:
    return w.literal(said.literal.lower()) if said.literal is not None else Said(f"lower({said.text})")


def _alone(left: Said, word: str) -> Said:
    inner = left.within(w.SUM)
    match word:
        case "exists":
            return Said(f"{inner} != null", w.COMPARE)
        case "not_exists":
            return Said(f"{inner} == null", w.COMPARE)
        case "empty":
            return Said(f"not {left.within(w.NOT)}", w.NOT)
        case "not_empty":
            return Said(f"len({left.text}) > 0", w.COMPARE)
        case "true":
            return Said(f"{inner} == true", w.COMPARE)
    return Said(f"{inner} == false", w.COMPARE)


def _compared(left: Said, word: str, right: Said) -> Said:
    if word in _SIGNS:
        return Said(f"{left.within(w.SUM)} {_SIGNS[word]} {right.within(w.SUM)}", w.COMPARE)
    if word.startswith("length_"):
        return Said(f"len({left.text}) {_SIGNS[word[7:]]} {as_number(right).within(w.SUM)}", w.COMPARE)
    if word.startswith("not_") and word != "not_in":
        inner = _compared(left, word[4:], right)
        return Said(f"not {inner.within(w.COMPARE)}", w.NOT)
    if word in ("in", "not_in"):
        return Said(f"{left.within(w.SUM)} {word.replace('_', ' ')} {right.within(w.SUM)}", w.COMPARE)
    if word == "contains":
        return Said(f"contains({left.text}, {right.text})")
    return _pattern(left, word, right)


def _pattern(left: Said, word: str, right: Said) -> Said:
    if right.literal is None:
        raise Unsayable("a pattern that is computed")
    if word == "matches":
        pattern = right.literal
        if found := re.fullmatch(r"/(.*)/([a-z]*)", pattern, re.DOTALL):
            pattern = ("(?i)" if "i" in found[2] else "") + found[1]
        return Said(f"matches({left.text}, {w.quoted(pattern)})")
    fixed = re.sub(r"([.^$*+?{}\[\]\\|()])", r"\\\1", right.literal)
    return Said(f"matches({left.text}, {w.quoted('^' + fixed if word == 'starts' else fixed + '$')})")


def joined(conditions: Sequence[Said], operator: str) -> Said:
    """All of them (`and`) or any of them (`or`); without any it is true."""
    if not conditions:
        return Said("true")
    if len(conditions) == 1:
        return conditions[0]
    strength = w.OR if operator == "or" else w.AND
    return _checked(Said(f" {operator} ".join(c.within(strength + 1) for c in conditions), strength))


def _checked(said: Said) -> Said:
    try:
        return w.checked(said)
    except SchemaError as err:
        raise Unsayable(err.public_message) from None


K = TypeVar("K")
Branch = tuple[str | None, str | None]  # condition and label


def live(branches: Mapping[K, Branch]) -> dict[K, Branch]:
    """The branches with one default at most: what is always true is the default, and hides those behind it."""
    found: dict[K, Branch] = {}
    has_default = False
    for output, (condition, label) in branches.items():
        is_default = condition is None or condition == "true"
        found[output] = ("false" if is_default and has_default else None if is_default else condition, label)
        has_default |= is_default
    return found
