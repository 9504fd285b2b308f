"""Tokens that a public page carries: made by this installation, for one thing, not long ago."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable


class PageTokens:
    """Makes and reads tokens `nonce.time.signature`; `secret` is the installation's."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._key = hashlib.sha256(f"page tokens:{secret}".encode()).digest()
        self._clock = clock

    def make(self, about: str) -> str:
        """A token for one thing: an endpoint, a run."""
        head = f"{secrets.token_urlsafe(12)}.{int(self._clock())}"
        return f"{head}.{self._sign(about, head)}"

    def read(self, about: str, token: str, lives_s: float) -> str | None:
        """The token's random part, the same at each reading; None when it is for something else, forged or too old."""
        head, _, signature = token.rpartition(".")
        nonce, _, made = head.partition(".")
        right = hmac.compare_digest(self._sign(about, head).encode(), signature.encode("utf-8", "replace"))
        if not right or not 0 <= self._clock() - int(made) + 60 <= lives_s + 60:
            return None
        return nonce

    def _sign(self, about: str, head: str) -> str:
        return hmac.new(self._key, f"{about}.{head}".encode("utf-8", "replace"), hashlib.sha256).hexdigest()
