"""Words of a text in a form that can be compared: lower case, without endings, without filler words."""

from __future__ import annotations

import re
from functools import lru_cache

_WORD = re.compile(r"[a-z0-9]+(?:'[a-z]+)?")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n+")
_ENDINGS = ("ings", "ing", "edly", "ed", "es", "s", "ly")
_VOWELS = "aeiou"


def word_set(text: str) -> frozenset[str]:
    """The words of a text that lists them."""
    return frozenset(text.split())


FILLER = word_set(
    "a an and any are as at be been but by can could did do does for from had has have he her here him his how i i'm "
    "i've i'd i'll if in into is it its it's just me my no not of on or our out please she so some than that the their "
    "them then there these they this to too up us was we were what when which who will with would you your yours am "
    "about also all only very via per one customer user client person wants want asks message text cannot can't get "
    "gets got need needs like now after before no-one"
)


def words(text: str) -> list[str]:
    """Lower-case words in order."""
    return _WORD.findall(text.lower())


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """The word without its English ending; rough on purpose, the same on both sides of a comparison."""
    word = word.removesuffix("'s")
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)]
            if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":
                word = word[:-1]
            break
    if word.endswith("e") and len(word) > 3:
        word = word[:-1]
    if word.endswith("y") and len(word) > 2 and word[-2] not in _VOWELS:
        word = word[:-1] + "i"
    return word


def stems(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order, with repetitions."""
    return [stem(word) for word in words(text.replace("_", " ").replace("-", " ")) if word not in FILLER]


def sentences(text: str) -> list[str]:
    """The sentences and lines of a text, trimmed, without empty ones."""
    return [part.strip() for part in _SENTENCE_END.split(text) if part.strip()]


def phrase_text(text: str) -> str:
    """The text as ` word word word `, in which a phrase can be found by `" log in " in ...`."""
    return " " + " ".join(words(text.replace("_", " "))) + " "


def readable(key: str) -> str:
    """`tracking_number` as people write it: tracking number."""
    return key.replace("_", " ").replace("-", " ").strip()


def shorten(text: str, limit: int) -> str:
    """The text in one line, cut at a word when it is longer than `limit` characters."""
    line = " ".join(text.split())
    if len(line) <= limit:
        return line
    return line[: limit - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def sentence(text: str) -> str:
    """The text as a sentence: capital first, closed by a full stop."""
    line = " ".join(text.split()).strip()
    if not line:
        return ""
    line = line[0].upper() + line[1:]
    return line if line[-1] in ".!?:" or line.rsplit(" ", 1)[-1].startswith("http") else line + "."
