"""The limit: how many rows a second the same PostgreSQL takes when each is a transaction of its own.

With pgbench where it is found beside the server's programs; else with psycopg connections that do the same.
"""

from __future__ import annotations

import subprocess
import tempfile
import threading
import time
from pathlib import Path

import psycopg

from bench.support.texts import FILLER
from bench.support.world import Progress, World
from runners.embedded.binaries import postgres_programs
from runners.embedded.places import server_account

CONCURRENCIES = (8, 16, 32, 64)
_TABLE = """CREATE TABLE IF NOT EXISTS bench_rows (run_id uuid NOT NULL, seq integer NOT NULL, path text NOT NULL,
    outcome jsonb NOT NULL, PRIMARY KEY (run_id, seq))"""
_INSERT = f"INSERT INTO bench_rows VALUES (gen_random_uuid(), 1, 'step', '{{\"output\": \"{FILLER}\"}}')"  # noqa: S608


class Pgbench:
    """Single-row commits on the benchmark's server."""

    def __init__(self, world: World, progress: Progress) -> None:
        self._url = world.connections.database_url
        self._program = _program(world)
        if self._program is None:
            progress("pgbench is not here: its work is done with psycopg, in threads")
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute(_TABLE)

    def rows_per_s(self, seconds: int = 2) -> float:
        """At the best concurrency."""
        return max(self._at(concurrency, seconds) for concurrency in CONCURRENCIES)

    def _at(self, concurrency: int, seconds: int) -> float:
        return self._by_program(concurrency, seconds) if self._program else self._by_hand(concurrency, seconds)

    def _by_program(self, concurrency: int, seconds: int) -> float:
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(_INSERT + ";\n")
            script.flush()
            command = [str(self._program), "-n", "-M", "prepared", "-f", script.name, "-T", str(seconds)]
            command += ["-c", str(concurrency), "-j", "1", self._url]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        for line in done.stdout.splitlines():
            if line.startswith("tps = "):
                return float(line.split()[2])
        if done.returncode == 0:
            return 0.0  # a busy machine: the time was over before all connections were made
        raise RuntimeError(f"pgbench failed: {done.stderr.strip()[-300:]}")

    def _by_hand(self, concurrency: int, seconds: int) -> float:
        counts = [0] * concurrency
        until = time.monotonic() + seconds

        def insert(number: int) -> None:
            with psycopg.connect(self._url, autocommit=True) as connection:
                while time.monotonic() < until:
                    connection.execute(_INSERT, prepare=True)
                    counts[number] += 1

        threads = [threading.Thread(target=insert, args=(number,)) for number in range(concurrency)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / seconds


def _program(world: World) -> Path | None:
    account = server_account()
    found = postgres_programs(account, world.settings.data_dir).postgres.with_name("pgbench")
    return found if found.exists() else None
