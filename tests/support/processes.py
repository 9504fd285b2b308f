"""What tests of processes share: who still lives, and waiting for something to happen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")


def is_alive(pid: int) -> bool:
    """Whether the process lives; remains that nobody has collected do not count."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def facts(
    processes: Iterable[psutil.Process], fact: Callable[[psutil.Process], T]
) -> Iterator[tuple[psutil.Process, T]]:
    """Each living process with a fact about it. One may end at any moment; of those that have, there is none."""
    for process in processes:
        with suppress(psutil.Error, OSError):
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process, fact(process)


def children_with(*words: str) -> list[psutil.Process]:
    """Processes that the test started, or those in turn, with all the words on their command line."""
    children = psutil.Process().children(recursive=True)
    return [process for process, line in facts(children, psutil.Process.cmdline) if set(words) <= set(line)]


def processes_of(folder: Path) -> list[psutil.Process]:
    """Living processes that work in the folder, or have it on their command line; never the test itself."""

    def is_there(process: psutil.Process) -> bool:
        return process.cwd().startswith(str(folder)) or any(str(folder) in word for word in process.cmdline())

    return [one for one, mine in facts(psutil.process_iter(), is_there) if mine and one.pid != os.getpid()]


def kill_processes_of(folder: Path) -> None:
    """Kill what still works in the folder. One's end ends others, so each may be gone before its turn."""
    for process in processes_of(folder):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def wait_until(done: Callable[[], object], limit_s: float = 30.0, each: Callable[[], object] = lambda: None) -> None:
    """Return once `done()`; fails after `limit_s`. `each` is called while waiting."""
    end = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < end, "did not happen in time"
        each()
        time.sleep(0.05)
