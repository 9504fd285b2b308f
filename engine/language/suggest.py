"""The nearest known name to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that the word most likely means, None when nothing is close."""
    names = list(known)
    lower = {name.lower(): name for name in names}
    if word.lower() in lower:
        return lower[word.lower()]
    found = get_close_matches(word, names, n=1, cutoff=0.7)
    if found:
        return found[0]
    return next((name for name in names if len(word) > 1 and one_slip(word, name)), None)


def one_slip(word: str, other: str) -> bool:
    """Do two words differ by one letter more, less, changed, or swapped with its neighbour?"""
    if word == other or abs(len(word) - len(other)) > 1:
        return word == other
    first = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), min(len(word), len(other)))
    rest, other_rest = word[first:], other[first:]
    swapped = rest[1:2] + rest[:1] + rest[2:]
    return other_rest in (swapped, rest[1:]) or rest[1:] == other_rest[1:] or rest == other_rest[1:]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`"; did you mean `x`?"` or an empty text, to be put behind a message."""
    found = nearest(word, known)
    return f"; did you mean `{found}`?" if found else ""
