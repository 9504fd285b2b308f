"""`POST /chat/messages`: one message to a workflow, from a signed-in person or a program with an API key."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.errors import NotFound
from engine.execution.events import RunStatus
from engine.store.access import conversations, workflows
from runners.client import RunRequest
from studio.api.access import Caller, caller_with, container_of
from studio.api.chat import ANSWER_WITHIN_S, reply_of
from studio.api.hooks import answer
from studio.services.chat import MAX_MESSAGE, check_message

router = APIRouter(prefix="/chat", tags=["chat"])

CHANNEL = "api"


class ChatMessage(BaseModel):
    """A message for a published workflow. Leave the conversation out to begin a new one."""

    model_config = ConfigDict(extra="forbid")

    workflow: str = Field(examples=["customer_support_workflow"])
    message: str = Field(max_length=MAX_MESSAGE, examples=["What is your return policy?"])
    conversation_id: UUID | None = None
    wait_s: float = Field(ANSWER_WITHIN_S, ge=0, le=ANSWER_WITHIN_S, description="Longest wait for the reply, seconds.")


@router.post("/messages", summary="Send a message and get the reply")
async def send(
    request: Request, body: ChatMessage, caller: Annotated[Caller, Depends(caller_with("chat:use"))]
) -> Response:
    """A key needs the scopes that the workflow's API trigger names, too."""
    container, scope = container_of(request), caller.scope
    text = check_message(body.message)
    source = await container.key_gate.named(scope, caller.held, body.workflow)
    async with container.db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, body.workflow)
        if body.conversation_id is None:
            conversation = await conversations.create_conversation(tx, row.name, CHANNEL)
        else:
            conversation = await conversations.get_conversation(tx, body.conversation_id)
            if conversation.channel != CHANNEL or conversation.workflow_name != row.name:
                raise NotFound("No such conversation.")
    run = RunRequest(
        source=source,
        input={"message": text},
        trigger="chat",
        conversation_id=conversation.conversation_id,
    )
    view = await container.client.run(scope, run, body.wait_s)
    if view.status != RunStatus.SUCCEEDED:
        return answer(view)
    known = {"conversation_id": str(conversation.conversation_id), "run_id": str(view.run_id)}
    return JSONResponse({"reply": reply_of(view.output), "cost_usd": view.cost_usd_micros / 1e6} | known)
