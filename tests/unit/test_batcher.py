"""Items that are sent together: none is lost, none is sent twice, and each hears of its own batch."""

from __future__ import annotations

import asyncio

import pytest

from runners.batcher import Batcher


async def test_what_comes_while_a_batch_is_on_its_way_is_sent_together() -> None:
    sent: list[list[int]] = []

    async def send(items: list[int]) -> None:
        sent.append(items)
        await asyncio.sleep(0.01)

    batcher = Batcher(send)
    first = asyncio.create_task(batcher.add(0))
    await asyncio.sleep(0.005)
    await asyncio.gather(first, *(batcher.add(number) for number in range(1, 50)))
    assert sent == [[0], list(range(1, 50))]
    await batcher.add(50)  # after it has been idle
    assert sent[-1] == [50]


async def test_what_cannot_be_sent_is_told_to_its_batch_alone() -> None:
    async def send(items: list[str]) -> None:
        if "bad" in items:
            raise OSError("no way")

    batcher = Batcher(send)
    outcomes = await asyncio.gather(batcher.add("bad"), batcher.add("beside it"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OSError, OSError]
    await batcher.add("later")


async def test_who_stops_waiting_does_not_stop_the_others() -> None:
    sent: list[int] = []

    async def send(items: list[int]) -> None:
        await asyncio.sleep(0.01)
        sent.extend(items)

    batcher = Batcher(send, linger_s=0.01)
    impatient, patient = asyncio.create_task(batcher.add(1)), asyncio.create_task(batcher.add(2))
    await asyncio.sleep(0.001)
    impatient.cancel()
    await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient
    assert sent == [1, 2]
