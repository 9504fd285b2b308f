"""The one queue: an RQ job is a wake-up for a run and nothing more; its arguments are ids.

A lost or doubled job does no harm: the lease in the database decides who works on a run, and the scheduler wakes runs
that nobody works on.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Any, cast
from uuid import UUID

import redis
from redis.asyncio import Redis
from rq import Queue
from rq.job import Job

from runners.batcher import Batcher
from runners.recorded import RecordedCommands
from runners.rq_json import RQ_JSON

QUEUE_NAME = "heddle"
EXECUTE_RUN = "runners.jobs.execute_run"
_RESULT_TTL_S = 300
_FAILURE_TTL_S = 86_400
_SURELY_QUEUED_S = 60.0  # younger jobs are believed to be in the list without looking


@dataclass(frozen=True, slots=True)
class WakeUp:
    """A run that is to be looked at. `epoch` is the lease before: one wake-up for each lease is enough."""

    tenant_id: UUID
    run_id: UUID
    epoch: int = 0

    @property
    def job_id(self) -> str:
        return f"run-{self.run_id}-{self.epoch}"


class RunQueue:
    """Puts wake-ups into the queue."""

    def __init__(self, redis_client: Redis) -> None:
        self._redis = redis_client
        self._commands = RecordedCommands(redis_client)
        # RQ's classes want a connection; this one is only asked for pipelines to record in, and never connects.
        self._offline = redis.Redis(host="recorder.invalid")
        self._queue = Queue(QUEUE_NAME, connection=self._offline, serializer=RQ_JSON, default_timeout=-1)
        self._queue.redis_server_version = (5, 0, 0)  # so that RQ does not ask for it
        self._wakes: Batcher[Sequence[WakeUp]] = Batcher(self._enqueue)

    async def wake(self, wake_ups: Sequence[WakeUp]) -> None:
        """Enqueue all in one round trip, together with what others enqueue meanwhile.

        Raises RedisError; the caller may leave it to the scheduler then.
        """
        if wake_ups:
            await self._wakes.add(wake_ups)

    async def _enqueue(self, wanted: Sequence[Sequence[WakeUp]]) -> None:
        recorder = self._offline.pipeline(transaction=False)
        for wake_up in chain.from_iterable(wanted):
            self._record(wake_up, recorder)
        await self._commands.send(recorder)

    async def wake_missing(self, wake_ups: Iterable[WakeUp]) -> list[WakeUp]:
        """Enqueue those that do not wait in the queue already; returns them."""
        wanted = list(wake_ups)
        waiting = await self._waiting(wanted)
        missing = [wake_up for wake_up in wanted if wake_up not in waiting]
        await self.wake(missing)
        return missing

    async def length(self) -> int:
        """Wake-ups that wait."""
        return int(await cast(Awaitable[int], self._redis.llen(self._queue.key)))

    def _record(self, wake_up: WakeUp, recorder: Any) -> None:
        job = Job.create(
            EXECUTE_RUN,
            args=[str(wake_up.tenant_id), str(wake_up.run_id)],
            id=wake_up.job_id,
            connection=self._offline,
            serializer=RQ_JSON,
            timeout=-1,  # the executor has the limits of steps and runs
            result_ttl=_RESULT_TTL_S,
            failure_ttl=_FAILURE_TTL_S,
            description=f"run {wake_up.run_id}",
        )
        self._queue.enqueue_job(job, pipeline=recorder)

    async def _waiting(self, wanted: list[WakeUp]) -> set[WakeUp]:
        """Those whose job is in the queue's list.

        A job's status alone is not enough (a worker may have died with the job in its hands), but searching the list
        costs Redis time, so only jobs that have been there for long are searched for.
        """
        if not wanted:
            return set()
        async with self._redis.pipeline(transaction=False) as pipe:
            for wake_up in wanted:
                pipe.hmget(Job.key_for(wake_up.job_id), ["status", "enqueued_at"])
            answers = await pipe.execute()
        queued = [(w, at) for w, (status, at) in zip(wanted, answers, strict=True) if status in (b"queued", "queued")]
        old = [w for w, enqueued_at in queued if _age_s(enqueued_at) > _SURELY_QUEUED_S]
        async with self._redis.pipeline(transaction=False) as pipe:
            for wake_up in old:
                pipe.lpos(self._queue.key, wake_up.job_id)
            found = await pipe.execute() if old else []
        gone = {w for w, position in zip(old, found, strict=True) if position is None}
        return {w for w, _ in queued} - gone


def _age_s(enqueued_at: bytes | str | None) -> float:
    """Seconds since RQ's text form of a moment; an unreadable one is old."""
    text = enqueued_at.decode() if isinstance(enqueued_at, bytes) else enqueued_at
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(text or "")).total_seconds()
    except ValueError:
        return float("inf")
