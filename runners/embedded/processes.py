"""Processes of ours: who is alive, who works in a folder, how to stop one; and locks."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

_MAX_LOG_BYTES = 10_000_000
_children: list[subprocess.Popen[bytes]] = []  # kept so that a child of ours that ends does not stay a zombie


@dataclass(frozen=True, slots=True)
class ProcessId:
    """A process that cannot be mistaken for a later one with the same number: `created` is its start time."""

    pid: int
    created: float

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The living process with this number; None when there is none, or only its remains."""
        try:
            process = psutil.Process(pid)
            return None if process.status() == psutil.STATUS_ZOMBIE else cls(pid, process.create_time())
        except psutil.Error:
            return None

    @classmethod
    def from_json(cls, data: Any) -> ProcessId | None:
        """None for an entry that names no process, such as that of a stopped server."""
        if not isinstance(data, dict) or not {"pid", "created"} <= data.keys():
            return None
        return cls(int(data["pid"]), float(data["created"]))

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "created": self.created}

    def alive(self) -> bool:
        _reap()
        found = ProcessId.of(self.pid)
        return found is not None and abs(found.created - self.created) < 1.0

    def send(self, number: signal.Signals) -> None:
        """Signal the process if it still is the same one."""
        if self.alive():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, number)

    def wait(self, timeout_s: float) -> bool:
        """Whether it ended in time."""
        end = time.monotonic() + timeout_s
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(0.01)
        return True

    def stop(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn and wait that many seconds for it to work; SIGKILL comes last by itself."""
        for number, patience_s in (*steps, (signal.SIGKILL, 5.0)):
            self.send(number)
            if self.wait(patience_s):
                return


def _reap() -> None:
    _children[:] = [child for child in _children if child.poll() is None]


def start_detached(command: list[str], log: Path, *, cwd: Path, options: dict[str, Any]) -> ProcessId:
    """Start a server in a session of its own, so that Ctrl-C in our terminal does not reach it."""
    if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    with log.open("ab") as output:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            start_new_session=True,
            **options,
        )
    _children.append(child)
    found = ProcessId.of(child.pid)
    return found or ProcessId(child.pid, 0.0)


def processes_in(folder: Path) -> list[ProcessId]:
    """Living processes whose working folder is `folder`; servers stay in their data folder as long as they live."""
    wanted = str(folder.resolve())
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.cwd() == wanted and process.status() != psutil.STATUS_ZOMBIE:
                found.append(ProcessId(process.pid, process.create_time()))
    return found


def works_in(process: ProcessId, folder: Path) -> bool:
    """Whether the process's working folder is `folder`."""
    try:
        return psutil.Process(process.pid).cwd() == str(folder.resolve())
    except (psutil.Error, OSError):
        return False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on `path`; the system lets go of it when the process dies."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def try_lock(path: Path, *, shared: bool = False) -> IO[str] | None:
    """An open file that holds the lock until it is closed, or None when somebody else has it."""
    file = path.open("a")
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def share_lock(path: Path) -> IO[str]:
    """An open file that holds a shared lock until it is closed; waits for an exclusive holder."""
    file = path.open("a")
    fcntl.flock(file, fcntl.LOCK_SH)
    return file
