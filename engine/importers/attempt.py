"""The one place where a fault of an importer is caught: a node that brings it down is unsupported, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import SchemaError
from engine.importers.draft import Draft
from engine.importers.report import Entry, Outcome

FAULTS = (TypeError, ValueError, KeyError, AttributeError, IndexError, RecursionError, SchemaError)


def attempt(draft: Draft, entry: Entry, name: str, original: Any, make: Callable[[], None]) -> None:
    """Run `make`; when it fails, the node gets a placeholder, so that no file can stop the whole import."""
    try:
        make()
    except FAULTS:
        entry.lower(Outcome.UNSUPPORTED, "it holds something that could not be read")
        draft.placeholder(entry, name, original)
