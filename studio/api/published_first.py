"""Calls of published webhooks, ahead of the framework's routing.

The route itself (hooks.py) stays where all routes are: there it is documented, and says that it is public. Of the
framework it needs a request and the form of errors. Being looked for among all routes, and having dependencies resolved
that it does not have, took a sixth of a call's time.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.routing import compile_path, get_route_path
from starlette.types import ASGIApp, Receive, Scope, Send

from engine.errors import AppError
from studio.api import hooks
from studio.api.problems import problem_of

WEBHOOK, _, _ = compile_path(hooks.PATH)


class PublishedFirst:
    """Answers calls of webhooks; everything else goes on. Plain ASGI, inside of what adds headers and reports bugs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        called = WEBHOOK.match(get_route_path(scope)) if scope["type"] == "http" and scope["method"] == "POST" else None
        if called is None:
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await hooks.call_webhook(request, called["tenant"], called["path"])
        except AppError as error:
            response = problem_of(error)
        await response(scope, receive, send)
