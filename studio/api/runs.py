"""Runs over HTTP: start, list, look at, follow live, cancel, signal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field, field_validator

from engine.execution.context import RunPart
from engine.store.access import run_list
from engine.store.access import runs as access
from engine.store.session import Scope
from runners.client import ByName, RunRequest, RunView, StepView
from studio.api.access import Caller, caller_with, container_of, requires
from studio.api.hooks import accepted, answered
from studio.api.json_object import JsonObject

router = APIRouter(prefix="/api/v1", tags=["runs"])

KEEP_ALIVE_S = 15.0
MOST = 2_147_483_647
Reader = Annotated[Scope, Depends(requires("runs:read"))]
Starter = Annotated[Caller, Depends(caller_with("workflows:run"))]


class Part(BaseModel):
    """Which part of the workflow to run."""

    model_config = ConfigDict(extra="forbid")

    entry: str | None = Field(None, description="Node to begin with, instead of the start.", max_length=64)
    only: bool = Field(False, description="Run just that node.")
    context: JsonObject = Field(default_factory=dict, description="Data that earlier nodes would have left.")
    pins: JsonObject = Field(default_factory=dict, description="Output by node, taken instead of running it.")
    outputs: JsonObject = Field(default_factory=dict, description="Output by node that ran before, only read.")


class StartRun(BaseModel):
    """Which workflow to run, and with what."""

    model_config = ConfigDict(extra="forbid")

    workflow: str = Field(description="Name of a published workflow.", examples=["order_management"])
    version: int | None = Field(None, description="Number of a version; the published one by default.", ge=1, le=MOST)
    input: JsonObject = Field(default_factory=dict, examples=[{"message": "Where is my order ORD-10000007?"}])
    part: Part = Field(default_factory=Part, description="Which part to run; all of it by default.")
    wait_s: float = Field(0, ge=0, le=60, description="How long to wait for the end before answering, in seconds.")


class Retry(BaseModel):
    """How to go on with a run that failed."""

    model_config = ConfigDict(extra="forbid")

    context: JsonObject = Field(default_factory=dict, description="Values to change in context before going on.")


class Signal(BaseModel):
    """News for a run that waits for it."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=200, description="What the run waits for.")
    data: JsonObject = Field(default_factory=dict)

    @field_validator("name")
    @classmethod
    def _is_nobodys_own(cls, name: str) -> str:
        if name.startswith("step:"):
            raise ValueError("people answer a step's question under /approvals")
        return name


@router.post("/runs", summary="Start a run", status_code=202)
async def start(
    request: Request,
    body: StartRun,
    caller: Starter,
    idempotency_key: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """A key needs the scopes that the workflow's API trigger names, too."""
    container, scope = container_of(request), caller.scope
    client = container.client

    async def begin(source: ByName) -> Response:
        run = RunRequest(
            source=source,
            input=body.input,
            trigger="api",
            part=RunPart(**body.part.model_dump()),
            idempotency_key=f"api:{idempotency_key}" if idempotency_key else None,
        )
        if not body.wait_s:
            return accepted(await client.submit(scope, run))
        return await answered(request, scope, await client.run(scope, run, body.wait_s))

    return await container.key_gate.start(scope, caller.held, ByName(body.workflow, body.version), begin)


@router.get("/runs", summary="List runs, newest first")
async def list_runs(
    request: Request,
    scope: Reader,
    workflow: str | None = None,
    status: str | None = None,
    trigger: str | None = None,
    search: Annotated[str | None, Query(max_length=200)] = None,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> dict[str, Any]:
    """`search` looks into name, id and input, from the newest run on.

    Where it is not through after a second, the page is short, or empty, and its cursor leads on.
    """
    async with container_of(request).db.transaction(scope) as tx:
        page = await run_list.list_runs(
            tx, workflow=workflow, status=status, trigger=trigger, search=search, cursor=cursor, limit=limit
        )
    return {"runs": [RunView.of(row).to_dict() for row in page.rows], "cursor": page.cursor}


@router.get("/runs/{run_id}", summary="One run")
async def get_run(request: Request, run_id: UUID, scope: Reader) -> dict[str, Any]:
    async with container_of(request).db.transaction(scope) as tx:
        return RunView.of(await access.get_run(tx, run_id)).to_dict()


@router.get("/runs/{run_id}/steps", summary="The steps of a run in order")
async def get_steps(request: Request, run_id: UUID, scope: Reader) -> dict[str, Any]:
    async with container_of(request).db.transaction(scope) as tx:
        await access.get_run(tx, run_id)
        rows = await access.list_steps(tx, run_id)
    return {"steps": [StepView.of(row).to_dict() for row in rows]}


@router.get("/runs/{run_id}/events", summary="Follow a run live (server-sent events)")
async def follow(
    request: Request, run_id: UUID, scope: Reader, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    """Each event is one JSON object; the stream ends with the run. Send Last-Event-ID to go on after a break."""
    container = container_of(request)
    async with container.db.transaction(scope) as tx:
        await access.get_run(tx, run_id)
    events = container.client.events(scope, run_id, after=last_event_id or "0")
    return event_stream(events, container.stopping)


@router.post("/runs/{run_id}/cancel", summary="Cancel a run", status_code=202)
async def cancel(
    request: Request, run_id: UUID, scope: Annotated[Scope, Depends(requires("runs:cancel"))]
) -> JSONResponse:
    await container_of(request).client.cancel(scope, run_id)
    return JSONResponse({"run_id": str(run_id), "cancel_requested": True}, 202)


@router.post("/runs/{run_id}/retry", summary="Go on where a run failed", status_code=202)
async def retry(
    request: Request,
    run_id: UUID,
    caller: Starter,
    body: Retry | None = None,
) -> JSONResponse:
    """A new run begins with what the failed one had done, and does none of that again. A key needs what it needs to
    start the workflow."""
    container = container_of(request)
    await container.key_gate.check_run(caller.scope, caller.held, run_id)
    context = body.context if body is not None else {}
    return accepted(await container.client.retry(caller.scope, run_id, context))


@router.post("/runs/{run_id}/signal", summary="Tell a waiting run that something happened", status_code=202)
async def signal(
    request: Request, run_id: UUID, body: Signal, scope: Annotated[Scope, Depends(requires("workflows:run"))]
) -> JSONResponse:
    await container_of(request).client.signal(scope, run_id, body.name, body.data)
    return JSONResponse({"run_id": str(run_id), "signalled": body.name}, 202)


def event_stream(events: AsyncIterator[tuple[str, dict[str, Any]]], stopping: asyncio.Event) -> StreamingResponse:
    """Server-sent events of a run; a comment every 15 s keeps proxies from closing a quiet stream.

    It breaks off when the server is stopping, and the browser comes back with the id that it saw last.
    """
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    return StreamingResponse(_frames(events, stopping), media_type="text/event-stream", headers=headers)


async def _frames(events: AsyncIterator[tuple[str, dict[str, Any]]], stopping: asyncio.Event) -> AsyncIterator[str]:
    pending: asyncio.Task[Any] | None = None
    stop = asyncio.ensure_future(stopping.wait())
    try:
        while not stop.done():
            pending = pending or asyncio.ensure_future(anext(events))
            await asyncio.wait({pending, stop}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
            if not pending.done():
                yield ": still here\n\n"
                continue
            event_id, event = pending.result()
            pending = None
            yield f"id: {event_id}\nevent: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
    except StopAsyncIteration:
        yield "event: end\ndata: {}\n\n"  # tells a browser not to reconnect
    finally:
        stop.cancel()
        if pending is not None:
            pending.cancel()
