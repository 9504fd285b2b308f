"""Chooses the class that a text speaks of: word overlap with names and descriptions, and the lexicon's concepts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from connectors.models.demo.extract import ORDER_ID
from connectors.models.demo.lexicon import concepts
from connectors.models.demo.prompt import Option
from connectors.models.demo.words import phrase_text, stems

NAME_WEIGHT = 3.0
CUE_WEIGHT = 2.0
PHRASE_WEIGHT = 3.0
DESCRIPTION_WEIGHT = 1.6
TONE_FACTOR = 2.0  # how somebody feels about it says more than what it is about
EARLIER_WEIGHT = 0.3
MIN_SCORE = 1.5
MIN_DEGREE = 2.0  # a degree (severity, urgency) leaves its normal value only for a clear sign
MAX_WORDS = 600

_OTHERS = ("other", "none", "unclear", "unknown", "general", "fallback", "misc")
_NORMAL = ("normal", "medium", "neutral", "standard", "default")
_ELSE = ("anything else", "none of", "everything else", "otherwise", "not clear", "unclear", "by default")
_TRACKING = frozenset(("track", "statu", "status"))
_SIZES = ("low", "medium", "high")


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen class and how sure the choice is, from 0 to 1."""

    name: str
    confidence: float


def choose(options: Sequence[Option], text: str, earlier: Sequence[str] = (), *, about: str = "") -> Choice:
    """The class among `options` (at least one) that `text` speaks of; without any sign of one, the default class.

    Without a default class it is the first of the best.

    `about` is the name of what is chosen (`severity`); earlier turns of the customer count less than the last one.
    """
    if "complex" in about or "difficult" in about:
        return _by_length(options, text)
    scores = score(options, text)
    enough = MIN_DEGREE if default_option(options) in _NORMAL else MIN_SCORE
    if max(scores) < enough and earlier:
        before = score(options, "\n".join(earlier[-3:]))
        scores = [now + EARLIER_WEIGHT * then for now, then in zip(scores, before, strict=True)]
    best = max(range(len(options)), key=lambda i: scores[i])
    fallback = default_option(options)
    if scores[best] < enough and fallback is not None:
        return Choice(fallback, 0.4)
    rivals = sorted(scores, reverse=True)
    margin = rivals[0] - rivals[1] if len(rivals) > 1 else rivals[0]
    return Choice(options[best].name, round(min(0.97, 0.55 + margin / (2 * rivals[0] + 1)), 2))


def score(options: Sequence[Option], text: str) -> list[float]:
    """Points of each option, in order; 0 = no sign of it. The default class gets none: it is for lack of signs."""
    found = Counter(stems(text)[:MAX_WORDS])
    spoken = phrase_text(text)
    fallback = default_option(options)
    shared = Counter(word for option in options for word in set(stems(option.description)))
    return [0.0 if option.name == fallback else _points(option, found, spoken, shared) for option in options]


def _points(option: Option, found: Counter[str], spoken: str, shared: Counter[str]) -> float:
    names = set(stems(option.name))
    points = NAME_WEIGHT * len(names & found.keys())
    described = set(stems(option.description)) - names
    points += sum(DESCRIPTION_WEIGHT / shared[word] for word in described & found.keys())
    if ORDER_ID.search(spoken):  # a bare order number asks where the order is
        points += CUE_WEIGHT if names & _TRACKING else DESCRIPTION_WEIGHT if "order" in names else 0
    mine = [concept for concept in concepts().values() if concept.names & names]
    cues = frozenset[str]().union(*(concept.cues for concept in mine)) - names
    phrases = {phrase for concept in mine for phrase in concept.phrases}
    told = CUE_WEIGHT * len(cues & found.keys()) + PHRASE_WEIGHT * sum(phrase in spoken for phrase in phrases)
    return points + told * (TONE_FACTOR if concepts()["complaining"] in mine else 1)


def default_option(options: Sequence[Option]) -> str | None:
    """The class that stands for lack of signs: by its name, else by its description; None when every class is real."""
    names = {option.name.lower(): option.name for option in options}
    for name in (*_OTHERS, *_NORMAL):
        if name in names:
            return names[name]
    described = (option for option in options if any(sign in option.description.lower() for sign in _ELSE))
    return next((option.name for option in described), None)


def _by_length(options: Sequence[Option], text: str) -> Choice:
    """How complex a text is, by its length and the number of its questions."""
    size = len(text.split()) / 50 + max(0, text.count("?") - 1) / 2
    wanted = _SIZES[min(2, int(size))]
    names = {option.name.lower(): option.name for option in options}
    return Choice(names.get(wanted) or default_option(options) or options[-1].name, 0.7)
