"""What a provider's status means to a connector."""

from __future__ import annotations

from engine.errors import AuthError, PermanentError, RateLimited, TransientError
from engine.execution.ports import HttpReply, retry_after_s

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
        raise RateLimited(f"{who} asks to slow down.", retry_after_s=retry_after_s(reply.headers), status=status)
    if status in _TEMPORARY or status >= 500:
        raise TransientError(
            f"{who} failed with status {status}{told}.", status=status, retry_after_s=retry_after_s(reply.headers)
        )
    raise PermanentError(f"{who} refused with status {status}{told}.", status=status)
