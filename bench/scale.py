"""Whether a run costs the same when there is much of everything: queued runs, tenants, runs in the table.

CPU milliseconds a run of a worker, PostgreSQL and Redis, from the queue to the end; accepting is not in it. Each figure
is that of the next runs to be carried out while the rest of the queue still waits. At the end the worker has carried
out 100,000 runs, and its memory is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

from bench.support.cpu import cpu_s
from bench.support.database import Watcher
from bench.support.loads import Load, load
from bench.support.texts import no_op_chain
from bench.support.world import Published, World, best, world
from engine.settings import Settings

STEPS = 5
CONCURRENCY = 64
SAMPLE = 2000
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
            scale.all_of(few, SAMPLE)
            scale.all_of(wide, SAMPLE)  # warm: every tenant's definition has been read
            here.know_tables()
            figures = {"runs_100": best([scale.all_of(few, 100) for _ in range(ROUNDS * 10)])}
            figures["tenants_1000"] = best([scale.all_of(wide, SAMPLE) for _ in range(ROUNDS)])
            progress(f"filling the table with {ROWS:,} runs")
            watcher.execute(_FILL, ROWS)
            watcher.execute("VACUUM ANALYZE runs")
            figures["table_1000000"] = best([scale.all_of(few, 100) for _ in range(ROUNDS * 10)])
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
        self._here, self._worker, self._progress = here, worker, progress

    def all_of(self, submitter: Load, count: int) -> float:
        """Queue so many, then carry them out."""
        submitter.order(count=count)
        cost = self._next(count)
        self._worker.order(work=False)
        return cost

    def long_queue(self, submitter: Load) -> float:
        """Carry out 100,000 that were queued before; the figure is that of the first few."""
        self._progress(f"queueing {QUEUED:,} runs")
        submitter.order(count=QUEUED)
        end = self._worker.order()["done"] + QUEUED
        costs = [self._next(SAMPLE) for _ in range(ROUNDS)]
        before = self._worker.order()["rss_mb"]
        self._progress(f"carrying out the rest of {QUEUED:,} runs")
        self._until(end)
        after = self._worker.order(work=False)["rss_mb"]
        self._progress(f"memory of the worker: {before:.1f} MB, {QUEUED:,} runs later {after:.1f} MB")
        return best(costs)

    def _next(self, count: int) -> float:
        """Milliseconds of CPU a run over the next so many runs."""
        roots = [self._worker.pid, *self._here.server_pids]
        before, done = cpu_s(roots), self._worker.order()["done"]
        self._worker.order(work=True)
        ended = self._until(done + count)
        return (cpu_s(roots) - before) * 1000 / (ended - done)

    def _until(self, done: int) -> int:
        """Wait until so many are done in all; returns how many are."""
        while (ended := int(self._worker.order()["done"])) < done:
            time.sleep(0.02)
        return ended
