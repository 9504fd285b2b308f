"""The editor's use cases: open a draft, save what changed, publish. The text is the truth; all else is derived.

A commit (editor_commit.py) names the revision it stands on. It carries what the person typed, span edits when canvas or
inspector changed something, and what moved. Places, notes and groups live beside the text and never touch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from connectors.toolbox import toolbox_specs
from engine.errors import DefinitionError, InputError, NotFound
from engine.language.diff import renamed_nodes
from engine.language.document import Document
from engine.language.edits import edit_document
from engine.language.merge import merge
from engine.language.merge_text import line_patches
from engine.language.positions import Patch, apply_patches
from engine.language.reparse import reparse
from engine.settings import Settings
from engine.store.access import credentials, identity, workflows
from engine.store.access import pins as pin_rows
from engine.store.session import Database, Scope, Tx
from engine.store.tables.workflows import WorkflowRow
from engine.store.vault import Vault
from studio.auth.permissions import role_allows
from studio.services import pins, publishing
from studio.services.editor_commit import Commit, Utf16, patched, storable, with_names
from studio.services.editor_graph import derive, difference, drawn, findings
from studio.services.editor_specs import node_specs
from studio.services.layout_merge import identified
from studio.services.model_choice import offered
from studio.services.starters import starters
from studio.services.trigger_specs import trigger_specs
from studio.services.workflow_files import MAX_TEXT

Json = Any


@dataclass(frozen=True, slots=True)
class Saved:
    """What a commit did. `answer` is for the browser, `document` for `check`."""

    answer: dict[str, Json]
    document: Document | None = None


async def open_draft(db: Database, scope: Scope, name: str, settings: Settings) -> dict[str, Json]:
    """Everything the editor shows of a workflow at first. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, name)
        tenant = await identity.get_tenant(tx)
        names = await workflows.names(tx)
        versions = await workflows.versions(tx, row.workflow_id)
        kept = await credentials.list_credentials(tx)
        pinned = pins.shown(await pin_rows.list_pins(tx, row.workflow_id))
    tools = toolbox_specs()
    live = next((v for v in versions if v.number == row.published_number), None)
    return {
        "workflow_id": str(row.workflow_id),
        "name": row.name,
        "description": row.description,
        "tenant": tenant.name,
        "revision": row.revision,
        "text": row.text,
        "layout": identified(row.layout),
        "max_text": MAX_TEXT,
        "specs": node_specs(),
        "triggers": trigger_specs(),
        "tools": [_tool(tool) for tool in tools.values()],
        "workflows": [other for other in names if other != row.name],
        "models": offered(settings, {one.kind for one in kept}),
        "credentials": [{"name": one.name, "kind": one.kind} for one in kept],
        "pins": pinned,
        "starters": starters(row.name),
        "live": {"number": live.number, "at": live.created_at.isoformat()} if live else None,
        "latest": versions[0].number if versions else None,
        "can": {do: role_allows(scope.role, f"workflows:{do}") for do in ("write", "run", "publish")},
    } | await asyncio.to_thread(derive, Document.parse_cached(row.text), tools, names)


async def save(db: Database, scope: Scope, workflow_id: UUID, commit: Commit) -> Saved:
    """Apply a commit to the draft; answers with the new revision and what changed.

    Where the draft was saved by somebody else meanwhile, the answer is `stale` until the commit brings the text it
    stands on; then both are merged (`_merged`).

    `changes` is what the edits did to the text with what was typed: one list of {from, to, insert} an edit, each in
    UTF-16 units of the text before it. `graph` is the difference to the graph of the text before the commit. `retyped`
    are nodes whose names were typed over; their places, their groups and what is pinned to them go with them.
    Edits that do not fit are refused together (`error`); typed text is kept whatever it says. Raises NotFound.
    """
    async with db.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        base = row.text
        if row.revision != commit.revision:
            if commit.base is None:
                return Saved({"stale": row.revision})
            if not await asyncio.to_thread(_has_arrived, row, commit):
                return await _merged(tx, row, commit)
            base = commit.base
        change = await asyncio.to_thread(_changed, base, commit)
        revision = row.revision
        layout = row.layout if change.error or not commit.lays_out else commit.laid_out(row.layout)
        names = _renames(change, commit)
        layout = with_names(identified(layout), names) if names else layout
        if change.document.text != row.text or layout != row.layout:
            revision = await workflows.save_draft(
                tx, workflow_id, text=change.document.text, layout=layout, revision=row.revision
            )
            await pin_rows.rename(tx, workflow_id, names)
    answer = {"revision": revision, "changes": change.changes, "graph": change.graph}
    answer |= {"retyped": change.retyped} if change.retyped else {}
    return Saved(answer | ({"error": change.error} if change.error else {}), change.document)


