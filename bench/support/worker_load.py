"""Load: one worker process, as `heddle worker` is, with models that answer after a fixed time.

Orders: {"work": true} begins to take from the queue, {"work": false} stops when nothing is under way any more, and
both, like {}, answer how many wake-ups were carried out so far and how much memory the process has.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any
from uuid import UUID

from bench.support.cpu import rss_mb
from bench.support.loads import Answer, serve_orders
from bench.support.runtime import connections_of, given, opened, run_loop
from runners.host import RunHost
from runners.jobs import current_host
from runners.worker import AsyncWorker


class Counted:
    """A host that counts what came to an end, well or not."""

    def __init__(self, host: RunHost) -> None:
        self.done = 0
        self._host = host

    async def execute(self, tenant_id: UUID, run_id: UUID, on_ending: Callable[[], None]) -> str:
        try:
            return await self._host.execute(tenant_id, run_id, on_ending)
        finally:
            self.done += 1


async def main() -> None:
    config = given()
    async with opened(config, config.get("model_s", 0.0)) as runtime:
        host = Counted(runtime.host)
        current_host.set(host)  # type: ignore[arg-type]
        working: tuple[AsyncWorker, asyncio.Task[None]] | None = None

        async def carry_out(order: dict[str, Any]) -> Answer:
            nonlocal working
            if order.get("work") and working is None:
                worker = AsyncWorker(connections_of(config).redis_url, concurrency=config["concurrency"])
                working = worker, asyncio.create_task(worker.serve())
            elif order.get("work") is False and working is not None:
                working[0].stop()
                await working[1]
                working = None
            return {"done": host.done, "rss_mb": rss_mb(os.getpid())}

        await serve_orders(carry_out)
        await carry_out({"work": False})


if __name__ == "__main__":
    run_loop(main)
