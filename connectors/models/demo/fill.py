"""Fills a JSON Schema from a prompt: classes for enums, copied values for texts, judgements for booleans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.models.demo import extract
from connectors.models.demo.classify import choose
from connectors.models.demo.lexicon import concepts
from connectors.models.demo.prompt import Option, Prompt
from connectors.models.demo.words import phrase_text, shorten, stem, stems, word_set, words
from connectors.models.demo.write import has_substance, write

Json = Any

MAX_DEPTH = 6
MAX_PROPERTIES = 64
MAX_REPLY = 1_600

_REPLY = frozenset(("reply", "answer", "response"))
_CLASS = frozenset(("intent", "category", "class", "label", "type", "topic"))
_SUMMARY = frozenset(
    ("summary", "analysis", "reason", "reasoning", "description", "issue", "problem", "details", "note")
)
_DONE = frozenset(
    map(stem, sorted(word_set("resolved resolution solved solution answered provided helpful handled fixed remedy")))
)
_UNDERSTOOD = frozenset(
    map(stem, sorted(word_set("success successful valid understood processed ok relevant complete")))
)
_CONTENT = frozenset(map(stem, sorted(word_set("satisfied satisfaction happy content pleased"))))
_ALARM = {
    **dict.fromkeys(
        map(stem, sorted(word_set("escalate escalation human handoff person"))), ("human", "critical", "urgent")
    ),
    **dict.fromkeys(map(stem, sorted(word_set("urgent emergency immediate"))), ("urgent", "critical")),
    **dict.fromkeys(
        map(stem, sorted(word_set("angry upset negative unhappy frustrated"))), ("negative", "complaining")
    ),
}


class Filler:
    """Fills one schema from one prompt."""

    def __init__(self, prompt: Prompt, tier: str, root: Mapping[str, Json], max_chars: int = MAX_REPLY) -> None:
        self.prompt = prompt
        self.tier = tier
        self.root = root
        self.max_chars = min(max_chars, MAX_REPLY)
        self.confidence = 0.6
        self.known = _known_values(prompt)
        self.text = "\n".join((prompt.subject, *prompt.facts.values()))[: extract.MAX_TEXT]

    def fill(self, schema: Json, name: str = "", depth: int = 0) -> Json:
        """A value that follows `schema`; None where the schema gives no hold."""
        schema = self._resolved(schema, depth)
        if "const" in schema or "enum" in schema:
            return schema["const"] if "const" in schema else self._enum(schema, name)
        kinds = _types(schema)
        if depth >= MAX_DEPTH:
            return None if "null" in kinds else _empty(kinds)
        if "properties" in schema or "object" in kinds:
            return self._object(schema, depth)
        return self._array(schema, name, depth) if "array" in kinds else self._scalar(schema, name, kinds)

    def _resolved(self, schema: Json, depth: int) -> Mapping[str, Json]:
        """Follow a local $ref and take the first alternative that is not null."""
        for _ in range(MAX_DEPTH):
            if not isinstance(schema, Mapping):
                return {}
            ref = schema.get("$ref")
            if isinstance(ref, str) and ref.startswith("#/") and depth < MAX_DEPTH:
                schema = _at(self.root, ref)
                continue
            options = schema.get("anyOf") or schema.get("oneOf")
            if not options or not isinstance(options, list):
                return schema
            schema = next((o for o in options if isinstance(o, Mapping) and o.get("type") != "null"), {})
        return {}

    def _object(self, schema: Mapping[str, Json], depth: int) -> dict[str, Json]:
        properties = schema.get("properties")
        if not isinstance(properties, Mapping):
            return {}
        later = [name for name in properties if _is_reply(str(name))]  # the reply may depend on nothing: written last
        filled: dict[str, Json] = {}
        for name in list(properties)[:MAX_PROPERTIES]:
            if name not in later:
                filled[name] = self.fill(properties[name], str(name), depth + 1)
        for name in later[:4]:
            filled[name] = self.fill(properties[name], str(name), depth + 1)
        return {name: filled[name] for name in properties if name in filled}

    def _array(self, schema: Mapping[str, Json], name: str, depth: int) -> list[Json]:
        items = self._resolved(schema.get("items", {}), depth)
        if "enum" in items:
            found = [self._enum(items, name)]
        elif "object" in _types(items) or "properties" in items:
            found = [self.fill(items, name, depth + 1)]
        else:
            value = self.fill(items or {"type": "string"}, name.removesuffix("s"), depth + 1)
            found = [value] if value not in (None, "") else list(dict.fromkeys(stems(self.prompt.subject)))[:5]
        limit = schema.get("maxItems")
        return found[:limit] if isinstance(limit, int) and limit >= 0 else found

    def _enum(self, schema: Mapping[str, Json], name: str) -> Json:
        values = [value for value in schema["enum"] if isinstance(value, str | bool | int | float)][:100]
        if not values:
            return None
        known = self.known.get(name.lower())
        if known in values:
            return known
        described = {option.name.lower(): option.description for option in self.prompt.options}
        options = [Option(str(value), described.get(str(value).lower(), "")) for value in values]
        return next(value for value in values if str(value) == self._choose(options, name))

    def _choose(self, options: Sequence[Option], name: str) -> str:
        choice = choose(options, self.prompt.subject, self.prompt.earlier, about=name.lower())
        self.confidence = choice.confidence
        return choice.name

    def _scalar(self, schema: Mapping[str, Json], name: str, kinds: set[str]) -> Json:
        known = self.known.get(name.lower())
        if known is not None and _fits(known, kinds):
            return known
        description = str(schema.get("description", ""))
        if "boolean" in kinds:
            return self._boolean(name, description)
        if kinds & {"integer", "number"} and "string" not in kinds:
            return self._number(schema, name, kinds)
        value = self._text(name.lower(), description)
        if value is None:
            default = schema.get("default")
            return default if isinstance(default, str) else None if "null" in kinds else ""
        limit = schema.get("maxLength")
        return shorten(value, max(1, limit)) if isinstance(limit, int) and len(value) > limit else value

    def _boolean(self, name: str, description: str) -> bool:
        named = set(stems(name))
        if named & _CONTENT:
            return not self._speaks_of(("negative",))
        if named & _DONE:
            return has_substance(self.prompt)
        if named & _UNDERSTOOD:
            return len(stems(self.prompt.subject)) >= 2
        for word in sorted(named & _ALARM.keys()):
            return self._speaks_of(_ALARM[word])
        if "false" in description.lower() and "true" in description.lower():
            yes, _, no = description.lower().partition("false")
            return choose([Option("true", yes), Option("false", no)], self.text).name == "true"
        return bool((named | set(stems(description))) & set(stems(self.text)))

    def _speaks_of(self, names: Sequence[str]) -> bool:
        found, spoken = set(stems(self.prompt.subject)), phrase_text(self.prompt.subject)
        chosen = [concepts()[name] for name in names]
        return any(c.cues & found or any(phrase in spoken for phrase in c.phrases) for c in chosen)

    def _number(self, schema: Mapping[str, Json], name: str, kinds: set[str]) -> Json:
        low, high = schema.get("minimum"), schema.get("maximum")
        value: float | None
        if any(word in name.lower() for word in ("confidence", "score", "probability", "certainty")):
            value = self.confidence * (high if isinstance(high, int | float) else 1)
        elif any(word in name.lower() for word in ("price", "amount", "total", "budget", "cost")):
            value = extract.amount(self.text)
        else:
            value = extract.quantity(self.text)
        if value is None:
            if "null" in kinds:
                return None
            default = schema.get("default", low if isinstance(low, int | float) else 0)
            value = default if isinstance(default, int | float) else 0
        value = max(value, low) if isinstance(low, int | float) else value
        value = min(value, high) if isinstance(high, int | float) else value
        return int(value) if "number" not in kinds else value

    def _text(self, name: str, description: str) -> str | None:
        named = set(words(name.replace("_", " ").replace("-", " ")))
        if _is_reply(name):
            return write(self.prompt, self.tier, self.max_chars)
        if named & _CLASS and len(self.prompt.options) > 1:
            return self._choose(self.prompt.options, name)
        value = self._copied(named, name)
        if value is None and named & _SUMMARY:
            return shorten(self.prompt.subject, 200) or None
        if value is None and "language" in named:
            return "en"
        if value is None and not named & _COPY_WORDS:
            hints = set(words(description))
            value = next((find(self.text) for word, find in _COPY.items() if word in hints & _CLEAR_HINTS), None)
        return value

    def _copied(self, named: set[str], name: str) -> str | None:
        """The value that the text gives for a field of this name, also from an earlier turn."""
        for text in (self.text, *reversed(self.prompt.earlier[-3:])):
            found = self._find(text, named, name)
            if found:
                return found
        return None

    def _find(self, text: str, named: set[str], name: str) -> str | None:
        if "tracking" in named:
            return extract.tracking_number(text)
        if "order" in named and named & {"id", "number", "no"}:
            return extract.order_id(text)
        if named & {"id", "reference", "sku"} and not named & {"email"}:
            return extract.other_id(text, name)
        for word, find in _COPY.items():
            if word in named:
                return find(text)
        return None


_COPY: dict[str, Callable[[str], str | None]] = {
    "email": extract.email,
    "mail": extract.email,
    "phone": extract.phone,
    "telephone": extract.phone,
    "company": extract.company,
    "organisation": extract.company,
    "organization": extract.company,
    "product": extract.product,
    "item": extract.product,
    "size": extract.size,
    "color": extract.color,
    "colour": extract.color,
    "interest": extract.interest,
    "name": extract.person_name,
    "quantity": lambda text: None if (n := extract.quantity(text)) is None else str(n),
}
_COPY_WORDS = frozenset(_COPY) | {"id", "tracking", "order", "reference", "number"}
_CLEAR_HINTS = frozenset(("email", "phone", "company", "product", "size", "color", "colour"))


def _is_reply(name: str) -> bool:
    return bool(set(words(name.replace("_", " "))) & _REPLY) and not name.lower().endswith(("_id", "_time", "_count"))


def _known_values(prompt: Prompt) -> dict[str, Json]:
    """Values that the prompt already states under a name: in its data and as `Label: value`."""
    known: dict[str, Json] = {}
    for _, value in prompt.data:
        if isinstance(value, Mapping):
            known.update({str(k).lower(): v for k, v in list(value.items())[:100] if isinstance(v, str | int | float)})
    for label, text in prompt.facts.items():
        if len(text) <= 200:
            known.setdefault(label.lower().replace(" ", "_"), text)
    return known


def _types(schema: Mapping[str, Json]) -> set[str]:
    kind = schema.get("type")
    return {kind} if isinstance(kind, str) else set(map(str, kind)) if isinstance(kind, list) else set()


def _fits(value: Json, kinds: set[str]) -> bool:
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, int | float):
        return bool(kinds & {"number", "integer"}) and ("number" in kinds or isinstance(value, int))
    return isinstance(value, str) and "string" in kinds


def _empty(kinds: set[str]) -> Json:
    """The emptiest value of a type."""
    empties: dict[str, Json] = {"object": {}, "array": [], "boolean": False, "integer": 0, "number": 0}
    return next((value for kind, value in empties.items() if kind in kinds), "")


def _at(root: Mapping[str, Json], ref: str) -> Json:
    found: Json = root
    for part in ref[2:].split("/")[:MAX_DEPTH]:
        found = found.get(part) if isinstance(found, Mapping) else None
    return found
