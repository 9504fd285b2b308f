"""The demo model as a function: messages in, an answer out. Pure, deterministic, offline."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.models.demo.calls import tool_calls
from connectors.models.demo.classify import choose
from connectors.models.demo.fill import Filler
from connectors.models.demo.prompt import Prompt, read_prompt
from connectors.models.demo.write import MAX_ANSWER, cut, write

Json = Any

CHARS_PER_TOKEN = 4
TIERS = ("A", "B", "C")
PRICES_USD_PER_MILLION = {"A": (0.1, 0.4), "B": (0.5, 1.5), "C": (2.0, 8.0)}  # nominal: (input, output) tokens

_CLASSIFY = re.compile(
    r"\b(?:classify|categori[sz]e|which (?:class|category|label)|one of (?:the|these)|only the (?:name|label|class))\b",
    re.I,
)
_WANTS_JSON = re.compile(r"\bjson\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """`tools` are `{"name", "arguments"}`: what the model calls instead of answering."""

    text: str
    tokens_in: int
    tokens_out: int
    tools: Sequence[Mapping[str, Json]] = ()


def answer(
    messages: Sequence[Mapping[str, Json]],
    *,
    schema: Mapping[str, Json] | None = None,
    tools: Sequence[Mapping[str, Json]] = (),
    tier: str = "B",
    max_tokens: int | None = None,
) -> Answer:
    """Answer a chat completion. With a `schema` the text is JSON that follows it."""
    prompt = read_prompt(messages)
    tokens_in = sum(count_tokens(str(message.get("content") or "")) + 3 for message in messages)
    if tools and (calls := tool_calls(prompt, messages, tools, tier)):
        return Answer("", tokens_in, count_tokens(json.dumps(calls)), calls)
    text = _text(prompt, schema, tier, _max_chars(max_tokens))
    return Answer(text, tokens_in, count_tokens(text))


def _text(prompt: Prompt, schema: Mapping[str, Json] | None, tier: str, max_chars: int) -> str:
    if schema is None and _WANTS_JSON.search(" ".join(prompt.role + prompt.instructions)):
        schema = _schema_of_example(prompt)
    if schema is not None:
        return json.dumps(Filler(prompt, tier, schema, max_chars).fill(schema), ensure_ascii=False)
    if len(prompt.options) > 1 and _CLASSIFY.search(" ".join(prompt.role + prompt.instructions)):
        return choose(prompt.options, prompt.subject, prompt.earlier).name
    return cut(write(prompt, tier, max_chars), max_chars)


def _schema_of_example(prompt: Prompt) -> Mapping[str, Json] | None:
    """A schema from an example such as {"intent": "faq|order", "urgent": true} in the instructions, or None."""
    for index, (label, value) in enumerate(prompt.data):
        if isinstance(value, dict) and (not label or _WANTS_JSON.search(label)):
            del prompt.data[index]
            return {"type": "object", "properties": {key: _like(example) for key, example in value.items()}}
    return None


def _like(example: Json) -> Mapping[str, Json]:
    if isinstance(example, str) and "|" in example:
        return {"enum": [part.strip() for part in example.split("|")]}
    kinds = {bool: "boolean", int: "integer", float: "number", list: "array", dict: "object"}
    return {"type": kinds.get(type(example), "string")}


def _max_chars(max_tokens: int | None) -> int:
    return MAX_ANSWER if not max_tokens or max_tokens < 1 else min(MAX_ANSWER, max_tokens * CHARS_PER_TOKEN)


def count_tokens(text: str) -> int:
    """About how many tokens a text has: a token is four characters."""
    return max(1, -(-len(text) // CHARS_PER_TOKEN))


def pieces(text: str) -> list[str]:
    """The text in the pieces in which it is streamed: words with the space before them."""
    return re.findall(r"\s*\S+\s*$|\s*\S+", text) or [text]
