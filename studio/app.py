"""The studio's app: pages, websocket and HTTP API in one ASGI application."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import reflex as rx
from reflex.state import FrontendEventExceptionState
from starlette.types import ASGIApp

import studio.pages  # noqa: F401  # registers every page
from studio.auth.guard import Guard
from studio.auth.origins import websocket_is_own
from studio.auth.sockets import keep_tokens_back
from studio.components.crash import RELOAD_WHEN_A_FILE_IS_GONE, crash_boundary
from studio.components.layout import offline_note
from studio.container import get_container
from studio.delivery import past_the_pages, with_an_end, with_headers, with_plain_addresses
from studio.editor.wrapper import EARLY_DRAFT
from studio.style import css_variables

if TYPE_CHECKING:
    from runners.connections import Connections

__all__ = ["app", "make_asgi"]

app = rx.App(
    stylesheets=["/studio.css"],
    head_components=[
        rx.el.script(EARLY_DRAFT),
        rx.el.script(RELOAD_WHEN_A_FILE_IS_GONE),
        rx.el.style(css_variables()),
        rx.el.link(rel="icon", type="image/svg+xml", href="/favicon.svg"),
    ],
    html_lang="en",
    toaster=rx.toast.provider(position="bottom-right", rich_colors=False),
)
app.app_wraps[(5, "Overlay")] = lambda _: offline_note()
app.app_wraps[(55, "ErrorBoundary")] = lambda stateful: crash_boundary(stateful=stateful)

# A page that broke says so and offers to be loaded again (crash.py); by itself it would take that away unread.
FrontendEventExceptionState.auto_reload_on_errors = []

# The list in rx.Config knows neither the port nor the public name; this asks for every handshake.
assert app.sio is not None
app.sio.eio.cors_allowed_origins = websocket_is_own
# A commit may bring a whole draft of 1 MB and the one that it stands on, escaped as JSON. Beyond the library's own
# bound of 1 MB the connection would be closed, and what is sent again with each new one would close that, too.
app.sio.eio.max_http_buffer_size = 8_000_000

assert app.event_namespace is not None
keep_tokens_back(app.event_namespace)

# First in line, before Reflex's own: what the guard refuses nobody else sees.
app.add_middleware(Guard(), index=0)
app.register_lifespan_task(get_container().lifespan)


def make_asgi(connections: Connections, build: Path) -> ASGIApp:
    """The application, told where its servers are; it opens them when the server starts.

    The API joins here: building the frontend needs the pages only.
    """
    from studio.api.app import create_api  # noqa: PLC0415

    get_container().use(connections)
    api = create_api(get_container())
    app.api_transformer = [
        api,
        lambda asgi: with_plain_addresses(asgi, build / "build" / "client"),
        with_headers,
        lambda asgi: with_an_end(asgi, get_container().stopping),
    ]
    return past_the_pages(app(), with_headers(api))
