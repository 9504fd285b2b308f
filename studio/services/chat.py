"""Published chats: a visitor's conversation with a workflow, one run a message."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from engine.errors import InputError, NotFound
from engine.store.access import conversations, identity, workflows
from engine.store.addresses import PublicEndpoint
from engine.store.session import Database, Scope
from runners.client import ByVersion, RunClient, RunRequest

MAX_MESSAGE = 4000  # characters


@dataclass(frozen=True, slots=True)
class Turn:
    """A message that was accepted. The visitor's token is what lets this browser go on with the conversation."""

    run_id: UUID
    conversation_id: UUID
    visitor_token: str


async def send(
    db: Database,
    client: RunClient,
    scope: Scope,
    endpoint: PublicEndpoint,
    *,
    message: str,
    conversation_id: UUID | None = None,
    visitor_token: str | None = None,
) -> Turn:
    """Accept a visitor's message and start its run; opens a conversation when none is named.

    Raises InputError for an empty or overlong message, NotFound for a conversation that is not this visitor's.
    """
    text = check_message(message)
    token = visitor_token or secrets.token_urlsafe(24)
    async with db.transaction(scope) as tx:
        if conversation_id is None:
            row = await workflows.get_workflow(tx, endpoint.workflow_id)
            conversation = await conversations.create_conversation(
                tx, row.name, "chat", visitor_hash=identity.token_hash(token)
            )
            conversation_id = conversation.conversation_id
        else:
            conversation = await conversations.get_conversation(tx, conversation_id)
            check_visitor(conversation.visitor_hash, visitor_token)
    request = RunRequest(
        source=ByVersion(endpoint.workflow_id),
        input={"message": text},
        trigger="chat",
        conversation_id=conversation_id,
    )
    return Turn(await client.submit(scope, request), conversation_id, token)


def check_message(message: str) -> str:
    """The message without surrounding white space; raises InputError."""
    text = message.strip()
    if not text:
        raise InputError("Write a message first.")
    if len(text) > MAX_MESSAGE:
        raise InputError(f"The message is longer than {MAX_MESSAGE:,} characters.")
    return text


def check_visitor(visitor_hash: str | None, visitor_token: str | None) -> None:
    """Raises NotFound unless the token is the one that opened the conversation."""
    shown = identity.token_hash(visitor_token or "")
    if not visitor_hash or not hmac.compare_digest(shown, visitor_hash):
        raise NotFound("No such conversation.")
