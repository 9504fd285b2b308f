"""What a durable step costs: ten steps that do nothing, against LangGraph, DBOS, and the database's own limit.

A run is accepted durably, leased, carried out in the process that accepted it, and ended, as a published call is.
"step" waits for the commit of each record, "barrier" (what Heddle does) only before effects and at the end. CPU time is
that of Python and of all of PostgreSQL, and of Redis, which carries the live events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.support.anchors import NAMES, anchors
from bench.support.loads import Load, load
from bench.support.pgbench import Pgbench
from bench.support.texts import no_op_chain
from bench.support.world import World, best, world
from engine.settings import Settings

STEPS = 10
ROWS = STEPS + 2  # start and end are steps, too
ROUNDS = 3
CONCURRENCY = 16
RUNS, ANCHOR_RUNS, RUNS_C256 = 1000, 64, 1536


def run(settings: Settings, progress: Callable[[str], None]) -> dict[str, Any]:
    """CPU milliseconds a run, how many times less than the anchors that is, and rows a second at 256 runs at once."""
    with world(settings, "engine", progress) as here, anchors(here, progress) as others:
        published = here.publish(no_op_chain(STEPS))[0]
        ids = {"tenant_id": str(published.tenant_id), "workflow_id": str(published.workflow_id)}
        module = "bench.support.engine_load"
        with (
            load(module, here.given(durability="step", **ids)) as step,
            load(module, here.given(durability="barrier", **ids)) as barrier,
        ):
            loads = {"step": (step, RUNS), "barrier": (barrier, RUNS)} | {
                n: (o, ANCHOR_RUNS) for n, o in others.items()
            }
            here.know_tables()
            cpu_ms = _cpu_ms(here, loads, progress)
            rows, limit = _rows_per_s(here, step, progress)
    for name, value in cpu_ms.items():
        progress(f"{name}: {value:.2f} ms of CPU a run")
    figures: dict[str, Any] = {mode: _compared(cpu_ms, mode) for mode in ("step", "barrier")}
    return figures | {"rows_per_s_c256": round(rows), "vs_pgbench": round(rows / limit, 2)}


def _cpu_ms(here: World, loads: dict[str, tuple[Load, int]], progress: Callable[[str], None]) -> dict[str, float]:
    """CPU of each load; they take turns, so that what else the machine does meets all of them."""
    taken: dict[str, list[float]] = {name: [] for name in loads}
    for number in range(ROUNDS):
        progress(f"round {number + 1} of {ROUNDS}")
        for name, (one, runs) in loads.items():
            sample = one.measured(here.server_pids, count=runs, concurrency=CONCURRENCY)
            taken[name].append(sample.cpu_s * 1000 / runs)
    return {name: best(values) for name, values in taken.items()}


def _rows_per_s(here: World, step: Load, progress: Callable[[str], None]) -> tuple[float, float]:
    """Durable journal rows a second at 256 runs at once, and the rows a second that pgbench commits one by one."""
    pgbench = Pgbench(here, progress)
    rows, limits = [], []
    for number in range(ROUNDS):
        progress(f"rows a second, round {number + 1} of {ROUNDS}")
        limits.append(pgbench.rows_per_s())
        sample = step.measured(here.server_pids, count=RUNS_C256, concurrency=256)
        rows.append(RUNS_C256 * ROWS / sample.seconds)
    progress(f"rows a second: {best(rows):.0f}, pgbench {best(limits):.0f}")
    return best(rows), best(limits)


def _compared(cpu_ms: dict[str, float], mode: str) -> dict[str, float | None]:
    versus = {name: round(cpu_ms[name] / cpu_ms[mode], 1) if name in cpu_ms else None for name in NAMES}
    return {
        "cpu_ms_per_run": round(cpu_ms[mode], 3),
        "vs_langgraph_sync": versus["langgraph"],
        "vs_dbos": versus["dbos"],
    }
