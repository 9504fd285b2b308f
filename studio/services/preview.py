"""Running a draft as it stands, from the editor's preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from engine.errors import InputError, NotFound
from engine.language.document import Document
from engine.store.access import conversations, workflows
from engine.store.session import Database, Scope, Tx
from runners.client import ByText, RunClient, RunRequest

Json = Any

MAX_INPUT_KEYS = 200


@dataclass(frozen=True, slots=True)
class Started:
    """A run of a draft that was accepted; the conversation goes on with its id."""

    run_id: UUID
    conversation_id: UUID | None


async def start(
    db: Database,
    client: RunClient,
    scope: Scope,
    workflow_id: UUID,
    *,
    run_input: Json,
    chat: bool,
    conversation_id: UUID | None = None,
) -> Started:
    """Run the stored draft; `chat` opens a conversation where none is named.

    Sub-workflows run as published, those that were never published as drafts. Raises NotFound, InputError, and
    DefinitionError for a draft that cannot run.
    """
    if not isinstance(run_input, Mapping) or len(run_input) > MAX_INPUT_KEYS:
        raise InputError("The input must be an object.")
    async with db.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        siblings = await _unpublished(tx, row.name, row.text)
        if chat and conversation_id is None:
            conversation_id = (await conversations.create_conversation(tx, row.name, "preview")).conversation_id
    request = RunRequest(
        source=ByText(row.text, siblings, workflow_id),
        input=dict(run_input),
        trigger="manual",
        conversation_id=conversation_id,
    )
    return Started(await client.submit(scope, request), conversation_id)


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
