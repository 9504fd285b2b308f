"""Running a draft as it stands, from the editor's preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.errors import InputError, NotFound
from engine.execution.context import RunPart
from engine.language.document import Document
from engine.store.access import conversations, pins, workflows
from engine.store.session import Database, Scope, Tx
from runners.client import ByText, RunClient, RunRequest

Json = Any

MAX_INPUT_KEYS = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of the draft to run: from a node on, or `only` that node, on what it saw in a run, if one is named."""

    entry: str
    only: bool = False
    run_id: UUID | None = None

    @classmethod
    def from_json(cls, data: Json) -> Piece | None:
        """None for None. Raises InputError for what is no piece."""
        if data is None:
            return None
        try:
            run_id = UUID(data["run_id"]) if data.get("run_id") else None
            return cls(str(data["entry"]), bool(data.get("only")), run_id)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError("This is no part of a workflow.") from error


@dataclass(frozen=True, slots=True)
class Started:
    """A run of a draft that was accepted; the conversation goes on with its id.

    `strays` are names to which something is pinned while no node is called so: the run takes no notice of it.
    """

    run_id: UUID
    conversation_id: UUID | None
    strays: tuple[str, ...] = ()


async def start(
    db: Database,
    client: RunClient,
    scope: Scope,
    workflow_id: UUID,
    *,
    run_input: Json,
    chat: bool,
    conversation_id: UUID | None = None,
    piece: Piece | None = None,
) -> Started:
    """Run the stored draft, or a piece of it; `chat` opens a conversation where none is named.

    What is pinned to nodes is taken instead of running them. Sub-workflows run as published, those that were never
    published as drafts. Raises NotFound, InputError, and DefinitionError for a draft that cannot run.
    """
    if not isinstance(run_input, Mapping) or len(run_input) > MAX_INPUT_KEYS:
        raise InputError("The input must be an object.")
    async with db.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        siblings = await _unpublished(tx, row.name, row.text)
        kept = await pins.outputs(tx, workflow_id)
        if chat and conversation_id is None:
            conversation_id = (await conversations.create_conversation(tx, row.name, "preview")).conversation_id
    names = _names(row.text)
    pinned = {node: output for node, output in kept.items() if node in names}
    request = RunRequest(
        source=ByText(row.text, siblings, workflow_id),
        input=dict(run_input),
        trigger="manual",
        conversation_id=conversation_id,
        part=RunPart(pins=pinned) if piece is None else await _part(client, scope, piece, pinned),
    )
    return Started(await client.submit(scope, request), conversation_id, tuple(sorted(kept.keys() - pinned.keys())))


def _names(text: str) -> set[str]:
    workflow = Document.parse_cached(text).workflow
    return {node.name for node in workflow.nodes} if workflow else set()


async def _part(client: RunClient, scope: Scope, piece: Piece, pinned: Mapping[str, Json]) -> RunPart:
    """With what the node saw in the run that the piece names. The node to begin with is run, not its pin taken."""
    others = {node: output for node, output in pinned.items() if node != piece.entry}
    if piece.run_id is None:
        return RunPart(piece.entry, piece.only, pins=others, outputs=others)
    seen = await client.scope_before(scope, piece.run_id, piece.entry)
    recorded = {node: step["output"] for node, step in seen["nodes"].items()}
    return RunPart(piece.entry, piece.only, seen["context"], others, {**recorded, **others})


async def _unpublished(tx: Tx, name: str, text: str) -> dict[str, str]:
    """Drafts of the workflows that this text calls, directly or not, where there is no published one."""
    found: dict[str, str] = {}
    seen, left = {name}, _called(text)
    while left:
        called = left.pop()
        if called in seen:
            continue
        seen.add(called)
        try:
            row = await workflows.get_by_name(tx, called)
        except NotFound:
            continue  # the run says so when it gets there
        if row.published_number is None:
            found[called] = row.text
        left |= _called(row.text)
    return found


def _called(text: str) -> set[str]:
    workflow = Document.parse(text).workflow
    names = {node.config.get("workflow_name") for node in workflow.nodes} if workflow else set()
    return {name for name in names if isinstance(name, str)}
