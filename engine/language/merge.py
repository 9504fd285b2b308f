"""Three-way merge: what two people made of the same workflow text, as one text.

    merge(base, mine, theirs) -> Merged(text, collisions)

The texts are merged by lines and words, so whatever only one side touched stays as that side wrote it, comments and
all. What the outcome says is then held against the merge of what the files say, field by field (merge_data.py), and
what is missing is written by span edits. Only a field that both sides changed, each in another way, is a collision: the
text keeps mine there unless `choices` says "theirs". A text that is not YAML is merged by its lines alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import DefinitionError, SchemaError
from engine.language.changes import Change, Insert, Move, Remove, Set, Unset
from engine.language.diff import MISSING, field_changes, renamed_nodes
from engine.language.document import Document
from engine.language.edits import apply_edits, write_changes
from engine.language.merge_data import Collision, Keyed, Merger, Place, agree, keyed, unkeyed
from engine.language.merge_text import Piece, pieces
from engine.language.positions import Path

Json = Any
Side = Literal["mine", "theirs"]
Choices = Mapping[Place, Side]

MAX_CHANGES = 500  # that are written by span edits
WHOLE: Place = ()  # the place of a collision of whole texts
COMMENTS = "(comments)"  # the last part of a place: what is no field, but written on purpose


@dataclass(frozen=True, slots=True)
class Merged:
    """The merged text, and the collisions that `choices` left open and were decided for mine."""

    text: str
    collisions: tuple[Collision, ...] = ()


def merge(base: str, mine: str, theirs: str, choices: Choices | None = None) -> Merged:
    """Never raises. A collision whose place is WHOLE means that the texts cannot be merged: the text is one side's."""
    chosen = choices or {}
    if theirs in (base, mine):
        return Merged(mine)
    if mine == base:
        return Merged(theirs)
    documents = [Document.parse_cached(text) for text in (base, mine, theirs)]
    if any(not isinstance(document.data, dict) or document.tree_problems for document in documents):
        return _by_lines(base, mine, theirs, chosen)
    found: list[Collision] = []
    renamed = _with_renames(documents, chosen, found)
    merged = _of_workflows(renamed, chosen)
    return Merged(merged.text, (*found, *merged.collisions))


def _by_lines(base: str, mine: str, theirs: str, choices: Choices) -> Merged:
    parts = pieces(base, mine, theirs)
    if not any(part.collides and not part.both_add for part in parts):
        return Merged("".join(_joined(part) for part in parts))
    return _whole(base, mine, theirs, choices)


def _whole(base: str, mine: str, theirs: str, choices: Choices) -> Merged:
    if WHOLE in choices:
        return Merged(theirs if choices[WHOLE] == "theirs" else mine)
    return Merged(mine, (Collision(WHOLE, base, mine, theirs),))


def _joined(part: Piece) -> str:
    """What both sides say of a piece: the side that changed it, or both where each added something."""
    if part.both_add and not _has_lines(part.mine, part.theirs) and not _has_lines(part.theirs, part.mine):
        return part.mine + part.theirs
    if part.both_add:
        return max(part.mine, part.theirs, key=len)
    return part.theirs if part.mine == part.base else part.mine


def _has_lines(text: str, others: str) -> bool:
    """Whether the text has the other's lines already, as when a save arrived and its answer did not."""
    return others.endswith("\n") and f"\n{others}" in f"\n{text}"


def _of_workflows(documents: list[Document], choices: Choices) -> Merged:
    base, mine, theirs = (document.text for document in documents)
    merger = Merger(lambda place: choices.get(place) == "theirs")
    wanted = unkeyed(merger.files(*(keyed(document.data) for document in documents)))
    parts = pieces(base, mine, theirs)
    collisions = [one for one in merger.collisions if one.place not in choices]
    together = "".join(_joined(part) for part in parts)
    if _says(together, wanted) and not any(part.collides and not part.both_add for part in parts):
        return Merged(together, tuple(collisions))
    text, comments = _one_side_each(parts, choices)
    try:
        written = _written(Document.parse_cached(text), wanted)
    except DefinitionError:
        return _whole(base, mine, theirs, choices)
    return Merged(written.text, (*collisions, *comments))


def _says(text: str, wanted: Json) -> bool:
    document = Document.parse_cached(text)
    return isinstance(document.data, dict) and not document.tree_problems and agree(document.data, wanted)


