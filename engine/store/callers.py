"""Who calls, many in one round trip: the first thing that every call of a program and every event of a page asks.

Nothing is remembered: a key that is revoked, and a session that has ended, is so for the next call. The SQL is in the
migration that makes `heddle_callers`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.store.access.identity import token_hash
from engine.store.lookup import Lookup
from engine.store.session import Scope


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody signed in, in a tenant."""

    scope: Scope
    email: str
    name: str
    tenant_slug: str
    tenant_name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Program:
    """Whoever showed an API key; `scopes` are permission names such as "runs:read"."""

    scope: Scope
    api_key_id: UUID
    scopes: frozenset[str]


class Callers(Lookup):
    """One a process."""

    _QUERY = "SELECT * FROM heddle_callers(%s::jsonb)"
    _ANSWER = "caller"

    async def person(self, token: str) -> Person | None:
        """Who holds this session's token; None when it is unknown, expired, or the person or tenant no longer active.

        Raises TransientError.
        """
        row = await self._ask(f"session:{token_hash(token)}")
        if row is None:
            return None
        return Person(
            Scope(UUID(row["tenant_id"]), UUID(row["user_id"]), row["role"]),
            row["email"],
            row["name"],
            row["tenant_slug"],
            row["tenant_name"],
            datetime.fromisoformat(row["expires_at"]),
        )

    async def program(self, key: str) -> Program | None:
        """The program that holds this API key; None when it is unknown, expired or revoked. Notes the time of use.

        Raises TransientError.
        """
        row = await self._ask(f"key:{token_hash(key)}")
        if row is None:
            return None
        return Program(
            Scope(UUID(row["tenant_id"]), None, "api_key"), UUID(row["api_key_id"]), frozenset(row["scopes"])
        )
