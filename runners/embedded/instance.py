"""The running `heddle up` of a data folder: how other commands find it, and how a second one is told.

The lock on `.instance.lock` says that it runs, whatever the file says; the system lets go of it when the process dies.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.errors import ConfigError
from runners.embedded.files import read_json, write_json
from runners.embedded.places import ensure_data_dir
from runners.embedded.processes import try_lock
from runners.embedded.secrets_file import Secrets

FILE = "instance.json"
LOCK = ".instance.lock"


@dataclass(frozen=True, slots=True)
class Instance:
    """What other commands need to know; the file is private (0600).

    `database_url` is the owner's. The secrets are those that the instance uses: they may come from its environment.
    """

    pid: int
    url: str
    port: int
    database_url: str
    redis_url: str
    secret: str
    master_key: str
    started_at: float


def running_instance(data_dir: Path) -> Instance | None:
    """The instance that runs on this data folder; None when none does, or it is not ready to be used yet."""
    if not (data_dir / LOCK).exists():
        return None
    try:
        free = try_lock(data_dir / LOCK, shared=True)
    except PermissionError:
        return None
    if free is not None:
        free.close()
        return None
    found = read_json(data_dir / FILE)
    try:
        return Instance(**found) if found else None
    except TypeError:  # written by another version
        return None


def publish(data_dir: Path, *, url: str, port: int, database_url: str, redis_url: str, secrets: Secrets) -> None:
    """Tell other commands; called by the holder of `the_only_instance` once its servers answer."""
    keys = {"secret": secrets.secret, "master_key": secrets.master_key}
    instance = Instance(os.getpid(), url, port, database_url, redis_url, started_at=time.time(), **keys)
    write_json(data_dir / FILE, asdict(instance))


@contextmanager
def the_only_instance(data_dir: Path) -> Iterator[None]:
    """Be the instance of this data folder; raises ConfigError when one runs already."""
    ensure_data_dir(data_dir)
    held = None
    for _ in range(20):  # somebody who only asks holds the lock for a moment
        held = try_lock(data_dir / LOCK)
        if held is not None:
            break
        time.sleep(0.05)
    if held is None:
        other = running_instance(data_dir)
        where = f" at {other.url} (process {other.pid})" if other else ""
        raise ConfigError(f"Heddle already runs on {data_dir}{where}: stop it first, or choose another --data-dir")
    with held:
        (data_dir / FILE).unlink(missing_ok=True)
        try:
            yield
        finally:
            (data_dir / FILE).unlink(missing_ok=True)
