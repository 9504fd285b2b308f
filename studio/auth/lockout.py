"""Five failed sign-ins within five minutes close the door for that account from that address.

The count is kept in Redis and goes up before the password is checked, so that parallel guesses count as well.
When Redis cannot be asked, nobody signs in: a door without a lock would be worse.
"""

from __future__ import annotations

import hashlib
from typing import Any

from redis.asyncio import Redis

FAILURES = 5
WINDOW_S = 300

# Atomic: a counter without an expiry would lock somebody out for ever.
_COUNT = """
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {n, redis.call('TTL', KEYS[1])}
"""


def _key(email: str, address: str) -> str:
    digest = hashlib.sha256(f"{email}\n{address}".encode()).hexdigest()
    return f"heddle:sign-in:{digest}"


async def attempt(redis: Redis, email: str, address: str) -> int:
    """Count an attempt; returns 0 when it may go on, else the seconds until the door opens again."""
    script: Any = redis.eval(_COUNT, 1, _key(email, address), str(WINDOW_S))
    count, ttl = await script
    return 0 if int(count) <= FAILURES else max(1, int(ttl))


async def forgive(redis: Redis, email: str, address: str) -> None:
    """Forget the failures after a good sign-in."""
    await redis.delete(_key(email, address))
