"""Conversations and their messages. An assistant's message is written by the journal at the end of its run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import NotFound
from engine.store.session import Tx
from engine.store.tables.runs import Conversation, Message, RunRow


async def create_conversation(
    tx: Tx, workflow_name: str, channel: str, visitor_hash: str | None = None
) -> Conversation:
    """Begin a conversation. `channel`: preview, chat or api; `visitor_hash` is the sha256 of a visitor's token."""
    row = Conversation(
        tenant_id=tx.scope.tenant_id, workflow_name=workflow_name, channel=channel, visitor_hash=visitor_hash
    )
    tx.session.add(row)
    await tx.session.flush()
    return row


async def get_conversation(tx: Tx, conversation_id: UUID) -> Conversation:
    """Raises NotFound, also for another tenant's conversation."""
    row = await tx.session.get(Conversation, (tx.scope.tenant_id, conversation_id))
    if row is None:
        raise NotFound("No such conversation.")
    return row


async def append_message(tx: Tx, conversation_id: UUID, role: str, content: str, run_id: UUID | None = None) -> Message:
    """Add a message. `role`: user or assistant. Raises NotFound."""
    await get_conversation(tx, conversation_id)
    row = Message(
        tenant_id=tx.scope.tenant_id, conversation_id=conversation_id, role=role, content=content, run_id=run_id
    )
    tx.session.add(row)
    await tx.session.flush()
    return row


async def list_messages(tx: Tx, conversation_id: UUID, limit: int = 100) -> Sequence[Message]:
    """The newest `limit` messages, oldest first. Raises NotFound."""
    await get_conversation(tx, conversation_id)
    newest = (
        select(Message)
        .where(Message.conversation_id == conversation_id)
        .order_by(col(Message.created_at).desc(), col(Message.message_id).desc())
        .limit(limit)
    )
    return list(reversed((await tx.session.execute(newest)).scalars().all()))


async def last_said(tx: Tx, conversation: Conversation) -> datetime:
    """When the last message came; when the conversation began, where there is none."""
    query = sa.select(sa.func.max(Message.created_at)).where(
        col(Message.conversation_id) == conversation.conversation_id
    )
    return (await tx.session.execute(query)).scalar() or conversation.created_at


async def close_to_visitor(tx: Tx, conversation: Conversation) -> None:
    """Nobody's token opens it any more; what was said stays for the tenant."""
    conversation.visitor_hash = None
    await tx.session.flush()


async def history_before(tx: Tx, run: RunRow) -> tuple[dict[str, str], ...]:
    """What was said in the run's conversation before it, oldest first: {role, content}."""
    if run.conversation_id is None:
        return ()
    call = sa.func.heddle_history(run.tenant_id, run.conversation_id, run.run_id, run.created_at)
    return tuple((await tx.session.execute(sa.select(call))).scalar_one() or ())
