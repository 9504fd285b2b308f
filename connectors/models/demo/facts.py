"""Says data in words: an order, a list of products, a ticket. Only what the data holds is said."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from connectors.models.demo.words import readable, sentence, shorten, stems

Json = Any

MAX_ITEMS = 6
MAX_FACTS = 14
MAX_DEPTH = 3

_ID_KEYS = re.compile(r"(?:^|_)(?:id|number|reference)$")
_MONEY = ("price", "amount", "total", "subtotal", "discount", "cost", "fee")
_HIDDEN = frozenset(
    ("currency", "confidence", "score", "source", "faq_entry_id", "description", "attributes", "category")
)
_UUID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22,27}$")
_TITLES = ("name", "title", "product_name", "question", "subject")
_QUESTION_KEYS = ("question", "title", "heading")
_ANSWER_KEYS = ("answer", "content", "text", "body", "snippet", "passage")


def describe(value: Json, label: str, wanted: frozenset[str] = frozenset(), entries: int = MAX_ITEMS) -> list[str]:
    """The data as sentences. `label` says what it is; `wanted` are stems of the facts asked for (none = all).

    Of a list at most so many `entries` are told.
    """
    if isinstance(value, Mapping):
        return _describe_object(value, label, wanted)
    if isinstance(value, Sequence) and not isinstance(value, str):
        items = [line for item in value[:entries] if (line := line_of(item))]
        if len(value) > entries:
            items.append(f"and {len(value) - entries} more")
        return ["\n".join(f"- {item}" for item in items)] if items else []
    return [sentence(f"{readable(label)}: {value}")] if label else [sentence(str(value))]


def _describe_object(value: Mapping[str, Json], label: str, wanted: frozenset[str]) -> list[str]:
    """First what it is and its state, then the other facts."""
    said: list[str] = []
    key, name = identity(value)
    noun = readable(key).rsplit(" ", 1)[0] if key and _ID_KEYS.search(key) else readable(label)
    state = value.get("status")
    if name and isinstance(state, str) and state:
        said.append(
            f"Your {noun} {name} {'has been' if state.endswith('ed') or state == 'paid' else 'is'} {readable(state)}."
        )
    elif name:
        said.append(sentence(f"{noun} {name}" if noun else name))
    chosen = _chosen(value, wanted - set(stems(noun)))
    for fact in chosen[:MAX_FACTS]:
        if fact not in (key, "status") or not said:
            text = fact_text(fact, value[fact], str(value.get("currency") or ""))
            if text:
                said.append(f"{readable(fact).capitalize()}: {text}.")
    return said


def identity(value: Mapping[str, Json]) -> tuple[str, str]:
    """(key, value) by which people call the thing, or two empty texts."""
    for key, content in value.items():
        if _ID_KEYS.search(key) and "tracking" not in key and isinstance(content, str) and not _UUID.match(content):
            return key, content
    for key in _TITLES:
        if isinstance(value.get(key), str):
            return key, str(value[key])
    return "", ""


def _chosen(value: Mapping[str, Json], wanted: frozenset[str]) -> list[str]:
    """The keys worth telling; those asked for when at least two of them are there."""
    told = [k for k, v in value.items() if not _is_hidden(k, v)]
    asked = [key for key in told if set(stems(key)) & wanted]
    return asked if len(asked) >= 2 else told


def _is_hidden(key: str, value: Json) -> bool:
    """Empty, of no use to people, or (`total_text` beside `total_amount`) said already."""
    if key in _HIDDEN or key.endswith("_text") or value in (None, "", [], {}):
        return True
    return isinstance(value, str) and _UUID.match(value) is not None


def fact_text(key: str, value: Json, currency: str, depth: int = 0) -> str:
    """One value in words: money with its currency, dates in full, lists joined."""
    if depth > MAX_DEPTH or isinstance(value, bool):
        return ("yes" if value else "no") if isinstance(value, bool) else ""
    if isinstance(value, int | float):
        is_money = any(word in key for word in _MONEY)
        return money(value, currency) if is_money else f"{value:g}"
    if isinstance(value, str):
        return shorten(date_text(value), 400).rstrip(".")
    if isinstance(value, Mapping):
        parts = (fact_text(k, v, currency, depth + 1) for k, v in list(value.items())[:8] if not _is_hidden(k, v))
        return ", ".join(part for part in parts if part)
    if isinstance(value, Sequence):
        return ", ".join(filter(None, (line_of(item, currency) for item in value[:MAX_ITEMS])))
    return ""


def money(value: float, currency: str) -> str:
    return f"{value:,.2f} {currency}".strip()


def date_text(text: str) -> str:
    """`2031-05-03` or a moment of that day as `3 May 2031`; any other text as it is."""
    try:
        day = date.fromisoformat(text[:10]) if re.match(r"^\d{4}-\d{2}-\d{2}(?:[T ]|$)", text) else None
    except ValueError:
        return text
    return f"{day.day} {day:%B %Y}" if day else text


def line_of(item: Json, currency: str = "") -> str:
    """One entry of a list in a line: `2 × Trail jacket (89.00 USD)`, `ORD-10000007: shipped`."""
    if not isinstance(item, Mapping):
        return shorten(str(item), 160) if item not in (None, "") else ""
    currency = str(item.get("currency") or currency)
    name = next((str(item[key]) for key in _TITLES if item.get(key)), "") or identity(item)[1]
    count = item.get("quantity")
    line = f"{count} × {name}" if isinstance(count, int) and name else name
    if isinstance(item.get("status"), str):
        line += f": {readable(item['status'])}"
    extras = _extras(item, currency)
    if not line:
        return ", ".join(extras)
    return f"{line} ({', '.join(extras)})" if extras else line


def _extras(item: Mapping[str, Json], currency: str) -> list[str]:
    """What a line of a list adds in brackets: price, sizes and colours, whether it is in stock, dates."""
    extras = [
        money(value, currency)
        for key, value in item.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and any(word in key for word in _MONEY)
    ][:1]
    attributes = item.get("attributes")
    for key, value in attributes.items() if isinstance(attributes, Mapping) else ():
        shown = "/".join(map(str, value)) if isinstance(value, list) else str(value)
        extras.append(f"{readable(str(key))} {shown}")
    if item.get("in_stock") is False or item.get("stock") == 0:
        extras.append("out of stock")
    dates = [(k, v) for k, v in item.items() if k.endswith(("_on", "_at")) and isinstance(v, str)]
    return extras + [f"{readable(key)[:-3]} {date_text(value)}" for key, value in dates[:2]]


def passages(value: Json) -> list[tuple[str, str, float]]:
    """(question, answer, confidence) of the knowledge passages in a piece of data."""
    items = value if isinstance(value, list) else [value]
    found = []
    for item in items[:20]:
        if isinstance(item, Mapping):
            answer = next((str(item[key]) for key in _ANSWER_KEYS if isinstance(item.get(key), str)), "")
            question = next((str(item[key]) for key in _QUESTION_KEYS if isinstance(item.get(key), str)), "")
            if answer and isinstance(item.get("cite"), int):
                answer = f"{answer.rstrip('. ')} [{item['cite']}]."
            if answer:
                confidence = item.get("confidence", item.get("score", 0.5))
                found.append((question, answer, float(confidence) if isinstance(confidence, int | float) else 0.5))
    return found
