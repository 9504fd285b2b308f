"""What a provider's status means to a connector."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from time import time

from engine.errors import AuthError, PermanentError, RateLimited, TransientError
from engine.execution.ports import HttpReply

_TEMPORARY = (408, 425, 500, 502, 503, 504)


def checked(reply: HttpReply, who: str, reason: str | None = None) -> HttpReply:
    """The reply when it is a success; else raises AuthError, RateLimited, TransientError or PermanentError.

    `reason` is the provider's own word for the failure, shown to people; it must hold no secret.
    """
    status = reply.status
    if status < 300:
        return reply
    told = f": {reason[:200]}" if reason else ""
    if status in (401, 403):
        raise AuthError(f"{who} refused the credential{told}.", status=status)
    if status == 429:
        raise RateLimited(f"{who} asks to slow down.", retry_after_s=retry_after(reply), status=status)
    if status in _TEMPORARY or status >= 500:
        raise TransientError(f"{who} failed with status {status}{told}.", status=status)
    raise PermanentError(f"{who} refused with status {status}{told}.", status=status)


def retry_after(reply: HttpReply) -> float | None:
    """Seconds until the other side wants to be asked again, from seconds or a date; None when it does not say."""
    text = reply.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time(), 0.0)
    except (TypeError, ValueError, OverflowError):
        return None
