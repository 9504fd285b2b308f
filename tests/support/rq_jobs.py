"""Functions that test jobs call."""

from __future__ import annotations

import asyncio
import time

from runners.places import current_place


async def add(a: int, b: int) -> int:
    await asyncio.sleep(0.01)
    return a + b


def add_slowly(a: int, b: int) -> int:
    time.sleep(0.1)
    return a + b


async def rest(seconds: float) -> str:
    await asyncio.sleep(seconds)
    return "rested"


async def stumble() -> None:
    raise ValueError("stumbled")


async def leave_and_rest(seconds: float) -> None:
    current_place.get().leave()
    await asyncio.sleep(seconds)
