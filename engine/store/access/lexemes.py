"""Words as PostgreSQL's English dictionary sees them: the common ground of knowledge and product search.

A question goes through `to_tsvector`, which accepts any text, instead of a query parser, which stumbles over odd
punctuation; its words are then searched with OR and judged by how many of them an entry covers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from engine.store.session import Tx

MAX_WORDS = 40

# Words of courtesy and of asking: they say nothing about the subject, and the dictionary does not drop them.
_FILLERS = (
    "hello hi hey please thanks thank dear good morning evening afternoon would could should may might want need like "
    "know tell ask question wonder help get got let also just really actually maybe sure im ive id dont "
    "give show say see look find"
)
_LEXEMES = sa.text("SELECT tsvector_to_array(to_tsvector('english', :text))")
_QUERY = sa.text(
    "SELECT tsvector_to_array(to_tsvector('english', :text)), tsvector_to_array(to_tsvector('english', :no))"
)


def storable(text: str, longest: int = 4000) -> str:
    """The text without what PostgreSQL cannot store (NUL, lone surrogates), cut at `longest` characters."""
    return text.replace("\0", " ").encode("utf-8", "ignore").decode()[:longest]


async def query_words(tx: Tx, text: str) -> list[str]:
    """The distinct words of a question that carry its subject; all words when it has no others."""
    row = (await tx.session.execute(_QUERY, {"text": storable(text), "no": _FILLERS})).one()
    words, fillers = list(row[0]), set(row[1])
    return ([word for word in words if word not in fillers] or words)[:MAX_WORDS]


async def words_of(tx: Tx, text: str) -> list[str]:
    """The distinct words of any text."""
    return list((await tx.session.execute(_LEXEMES, {"text": storable(text)})).scalar_one())


def any_of(words: Iterable[str]) -> str:
    """A tsquery that matches where at least one of these dictionary words stands; each is quoted."""
    return " | ".join("'" + word.replace("\\", "\\\\").replace("'", "''") + "'" for word in words)


def share(words: Sequence[str], present: set[str], weight: Mapping[str, float]) -> float:
    """How much of `words`, by weight, is present; 0 for no words."""
    whole = sum(weight.get(word, 1.0) for word in words)
    return sum(weight.get(word, 1.0) for word in words if word in present) / whole if whole else 0.0
