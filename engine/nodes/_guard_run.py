"""Running the checks of a guardrail on a value: a text, or JSON whose texts are looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from engine.execution.context import StepContext
from engine.execution.schema_check import problems
from engine.language import patterns
from engine.nodes._guard_checks import (
    MODERATED,
    Action,
    BannedTopics,
    BannedWords,
    Check,
    CheckName,
    Grounded,
    JsonSchema,
    MaxLength,
    Moderation,
    Pii,
    PromptInjection,
    Regex,
    as_check,
)
from engine.nodes._guard_injection import is_injection, without_injection
from engine.nodes._guard_pii import mask_pii
from engine.nodes._model_calls import ModelConfig, ask

Json = Any
_NONE = "none"


@dataclass(frozen=True, slots=True)
class Finding:
    """One violation; `action` is what was done about it. The reason never repeats the text."""

    check: str
    reason: str
    action: Action

    def told(self) -> dict[str, Json]:
        return {"check": self.check, "reason": self.reason, "action": self.action}


@dataclass(frozen=True, slots=True)
class _Fault:
    """What a check found; `mended` is the value without it, None where it cannot be taken out."""

    reason: str
    mended: Json = None


async def examine(
    ctx: StepContext, config: ModelConfig, entries: Sequence[CheckName | Check], action: Action, value: Json
) -> tuple[Json, list[Finding]]:
    """The value after all checks, and what they found. After the first that blocks no other one runs."""
    findings: list[Finding] = []
    for check in map(as_check, entries):
        fault = await _asked(ctx, config, check, value) or _computed(check, value)
        if fault is None:
            continue
        wanted: Action = check.on_violation or ("redact" if check.check == "pii_redact" else action)
        done: Action = "block" if wanted == "redact" and fault.mended is None else wanted
        findings.append(Finding(check.check, fault.reason, done))
        if done == "block":
            break
        value = fault.mended if done == "redact" else value
    return value, findings


def _computed(check: Check, value: Json) -> _Fault | None:
    find = _FINDERS.get(type(check))
    return find(check, value) if find is not None else None


def _pii(check: Pii, value: Json) -> _Fault | None:
    counts: dict[str, int] = {}

    def mask(text: str) -> str:
        masked, found = mask_pii(text, check.kinds)
        for kind, number in found.items():
            counts[kind] = counts.get(kind, 0) + number
        return masked

    mended = _each_text(value, mask)
    return _Fault(", ".join(f"{number} {kind}" for kind, number in counts.items()), mended) if counts else None


def _injection(_: PromptInjection, value: Json) -> _Fault | None:
    if not any(map(is_injection, _texts(value))):
        return None
    kept = [without_injection(text) for text in _texts(value)]
    mended = _each_text(value, lambda text: without_injection(text) or "") if None not in kept else None
    return _Fault("it tries to give the model instructions", mended)


def _length(check: MaxLength, value: Json) -> _Fault | None:
    limit = check.limit
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)
    if len(text) <= limit:
        return None
    mended = value[:limit] if isinstance(value, str) else None
    return _Fault(f"{len(text):,} characters, at most {limit:,} are allowed", mended)


def _words(check: BannedWords, value: Json) -> _Fault | None:
    banned = re.compile("|".join(rf"(?<!\w){re.escape(word.strip())}(?!\w)" for word in check.words), re.IGNORECASE)
    found = sum(len(banned.findall(text)) for text in _texts(value))
    return _Fault(f"{found} banned words", _each_text(value, lambda text: banned.sub("***", text))) if found else None


def _pattern(check: Regex, value: Json) -> _Fault | None:
    found = any(patterns.compile_pattern(check.pattern).search(text) for text in _texts(value))
    return _Fault("a forbidden pattern was found") if found else None


def _schema(check: JsonSchema, value: Json) -> _Fault | None:
    if isinstance(value, str) and check.wanted.get("type") != "string":
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return _Fault("the text is not JSON")
    wrong = problems(check.wanted, value)
    return _Fault(f"{len(wrong)} places do not follow the schema") if wrong else None


_FINDERS: dict[type, Callable[[Any, Json], _Fault | None]] = {
    Pii: _pii,
    PromptInjection: _injection,
    MaxLength: _length,
    BannedWords: _words,
    Regex: _pattern,
    JsonSchema: _schema,
}


async def _asked(ctx: StepContext, config: ModelConfig, check: Check, value: Json) -> _Fault | None:
    """The checks that a model makes. Raises what the model's call raises: an unchecked text does not pass."""
    text = "\n".join(_texts(value))
    if not text.strip():
        return None
    if isinstance(check, Grounded):
        return await _grounded(ctx, config, check, text)
    if isinstance(check, BannedTopics | Moderation):
        return await _topics(ctx, config, check, text)
    return None


async def _topics(ctx: StepContext, config: ModelConfig, check: BannedTopics | Moderation, text: str) -> _Fault | None:
    topics = check.topics if isinstance(check, BannedTopics) else MODERATED
    options = "\n".join(f"- {topic}: the message is about {topic.replace('_', ' ')}" for topic in topics)
    system = f"You say which of these topics a message is about.\n\nTopics:\n{options}\n- {_NONE}: anything else\n"
    schema = {"type": "object", "required": ["topic"], "properties": {"topic": {"enum": [*topics, _NONE]}}}
    answer = await ask(ctx, config, name=check.check, system=system, parts={"message": text}, schema=schema)
    return None if answer["topic"] == _NONE else _Fault(f"it is about {answer['topic']}")


async def _grounded(ctx: StepContext, config: ModelConfig, check: Grounded, text: str) -> _Fault | None:
    passages = json.dumps(ctx.resolve(check.reference), ensure_ascii=False)
    system = (
        "You say whether an answer is supported: everything that it states as a fact must stand in the passages. "
        "supported is true or false; a greeting or a question is supported."
    )
    schema = {"type": "object", "required": ["supported"], "properties": {"supported": {"type": "boolean"}}}
    parts = {"passages": passages, "answer": text}
    verdict = await ask(ctx, config, name=check.check, system=system, parts=parts, schema=schema)
    return None if verdict["supported"] else _Fault("it states what the passages do not say")


def _texts(value: Json) -> Iterator[str]:
    """Every text in the value, keys of mappings too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _each_text(value: Json, change: Callable[[str], str]) -> Json:
    """The value with every text changed, keys of mappings too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _each_text(item, change) for key, item in value.items()}
    return [_each_text(item, change) for item in value] if isinstance(value, list) else value
