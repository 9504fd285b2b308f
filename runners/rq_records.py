"""RQ's book-keeping for many jobs at once.

RQ's own methods record what it wants to be known about a job (executions, registries, results, counters); that of all
jobs that began or ended meanwhile then goes out together: RQ keeps its format, and the loop never blocks. Of a job that
is over before its beginning went out, only the end does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from redis.asyncio import Redis
from rq import Queue
from rq.executions import Execution, cleanup_execution
from rq.job import Job, JobStatus
from rq.utils import now
from rq.worker import WorkerStatus
from rq.worker.base import BaseWorker

from runners.batcher import Batcher
from runners.recorded import RecordedCommands

# Nobody waits for what RQ shows. A job with a beginning and an end costs Redis and the worker more than twice as much
# as one that is told of once, so this is longer than a run takes that waits for nothing.
_LINGER_S = 0.1


@dataclass(eq=False, slots=True)
class Performed:
    """A job that the worker has begun. `execution` is RQ's record of it, once the beginning is written.

    `ended_at` is None while it runs, and for an end that RQ's own methods record.
    """

    job: Job
    began_at: datetime = field(default_factory=now)
    execution: Execution | None = None
    ended_at: datetime | None = None
    is_written: bool = False  # to its end


class JobRecords:
    """Writes the beginnings, ends and heartbeats of a worker's jobs."""

    def __init__(self, worker: BaseWorker, redis: Redis, queue: Queue) -> None:
        self._worker = worker
        self._commands = RecordedCommands(redis)
        self._queue = queue
        self._changes: Batcher[Performed] = Batcher(self._write, _LINGER_S)
        self._is_busy = False

    async def begin(self, performed: Performed) -> None:
        """Register the job as started; when this returns it has an execution, or is written to its end."""
        await self._changes.add(performed)

    def over(self, performed: Performed, result: object) -> None:
        """The job has succeeded; `end` makes it known."""
        performed.job._result = result
        performed.ended_at = now()

    async def end(self, performed: Performed) -> None:
        """Register the success of a job and keep its result. Its `begin` has returned."""
        if not performed.is_written:
            await self._changes.add(performed)

    async def _write(self, changes: Sequence[Performed]) -> None:
        recorder = self._worker.connection.pipeline()
        ended = [performed for performed in changes if performed.ended_at is not None]
        for performed in changes:
            if performed.ended_at is None:
                self._write_begin(performed, recorder)
        for performed in ended:
            self._write_end(performed, recorder)
        self._write_worker(ended, recorder)
        # Asked last in the transaction: a dependent that registers later sees the job finished and starts by itself.
        for performed in ended:
            recorder.exists(performed.job.dependents_key)
        answers = await self._commands.send(recorder)
        for performed, has_dependents in zip(ended, answers[len(answers) - len(ended) :], strict=True):
            performed.is_written = True
            if has_dependents:
                await asyncio.to_thread(self._queue.enqueue_dependents, performed.job)

    def _write_begin(self, performed: Performed, recorder: Any) -> None:
        worker, job = self._worker, performed.job
        ttl = worker.get_heartbeat_ttl(job)
        execution = Execution.create(job, ttl, pipeline=recorder, worker_name=worker.name)
        worker.executions[execution.id] = performed.execution = execution
        job.prepare_for_execution(worker.name, pipeline=recorder)
        recorder.persist(job.key)
        recorder.lrem(self._queue.intermediate_queue_key, 1, job.id)

    def _write_end(self, performed: Performed, recorder: Any) -> None:
        worker, job, execution = self._worker, performed.job, performed.execution
        job._status, job.worker_name, job.ended_at = JobStatus.FINISHED, worker.name, performed.ended_at
        if execution is None:
            job.started_at = job.last_heartbeat = performed.began_at
            recorder.lrem(self._queue.intermediate_queue_key, 1, job.id)
        ttl = job.get_result_ttl(worker.default_result_ttl)
        if ttl != 0:
            job._handle_success(
                ttl,
                pipeline=recorder,
                worker_name=worker.name,
                execution_id=execution.id if execution else None,
                execution_started_at=performed.began_at,
                execution_ended_at=performed.ended_at,
            )
        job.cleanup(ttl, pipeline=recorder, remove_from_queue=False)
        cleanup_execution(worker, job, recorder, execution)

    def _write_worker(self, ended: Sequence[Performed], recorder: Any) -> None:
        worker = self._worker
        if ended:
            spent = sum((one.ended_at - one.began_at for one in ended if one.ended_at), timedelta())
            recorder.hincrby(worker.key, "successful_job_count", len(ended))
            worker.increment_total_working_time(spent, recorder)
        if self._is_busy != bool(worker.executions):
            self._is_busy = not self._is_busy
            worker.set_state(WorkerStatus.BUSY if self._is_busy else WorkerStatus.IDLE, pipeline=recorder)

    async def heartbeat(self, executions: Iterable[Execution], ttl_s: int) -> None:
        """Tell RQ that the worker and its jobs are alive."""
        recorder = self._worker.connection.pipeline()
        self._worker.heartbeat(ttl_s, pipeline=recorder)
        for execution in executions:
            if execution._job is not None:
                execution.heartbeat(execution._job.started_job_registry, ttl_s, pipeline=recorder)
        await self._commands.send(recorder)
