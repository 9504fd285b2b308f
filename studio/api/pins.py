"""Pinned outputs of a draft's nodes: test data that runs of the draft take instead of running the node."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from engine.store.session import Scope
from studio.api.access import container_of, requires
from studio.services import pins

router = APIRouter(prefix="/api/v1/editor/pins", tags=["editor"])

Writer = Annotated[Scope, Depends(requires("workflows:write"))]


class Pin(BaseModel):
    """What to pin: an output as it stands, or what the node gave in a run."""

    model_config = ConfigDict(extra="forbid")

    output: Any = Field(None, description="The output itself, where no run is named.")
    run_id: UUID | None = Field(None, description="Take what the node gave in this run.")


@router.put("/{workflow}/{node}", summary="Pin an output to a node of a draft")
async def pin(request: Request, workflow: str, node: str, body: Pin, scope: Writer) -> dict[str, Any]:
    """Answers with all pins of the workflow."""
    db = container_of(request).db
    if body.run_id is not None:
        return {"pins": await pins.pin_recorded(db, scope, workflow, node, body.run_id)}
    return {"pins": await pins.pin(db, scope, workflow, node, body.output)}


@router.delete("/{workflow}/{node}", summary="Take a pinned output off")
async def unpin(request: Request, workflow: str, node: str, scope: Writer) -> dict[str, Any]:
    """Answers with the pins that are left."""
    return {"pins": await pins.unpin(container_of(request).db, scope, workflow, node)}