async def _merged(tx: Tx, row: WorkflowRow, commit: Commit) -> Saved:
    """Save the commit together with what somebody else saved, or answer with the fields that both changed.

    `merged` is what the other's changes do to the text with this commit's, as one list of {from, to, insert}; `layout`
    is the whole sidecar, `theirs` what it was before this commit changed it, `renamed` which nodes the other gave other
    names, `by` who the other is.
    """
    change = await asyncio.to_thread(_changed, commit.base or "", commit)
    mine, choices = change.document.text, commit.choices if commit.theirs == row.revision else {}
    done = await asyncio.to_thread(merge, commit.base or "", mine, row.text, choices)
    layout, beside = commit.laid_over(row.layout, choices) if commit.lays_out and not change.error else (row.layout, [])
    if done.collisions or beside:
        collisions = [one.to_dict() for one in (*done.collisions, *beside)]
        return Saved({"conflict": {**await _theirs(tx, row), "collisions": collisions}})
    document = Document.parse_cached(storable(done.text))
    left = set(_names(document))
    names = {old: new for old, new in _renames(change, commit).items() if new in left and old not in left}
    layout = with_names(identified(layout), names) if names else layout
    # Saving changes the row itself.
    revision, text, theirs, by = row.revision, row.text, row.layout, await _who(tx, row.updated_by)
    if document.text != row.text or layout != row.layout:
        revision = await workflows.save_draft(
            tx, row.workflow_id, text=document.text, layout=layout, revision=row.revision
        )
        await pin_rows.rename(tx, row.workflow_id, names)
    answer: dict[str, Json] = {
        "revision": revision,
        "changes": change.changes,
        "merged": _in_units(mine, [line_patches(mine, document.text)])[0],
        "layout": identified(layout),
        "renamed": _renamed(commit.base or "", text, document),
        "graph": _graph(Document.parse_cached(commit.base or ""), document, commit),
        "by": by,
    }
    answer |= {"theirs": identified(theirs)} if commit.lays_out else {}
    return Saved(answer | ({"error": change.error} if change.error else {}), document)


async def check(db: Database, scope: Scope, document: Document) -> list[dict[str, Json]]:
    """The diagnostics of a draft that was just saved; apart from `save`, so that nobody waits for them."""
    async with db.transaction(scope) as tx:
        names = await workflows.names(tx)
    return await asyncio.to_thread(findings, document, toolbox_specs(), names)


async def publish(db: Database, scope: Scope, workflow_id: UUID, note: str) -> dict[str, Json]:
    """Freeze the draft and open its addresses: `{"number", "live", "addresses"}`, see `_address`.

    Raises NotPublishable when the draft has errors, Conflict when an address is taken.
    """
    done = await publishing.publish(db, scope, workflow_id, note[:500])
    async with db.transaction(scope) as tx:
        version = await workflows.get_version(tx, workflow_id, done.number)
    return {
        "number": done.number,
        "live": {"number": done.number, "at": version.created_at.isoformat()},
        "addresses": [_address(each) for each in done.addresses],
    }


async def addresses(db: Database, scope: Scope, workflow_id: UUID) -> dict[str, Json]:
    """Where the live version answers."""
    found = await publishing.addresses(db, scope, workflow_id)
    return {"addresses": [_address(each) for each in found]}


async def renew_secret(
    db: Database, vault: Vault, scope: Scope, workflow_id: UUID, endpoint_id: UUID
) -> dict[str, Json]:
    """The addresses, with a new token or signing secret at one of them, shown this once. Raises NotFound."""
    found = await publishing.addresses(db, scope, workflow_id)
    if endpoint_id not in {each.endpoint_id for each in found}:
        raise NotFound("This workflow has no such address.")
    secret = await publishing.renew_secret(db, vault, scope, endpoint_id)
    return {"addresses": [_address(a, secret if a.endpoint_id == endpoint_id else None) for a in found]}


def _address(found: publishing.Address, secret: str | None = None) -> dict[str, Json]:
    """`{endpoint_id, kind, path, auth, token, has_secret}`; `token` is also where a signing secret stands."""
    return {
        "endpoint_id": str(found.endpoint_id),
        "kind": found.kind,
        "path": found.path,
        "auth": found.auth,
        "token": secret or found.token,
        "has_secret": found.has_secret or secret is not None,
    }


