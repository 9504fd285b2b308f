"""Real PostgreSQL and Redis for a test run: started once, shared by all xdist workers, gone at its end."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.settings import Settings
from engine.store import migrate
from engine.store.urls import app_url
from runners.connections import Connections
from runners.embedded.processes import locked
from runners.embedded.secrets_file import Secrets
from runners.embedded.servers import EmbeddedServers, create_database

SECRET = "a secret that only tests use"
MASTER_KEY = "00112233445566778899aabbccddeeff" * 2
TEMPLATE = "heddle_template"
REDIS_DATABASES = 4096
_DATABASES_A_WORKER = 512


@dataclass(slots=True)
class TestServers:
    """The servers as one xdist worker sees them. `number` is the worker's, from 0."""

    __test__ = False

    admin_url: str  # of the database `postgres`, as the owner
    redis_root: str  # without a database number
    number: int
    _counter: itertools.count[int] = field(default_factory=itertools.count)

    def new_database(self, name: str) -> str:
        """Owner's address of a migrated, empty database with that name; made when it is not there."""
        create_database(self.admin_url, name, TEMPLATE)
        return self.admin_url.rpartition("/")[0] + f"/{name}"

    def new_redis(self) -> str:
        """Address of a Redis database that no other test of this worker uses (until hundreds of later ones have)."""
        return self._redis(next(self._counter) % (_DATABASES_A_WORKER - 1))

    def lasting_redis(self) -> str:
        """Address of the one Redis database of this worker that stays in use while tests come and go."""
        return self._redis(_DATABASES_A_WORKER - 1)

    def _redis(self, index: int) -> str:
        return f"{self.redis_root}/{self.number * _DATABASES_A_WORKER + index}"

    def connections(self, owner_url: str, redis_url: str) -> Connections:
        """What `open_connections` would give for these."""
        secrets = Secrets(SECRET, MASTER_KEY, "unused", "unused")
        return Connections(owner_url, app_url(owner_url, SECRET), redis_url, secrets)

    def settings(self, data_dir: Path, owner_url: str, redis_url: str) -> Settings:
        """Settings of an installation that uses these servers."""
        return Settings(
            data_dir=data_dir, database_url=owner_url, redis_url=redis_url, secret=SECRET, master_key=MASTER_KEY
        )


@contextmanager
def shared_servers(run_dir: Path, number: int) -> Iterator[TestServers]:
    """The run's servers; whoever comes first starts them and migrates the template, whoever leaves last stops them."""
    with embedded_servers(run_dir, number) as (_, found):
        yield found


@contextmanager
def embedded_servers(run_dir: Path, number: int = 0) -> Iterator[tuple[EmbeddedServers, TestServers]]:
    """The servers of a folder, and this process's hold on them, to start again what a test has killed."""
    server_secrets = Secrets(SECRET, MASTER_KEY, "test-database-password", "test-redis-password")
    hold = EmbeddedServers(
        run_dir,
        server_secrets,
        postgres_options={"fsync": "off", "full_page_writes": "off", "max_connections": "400"},
        redis_options={"databases": str(REDIS_DATABASES), "appendonly": "no"},
    )
    urls = hold.acquire()
    try:
        assert urls.postgres is not None
        assert urls.redis is not None
        found = TestServers(urls.postgres.rpartition("/")[0] + "/postgres", urls.redis.rpartition("/")[0], number)
        _ensure_template(run_dir, found)
        yield hold, found
    finally:
        hold.release()


def _ensure_template(run_dir: Path, servers: TestServers) -> None:
    done = run_dir / "template-is-migrated"
    with locked(run_dir / ".template.lock"):
        if not done.exists():
            create_database(servers.admin_url, TEMPLATE)
            migrate.upgrade(servers.admin_url.rpartition("/")[0] + f"/{TEMPLATE}", SECRET)
            done.touch()
