"""The asynchronous Redis client. Redis carries wake-ups and a view only, so nobody waits for it long."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.connection import HiredisRespSerializer

READ_TIMEOUT_S = 10.0  # more than any blocking read that we do


class PackingConnection(Connection):
    """Writes commands by hiredis, as redis-py's blocking client does: its asynchronous one does so in Python.

    Ours are long: one script has the events or the jobs of many runs as its arguments.
    """

    _packer = HiredisRespSerializer()

    def pack_command(self, *args: Any) -> list[bytes]:
        packed: list[bytes] = self._packer.pack(*args)
        return packed


def open_redis(url: str, **options: Any) -> Redis:
    """A client that gives up after about a second when Redis is away; `options` are those of redis-py."""
    limits: dict[str, Any] = {
        "connection_class": PackingConnection,
        "socket_connect_timeout": 2.0,
        "socket_timeout": READ_TIMEOUT_S,
        "health_check_interval": 30,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.02), 3),
    }
    client: Redis = Redis.from_url(url, **limits | options)
    return client