@dataclass(frozen=True, slots=True)
class _Change:
    """`retyped` are nodes whose names were typed over in the text: old -> new."""

    document: Document
    changes: list[list[Json]]
    graph: Json
    retyped: dict[str, str]
    error: str | None = None


def _changed(base: str, commit: Commit) -> _Change:
    """What was typed, then the edits, or why they were refused; raises InputError for changes outside the text."""
    old = Document.parse_cached(base)
    text, patches = patched(base, commit.typed)
    document = reparse(old, text, patches)
    document.remember()
    retyped = _retyped(old, document, changes=len(patches))
    changes: list[list[Json]] = []
    error = None
    if commit.edits:
        try:
            edited = edit_document(document, commit.edits)
        except DefinitionError as refused:
            error = refused.public_message
        else:
            changes, document = _in_units(text, edited.steps), edited.document
    return _Change(document, changes, _graph(old, document, commit), retyped, error)


def _graph(old: Document, new: Document, commit: Commit) -> Json:
    return drawn(new) if commit.anew else difference(drawn(old), drawn(new))


def _retyped(before: Document, after: Document, changes: int = 1) -> dict[str, str]:
    """Old name -> new name of the nodes that stand where they stood, are of their type, and have a name typed over.

    Each by a change of its own: one change that gives several nodes other names puts other nodes in their place.
    """
    was, now = _nodes(before), _nodes(after)
    if len(was) != len(now):
        return {}
    changed = [(old, new) for (old, _), (new, _) in zip(was, now, strict=True) if old != new]
    if not 1 <= len(changed) <= changes:
        return {}
    types, new_types = dict(was), dict(now)
    return {
        old: new
        for old, new in changed
        if old not in new_types and new not in types and (len(changed) == 1 or types[old] == new_types[new])
    }


def _renames(change: _Change, commit: Commit) -> dict[str, str]:
    """Old name -> new name of the nodes that a commit renames, by typing or by an edit."""
    return change.retyped | ({} if change.error else pins.renamed(commit.edits))


def _renamed(base: str, theirs: str, merged: Document) -> dict[str, str]:
    """Old name -> new name of the nodes that somebody else renamed, as far as the merged draft has them so."""
    before, after = Document.parse_cached(base), Document.parse_cached(theirs)
    found = _retyped(before, after)
    if isinstance(before.data, dict) and isinstance(after.data, dict):
        found = renamed_nodes(before.data, after.data) | found
    names = set(_names(merged))
    return {old: new for old, new in found.items() if new in names and old not in names}


def _nodes(document: Document) -> list[tuple[str, str]]:
    """Name and type of each node."""
    return [(node.name, node.type) for node in document.workflow.nodes] if document.workflow else []


def _names(document: Document) -> list[str]:
    return [name for name, _ in _nodes(document)]


def _in_units(text: str, steps: Sequence[Sequence[Patch]]) -> list[list[Json]]:
    found: list[list[Json]] = []
    for patches in steps:
        units = Utf16(text)
        found.append([{"from": units(p.start), "to": units(p.end), "insert": p.text} for p in patches])
        text = apply_patches(text, patches)
    return found


def _has_arrived(row: WorkflowRow, commit: Commit) -> bool:
    """Whether a repeated commit was applied at the first try, its answer lost: then the draft is what it makes.

    One that changes nothing makes no revision: what stands there is somebody else's.
    """
    changes = commit.typed or commit.edits or commit.lays_out
    if commit.base is None or not changes or row.revision != commit.revision + 1:
        return False
    try:
        change = _changed(commit.base, commit)
    except InputError:
        return False
    return change.error is None and change.document.text == row.text and commit.laid_out(row.layout) == row.layout


async def _who(tx: Tx, user_id: UUID | None) -> str | None:
    return next((user.name for user, _ in await identity.list_members(tx) if user.user_id == user_id), None)


async def _theirs(tx: Tx, row: WorkflowRow) -> dict[str, Json]:
    """The draft that stands now, for the person to choose between it and their own."""
    names = await workflows.names(tx)
    return {
        "revision": row.revision,
        "text": row.text,
        "layout": identified(row.layout),
        "by": await _who(tx, row.updated_by),
        "at": row.updated_at.isoformat(),
        **await asyncio.to_thread(derive, Document.parse_cached(row.text), toolbox_specs(), names),
    }


def _tool(tool: Any) -> dict[str, Json]:
    return {
        "name": tool.name,
        "title": tool.title,
        "description": tool.description,
        "connector": tool.connector,
        "parameters": dict(tool.parameters),
        "icon": tool.icon,
    }
