"""What the editor asks beside its commits: reading pasted YAML. Nothing here changes anything."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from engine.store.session import Scope
from studio.api.access import requires
from studio.services import fragments

router = APIRouter(prefix="/api/v1/editor", tags=["editor"])

Reader = Annotated[Scope, Depends(requires("workflows:read"))]


class Fragment(BaseModel):
    """YAML with `nodes:`, a list of nodes, or one node."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=fragments.MAX_LENGTH)


@router.post("/fragment", summary="Nodes and edges of a piece of YAML")
async def read_fragment(body: Fragment, _: Reader) -> dict[str, Any]:
    return await asyncio.to_thread(fragments.read, body.text)
