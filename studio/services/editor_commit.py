"""What the editor sends when something changed, checked key by key before anything is done with it."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine.errors import InputError
from engine.language.merge import Side
from engine.language.merge_data import Collision
from engine.language.positions import Patch, apply_patches
from studio.services.layout_merge import merged
from studio.services.workflow_files import MAX_TEXT, REPORT

Json = Any

MAX_PLACES = 5_000
MAX_NOTES = 500
MAX_GROUPS = 200
MAX_NOTE_TEXT = 10_000
MAX_TITLE = 200
MAX_CHOICES = 1_000
FAR = 1_000_000  # pixels
ID = re.compile(r"[\w-]{1,32}", re.ASCII)
COLOUR = re.compile(r"#[0-9a-fA-F]{6}|yellow|blue|green|red|violet|grey")


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit of the editor.

    `typed` are patches of the draft's text in UTF-16 units, as browsers count; `edits` come on top of them. `places`
    maps node names to [x, y], or to None where a place is given up; `notes` and `groups` are all there are, or None
    where they did not change. `base` is the text that a repeated commit stands on: the first try may have arrived, or
    somebody else's save, which is then merged with this one. `base_notes` and `base_groups` are those of that text.
    `anew` asks for the whole graph: the browser has none of the text that the commit stands on.
    `choices` decides collisions that a merge with the revision `theirs` found: place -> "mine" or "theirs".
    `undone` are the places, notes and groups that a step back or forth in the person's history changed: ("notes", id);
    what somebody else made of them since stays. `base_places` are the places of those nodes in that text's layout.
    """

    revision: int
    typed: Sequence[Mapping[str, Json]] = ()
    edits: Sequence[Mapping[str, Json]] = ()
    places: Mapping[str, list[int] | None] = field(default_factory=dict)
    notes: Sequence[Mapping[str, Json]] | None = None
    groups: Sequence[Mapping[str, Json]] | None = None
    base: str | None = None
    base_notes: Sequence[Mapping[str, Json]] = ()
    base_groups: Sequence[Mapping[str, Json]] = ()
    choices: Mapping[tuple[str, ...], Side] = field(default_factory=dict)
    theirs: int | None = None
    anew: bool = False
    undone: frozenset[tuple[str, str]] = frozenset()
    base_places: Mapping[str, list[int] | None] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Commit:
        """Checks what came from the browser; raises InputError."""
        revision, base, edits = data.get("revision"), data.get("base"), data.get("edits") or []
        layout, base_layout = data.get("layout") or {}, data.get("base_layout") or {}
        if not isinstance(revision, int) or isinstance(revision, bool):
            raise InputError("A commit must say which revision it stands on.")
        theirs = data.get("theirs")
        if theirs is not None and (not isinstance(theirs, int) or isinstance(theirs, bool)):
            raise InputError("Choices must say which revision they were made on.")
        if base is not None and not isinstance(base, str):
            raise InputError("The text must be text.")
        if not isinstance(edits, list) or not all(isinstance(edit, dict) for edit in edits):
            raise InputError("Edits must be a list of objects.")
        if not isinstance(layout, dict) or not isinstance(base_layout, dict):
            raise InputError("The layout must be an object.")
        return cls(
            revision,
            _typed(data.get("typed") or []),
            edits,
            _places(layout.get("nodes") or {}),
            _notes(layout.get("notes")),
            _groups(layout.get("groups")),
            base,
            _notes(base_layout.get("notes")) or (),
            _groups(base_layout.get("groups")) or (),
            _choices(data.get("choices") or []),
            theirs,
            data.get("anew") is True,
            _undone(data.get("undone") or {}),
            _places(base_layout.get("nodes") or {}),
        )

    def laid_out(self, layout: Mapping[str, Json]) -> dict[str, Json]:
        """The layout sidecar after this commit; keys in order, empty parts left out."""
        nodes = {**(layout.get("nodes") or {}), **self.places}
        new = {**layout, "nodes": {name: at for name, at in sorted(nodes.items()) if at is not None}}
        for key, value in (("notes", self.notes), ("groups", self.groups)):
            if value is not None:
                new[key] = [dict(one) for one in value]
        return {key: value for key, value in new.items() if value or key == "nodes"}

    def laid_over(
        self, theirs: Mapping[str, Json], choices: Mapping[tuple[str, ...], Side]
    ) -> tuple[dict[str, Json], list[Collision]]:
        """The layout after this commit on top of another's, and what both wrote of a note or a group, each otherwise.

        Places of mine win, but for those that are `undone`; notes and groups are merged (layout_merge.py).
        """
        mine = {part: items for part, items in (("notes", self.notes), ("groups", self.groups)) if items is not None}
        base = {"notes": self.base_notes, "groups": self.base_groups}
        parts, collisions = merged(base, mine, theirs, choices, self.undone)
        places = {name: at for name, at in self.places.items() if not self._is_theirs(name, theirs.get("nodes") or {})}
        laid = replace(self, places=places, notes=parts.get("notes"), groups=parts.get("groups"))
        return laid.laid_out(theirs), collisions

    def _is_theirs(self, name: str, theirs: Mapping[str, Json]) -> bool:
        """Whether the place would only be put back, and somebody else gave the node another one since."""
        return ("nodes", name) in self.undone and theirs.get(name) != self.base_places.get(name)

    @property
    def lays_out(self) -> bool:
        return bool(self.places) or self.notes is not None or self.groups is not None


