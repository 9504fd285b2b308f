"""Other engines to compare with, in a throw-away environment of their own, on the same PostgreSQL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.support.loads import ROOT, Load, LoadFailed
from bench.support.world import Progress, World
from runners.embedded.servers import create_database

PACKAGES = ("langgraph==1.2.*", "langgraph-checkpoint-postgres==3.2.*", "psycopg[binary,pool]", "dbos==3.4.*")
NAMES = ("langgraph", "dbos")


def environment(folder: Path, progress: Progress) -> Path | None:
    """The Python of an environment with the anchors in it, kept in `folder`; None, with the reason told, without."""
    python = folder / "bin" / "python"
    done = folder / "complete"
    if done.exists():
        return python
    progress(f"installing the anchors from PyPI into {folder}")
    commands = [
        [sys.executable, "-m", "venv", "--clear", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES],
    ]
    for command in commands:
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
        if ended.returncode != 0:
            reason = (ended.stderr.strip().splitlines() or ["no reason given"])[-1]
            progress(f"the anchors cannot be installed ({reason}): figures against them are null")
            return None
    done.touch()
    return python


@contextmanager
def anchors(world: World, progress: Progress) -> Iterator[dict[str, Load]]:
    """Each anchor that works here, warm; why another one does not is told."""
    started: dict[str, Load] = {}
    python = environment(world.settings.data_dir.parent / "anchors", progress)
    try:
        for name in NAMES if python else ():
            url = _database(world, name)
            command = [str(python), str(ROOT / "bench" / "anchors" / f"{name}_load.py")]
            try:
                started[name] = Load(command, {"database_url": url})
            except LoadFailed as error:
                progress(f"{name} does not work here ({error}): figures against it are null")
        yield started
    finally:
        for one in started.values():
            one.end()


def _database(world: World, name: str) -> str:
    start = world.connections.database_url.rpartition("/")[0]
    create_database(f"{start}/postgres", f"anchor_{name}")
    return f"{start}/anchor_{name}"
