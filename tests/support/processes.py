"""What tests of processes share: who still lives, and waiting for something to happen."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil


def is_alive(pid: int) -> bool:
    """Whether the process lives; remains that nobody has collected do not count."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def processes_of(folder: Path) -> list[psutil.Process]:
    """Living processes that work in the folder, or have it on their command line; never the test itself."""
    found = []
    for process in psutil.process_iter():
        try:
            mine = process.cwd().startswith(str(folder)) or any(str(folder) in word for word in process.cmdline())
            if mine and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


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
