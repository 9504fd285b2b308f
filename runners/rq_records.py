"""RQ's book-keeping for many jobs at once.

RQ's own methods record what it wants to be known about a job (executions, registries, results, counters); that of all
jobs that began or ended meanwhile then goes out together: RQ keeps its format, and the loop never blocks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from rq import Queue
from rq.executions import Execution, cleanup_execution
from rq.job import Job, JobStatus
from rq.worker import WorkerStatus
from rq.worker.base import BaseWorker

from runners.batcher import Batcher
from runners.recorded import RecordedCommands

_LINGER_S = 0.02  # nobody waits for what RQ shows, and each transaction costs as much as several jobs
_Ended = tuple[Job, Execution]


class JobRecords:
    """Writes the beginnings, ends and heartbeats of a worker's jobs."""

    def __init__(self, worker: BaseWorker, redis: Redis, queue: Queue) -> None:
        self._worker = worker
        self._commands = RecordedCommands(redis)
        self._queue = queue
        self._changes: Batcher[Job | _Ended] = Batcher(self._write, _LINGER_S)
        self._begun: dict[str, Execution] = {}  # by the id of a job whose `begin` has not returned yet

    async def begin(self, job: Job) -> Execution:
        """Register the job as started; returns RQ's record of this execution."""
        try:
            await self._changes.add(job)
            return self._begun[job.id]
        finally:
            self._begun.pop(job.id, None)

    async def end(self, job: Job, execution: Execution, result: object) -> None:
        """Register the success of a job and keep its result."""
        job._result = result
        await self._changes.add((job, execution))

    async def _write(self, changes: Sequence[Job | _Ended]) -> None:
        recorder = self._worker.connection.pipeline()
        ended = [change for change in changes if isinstance(change, tuple)]
        if began := [change for change in changes if isinstance(change, Job)]:
            self._write_begins(began, recorder)
        if ended:
            self._write_ends(ended, recorder)
        # Asked last in the transaction: a dependent that registers later sees the job finished and starts by itself.
        for job, _ in ended:
            recorder.exists(job.dependents_key)
        answers = await self._commands.send(recorder)
        for (job, _), has_dependents in zip(ended, answers[len(answers) - len(ended) :], strict=True):
            if has_dependents:
                await asyncio.to_thread(self._queue.enqueue_dependents, job)

    def _write_begins(self, jobs: Iterable[Job], recorder: Any) -> None:
        worker = self._worker
        for job in jobs:
            ttl = worker.get_heartbeat_ttl(job)
            execution = Execution.create(job, ttl, pipeline=recorder, worker_name=worker.name)
            worker.executions[execution.id] = self._begun[job.id] = execution
            job.prepare_for_execution(worker.name, pipeline=recorder)
            recorder.persist(job.key)
            recorder.lrem(self._queue.intermediate_queue_key, 1, job.id)
        worker.set_state(WorkerStatus.BUSY, pipeline=recorder)

    def _write_ends(self, ended: Sequence[_Ended], recorder: Any) -> None:
        worker, spent = self._worker, timedelta()
        for job, execution in ended:
            job._status = JobStatus.FINISHED
            ttl = job.get_result_ttl(worker.default_result_ttl)
            if ttl != 0:
                job._handle_success(
                    ttl,
                    pipeline=recorder,
                    worker_name=worker.name,
                    execution_id=execution.id,
                    execution_started_at=execution.created_at,
                    execution_ended_at=job.ended_at,
                )
            job.cleanup(ttl, pipeline=recorder, remove_from_queue=False)
            cleanup_execution(worker, job, recorder, execution)
            spent += (job.ended_at - job.started_at) if job.ended_at and job.started_at else timedelta()
        recorder.hincrby(worker.key, "successful_job_count", len(ended))
        worker.increment_total_working_time(spent, recorder)
        if not worker.executions:
            worker.set_state(WorkerStatus.IDLE, pipeline=recorder)

    async def heartbeat(self, executions: Iterable[Execution], ttl_s: int) -> None:
        """Tell RQ that the worker and its jobs are alive."""
        recorder = self._worker.connection.pipeline()
        self._worker.heartbeat(ttl_s, pipeline=recorder)
        for execution in executions:
            if execution._job is not None:
                execution.heartbeat(execution._job.started_job_registry, ttl_s, pipeline=recorder)
        await self._commands.send(recorder)
