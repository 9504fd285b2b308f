"""Who holds an API key, many keys in one round trip: the first thing that every call of a program asks.

Nothing is remembered: a key that is revoked is so for the next call. The SQL is in the migration that makes
`heddle_api_keys`.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from engine.store.access.identity import token_hash
from engine.store.group_commit import Lane, Question
from engine.store.json_text import json_bytes
from engine.store.session import Scope

_FIND = "SELECT * FROM heddle_api_keys(%s::jsonb)"
_GIVE_UP_S = 5.0


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """A program that showed an API key; `scopes` are permission names such as "runs:read"."""

    scope: Scope
    api_key_id: UUID
    scopes: frozenset[str]


class ApiKeys:
    """One a process."""

    def __init__(self, app_url: str) -> None:
        self._lane = Lane(app_url, _FIND, linger_s=0.0, give_up_s=_GIVE_UP_S)

    def start(self) -> None:
        """Begin to ask; needs the running event loop."""
        self._lane.start()

    async def close(self) -> None:
        await self._lane.close()

    async def find(self, key: str) -> KeyIdentity | None:
        """The program that holds this key, None when it is unknown, expired or revoked. Notes the time of use.

        Raises TransientError.
        """
        asked = token_hash(key)
        found = await self._lane.ask(Question(asked, json_bytes(asked)))
        if found is None:
            return None
        return KeyIdentity(Scope(found["tenant_id"], None, "api_key"), found["api_key_id"], frozenset(found["scopes"]))
