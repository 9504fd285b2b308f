"""No request may be larger than its route could ever need: who sends more is told so before it is all in memory.

Plain ASGI, so that streams are not buffered. The length that is announced is looked at first; what comes without one is
counted as it comes.
"""

from __future__ import annotations

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from studio.api.problems import problem

MOST = 16_000_000  # bytes; a workflow's text of a million characters, as JSON may write them
MOST_OF_ANYBODY = 1_000_000
# What answers people who are not signed in. (A published webhook reads its body itself, up to its own limit.)
_FOR_ANYBODY = ("/auth/", "/c/", "/chat/", "/f/", "/orders/", "/webhooks/")


class BodyLimit:
    """Refuses with 413."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        most = MOST_OF_ANYBODY if scope["path"].startswith(_FOR_ANYBODY) else MOST
        if _announced(scope) > most:
            await problem(413, "too_large", _said(most))(scope, receive, send)
            return
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise HTTPException(413, _said(most))
            return message

        await self.app(scope, counted, send)


def _announced(scope: Scope) -> int:
    """Content-Length; 0 when there is none, or none that is a number."""
    text = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(text) if text.isdigit() and len(text) < 20 else 0


def _said(most: int) -> str:
    return f"The body is larger than {most:,} bytes."
