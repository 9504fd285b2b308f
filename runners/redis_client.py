"""The asynchronous Redis client. Redis carries wake-ups and a view only, so nobody waits for it long."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

READ_TIMEOUT_S = 10.0  # more than any blocking read that we do


def open_redis(url: str, **options: Any) -> Redis:
    """A client that gives up after about a second when Redis is away; `options` are those of redis-py."""
    limits: dict[str, Any] = {
        "socket_connect_timeout": 2.0,
        "socket_timeout": READ_TIMEOUT_S,
        "health_check_interval": 30,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.02), 3),
    }
    client: Redis = Redis.from_url(url, **limits | options)
    return client
