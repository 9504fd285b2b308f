"""Connections to Redis that listen."""

from __future__ import annotations

from redis.asyncio import Redis


async def drop_listeners(redis: Redis) -> None:
    """Cut the connections that listen, those of this test's own Redis database only."""
    own = str(redis.connection_pool.connection_kwargs["db"])
    for client in await redis.client_list(_type="pubsub"):
        if client["db"] == own:
            await redis.client_kill_filter(_id=client["id"])
