"""API keys over HTTP: which there are, a new one, the end of one."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict, Field

from engine.store.session import Scope
from studio.api.access import container_of, requires
from studio.api.views import api_key_json
from studio.services import api_keys

router = APIRouter(prefix="/api/v1/api-keys", tags=["API keys"])

Reader = Annotated[Scope, Depends(requires("api_keys:read"))]
Writer = Annotated[Scope, Depends(requires("api_keys:write"))]


class NewKey(BaseModel):
    """A key for a program of the tenant's."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=api_keys.MAX_NAME, description="For people.", examples=["Order system"])
    scopes: list[str] = Field(
        max_length=api_keys.MOST_SCOPES,
        description="Permissions that you hold yourself, and scopes that your workflows' API triggers name.",
        examples=[["workflows:run", "runs:read"]],
    )


@router.get("", summary="API keys that work, newest first")
async def list_keys(request: Request, scope: Reader) -> dict[str, Any]:
    """`last_used_at` is noted at most once a minute."""
    return {"api_keys": [api_key_json(key) for key in await api_keys.listing(container_of(request).db, scope)]}


@router.post("", summary="Make an API key", status_code=201)
async def create(request: Request, body: NewKey, scope: Writer) -> dict[str, Any]:
    """The key is in this answer only. For people who are signed in: a key makes no other key."""
    made, key = await api_keys.create(container_of(request).db, scope, body.name, body.scopes)
    return api_key_json(made) | {"key": key}


@router.delete("/{api_key_id}", summary="Revoke an API key", status_code=204)
async def revoke(request: Request, api_key_id: UUID, scope: Writer) -> None:
    """The next call with it is refused."""
    await api_keys.revoke(container_of(request).db, scope, api_key_id)
