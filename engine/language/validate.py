"""All findings about a file: of the YAML, of its shape, and of what it means. Independent of which node types exist."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.language import fixes
from engine.language.diagnostics import Diagnostic
from engine.language.document import Document
from engine.language.graph_checks import check_graph
from engine.language.node_checks import check_nodes
from engine.language.text_checks import check_texts

MAX_DIAGNOSTICS = 500
_ORDER = {"error": 0, "warning": 1, "info": 2}


def validate(
    document: Document,
    *,
    tools: Mapping[str, Any] | Collection[str] | None = None,
    workflows: Collection[str] | None = None,
) -> list[Diagnostic]:
    """Every finding in the order of the text, 500 at most. Never raises.

    `tools` are the names of the installed tools, or a mapping of names to ToolSpecs; `workflows` the names of those
    that exist. None leaves the check of that kind out.
    """
    found = [fixes.with_fix(document, diagnostic) for diagnostic in document.diagnostics]
    if document.workflow is not None and isinstance(document.data, dict):
        found += check_nodes(document, tools, workflows)
        found += check_graph(document)
        found += check_texts(document, tools if isinstance(tools, Mapping) else None)
    unique = {(d.code, d.start, d.message): d for d in found}
    return sorted(unique.values(), key=lambda d: (d.line, d.column, _ORDER[d.severity]))[:MAX_DIAGNOSTICS]


def has_errors(diagnostics: Collection[Diagnostic]) -> bool:
    return any(d.is_error for d in diagnostics)
