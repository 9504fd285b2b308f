"""What runs ask people: list, look at, answer."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from engine.store.session import Scope
from studio.api.access import container_of, requires
from studio.api.json_object import JsonObject
from studio.services import approvals

router = APIRouter(prefix="/api/v1", tags=["approvals"])

Reader = Annotated[Scope, Depends(requires("runs:read"))]


class Answer(BaseModel):
    """An answer to exactly what was shown: `hash` is the question's."""

    model_config = ConfigDict(extra="forbid")

    hash: str = Field(pattern="^[0-9a-f]{64}$")
    decision: str = Field(max_length=500, description="approve, reject, submit, resolve, or one of the choices.")
    values: JsonObject = Field(default_factory=dict, description="The fields of the form.")
    comment: str | None = Field(None, max_length=4000)


@router.get("/approvals", summary="What people are asked now, the oldest first")
async def list_questions(request: Request, scope: Reader) -> dict[str, Any]:
    return {"approvals": await approvals.questions(container_of(request).db, scope)}


@router.get("/approvals/{run_id}/{seq}", summary="One question")
async def get_question(request: Request, run_id: UUID, seq: int, scope: Reader) -> dict[str, Any]:
    return await approvals.question(container_of(request).db, scope, run_id, seq)


@router.post("/approvals/{run_id}/{seq}", summary="Answer a question", status_code=202)
async def answer(
    request: Request,
    run_id: UUID,
    seq: int,
    body: Answer,
    scope: Annotated[Scope, Depends(requires("approvals:answer"))],
) -> dict[str, Any]:
    container = container_of(request)
    await approvals.answer(container.db, container.client, scope, (run_id, seq), body.model_dump())
    return {"run_id": str(run_id), "seq": seq, "decision": body.decision}
