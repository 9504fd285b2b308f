"""Forms made of a JSON Schema: which fields a page shows, and what a visitor's answers mean. Pure.

A form is a flat object. Each property is a text (with `format` email, date, time, uri or multiline), a whole number or
number, a choice (`enum`), several choices (an array of an `enum`), or a yes-or-no (boolean).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any, Literal
from urllib.parse import urlsplit

from engine.errors import SchemaError
from engine.language import form_words, patterns

Json = Any
Kind = Literal["text", "multiline", "email", "url", "date", "time", "integer", "number", "choice", "choices", "yes"]
MAX_FIELDS = 50
MAX_OPTIONS = 200
MAX_TEXT = 10_000  # characters, where the schema does not say less
_LONG = 200
_FORMATS: Mapping[str, Kind] = {
    "email": "email",
    "date": "date",
    "time": "time",
    "uri": "url",
    "multiline": "multiline",
}
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")


class FormError(SchemaError):
    """The schema does not make a form. `path` of the details leads to the fault inside the schema."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field. `options` are the values of a choice; `schema` is the property's own."""

    name: str
    kind: Kind
    title: str
    description: str
    required: bool
    options: tuple[Json, ...]
    default: Json
    schema: Mapping[str, Json]


def form_fields(schema: Mapping[str, Json], order: Sequence[str] | None = None) -> list[FormField]:
    """The fields in the order of the schema, or in `order` where the schema was kept without it.

    Raises FormError for what no form can show.
    """
    properties = schema.get("properties")
    if not isinstance(properties, Mapping) or not properties:
        raise FormError("a form needs `properties`: a field for each", path=())
    if len(properties) > MAX_FIELDS:
        raise FormError(f"a form has at most {MAX_FIELDS} fields", path=("properties",))
    required = schema.get("required") or []
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        raise FormError("`required` must be a list of names", path=("required",))
    for name in required:
        if name not in properties:
            raise FormError(f"`{name}` is required, but there is no such field", path=("required",))
    return [_field(name, properties[name], name in required) for name in order or properties]


def read_form(
    fields: Sequence[FormField], posted: Mapping[str, Sequence[str]]
) -> tuple[dict[str, Json], dict[str, str]]:
    """(values, what is wrong by field name) of what a browser has sent: texts by field name."""
    values: dict[str, Json] = {}
    wrong: dict[str, str] = {}
    for field in fields:
        given = [text.replace("\0", "").replace("\r\n", "\n") for text in posted.get(field.name, ())]
        try:
            value = _value(field, given)
        except _Wrong as error:
            wrong[field.name] = str(error)
            continue
        if value is not None:
            values[field.name] = value
    return values, wrong


class _Wrong(Exception):
    """Said to the visitor beside the field."""


def _field(name: str, shape: Json, required: bool) -> FormField:
    if not isinstance(shape, Mapping):
        raise FormError(f"the field `{name}` must be a mapping", path=("properties", name))
    kind, options = _kind(name, shape)
    pattern = shape.get("pattern")
    if pattern is not None:
        _check_pattern(name, pattern)
    title = shape.get("title")
    shown = title if isinstance(title, str) and title else name.replace("_", " ").strip().capitalize() or name
    description = shape.get("description")
    return FormField(
        name=name,
        kind=kind,
        title=shown,
        description=description if isinstance(description, str) else "",
        required=required,
        options=options,
        default=shape.get("default"),
        schema=shape,
    )


def _kind(name: str, shape: Mapping[str, Json]) -> tuple[Kind, tuple[Json, ...]]:
    type_ = shape.get("type")
    types = [one for one in type_ if one != "null"] if isinstance(type_, list) else [type_]
    only = types[0] if len(types) == 1 else None
    if "enum" in shape:
        return "choice", _options(name, shape["enum"], ("enum",))
    match only:
        case "boolean":
            return "yes", ()
        case "integer":
            return "integer", ()
        case "number":
            return "number", ()
        case "array":
            items = shape.get("items")
            if isinstance(items, Mapping) and "enum" in items:
                return "choices", _options(name, items["enum"], ("items", "enum"))
            raise FormError(f"the list `{name}` needs `items` with an `enum` to choose from", path=("properties", name))
        case "string" | None if len(types) == 1:
            return _text_kind(shape), ()
    shown = type_ if isinstance(type_, str) else "this type"
    raise FormError(f"a form cannot show the field `{name}`: {shown}", path=("properties", name, "type"))


