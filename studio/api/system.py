"""Health: is the process alive, and can it do its work. And the way in, for who knows only half of the address."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, RedirectResponse

from studio.api.access import container_of, public
from studio.auth.places import HOME

router = APIRouter(tags=["system"], dependencies=[Depends(public)])


@router.get("/app", include_in_schema=False)
@router.get("/app/", include_in_schema=False)
async def home() -> RedirectResponse:
    return RedirectResponse(HOME)


@router.get("/healthz", summary="Is the process alive")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@router.get("/readyz", summary="Can it reach PostgreSQL and Redis")
async def readyz(request: Request) -> JSONResponse:
    container = container_of(request)
    checks: dict[str, Any] = {}
    try:
        async with container.db.anonymous() as session:
            await session.execute(sa.text("SELECT 1"))
        checks["postgresql"] = "ok"
    except Exception:  # whatever is wrong with the server, the answer is the same: not ready
        checks["postgresql"] = "unreachable"
    try:
        await container.redis.ping()
        checks["redis"] = "ok"
    except Exception:
        checks["redis"] = "unreachable"
    ready = all(state == "ok" for state in checks.values())
    return JSONResponse({"status": "ready" if ready else "not ready", "checks": checks}, 200 if ready else 503)
