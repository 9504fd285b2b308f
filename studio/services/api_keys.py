"""API keys: who made which, a new one, the end of one. Each change is on the record, and the key itself on none.

A key is the tenant's: it outlasts its maker's session and membership, until somebody revokes it. It may what its scopes
name: permissions that its maker holds, and scopes of the tenant's own, which its workflows ask for. No key makes
another, so a stolen one ends when it is revoked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from engine.errors import Forbidden, InputError
from engine.scopes import MAX_OWN, PERMISSIONS, SCOPE_WORDS, scope_fault
from engine.store.access import audit, identity
from engine.store.session import Database, Scope, Tx
from engine.store.tables.identity import ApiKey
from studio.auth.permissions import ROLES, role_allows
from studio.services import words
from studio.services.key_gate import KeyGate

MAX_NAME = 100  # characters
TITLES: Mapping[str, str] = {"run": "Run workflows and read runs", "read": "Read only", "all": "Everything I may"}
RUN = ("workflows:run", "runs:read")
MOST_SCOPES = len(PERMISSIONS) + MAX_OWN
OPERATOR = "The operator"  # who makes keys on the command line
# What the API asks for somewhere, and what it lets a program do. Other permissions may stand in a key, to no effect.
SCOPES: Mapping[str, str] = {
    "workflows:run": "Start runs, go on with them, signal them",
    "runs:read": "Look at runs, their steps and events",
    "runs:cancel": "Cancel runs",
    "approvals:answer": "Answer what runs ask, where it names no assignees",
    "chat:use": "Write to workflows as a chat",
    "workflows:read": "Read workflows and versions",
    "workflows:write": "Create and change workflows",
    "workflows:publish": "Publish workflows, renew their secrets",
    "events:read": "Read events and subscriptions",
    "events:publish": "Publish events",
    "events:write": "Change subscriptions, send events again",
    "audit:read": "Read the record of changes",
    "api_keys:read": "List API keys",
    "api_keys:write": "Revoke API keys",
}
# A call that shows that a key works: of the first scope here that it has.
CALLS: Mapping[str, str] = {
    "workflows:run": "/api/v1/runs",
    "runs:read": "/api/v1/runs",
    "workflows:read": "/api/v1/workflows",
    "events:read": "/api/v1/events",
    "audit:read": "/api/v1/audit",
    "api_keys:read": "/api/v1/api-keys",
}


@dataclass(frozen=True, slots=True)
class Key:
    """What people may see of a key that works. `creator` is a name in words; `prefix` how the key begins.

    `last_used_at` is at most a minute behind, None for a key that was never used.
    """

    api_key_id: UUID
    name: str
    prefix: str
    scopes: tuple[str, ...]
    created_by: UUID | None
    creator: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key as the list shows it. `may` is what it may in words, `scopes` the same in permission names."""

    api_key_id: str = ""
    name: str = ""
    prefix: str = ""
    may: str = ""
    scopes: str = ""
    creator: str = ""
    made: str = ""
    made_at: str = ""
    used: str = ""
    used_at: str = ""


async def lines(db: Database, scope: Scope) -> list[KeyLine]:
    """The tenant's keys that work, newest first, as people read them."""
    now = datetime.now(UTC)
    return [line(key, now) for key in await listing(db, scope)]


def line(key: Key, now: datetime | None = None) -> KeyLine:
    """One of them."""
    return KeyLine(
        api_key_id=str(key.api_key_id),
        name=key.name,
        prefix=f"{key.prefix}…",
        may=in_words(key.scopes),
        scopes=", ".join(key.scopes),
        creator=key.creator,
        made=words.ago(key.created_at, now),
        made_at=words.exact(key.created_at),
        used=words.ago(key.last_used_at, now) if key.last_used_at else "never",
        used_at=words.exact(key.last_used_at),
    )


def in_words(scopes: Collection[str]) -> str:
    """What a key of these scopes may: the name of a set, or the scopes; then those of the tenant's own."""
    own = [one for one in scopes if one not in PERMISSIONS]
    granted = set(scopes) - set(own)
    if granted >= set(SCOPES):
        return "; ".join(["Everything", *own])
    named = next((TITLES[one] for one in ("run", "read") if set(scopes_of(one, "")) == granted), None)
    return "; ".join([named, *own]) if named else ", ".join(scopes)


