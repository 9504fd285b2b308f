"""How pages leave the server: under addresses without a slash at the end, and with headers for cache and safety."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Set
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.build_plugin import EDITOR_PAGE

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
# Published chats are made to be framed by other sites; they set their own rule.
NO_FRAMES = {"X-Frame-Options": "DENY", "Content-Security-Policy": "frame-ancestors 'none'"}
GOING_AWAY = 1001
_WORKFLOW = re.compile(r"/app/workflows/[^/]+")
FOR_EVER = "public, max-age=31536000, immutable"


def with_plain_addresses(app: ASGIApp, pages: Path) -> ASGIApp:
    """Serve `/login` itself; the static files alone would redirect it to `/login/`. `pages` is the built client."""
    known = {"/" + str(p.relative_to(pages).with_suffix("")) for p in pages.rglob("*.html") if p.name != "index.html"}

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            path = _page_at(scope["path"], known)
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await app(scope, receive, send)

    return wrapped


def _page_at(path: str, known: Set[str]) -> str:
    """The file of a page, or the path itself."""
    if path in known:
        return f"{path}.html"
    return f"/{EDITOR_PAGE}" if _WORKFLOW.fullmatch(path) else path


def with_headers(app: ASGIApp) -> ASGIApp:
    """Wrap the application."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message), scope["path"], message["status"])
            await send(message)

        await app(scope, receive, send_with_headers)

    return wrapped


def past_the_pages(app: ASGIApp, api: ASGIApp) -> ASGIApp:
    """Take what programs call straight to the API, which the pages' own layers hand it to as well."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        straight = scope["type"] == "http" and scope["path"].startswith(("/hooks/", "/api/"))
        await (api if straight else app)(scope, receive, send)

    return wrapped


def with_an_end(app: ASGIApp, stopping: asyncio.Event) -> ASGIApp:
    """Websockets end when the server is stopping: to the application it looks as if the browser had gone."""

    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await app(scope, receive, send)
            return

        async def receive_or_end() -> Message:
            got, stop = asyncio.ensure_future(receive()), asyncio.ensure_future(stopping.wait())
            try:
                await asyncio.wait({got, stop}, return_when=asyncio.FIRST_COMPLETED)
                return got.result() if got.done() else {"type": "websocket.disconnect", "code": GOING_AWAY}
            finally:
                got.cancel()
                stop.cancel()

        await app(scope, receive_or_end, send)

    return wrapped


def _add(headers: MutableHeaders, path: str, status: int) -> None:
    for name, value in SECURITY.items():
        headers.setdefault(name, value)
    if not path.startswith("/c/") and "content-security-policy" not in headers:
        for name, value in NO_FRAMES.items():
            headers.setdefault(name, value)
    # The names of files under /assets/ hold their content's hash.
    if path.startswith("/assets/") and status == 200:
        headers["Cache-Control"] = FOR_EVER
    elif "cache-control" not in headers and headers.get("content-type", "").startswith("text/html"):
        headers["Cache-Control"] = "no-cache"
