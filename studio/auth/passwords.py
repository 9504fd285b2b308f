"""Password hashes: argon2id, a few at a time.

One hash takes about 0.1 s and 64 MB on purpose. The limit keeps a flood of sign-ins from taking all memory; those that
do not get their turn in time are told to try again.
"""

from __future__ import annotations

import asyncio
from functools import lru_cache

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError

AT_ONCE = 2
_limits: dict[int, asyncio.Semaphore] = {}


@lru_cache(maxsize=1)
def _hasher() -> PasswordHash:
    return PasswordHash.recommended()


@lru_cache(maxsize=1)
def _nobody() -> str:
    """A hash that no password has, to spend on unknown users the time that known ones cost."""
    return _hasher().hash("nobody has this password")


def hash_password(password: str) -> str:
    """Argon2id with a fresh salt. Takes about 0.1 s: call it in a thread from async code."""
    return _hasher().hash(password)


async def verify(password: str, hashed: str | None) -> bool:
    """Whether the password fits. For `hashed=None` (no such user) the answer is no, after the same time."""
    async with _limit():
        return await asyncio.to_thread(_verify, password, hashed)


def _verify(password: str, hashed: str | None) -> bool:
    try:
        fits = _hasher().verify(password, hashed or _nobody())
    except PwdlibError:
        return False
    return fits and hashed is not None


def _limit() -> asyncio.Semaphore:
    """One semaphore an event loop: tests run several loops in one process."""
    return _limits.setdefault(id(asyncio.get_running_loop()), asyncio.Semaphore(AT_ONCE))