async def example(gate: KeyGate, scope: Scope, scopes: Collection[str]) -> str:
    """What follows `curl <address of the installation>` to try a key of these scopes, "" where nothing simple does.

    The key stands in the variable KEY. Starts a published workflow that the key may start, if there is one.
    """
    shown_by = next((needed for needed in CALLS if needed in scopes), None)
    if shown_by is None:
        return ""
    call = f'{CALLS[shown_by]} \\\n  -H "Authorization: Bearer $KEY"'
    if shown_by != "workflows:run":
        return call
    names = await gate.startable(scope, scopes)
    body = {"workflow": names[0] if names else "your_workflow", "input": {"message": "Hello"}, "wait_s": 30}
    return f"{call} -H \"Content-Type: application/json\" \\\n  -d '{json.dumps(body)}'"


async def listing(db: Database, scope: Scope) -> list[Key]:
    """The tenant's keys that work, newest first."""
    async with db.transaction(scope) as tx:
        people = await _people(tx)
        return [_key(row, people) for row in await identity.list_api_keys(tx)]


async def create(db: Database, scope: Scope, name: str, scopes: Sequence[str]) -> tuple[Key, str]:
    """A new key, and its value, which is shown this once. `scopes` are permission names.

    Raises InputError (`field`: name or scopes), Forbidden for a key and for scopes that its maker does not hold, and
    Conflict when there are too many.
    """
    if scope.role == "api_key":
        raise Forbidden("An API key cannot make another one; sign in to the studio, or use `heddle api-keys create`.")
    named, granted = _named(name), _granted(scope, scopes)
    async with db.transaction(scope) as tx:
        row, value = await identity.create_api_key(tx, named, granted)
        await tx.session.refresh(row)
        made = _key(row, await _people(tx))
        await _record(tx, "api_key.create", row)
    return made, value


async def revoke(db: Database, scope: Scope, api_key_id: UUID) -> Key:
    """End a key: the next call with it is refused. Raises NotFound, also for one that was revoked before."""
    async with db.transaction(scope) as tx:
        row = await identity.revoke_api_key(tx, api_key_id)
        ended = _key(row, await _people(tx))
        await _record(tx, "api_key.revoke", row)
    return ended


def scopes_of(chosen: str, role: str) -> list[str]:
    """The scopes that a word stands for: "run" for starting and reading runs, "read" for reading what a viewer may,
    "all" for everything that the role may; any other word for itself."""
    sets = {"run": frozenset(RUN), "read": ROLES["viewer"], "all": ROLES.get(role, frozenset())}
    return [one for one in SCOPES if one in sets[chosen]] if chosen in sets else [chosen]


def typed(text: str) -> list[str]:
    """The scopes in a text, with commas or white space between them. Raises InputError (`field`: own_scopes)."""
    found = re.split(r"[\s,;]+", text.strip(" \t\r\n,;"))
    for one in found:
        if one and (fault := scope_fault(one)):
            raise InputError(f"{one[:60]}: {fault}.", field="own_scopes")
    return [one for one in found if one]


def _named(name: str) -> str:
    named = name.strip()
    if not 1 <= len(named) <= MAX_NAME or not named.isprintable():
        raise InputError(f"A name has 1 to {MAX_NAME} characters, all of them visible.", field="name")
    return named


def _granted(scope: Scope, scopes: Sequence[str]) -> list[str]:
    """The scopes, each once. Who may run workflows is asked for no scope, and may give away any. Raises InputError,
    Forbidden."""
    if not scopes:
        raise InputError("Name at least one scope, such as runs:read.", field="scopes")
    wanted = sorted(set(scopes))
    own = [one for one in wanted if one not in PERMISSIONS]
    for one in own:
        if fault := scope_fault(one):
            known = f" Permissions are {', '.join(SCOPES)}." if fault == SCOPE_WORDS else ""
            raise InputError(f"There is no scope {one[:60]!r}: {fault}.{known}", field="scopes")
    if len(own) > MAX_OWN:
        raise InputError(f"A key has up to {MAX_OWN} scopes of your own.", field="scopes")
    for needed in [one for one in wanted if one in PERMISSIONS] + ["workflows:run"] * bool(own):
        if not role_allows(scope.role, needed):
            raise Forbidden(f"A key may not do more than you; you lack the permission {needed}.", permission=needed)
    return wanted


async def _people(tx: Tx) -> dict[UUID, str]:
    return {user.user_id: user.name or user.email for user, _ in await identity.list_members(tx)}


def _key(row: ApiKey, people: Mapping[UUID, str]) -> Key:
    creator = OPERATOR if row.created_by is None else people.get(row.created_by, "A former member")
    return Key(
        row.api_key_id,
        row.name,
        row.prefix,
        tuple(row.scopes),
        row.created_by,
        creator,
        row.created_at,
        row.last_used_at,
    )


async def _record(tx: Tx, action: str, row: ApiKey) -> None:
    shown = {"name": row.name, "prefix": row.prefix, "scopes": row.scopes}
    await audit.record(tx, action, "api_key", row.api_key_id, shown)
