"""Offsets in a text <-> lines and columns, and the small value types that name places in a file.

Offsets count characters of the Python string from 0. Lines and columns count from 1, as editors show them.
A line ends with LF, CRLF or CR.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

PathKey = str | int
Path = tuple[PathKey, ...]

_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a text, `text[start:end]`; `line` and `column` are those of its start."""

    start: int
    end: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Patch:
    """Replace `text[start:end]` by `text`. `start == end` inserts."""

    start: int
    end: int
    text: str


def apply_patches(text: str, patches: Iterable[Patch]) -> str:
    """The text with every patch applied; offsets are those of `text`, patches must not overlap.

    Insertions at one offset are applied in the order given. Raises ValueError on an overlap.
    """
    parts: list[str] = []
    done = 0
    for patch in sorted(patches, key=lambda p: (p.start, p.end)):
        if patch.start < done:
            raise ValueError("patches overlap")
        parts += (text[done : patch.start], patch.text)
        done = patch.end
    parts.append(text[done:])
    return "".join(parts)


def invert_patches(text: str, patches: Iterable[Patch]) -> list[Patch]:
    """Patches that turn the patched text back into `text`."""
    inverse: list[Patch] = []
    shift = 0
    for patch in sorted(patches, key=lambda p: (p.start, p.end)):
        start = patch.start + shift
        inverse.append(Patch(start, start + len(patch.text), text[patch.start : patch.end]))
        shift += len(patch.text) - (patch.end - patch.start)
    return inverse


class LineIndex:
    """Where the lines of a text start; built on first use."""

    __slots__ = ("_starts", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] | None = None

    @property
    def starts(self) -> list[int]:
        if self._starts is None:
            self._starts = [0, *(m.end() for m in _LINE_END.finditer(self._text))]
        return self._starts

    def position(self, offset: int) -> tuple[int, int]:
        """`(line, column)`, both from 1."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def span(self, start: int, end: int) -> Span:
        line, column = self.position(start)
        return Span(start, end, line, column)


def line_start(text: str, offset: int) -> int:
    """Offset of the first character of the line that `offset` stands in; a byte order mark is no part of the line."""
    found = max(text.rfind("\n", 0, offset), text.rfind("\r", 0, offset)) + 1
    return 1 if found == 0 and offset > 0 and text.startswith("\ufeff") else found


def line_end(text: str, offset: int) -> int:
    """Offset of the line break (or the end of the text) that ends the line of `offset`."""
    found = _LINE_END.search(text, offset)
    return found.start() if found else len(text)


def next_line(text: str, offset: int) -> int:
    """Offset of the line after that of `offset`, or the end of the text."""
    found = _LINE_END.search(text, offset)
    return found.end() if found else len(text)


def newline_of(text: str) -> str:
    """The line break that the text uses: that of its first line, LF when it has none."""
    found = _LINE_END.search(text)
    return found.group() if found else "\n"
