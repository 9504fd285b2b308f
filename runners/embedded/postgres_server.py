"""One PostgreSQL cluster of ours: made with a password, started on loopback, recovered after any kind of crash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from engine.errors import ConfigError
from runners.embedded.binaries import PostgresPrograms
from runners.embedded.places import SPACE_TO_CREATE, SPACE_TO_START, Account, require_space, running_as
from runners.embedded.ports import LOOPBACK, free_port
from runners.embedded.processes import ProcessId, processes_in, start_detached, works_in

OWNER = "heddle_owner"
DATABASE = "heddle"
START_LIMIT_S = 60.0
_OPTIONS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "1GB",
    "jit": "off",  # short queries only
    "timezone": "UTC",
}
# What PostgreSQL writes to its log when it cannot start, and what to tell the operator.
_EXPLAINED = {
    "No space left on device": "the disk is full: free some space and start again",
    "incompatible with server": "its files were made by another major version: export with that version first",
    "could not create shared memory": "the machine gives it too little shared memory (see kernel.shmmax)",
    "could not look up effective user ID": "the user we run as has no name: add one to /etc/passwd",
    "Permission denied": "its account may not read its files: give the folder back to the account it belongs to",
}
_FAST_STOP = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))  # roll back and close; then leave without closing


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """The cluster in `home`/postgres. The caller holds the data folder's lock around each method."""

    home: Path
    password: str
    programs: PostgresPrograms
    account: Account | None
    log: Path
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return self.home / "postgres"

    def url(self, port: int, database: str = DATABASE) -> str:
        return f"postgresql://{OWNER}:{self.password}@{LOOPBACK}:{port}/{database}"

    def ensure_cluster(self) -> bool:
        """Create the cluster where there is none; True when it was made now."""
        if (self.folder / "PG_VERSION").exists():
            require_space(self.home, SPACE_TO_START)
            return False
        require_space(self.home, SPACE_TO_CREATE)
        fresh = self.home / "postgres.new"  # renamed when complete: a crash half-way leaves no half cluster
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        password_file = self.home / ".initdb-password"
        try:
            descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(self.password)
            if self.account:
                self.account.own(fresh)
                self.account.own(password_file)
            self._initdb(fresh, password_file)
        finally:
            password_file.unlink(missing_ok=True)
        fresh.rename(self.folder)
        return True

    def _initdb(self, fresh: Path, password_file: Path) -> None:
        # The built-in provider gives the same text order and case rules on every machine.
        locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"] if self.programs.major >= 17 else []
        command = [str(self.programs.initdb), "-D", str(fresh), "-U", OWNER, "--encoding=UTF8", "--locale=C", *locale]
        command += ["--auth=scram-sha-256", f"--pwfile={password_file}", "--no-instructions"]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=self.home, **running_as(self.account)
        )
        if done.returncode != 0:
            with self.log.open("a") as log:
                log.write(done.stderr)
            raise ConfigError(self._explain(done.stderr, "PostgreSQL could not set up its files"))

    def start(self, remembered_port: int | None) -> tuple[ProcessId, int]:
        """Start the server, or find it running; returns when it accepts connections."""
        found = running_postgres(self.folder)
        if found is None:
            _clear_leftovers(self.folder)
            port = free_port(remembered_port)
            options = {**_OPTIONS, "port": str(port), **self.options}
            command = [str(self.programs.postgres), "-D", str(self.folder)]
            command += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
            log_from = self.log.stat().st_size if self.log.exists() else 0
            process = start_detached(command, self.log, cwd=self.folder, options=running_as(self.account))
        else:
            process, port = found
            log_from = 0
        self._wait_ready(process, log_from)
        return process, port

    def _wait_ready(self, process: ProcessId, log_from: int) -> None:
        end = time.monotonic() + START_LIMIT_S
        while time.monotonic() < end:
            if self._says_ready():
                return
            if not process.alive():
                raise ConfigError(self._explain(self._log_since(log_from), "PostgreSQL did not start"))
            time.sleep(0.02)
        raise ConfigError(f"PostgreSQL was not ready after {START_LIMIT_S:.0f} s: its log is {self.log}")

    def _says_ready(self) -> bool:
        """The last line of the pid file is its own word on whether it accepts connections."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[7].strip() == "ready"

    def _log_since(self, start: int) -> str:
        with self.log.open("rb") as file:
            file.seek(start)
            return file.read().decode(errors="replace")

    def _explain(self, output: str, what: str) -> str:
        for sign, mend in _EXPLAINED.items():
            if sign in output:
                return f"{what} in {self.folder}: {mend}"
        last = (output.strip().splitlines() or ["no reason given"])[-1].strip()
        return f"{what} in {self.folder}: {last} (its log is {self.log})"


def running_postgres(folder: Path) -> tuple[ProcessId, int] | None:
    """The living server and its port, by its own pid file; one that a crash or another process left does not count."""
    try:
        lines = (folder / "postmaster.pid").read_text().splitlines()
        pid, port = int(lines[0]), int(lines[3])
    except (OSError, ValueError, IndexError):
        return None
    found = ProcessId.of(pid)
    return (found, port) if found is not None and works_in(found, folder) else None


def stop_postgres(folder: Path) -> None:
    """End the server, keeping what is committed; nothing to do when it does not run."""
    found = running_postgres(folder)
    if found is not None:
        found[0].stop(*_FAST_STOP)
    _clear_leftovers(folder)


def _clear_leftovers(folder: Path) -> None:
    """After kill -9: wait for the dead server's children, then take its pid file away.

    PostgreSQL takes a pid file for a living server when that number now belongs to somebody else, or to a zombie.
    Children that still run would write to the files, so the pid file stays until they are gone.
    """
    pid_file = folder / "postmaster.pid"
    if not pid_file.exists():
        return
    for child in processes_in(folder):
        if not child.wait(10.0):
            child.stop((signal.SIGQUIT, 5.0))
    pid_file.unlink(missing_ok=True)
