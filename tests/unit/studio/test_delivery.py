"""Which part of the web process a request reaches, and what its answer carries."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.delivery import past_the_pages, with_headers


def named(name: str, seen: list[str]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(name)

    return app


@pytest.mark.parametrize(
    ("kind", "path", "reached"),
    [
        ("http", "/hooks/acme/order", "api"),
        ("http", "/api/v1/runs", "api"),
        ("http", "/app/workflows", "pages"),
        ("http", "/apiary", "pages"),
        ("http", "/c/acme/support", "pages"),  # they hand it on
        ("websocket", "/api/v1/runs", "pages"),
        ("lifespan", "", "pages"),
    ],
)
async def test_what_programs_call_does_not_pass_the_pages(kind: str, path: str, reached: str) -> None:
    seen: list[str] = []
    app: Any = past_the_pages(named("pages", seen), named("api", seen))
    await app({"type": kind, "path": path}, None, None)
    assert seen == [reached]


async def test_an_answer_of_the_api_cannot_be_framed() -> None:
    told: list[Any] = []

    async def api(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message: Any) -> None:
        told.append(message)

    app: Any = with_headers(api)
    await app({"type": "http", "path": "/api/v1/runs"}, None, send)
    headers = dict(told[0]["headers"])
    assert (headers[b"x-frame-options"], headers[b"x-content-type-options"]) == (b"DENY", b"nosniff")
