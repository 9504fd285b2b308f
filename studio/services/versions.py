"""The versions of a workflow: who published what when, what is live, and what differs between any two of them.

A side of a comparison is a version by its number, or the draft where there is no number.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.language.diff import compare
from engine.language.document import Document
from engine.store.access import identity, workflows
from engine.store.session import Database, Scope, Tx
from engine.store.tables.workflows import WorkflowRow, WorkflowVersion
from studio.services.editor_graph import drawn

Json = Any


async def history(db: Database, scope: Scope, name: str) -> dict[str, Json]:
    """`{"live", "draft": {"hash", "by", "at"}, "versions": [...]}`, newest first; see `_version`. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, name)
        people = await _people(tx)
        found = [_version(one, row, people) for one in await workflows.versions(tx, row.workflow_id)]
    draft = {"hash": workflows.content_hash(row.text), **_signed(people, row.updated_by, row.updated_at)}
    return {"live": row.published_number, "draft": draft, "versions": found}


async def version(db: Database, scope: Scope, name: str, number: int) -> dict[str, Json]:
    """One version with its text and layout. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, name)
        return await _side(tx, row, number, await _people(tx))


async def comparison(db: Database, scope: Scope, name: str, before: int | None, after: int | None) -> dict[str, Json]:
    """`{"before", "after", "difference"}`: two sides with text, layout and graph, and what differs between them.

    The difference is None, as is the graph, where a text is not a workflow. Raises NotFound.
    """
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, name)
        people = await _people(tx)
        sides = [await _side(tx, row, number, people) for number in (before, after)]
    return await asyncio.to_thread(_compared, *sides)


def _compared(before: dict[str, Json], after: dict[str, Json]) -> dict[str, Json]:
    documents = [Document.parse_cached(side["text"]) for side in (before, after)]
    graphs = [drawn(document) for document in documents]
    differ = None if None in graphs else compare(documents[0].data, documents[1].data).to_dict()
    return {"before": before | {"graph": graphs[0]}, "after": after | {"graph": graphs[1]}, "difference": differ}


async def _side(tx: Tx, row: WorkflowRow, number: int | None, people: Mapping[UUID, str]) -> dict[str, Json]:
    if number is None:
        signed = _signed(people, row.updated_by, row.updated_at)
        return {"number": None, "text": row.text, "layout": row.layout, **signed}
    found = await workflows.get_version(tx, row.workflow_id, number)
    definition = await workflows.get_definition(tx, found.hash)
    return {**_version(found, row, people), "text": definition.text, "layout": found.layout}


def _version(found: WorkflowVersion, row: WorkflowRow, people: Mapping[UUID, str]) -> dict[str, Json]:
    """`{"number", "version", "hash", "note", "live", "by", "at"}`; `version` is the one that the file gives itself."""
    return {
        "number": found.number,
        "version": found.version,
        "hash": found.hash,
        "note": found.note,
        "live": found.number == row.published_number,
        **_signed(people, found.created_by, found.created_at),
    }


def _signed(people: Mapping[UUID, str], user_id: UUID | None, at: datetime) -> dict[str, Json]:
    """Who and when; nobody where it was not a person, or one who is no member any more."""
    return {"by": people.get(user_id) if user_id else None, "at": at.isoformat()}


async def _people(tx: Tx) -> dict[UUID, str]:
    return {user.user_id: user.name for user, _ in await identity.list_members(tx)}
