"""Patches that take entries of mappings or items of lists out of a text.

The pieces of the collection are given in their order as `(start, end, is it to go?)`; at least one stays.
"""

from __future__ import annotations

from engine.language.layout import starts_line
from engine.language.positions import Patch, line_start, next_line

Piece = tuple[int, int, bool]


def remove_in_flow(pieces: list[Piece]) -> list[Patch]:
    """Of a flow collection: each piece with one comma."""
    last_kept = max(i for i, piece in enumerate(pieces) if not piece[2])
    return [
        Patch(start, pieces[i + 1][0], "") if i < last_kept else Patch(pieces[i - 1][1], end, "")
        for i, (start, end, is_gone) in enumerate(pieces)
        if is_gone
    ]


def remove_lines(text: str, pieces: list[Piece]) -> list[Patch]:
    """Of a block: whole lines; in place of a first entry behind a dash, the next one that stays is pulled up."""
    patches: list[Patch] = []
    at = 0
    while at < len(pieces):
        start, end, is_gone = pieces[at]
        if not is_gone:
            at += 1
        elif starts_line(text, start):
            patches.append(_lines(text, start, end))
            at += 1
        else:
            following = next(i for i in range(at, len(pieces)) if not pieces[i][2])
            patches.append(Patch(start, pieces[following][0], ""))
            at = following
    while len(patches) > 1 and patches[-1].start < patches[-2].end:  # at the end of a file without final line break
        last, previous = patches.pop(), patches.pop()
        patches.append(Patch(_break_before(text, previous.start), last.end, ""))
    return patches


def _break_before(text: str, offset: int) -> int:
    """Offset of the line break that ends before `offset`, `offset` itself when there is none."""
    previous = offset - 1 if text[offset - 1 : offset] in ("\n", "\r") else offset
    return previous - (text[previous - 1 : offset] == "\r\n")


def _lines(text: str, start: int, end: int) -> Patch:
    """The removal of the lines from that of `start` to that of `end`; no two blank lines are left behind."""
    first, after = line_start(text, start), next_line(text, end)
    previous = _break_before(text, first)
    if after == len(text) and not text.endswith(("\n", "\r")):  # the file has no final line break: keep it so
        return Patch(previous, after, "")
    before = text[line_start(text, previous) : previous]
    following = text[after : next_line(text, after)]
    if first and not before.strip() and following and not following.strip():
        after += len(following)
    return Patch(first, after, "")
