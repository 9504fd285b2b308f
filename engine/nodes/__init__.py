"""The node types, one file each. `load()` registers them; nothing happens when this package is imported.

A node type is added by putting a file here (see docs/nodes and CONTRIBUTING.md); files whose name starts with "_" are
helpers of several types and not scanned.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache, partial

from engine.language import node_types


@cache
def load() -> None:
    """Register every node type of this folder in alphabetical order; calling it again changes nothing."""
    for name in _names():
        importlib.import_module(f"{__name__}.{name}")


def offer() -> None:
    """The same for a process that is over in a moment: each type is imported when it is first asked for."""
    for name in _names():
        node_types.offer(name, partial(importlib.import_module, f"{__name__}.{name}"))


def _names() -> Iterator[str]:
    """A type's file is called as the type is."""
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        if not name.startswith("_") and name != "docs":
            yield name
