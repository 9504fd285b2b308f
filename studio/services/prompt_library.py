"""The prompt library as the studio shows it: prompts, their versions, what differs, and which workflows pin them."""

from __future__ import annotations

import asyncio
import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from engine.errors import Conflict, InputError
from engine.language.document import Document
from engine.store.access import identity, prompts
from engine.store.session import Database, Scope, Tx
from studio.services import words

SHOWN = 200  # prompts of a list; more are found by their names
MOST_LINES = 5_000  # of a text that is compared line by line
_AROUND = 3  # lines shown around what differs


@dataclass(frozen=True, slots=True)
class PromptLine:
    """A prompt of the list, by its newest version."""

    name: str
    newest: int
    by: str
    added: str
    added_at: str


@dataclass(frozen=True, slots=True)
class PromptPage:
    """One version. `newest` is the number of the newest one."""

    name: str = ""
    version: int = 0
    newest: int = 0
    text: str = ""
    system: str = ""
    note: str = ""
    by: str = ""
    added: str = ""
    added_at: str = ""


@dataclass(frozen=True, slots=True)
class Use:
    """A step that pins the prompt: in the draft of a workflow, or in the version of it that is live."""

    workflow: str
    where: str  # draft | v3
    node: str
    version: int


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a comparison: same, added, removed, or gap (lines that are the same are left out)."""

    kind: str
    text: str


async def listing(db: Database, scope: Scope, search: str = "") -> list[PromptLine]:
    """Prompts by name, narrowed to a part of it; SHOWN at most."""
    async with db.transaction(scope) as tx:
        rows = await prompts.heads(tx, search=search.strip().lower(), limit=SHOWN)
        people = await _people(tx)
    now = datetime.now(UTC)
    return [
        PromptLine(
            row.name,
            row.newest,
            _by(people, row.created_by),
            words.ago(row.created_at, now),
            words.exact(row.created_at),
        )
        for row in rows
    ]


async def version(db: Database, scope: Scope, name: str, number: int = 0) -> tuple[PromptPage, list[tuple[str, str]]]:
    """One version, the newest where `number` is 0, and all of them as (number, title). Raises NotFound."""
    async with db.transaction(scope) as tx:
        known = await prompts.versions(tx, name)
        row = await prompts.get(tx, name, number or (known[0][0] if known else 1))
        people = await _people(tx)
    shown = PromptPage(
        name=row.name,
        version=row.version,
        newest=known[0][0],
        text=row.text,
        system=row.system or "",
        note=row.note,
        by=_by(people, row.created_by),
        added=words.ago(row.created_at),
        added_at=words.exact(row.created_at),
    )
    return shown, [(str(one), f"Version {one}" + (f": {note[:60]}" if note else "")) for one, note in known]


async def uses(db: Database, scope: Scope, name: str) -> list[Use]:
    """Steps that pin any version of the prompt, by workflow."""
    async with db.transaction(scope) as tx:
        texts = await prompts.texts_that_name(tx, name)
    return await asyncio.to_thread(_uses, name, texts)


def _uses(name: str, texts: Sequence[tuple[str, int | None, str]]) -> list[Use]:
    found = []
    for workflow, number, text in texts:
        parsed = Document.parse_cached(text).workflow
        for node in parsed.nodes if parsed is not None else ():
            where = "draft" if number is None else f"v{number}"
            found += [Use(workflow, where, node.name, pin) for pin in sorted(set(_pins(name, node.config)))]
    return sorted(found, key=lambda use: (use.workflow, use.where, use.node))


def _pins(name: str, value: Any) -> Iterator[int]:
    """The versions that stand behind `prompt` anywhere in a node's settings."""
    if isinstance(value, list | tuple):
        for one in value:
            yield from _pins(name, one)
    elif hasattr(value, "items"):
        for key, one in value.items():
            pinned, mark, number = one.rpartition("@") if key == "prompt" and isinstance(one, str) else ("", "", "")
            if mark and pinned == name and number.isdecimal():
                yield int(number)
            else:
                yield from _pins(name, one)


async def compare(db: Database, scope: Scope, name: str, before: int, after: int) -> list[DiffLine]:
    """What differs between two versions, instructions and text, line by line. Raises NotFound, InputError."""
    async with db.transaction(scope) as tx:
        rows = [await prompts.get(tx, name, number) for number in (before, after)]
    texts = [_whole(row.text, row.system) for row in rows]
    if max(map(len, texts)) > MOST_LINES:
        raise InputError(f"One of them has more than {MOST_LINES:,} lines: too many to compare here.")
    return await asyncio.to_thread(_compared, *texts)


def _whole(text: str, system: str | None) -> list[str]:
    return [*(["— instructions —", *system.splitlines(), "— prompt —"] if system else []), *text.splitlines()]


def _compared(before: list[str], after: list[str]) -> list[DiffLine]:
    kinds = {" ": "same", "+": "added", "-": "removed", "@": "gap"}
    lines = list(difflib.unified_diff(before, after, n=_AROUND, lineterm=""))[2:]
    found = [DiffLine(kinds[line[0]], "" if line[0] == "@" else line[1:]) for line in lines]
    from_the_top = bool(lines) and re.match(r"@@ -[01](,\d+)? ", lines[0]) is not None
    return found[1:] if from_the_top else found


async def add(db: Database, scope: Scope, *, name: str, text: str, system: str, note: str, seen: int) -> int:
    """Keep a text as the version after `seen`, the newest that its writer knew, 0 for a new prompt; returns its number.

    Raises InputError, and Conflict when somebody has added one meanwhile, or the new name is taken.
    """
    async with db.transaction(scope) as tx:
        if seen:
            last = await prompts.get(tx, name, seen)
            if (last.text, last.system or "") == (text, system):
                raise InputError(f"This is version {seen} as it stands.", field="text")
        try:
            row = await prompts.add(tx, name, text, system=system or None, note=note, version=seen + 1)
        except Conflict as error:
            raise _taken(name, seen) from error
        if row.created_by != scope.user_id:
            raise _taken(name, seen)
    return row.version


def _taken(name: str, seen: int) -> Conflict:
    if seen:
        return Conflict(
            f"Somebody has added version {seen + 1} meanwhile. Look at it before you add yours.", field="text"
        )
    return Conflict(f"There is a prompt {name} already; add a version to it.", field="name")


async def _people(tx: Tx) -> dict[UUID, str]:
    return {user.user_id: user.name or user.email for user, _ in await identity.list_members(tx)}


def _by(people: dict[UUID, str], user_id: UUID | None) -> str:
    return people.get(user_id, "a former member") if user_id else "a program"
