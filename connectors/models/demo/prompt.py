"""Takes a prompt apart: the customer's words, data, knowledge passages, classes and what the model is told to do.

A prompt is read as people write them: `<message>...</message>`, `Message: ...`, `## Order`, bullet lists of classes
(`- faq: general questions`), JSON anywhere. What carries no label is instruction. Work is linear in the prompt's
length, and the length is bounded: of a longer prompt the beginning and the end are read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.models.demo.words import sentences, word_set, words

Json = Any

MAX_TEXT = 24_000
MAX_BLOCKS = 64
MAX_JSON_TRIES = 24
# What customers hear of a tool that failed or was refused; why is not theirs to read.
FAILED = "I am sorry, I could not do that."

_TAG = re.compile(r"<([a-z][a-z0-9_-]{0,30})>", re.IGNORECASE)
_LABEL = re.compile(
    r"^\s{0,4}(?:#{1,4}\s+)?(?:\*\*)?([A-Za-z][A-Za-z0-9 _'/()-]{0,48}?)(?:\*\*)?:(?:\*\*)?(?:\s+(.*))?$"
)
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+(.{1,80})$")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+(.*)$")
_OPTION = re.compile(r"^[`'\"*]*([A-Za-z][\w-]{0,40}(?: [\w-]{1,20}){0,2})[`'\"*]*\s*(?::|=|\s-|\s–|->)\s+(.*)$")

_NO_LABEL = word_set("you we i they please if when never always do answer write tell ask keep use extend")
_SUBJECT = word_set("message question query request inquiry complaint email ticket input issue says said wrote")
_REPLY = word_set("reply draft response")
_OPTIONS = word_set("classes categories options labels intents types kinds choices topics")
_SKIP = frozenset(("example", "examples", "format"))
MISSING = frozenset(("missing", "unknown", "none", "null", "n/a", "-", "not said", "not given"))


@dataclass(frozen=True, slots=True)
class Option:
    """A class that the prompt lists, with its description."""

    name: str
    description: str


@dataclass(slots=True)
class Prompt:
    """What one prompt says. `facts` maps a label to its short value; `data` holds labels and the JSON found there."""

    subject: str = ""
    has_subject: bool = False  # the prompt has a place for the customer's words, be it empty
    earlier: list[str] = field(default_factory=list)
    reply: str = ""
    instructions: list[str] = field(default_factory=list)
    role: list[str] = field(default_factory=list)  # instructions of the system message
    options: list[Option] = field(default_factory=list)
    data: list[tuple[str, Json]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)  # labels whose value the prompt says is missing


def read_prompt(messages: Sequence[Mapping[str, Json]]) -> Prompt:
    """Read the messages of a chat completion; never raises on whatever they hold."""
    prompt = Prompt()
    turns = [(str(m.get("role", "user")), _content(m.get("content"))) for m in messages]
    last_user = max((i for i, (role, _) in enumerate(turns) if role == "user"), default=-1)
    results: list[str] = []
    plain_chat = any(role in ("system", "developer") for role, _ in turns)
    for index, (role, text) in enumerate(turns):
        if role in ("system", "developer"):
            _read_text(prompt, _bounded(text), subject_if_plain=False)
            prompt.role, prompt.instructions = prompt.role + prompt.instructions, []
            prompt.subject, prompt.has_subject = "", False
        elif index == last_user:
            _read_text(prompt, _bounded(text), subject_if_plain=plain_chat)
        elif role == "user":
            prompt.earlier.append(_bounded(text)[:2000])
        elif role == "tool":
            results.append(text)
    _add_results(prompt, results)
    if not prompt.subject and not prompt.has_subject and last_user >= 0:
        prompt.subject = _bounded(turns[last_user][1])
    return prompt


def _add_results(prompt: Prompt, results: Sequence[str]) -> None:
    """What tools gave; where none gave anything, that they did not."""
    given = [text for text in results if not text.startswith("Error:")]
    for text in given:
        _add_block(prompt, "result", _bounded(text))
    if results and not given:
        _add_block(prompt, "reply", FAILED)


def _content(content: Json) -> str:
    """The text of a message; of a list of parts the text parts."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return ""


