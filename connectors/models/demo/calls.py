"""Decides whether the model calls one of the tools it was given, and with which arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.models.demo.classify import MIN_SCORE, score
from connectors.models.demo.fill import Filler
from connectors.models.demo.prompt import Option, Prompt

Json = Any

MAX_TOOLS = 32


def tool_call(
    prompt: Prompt, messages: Sequence[Mapping[str, Json]], tools: Sequence[Mapping[str, Json]], tier: str
) -> Json:
    """`{"name", "arguments"}` of the tool that fits the question, or None.

    One call a conversation: with its result the model answers.
    """
    if any(message.get("role") == "tool" for message in messages):
        return None
    functions = [
        t["function"] for t in tools[:MAX_TOOLS] if isinstance(t.get("function"), Mapping) and t["function"].get("name")
    ]
    if not functions:
        return None
    options = [Option(str(f["name"]), str(f.get("description", ""))) for f in functions]
    points = score([*options, Option("none", "")], prompt.subject)[:-1]
    for index in sorted(range(len(options)), key=lambda i: -points[i]):
        if points[index] < MIN_SCORE:
            return None
        arguments = _arguments(prompt, functions[index].get("parameters"), tier)
        if arguments is not None:
            return {"name": options[index].name, "arguments": arguments}
    return None


def _arguments(prompt: Prompt, schema: Json, tier: str) -> dict[str, Json] | None:
    """The arguments, without empty ones; None when a required one cannot be found in the prompt."""
    schema = schema if isinstance(schema, Mapping) else {}
    filled = Filler(prompt, tier, schema).fill({**schema, "type": "object"})
    for name in schema.get("required", []):
        if filled.get(name) in (None, "") and name in ("query", "question", "text", "message"):
            filled[name] = prompt.subject[:1000]
    given = {name: value for name, value in filled.items() if value not in (None, "", [], {})}
    return given if all(name in given for name in schema.get("required", [])) else None
