"""How many runs a worker process can have under way: steps that wait 200 ms for a model, 64 and 500 runs at once.

The model is a port that sleeps and answers, so what is measured is Heddle's own work: the worker, RQ, journal, events.
All runs wait in the queue before the worker starts. The ideal is a worker that costs nothing: so many runs at once,
each taking its model time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench.support.database import Watcher
from bench.support.loads import load
from bench.support.texts import model_chain
from bench.support.world import Published, World, world
from engine.settings import Settings

STEPS = 5
MODEL_S = 0.2
WAVES = 24  # runs one after the other in each place: the first and the last, when not all are taken, hardly count


@dataclass(frozen=True, slots=True)
class Measured:
    runs_per_s: float
    of_ideal: float
    rss_mb: float


def run(settings: Settings, progress: Callable[[str], None]) -> dict[str, Any]:
    """Shares of the ideal rate, the worker's memory at 500, and how much more two workers do than one."""
    with world(settings, "runs", progress) as here:
        published = here.publish(model_chain(STEPS))
        _measure(here, published, progress, concurrency=8)  # so that the tables are not empty
        here.know_tables()
        one = _measure(here, published, progress, concurrency=64)
        many = _measure(here, published, progress, concurrency=500)
        two = _measure(here, published, progress, concurrency=64, workers=2)
    shares = {"c64_of_ideal": round(one.of_ideal, 3), "c500_of_ideal": round(many.of_ideal, 3)}
    return {
        "await_200ms": shares | {"rss_mb": round(many.rss_mb)},
        "two_workers_vs_one": round(two.runs_per_s / one.runs_per_s, 2),
    }


def _measure(
    here: World, published: list[Published], progress: Callable[[str], None], *, concurrency: int, workers: int = 1
) -> Measured:
    count = concurrency * workers * WAVES
    targets = [(str(one.tenant_id), str(one.workflow_id)) for one in published]
    watcher = Watcher(here)
    began = watcher.began()
    with load("bench.support.submit_load", here.given(targets=targets)) as submitter:
        submitter.order(count=count)
    with ExitStack() as stack:
        given = here.given(concurrency=concurrency, model_s=MODEL_S)
        started = [stack.enter_context(load("bench.support.worker_load", given)) for _ in range(workers)]
        for one in started:
            one.order(work=True)
        while sum(one.order()["done"] for one in started) < count:
            time.sleep(0.1)
        rss_mb = max(one.order(work=False)["rss_mb"] for one in started)
        watcher.check()
    runs_per_s = count / watcher.took_s(began)
    watcher.close()
    ideal = concurrency * workers / (STEPS * MODEL_S)
    found = Measured(runs_per_s, runs_per_s / ideal, rss_mb)
    told = f"{runs_per_s:.0f} runs/s of {ideal:.0f}, {runs_per_s * STEPS:.0f} model calls/s, {rss_mb:.0f} MB"
    progress(f"{workers} worker(s), {concurrency} runs at once each: {told}")
    return found
