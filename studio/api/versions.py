"""Versions of a workflow over HTTP: the history, one version, what differs, and which one is live."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi import Path as InPath
from pydantic import BaseModel, ConfigDict, Field

from engine.store.access import workflows as access
from engine.store.session import Scope
from studio.api.access import container_of, requires
from studio.api.views import address_json
from studio.services import publishing, versions

router = APIRouter(prefix="/api/v1/workflows/{name}", tags=["workflows"])

MOST = 2_147_483_647
Reader = Annotated[Scope, Depends(requires("workflows:read"))]
Number = Annotated[int, InPath(ge=1, le=MOST)]
Side = Annotated[int | None, Query(ge=1, le=MOST, description="A version's number; the draft when absent.")]


class MakeLive(BaseModel):
    """`live` is the number that is published as far as the caller knows, null where none is."""

    model_config = ConfigDict(extra="forbid")

    live: int | None = Field(ge=1, le=MOST)


@router.get("/versions", summary="Published versions, newest first, and which one is live")
async def list_versions(request: Request, name: str, scope: Reader) -> dict[str, Any]:
    return await versions.history(container_of(request).db, scope, name)


@router.get("/versions/{number}", summary="One version with its text and layout")
async def get_version(request: Request, name: str, number: Number, scope: Reader) -> dict[str, Any]:
    return await versions.version(container_of(request).db, scope, name, number)


@router.get("/compare", summary="What differs between two versions, or a version and the draft")
async def compare(
    request: Request, name: str, scope: Reader, before: Side = None, after: Side = None
) -> dict[str, Any]:
    return await versions.comparison(container_of(request).db, scope, name, before, after)


@router.post("/versions/{number}/live", summary="Publish a version that exists already: roll back, or forward again")
async def make_live(
    request: Request,
    name: str,
    number: Number,
    body: MakeLive,
    scope: Annotated[Scope, Depends(requires("workflows:publish"))],
) -> dict[str, Any]:
    """409 when another version is live by now, or this one already."""
    container = container_of(request)
    async with container.db.transaction(scope) as tx:
        row = await access.get_by_name(tx, name)
    done = await publishing.make_live(container.db, scope, row.workflow_id, number, body.live)
    return {"number": done.number, "addresses": [address_json(address) for address in done.addresses]}
