"""Is this request our own page's? Asked for every cookie-authenticated write and every websocket handshake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from engine.settings import get_settings


def is_own(origin: str | None, host: str | None) -> bool:
    """Whether `origin` is the site that was asked (`host` is the Host header) or the configured public address.

    Without an Origin header the caller is no browser script of another site: browsers always send one with a POST and
    with a websocket handshake.
    """
    if origin is None:
        return True
    netloc = urlsplit(origin).netloc
    if not netloc:  # "null": a sandboxed frame or a file
        return False
    public_url = get_settings().public_url
    return netloc == host or (public_url is not None and origin == _origin(public_url))


def websocket_is_own(origin: str | None, environ: Mapping[str, Any]) -> bool:
    """The same for Engine.IO's `cors_allowed_origins`; `environ` is WSGI-like."""
    return is_own(origin, environ.get("HTTP_HOST"))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
