"""The embedded servers of one data folder, shared by every command that works on it.

Each command holds a shared lock on `.servers.users` while it uses them. Whoever leaves last stops them; when the last
one was killed, the guardian process gets the lock and stops them. Starting and stopping happen under
`.servers.lock`, so two commands at once get the same servers.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from runners.embedded.binaries import postgres_programs, redis_program
from runners.embedded.files import read_json, write_json
from runners.embedded.places import ensure_data_dir, server_account, server_home
from runners.embedded.postgres_server import DATABASE, PostgresServer, running_postgres, stop_postgres
from runners.embedded.processes import ProcessId, locked, processes_in, share_lock, start_detached, try_lock
from runners.embedded.redis_server import RedisServer, running_redis, stop_redis
from runners.embedded.secrets_file import Secrets

STATE = "servers.json"
LOCK = ".servers.lock"
USERS = ".servers.users"
_SERVERS = ("postgres", "redis")

Progress = Callable[[str], None]


def silent(_line: str) -> None:
    """Progress that nobody wants to see."""


@dataclass(frozen=True, slots=True)
class ServerUrls:
    """Where the servers listen; None for one that was not asked for. `started` says whether they ran before."""

    postgres: str | None
    redis: str | None
    started: bool


@dataclass(slots=True)
class EmbeddedServers:
    """This command's hold on the servers of `data_dir`. Call `acquire`, and `release` when done."""

    data_dir: Path
    secrets: Secrets
    postgres_options: Mapping[str, str] = field(default_factory=dict)
    redis_options: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = silent
    _users: IO[str] | None = None
    _held: tuple[str, ...] = ()

    def acquire(self, *, postgres: bool = True, redis: bool = True) -> ServerUrls:
        """Start what is not running, and keep it running until `release`."""
        ensure_data_dir(self.data_dir)
        self._held = tuple(name for name, wanted in zip(_SERVERS, (postgres, redis), strict=True) if wanted)
        with locked(self.data_dir / LOCK):
            self._users = self._users or share_lock(self.data_dir / USERS)
            try:
                return self._start(postgres=postgres, redis=redis)
            except BaseException:
                self._leave()
                raise

    def revive(self) -> bool:
        """Start again what has died since `acquire`, on the same ports; returns whether anything had."""
        if self._users is None:
            return False
        state = read_json(self.data_dir / STATE) or {}
        known = [ProcessId.from_json(state.get(name)) for name in self._held]
        if all(process is not None and process.alive() for process in known):
            return False
        self.acquire(postgres="postgres" in self._held, redis="redis" in self._held)
        return True

    def release(self) -> None:
        """Let go; stops the servers when nobody else uses them. Calling it twice is harmless."""
        if self._users is None:
            return
        if not self.data_dir.exists():  # deleted under us: the guardian ends what still runs
            self._users.close()
            self._users = None
            return
        with locked(self.data_dir / LOCK):
            self._leave()

    def _leave(self) -> None:
        assert self._users is not None
        self._users.close()
        self._users = None
        if (alone := try_lock(self.data_dir / USERS)) is not None:
            with alone:
                stop_all(self.data_dir)

    def _start(self, *, postgres: bool, redis: bool) -> ServerUrls:
        state = read_json(self.data_dir / STATE) or {}
        account = server_account()
        home = server_home(self.data_dir, account, state.get("home"))
        state["home"] = str(home)
        self._logs().mkdir(exist_ok=True)
        write_json(self.data_dir / STATE, state)
        started = False
        postgres_url = redis_url = None
        if postgres:
            programs = postgres_programs(account, home)
            log = self._logs() / "postgres.log"
            password = self.secrets.database_password
            server = PostgresServer(home, password, programs, account, log, self.postgres_options)
            started = running_postgres(server.folder) is None
            postgres_url = self._start_postgres(server, state)
        if redis:
            program = redis_program(account, home)
            log = self._logs() / "redis.log"
            store = RedisServer(home, self.secrets.redis_password, program, account, log, self.redis_options)
            started = started or running_redis(store.folder) is None
            redis_url = self._start_redis(store, state)
        self._ensure_guardian(state)
        return ServerUrls(postgres_url, redis_url, started)

    def _start_postgres(self, server: PostgresServer, state: dict[str, Any]) -> str:
        if not (server.folder / "PG_VERSION").exists():
            self.progress("creating the database (once)")
        if server.ensure_cluster():
            state.pop("database", None)
        self.progress("starting PostgreSQL")
        process, port = server.start(state.get("postgres", {}).get("port"))
        state["postgres"] = {**process.to_json(), "port": port}
        write_json(self.data_dir / STATE, state)
        if state.get("database") != DATABASE:
            create_database(server.url(port, "postgres"), DATABASE)
            write_json(self.data_dir / STATE, state | {"database": DATABASE})
            state["database"] = DATABASE
        return server.url(port)

    def _start_redis(self, server: RedisServer, state: dict[str, Any]) -> str:
        self.progress("starting Redis")
        process, port = server.start(state.get("redis", {}).get("port"))
        state["redis"] = {**process.to_json(), "port": port}
        write_json(self.data_dir / STATE, state)
        return server.url(port)

    def _ensure_guardian(self, state: dict[str, Any]) -> None:
        known = ProcessId.from_json(state.get("guardian"))
        if known is not None and known.alive():
            return
        root = Path(__file__).resolve().parents[2]
        # It gets the file with the users' locks open, not its name: the folder may be gone before it has started.
        with (self.data_dir / USERS).open("a") as users:
            told = [str(self.data_dir), state["home"], str(users.fileno())]
            command = [sys.executable, "-m", "runners.embedded.guardian", *told]
            log = self._logs() / "guardian.log"
            guardian = start_detached(command, log, cwd=root, options={"pass_fds": (users.fileno(),)})
        write_json(self.data_dir / STATE, state | {"guardian": guardian.to_json()})

    def _logs(self) -> Path:
        return self.data_dir / "logs"


def stop_all(data_dir: Path, *, guardian: bool = True) -> None:
    """Stop the data folder's servers (and their guardian); ports and the home folder stay remembered.

    The caller holds `.servers.lock` and all of `.servers.users`.
    """
    state = read_json(data_dir / STATE)
    if state is None:
        return
    home = Path(state["home"])
    stop_postgres(home / "postgres")
    stop_redis(home / "redis")
    keeper = ProcessId.from_json(state.pop("guardian", None))
    if guardian and keeper is not None:
        keeper.stop((signal.SIGTERM, 2.0))
    for name in _SERVERS:
        if name in state:
            state[name] = {"port": state[name]["port"]}
    write_json(data_dir / STATE, state)


def end_servers_of(home: Path) -> None:
    """End what still runs in a home whose files were deleted; there is nothing left to be kept."""
    for name in _SERVERS:
        for process in processes_in(home / name):
            process.stop((signal.SIGQUIT if name == "postgres" else signal.SIGTERM, 5.0))


def create_database(admin_url: str, name: str, template: str | None = None) -> None:
    """Create the database unless it is there."""
    import psycopg  # noqa: PLC0415 - only for a new cluster
    from psycopg import sql  # noqa: PLC0415

    with psycopg.connect(admin_url, autocommit=True) as link:
        if link.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            return
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            statement += sql.SQL(" TEMPLATE {}").format(sql.Identifier(template))
        link.execute(statement)
