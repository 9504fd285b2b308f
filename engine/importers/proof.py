"""Is the draft valid? Asked of the language's own validator, with what to do when it is not.

A peer's module writes valid nodes; this is the net under it, for files that nobody thought of. A node that the
validator refuses becomes a placeholder, an edge loses its condition, and the report says so.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from engine.errors import NotImportable, SchemaError
from engine.importers.draft import Draft
from engine.importers.finish import finish
from engine.importers.report import Outcome
from engine.importers.writing import text_of
from engine.language.diagnostics import Diagnostic
from engine.language.document import Document
from engine.language.shape import MAX_EDGES, MAX_NODES
from engine.language.validate import validate

Json = Any
MAX_ROUNDS = 6


def proven_text(draft: Draft, tools: Mapping[str, Any] | Collection[str] | None) -> str:
    """The text of the draft, without errors. Raises NotImportable when a bound of the language is broken."""
    if len(draft.nodes) <= MAX_NODES and len(draft.edges) <= MAX_EDGES:
        finish(draft)
    if len(draft.nodes) > MAX_NODES:
        raise NotImportable(f"The workflow has more than {MAX_NODES:,} nodes.")
    if len(draft.edges) > MAX_EDGES:
        raise NotImportable(f"The workflow has more than {MAX_EDGES:,} edges.")
    for _ in range(MAX_ROUNDS):
        text = _written(draft)
        document = Document.parse(text)
        if document.error is not None:
            raise NotImportable(f"The workflow is too large: {document.error.public_message}.")
        errors = [found for found in validate(document, tools=tools) if found.is_error]
        if not errors:
            return text
        if not _mend(draft, document, errors):
            break
    raise NotImportable(f"The workflow cannot be written as a valid file: {errors[0].message}.")


def _written(draft: Draft) -> str:
    try:
        return text_of(draft)
    except SchemaError as err:
        raise NotImportable(f"The workflow cannot be written as a file: {err.public_message}.") from None


def _mend(draft: Draft, document: Document, errors: list[Diagnostic]) -> bool:
    """Take away what the errors are about; false when they are about nothing that can go."""
    changed = False
    for error in errors:
        section, index = (*error.path, None, None)[:2]
        if section == "nodes" and isinstance(index, int):
            changed |= _replace(draft, str(document.data["nodes"][index]["name"]), error.message)
        elif section == "edges" and isinstance(index, int) and index < len(draft.edges):
            changed |= _plain_edge(draft, index, error.message)
        elif section in ("variables", "credentials", "triggers", "inputs"):
            changed |= _empty(draft, str(section))
    if changed:
        draft.edges = [edge for edge in draft.edges if edge.source and edge.target]
        finish(draft)
    return changed


def _replace(draft: Draft, name: str, message: str) -> bool:
    node = draft.nodes.get(name)
    if node is None or node.type in ("start", "end") or (node.type == "transform" and "x-source" in node.more):
        return False
    entries = list(draft.report.about(name))
    for entry in entries:
        entry.lower(Outcome.UNSUPPORTED, f"it would not be valid: {message}")
    if entries:
        draft.placeholder(entries[0], name)
    else:
        node.type, node.config, node.more = "transform", {}, {"disabled": True}
    return True


def _plain_edge(draft: Draft, index: int, message: str) -> bool:
    edge = draft.edges[index]
    for entry in draft.report.about(edge.source):
        entry.approximate(f"the way to {edge.target} was dropped: {message}")
    edge.source = edge.target = ""
    return True


def _empty(draft: Draft, section: str) -> bool:
    had = bool(getattr(draft, section))
    getattr(draft, section).clear()
    return had
