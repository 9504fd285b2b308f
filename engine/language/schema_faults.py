"""pydantic's complaints -> diagnostics in our words, at the key or value they are about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from engine.language.positions import Path
from engine.language.suggest import nearest


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the data at `path`; `suggestion` is the known name that was probably meant."""

    code: str
    message: str
    path: Path
    suggestion: str | None = None


def find_faults(model: type[BaseModel], data: Any, at: Path = ()) -> list[Fault]:
    """What is wrong with `data` by `model`; paths are those of the data, under `at`."""
    try:
        model.model_validate(data)
    except ValidationError as err:
        found = [_fault(model, data, item, at) for item in _telling(err.errors(include_url=False), data)]
        return list({(f.code, f.path): f for f in reversed(found)}.values())[::-1]
    return []


def _telling(items: Sequence[Any], data: Any) -> Iterator[Any]:
    """Without those that only say that a value is not of the other form, where its own form has faults inside."""
    places = [_existing(data, item["loc"]) + item["loc"][-1:] * (item["type"] == "missing") for item in items]
    for item, place in zip(items, places, strict=True):
        inside = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        if not (inside and item["type"].endswith("_type")):
            yield item


def _fault(model: type[BaseModel], data: Any, item: Mapping[str, Any], at: Path) -> Fault:
    kind, loc = item["type"], tuple(item["loc"])
    if kind == "extra_forbidden":
        known = field_names(model, loc[:-1])
        meant = nearest(str(loc[-1]), known)
        hint = f"; did you mean `{meant}`?" if meant else ""
        return Fault("unknown-key", f"unknown key `{loc[-1]}`{hint}", at + _existing(data, loc), meant)
    if kind == "missing":
        return Fault("missing-key", f"the key `{loc[-1]}` is missing", at + _existing(data, loc[:-1]))
    path = at + _existing(data, loc)
    name = next((str(k) for k in reversed(path) if isinstance(k, str)), "value")
    if kind == "string_pattern_mismatch" and name == "name":
        return Fault("bad-name", f"{item['input']!r} is not a valid name", path)
    suggestion = None
    if kind in ("literal_error", "enum") and isinstance(item["input"], str):
        suggestion = nearest(item["input"], _quoted(str(item["ctx"]["expected"])))
    subject = f"item {path[-1] + 1} of `{name}`" if path and isinstance(path[-1], int) else f"`{name}`"
    return Fault("bad-value", f"{subject} {_words(kind, item)}", path, suggestion)


def _existing(data: Any, loc: Sequence[str | int]) -> Path:
    """`loc` without the steps that pydantic adds for unions and the like: only what leads through the data."""
    path: list[str | int] = []
    for step in loc:
        inside = (isinstance(data, dict) and step in data) or (
            isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data)
        )
        if not inside:
            continue
        data = data[step]
        path.append(step)
    return tuple(path)


def _words(kind: str, item: Mapping[str, Any]) -> str:  # noqa: PLR0911  (one return per kind)
    ctx = item.get("ctx") or {}
    shown = _short(item.get("input"))
    match kind:
        case "string_type":
            return (
                f"must be a text, not {shown}; put it in quotes"
                if _is_scalar(item["input"])
                else f"must be a text, not {shown}"
            )
        case "int_type" | "int_parsing" | "int_from_float":
            return f"must be a whole number, not {shown}"
        case "float_type" | "float_parsing":
            return f"must be a number, not {shown}"
        case "bool_type" | "bool_parsing":
            return f"must be true or false, not {shown}"
        case "list_type" | "tuple_type":
            return f"must be a list, not {shown}"
        case "dict_type" | "model_type" | "model_attributes_type" | "mapping_type":
            return f"must be a mapping, not {shown}"
        case "literal_error" | "enum":
            return f"must be one of {ctx.get('expected')}, not {shown}"
        case "greater_than_equal":
            return f"must be {_limit(ctx, 'ge')} or more, not {shown}"
        case "less_than_equal":
            return f"must be {_limit(ctx, 'le')} or less, not {shown}"
        case "greater_than":
            return f"must be more than {_limit(ctx, 'gt')}, not {shown}"
        case "string_pattern_mismatch":
            return f"must look like {ctx.get('pattern')}, not {shown}"
        case "value_error" | "assertion_error":
            return str(ctx.get("error") or item["msg"])
    return f"is not right: {item['msg']}"


def _limit(ctx: Mapping[str, Any], name: str) -> str:
    value = ctx.get(name)
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, int | float | bool)


def _short(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a mapping"
        case list():
            return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _quoted(expected: str) -> list[str]:
    return [part for part in expected.split("'") if part and part not in (", ", " or ")]


def field_names(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    """Names (aliases first) of the fields of the model that `loc` leads to; empty when it leads to no model."""
    current: Any = model
    for step in loc:
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            return []
        if isinstance(step, int):
            continue
        field = _field(current, step)
        if field is None:
            continue
        current = _model_in(field.annotation)
    if not (isinstance(current, type) and issubclass(current, BaseModel)):
        return []
    return [field.alias or name for name, field in current.model_fields.items()]


def _field(model: type[BaseModel], name: str) -> Any:
    return next((f for n, f in model.model_fields.items() if name in (n, f.alias)), None)


def _model_in(annotation: Any) -> Any:
    """The first model inside an annotation such as `list[X] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for arg in get_args(annotation) if (m := _model_in(arg)) is not None), None)
