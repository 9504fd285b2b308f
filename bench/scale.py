"""Whether a run costs the same when there is much of everything: queued runs, tenants, runs in the table.

CPU milliseconds a run of a worker, PostgreSQL and Redis, from the queue to the end; accepting is not in it. While a
short queue is filled the worker is halted, not ended: its start would be counted with a hundred runs. Several are added
up, because a process's time is told in hundredths of a second. Of the long queue the next runs are measured while the
rest still waits; at the end the worker has carried out 100,000 runs, and its memory is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from statistics import median

from bench.support.cpu import cpu_s
from bench.support.database import Watcher
from bench.support.loads import Load, load
from bench.support.texts import no_op_chain
from bench.support.world import Published, World, best, world
from engine.settings import Settings

STEPS = 5
CONCURRENCY = 64
SAMPLE = 2000
FEW = 100
ROUNDS = 3
QUEUED = 100_000
TENANTS = 1000
ROWS = 1_000_000
_FILL = """INSERT INTO runs (tenant_id, run_id, workflow_id, workflow_name, version_number, definition_hash, trigger,
        status, input, output, bindings, epoch, progress_epoch, cancel_requested, tokens_in, tokens_out,
        cost_usd_micros, steps, created_at, started_at, ended_at)
    SELECT r.tenant_id, gen_random_uuid(), r.workflow_id, r.workflow_name, r.version_number, r.definition_hash,
        r.trigger, 'succeeded', jsonb_build_object('message', 'question ' || i), '{"reply": "done"}', '{}',
        1, 1, false, 0, 0, 0, 7,
        now() - make_interval(secs => i), now() - make_interval(secs => i), now() - make_interval(secs => i)
    FROM generate_series(1, %s) AS i, LATERAL (SELECT * FROM runs LIMIT 1) AS r"""


def run(settings: Settings, progress: Callable[[str], None]) -> dict[str, float]:
    """CPU milliseconds a run: with 100 and 100,000 queued, over 1,000 tenants, in a table of 1,000,000 runs."""
    with world(settings, "scale", progress) as here:
        one = here.publish(no_op_chain(STEPS))
        many = here.publish(no_op_chain(STEPS), TENANTS, slug="many")
        watcher = Watcher(here)
        given = here.given(concurrency=CONCURRENCY)
        with (
            _submitter(here, one) as few,
            _submitter(here, many) as wide,
            load("bench.support.worker_load", given) as worker,
        ):
            scale = _Scale(here, worker, progress)
            worker.order(work=True)
            scale.all_of(few, SAMPLE)
            scale.all_of(wide, SAMPLE)  # warm: every tenant's definition has been read
            here.know_tables()
            figures = {"runs_100": scale.in_short_queues(few)}
            figures["tenants_1000"] = best([scale.all_of(wide, SAMPLE) for _ in range(ROUNDS)])
            progress(f"filling the table with {ROWS:,} runs")
            watcher.execute(_FILL, ROWS)
            watcher.execute("VACUUM ANALYZE runs")
            figures["table_1000000"] = scale.in_short_queues(few)
            figures["runs_100000"] = scale.long_queue(few)
        watcher.check()
        watcher.close()
    return {name: round(value, 3) for name, value in sorted(figures.items())}


def _submitter(here: World, targets: list[Published]) -> AbstractContextManager[Load]:
    pairs = [(str(one.tenant_id), str(one.workflow_id)) for one in targets]
    return load("bench.support.submit_load", here.given(targets=pairs))


class _Scale:
    """A worker, and what it costs."""

    def __init__(self, here: World, worker: Load, progress: Callable[[str], None]) -> None:
        self._worker, self._progress = worker, progress
        self._roots = [worker.pid, *here.server_pids]

    def in_short_queues(self, submitter: Load) -> float:
        """A hundred at a time."""
        return best([self.all_of(submitter, FEW, SAMPLE // FEW) for _ in range(ROUNDS)])

    def all_of(self, submitter: Load, count: int, times: int = 1) -> float:
        """Queue so many, then carry them out, so many times; milliseconds of CPU a run."""
        used = 0.0
        for _ in range(times):
            end = self._done() + count
            with self._worker.halted():
                submitter.order(count=count)
                before = cpu_s(self._roots)
            self._until(end)
            used += cpu_s(self._roots) - before
        return used * 1000 / (count * times)

    def long_queue(self, submitter: Load) -> float:
        """Carry out 100,000 that were queued before; the figure is the median of the first half, a few at a time.

        (The first few alone are in the way of what PostgreSQL does about 100,000 new rows.)
        """
        self._progress(f"queueing {QUEUED:,} runs")
        end = self._worker.order(work=False)["done"] + QUEUED
        submitter.order(count=QUEUED)
        self._worker.order(work=True)
        costs = [self._next(SAMPLE) for _ in range(QUEUED // 2 // SAMPLE)]
        before = self._worker.order()["rss_mb"]
        self._progress(f"carrying out the rest of {QUEUED:,} runs")
        self._until(end)
        after = self._worker.order(work=False)["rss_mb"]
        self._progress(f"memory of the worker: {before:.1f} MB, {QUEUED:,} runs later {after:.1f} MB")
        return median(costs)

    def _next(self, count: int) -> float:
        """Milliseconds of CPU a run over the next so many of a long queue."""
        before, done = cpu_s(self._roots), self._done()
        ended = self._until(done + count)
        return (cpu_s(self._roots) - before) * 1000 / (ended - done)

    def _done(self) -> int:
        return int(self._worker.order()["done"])

    def _until(self, done: int) -> int:
        """Wait until so many are done in all; returns how many are."""
        while (ended := self._done()) < done:
            time.sleep(0.02)
        return ended