def with_names(layout: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    """The layout sidecar with other names of nodes: old -> new."""
    if not names:
        return dict(layout)
    places, groups = layout.get("nodes") or {}, layout.get("groups") or ()
    new = {**layout, "nodes": {names.get(name, name): at for name, at in places.items()}}
    if groups:
        new["groups"] = [{**one, "nodes": [names.get(n, n) for n in one.get("nodes") or ()]} for one in groups]
    report = layout.get(REPORT)
    if isinstance(report, dict) and isinstance(report.get("losses"), list):
        losses = [_renamed(one, names) if isinstance(one, dict) else one for one in report["losses"]]
        new[REPORT] = {**report, "losses": losses}
    return new


def _renamed(loss: Mapping[str, Json], names: Mapping[str, str]) -> dict[str, Json]:
    node = loss.get("node")
    return {**loss, "node": names.get(node, node) if isinstance(node, str) else node}


class Utf16:
    """Offsets of a text as browsers count them: in UTF-16 units, where Python counts characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._same = text.isascii() or max(text) < "\U00010000"

    def __call__(self, offset: int) -> int:
        return offset if self._same else len(_encoded(self._text[:offset])) // 2


def _encoded(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def _decoded(units: bytes) -> str:
    return units.decode("utf-16-le", "surrogatepass")


def patched(text: str, typed: Sequence[Mapping[str, Json]]) -> tuple[str, tuple[Patch, ...]]:
    """The text with what was typed, and the patches in characters. Raises InputError where they do not fit.

    A browser may send half a character: of one emoji turned into another only the second half differs.
    """
    plain = text.isascii() or max(text) < "\ud800"
    if plain and not any(_has_halves(one["insert"]) for one in typed):
        patches = tuple(Patch(one["from"], one["to"], one["insert"]) for one in typed)
        return storable(_applied(text, patches)), patches
    units = [Patch(one["from"], one["to"], one["insert"]) for one in typed]
    new = storable(_decoded(_encoded(_applied(_in_halves(text), units))))
    return new, _difference(text, new)


def _applied(text: str, patches: Sequence[Patch]) -> str:
    if any(patch.end > len(text) for patch in patches):
        raise InputError("A change lies outside the text.")
    try:
        return apply_patches(text, patches)
    except ValueError as error:
        raise InputError("The changes overlap.") from error


def _has_halves(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _in_halves(text: str) -> str:
    """The text as a browser counts it: one element a UTF-16 unit."""
    encoded = _encoded(text)
    return "".join(map(chr, struct.unpack(f"<{len(encoded) // 2}H", encoded)))


def _difference(old: str, new: str) -> tuple[Patch, ...]:
    """The one patch that turns `old` into `new`, none where they are the same."""
    if old == new:
        return ()
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    return (Patch(start, len(old) - end, new[start : len(new) - end]),)


def _common(one: str, other: str) -> int:
    """Length of the longest common beginning, by bisection."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def storable(text: str) -> str:
    """Raises InputError for a text that cannot be kept as it is."""
    if len(text) > MAX_TEXT:
        raise InputError(f"The text is longer than {MAX_TEXT:,} characters and was not saved.")
    if "\x00" in text:
        raise InputError("The text contains a NUL character and was not saved.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError("The text contains half of a character pair and was not saved.") from error
    return text


def _typed(typed: Json) -> list[dict[str, Json]]:
    def fits(one: Json) -> bool:
        if not isinstance(one, dict) or not isinstance(one.get("insert"), str):
            return False
        start, end = one.get("from"), one.get("to")
        return type(start) is int and type(end) is int and 0 <= start <= end

    if not isinstance(typed, list) or not all(fits(one) for one in typed):
        raise InputError("What was typed must be a list of {from, to, insert}.")
    return typed


def _places(places: Json) -> dict[str, list[int] | None]:
    """Raises InputError for anything but {name: [x, y] | null}."""
    if not isinstance(places, dict) or len(places) > MAX_PLACES:
        raise InputError("The layout must map node names to places.")
    return {name: None if at is None else _pair(at, f"The place of {name!r}") for name, at in places.items()}


def _pair(value: Json, what: str) -> list[int]:
    fits = isinstance(value, list) and len(value) == 2 and all(_is_number(v) and abs(v) < FAR for v in value)
    if not fits:
        raise InputError(f"{what} must be two numbers.")
    return [round(value[0]), round(value[1])]


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _notes(notes: Json) -> list[dict[str, Json]] | None:
    """Raises InputError for anything but [{id?, at, size?, text, color?}]."""
    return None if notes is None else [_named(note) | read_note(note) for note in _objects(notes, "Notes", MAX_NOTES)]


def read_note(note: Mapping[str, Json]) -> dict[str, Json]:
    """Raises InputError for anything but {at, size?, text, color?}."""
    text = note.get("text")
    if not isinstance(text, str) or len(text) > MAX_NOTE_TEXT:
        raise InputError(f"A note needs a text of at most {MAX_NOTE_TEXT:,} characters.")
    found: dict[str, Json] = {"at": _pair(note.get("at"), "The place of a note"), "text": storable(text)}
    if note.get("size") is not None:
        found["size"] = _pair(note["size"], "The size of a note")
    return found | _coloured(note.get("color"))


def _groups(groups: Json) -> list[dict[str, Json]] | None:
    """Raises InputError for anything but [{id?, title, nodes, color?}]."""
    return None if groups is None else [_named(one) | read_group(one) for one in _objects(groups, "Groups", MAX_GROUPS)]


def _named(one: Mapping[str, Json]) -> dict[str, Json]:
    """The id by which a merge knows a note or a group again."""
    own = one.get("id")
    if own is None:
        return {}
    if not isinstance(own, str) or not ID.fullmatch(own):
        raise InputError("The id of a note or a group is a short word.")
    return {"id": own}


def read_group(group: Mapping[str, Json]) -> dict[str, Json]:
    """Raises InputError for anything but {title, nodes, color?}."""
    title, nodes = group.get("title"), group.get("nodes")
    if not isinstance(title, str) or len(title) > MAX_TITLE:
        raise InputError(f"A group needs a title of at most {MAX_TITLE} characters.")
    if not isinstance(nodes, list) or len(nodes) > MAX_PLACES or not all(isinstance(name, str) for name in nodes):
        raise InputError("A group needs a list of node names.")
    return {"title": storable(title), "nodes": nodes} | _coloured(group.get("color"))


def _choices(choices: Json) -> dict[tuple[str, ...], Side]:
    """Raises InputError for anything but [{place: [text], take: "mine" | "theirs"}]."""
    found: dict[tuple[str, ...], Side] = {}
    for one in _objects(choices, "Choices", MAX_CHOICES):
        place, take = one.get("place"), one.get("take")
        if not isinstance(place, list) or not all(isinstance(step, str) for step in place):
            raise InputError("A choice names its place by a list of texts.")
        if take not in ("mine", "theirs"):
            raise InputError("A choice takes mine or theirs.")
        found[tuple(place)] = take
    return found


def _undone(undone: Json) -> frozenset[tuple[str, str]]:
    """Raises InputError for anything but {"nodes"?: [name], "notes"?: [id], "groups"?: [id]}."""
    if not isinstance(undone, dict) or not undone.keys() <= {"nodes", "notes", "groups"}:
        raise InputError("What was undone must be nodes, notes and groups.")
    for keys in undone.values():
        if not isinstance(keys, list) or len(keys) > MAX_PLACES or not all(isinstance(key, str) for key in keys):
            raise InputError("What was undone must be lists of names and ids.")
    return frozenset((part, key) for part, keys in undone.items() for key in keys)


def _coloured(colour: Json) -> dict[str, Json]:
    if colour is None:
        return {}
    if not isinstance(colour, str) or not COLOUR.fullmatch(colour):
        raise InputError("A colour is one of the named ones, or #rrggbb.")
    return {"color": colour}


def _objects(values: Json, what: str, most: int) -> list[Mapping[str, Json]]:
    if not isinstance(values, list) or len(values) > most or not all(isinstance(one, dict) for one in values):
        raise InputError(f"{what} must be a list of at most {most} objects.")
    return values
