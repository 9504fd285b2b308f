"""Values that a node hands to the outside world."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.execution.context import StepContext

Json = Any


def resolve_parameters(ctx: StepContext, written: Mapping[str, Json]) -> dict[str, Json]:
    """Resolve references; one that finds nothing leaves its key out, while a null that is written stays."""
    resolved: dict[str, Json] = ctx.resolve(written)
    return _without_missing(written, resolved)


def _without_missing(written: Mapping[str, Json], resolved: dict[str, Json]) -> dict[str, Json]:
    kept: dict[str, Json] = {}
    for key, value in resolved.items():
        source = written.get(key)
        if value is None and source is not None:
            continue
        if isinstance(value, dict) and isinstance(source, dict):
            kept[key] = _without_missing(source, value)
        else:
            kept[key] = value
    return kept
