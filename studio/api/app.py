"""The API's app. Made by a factory, so that a test can make a second one."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.errors import ConfigError
from studio.api import (
    api_keys,
    approvals,
    audit,
    chat,
    editor,
    events,
    forms,
    hooks,
    messages,
    payments,
    pins,
    problems,
    reference,
    runs,
    system,
    versions,
    workflows,
)
from studio.api.access import permission_of
from studio.api.body_limit import BodyLimit
from studio.api.published_first import PublishedFirst
from studio.auth.routes import router as auth_router
from studio.container import Container

SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
# Looked through from the first one on: what programs call all day comes before what people do.
ROUTERS = (
    runs.router,
    system.router,
    auth_router,
    workflows.router,
    versions.router,
    editor.router,
    pins.router,
    approvals.router,
    messages.router,
    hooks.router,
    chat.router,
    forms.router,
    payments.router,
    events.router,
    api_keys.router,
    audit.router,
    reference.router,
)


def create_api(container: Container) -> FastAPI:
    """Every HTTP route of the house; `container` gives them the database, Redis and the run client.

    Raises ConfigError when a route names no permission: what nobody thought about is not served.
    """
    api = FastAPI(
        title="Heddle",
        version="1",
        summary="Workflows, runs, and what is published.",
        docs_url=None,  # reference.py
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    api.state.container = container
    problems.install(api)
    unguarded = [route.path for route in http_routes() if permission_of(route.dependant) is None]
    if unguarded:
        raise ConfigError(f"These routes name no permission: {', '.join(unguarded)}.")
    for router in ROUTERS:
        api.include_router(router)
    api.add_middleware(PublishedFirst)
    api.add_middleware(BodyLimit)
    api.add_middleware(SecurityHeaders)
    return api


def http_routes() -> list[APIRoute]:
    """Every route of the API."""
    return [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]


class SecurityHeaders:
    """Adds the headers that every answer carries. Plain ASGI, so that streams are not buffered."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                have = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(h for h in SECURITY_HEADERS if h[0] not in have)]
            await send(message)

        await self.app(scope, receive, send_with_headers)