def _one_side_each(parts: list[Piece], choices: Choices) -> tuple[str, list[Collision]]:
    """The text with one side wherever both changed a piece, and the comments of the other that are lost by it."""
    out: list[str] = []
    lost: list[Collision] = []
    for part in parts:
        if not part.collides:
            out.append(_joined(part))
            continue
        place = (f"line {part.start + 1}", COMMENTS)
        out.append(part.theirs if choices.get(place) == "theirs" else part.mine)
        base, mine, theirs = (_comments(text) for text in (part.base, part.mine, part.theirs))
        if theirs not in (base, mine) and place not in choices:
            lost.append(Collision(place, base, mine, theirs))
    return "".join(out), lost


def _comments(text: str) -> str:
    return "\n".join(line[line.index("#") :].rstrip() for line in text.splitlines() if "#" in line)


# -- renamed nodes ---------------------------------------------------------------------------------------------------


def _with_renames(documents: list[Document], choices: Choices, found: list[Collision]) -> list[Document]:
    """The three with one name for each node: a node that one side renamed is renamed in the others as well."""
    base, mine, theirs = documents
    ours, others = renamed_nodes(base.data, mine.data), renamed_nodes(base.data, theirs.data)
    for old in [*ours, *(name for name in others if name not in ours)]:
        new, other = ours.get(old, old), others.get(old, old)
        if old not in (new, other) and new != other:
            place = ("nodes", old, "name")
            if place not in choices:
                found.append(Collision(place, old, new, other))
        name = other if new == old or choices.get(("nodes", old, "name")) == "theirs" else new
        wanted = [_renamed(base, old, name), _renamed(mine, new, name), _renamed(theirs, other, name)]
        if None not in wanted:
            base, mine, theirs = (document for document in wanted if document is not None)
    return [base, mine, theirs]


def _renamed(document: Document, old: str, new: str) -> Document | None:
    """None where the node is not there, or the name is taken."""
    if old == new:
        return document
    try:
        return Document.parse_cached(apply_edits(document.text, [{"op": "rename_node", "node": old, "to": new}]))
    except SchemaError:
        return None


# -- what a text does not say yet, as span edits ---------------------------------------------------------------------


def _written(document: Document, wanted: dict[str, Json]) -> Document:
    """The document with span edits that make it say `wanted`; raises DefinitionError where they cannot."""
    for _ in range(MAX_CHANGES):
        if document.tree_problems or not isinstance(document.data, dict):
            raise SchemaError("the texts cannot be merged")
        change = next(_changes(document.data, wanted), None)
        if change is None:
            break
        document, _patches = write_changes(document, [change])
    if not agree(document.data, wanted):
        raise SchemaError("the texts cannot be merged")
    return document


def _changes(data: dict[str, Json], wanted: dict[str, Json]) -> Iterator[Change]:
    """What is to be changed; each holds for the data as they are before any of them."""
    now, then = keyed(data), keyed(wanted)
    for key in [*then, *(key for key in now if key not in then)]:
        old, new = now.get(key, MISSING), then.get(key, MISSING)
        if isinstance(old, Keyed) and isinstance(new, Keyed):
            yield from _item_changes((key,), old, new)
        else:
            yield from _field_changes((), {key: _plain(old)}, {key: _plain(new)})


def _plain(value: Json) -> Json:
    return list(value.values()) if isinstance(value, Keyed) else value


def _item_changes(path: Path, old: Keyed, new: Keyed) -> Iterator[Change]:
    gone = frozenset(index for index, name in enumerate(old) if name not in new)
    if gone:
        yield Remove(path, gone)
        return
    names = list(old)
    for name, before in zip(new, [None, *new], strict=False):
        if name not in old:
            yield Insert(path, names.index(before) + 1 if before in names else 0, new[name])
            return
    for index, name in enumerate(names):
        yield from _field_changes((*path, index), old[name], new[name])
    if path != ("nodes",):
        for to, name in enumerate(new):
            if names[to] != name:
                yield Move(path, names.index(name), to)
                return


def _field_changes(path: Path, old: Json, new: Json) -> Iterator[Change]:
    for one in field_changes(old, new):
        if one.after is not MISSING:
            yield Set((*path, *one.path), one.after)
        elif isinstance(one.path[-1], str):
            yield Unset((*path, *one.path[:-1]), (one.path[-1],))
