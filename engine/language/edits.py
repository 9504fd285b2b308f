"""Edits of the canvas and the inspector as span edits: only the characters concerned change.

    {"op": "set_field", "node": n, "path": ["config", "model"], "value": v}     {"op": "unset_field", "node", "path"}
    {"op": "add_node", "node": {...}, "text"?: as it is to be written, which then counts, "after": name | null}
    {"op": "remove_node", "node": n, "comments"?: do those above it go too}
    {"op": "rename_node", "node": n, "to": m}                                   {"op": "remove_edge", "index": i}
    {"op": "add_edge", "from": a, "to": b, "condition": text | null, "label"?, "on"?, "index"?}
    {"op": "set_edge", "index": i, "field": "from" | "to" | "condition" | "label" | "on", "value": v}
    {"op": "move_edge", "index": i, "to": j}
    {"op": "rename_variable", "index": i, "to": m}
    {"op": "set_top", "path": [...], "value": v}                                {"op": "unset_top", "path": [...]}

Every edit is checked: the new text is read again, and unless its data is exactly the old data with the edit applied,
the edit is refused. So whatever the formatting, an edit does what it says or does nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.errors import SchemaError
from engine.language.changes import Change, copied, touched
from engine.language.document import Document
from engine.language.layout import Refused, refuse
from engine.language.operations import Edit, changes_of
from engine.language.positions import Patch, apply_patches, invert_patches
from engine.language.reparse import reparse
from engine.language.writer import Writer, same

MAX_EDITS = 2_500  # a pasted graph of 1,000 nodes; takes some seconds


@dataclass(frozen=True, slots=True)
class Edited:
    """The outcome of edits. `steps` are the patches of each edit, on the text that the edit before it left."""

    document: Document
    steps: tuple[tuple[Patch, ...], ...]
    undo: tuple[tuple[Patch, ...], ...]  # to apply in this order to get the old text back

    @property
    def text(self) -> str:
        return self.document.text


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text after the edits, in order; all or none. Raises SchemaError (details: line, where known)."""
    return edit_document(Document.parse_cached(text), edits).text


def edit_document(document: Document, edits: Sequence[Edit]) -> Edited:
    """The same for a parsed document; the new document comes with it, so several edits in a row cost less."""
    if len(edits) > MAX_EDITS:
        raise SchemaError(f"more than {MAX_EDITS:,} edits at once")
    steps: list[tuple[Patch, ...]] = []
    undo: list[tuple[Patch, ...]] = []
    for edit in edits:
        old = document
        document, patches = _edit(document, edit)
        steps.append(patches)
        undo.insert(0, tuple(invert_patches(old.text, patches)))
    document.remember()
    return Edited(document, tuple(steps), tuple(undo))


def _edit(document: Document, edit: Edit) -> tuple[Document, tuple[Patch, ...]]:
    if document.error is not None:
        raise SchemaError("the text is not valid YAML; mend it first", line=document.error.details.get("line"))
    if not isinstance(document.data, dict):
        raise SchemaError("the file is not a workflow")
    return write_changes(document, changes_of(document, edit))


def write_changes(document: Document, changes: Sequence[Change]) -> tuple[Document, tuple[Patch, ...]]:
    """The document with these changes of its data, and the patches that wrote them; raises SchemaError like an edit."""
    wanted = copied(document.data, touched(changes))
    for change in changes:
        change.apply(wanted)
    new, patches = _written(document, changes, Writer(document))
    if new.error is not None or not same(new.data, wanted):
        # At the end of a file without a final line break, `|` would lose its own; in quotes the text keeps it.
        new, patches = _written(document, changes, Writer(document, blocks=False))
    if new.error is not None or not same(new.data, wanted):
        raise _refusal(document, changes)
    return new, patches


def _written(document: Document, changes: Sequence[Change], writer: Writer) -> tuple[Document, tuple[Patch, ...]]:
    patches = tuple(patch for change in changes for patch in change.patches(writer))
    try:
        text = apply_patches(document.text, patches)
    except ValueError:
        raise Refused("the edit changes one place in two ways; edit the text instead") from None
    return reparse(document, text, patches), patches


def _refusal(document: Document, changes: Sequence[Change]) -> Refused:
    """Why the text could not say what was meant: nearly always a value shared by an anchor."""
    for path in touched(changes):
        for length in range(len(path), 0, -1):
            node = document.find(path[:length])
            if node is not None and node.anchor:
                shared = f"the value is shared by the anchor `&{node.anchor}`; edit the text there instead"
                return refuse(document, node, shared)
    node = document.find(touched(changes)[0]) if changes else None
    return refuse(document, node, "this cannot be changed without touching something else; edit the text instead")
