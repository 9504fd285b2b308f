"""The session cookie."""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie

from starlette.responses import Response

from engine.store.access.identity import SESSION_LIFETIME

COOKIE = "heddle_session"


def set_session(response: Response, token: str, *, secure: bool) -> None:
    """HttpOnly: no script reads it. SameSite=Lax: another site's forms do not send it."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path="/",
        httponly=True,
        samesite="lax",
        secure=secure,
    )


def clear_session(response: Response) -> None:
    response.delete_cookie(COOKIE, path="/")


def token_in(header: str) -> str | None:
    """The session's token in a Cookie header, as a websocket's handshake brings it; None when it holds none."""
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return None
    return found.value if found is not None and found.value else None
