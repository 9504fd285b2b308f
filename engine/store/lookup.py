"""Questions of many callers in one round trip to a function of the database.

Nothing is remembered: what has changed is so for the next call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, LiteralString

from engine.store.group_commit import Lane, Question
from engine.store.json_text import json_bytes

_GIVE_UP_S = 5.0


class Lookup:
    """One a process. The function takes the questions, texts, as a JSON array, and gives a row for each that has an
    answer: the question, and the answer as JSON."""

    _QUERY: ClassVar[LiteralString]
    _ANSWER: ClassVar[str]  # name of its column

    def __init__(self, app_url: str) -> None:
        self._lane = Lane(app_url, self._QUERY, linger_s=0.0, give_up_s=_GIVE_UP_S)

    def start(self) -> None:
        """Begin to ask; needs the running event loop."""
        self._lane.start()

    async def close(self) -> None:
        """Ask nothing more."""
        await self._lane.close()

    async def _ask(self, question: str) -> Mapping[str, Any] | None:
        """Raises TransientError."""
        found = await self._lane.ask(Question(question, json_bytes(question)))
        return None if found is None else found[self._ANSWER]
