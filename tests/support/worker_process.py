"""A worker or scheduler in a process of its own, to be killed, frozen and drained.

`python -m tests.support.worker_process ROLE` with a JSON object on standard input: owner_url, redis_url, effects, and
provider: the address of a model provider, or null for models that repeat what they hear.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from engine.settings import Settings
from runners.connections import Connections
from tests.support.servers import SECRET, TestServers

ROOT = Path(__file__).resolve().parents[2]
LEASE_S = 2.5
MAX_LEASES = 3


class Process:
    """A started role. `ready` waits for its first line of output."""

    def __init__(self, role: str, owner_url: str, redis_url: str, effects: Path, provider: str | None) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker_process", role],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._popen.stdin is not None
        given = {"owner_url": owner_url, "redis_url": redis_url, "effects": str(effects), "provider": provider}
        self._popen.stdin.write(json.dumps(given) + "\n")
        self._popen.stdin.close()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll()

    def ready(self) -> None:
        assert self._popen.stdout is not None
        assert self._popen.stdout.readline() == "ready\n"

    def send(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def wait(self, timeout_s: float = 30) -> int:
        return self._popen.wait(timeout_s)

    def end(self) -> None:
        """Kill it if it still runs, and close its pipes."""
        if self._popen.poll() is None:
            self._popen.send_signal(signal.SIGKILL)
        self._popen.wait(10)
        if self._popen.stdout is not None:
            self._popen.stdout.close()


@contextmanager
def started(
    role: str, owner_url: str, redis_url: str, effects: Path, count: int = 1, *, provider: str | None = None
) -> Iterator[list[Process]]:
    """`count` processes of a role, ready to work; killed at the end if they still run."""
    processes = [Process(role, owner_url, redis_url, effects, provider) for _ in range(count)]
    try:
        for process in processes:
            process.ready()
        yield processes
    finally:
        for process in processes:
            process.end()


def main(role: str) -> None:
    """Run a role with short leases and the counting world."""
    import asyncio
    from dataclasses import replace

    from connectors.models.client import LiteLlmModels
    from engine.store import journal
    from runners import runtime as runtime_module
    from runners import scheduler, worker
    from tests.support.counting import counting_world

    given = json.loads(sys.stdin.readline())
    servers = TestServers(given["owner_url"], given["redis_url"], 0)
    connections: Connections = servers.connections(given["owner_url"], given["redis_url"])
    settings = Settings(data_dir=Path("unused"), secret=SECRET)
    if role == "scheduler":
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        scheduler.run_scheduler(settings, connections)
        return

    class ShortLeases(journal.JournalHub):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options, lease_s=LEASE_S)  # type: ignore[arg-type]

    class Announcing(worker.AsyncWorker):
        async def serve(self) -> None:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            await super().serve()

    original = runtime_module.Runtime.open
    world = counting_world(Path(given["effects"]))
    if given["provider"]:
        keys = {"OPENAI_API_KEY": "sk-test"}
        models = LiteLlmModels(replace(settings, provider_keys=keys, openai_base_url=given["provider"]))
        world = world._replace(models=models)
    journal.MAX_LEASES = MAX_LEASES
    runtime_module.JournalHub = ShortLeases  # type: ignore[misc]
    worker.AsyncWorker = Announcing  # type: ignore[misc]
    runtime_module.Runtime.open = lambda s, c: original(s, c, ports=world)  # type: ignore[method-assign,assignment,misc]
    assert asyncio.iscoroutinefunction(original)
    worker.run_worker(settings, connections)


if __name__ == "__main__":
    main(sys.argv[1])
