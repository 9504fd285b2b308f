"""Load: a workflow of ten steps under DBOS, which is durable at each step.

Runs in an environment of its own, so it imports nothing of Heddle's. See bench/support/loads.py for the protocol.
"""

import asyncio
import json
import sys

from dbos import DBOS

STEPS = 10
OUTPUT = "x" * 160


@DBOS.step()
async def step(number):
    return {f"out_{number}": OUTPUT}


@DBOS.workflow()
async def ten_steps():
    outputs = {}
    for number in range(STEPS):
        outputs |= await step(number)
    return len(outputs)


async def worker(numbers):
    for _ in numbers:
        assert await ten_steps() == STEPS


async def carry_out(count, concurrency):
    numbers = iter(range(count))
    await asyncio.gather(*(worker(numbers) for _ in range(concurrency)))


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main():
    config = json.loads(sys.stdin.readline())
    url = config["database_url"]
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "enable_otlp": False})
    DBOS.launch()
    await carry_out(32, 16)
    say("ready")
    while line := await asyncio.to_thread(sys.stdin.readline):
        order = json.loads(line)
        await carry_out(order["count"], order["concurrency"])
        say(json.dumps({"runs": order["count"]}))
    DBOS.destroy()


asyncio.run(main())
