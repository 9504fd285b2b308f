"""One Redis server of ours: with a password, on loopback, its data in an append-only file that survives kill -9."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import ConfigError
from runners.embedded.places import SPACE_TO_START, Account, require_space, running_as
from runners.embedded.ports import LOOPBACK, free_port
from runners.embedded.processes import ProcessId, processes_in, start_detached

START_LIMIT_S = 30.0
_OPTIONS = {
    "bind": LOOPBACK,
    "appendonly": "yes",
    "appendfsync": "everysec",
    "aof-use-rdb-preamble": "yes",
    "aof-load-truncated": "yes",
    "save": '""',
    "maxmemory-policy": "noeviction",  # a queue that forgets entries would lose wake-ups
}


@dataclass(frozen=True, slots=True)
class RedisServer:
    """The server in `home`/redis. The caller holds the data folder's lock around each method."""

    home: Path
    password: str
    program: Path
    account: Account | None
    log: Path
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.home / "redis"

    def url(self, port: int, number: int = 0) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{port}/{number}"

    def start(self, remembered_port: int | None) -> tuple[ProcessId, int]:
        """Start the server, or find it running; returns when it answers."""
        process = running_redis(self.folder)
        if process is not None and remembered_port is not None:
            self._wait_ready(process, remembered_port)
            return process, remembered_port
        if process is not None:  # its port was forgotten, so nobody can be using it
            stop_redis(self.folder)
        require_space(self.home, SPACE_TO_START)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        port = free_port(remembered_port)
        config = self._write_config(port)
        if self.account:
            self.account.own(self.folder)
            self.account.own(config)
        command = [str(self.program), str(config)]
        process = start_detached(command, self.log, cwd=self.folder, options=running_as(self.account))
        self._wait_ready(process, port)
        return process, port

    def _write_config(self, port: int) -> Path:
        """The password stands in a private file, not on a command line that everybody can read."""
        values = {**_OPTIONS, "port": str(port), "dir": str(self.folder), "requirepass": self.password, **self.options}
        config = self.folder / "redis.conf"
        config.touch(mode=0o600)
        config.write_text("".join(f"{name} {_quoted(value)}\n" for name, value in values.items()))
        return config

    def _wait_ready(self, process: ProcessId, port: int) -> None:
        end = time.monotonic() + START_LIMIT_S
        while time.monotonic() < end:
            if self._answers(port):
                return
            if not process.alive():
                raise ConfigError(f"Redis did not start in {self.folder}: {self._last_words()} (its log is {self.log})")
            time.sleep(0.01)
        raise ConfigError(f"Redis was not ready after {START_LIMIT_S:.0f} s: its log is {self.log}")

    def _answers(self, port: int) -> bool:
        """AUTH and PING over a bare socket; the client library is slow to import."""
        with suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1.0) as link:
            link.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
            reply = b""
            while reply.count(b"\r\n") < 2:
                part = link.recv(256)
                if not part:
                    return False
                reply += part
            return b"+PONG" in reply
        return False

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        if any("No space left on device" in line for line in lines[-5:]):
            return "the disk is full: free some space and start again"
        return lines[-1] if lines else "no reason given"


def _quoted(value: str) -> str:
    return value if value.startswith('"') or " " not in value else f'"{value}"'


def running_redis(folder: Path) -> ProcessId | None:
    """The living server: the process that works in its folder."""
    found = processes_in(folder) if folder.exists() else []
    return found[0] if found else None


def stop_redis(folder: Path) -> None:
    """End the server; nothing to do when it does not run."""
    for process in processes_in(folder) if folder.exists() else []:
        process.stop((signal.SIGTERM, 10.0))
