"""Writes an answer from what the prompt holds: a prepared reply, knowledge passages, data, and what is to be said."""

from __future__ import annotations

import re
from collections.abc import Mapping

from connectors.models.demo.classify import score
from connectors.models.demo.facts import describe, passages
from connectors.models.demo.prompt import Option, Prompt
from connectors.models.demo.speech import Speech, speech_of
from connectors.models.demo.words import sentence, stems

MAX_ANSWER = 4_000
_CENTS = re.compile(r"(?<![\d.])(\d+\.\d)( [A-Z]{3}\b)")  # 277.2 USD
_ANSWER_LABEL = re.compile(r"\b(?:answer|passage|article|knowledge|content|context|documentation)\b", re.IGNORECASE)


def write(prompt: Prompt, tier: str, max_chars: int = MAX_ANSWER) -> str:
    """The answer to the customer. Says so when the prompt holds nothing to answer with."""
    speech = speech_of(prompt.instructions, prompt.missing)
    if not (speech.statements or speech.questions):
        speech = speech_of([*prompt.instructions, *prompt.role], prompt.missing)
    body = _body(prompt, speech, tier)
    parts = speech.regrets[:1] + speech.thanks[:1] + body + speech.questions[:2]
    if not body and not speech.questions:
        parts.append(_nothing_to_say(prompt))
    elif tier == "C" and body and not speech.questions and not prompt.reply:
        parts.append("Let me know if there is anything else I can do for you.")
    return cut(_CENTS.sub(r"\g<1>0\g<2>", _joined(parts)), max_chars)


def _body(prompt: Prompt, speech: Speech, tier: str) -> list[str]:
    """A prepared reply wins over everything; then passages, then data; then what the prompt says is to be told."""
    if prompt.reply:
        return [prompt.reply, *_news(speech.statements, prompt.reply)]
    found = best_passages(prompt, 2 if tier == "C" else 1)
    told = [sentence(answer) for answer in found]
    asked = frozenset(word for line in prompt.instructions for word in stems(line))
    wanted, entries = (asked if tier != "C" else frozenset[str]()), (4 if tier == "A" else 8)
    for label, value in prompt.data:
        if not passages(value):
            told += describe(value, label, wanted, entries)
    return _news(speech.statements, "\n".join(told), first=True) + told


def _news(statements: list[str], said: str, *, first: bool = False) -> list[str]:
    """The statements whose words are not said yet; `first` keeps those that lead into a list."""
    have = set(stems(said))
    return [line for line in statements if (first and not have) or not set(stems(line)) <= have]


def best_passages(prompt: Prompt, count: int) -> list[str]:
    """The answers that fit the question best, without doubles; a second one only when it fits nearly as well."""
    found = [entry for _, value in prompt.data for entry in passages(value)]
    found += [("", text, 0.6) for label, text in prompt.facts.items() if _ANSWER_LABEL.search(label)]
    if not found:
        return []
    options = [
        Option(str(index), f"{question} {question} {answer}") for index, (question, answer, _) in enumerate(found)
    ]
    options.append(Option("none", ""))
    points = score(options, prompt.subject)[:-1]
    ranked = sorted(range(len(found)), key=lambda i: -(points[i] + 4 * found[i][2]))
    best = points[ranked[0]] + 4 * found[ranked[0]][2]
    chosen: list[str] = []
    for index in ranked:
        close = points[index] + 4 * found[index][2] >= 0.8 * best
        if (not chosen or close) and found[index][1] not in chosen and len(chosen) < count:
            chosen.append(found[index][1])
    return chosen


def has_substance(prompt: Prompt) -> bool:
    """Whether the prompt holds anything beyond instructions and the customer's words."""
    return bool(prompt.reply or best_passages(prompt, 1) or any(_filled(value) for _, value in prompt.data))


def _filled(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(item not in (None, "", [], {}, False) for item in value.values())
    return bool(value)


def _nothing_to_say(prompt: Prompt) -> str:
    """Greets back, or says honestly that there is nothing to answer with."""
    heard = prompt.subject.lower()
    if len(heard.split()) <= 6 and re.search(r"\b(?:hello|hi|hey|good (?:morning|afternoon|evening))\b", heard):
        return "Hello! How can I help you today?"
    return (
        "I do not have the information to answer this for certain. "
        "Could you tell me a little more, so that I can help you or find the right colleague?"
    )


def _joined(parts: list[str]) -> str:
    """Sentences with spaces between them, lists on lines of their own."""
    text = ""
    for part in map(str.strip, parts):
        if part and part not in text:
            text += ("\n" if "\n- " in f"\n{part}" or text.rsplit("\n", 1)[-1].startswith("- ") else " ") + part
    return text.strip()


def cut(text: str, max_chars: int) -> str:
    """At most `max_chars` characters, ending with a sentence or a word."""
    if len(text) <= max_chars:
        return text
    head = text[:max_chars]
    end = max(head.rfind(". "), head.rfind(".\n"), head.rfind("? "))
    return head[: end + 1] if end > max_chars // 2 else head.rsplit(" ", 1)[0] + "…"
