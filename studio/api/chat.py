"""Published chats: the page `/c/{tenant}/{path}`, its messages, and the widget that embeds it elsewhere.

Visitors are not signed in. Whoever opened a conversation holds its visitor token, and only with it can they read on.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from string import Template
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.errors import NotFound
from engine.execution.events import RunStatus
from engine.store.access import approvals, conversations, identity, runs
from engine.store.addresses import PublicEndpoint
from engine.store.session import Scope
from studio.api.access import container_of, public
from studio.api.hooks import find_endpoint
from studio.api.problems import problem
from studio.api.rates import check_rate
from studio.api.runs import event_stream
from studio.services import chat

router = APIRouter(tags=["published"], dependencies=[Depends(public)])

PAGE = Path(__file__).with_name("chat_page.html")
WIDGET = Path(__file__).with_name("widget.js")
ANSWER_WITHIN_S = 60.0
WAITING = "A person looks at this first; the answer will come here."


class VisitorMessage(BaseModel):
    """What a visitor writes. Leave the conversation out to begin a new one."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(max_length=chat.MAX_MESSAGE, examples=["Where is my order ORD-10000007?"])
    conversation_id: UUID | None = None
    visitor_token: str | None = Field(None, max_length=200)
    stream: bool = Field(False, description="Answer at once; the reply comes over the run's event stream.")


@router.get("/c/{tenant}/{path}", summary="A published chat as a page", response_class=HTMLResponse)
async def page(request: Request, tenant: str, path: str) -> HTMLResponse:
    scope, endpoint = await find_endpoint(request, tenant, "chat", path)
    async with container_of(request).db.transaction(scope) as tx:
        title = str(endpoint.config.get("title") or (await identity.get_tenant(tx)).name)
    settings = {"address": f"/c/{tenant}/{path}", "greeting": str(endpoint.config.get("greeting") or "")}
    nonce = secrets.token_urlsafe(16)
    values = {"title": escape(title), "settings": json.dumps(settings).replace("<", "\\u003c"), "nonce": nonce}
    body = Template(PAGE.read_text()).substitute(values)
    return HTMLResponse(body, headers={"Content-Security-Policy": _policy(endpoint, nonce)})


@router.get("/widget.js", summary="Embeds a published chat in any page")
async def widget() -> Response:
    return FileResponse(WIDGET, media_type="text/javascript", headers={"Cache-Control": "public, max-age=300"})


@router.post("/c/{tenant}/{path}/messages", summary="Write to a published chat")
async def send(request: Request, tenant: str, path: str, body: VisitorMessage) -> Response:
    """Answers with the reply; with `"stream": true` at once, and the reply follows over the events address."""
    container = container_of(request)
    scope, endpoint = await find_endpoint(request, tenant, "chat", path)
    await check_rate(request, endpoint)
    turn = await chat.send(
        container.db,
        container.client,
        scope,
        endpoint,
        message=body.message,
        conversation_id=body.conversation_id,
        visitor_token=body.visitor_token,
    )
    known = {
        "conversation_id": str(turn.conversation_id),
        "visitor_token": turn.visitor_token,
        "run_id": str(turn.run_id),
    }
    if body.stream:
        return JSONResponse(known, 202)
    view = await container.client.wait(scope, turn.run_id, ANSWER_WITHIN_S)
    if view.status == RunStatus.SUCCEEDED:
        return JSONResponse({"reply": reply_of(view.output)} | known)
    if not RunStatus(view.status).is_final:
        return JSONResponse(known, 202)
    return problem(500, "run_failed", "The assistant could not answer; please try again.", **known)


@router.get("/c/{tenant}/{path}/runs/{run_id}/events", summary="Follow the answer to a message")
async def follow(
    request: Request,
    tenant: str,
    path: str,
    run_id: UUID,
    visitor_token: str,
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Shows a visitor no more than the text of the answer: `typing`, `delta` and `reply` events, and `waiting` while a
    person is asked first."""
    container = container_of(request)
    scope, _ = await find_endpoint(request, tenant, "chat", path)
    await _check_run(request, scope, run_id, visitor_token)
    events = container.client.events(scope, run_id, after=last_event_id or "0")
    return event_stream(for_visitors(events), container.stopping)


def reply_of(output: Any) -> str:
    """The text for the person: the output's `reply`, or the output itself when it is a text."""
    if isinstance(output, dict):
        output = output.get("reply")
    return output if isinstance(output, str) else ""


async def _check_run(request: Request, scope: Scope, run_id: UUID, visitor_token: str) -> None:
    async with container_of(request).db.transaction(scope) as tx:
        run = await runs.get_run(tx, run_id)
        if run.conversation_id is None:
            raise NotFound("No such conversation.")
        conversation = await conversations.get_conversation(tx, run.conversation_id)
    chat.check_visitor(conversation.visitor_hash, visitor_token)


async def for_visitors(
    events: AsyncIterator[tuple[str, dict[str, Any]]],
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Only what a visitor may see. Text streams from steps of the workflow itself, not from those it calls. Of several
    things that are asked at once they are told once."""
    async for event_id, event in events:
        kind, data = event["type"], event["data"]
        if kind == "run.started":
            yield event_id, {"type": "typing"}
        elif kind == "step.delta" and "/" not in event["path"]:
            yield event_id, {"type": "delta", "step": event["path"], "text": data["text"]}
        elif kind == "step.suspended" and data.get("reason") in approvals.REASONS and data.get("question", 1) == 1:
            yield event_id, {"type": "waiting", "text": WAITING}
        elif kind == "run.succeeded":
            yield event_id, {"type": "reply", "text": reply_of(data.get("output"))}
        elif kind in ("run.failed", "run.cancelled"):
            yield event_id, {"type": "failed", "text": "Something went wrong; please try again."}


def _policy(endpoint: PublicEndpoint, nonce: str) -> str:
    """Content security policy of the page: only our own parts, and framed only where the trigger allows it."""
    allowed = [o for o in endpoint.config.get("allowed_origins") or [] if isinstance(o, str) and o.startswith("http")]
    frames = " ".join(["'self'", *(o.split()[0].rstrip(";") for o in allowed)])
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; "
        f"img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {frames}"
    )
