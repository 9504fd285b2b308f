"""The record of changes as the studio shows it: who did what, page by page, and whether it is as it was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from engine.store.access import audit, identity, workflows
from engine.store.session import Database, Scope, Tx
from engine.store.tables.audit import AuditEntry
from studio.services import words
from studio.services.reading import in_short, shown_json

PAGE = 50
Names = Mapping[UUID, tuple[str, bool]]  # of workflows, and whether they are there

NOBODY = "nobody"  # in a filter: what no person did
_FAULTS = {
    "missing": "Entry {number} is missing.",
    "changed": "Entry {number} is not as it was written.",
    "not the one that followed": "Entry {number} does not follow the one before it: one of the two was replaced.",
    "not the one that was written last": "Entry {number} is not the one that was written last.",
}
# Where things of a kind are listed, when there is no page of one of them.
_PAGES = {"subscription": "/app/events", "dead_letters": "/app/events", "api_key": "/app/api-keys"}


@dataclass(frozen=True, slots=True)
class Filter:
    """What the record is narrowed to; an empty text means any. `who`: a person's id, or NOBODY.

    `since` and `until` are days (UTC, both included) as 2026-11-27.
    """

    who: str = ""
    action: str = ""
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One deed. `link` leads to what it was done to, where there is a page of it."""

    number: int = 0
    who: str = ""
    action: str = ""
    what: str = ""
    link: str = ""
    resource: str = ""
    remarks: str = ""
    when: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class EntryPage:
    """Everything that one entry holds."""

    role: str = ""
    user_id: str = ""
    resource_id: str = ""
    details: str = ""
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the record is as it was written. `number` is the first bad entry, 0 where there is none."""

    number: int
    text: str


async def listing(db: Database, scope: Scope, wanted: Filter, before: int | None = None) -> tuple[list[EntryLine], int]:
    """A page of entries, newest first, and the number that leads to older ones, 0 on the last page."""
    async with db.transaction(scope) as tx:
        rows, older = await audit.entries(tx, sought=sought(wanted), before=before, limit=PAGE)
        people, names = await _people(tx), await _names(tx, rows)
    now = datetime.now(UTC)
    return [_line(row, people, names, now) for row in rows], older or 0


async def choices(db: Database, scope: Scope) -> tuple[list[tuple[str, str]], list[str]]:
    """What the record can be narrowed to: people (id, name), and what was done lately."""
    async with db.transaction(scope) as tx:
        people = await _people(tx)
        return [(str(user_id), name) for user_id, name in people.items()], list(await audit.actions(tx))


async def entry(db: Database, scope: Scope, number: int) -> EntryPage:
    """Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await audit.entry(tx, number)
    return EntryPage(row.role, str(row.user_id or ""), row.resource_id, shown_json(row.details), row.hash)


async def verify(db: Database, scope: Scope) -> Verdict:
    """Look at every entry of the tenant."""
    async with db.transaction(scope) as tx:
        fault, count = await audit.verify(tx), await audit.written(tx)
    if fault is None:
        every = {0: "there is no entry yet", 1: "its only entry is as it was written"}
        said = every.get(count, f"all {count:,} entries are as they were written")
        return Verdict(0, f"The record is intact: {said}.")
    return Verdict(fault.number, _FAULTS.get(fault.fault, "Entry {number}: " + fault.fault).format(number=fault.number))


def sought(wanted: Filter) -> audit.Sought:
    """The filter as the record takes it; what makes no sense in it is left out."""
    since, until = day(wanted.since), day(wanted.until)
    return audit.Sought(
        user_id=None if wanted.who == NOBODY else _id(wanted.who),
        nobody=wanted.who == NOBODY,
        action=wanted.action,
        since=since and _midnight(since),
        until=until and _midnight(until) + timedelta(days=1),
    )


def day(text: str) -> date | None:
    """A day as a date field writes it, or None for what is none."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year < 9999 else None  # the year of a field that is being typed in is small


def _midnight(moment: date) -> datetime:
    return datetime.combine(moment, time(), UTC)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def _people(tx: Tx) -> dict[UUID, str]:
    return {user.user_id: user.name or user.email for user, _ in await identity.list_members(tx)}


async def _names(tx: Tx, rows: Sequence[AuditEntry]) -> Names:
    """Names of the workflows that these entries are about."""
    ids = {_id(row.resource_id) for row in rows if row.resource_type == "workflow"}
    return await workflows.names_of(tx, {one for one in ids if one})


def _line(row: AuditEntry, people: Mapping[UUID, str], names: Names, now: datetime) -> EntryLine:
    what, link = _what(row, names)
    return EntryLine(
        number=row.number,
        who=_who(row, people),
        action=row.action,
        what=what,
        link=link,
        resource=words.plain(row.resource_type),
        remarks=in_short({key: value for key, value in row.details.items() if value != what}),
        when=words.ago(row.created_at, now),
        at=words.exact(row.created_at),
    )


def _who(row: AuditEntry, people: Mapping[UUID, str]) -> str:
    if row.user_id is None:
        return {"api_key": "An API key", "system": "Heddle"}.get(row.role, f"A program ({row.role})")
    return people.get(row.user_id, f"A former member ({str(row.user_id)[-12:]})")


def _what(row: AuditEntry, names: Names) -> tuple[str, str]:
    """What the deed was done to, in words, and its page."""
    found = _id(row.resource_id)
    if row.resource_type == "run":
        return row.resource_id[-12:], f"/app/runs/{row.resource_id}"
    if row.resource_type == "workflow" and found in names:
        name, is_there = names[found]
        return name, f"/app/workflows/{name}" if is_there else ""
    named = next((row.details[key] for key in ("name", "url", "path") if isinstance(row.details.get(key), str)), "")
    return named or row.resource_id[-12:], _PAGES.get(row.resource_type, "")
