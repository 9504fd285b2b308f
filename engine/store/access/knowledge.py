"""The tenant's questions and answers: search with a confidence from 0 to 1.

Confidence is not a rank among the hits but an estimate of "does this entry answer that question?", so that a workflow
can compare it with fixed limits. It joins three shares, rare words weighing more: how much of the question asked the
entry covers, how much of the entry's own question was asked, and how PostgreSQL ranks the closeness of the words.
About: 1 the same question, 0.8 and more a good match, 0.5 to 0.8 a partial one, less than 0.5 a weak one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from engine.errors import NotFound
from engine.store.access.lexemes import any_of, query_words, share, storable
from engine.store.session import Tx
from engine.store.tables.knowledge import FaqEntry

_CANDIDATES = 50
# A word found only in the answer says less than one in the question or the tags.
_ANSWER_ONLY = 0.55
# Words that no entry knows are often beside the point ("jacket", "aunt"): they count, but less.
_UNKNOWN = 0.45
# Words (in the dictionary's form) that shape a question but hardly say what it is about.
_FAINT = frozenset({"much", "mani", "long", "take", "often", "possibl", "use", "work", "sell", "offer"})
_FAINT_SHARE = 0.35

_SEARCH = sa.text("""
    WITH entry AS (
      SELECT *, jsonb_to_tsvector('english', tags, '["string"]') AS tag_words
      FROM faq_entries WHERE tenant_id = :tenant
    )
    SELECT faq_entry_id, question, answer, source, category,
           tsvector_to_array(to_tsvector('english', question)) AS question_words,
           tsvector_to_array(tag_words) AS tag_words,
           tsvector_to_array(search) AS all_words,
           ts_rank_cd(search || tag_words, CAST(:query AS tsquery), 4 | 32) AS rank
    FROM entry WHERE search @@ CAST(:query AS tsquery) OR tag_words @@ CAST(:query AS tsquery)
    ORDER BY rank DESC, faq_entry_id LIMIT :limit
""")
_FREQUENCY = sa.text("""
    SELECT word, count(*) AS entries, (SELECT count(*) FROM faq_entries WHERE tenant_id = :tenant) AS total
    FROM faq_entries, unnest(tsvector_to_array(search)) AS word
    WHERE tenant_id = :tenant AND word = ANY(:words) GROUP BY word
""")


@dataclass(frozen=True, slots=True)
class Hit:
    """An entry that may answer a question, and how sure that is, from 0 to 1."""

    faq_entry_id: UUID
    question: str
    answer: str
    source: str
    category: str
    confidence: float


async def search(tx: Tx, question: str, *, limit: int = 5, threshold: float = 0.0) -> list[Hit]:
    """The entries that answer `question` with at least that confidence, best first; any text may be asked."""
    words = await query_words(tx, question)
    if not words:
        return []
    values = {"tenant": tx.scope.tenant_id, "query": any_of(words), "limit": _CANDIDATES}
    rows = [row._asdict() for row in (await tx.session.execute(_SEARCH, values)).all()]
    known = {word for row in rows for word in row["question_words"]}
    weight = await _weights(tx, sorted(known | set(words)), words)
    same = storable(question).strip().casefold()
    hits = [
        Hit(
            row["faq_entry_id"],
            row["question"],
            row["answer"],
            row["source"],
            row["category"],
            1.0 if row["question"].strip().casefold() == same else _confidence(words, row, weight),
        )
        for row in rows
    ]
    hits.sort(key=lambda hit: -hit.confidence)  # stable: equal ones keep PostgreSQL's order
    return [hit for hit in hits if hit.confidence >= threshold][:limit]


async def list_entries(tx: Tx) -> Sequence[FaqEntry]:
    """All entries of the tenant by category and question."""
    query = sa.select(FaqEntry).order_by(FaqEntry.category, FaqEntry.question)
    return (await tx.session.execute(query)).scalars().all()


async def get_entry(tx: Tx, faq_entry_id: UUID) -> FaqEntry:
    """Raises NotFound, also for another tenant's entry."""
    row = await tx.session.get(FaqEntry, (tx.scope.tenant_id, faq_entry_id))
    if row is None:
        raise NotFound("No such entry.")
    return row


async def add_entry(
    tx: Tx, question: str, answer: str, *, category: str = "", source: str = "help_center", tags: Sequence[str] = ()
) -> FaqEntry:
    """Keep an entry. `tags` are other words for the same question; the search counts them as its words."""
    row = FaqEntry(
        tenant_id=tx.scope.tenant_id,
        question=storable(question),
        answer=storable(answer, 20_000),
        category=category,
        source=source,
        tags=list(tags),
    )
    tx.session.add(row)
    await tx.session.flush()
    return row


async def _weights(tx: Tx, words: Sequence[str], asked: Sequence[str]) -> dict[str, float]:
    """Weight of each word: rare ones weigh more (inverse document frequency), unknown ones less."""
    found = (await tx.session.execute(_FREQUENCY, {"tenant": tx.scope.tenant_id, "words": list(words)})).all()
    total = found[0].total if found else 1
    weight = {row.word: math.log(1 + total / row.entries) for row in found}
    unknown = math.log(1 + total) * _UNKNOWN
    return {word: weight.get(word, unknown) * (_FAINT_SHARE if word in _FAINT else 1.0) for word in {*words, *asked}}


def _confidence(words: Sequence[str], row: Mapping[str, Any], weight: Mapping[str, float]) -> float:
    """See the module's docstring."""
    titled = set(row["question_words"]) | set(row["tag_words"])
    in_title = share(words, titled, weight)
    present = share(words, titled | set(row["all_words"]), weight)
    covered = in_title + _ANSWER_ONLY * (present - in_title)
    asked = _asked(set(words), row, weight)
    balance = 2 * covered * asked / (covered + asked) if covered + asked else 0.0
    confidence = 0.45 * covered + 0.25 * asked + 0.25 * balance + 0.05 * min(1.0, float(row["rank"]) * 4)
    if asked >= 0.99 and len(row["question_words"]) > 1:
        confidence = max(confidence, 0.8 + 0.19 * covered)  # the whole question, among other words
    if present >= 0.99 and len(words) > 1:
        confidence = max(confidence, 0.5 + 0.3 * covered)  # every word is there, if only in the answer
    return round(min(confidence, 0.99), 3)


def _asked(words: set[str], row: Mapping[str, Any], weight: Mapping[str, float]) -> float:
    """How much of the entry's question was asked; a tag that was said stands in for a word that was not."""
    question: list[str] = row["question_words"]
    whole = sum(weight.get(word, 1.0) for word in question)
    said = [word for word in question if word in words]
    instead = [word for word in row["tag_words"] if word in words and word not in question]
    return min(1.0, sum(weight.get(word, 1.0) for word in [*said, *instead]) / whole) if whole else 0.0
