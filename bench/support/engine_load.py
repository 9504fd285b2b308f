"""Load: runs accepted and carried out in this process, as a published call is.

`durability` is the product's own ("barrier": before effects and at the end), or "step": every record is awaited.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bench.support.loads import Answer, closed_loop, serve_orders
from bench.support.runtime import given, opened, run_loop
from engine.execution.events import RunStatus
from engine.execution.ports import StepRecord
from engine.store.journal import LeasedJournal
from engine.store.session import Scope
from runners.client import ByVersion, RunRequest
from runners.runtime import Runtime


class EachStep(LeasedJournal):
    """Waits for the commit of each record."""

    async def append(self, record: StepRecord) -> None:
        await super().append(record)
        await self.barrier()


def wait_for_each_step(runtime: Runtime) -> None:
    make = runtime.hub.journal

    def journal(*args: Any) -> LeasedJournal:
        made = make(*args)
        made.__class__ = EachStep
        return made

    runtime.hub.journal = journal  # type: ignore[method-assign]


async def main() -> None:
    config = given()
    scope = Scope(UUID(config["tenant_id"]), None, "system")
    request = RunRequest(ByVersion(UUID(config["workflow_id"])), {"message": "hello"}, trigger="api")
    async with opened(config) as runtime:
        if config["durability"] == "step":
            wait_for_each_step(runtime)

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
