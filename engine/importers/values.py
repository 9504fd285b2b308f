"""Looking into foreign data, which may hold anything anywhere: what is not of the wanted type is as good as absent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Json = Any


def at(data: Json, *path: str | int) -> Json:
    """The value at a path, None when there is none."""
    for step in path:
        if isinstance(data, dict) and isinstance(step, str):
            data = data.get(step)
        elif isinstance(data, list) and isinstance(step, int) and -len(data) <= step < len(data):
            data = data[step]
        else:
            return None
    return data


def text(data: Json, *path: str | int, default: str = "") -> str:
    """The text at a path; a number counts as its digits."""
    found = at(data, *path)
    if isinstance(found, str):
        return found
    if isinstance(found, int | float) and not isinstance(found, bool):
        return str(found)
    return default


def number(data: Json, *path: str | int) -> float | int | None:
    """The number at a path, also one that is written as a text."""
    found = at(data, *path)
    if isinstance(found, str):
        try:
            found = float(found) if "." in found or "e" in found.lower() else int(found)
        except ValueError:
            return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not -1e15 < found < 1e15:
        return None
    return found


def within(value: float | int | None, least: float, most: float) -> float | int | None:
    """The number when it lies between the two, None otherwise."""
    return value if value is not None and least <= value <= most else None


def flag(data: Json, *path: str | int) -> bool:
    """Is the value at a path true?"""
    return at(data, *path) is True


def mapping(data: Json, *path: str | int) -> dict[str, Json]:
    """The mapping at a path, an empty one when there is none."""
    found = at(data, *path)
    return found if isinstance(found, dict) else {}


def items(data: Json, *path: str | int) -> list[Json]:
    """The list at a path, an empty one when there is none."""
    found = at(data, *path)
    return found if isinstance(found, list) else []


def mappings(data: Json, *path: str | int) -> Iterator[dict[str, Json]]:
    """The mappings in the list at a path."""
    return (item for item in items(data, *path) if isinstance(item, dict))


def place(data: Json, *path: str | int) -> tuple[float, float] | None:
    """`[x, y]` or `{x, y}` as coordinates."""
    found = at(data, *path)
    x, y = (number(found, "x"), number(found, "y")) if isinstance(found, dict) else (number(found, 0), number(found, 1))
    return None if x is None or y is None else (float(x), float(y))
