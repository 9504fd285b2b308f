"""Texts with places in double braces, as Dify, Langflow and Flowise write them."""

from __future__ import annotations

import re
from collections.abc import Callable
from html.parser import HTMLParser

from engine.importers.wording import Part, Said, Unsaid, Wording

Resolve = Callable[[str], Said | Unsaid | str]
_BLOCKS = frozenset({"p", "div", "br", "li", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "tr"})


def filled(text: str, pattern: re.Pattern[str], resolve: Resolve) -> Wording:
    """The text as a wording; `resolve` gets what the pattern's first group holds, and says what it means."""
    parts: list[Part] = []
    at = 0
    for found in pattern.finditer(text):
        parts += [text[at : found.start()], resolve(found[1].strip())]
        at = found.end()
    parts.append(text[at:])
    return Wording.of(parts)


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "li":
            self.pieces.append("- ")
        elif tag == "br":
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS and tag != "br":
            self.pieces.append("\n")


def plain_text(html: str) -> str:
    """A text that an editor saved as HTML, without its tags."""
    if not re.search(r"</?[a-z][^>]*>|&[a-z#0-9]+;", html):
        return html
    reader = _Text()
    reader.feed(html)
    reader.close()
    return re.sub(r"\n{3,}", "\n\n", "".join(reader.pieces)).strip()
