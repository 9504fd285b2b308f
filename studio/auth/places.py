"""Where signing in leads from and to."""

from __future__ import annotations

from urllib.parse import urlencode

HOME = "/app/workflows"
SIGN_IN = "/login"


def local_path(path: str) -> str:
    """A path of our own to go to after signing in; anything that could lead elsewhere becomes the home page."""
    own = path.startswith("/app/") and "\\" not in path and not any(ord(c) < 33 for c in path)
    return path if own else HOME


def sign_in_address(reason: str = "", then: str = "") -> str:
    """The sign-in page, with why it is shown and the page to go on to."""
    query = {"reason": reason} if reason else {}
    if local_path(then) != HOME:
        query["next"] = then
    return f"{SIGN_IN}?{urlencode(query)}" if query else SIGN_IN
