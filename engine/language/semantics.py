"""What a file means, apart from how it is written."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from engine.language.build import condition_text
from engine.language.document import Document

_WITHOUT_MEANING = ("metadata", "ui")  # authorship and layout


def semantic_hash(document: Document) -> str:
    """sha256 (hex) of the file's meaning: equal for files that differ in comments, formatting, key order, metadata or
    layout only. Of a text that is no workflow, the hash of the text."""
    if not isinstance(document.data, dict):
        return document.hash
    meaning = {key: value for key, value in document.data.items() if key not in _WITHOUT_MEANING}
    edges = meaning.get("edges")
    if isinstance(edges, list):
        meaning["edges"] = [_edge(edge) for edge in edges]
    canonical = json.dumps(meaning, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _edge(edge: Any) -> Any:
    """An edge without the ways of saying nothing: null, "true" and no condition are all the default branch."""
    if not isinstance(edge, dict):
        return edge
    kept = {key: value for key, value in edge.items() if value is not None}
    if condition_text(kept.get("condition")) in (None, "true"):
        kept.pop("condition", None)
    return kept
