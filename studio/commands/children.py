"""The processes that `heddle up` keeps alive: started in groups of their own, restarted, stopped, never left behind.

Every child holds the reading end of one pipe (`--supervised-by FD`). When the supervisor dies, however it dies, the
pipe closes and the child ends its own process group.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from runners.embedded.files import read_json, write_json
from runners.embedded.processes import ProcessId

PATIENCE_S = 10.0
RECORD = "children.json"
_STEADY_S = 30.0  # a child that lived this long starts its next life without waiting
_LONGEST_PAUSE_S = 30.0
_MAX_LOG_BYTES = 10_000_000

Report = Callable[[str], None]


@dataclass(slots=True)
class Child:
    """One role. `command` are the words after `heddle`."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    next_start: float = 0.0

    def last_words(self) -> str:
        """The last line of its log, for people."""
        with suppress(OSError):
            lines = [line for line in self.log.read_text(errors="replace").splitlines() if line.strip()]
            return lines[-1].strip()[:300] if lines else ""
        return ""


@dataclass(slots=True)
class Children:
    """Start, watch and stop all of them. Use as a context manager: leaving it stops everything.

    With `recorded`, the children are written down, so that the next start ends what a killed supervisor left behind.
    `patience_s` is how long they have to end by themselves.
    """

    data_dir: Path
    report: Report
    recorded: bool = True
    children: list[Child] = field(default_factory=list)
    plan: Sequence[tuple[str, Sequence[str]]] = ()  # started on entering
    program: Sequence[str] = (sys.executable, "-m", "studio.cli")
    patience_s: float = PATIENCE_S
    _pipe: tuple[int, int] = (-1, -1)

    def __enter__(self) -> Children:
        if self.recorded:
            stop_recorded(self.data_dir)
        (self.data_dir / "logs").mkdir(exist_ok=True)
        self._pipe = os.pipe()
        for name, command in self.plan:
            self.add(name, command)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()
        os.close(self._pipe[1])
        os.close(self._pipe[0])

    def add(self, name: str, command: Sequence[str]) -> Child:
        """Start a child now and keep it alive from now on."""
        child = Child(name, command, self.data_dir / "logs" / f"{name}.log")
        self.children.append(child)
        self._start(child)
        return child

    def watch(self) -> None:
        """Start again what has ended, later each time it fails quickly. Call it a few times a second."""
        for child in self.children:
            if child.process is None:
                if time.monotonic() >= child.next_start:
                    self._start(child)
            elif child.process.poll() is not None:
                self._note_end(child)

    def _start(self, child: Child) -> None:
        if child.log.exists() and child.log.stat().st_size > _MAX_LOG_BYTES:
            child.log.replace(child.log.with_suffix(".log.1"))
        reader = self._pipe[0]
        command = [*self.program, *child.command, "--supervised-by", str(reader)]
        with child.log.open("ab") as output:
            child.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=Path(__file__).resolve().parents[2],
                pass_fds=(reader,),
                start_new_session=True,
            )
        child.started = time.monotonic()
        self._record()

    def _note_end(self, child: Child) -> None:
        assert child.process is not None
        code = child.process.returncode
        _kill_group(child.process.pid, signal.SIGKILL)  # what it may have left behind
        lived = time.monotonic() - child.started
        child.failures = 0 if lived > _STEADY_S else child.failures + 1
        pause = 0.0 if child.failures <= 1 else min(_LONGEST_PAUSE_S, 2.0 ** (child.failures - 2))
        child.process, child.next_start = None, time.monotonic() + pause
        self.report(f"{child.name} ended ({_why(code)}); starting it again{f' in {pause:.0f} s' if pause else ''}")

    def _record(self) -> None:
        if not self.recorded:
            return
        alive = [ProcessId.of(c.process.pid) for c in self.children if c.process is not None]
        write_json(self.data_dir / RECORD, {"children": [found.to_json() for found in alive if found]})

    def stop(self) -> None:
        """Ask every group to end, wait, and kill what is left; a second Ctrl-C kills at once."""
        running = [child.process for child in self.children if child.process is not None]
        groups = [process.pid for process in running]
        try:
            # The first asks for an orderly end, the second for a prompt one: a worker then hands over what it runs.
            for _ in range(2):
                for group in groups:
                    _kill_group(group, signal.SIGTERM)
                if _ended(running, self.patience_s / 2):
                    break
        finally:
            for group in groups:
                _kill_group(group, signal.SIGKILL)
            for process in running:
                process.wait()
            self.children.clear()
            if self.recorded:
                (self.data_dir / RECORD).unlink(missing_ok=True)


def stop_recorded(data_dir: Path) -> None:
    """End children that a killed supervisor left behind (they normally notice by themselves)."""
    record = read_json(data_dir / RECORD) or {}
    for entry in record.get("children", []):
        found = ProcessId.from_json(entry)
        if found is not None and found.alive():
            _kill_group(found.pid, signal.SIGTERM)
            if not found.wait(PATIENCE_S):
                _kill_group(found.pid, signal.SIGKILL)
    (data_dir / RECORD).unlink(missing_ok=True)


def die_with_supervisor(reader: int) -> None:
    """In a child: end the own process group when the supervisor is gone."""

    def wait() -> None:
        with suppress(OSError):
            os.read(reader, 1)  # nothing is ever written: it returns when the other end closes
        _kill_group(os.getpgrp(), signal.SIGTERM)
        time.sleep(PATIENCE_S)
        _kill_group(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=wait, name="supervisor-watch", daemon=True).start()


def _kill_group(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _ended(running: Sequence[subprocess.Popen[bytes]], patience_s: float) -> bool:
    """Whether all of them, with everything they started, ended in time."""
    end = time.monotonic() + patience_s
    while time.monotonic() < end:
        if all(process.poll() is not None for process in running) and not _members({p.pid for p in running}):
            return True
        time.sleep(0.05)
    return False


def _members(groups: set[int]) -> list[int]:
    """Living processes of these groups."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getpgid(process.pid) in groups and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.pid)
    return found


def _why(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
