"""Where the nodes of a draft stand.

The other studios' graphs lead to the right, ours lead down: the picture is turned about its diagonal, so that what
stood behind a node stands beneath it, and what stood beneath stands to its right.
"""

from __future__ import annotations

from bisect import insort
from typing import Any

from engine.importers.draft import Draft

Json = Any
Stretch = tuple[float, float]  # how much further things stand from each other when turned, across and down
_Places = dict[str, list[int]]
_Ways = dict[str, list[str]]  # where the edges of a node lead, or come from
GRID = 20
FAR = 400_000  # pixels; the editor's own bound is wider
ROOM = (240, 80)  # pixels from one card to the next, across and down
ROW = 120  # pixels that a node needs which the file does not have


def layout_of(draft: Draft, stretch: Stretch) -> dict[str, Json]:
    """`{"nodes": {name: [x, y]}}` on the grid, its top left at 40, 40.

    A node of the file without a place leaves the whole picture to the automatic layout.
    """
    places = _turned(draft, stretch)
    known = [node for node in draft.nodes.values() if not node.is_helper and node.type != "note"]
    if not known or any(node.name not in places for node in known):
        return {}
    ahead: _Ways = {name: [] for name in draft.nodes}
    back: _Ways = {name: [] for name in draft.nodes}
    for edge in draft.edges:
        ahead[edge.source].append(edge.target)
        back[edge.target].append(edge.source)
    helpers = [node.name for node in draft.nodes.values() if node.is_helper]
    _append(_insert_rows(helpers, places, ahead), places, back)
    notes = {name for name in places if draft.nodes[name].type == "note"}
    _make_room([place for _, place in sorted(places.items(), key=lambda one: (one[0] in notes, one[1], one[0]))])
    top, left = min(y for _, y in places.values()), min(x for x, _ in places.values())
    return {"nodes": {name: [_near(x - left), _near(y - top)] for name, (x, y) in sorted(places.items())}}


def _near(number: int) -> int:
    return min(FAR, 40 + number)


def _turned(draft: Draft, stretch: Stretch) -> _Places:
    """What the file has a place for."""
    return {
        node.name: [_on_grid(node.place[1] * stretch[0]), _on_grid(node.place[0] * stretch[1])]
        for node in draft.nodes.values()
        if node.place is not None
    }


def _on_grid(number: float) -> int:
    return round(number / GRID) * GRID


def _insert_rows(helpers: list[str], places: _Places, ahead: _Ways) -> list[str]:
    """Give each helper a row of its own above what follows it; all that stands there moves down.

    Returns those that nothing follows.
    """
    while ready := [name for name in helpers if any(one in places for one in ahead[name])]:
        for name in ready:
            below = [places[one] for one in ahead[name] if one in places]
            top = min(y for _, y in below)
            for place in places.values():
                place[1] += ROW if place[1] >= top else 0
            places[name] = [_middle(below), top]
        helpers = [name for name in helpers if name not in places]
    return helpers


def _append(helpers: list[str], places: _Places, back: _Ways) -> None:
    """The others, such as an end, stand beneath all."""
    row = max(y for _, y in places.values()) + ROW
    for name in helpers:
        above = [places[one] for one in back[name] if one in places] or list(places.values())
        places[name] = [_middle(above), row]


def _middle(places: list[list[int]]) -> int:
    return _on_grid(sum(x for x, _ in places) / len(places))


def _make_room(places: list[list[int]]) -> None:
    """Move cards to the right that would lie over one before them."""
    taken: dict[int, list[list[int]]] = {}
    for place in places:
        x, y = place
        row = y // ROOM[1]
        for other in sorted(one for near in (row - 1, row, row + 1) for one in taken.get(near, ())):
            if abs(other[1] - y) < ROOM[1] and abs(other[0] - x) < ROOM[0]:
                x = other[0] + ROOM[0]
        place[0] = x
        insort(taken.setdefault(row, []), place)