def _bounded(text: str) -> str:
    if len(text) <= MAX_TEXT:
        return text
    return text[: MAX_TEXT * 2 // 3] + "\n" + text[-MAX_TEXT // 3 :]


def _read_text(prompt: Prompt, text: str, *, subject_if_plain: bool) -> None:
    """Sort the parts of one text into `prompt`. A last turn without any label is what the customer says."""
    rest, blocks = _tagged(text)
    untagged = len(blocks)
    blocks += _labelled(prompt, rest)
    if subject_if_plain and not blocks and untagged == 0 and not prompt.subject:
        prompt.subject, prompt.instructions = text.strip(), []
        return
    for label, body in blocks[:MAX_BLOCKS]:
        _add_block(prompt, label, body)


def _tagged(text: str) -> tuple[str, list[tuple[str, str]]]:
    """Cut `<label>body</label>` blocks out; returns what is left and the blocks."""
    left: list[str] = []
    blocks: list[tuple[str, str]] = []
    position = 0
    lower = text.lower()
    for match in _TAG.finditer(text):
        if match.start() < position or len(blocks) >= MAX_BLOCKS:
            continue
        end = lower.find(f"</{match[1].lower()}>", match.end())
        if end < 0:
            continue
        left.append(text[position : match.start()])
        blocks.append((match[1], text[match.end() : end].strip()))
        position = end + len(match[1]) + 3
    left.append(text[position:])
    return "\n".join(left), blocks


def _labelled(prompt: Prompt, text: str) -> list[tuple[str, str]]:
    """Blocks that begin with `Label:` or a heading, up to a blank line before other text or the next label."""
    blocks: list[tuple[str, list[str]]] = []
    open_block: list[str] | None = None
    for line in text.splitlines():
        bullet = _BULLET.match(line)
        label, inline = _label_of(line) if bullet is None else (None, "")
        if label is not None:
            open_block = [inline] if inline else []
            blocks.append((label, open_block))
        elif bullet is not None and (option := _option_of(bullet[1])) is not None:
            prompt.options.append(option)
        elif open_block is not None and (line.strip() or _wants_more(open_block)):
            open_block.append(line)
        else:
            open_block = None
            _instruct(prompt, bullet[1] if bullet else line)
    return [(label, "\n".join(body).strip()) for label, body in blocks]


def _label_of(line: str) -> tuple[str | None, str]:
    """(label, value on the same line) of a line that opens a block, else (None, "")."""
    if match := _LABEL.match(line):
        label, value = match[1].strip(), (match[2] or "").strip()
        if len(label.split()) <= (3 if value else 5) and label.split()[0].lower() not in _NO_LABEL:
            return label, value
    if match := _HEADING.match(line):
        return match[1].strip().rstrip(":"), ""
    return None, ""


def _wants_more(body: list[str]) -> bool:
    """An empty block goes on over a blank line; so does JSON that is not closed yet."""
    text = "".join(body).strip()
    return not text or (text[0] in "{[" and text[-1] not in "}]")


def _option_of(text: str) -> Option | None:
    match = _OPTION.match(text.strip())
    return Option(match[1].strip(), match[2].strip()) if match else None


def _instruct(prompt: Prompt, line: str) -> None:
    """Keep the sentences of a line as instructions, and any JSON in it as data."""
    for value in _json_values(line):
        prompt.data.append(("", value))
    if not line.lstrip().startswith(("{", "[", "```")):
        prompt.instructions.extend(sentences(line))


def _add_block(prompt: Prompt, label: str, body: str) -> None:
    """Put one labelled block where its label says it belongs."""
    kind = set(words(label.replace("_", " ")))
    text = body.strip().strip("`").removeprefix("json").strip().strip('"').strip()
    if kind & _SUBJECT and not kind & (_REPLY | _SKIP):
        prompt.has_subject = True
    if kind & _SKIP or not text:
        return
    if text.lower() in MISSING:
        prompt.missing.append(label)
        return
    values = _json_values(body)
    if values:
        prompt.data.extend((label, value) for value in values)
    elif kind & _REPLY:
        prompt.reply = f"{prompt.reply}\n{text}".strip()
    elif kind & _SUBJECT and "answer" not in kind:
        prompt.subject = f"{prompt.subject}\n{text}".strip()
    elif kind & _OPTIONS:
        prompt.options.extend(Option(name, "") for name in _names(text))
    elif kind & {"task", "instructions", "goal", "rules", "role"}:
        prompt.instructions.extend(sentences(text))
    else:
        prompt.facts[label] = text


def _names(text: str) -> list[str]:
    """`faq, order or lead` as ["faq", "order", "lead"]."""
    parts = re.split(r"[,;|/\n]| or | and ", text)
    return [part.strip(" .`'\"") for part in parts if 0 < len(part.strip(" .`'\"")) <= 40]


def _json_values(text: str) -> list[Json]:
    """The JSON objects and lists in a text, in order. The number of tries is bounded, so no text makes this slow."""
    found: list[Json] = []
    decoder = json.JSONDecoder()
    position = 0
    for _ in range(MAX_JSON_TRIES):
        starts = [i for i in (text.find("{", position), text.find("[", position)) if i >= 0]
        if not starts:
            break
        start = min(starts)
        try:
            value, position = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            position = start + 1
            continue
        if _is_data(value):
            found.append(value)
    return found


def _is_data(value: Json) -> bool:
    """Whether JSON in a prompt says something: it is not empty, and no JSON Schema of the answer."""
    if isinstance(value, dict):
        return bool(value) and not ("type" in value and "properties" in value)
    return any(isinstance(item, dict | str) for item in value)
