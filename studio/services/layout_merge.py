"""Three-way merge of what stands beside a workflow's text: sticky notes and groups, each known by its `id`.

What only one side changed stays as that side has it. A text that both changed is merged by lines and words; where that
does not do, and where one side deletes what the other changed, there is a collision for a person to decide. Of two
places, sizes or colours mine counts, as for nodes: everybody sees them at once. What a person's undo would only put
back gives way to whatever somebody else made of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import orjson

from engine.language.diff import MISSING
from engine.language.merge import Choices
from engine.language.merge_data import Collision, Keyed, Merger
from engine.language.merge_text import pieces

Json = Any
Items = Sequence[Mapping[str, Json]]

PARTS = ("notes", "groups")
WORDED = ("text", "title")  # fields that a person wrote


def identified(layout: Mapping[str, Json]) -> dict[str, Json]:
    """The layout with an id for each note and group; one that was kept without gets what follows from what it says."""
    found = dict(layout)
    for part in PARTS:
        if isinstance(items := layout.get(part), list):
            found[part] = [{**one, "id": key} for key, one in _by_id(items).items()]
    return found


def merged(
    base: Mapping[str, Items],
    mine: Mapping[str, Items],
    theirs: Mapping[str, Items],
    choices: Choices,
    undone: Collection[tuple[str, str]] = (),
) -> tuple[dict[str, list[Mapping[str, Json]]], list[Collision]]:
    """The merged lists of the parts that `mine` has, and the collisions that `choices` leave open.

    Places: ("notes", id, "text"), ("groups", id, "title"), or ("notes", id) where one side deleted it. `undone`: the
    places of items that mine only puts back as they were.
    """
    found: dict[str, list[Mapping[str, Json]]] = {}
    collisions: list[Collision] = []
    for part in (part for part in PARTS if part in mine):
        merger = Merger(lambda place: place[:2] in undone or choices.get(place) == "theirs")
        sides = [_spread(_by_id(side.get(part) or ())) for side in (base, mine, theirs)]
        values = merger.merge(*_with_texts_merged(*sides), (part,))
        found[part] = [_folded(one) for one in values.values()]
        asked = (one for one in merger.collisions if one.place[:2] not in undone and one.place not in choices)
        collisions += filter(_asks, asked)
    return found, collisions


def _asks(collision: Collision) -> bool:
    _part, _key, *field = collision.place
    return field in ([], *([name] for name in WORDED))


def _by_id(items: Items) -> Keyed:
    """What is no object is left out: the layout may have been written by hand."""
    found = Keyed()
    for one in (one for one in items if isinstance(one, Mapping)):
        own = one.get("id")
        key = first = own if isinstance(own, str) and own else _sum(one)
        number = 1
        while key in found:
            number += 1
            key = f"{first}-{number}"
        found[key] = one
    return found


def _sum(one: Json) -> str:
    said = orjson.dumps(one, option=orjson.OPT_SORT_KEYS, default=str)
    return hashlib.sha256(said).hexdigest()[:8]


def _spread(items: Keyed) -> Keyed:
    """With the nodes of a group as items of their own, so that both may add some."""
    return Keyed({key: _with_nodes(one, _names) for key, one in items.items()})


def _folded(one: Mapping[str, Json]) -> dict[str, Json]:
    return _with_nodes(one, list)


def _names(nodes: Json) -> Keyed:
    return Keyed({name: name for name in nodes if isinstance(name, str)} if isinstance(nodes, list) else {})


def _with_nodes(one: Mapping[str, Json], made: Callable[[Json], Json]) -> dict[str, Json]:
    return {key: made(value) if key == "nodes" else value for key, value in one.items()}


def _with_texts_merged(base: Keyed, mine: Keyed, theirs: Keyed) -> tuple[Keyed, Keyed, Keyed]:
    """Texts that both changed in different lines or words say the same on both sides."""
    ours, others = Keyed(mine), Keyed(theirs)
    for key in mine:
        for field in WORDED:
            texts = [side.get(key, {}).get(field, MISSING) for side in (base, mine, theirs)]
            if all(isinstance(text, str) for text in texts[1:]) and (text := _together(*texts)) is not None:
                ours[key], others[key] = {**ours[key], field: text}, {**others[key], field: text}
    return base, ours, others


def _together(base: Json, mine: str, theirs: str) -> str | None:
    """None where both changed the same words.

    What both have and the base has not was made once: its first save arrived, the answer to it did not. The longer
    text is what was written on since.
    """
    if base is MISSING and (mine.startswith(theirs) or theirs.startswith(mine)):
        return max(mine, theirs, key=len)
    if not isinstance(base, str):
        return None
    parts = pieces(base, mine, theirs)
    if base in (mine, theirs) or mine == theirs or any(part.collides for part in parts):
        return None
    return "".join(part.theirs if part.mine == part.base else part.mine for part in parts)
