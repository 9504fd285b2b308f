"""The ways on that a node is known to have by its type and config, such as approved and rejected.

The canvas offers each as a port of its own; an edge that is drawn from it says what it takes to go along it. What a way
is called is for people alone: the file has the edge's condition, as if it had been written by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

LONGEST = 200  # characters of a value that a way asks for: what is longer makes no name


@dataclass(frozen=True, slots=True)
class Way:
    """`condition`: an expression, or None; `on`: success, error or timeout, as on an edge."""

    label: str
    condition: str | None = None
    on: str = "success"


TIMED_OUT = Way("timeout", on="timeout")


def where(config: Mapping[str, Any], key: str, value: str | bool) -> str:
    """The condition that a field of the node's output is `value`; `config` is raw."""
    output_key = config.get("output_key")
    path = f"context.{output_key}.{key}" if isinstance(output_key, str) and output_key else f"context.{key}"
    if isinstance(value, bool):
        return f"{path} == {'true' if value else 'false'}"
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"{path} == '{escaped}'"


def one_of(config: Mapping[str, Any], key: str, values: Iterable[Any]) -> tuple[Way, ...]:
    """A way for each of the texts among `values`, each once."""
    texts = dict.fromkeys(value for value in values if isinstance(value, str) and 0 < len(value) <= LONGEST)
    return tuple(Way(text, where(config, key, text)) for text in texts)


def yes_or_no(config: Mapping[str, Any], key: str, yes: str, no: str) -> tuple[Way, Way]:
    """The two ways of a field that is true or false."""
    return Way(yes, where(config, key, value=True)), Way(no, where(config, key, value=False))
