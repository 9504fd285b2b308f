"""The editor's use cases: open a draft, save what changed, publish. The text is the truth; all else is derived.

A commit names the revision it stands on. It carries the whole text when the person typed, span edits when canvas or
inspector changed something, and the places of nodes that moved. Places live beside the text and never touch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from connectors.toolbox import toolbox_specs
from engine.errors import DefinitionError, InputError, NotFound
from engine.language.document import Document
from engine.language.edits import edit_document
from engine.language.positions import apply_patches
from engine.store.access import identity, workflows
from engine.store.session import Database, Scope, Tx
from engine.store.tables.workflows import WorkflowRow
from engine.store.vault import Vault
from studio.auth.permissions import role_allows
from studio.services import publishing
from studio.services.editor_graph import Utf16, derive
from studio.services.editor_specs import node_specs

Json = Any

MAX_TEXT = 1_000_000  # characters; the parser's own bound
MAX_PLACES = 5_000
FAR = 1_000_000  # pixels
TIERS = (
    {"value": "auto", "label": "the router chooses a tier"},
    {"value": "tier:A", "label": "small and cheap"},
    {"value": "tier:B", "label": "in between"},
    {"value": "tier:C", "label": "the strongest"},
)


@dataclass(frozen=True, slots=True)
class Commit:
    """What the editor sends. `places` maps node names to [x, y], or to None where a place is given up."""

    revision: int
    text: str | None = None
    edits: Sequence[Mapping[str, Json]] = ()
    places: Mapping[str, list[int] | None] = field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Json]) -> Commit:
        """Checks what came from the browser; raises InputError."""
        revision, text, edits = data.get("revision"), data.get("text"), data.get("edits") or []
        if not isinstance(revision, int) or isinstance(revision, bool):
            raise InputError("A commit must say which revision it stands on.")
        if text is not None and not isinstance(text, str):
            raise InputError("The text must be text.")
        if not isinstance(edits, list) or not all(isinstance(edit, dict) for edit in edits):
            raise InputError("Edits must be a list of objects.")
        return cls(revision, _storable(text), edits, _places(data.get("layout") or {}))


async def open_draft(db: Database, scope: Scope, name: str) -> dict[str, Json]:
    """Everything the editor shows of a workflow at first. Raises NotFound."""
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, name)
        tenant = await identity.get_tenant(tx)
        names = await workflows.names(tx)
        versions = await workflows.versions(tx, row.workflow_id)
    tools = toolbox_specs()
    live = next((v for v in versions if v.number == row.published_number), None)
    return {
        "workflow_id": str(row.workflow_id),
        "name": row.name,
        "description": row.description,
        "tenant": tenant.name,
        "revision": row.revision,
        "text": row.text,
        "layout": row.layout,
        "specs": node_specs(),
        "tools": [_tool(tool) for tool in tools.values()],
        "workflows": [other for other in names if other != row.name],
        "models": list(TIERS),
        "live": {"number": live.number, "at": live.created_at.isoformat()} if live else None,
        "latest": versions[0].number if versions else None,
        "can": {do: role_allows(scope.role, f"workflows:{do}") for do in ("write", "run", "publish")},
    } | await asyncio.to_thread(derive, row.text, tools, names)


async def save(db: Database, scope: Scope, workflow_id: UUID, commit: Commit) -> dict[str, Json]:
    """Apply a commit to the draft; answers with the new revision and what changed, or with the conflict.

    `changes` is what the edits did to the text that the commit stood on: one list of {from, to, insert} an edit, each
    in UTF-16 units of the text before it.
    Edits that do not fit are refused together (`error`); typed text is kept whatever it says. Raises NotFound.
    """
    async with db.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        names = await workflows.names(tx)
        if row.revision != commit.revision:
            return {"conflict": await _theirs(tx, row, names)}
        base = row.text if commit.text is None else commit.text
        text, changes, error = await asyncio.to_thread(_edited, base, commit.edits)
        layout = _with_places(row.layout, {} if error else commit.places)
        revision = row.revision
        if text != row.text or layout != row.layout:
            revision = await workflows.save_draft(tx, workflow_id, text=text, layout=layout, revision=commit.revision)
    derived = await asyncio.to_thread(derive, text, toolbox_specs(), names)
    answer = {"revision": revision, "changes": changes, **derived}
    return answer | ({"error": error} if error else {})


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


def _edited(base: str, edits: Sequence[Mapping[str, Json]]) -> tuple[str, list[list[Json]], str | None]:
    """The text after the edits and what each changed, or the text as it was and why they were refused."""
    if not edits:
        return base, [], None
    try:
        edited = edit_document(Document.parse_cached(base), list(edits))
    except DefinitionError as error:
        return base, [], error.public_message
    changes: list[list[Json]] = []
    for patches in edited.steps:
        units = Utf16(base)
        changes.append([{"from": units(p.start), "to": units(p.end), "insert": p.text} for p in patches])
        base = apply_patches(base, patches)
    return edited.text, changes, None


def _with_places(layout: Mapping[str, Json], places: Mapping[str, list[int] | None]) -> dict[str, Json]:
    if not places:
        return dict(layout)
    nodes = {**(layout.get("nodes") or {}), **places}
    return {**layout, "nodes": {name: at for name, at in sorted(nodes.items()) if at is not None}}


async def _theirs(tx: Tx, row: WorkflowRow, names: Sequence[str]) -> dict[str, Json]:
    """The draft that stands now, for the person to choose between it and their own."""
    who = next((user.name for user, _ in await identity.list_members(tx) if user.user_id == row.updated_by), None)
    return {
        "revision": row.revision,
        "text": row.text,
        "layout": row.layout.get("nodes") or {},
        "by": who,
        "at": row.updated_at.isoformat(),
        **await asyncio.to_thread(derive, row.text, toolbox_specs(), names),
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


def _storable(text: str | None) -> str | None:
    """Raises InputError for a text that cannot be kept as it is."""
    if text is None:
        return None
    if len(text) > MAX_TEXT:
        raise InputError(f"The text is longer than {MAX_TEXT:,} characters and was not saved.")
    if "\x00" in text:
        raise InputError("The text contains a NUL character and was not saved.")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError("The text contains half of a character pair and was not saved.") from error
    return text


def _places(layout: Json) -> dict[str, list[int] | None]:
    """Raises InputError for anything but {name: [x, y] | null}."""
    if not isinstance(layout, dict) or len(layout) > MAX_PLACES:
        raise InputError("The layout must map node names to places.")
    places: dict[str, list[int] | None] = {}
    for name, at in layout.items():
        if at is None:
            places[name] = None
            continue
        fits = isinstance(at, list) and len(at) == 2 and all(isinstance(v, int | float) and abs(v) < FAR for v in at)
        if not fits:
            raise InputError(f"The place of {name!r} must be [x, y].")
        places[name] = [round(at[0]), round(at[1])]
    return places
