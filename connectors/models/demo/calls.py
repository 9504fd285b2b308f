"""Decides whether the model calls tools that it was given, and with which arguments.

A tool is called when its name and description fit what was asked and every argument that it needs stands in the
message. A message with several questions may call a tool for each of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.models.demo.classify import MIN_SCORE, score
from connectors.models.demo.fill import Filler
from connectors.models.demo.prompt import Option, Prompt
from engine.errors import InputError
from engine.execution.schema_check import problems

Json = Any

MAX_TOOLS = 64
MAX_CALLS = 3
_CLAUSE = re.compile(r"[?!;\n]+|\.\s|\band\b", re.IGNORECASE)
_ASKED = ("query", "question", "text", "message")  # arguments that take the customer's own words


def tool_calls(
    prompt: Prompt, messages: Sequence[Mapping[str, Json]], tools: Sequence[Mapping[str, Json]], tier: str
) -> list[dict[str, Json]]:
    """`{"name", "arguments"}` of each tool that fits the question. With their results the model answers."""
    if any(message.get("role") == "tool" for message in messages):
        return []
    functions = [
        t["function"] for t in tools[:MAX_TOOLS] if isinstance(t.get("function"), Mapping) and t["function"].get("name")
    ]
    if not functions:
        return []
    clauses = [clause for clause in _CLAUSE.split(prompt.subject) if clause.strip()][:MAX_CALLS]
    calls: dict[str, dict[str, Json]] = {}
    for text in (prompt.subject, *(clauses if len(clauses) > 1 else ())):
        call = _best(prompt, functions, text, tier)
        if call is not None and len(calls) < MAX_CALLS:
            calls.setdefault(call["name"], call)
    return list(calls.values())


def _best(prompt: Prompt, functions: Sequence[Mapping[str, Json]], text: str, tier: str) -> dict[str, Json] | None:
    """The call that fits `text` best among those whose arguments are at hand."""
    options = [Option(str(f["name"]), str(f.get("description", ""))) for f in functions]
    points = score([*options, Option("none", "")], text)[:-1]
    for index in sorted(range(len(options)), key=lambda i: -points[i]):
        if points[index] < MIN_SCORE:
            return None
        arguments = _arguments(prompt, functions[index].get("parameters"), tier)
        if arguments is not None:
            return {"name": options[index].name, "arguments": arguments}
    return None


def _arguments(prompt: Prompt, schema: Json, tier: str) -> dict[str, Json] | None:
    """The arguments that the prompt states; None when they do not make a call that the schema allows."""
    schema = schema if isinstance(schema, Mapping) else {}
    required = schema.get("required") if isinstance(schema.get("required"), list) else []
    properties = schema.get("properties")
    filled = Filler(prompt, tier, schema).fill({"type": "object", "properties": properties})
    for name in _ASKED:
        if name in required and filled.get(name) in (None, ""):
            filled[name] = prompt.subject[:1000]
    said = prompt.subject.lower()
    given = {
        name: value
        for name, value in filled.items()
        if value not in (None, "", [], {}) and (name in required or _is_said(value, said))
    }
    try:
        return None if problems(schema, given) else given
    except InputError:
        return None


def _is_said(value: Json, said: str) -> bool:
    """Whether an argument that may be left out stands in the message, and is not a mere guess."""
    return isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).lower() in said
