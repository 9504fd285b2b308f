"""Answers of steps that are given again, in Redis: `engine.execution.ports.AnswerCache`.

Each tenant has a bounded number of them; those that end first make room. A Redis that does not answer knows nothing.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from engine.store.json_text import json_bytes

Json = Any
MOST = 1_000  # answers of one tenant
_LONGEST_S = 604_800.0
# KEYS: the index of the tenant. ARGV: prefix of its answers, digest, answer, ms to live, most.
_PUT = """
local now = redis.call('TIME')
local at = now[1] * 1000 + math.floor(now[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', at)
redis.call('SET', ARGV[1] .. ARGV[2], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[1], at + ARGV[4], ARGV[2])
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[5])
if over > 0 then
  local gone = redis.call('ZPOPMIN', KEYS[1], over)
  for i = 1, #gone, 2 do redis.call('DEL', ARGV[1] .. gone[i]) end
end
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] then redis.call('PEXPIREAT', KEYS[1], math.floor(last[2])) end
"""
_log = logging.getLogger(__name__)


class RedisAnswers:
    """One a process."""

    def __init__(self, redis: Redis, most: int = MOST) -> None:
        self._redis, self._most = redis, most
        self._put = redis.register_script(_PUT)

    async def get(self, tenant_id: UUID, digest: str) -> Mapping[str, Json] | None:
        try:
            text = await self._redis.get(f"{_prefix(tenant_id)}{digest}")
            answer = json.loads(text) if text else None
        except (RedisError, OSError, ValueError) as error:
            _log.info("answers: not looked up (%s)", type(error).__name__)
            return None
        return answer if isinstance(answer, dict) else None

    async def put(self, tenant_id: UUID, digest: str, answer: Mapping[str, Json], ttl_s: float) -> None:
        prefix, ms = _prefix(tenant_id), int(min(max(ttl_s, 0.001), _LONGEST_S) * 1000)
        try:
            await self._put(keys=[f"{prefix}index"], args=[prefix, digest, json_bytes(answer), ms, self._most])
        except (RedisError, OSError) as error:
            _log.info("answers: not kept (%s)", type(error).__name__)


def _prefix(tenant_id: UUID) -> str:
    return f"heddle:answers:{tenant_id}:"
