"""The conditions of If, Switch and Filter, in their two forms."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from engine.importers import comparing, script_methods
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.n8n.reading import Reader
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said, Unsaid, Wording

Json = Any


def condition_of(reader: Reader, data: Json, combine: Json = None) -> str | None:
    """The expression for a group of conditions; None when one of them cannot be said (the report then has it).

    `combine` is how version 1 joins them: all or any.
    """
    group = v.mapping(data)
    try:
        if isinstance(group.get("conditions"), list):
            how = _how(reader, group)
            found = [_second(reader, one, how) for one in v.mappings(group, "conditions")]
            return comparing.joined(found, "or" if v.text(group, "combinator").lower() == "or" else "and").text
        found = [_first(reader, kind, one) for kind in group for one in v.mappings(group, kind)]
        return comparing.joined(found, "or" if combine == "any" else "and").text
    except Unsayable as err:
        reader.item.entry.keep("condition", _shown(group), f"{err}; until it is written the default branch is taken")
        return None


def _shown(group: dict[str, Json]) -> str:
    """The conditions as a person may read them."""
    sides = []
    ones = list(v.mappings(group, "conditions")) or [one for kind in group for one in v.mappings(group, kind)]
    for one in ones:
        left = v.text(one, "leftValue") or v.text(one, "value1")
        right = v.text(one, "rightValue") or v.text(one, "value2")
        sides.append(f"{left} {v.text(one, 'operator', 'operation') or v.text(one, 'operation')} {right}".strip())
    return "; ".join(sides) or "?"


@dataclass(frozen=True, slots=True)
class _How:
    """How a group compares. `is_loose`: a number may be written as a text, and a text be a number."""

    ignore_case: bool = False
    is_loose: bool = False


def _how(reader: Reader, group: dict[str, Json]) -> _How:
    own, node = v.mapping(group, "options"), v.mapping(reader.item.params, "options")
    ignores = own.get("caseSensitive") is False or v.flag(node, "ignoreCase") or node.get("caseSensitive") is False
    is_loose = v.text(own, "typeValidation") == "loose" or v.flag(node, "looseTypeValidation")
    return _How(ignores, is_loose or v.flag(reader.item.params, "looseTypeValidation"))


def _second(reader: Reader, one: dict[str, Json], how: _How) -> Said:
    """`{leftValue, rightValue, operator: {type, operation, singleValue}}`."""
    kind = v.text(one, "operator", "type")
    operation = v.text(one, "operator", "operation") or v.text(one, "operator", "name") or "equals"
    operation = operation.rpartition(":")[2]
    left = side(reader, one.get("leftValue"))
    right = None if v.flag(one, "operator", "singleValue") else side(reader, one.get("rightValue"), kind)
    if how.is_loose and kind in _LOOSE:
        left, right = _LOOSE[kind](left), None if right is None else _LOOSE[kind](right)
    if kind == "dateTime" and right is not None:
        left, right = _moment(left), _moment(right)
    ignore_case = how.ignore_case and kind == "string"
    return comparing.compare(left, operation, right, is_number=kind == "number", ignore_case=ignore_case)


def _moment(said: Said) -> Said:
    """Both sides in one form, so that they compare as texts."""
    return said if said.text.startswith("date(") else Said(f"date({said.text})", is_text=True)


def _loose_number(said: Said) -> Said:
    known = comparing.as_number(said)
    return script_methods.number(said) if known is said and not _NUMBER.fullmatch(said.text) else known


_NUMBER = re.compile(r"-?[0-9.]+")
_LOOSE = {"number": _loose_number, "string": script_methods.text}


def _first(reader: Reader, kind: str, one: dict[str, Json]) -> Said:
    """`{value1, operation, value2}` below the type of what is compared."""
    operation = v.text(one, "operation") or ("smaller" if kind == "number" else "equal")
    left = side(reader, one.get("value1"), kind)
    if comparing.takes_no_right_side(operation):
        return comparing.compare(left, operation, None)
    right = side(reader, one.get("value2", False if kind == "boolean" else ""), kind)
    return comparing.compare(left, operation, right, is_number=kind == "number")


def side(reader: Reader, raw: Json, kind: str = "") -> Said:
    """One side of a comparison; raises Unsayable."""
    if isinstance(raw, bool):
        return Said("true" if raw else "false")
    if isinstance(raw, int | float):
        return Said(repr(raw))
    if kind == "boolean" and isinstance(raw, str) and raw.strip().lower() in ("true", "false"):
        return Said(raw.strip().lower())
    wording = reader.wording(raw).stripped()
    return said(wording)


def said(wording: Wording) -> Said:
    """The wording as one expression; raises Unsayable for what is in the way."""
    stuck = next((part for part in wording.parts if isinstance(part, Unsaid)), None)
    if stuck is not None:
        raise Unsayable(stuck.reason)
    found = wording.expression(lambda _text, _reason: None)
    return w.literal(found.literal) if found.literal is not None else found