def _text_kind(shape: Mapping[str, Json]) -> Kind:
    known = _FORMATS.get(str(shape.get("format")))
    longest = shape.get("maxLength")
    is_long = isinstance(longest, int) and not isinstance(longest, bool) and longest > _LONG
    return known or ("multiline" if is_long else "text")


def _options(name: str, enum: Json, at: tuple[str, ...]) -> tuple[Json, ...]:
    path = ("properties", name, *at)
    if not isinstance(enum, list) or not 1 <= len(enum) <= MAX_OPTIONS:
        raise FormError(f"the choice `{name}` needs 1 to {MAX_OPTIONS} values", path=path)
    if any(isinstance(value, list | dict) for value in enum) or len({label(value) for value in enum}) < len(enum):
        raise FormError(f"the values of `{name}` must be texts or numbers, each once", path=path)
    return tuple(enum)


def _check_pattern(name: str, pattern: Json) -> None:
    try:
        patterns.compile_pattern(str(pattern))
    except patterns.PatternError as error:
        message = f"the pattern of `{name}` cannot be used: {error}"
        raise FormError(message, path=("properties", name, "pattern")) from error


def label(value: Json) -> str:
    """How a value is written in the page."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _value(field: FormField, given: Sequence[str]) -> Json:
    """The answer as JSON; None where nothing was answered and nothing has to be."""
    if field.kind == "yes":
        return _yes(field, bool(given))
    if field.kind == "choices":
        return _choices(field, given)
    text = given[0] if given else ""
    if field.kind != "multiline":
        text = text.strip()
    if not text.strip():
        if field.required:
            raise _Wrong(form_words.MISSING)
        return None
    if field.kind == "choice":
        return _choice(field, text)
    if field.kind in ("integer", "number"):
        return _number(field, text)
    return _text(field, text)


def _yes(field: FormField, ticked: bool) -> bool:
    if field.schema.get("const") is True and not ticked:
        raise _Wrong("Please tick this.")
    return ticked


def _choice(field: FormField, text: str) -> Json:
    for option in field.options:
        if label(option) == text:
            return option
    raise _Wrong("Please choose one of these.")


def _choices(field: FormField, given: Sequence[str]) -> Json:
    chosen = [_choice(field, text) for text in dict.fromkeys(given)]
    least = max(_limit(field, "minItems") or 0, 1 if field.required else 0)
    most = _limit(field, "maxItems")
    if len(chosen) < least:
        raise _Wrong("Please choose one." if least == 1 else f"Please choose at least {least:g}.")
    if most is not None and len(chosen) > most:
        raise _Wrong(f"Please choose at most {most:g}.")
    return chosen


def _number(field: FormField, text: str) -> Json:
    try:
        value = int(text) if field.kind == "integer" else float(text)
    except ValueError:
        raise _Wrong(form_words.wrong_type(field.kind)) from None
    if not math.isfinite(value) or abs(value) > 2**53:
        raise _Wrong("This number is too large.")
    least, most = _limit(field, "minimum"), _limit(field, "maximum")
    if least is not None and value < least:
        raise _Wrong(form_words.at_least(least))
    if most is not None and value > most:
        raise _Wrong(form_words.at_most(most))
    return value


def _text(field: FormField, text: str) -> str:
    least, most = _limit(field, "minLength") or 0, _limit(field, "maxLength")
    longest = min(MAX_TEXT, most) if most is not None else MAX_TEXT
    if len(text) > longest:
        raise _Wrong(form_words.at_most(longest, " characters"))
    if len(text) < least:
        raise _Wrong(form_words.at_least(least, " characters"))
    if field.kind in _CHECKS and not _CHECKS[field.kind][0](text):
        raise _Wrong(_CHECKS[field.kind][1])
    pattern = field.schema.get("pattern")
    if isinstance(pattern, str) and not patterns.compile_pattern(pattern).search(text):
        raise _Wrong(form_words.UNFIT)
    return text


def _limit(field: FormField, name: str) -> float | None:
    value = field.schema.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _is_date(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text))
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    try:
        return time.fromisoformat(text).tzinfo is None
    except ValueError:
        return False


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


_CHECKS: Mapping[Kind, tuple[Any, str]] = {
    "email": (_EMAIL.fullmatch, "Please write an e-mail address."),
    "date": (_is_date, "Please write a date, such as 2026-03-30."),
    "time": (_is_time, "Please write a time, such as 09:30."),
    "url": (_is_url, "Please write an address that begins with https://."),
}
