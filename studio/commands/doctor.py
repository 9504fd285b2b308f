"""`heddle doctor`: what is set up, what is not, and what to do about it. Changes nothing."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from engine.errors import AppError
from studio.commands.common import DEMO_TENANT, Progress, add_data_dir, add_json, add_port, print_json, settings_from

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections

Status = Literal["ok", "note", "problem"]
_LOW_SPACE = 1_000_000_000
_MARKS: dict[Status, str] = {"ok": "ok", "note": "note", "problem": "PROBLEM"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `mend` says what to do about a problem or note."""

    name: str
    status: Status
    detail: str
    mend: str = ""


def configure(parser: argparse.ArgumentParser) -> None:
    add_port(parser)
    add_data_dir(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    settings = settings_from(args)
    found: list[Finding] = []
    for one in _findings(settings, Progress(quiet=args.json)):
        found.append(one)
        if not args.json:
            print(_line(one))
    healthy = all(one.status != "problem" for one in found)
    if args.json:
        print_json({"ok": healthy, "checks": [asdict(one) for one in found]})
    return 0 if healthy else 1


def _line(one: Finding) -> str:
    mend = f"\n{'':25}-> {one.mend}" if one.mend else ""
    return f"{_MARKS[one.status]:8} {one.name:15} {one.detail}{mend}"


def _findings(settings: Settings, progress: Progress) -> Iterator[Finding]:
    from runners.connections import open_connections

    yield _python()
    yield _frontend()
    yield _models(settings)
    yield from _guarded("code steps", lambda: _code(settings))
    yield _web(settings)
    try:
        with open_connections(settings, progress=progress, migrate=False) as connections:
            yield _data_folder(settings)
            yield _servers(settings, connections)
            yield from _guarded("redis", lambda: _redis(connections))
            database = next(_guarded("database", lambda: _database(connections)))
            yield database
            if database.status == "problem":
                return  # the rest would only say so again
            yield from _guarded("tenant", lambda: _tenant(connections))
            yield from _guarded("runs", lambda: _runs(connections))
    except AppError as err:
        yield Finding("servers", "problem", err.public_message)


def _guarded(name: str, check: Callable[[], Finding]) -> Iterator[Finding]:
    """A check that fails is itself a finding."""
    try:
        yield check()
    except Exception as err:  # doctor goes on, whatever one check meets
        lines = str(err).strip().splitlines() or [type(err).__name__]
        yield Finding(name, "problem", lines[0])


def _python() -> Finding:
    version = f"Python {sys.version.split()[0]} on {platform.system()} {platform.machine()}"
    return Finding("python", "ok", version)


def _data_folder(settings: Settings) -> Finding:
    from runners.embedded.secrets_file import FILE

    free = shutil.disk_usage(settings.data_dir).free
    mode = (settings.data_dir / FILE).stat().st_mode & 0o777
    detail = f"{settings.data_dir}, {free / 1e9:.1f} GB free"
    if mode & 0o077:
        return Finding(
            "data folder", "problem", f"{FILE} is readable by others", f"chmod 600 {settings.data_dir / FILE}"
        )
    if free < _LOW_SPACE:
        return Finding("data folder", "problem", detail, "free some space: PostgreSQL stops when the disk is full")
    return Finding("data folder", "ok", detail)


def _frontend() -> Finding:
    from studio.frontend import BUILDS, source_hash

    if (BUILDS / source_hash() / "complete").exists():
        return Finding("pages", "ok", "built from the present sources")
    return Finding("pages", "note", "not built from the present sources yet", "`heddle up` builds them")


def _models(settings: Settings) -> Finding:
    tiers = ", ".join(f"tier {tier} = {model}" for tier, model in sorted(settings.tier_models.items()))
    if settings.provider_keys:
        return Finding(
            "models", "ok", f"keys: {', '.join(sorted(settings.provider_keys))}{'; ' + tiers if tiers else ''}"
        )
    return Finding("models", "note", "no key: the built-in demo model answers", "set OPENAI_API_KEY or another key")


def _code(settings: Settings) -> Finding:
    import asyncio

    from connectors.code.sandbox import MontySandbox

    if not settings.code:
        return Finding("code steps", "note", "switched off", "HEDDLE_CODE=on lets workflows run Python in a sandbox")

    async def wrapped() -> bool:
        sandbox = MontySandbox(settings.data_dir / "sandbox", workers=1)
        try:
            return await sandbox.start()
        finally:
            await sandbox.aclose()

    if asyncio.run(wrapped()):
        return Finding("code steps", "ok", "run in a sandbox inside bubblewrap")
    mend = "install bubblewrap and allow user namespaces to put a second wall around them"
    return Finding("code steps", "note", "run in a sandbox without bubblewrap", mend)


def _web(settings: Settings) -> Finding:
    from runners.embedded.instance import running_instance
    from runners.embedded.ports import port_is_free
    from studio.commands.up import answers

    instance = running_instance(settings.data_dir)
    if instance is None:
        if port_is_free(settings.host, settings.port):
            return Finding("instance", "note", "none runs on this data folder", "`heddle up` starts one")
        return Finding(
            "instance", "note", f"none runs here, and port {settings.port} is in use", "choose another --port"
        )
    if answers(settings.host, instance.port):
        return Finding("instance", "ok", f"runs at {instance.url} (process {instance.pid}) and answers")
    logs = settings.data_dir / "logs"
    return Finding(
        "instance", "problem", f"runs at {instance.url} but does not answer", f"look into {logs / 'web.log'}"
    )


def _servers(settings: Settings, connections: Connections) -> Finding:
    if connections.instance_url:
        return Finding("servers", "ok", "those of the running instance")
    kinds = [
        f"{name} from {variable}" if url else f"{name} embedded"
        for name, variable, url in (
            ("PostgreSQL", "DATABASE_URL", settings.database_url),
            ("Redis", "REDIS_URL", settings.redis_url),
        )
    ]
    if settings.database_url and not settings.secret:
        mend = "set the same HEDDLE_SECRET and HEDDLE_MASTER_KEY on every machine that uses this database"
        return Finding("servers", "note", ", ".join(kinds) + "; the secret is this data folder's own", mend)
    return Finding("servers", "ok", ", ".join(kinds))


def _database(connections: Connections) -> Finding:
    import psycopg

    from engine.store.migrate import check
    from engine.store.urls import libpq_url

    with psycopg.connect(libpq_url(connections.database_url), connect_timeout=5) as link:
        version = str(link.execute("SHOW server_version").fetchone()[0])  # type: ignore[index]
        place = f"{link.info.host}:{link.info.port}"
    differences = check(connections.database_url)
    if differences:
        return Finding("database", "problem", f"PostgreSQL {version}: {differences[0]}", "run `heddle db upgrade`")
    try:
        psycopg.connect(libpq_url(connections.app_database_url), connect_timeout=5).close()
    except psycopg.OperationalError:
        mend = "put back secrets.json or HEDDLE_SECRET, or run `heddle db upgrade` to take this secret"
        return Finding("database", "problem", "the app role cannot sign in: the secret is another one", mend)
    return Finding("database", "ok", f"PostgreSQL {version} at {place}, schema up to date")


def _redis(connections: Connections) -> Finding:
    import redis
    from rq import Worker

    from runners.queue import QUEUE_NAME

    with redis.Redis.from_url(connections.redis_url, socket_timeout=5) as link:
        info = cast(dict[str, Any], link.info())
        workers = Worker.count(connection=link)
        waiting = link.llen(f"rq:queue:{QUEUE_NAME}")
    detail = f"Redis {info['redis_version']}, {workers} worker{'s' if workers != 1 else ''}, {waiting} runs wait"
    if connections.instance_url and not workers:
        return Finding("redis", "problem", detail, "no worker takes runs: look into logs/worker-1.log")
    return Finding("redis", "ok", detail)


def _tenant(connections: Connections) -> Finding:
    import asyncio

    from studio.commands.seed import demo_exists

    if asyncio.run(demo_exists(connections)):
        return Finding("tenant", "ok", f"{DEMO_TENANT} is there")
    return Finding("tenant", "note", f"{DEMO_TENANT} is not there yet", "`heddle seed` makes it")


def _runs(connections: Connections) -> Finding:
    import psycopg

    from engine.store.urls import libpq_url

    sees_all = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
    query = "SELECT status, count(*) FROM runs GROUP BY status ORDER BY status"
    with psycopg.connect(libpq_url(connections.database_url), connect_timeout=5) as link:
        if link.execute(sees_all).fetchone() != (True,):
            return Finding("runs", "note", "row-level security hides them from this database role")
        counts = {str(status): int(count) for status, count in link.execute(query).fetchall()}
    return Finding("runs", "ok", ", ".join(f"{count} {status}" for status, count in counts.items()) or "none yet")
