"""Load: HTTP requests over connections that stay open, each with one request under way.

Speaks just enough HTTP/1.1 to cost little itself: answers have a Content-Length and any status but 2xx is an error.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from bench.support.loads import Answer, serve_orders
from bench.support.runtime import given, run_loop


class Connection:
    """One connection; `call` sends a prepared request and returns when the whole answer is there."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def call(self, request: bytes) -> bytes:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        body = await self._reader.readexactly(int(length))
        if not head.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(f"refused: {head[:60]!r} {body[:300]!r}")
        return body

    def close(self) -> None:
        self._writer.close()


def prepared(order: dict[str, Any]) -> bytes:
    body = order.get("body", "").encode()
    head = [f"{order['method']} {order['path']} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    head += ["Content-Type: application/json", *order.get("headers", ())]
    return "\r\n".join([*head, "", ""]).encode() + body


async def main() -> None:
    config = given()

    async def carry_out(order: dict[str, Any]) -> Answer:
        request, latencies = prepared(order), []
        numbers = iter(range(order["count"]))
        connections = [
            Connection(*await asyncio.open_connection("127.0.0.1", config["port"])) for _ in range(order["concurrency"])
        ]

        async def one_after_the_other(connection: Connection) -> None:
            for _ in numbers:
                began = time.perf_counter()
                await connection.call(request)
                latencies.append(time.perf_counter() - began)

        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for connection in connections:
                group.create_task(one_after_the_other(connection))
        seconds = time.perf_counter() - began
        for connection in connections:
            connection.close()
        latencies.sort()
        return {"rps": order["count"] / seconds, "p50_ms": latencies[len(latencies) // 2] * 1000}

    await serve_orders(carry_out)


if __name__ == "__main__":
    run_loop(main)
