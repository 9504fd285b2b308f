"""An RQ 3 worker that runs many jobs at once on one asyncio loop.

RQ's own worker runs one job at a time; a run mostly waits for models and tools, so one process can have hundreds under
way. Everything that RQ shows (queues, registries, executions, results, `rq info`, the stop-job command) keeps working:
see rq_records.py. One queue a worker: with several, RQ takes jobs by BLPOP, where a crash loses the job.

The first SIGTERM or SIGINT drains: no new jobs are taken, runs are handed over at their next step boundary, within the
grace period. The second one cancels what still runs; those runs are handed over as they are.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import redis
from redis.exceptions import RedisError
from rq.command import parse_payload
from rq.job import Job, Retry
from rq.serializers import JSONSerializer
from rq.suspension import WORKERS_SUSPENDED
from rq.timeouts import TimerDeathPenalty
from rq.utils import as_text, now
from rq.worker.base import BaseWorker

from engine import garbage
from runners.places import Place, current_place
from runners.queue import QUEUE_NAME
from runners.redis_client import open_redis
from runners.rq_json import RQ_JSON
from runners.rq_records import JobRecords, Performed
from runners.tasks import cancel_all

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections
    from runners.runtime import Runtime

log = logging.getLogger(__name__)

GRACE_S = 30.0
_BLOCK_S = 2
_FETCH = 32
_HEARTBEAT_S = 10.0
_RQ_TTL_S = 120

# Move job ids from the queue to RQ's intermediate list and give back the jobs' data.
# KEYS: queue, intermediate list. ARGV: an id that was moved already ('' = none), how many more, prefix of job keys.
_TAKE = """
local ids, out = {}, {}
if ARGV[1] ~= '' then ids[1] = ARGV[1] end
for i = 1, tonumber(ARGV[2]) do
  local id = redis.call('LMOVE', KEYS[1], KEYS[2], 'LEFT', 'RIGHT')
  if not id then break end
  ids[#ids + 1] = id
end
for i, id in ipairs(ids) do
  local data = redis.call('HGETALL', ARGV[3] .. id)
  if #data == 0 then redis.call('LREM', KEYS[2], 1, id) end
  out[i] = {id, data}
end
return out
"""


class AsyncWorker(BaseWorker):
    """`on_stop` is awaited when draining begins: it asks the jobs to come to an end."""

    death_penalty_class = TimerDeathPenalty  # callbacks run in threads, where SIGALRM does not work

    def __init__(
        self,
        redis_url: str,
        *,
        concurrency: int = 100,
        grace_s: float = GRACE_S,
        on_stop: Callable[[], Awaitable[None]] | None = None,
        queue: str = QUEUE_NAME,
    ) -> None:
        super().__init__([queue], connection=redis.Redis.from_url(redis_url), serializer=JSONSerializer)
        self._redis = open_redis(redis_url)
        self._blocking = open_redis(redis_url, single_connection_client=True)
        self._take = self._redis.register_script(_TAKE)
        self._records = JobRecords(self, self._redis, self.queues[0])
        self._grace_s = grace_s
        self._on_stop = on_stop
        self._running: dict[str, asyncio.Task[None]] = {}
        self._recording: set[asyncio.Task[None]] = set()  # of jobs that are over: their place is another job's already
        self._free = asyncio.Semaphore(concurrency)
        self._stopping = asyncio.Event()
        self._suspended = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopped: set[str] = set()

    def stop(self) -> None:
        """Drain; when called again, cancel what still runs."""
        if self._stopping.is_set():
            for task in self._running.values():
                task.cancel()
        self._stop_requested = True
        self._stopping.set()

    async def serve(self) -> None:
        """Work until `stop`."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self.bootstrap, "WARNING")
        beats = asyncio.create_task(self._heartbeats())
        listener = asyncio.create_task(self._listen())
        try:
            await self._stopping.wait()
            await cancel_all([listener])
            await self._drain()
        finally:
            await cancel_all([listener, beats])
            with contextlib.suppress(RedisError, OSError):
                await asyncio.to_thread(self.teardown)
            await self._blocking.aclose()
            await self._redis.aclose()
            self.connection.close()

    async def _drain(self) -> None:
        if self._on_stop is not None:
            await self._on_stop()
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=self._grace_s)
            await cancel_all(late)
        if self._recording:
            _, late = await asyncio.wait(self._recording, timeout=self._grace_s)
            await cancel_all(late)

    async def _listen(self) -> None:
        """Take jobs while there is room: as many as there are in one round trip, else block for the next one."""
        while not self._stopping.is_set():
            await self._free.acquire()
            room = 1
            try:
                while room < _FETCH and not self._free.locked():
                    await self._free.acquire()
                    room += 1
                for job in await self._next_jobs(room):
                    room -= 1
                    self._spawn(job)
            except (RedisError, OSError) as error:
                log.warning("worker: Redis does not answer (%s)", type(error).__name__)
                await asyncio.sleep(1.0)
            finally:
                for _ in range(room):
                    self._free.release()

    async def _next_jobs(self, room: int) -> list[Job]:
        if self._suspended:
            await asyncio.sleep(0.5)
            return []
        jobs = await self._fetch("", room)
        if jobs:
            return jobs
        queue = self.queues[0]
        first = await self._blocking.blmove(queue.key, queue.intermediate_queue_key, _BLOCK_S, "LEFT", "RIGHT")
        return await self._fetch(as_text(first), room - 1) if first else []

    async def _fetch(self, first: str, more: int) -> list[Job]:
        queue = self.queues[0]
        prefix = as_text(self.job_class.redis_job_namespace_prefix)
        found = await self._take(keys=[queue.key, queue.intermediate_queue_key], args=[first, more, prefix])
        jobs = [self._restored(as_text(job_id), data) for job_id, data in found if data]
        return [job for job in jobs if job is not None]

    def _restored(self, job_id: str, data: list[bytes]) -> Job | None:
        job = self.job_class(job_id, connection=self.connection, serializer=RQ_JSON)
        try:
            job.restore(dict(zip(data[::2], data[1::2], strict=True)))
        except Exception:
            log.exception("worker: job %s cannot be read", job_id)  # RQ's maintenance fails it
            return None
        job.redis_server_version = (6, 2, 0)
        return job

    def _spawn(self, job: Job) -> None:
        place = Place(self._free)
        task = asyncio.create_task(self._perform(job, place), name=job.id)
        self._running[job.id] = task
        task.add_done_callback(lambda _: self._done(job.id, task, place))

    def _done(self, job_id: str, task: asyncio.Task[None], place: Place) -> None:
        if self._running.get(job_id) is task:
            del self._running[job_id]
        place.leave()
        self._told(job_id, task)

    def _told(self, job_id: str, task: asyncio.Task[None]) -> None:
        self._recording.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("worker: the end of job %s was not recorded", job_id, exc_info=task.exception())

    async def _perform(self, job: Job, place: Place) -> None:
        current_place.set(place)
        performed = Performed(job)
        beginning = asyncio.create_task(self._records.begin(performed))  # waited for by the job's end, not by the job
        try:
            result = await self._call(job)
        except asyncio.CancelledError:
            await beginning
            await self._cancelled(performed)
            return
        except Exception:
            failure = sys.exc_info()
            await beginning
            await asyncio.to_thread(self._finalize_failure, job, self.queues[0], performed.execution, failure)
            return
        recording = asyncio.create_task(self._record(performed, beginning, result))
        self._recording.add(recording)
        recording.add_done_callback(lambda task: self._told(job.id, task))

    async def _record(self, performed: Performed, beginning: asyncio.Task[None], result: Any) -> None:
        """Tell RQ that the job has succeeded."""
        job = performed.job
        if isinstance(result, Retry) or job.success_callback or job.webhooks or job.repeats_left or job.has_rate_limit:
            job.ended_at = now()
            await beginning
            await asyncio.to_thread(self._finalize_success, job, self.queues[0], performed.execution, result)
        else:
            self._records.over(performed, result)
            await beginning
            await self._records.end(performed)

    async def _call(self, job: Job) -> Any:
        timeout = job.timeout if isinstance(job.timeout, int | float) and job.timeout > 0 else None
        async with asyncio.timeout(timeout):
            if asyncio.iscoroutinefunction(job.func):
                return await job.func(*job.args, **job.kwargs)
            return await asyncio.to_thread(job.func, *job.args, **job.kwargs)

    async def _cancelled(self, performed: Performed) -> None:
        """A stopped job is marked so; one that a shutdown cut off leaves its registries, its run is handed over."""
        job = performed.job
        if job.id in self._stopped:
            self._stopped.discard(job.id)
            job.ended_at = now()
            self._stopped_job_id = job.id
            await asyncio.to_thread(
                self.handle_job_failure, job, self.queues[0], None, "Job stopped by user.", performed.execution
            )
        else:
            self._records.over(performed, "cut off")
            await self._records.end(performed)

    async def _heartbeats(self) -> None:
        last = 0.0
        while True:
            try:
                self._suspended = bool(await self._redis.exists(WORKERS_SUSPENDED))
                if time.monotonic() - last >= _HEARTBEAT_S:
                    last = time.monotonic()
                    await self._records.heartbeat(list(self.executions.values()), _RQ_TTL_S)
                    if self.should_run_maintenance_tasks:
                        await asyncio.to_thread(self.run_maintenance_tasks)
            except (RedisError, OSError) as error:
                log.warning("worker: no heartbeat to Redis (%s)", type(error).__name__)
            await asyncio.sleep(1.0)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:  # noqa: ARG002 - RQ's signature
        return _RQ_TTL_S

    def handle_payload(self, message: dict[str, Any]) -> None:
        """Commands of `rq`; called in a thread of RQ."""
        payload = parse_payload(message)
        if self._loop is None:
            return
        if payload.get("command") in ("stop-job", "stop-execution"):
            self._loop.call_soon_threadsafe(self._stop_job, str(payload.get("job_id", "")))
        elif payload.get("command") == "shutdown":
            self._loop.call_soon_threadsafe(self.stop)

    def _stop_job(self, job_id: str) -> None:
        task = self._running.get(job_id)
        if task is not None:
            self._stopped.add(job_id)
            task.cancel()


def run_worker(settings: Settings, connections: Connections, concurrency: int | None = None) -> int:
    """The process role `worker`: works until SIGTERM or SIGINT. Returns the exit code."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_work(settings, connections, concurrency or settings.worker_concurrency))
    return 0


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not on every platform

    return uvloop.new_event_loop


async def _work(settings: Settings, connections: Connections, concurrency: int) -> None:
    from runners.jobs import current_host  # noqa: PLC0415 - only this role needs all of the runtime
    from runners.runtime import Runtime  # noqa: PLC0415

    runtime = await Runtime.open(settings, connections)
    current_host.set(runtime.host)  # the tasks of all jobs inherit it
    worker = AsyncWorker(connections.redis_url, concurrency=concurrency, on_stop=runtime.host.drain)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, worker.stop)
    warming = asyncio.create_task(_warm_up(runtime))
    try:
        await worker.serve()
    finally:
        await cancel_all([warming])
        await runtime.close()


async def _warm_up(runtime: Runtime) -> None:
    await runtime.warm_up()
    garbage.settle()
