"""The record of who changed what, over HTTP."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import AwareDatetime

from engine.store.access import audit
from engine.store.session import Scope
from studio.api.access import container_of, requires
from studio.api.views import audit_json

router = APIRouter(prefix="/api/v1/audit", tags=["audit"])
Reader = Annotated[Scope, Depends(requires("audit:read"))]


@router.get("", summary="Who changed what, newest first")
async def list_entries(
    request: Request,
    scope: Reader,
    user_id: UUID | None = None,
    action: Annotated[str, Query(max_length=100)] = "",
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    cursor: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    async with container_of(request).db.transaction(scope) as tx:
        sought = audit.Sought(user_id=user_id, action=action, since=since, until=until)
        rows, older = await audit.entries(tx, sought=sought, before=cursor, limit=limit)
    return {"entries": [audit_json(row) for row in rows], "cursor": older}


@router.get("/verify", summary="Whether the record is as it was written")
async def verify(request: Request, scope: Reader) -> dict[str, Any]:
    """Names the first entry that was changed, removed or put elsewhere."""
    async with container_of(request).db.transaction(scope) as tx:
        fault = await audit.verify(tx)
    return {"intact": fault is None} | ({"number": fault.number, "fault": fault.fault} if fault else {})
