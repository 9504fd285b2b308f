"""Merging by lines: pieces cover the base, patches lead from one text to the other, and nothing takes for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.language.merge_text import MOST_EDITS, line_patches, pieces
from engine.language.positions import apply_patches

TEXTS = st.text(st.sampled_from("ab \n"), max_size=60)


@given(TEXTS, TEXTS)
def test_patches_lead_from_one_text_to_the_other(old: str, new: str) -> None:
    assert apply_patches(old, line_patches(old, new)) == new
    assert line_patches(old, old) == ()


@given(TEXTS, TEXTS, TEXTS)
def test_pieces_hold_all_three_texts(base: str, mine: str, theirs: str) -> None:
    found = pieces(base, mine, theirs)
    assert "".join(piece.base for piece in found) == base
    if not any(piece.mine == piece.theirs != piece.base for piece in found):  # merged word by word
        assert "".join(piece.mine for piece in found) == mine
        assert "".join(piece.theirs for piece in found) == theirs


def test_lines_keep_apart() -> None:
    base = "a\nb\nc\nd\n"
    assert [p for p in pieces(base, "a\nB\nc\nd\n", "a\nb\nc\nD\n") if p.collides] == []
    [both] = [p for p in pieces(base, "a\nX\nc\nd\n", "a\nY\nc\nd\n") if p.collides]
    assert (both.start, both.mine, both.theirs) == (1, "X\n", "Y\n")


def test_texts_that_share_hardly_anything_are_one_piece() -> None:
    old, new = ("".join(f"{word} {n}\n" for n in range(MOST_EDITS)) for word in ("old", "new"))
    assert len(line_patches(old, new)) == 1
    again = "".join(f"x\ny {n}\n" for n in range(2 * MOST_EDITS))
    assert apply_patches(again, line_patches(again, again[::-1])) == again[::-1]
