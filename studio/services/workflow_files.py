"""A tenant's workflows as a folder that git keeps well: the text as it is, its layout and its golden set beside it.

name.yaml   .layout/name.yaml   golden/name.yaml
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

MAX_TEXT = 1_000_000  # characters of a workflow's text, wherever it comes in; the parser's own bound lies above it
LAYOUT = ".layout"
GOLDEN = "golden"
REPORT = "import"  # the layout's part that tells what an import made of each node: the draft's own, in no file


@dataclass(frozen=True, slots=True)
class WorkflowFiles:
    """One workflow as it lies on disk."""

    text: str
    layout: Mapping[str, Any] = field(default_factory=dict)
    golden: str | None = None


def contents(name: str, files: WorkflowFiles) -> dict[str, str]:
    """Path within the folder -> text."""
    found = {f"{name}.yaml": files.text}
    layout = {part: value for part, value in files.layout.items() if part != REPORT}
    if layout:
        found[f"{LAYOUT}/{name}.yaml"] = layout_text(layout)
    if files.golden is not None:
        found[f"{GOLDEN}/{name}.yaml"] = files.golden
    return found


class _LayoutDumper(yaml.SafeDumper):
    """Mappings over several lines, lists of coordinates on one."""


_LayoutDumper.add_representer(
    list, lambda dumper, value: dumper.represent_sequence("tag:yaml.org,2002:seq", value, flow_style=True)
)


def layout_text(layout: Mapping[str, Any]) -> str:
    """The one way a layout is written: keys sorted, coordinates on one line, so that diffs stay small."""
    return str(yaml.dump(dict(layout), Dumper=_LayoutDumper, default_flow_style=False, allow_unicode=True, width=120))
