"""Load: runs accepted and carried out in this process, as a published call is.

`durability` is the product's own ("barrier": before effects and at the end), or "step": every record is awaited.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bench.support.loads import Answer, closed_loop, serve_orders
from bench.support.runtime import given, opened, run_loop
from engine.execution.events import RunStatus
from engine.execution.executor import Executor, RunResult
from engine.store.session import Scope
from runners import host
from runners.client import ByVersion, RunRequest


class EachStep(Executor):
    """Waits for the commit of each step before the next one."""

    async def _next(self) -> RunResult | None:
        result = await super()._next()
        if result is None:
            await self.barrier()
        return result


async def main() -> None:
    config = given()
    scope = Scope(UUID(config["tenant_id"]), None, "system")
    request = RunRequest(ByVersion(UUID(config["workflow_id"])), {"message": "hello"}, trigger="api")
    async with opened(config) as runtime:
        if config["durability"] == "step":
            host.Executor = EachStep  # type: ignore[misc]

        async def once(_: int) -> None:
            view = await runtime.client.run_inline(scope, request, 60.0)
            if view.status != RunStatus.SUCCEEDED:
                raise RuntimeError(f"a run ended as {view.status}: {view.error}")

        async def carry_out(order: dict[str, Any]) -> Answer:
            await closed_loop(order["count"], order["concurrency"], once)
            return {"runs": order["count"]}

        await carry_out({"count": 200, "concurrency": 16})
        await serve_orders(carry_out)


if __name__ == "__main__":
    run_loop(main)
