"""The tenant's prompt library: versions are added and read, never changed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import Conflict, InputError, NotFound
from engine.store.session import Tx
from engine.store.tables.prompts import PromptVersion
from engine.store.tables.workflows import DefinitionRow, WorkflowRow, WorkflowVersion

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}(/[a-z0-9][a-z0-9_-]{0,63}){0,3}")
MAX_CHARS = 100_000
MAX_VERSION = 999_999


async def add(
    tx: Tx, name: str, text: str, *, system: str | None = None, note: str = "", version: int | None = None
) -> PromptVersion:
    """Keep a text as the prompt's next version, or as `version` (for imports).

    The same text under the same number is kept once. Raises InputError, and Conflict for another text under a number
    that is taken.
    """
    _check(name, text, system, note)
    await tx.session.execute(sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(f"{tx.scope.tenant_id}:{name}"))))
    if version is None:
        newest = select(sa.func.max(PromptVersion.version)).where(*_of(tx, name))
        version = ((await tx.session.execute(newest)).scalar() or 0) + 1
    if not 1 <= version <= MAX_VERSION:
        raise InputError(f"The version must be a number from 1 to {MAX_VERSION}, not {version}.", field="version")
    known = await tx.session.get(PromptVersion, (tx.scope.tenant_id, name, version))
    if known is not None:
        if (known.text, known.system) != (text, system):
            raise Conflict(f"{name}@{version} exists already, with another text; versions never change.")
        return known
    row = PromptVersion(
        tenant_id=tx.scope.tenant_id,
        name=name,
        version=version,
        text=text,
        system=system,
        note=note,
        created_by=tx.scope.user_id,
    )
    tx.session.add(row)
    await tx.session.flush()
    return row


async def get(tx: Tx, name: str, version: int) -> PromptVersion:
    """Raises NotFound, also for another tenant's prompt."""
    row = await tx.session.get(PromptVersion, (tx.scope.tenant_id, name, version))
    if row is None:
        raise NotFound(f"There is no prompt {name}@{version}.")
    return row


async def list_versions(tx: Tx) -> Sequence[PromptVersion]:
    """Every version of every prompt, by name and number."""
    query = select(PromptVersion).where(col(PromptVersion.tenant_id) == tx.scope.tenant_id)
    return (await tx.session.execute(query.order_by(PromptVersion.name, col(PromptVersion.version)))).scalars().all()


@dataclass(frozen=True, slots=True)
class PromptHead:
    """A prompt without its texts: its newest version, and when that was added by whom."""

    name: str
    newest: int
    created_at: datetime
    created_by: UUID | None


async def heads(tx: Tx, *, search: str = "", limit: int = 200) -> Sequence[PromptHead]:
    """Prompts of the tenant by name; `search` is a part of the name."""
    name, version = col(PromptVersion.name), col(PromptVersion.version)
    newest: Any = sa.select(name.label("name"), sa.func.max(version).label("version")).group_by(name)
    if search:
        newest = newest.where(name.contains(search, autoescape=True))
    found = newest.order_by(name).limit(limit).subquery()
    query = (
        sa.select(name, version, col(PromptVersion.created_at), col(PromptVersion.created_by))
        .join(found, sa.and_(name == found.c.name, version == found.c.version))
        .order_by(name)
    )
    rows = await tx.session.execute(query)
    return [PromptHead(row.name, row.version, row.created_at, row.created_by) for row in rows]


async def versions(tx: Tx, name: str) -> Sequence[tuple[int, str]]:
    """Numbers and notes of a prompt's versions, newest first."""
    query = select(PromptVersion.version, PromptVersion.note).where(*_of(tx, name))
    rows = await tx.session.execute(query.order_by(col(PromptVersion.version).desc()))
    return [(row.version, row.note) for row in rows]


async def texts_that_name(tx: Tx, name: str) -> Sequence[tuple[str, int | None, str]]:
    """Workflows whose text has the prompt's name with an @ behind it: their name, the number of the version that is
    live (None for the draft), and the text."""
    there = col(WorkflowRow.archived_at).is_(None)
    drafts = select(WorkflowRow.name, WorkflowRow.text).where(
        there, col(WorkflowRow.text).contains(f"{name}@", autoescape=True)
    )
    live = (
        select(WorkflowRow.name, WorkflowVersion.number, DefinitionRow.text)
        .join(WorkflowVersion, col(WorkflowVersion.workflow_id) == col(WorkflowRow.workflow_id))
        .join(DefinitionRow, col(DefinitionRow.hash) == col(WorkflowVersion.hash))
        .where(there, WorkflowVersion.number == WorkflowRow.published_number)
        .where(col(DefinitionRow.text).contains(f"{name}@", autoescape=True))
    )
    found: list[tuple[str, int | None, str]] = [(row.name, None, row.text) for row in await tx.session.execute(drafts)]
    return found + [(row.name, row.number, row.text) for row in await tx.session.execute(live)]


def _of(tx: Tx, name: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return col(PromptVersion.tenant_id) == tx.scope.tenant_id, col(PromptVersion.name) == name


def _check(name: str, text: str, system: str | None, note: str) -> None:
    if not NAME.fullmatch(name):
        raise InputError(
            f"{name[:80]!r} is no name of a prompt: a-z, 0-9, _ and -, in parts joined by /.", field="name"
        )
    if not text.strip():
        raise InputError("A prompt without text says nothing.", field="text")
    for field, value in (("text", text), ("system", system or ""), ("note", note)):
        if len(value) > MAX_CHARS:
            raise InputError(f"{field} is longer than {MAX_CHARS:,} characters.", field=field)
        if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
            raise InputError(f"{field} holds characters that cannot be stored.", field=field)
