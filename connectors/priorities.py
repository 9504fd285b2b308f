"""Priorities as they are kept (low, medium, high, critical), out of the words that people and models use."""

from __future__ import annotations

_WORDS = {
    "critical": "critical",
    "urgent": "critical",
    "emergency": "critical",
    "highest": "critical",
    "blocker": "critical",
    "high": "high",
    "important": "high",
    "major": "high",
    "soon": "high",
    "low": "low",
    "minor": "low",
    "lowest": "low",
    "whenever": "low",
}


def priority_of(*words: str | None) -> str:
    """The priority that the first given word stands for; "medium" for an unknown word or none."""
    given = next((word for word in words if word), "")
    return _WORDS.get(given.strip().lower(), "medium")
