"""Published chats: a visitor's conversation with a workflow, one run a message.

Visitors are not signed in. Whoever opened a conversation holds its token, of which only the hash is kept; with it they
write on and read again what was said, until they let go of it or nothing was said for KEPT_FOR.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from engine.errors import InputError, NotFound
from engine.execution.events import RunStatus
from engine.store.access import conversations, identity, runs, workflows
from engine.store.addresses import PublicEndpoint
from engine.store.session import Database, Scope, Tx
from engine.store.tables.runs import Conversation, Message
from runners.client import ByVersion, RunClient, RunRequest

MAX_MESSAGE = 4000  # characters
MOST_SHOWN = 100  # messages of a conversation that a visitor comes back to
KEPT_FOR = timedelta(days=30)  # since the last message
CHANNEL = "chat"


@dataclass(frozen=True, slots=True)
class Handle:
    """What a visitor shows to go on with a conversation."""

    conversation_id: UUID
    visitor_token: str


@dataclass(frozen=True, slots=True)
class Turn:
    """A message that was accepted, and with what the visitor goes on."""

    run_id: UUID
    handle: Handle


@dataclass(frozen=True, slots=True)
class Talk:
    """What was said, oldest first; `run_id` is the run that still works on the last message, if it does."""

    messages: Sequence[Message]
    run_id: UUID | None


async def send(
    db: Database,
    client: RunClient,
    scope: Scope,
    endpoint: PublicEndpoint,
    *,
    message: str,
    handle: Handle | None = None,
) -> Turn:
    """Accept a visitor's message and start its run; opens a conversation when none is named.

    Raises InputError for an empty or overlong message, NotFound for a conversation that is not this visitor's.
    """
    text = check_message(message)
    async with db.transaction(scope) as tx:
        if handle is None:
            handle = await _opened(tx, endpoint)
        else:
            await _own(tx, endpoint, handle)
    request = RunRequest(
        source=ByVersion(endpoint.workflow_id),
        input={"message": text},
        trigger="chat",
        conversation_id=handle.conversation_id,
    )
    return Turn(await client.submit(scope, request), handle)


async def come_back(db: Database, scope: Scope, endpoint: PublicEndpoint, handle: Handle) -> Talk:
    """The newest MOST_SHOWN messages of a visitor's conversation.

    Raises NotFound where it is not theirs, or the chat does not keep conversations for a next visit (any more).
    """
    if endpoint.config.get("persist") is not True:
        raise NotFound("No such conversation.")
    async with db.transaction(scope) as tx:
        await _own(tx, endpoint, handle)
        messages = await conversations.list_messages(tx, handle.conversation_id, MOST_SHOWN)
        last = messages[-1].run_id if messages else None
        is_over = last is None or RunStatus((await runs.get_run(tx, last)).status).is_final
    return Talk(messages, None if is_over else last)


async def let_go(db: Database, scope: Scope, endpoint: PublicEndpoint, handle: Handle) -> None:
    """Make the handle useless, wherever it is kept. Raises NotFound, also the second time."""
    async with db.transaction(scope) as tx:
        await conversations.close_to_visitor(tx, await _own(tx, endpoint, handle))


async def check_run(db: Database, scope: Scope, endpoint: PublicEndpoint, run_id: UUID, visitor_token: str) -> None:
    """Raises NotFound unless the run belongs to a conversation of this visitor."""
    async with db.transaction(scope) as tx:
        run = await runs.get_run(tx, run_id)
        if run.conversation_id is None:
            raise NotFound("No such conversation.")
        await _own(tx, endpoint, Handle(run.conversation_id, visitor_token))


def check_message(message: str) -> str:
    """The message without surrounding white space; raises InputError."""
    text = message.strip()
    if not text:
        raise InputError("Write a message first.")
    if len(text) > MAX_MESSAGE:
        raise InputError(f"The message is longer than {MAX_MESSAGE:,} characters.")
    return text


async def _opened(tx: Tx, endpoint: PublicEndpoint) -> Handle:
    token = secrets.token_urlsafe(24)
    row = await workflows.get_workflow(tx, endpoint.workflow_id)
    made = await conversations.create_conversation(tx, row.name, CHANNEL, visitor_hash=identity.token_hash(token))
    return Handle(made.conversation_id, token)


async def _own(tx: Tx, endpoint: PublicEndpoint, handle: Handle) -> Conversation:
    """The conversation, if the token opened it, with this workflow, and not too long ago.

    Raises NotFound, with the same words for any reason.
    """
    found = await conversations.get_conversation(tx, handle.conversation_id)
    row = await workflows.get_workflow(tx, endpoint.workflow_id)
    shown = identity.token_hash(handle.visitor_token)
    is_theirs = hmac.compare_digest(shown, found.visitor_hash or "")
    if not is_theirs or found.channel != CHANNEL or found.workflow_name != row.name:
        raise NotFound("No such conversation.")
    if await conversations.last_said(tx, found) < datetime.now(UTC) - KEPT_FOR:
        raise NotFound("No such conversation.")
    return found
