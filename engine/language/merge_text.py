"""Three-way merge of texts by lines, and by words within lines, for merge.py. It knows nothing of YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from engine.language.positions import Patch

LINES = re.compile(r"[^\n]*\n|[^\n]+\Z")
WORDS = re.compile(r"\w+|\s+|[^\w\s]")
MOST_EDITS = 1_000  # lines or words that come or go; beyond, what differs counts as one piece


class Piece(NamedTuple):
    """A stretch of the base, `[start, end)` in its parts, and what each side has there."""

    start: int
    end: int
    base: str
    mine: str
    theirs: str

    @property
    def collides(self) -> bool:
        return self.base not in (self.mine, self.theirs) and self.mine != self.theirs

    @property
    def both_add(self) -> bool:
        return self.collides and not self.base


@dataclass(frozen=True, slots=True)
class Hunk:
    start: int
    end: int
    text: str


def pieces(base: str, mine: str, theirs: str) -> list[Piece]:
    """The base's text in pieces that follow each other without gaps; those that no side changed are left as they are.

    Where both sides changed the same lines, the lines are compared word by word; if the sides then keep apart, the
    piece holds the outcome as that of both.
    """
    return [_by_words(piece) if piece.collides else piece for piece in _pieces(LINES, base, mine, theirs)]


def line_patches(old: str, new: str) -> tuple[Patch, ...]:
    """Patches of whole lines that turn `old` into `new`."""
    split = LINES.findall(old)
    offsets = [0, *accumulate(map(len, split))]
    return tuple(Patch(offsets[h.start], offsets[h.end], h.text) for h in _hunks(split, LINES.findall(new)))


def _by_words(piece: Piece) -> Piece:
    smaller = _pieces(WORDS, piece.base, piece.mine, piece.theirs)
    if any(one.collides for one in smaller):
        return piece
    text = "".join(one.theirs if one.mine == one.base else one.mine for one in smaller)
    return piece._replace(mine=text, theirs=text)


def _pieces(parts: re.Pattern[str], base: str, mine: str, theirs: str) -> list[Piece]:
    split = parts.findall(base)
    offsets = [0, *accumulate(map(len, split))]
    found: list[Piece] = []
    done = 0
    for start, end, ours, others in _grouped(_hunks(split, parts.findall(mine)), _hunks(split, parts.findall(theirs))):
        found.append(_kept(base, offsets, done, start))
        text = base[offsets[start] : offsets[end]]
        found.append(Piece(start, end, text, _side(split, start, end, ours), _side(split, start, end, others)))
        done = end
    found.append(_kept(base, offsets, done, len(split)))
    return [piece for piece in found if piece.base or piece.mine or piece.theirs]


def _kept(base: str, offsets: Sequence[int], start: int, end: int) -> Piece:
    text = base[offsets[start] : offsets[end]]
    return Piece(start, end, text, text, text)


def _side(split: Sequence[str], start: int, end: int, hunks: Sequence[Hunk]) -> str:
    """What a side has in place of `split[start:end]`."""
    out: list[str] = []
    for hunk in hunks:
        out += (*split[start : hunk.start], hunk.text)
        start = hunk.end
    return "".join([*out, *split[start:end]])


def _grouped(mine: list[Hunk], theirs: list[Hunk]) -> Iterator[tuple[int, int, list[Hunk], list[Hunk]]]:
    """Hunks of both sides that change the same parts, or add at the same place, together."""
    rest = [mine[::-1], theirs[::-1]]
    while rest[0] or rest[1]:
        first = min((stack[-1] for stack in rest if stack), key=lambda hunk: (hunk.start, hunk.end))
        start, end = first.start, first.end
        taken: tuple[list[Hunk], list[Hunk]] = ([], [])
        grown = True
        while grown:
            grown = False
            for stack, into in zip(rest, taken, strict=True):
                while stack and _meets(stack[-1], start, end):
                    into.append(stack.pop())
                    end, grown = max(end, into[-1].end), True
        yield start, end, *taken


def _meets(hunk: Hunk, start: int, end: int) -> bool:
    if start == end:
        return hunk.start == hunk.end == start
    return start < hunk.start < end if hunk.start == hunk.end else hunk.start < end


def _hunks(old: Sequence[str], new: Sequence[str]) -> list[Hunk]:
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    old_middle, new_middle = old[head : len(old) - tail], new[head : len(new) - tail]
    common = _common(old_middle, new_middle) or []
    found: list[Hunk] = []
    i = j = 0
    for x, y in [*common, (len(old_middle), len(new_middle))]:
        if x > i or y > j:
            found.append(Hunk(head + i, head + x, "".join(new_middle[j:y])))
        i, j = x + 1, y + 1
    return found


def _common(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]] | None:
    """Places of a longest common subsequence (the greedy algorithm of Myers, 1986); None beyond MOST_EDITS."""
    furthest = {1: 0}
    trace: list[dict[int, int]] = []
    for edits in range(min(len(old) + len(new), MOST_EDITS) + 1):
        trace.append(dict(furthest))
        for k in range(-edits, edits + 1, 2):
            x = furthest[k + 1] if _from_above(furthest, k, edits) else furthest[k - 1] + 1
            while x < len(old) and x - k < len(new) and old[x] == new[x - k]:
                x += 1
            furthest[k] = x
            if x >= len(old) and x - k >= len(new):
                return _walked_back(trace, len(old), len(new))
    return None


def _from_above(furthest: dict[int, int], k: int, edits: int) -> bool:
    return k == -edits or (k != edits and furthest[k - 1] < furthest[k + 1])


def _walked_back(trace: list[dict[int, int]], x: int, y: int) -> list[tuple[int, int]]:
    pairs: list[tuple[int, int]] = []
    for edits in range(len(trace) - 1, -1, -1):
        k = x - y
        before = k + 1 if _from_above(trace[edits], k, edits) else k - 1
        last_x, last_y = trace[edits][before], trace[edits][before] - before
        while x > max(last_x, 0) and y > max(last_y, 0):
            x, y = x - 1, y - 1
            pairs.append((x, y))
        x, y = last_x, last_y
    return pairs[::-1]
