"""Load: runs accepted and queued, for workers to carry out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bench.support.loads import Answer, closed_loop, serve_orders
from bench.support.runtime import given, opened, run_loop
from engine.store.session import Scope
from runners.client import ByVersion, RunRequest

CONCURRENCY = 64


async def main() -> None:
    config = given()
    targets = [
        (
            Scope(UUID(tenant), None, "system"),
            RunRequest(ByVersion(UUID(workflow)), {"message": "hello"}, trigger="api"),
        )
        for tenant, workflow in config["targets"]
    ]
    async with opened(config) as runtime:

        async def once(number: int) -> None:
            await runtime.client.submit(*targets[number % len(targets)])

        async def carry_out(order: dict[str, Any]) -> Answer:
            await closed_loop(order["count"], CONCURRENCY, once)
            return {"runs": order["count"]}

        await serve_orders(carry_out)


if __name__ == "__main__":
    run_loop(main)
