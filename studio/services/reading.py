"""Inputs and outputs of steps as people read them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

JSON_SHOWN = 40_000  # characters; more is cut and said so
# Controls, marks that turn the direction of writing, and letters without a picture; joiners, which scripts need, stay.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
)


def shown_json(value: Any) -> str:
    """JSON for reading, or the text itself; cut when it is long."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    if len(text) <= JSON_SHOWN:
        return text
    return f"{text[:JSON_SHOWN]}\n… {len(text) - JSON_SHOWN:,} more characters"


def shown_input(value: Any) -> str:
    """A step's input; what a model was sent is set as a conversation, because prompts are hard to read as JSON."""
    messages = value.get("messages") if isinstance(value, dict) else None
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        return shown_json(value)
    parts = [f"— {m.get('role', '')} —\n{_text(m.get('content'))}" for m in messages]
    rest = {key: held for key, held in value.items() if key != "messages" and held not in (None, [], {})}
    parts += [f"— {key} —\n{shown_json(held)}" for key, held in rest.items()]
    return shown_json("\n\n".join(parts))


def _text(content: Any) -> str:
    return content.strip() if isinstance(content, str) else shown_json(content)


def unhidden(text: str) -> str:
    """The text with what shows nothing, or turns the text around, written out as \\u202e: nothing hides in it."""
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_short(payload: Mapping[str, Any]) -> str:
    """The first things that an object says, in one line."""
    text = ", ".join(f"{key}: {_plain(value)}" for key, value in list(payload.items())[:8] if value is not None)
    return text if len(text) <= 160 else text[:159] + "…"


def _plain(value: Any) -> str:
    return " ".join(value[:160].split()) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:160]
