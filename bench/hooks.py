"""What a published call costs: an open synchronous webhook of five pure nodes, durable, against an empty route.

The web process is the real one (`heddle web`). The empty route is /healthz: the same server, behind the same
middleware, and behind the pages' own layers, which calls of webhooks and of the API do not pass. The RQ path is the
same workflow started by `POST /api/v1/runs` with `wait_s`: a worker carries it out, the web process waits for its end.
CPU time is that of the web process, PostgreSQL and Redis (and of the worker, which is idle while the webhook is
measured); not that of the client.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from bench.support.cpu import cpu_s
from bench.support.database import Watcher
from bench.support.loads import ROOT, Load, load
from bench.support.texts import webhook
from bench.support.world import World, best, world
from engine import nodes
from engine.errors import ConfigError
from engine.settings import Settings
from engine.store.access import identity, workflows
from engine.store.session import Database, Scope
from runners.embedded.ports import free_port
from studio.frontend import ensure_built
from studio.services import publishing

ROUNDS = 3
WARM = {"count": 200, "concurrency": 16}
C1, C16, C16_EMPTY, C16_RQ = 200, 600, 3000, 300
START_LIMIT_S = 60.0
_FIRST_STEP = """SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.started_at - r.created_at))
    FROM runs r JOIN steps s USING (tenant_id, run_id) WHERE s.seq = 0 AND r.created_at >= to_timestamp(%s)"""


def run(settings: Settings, progress: Callable[[str], None]) -> dict[str, Any]:
    """Medians of several rounds; the routes take turns."""
    ensure_built(progress)
    nodes.load()
    with world(settings, "hooks", progress) as here:
        key = asyncio.run(_publish(here.connections.app_database_url))
        port = free_port(None)
        with (
            _role(here, "web", "--port", str(port)) as web,
            _role(here, "worker") as worker,
            _role(here, "scheduler"),
            load("bench.support.http_load", {"port": port}) as client,
        ):
            _until_ready(port, web, progress)
            return _measured(here, client, (web.pid, worker.pid), _orders(key), progress)


def _orders(key: str) -> dict[str, dict[str, Any]]:
    body = {"name": "Ada", "message": "hello"}
    start = {"workflow": "hook", "input": body, "wait_s": 30}
    rq = {"method": "POST", "path": "/api/v1/runs", "body": json.dumps(start)}
    return {
        "empty": {"method": "GET", "path": "/healthz"},
        "inline": {"method": "POST", "path": "/hooks/bench/bench", "body": json.dumps(body)},
        "rq": rq | {"headers": [f"Authorization: Bearer {key}"]},
    }


def _measured(
    here: World,
    client: Load,
    roles: tuple[int, int],
    orders: dict[str, dict[str, Any]],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    watcher = Watcher(here)
    found: dict[str, list[float]] = {}
    for order in orders.values():
        client.order(**order, **WARM)
    here.know_tables()
    for number in range(ROUNDS):
        progress(f"round {number + 1} of {ROUNDS}")
        alone = {name: client.order(**orders[name], count=C1, concurrency=1) for name in ("empty", "inline")}
        found.setdefault("added", []).append(alone["inline"]["p50_ms"] - alone["empty"]["p50_ms"])
        found.setdefault("empty", []).append(client.order(**orders["empty"], count=C16_EMPTY, concurrency=16)["rps"])
        roots = [*roles, *here.server_pids]
        before = cpu_s(roots)
        found.setdefault("inline", []).append(client.order(**orders["inline"], count=C16, concurrency=16)["rps"])
        found.setdefault("cpu", []).append((cpu_s(roots) - before) * 1000 / C16)
        since = watcher.began()
        client.order(**orders["rq"], count=C1 // 3, concurrency=1)
        found.setdefault("first", []).append(watcher.value(_FIRST_STEP, since) * 1000)
        found.setdefault("rq", []).append(client.order(**orders["rq"], count=C16_RQ, concurrency=16)["rps"])
    watcher.close()
    at = {name: best(values) for name, values in found.items()}
    progress(f"empty route: {at['empty']:.0f} requests/s")
    versus = best([a / b for a, b in zip(found["inline"], found["empty"], strict=True)])
    inline = {
        "c1_added_p50_ms": round(at["added"], 2),
        "c16_rps": round(at["inline"]),
        "c16_cpu_ms": round(at["cpu"], 3),
        "c16_vs_empty_route": round(versus, 3),
    }
    return {"inline": inline, "rq": {"enqueue_to_step_p50_ms": round(at["first"], 2), "c16_rps": round(at["rq"])}}


async def _publish(app_url: str) -> str:
    """A tenant with the webhook published; returns an API key that may run it."""
    db = Database(app_url, pool_size=2)
    scope = Scope(identity.new_tenant_id(), None, "system")
    try:
        async with db.transaction(scope) as tx:
            await identity.create_tenant(tx, "bench", "Bench")
            row = await workflows.create(tx, webhook())
            _, key = await identity.create_api_key(tx, "bench", ["workflows:run"])
        await publishing.publish(db, scope, row.workflow_id)
    finally:
        await db.close()
    return key


@contextmanager
def _role(here: World, name: str, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process role of Heddle on the benchmark's data folder."""
    command = [sys.executable, "-m", "studio.cli", name, "--data-dir", str(here.settings.data_dir), *more]
    log = (here.settings.data_dir / "logs" / f"{name}.log").open("w")
    process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)
        log.close()


def _until_ready(port: int, web: subprocess.Popen[bytes], progress: Callable[[str], None]) -> None:
    progress("starting the web process")
    until = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until and web.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=2.0).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise ConfigError("The web process did not start")
