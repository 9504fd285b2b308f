"""Loads in processes of their own, so that what drives a benchmark is not measured with it.

A load reads one JSON object from standard input, writes "ready" when it is warm, and then answers each further line (an
order, a JSON object) with a line of JSON; it ends with its input.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from bench.support.cpu import cpu_s

ROOT = Path(__file__).resolve().parents[2]

Answer = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Sample:
    """One order carried out: what the load answered, how long it took, and the CPU seconds of all that took part."""

    answer: Answer
    seconds: float
    cpu_s: float


class LoadFailed(RuntimeError):
    """A load's process ended, or said something that is no answer."""


class Load:
    """A started load. `pid` is its process."""

    def __init__(self, command: Sequence[str], config: Mapping[str, Any]) -> None:
        self._popen = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._popen.pid
        self._write(config)
        if self._read() != "ready":
            raise LoadFailed(f"{command[1:4]} did not become ready")

    def order(self, **order: Any) -> Answer:
        """Have something done."""
        self._write(order)
        try:
            answer: Answer = json.loads(self._read())
        except ValueError as error:
            raise LoadFailed("a load gave no answer; see its messages above") from error
        return answer

    def measured(self, others: Iterable[int], **order: Any) -> Sample:
        """Have something done, and count the CPU time of the load and of the `others` that take part in it."""
        roots = [self.pid, *others]
        used, began = cpu_s(roots), time.perf_counter()
        answer = self.order(**order)
        return Sample(answer, time.perf_counter() - began, cpu_s(roots) - used)

    @contextmanager
    def halted(self) -> Iterator[None]:
        """Its process gets no time meanwhile."""
        process = psutil.Process(self.pid)
        process.suspend()
        try:
            yield
        finally:
            process.resume()

    def end(self) -> None:
        """Close its input and wait for it."""
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        try:
            self._popen.stdin.close()
            self._popen.wait(60)
        except (OSError, subprocess.TimeoutExpired):
            self._popen.kill()
            self._popen.wait()
        self._popen.stdout.close()

    def _write(self, data: Mapping[str, Any]) -> None:
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(json.dumps(data) + "\n")
            self._popen.stdin.flush()
        except OSError as error:
            raise LoadFailed("a load has ended; see its messages above") from error

    def _read(self) -> str:
        assert self._popen.stdout is not None
        return self._popen.stdout.readline().strip()


@contextmanager
def load(module: str, config: Mapping[str, Any], python: str = sys.executable) -> Iterator[Load]:
    """A load by the name of its module, for the time of the block."""
    started = Load([python, "-m", module], config)
    try:
        yield started
    finally:
        started.end()


async def serve_orders(carry_out: Callable[[dict[str, Any]], Awaitable[Answer]]) -> None:
    """The load's side: say that it is ready, and carry out orders until the input ends."""
    import asyncio  # noqa: PLC0415 - the driver's side has no loop

    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while line := await asyncio.to_thread(sys.stdin.readline):
        answer = await carry_out(json.loads(line))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


async def closed_loop(count: int, concurrency: int, once: Callable[[int], Awaitable[Any]]) -> None:
    """Do `once(number)` `count` times, so many at a time."""
    import asyncio  # noqa: PLC0415

    numbers = iter(range(count))

    async def one_after_the_other() -> None:
        for number in numbers:
            await once(number)

    async with asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(one_after_the_other())
