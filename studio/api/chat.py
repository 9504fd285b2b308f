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

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.execution.events import RunStatus
from engine.store.access import approvals, identity
from engine.store.addresses import PublicEndpoint
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
EVENTS_LIVE_S = 24 * 60 * 60
WAITING = "A person looks at this first; the answer will come here."


class VisitorMessage(BaseModel):
    """What a visitor writes. Leave the conversation out to begin a new one."""

    model_config = ConfigDict(extra="forbid")

    message: str = Field(max_length=chat.MAX_MESSAGE, examples=["Where is my order ORD-10000007?"])
    conversation_id: UUID | None = None
    visitor_token: str | None = Field(None, max_length=200)
    stream: bool = Field(False, description="Answer at once; the reply comes over the run's event stream.")


class Handle(BaseModel):
    """With what a visitor goes on: both are in the answer to their first message."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: UUID
    visitor_token: str = Field(max_length=200)

    def known(self) -> chat.Handle:
        return chat.Handle(self.conversation_id, self.visitor_token)


@router.get("/c/{tenant}/{path}", summary="A published chat as a page", response_class=HTMLResponse)
async def page(request: Request, tenant: str, path: str) -> HTMLResponse:
    scope, endpoint = await find_endpoint(request, tenant, "chat", path)
    async with container_of(request).db.transaction(scope) as tx:
        title = str(endpoint.config.get("title") or (await identity.get_tenant(tx)).name)
    settings = {
        "address": f"/c/{tenant}/{path}",
        "greeting": str(endpoint.config.get("greeting") or ""),
        "persist": endpoint.config.get("persist") is True,
    }
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
    handle = None
    if body.conversation_id is not None:
        handle = chat.Handle(body.conversation_id, body.visitor_token or "")
    turn = await chat.send(container.db, container.client, scope, endpoint, message=body.message, handle=handle)
    known = {
        "conversation_id": str(turn.handle.conversation_id),
        "visitor_token": turn.handle.visitor_token,
        "run_id": str(turn.run_id),
        "events": _events_address(request, endpoint, tenant, turn.run_id),
    }
    if body.stream:
        return JSONResponse(known, 202)
    view = await container.client.wait(scope, turn.run_id, ANSWER_WITHIN_S)
    if view.status == RunStatus.SUCCEEDED:
        return JSONResponse({"reply": reply_of(view.output)} | known)
    if not RunStatus(view.status).is_final:
        return JSONResponse(known, 202)
    return problem(500, "run_failed", "The assistant could not answer; please try again.", **known)


@router.post("/c/{tenant}/{path}/conversation", summary="What was said, for a visitor who comes back")
async def come_back(request: Request, tenant: str, path: str, body: Handle) -> dict[str, Any]:
    """Of chats with `persist`; 404 for all others, and 30 days after the last message. The newest 100 messages, oldest
    first; `run_id` and `events` where the last one is being answered."""
    scope, endpoint = await find_endpoint(request, tenant, "chat", path)
    await check_rate(request, endpoint, starts=False)
    talk = await chat.come_back(container_of(request).db, scope, endpoint, body.known())
    return {
        "messages": [{"role": one.role, "content": one.content, "at": one.created_at} for one in talk.messages],
        "run_id": talk.run_id,
        "events": talk.run_id and _events_address(request, endpoint, tenant, talk.run_id),
    }


@router.post("/c/{tenant}/{path}/conversation/end", summary="Let go of a conversation", status_code=204)
async def let_go(request: Request, tenant: str, path: str, body: Handle) -> None:
    """Its token opens nothing any more, wherever it is kept."""
    scope, endpoint = await find_endpoint(request, tenant, "chat", path)
    await check_rate(request, endpoint, starts=False)
    await chat.let_go(container_of(request).db, scope, endpoint, body.known())


@router.get("/c/{tenant}/{path}/runs/{run_id}/events", summary="Follow the answer to a message")
async def follow(
    request: Request,
    tenant: str,
    path: str,
    run_id: UUID,
    key: Annotated[str, Query(max_length=200)] = "",
    visitor_token: Annotated[str, Query(max_length=200)] = "",
    last_event_id: Annotated[str | None, Header()] = None,
) -> Response:
    """Shows a visitor no more than the text of the answer: `typing`, `delta` and `reply` events, and `waiting` while a
    person is asked first.

    The address with its `key` is in the answer to the message (`events`), good for a day and for this run. The
    visitor's token will do as well, but addresses are written down on the way.
    """
    container = container_of(request)
    scope, endpoint = await find_endpoint(request, tenant, "chat", path)
    if container.tokens.read(_about(endpoint, run_id), key, EVENTS_LIVE_S) is None:
        await chat.check_run(container.db, scope, endpoint, run_id, visitor_token)
    events = container.client.events(scope, run_id, after=last_event_id or "0")
    return event_stream(for_visitors(events), container.stopping)


def reply_of(output: Any) -> str:
    """The text for the person: the output's `reply`, or the output itself when it is a text."""
    if isinstance(output, dict):
        output = output.get("reply")
    return output if isinstance(output, str) else ""


def _events_address(request: Request, endpoint: PublicEndpoint, tenant: str, run_id: UUID) -> str:
    key = container_of(request).tokens.make(_about(endpoint, run_id))
    return f"/c/{tenant}/{endpoint.path}/runs/{run_id}/events?key={key}"


def _about(endpoint: PublicEndpoint, run_id: UUID) -> str:
    return f"chat:{endpoint.endpoint_id}:{run_id}"


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
