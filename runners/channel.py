"""A channel of Redis that a process listens to for as long as it lives."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

_LISTEN_S = 5.0  # less than the client's read time-out, which would make it connect again
_AGAIN_S = 1.0


async def listen(
    redis: Redis, channel: str, *, heard: Callable[[bytes], Awaitable[None]], began: Callable[[], Awaitable[None]]
) -> None:
    """Pass on what is said, until cancelled. `began` is called with each connection: what was said before is lost."""
    while True:
        try:
            async with redis.pubsub() as pubsub:
                await pubsub.subscribe(channel)
                while True:
                    message = await pubsub.get_message(timeout=_LISTEN_S)
                    if message is not None and message["type"] == "subscribe":
                        await began()
                    elif message is not None:
                        await heard(message["data"])
        except (RedisError, OSError) as error:
            log.info("%s: %s, listening again", channel, type(error).__name__)
        except Exception:  # whatever it was: who no longer listens would not hear of anything
            log.exception("%s: unexpected failure", channel)
        await asyncio.sleep(_AGAIN_S)
