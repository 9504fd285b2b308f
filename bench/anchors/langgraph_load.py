"""Load: a graph of ten nodes under LangGraph with its PostgreSQL checkpointer, durable at each step.

Runs in an environment of its own, so it imports nothing of Heddle's. See bench/support/loads.py for the protocol.
"""

import asyncio
import json
import sys
import uuid
from typing import TypedDict

from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.graph import END, START, StateGraph
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

STEPS = 10
OUTPUT = "x" * 160
State = TypedDict("State", {f"out_{i}": str for i in range(STEPS)}, total=False)


def node(number):
    async def step(_state):
        return {f"out_{number}": OUTPUT}

    return step


def graph_of(saver):
    graph = StateGraph(State)
    names = [f"step_{i}" for i in range(STEPS)]
    for i, name in enumerate(names):
        graph.add_node(name, node(i))
    for a, b in zip([START, *names], [*names, END], strict=True):
        graph.add_edge(a, b)
    return graph.compile(checkpointer=saver)


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main():
    config = json.loads(sys.stdin.readline())
    options = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    async with AsyncConnectionPool(config["database_url"], min_size=16, max_size=16, kwargs=options) as pool:
        saver = AsyncPostgresSaver(pool)
        await saver.setup()
        graph = graph_of(saver)

        async def worker(numbers):
            for _ in numbers:
                thread = {"configurable": {"thread_id": str(uuid.uuid4())}}
                result = await graph.ainvoke({}, thread, durability="sync")
                assert len(result) == STEPS

        async def carry_out(count, concurrency):
            numbers = iter(range(count))
            await asyncio.gather(*(worker(numbers) for _ in range(concurrency)))

        await carry_out(32, 16)
        say("ready")
        while line := await asyncio.to_thread(sys.stdin.readline):
            order = json.loads(line)
            await carry_out(order["count"], order["concurrency"])
            say(json.dumps({"runs": order["count"]}))


asyncio.run(main())
