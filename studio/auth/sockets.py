"""The session tokens of open websockets, kept out of the pages' state.

Reflex copies a handshake's headers into the state of the tab and sends them back to the browser, the cookie among
them: any script on the page could then read what HttpOnly hides. So the secret headers are taken out before Reflex
sees them, and the token stays here, by the socket's id, for as long as the socket is open.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reflex.app import EventNamespace

from studio.auth.cookies import token_in

SECRET_HEADERS = ("cookie", "authorization", "proxy-authorization")

_tokens: dict[str, str] = {}


def token_of(socket_id: str) -> str | None:
    """The session's token that came with the handshake; None for a socket that is closed or brought none."""
    return _tokens.get(socket_id)


def keep_tokens_back(namespace: EventNamespace) -> None:
    """Change how `namespace` reads handshakes. Relies on the pinned Reflex; a test looks at what a page is sent."""
    build: Any = namespace._build_static_router_data
    leave: Any = namespace.on_disconnect

    def without_secrets(sid: str, environ: Mapping[str, Any]) -> dict[str, Any]:
        data: dict[str, Any] = build(sid, environ)
        secret = {name: data["headers"].pop(name, "") for name in SECRET_HEADERS}
        token = token_in(secret["cookie"])
        if token is not None:
            _tokens[sid] = token
        return data

    def on_disconnect(sid: str) -> Any:
        _tokens.pop(sid, None)
        return leave(sid)

    setattr(namespace, "_build_static_router_data", without_secrets)  # noqa: B010  # a method, to be replaced
    setattr(namespace, "on_disconnect", on_disconnect)  # noqa: B010
