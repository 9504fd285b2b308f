"""Where a command finds its database and its Redis, and the installation's secrets.

In this order: the running instance of the data folder, DATABASE_URL / REDIS_URL, embedded servers for the command's
own duration (shared with other commands on the same data folder).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from engine.errors import ConfigError, Unavailable
from engine.settings import Settings
from runners.embedded.instance import running_instance
from runners.embedded.places import ensure_data_dir
from runners.embedded.secrets_file import Secrets, load_secrets
from runners.embedded.servers import EmbeddedServers, Progress, silent

__all__ = ["Connections", "Secrets", "open_connections"]


def _nothing_to_revive() -> bool:
    return False


@dataclass(frozen=True, slots=True, repr=False)
class Connections:
    """Addresses with passwords in them: never log one. `database_url` is the owner's, for migrations only.

    `instance_url` is the running instance's web address, None when none runs; `started_here` says that this command
    started the servers. `revive` starts embedded servers again that died, and says whether any had.
    """

    database_url: str
    app_database_url: str
    redis_url: str
    secrets: Secrets
    started_here: bool = False
    instance_url: str | None = None
    revive: Callable[[], bool] = _nothing_to_revive


@contextmanager
def open_connections(
    settings: Settings, *, progress: Progress = silent, migrate: bool = True, use_instance: bool = True
) -> Iterator[Connections]:
    """Working, migrated connections; servers started here are stopped at the end unless others use them."""
    ensure_data_dir(settings.data_dir)
    secrets = load_secrets(settings.data_dir, secret=settings.secret, master_key=settings.master_key)
    instance = running_instance(settings.data_dir) if use_instance else None
    if instance is not None:
        secrets = replace(secrets, secret=instance.secret, master_key=instance.master_key)
        yield _connections(instance.database_url, instance.redis_url, secrets, instance_url=instance.url)
        return
    servers = EmbeddedServers(settings.data_dir, secrets, progress=progress)
    started = False
    try:
        database_url, redis_url = settings.database_url, settings.redis_url
        if not (database_url and redis_url):
            urls = servers.acquire(postgres=not database_url, redis=not redis_url)
            database_url, redis_url = database_url or urls.postgres, redis_url or urls.redis
            started = urls.started
        assert database_url is not None
        assert redis_url is not None
        if settings.redis_url:
            _reach_redis(redis_url)
        if migrate:
            bring_up_to_date(database_url, secrets, progress)
        found = _connections(database_url, redis_url, secrets, started_here=started)
        yield replace(found, revive=servers.revive)
    finally:
        servers.release()


def bring_up_to_date(database_url: str, secrets: Secrets, progress: Progress = silent) -> list[str]:
    """Run the migrations that are due; returns their numbers."""
    from engine.store import migrate  # noqa: PLC0415 - heavy

    with explained():
        if migrate.is_current(database_url):
            return []
        progress("migrating the database")
        return migrate.upgrade(database_url, secrets.secret)


@contextmanager
def explained() -> Iterator[None]:
    """Turn a driver's complaint into a ConfigError with the mend."""
    try:
        yield
    except Exception as err:
        sentence = explanation(err)
        if sentence is None:
            raise
        raise ConfigError(sentence) from err


def explanation(err: Exception) -> str | None:
    """What is wrong with the database or Redis, and the mend; None for an error of another kind."""
    from psycopg.errors import InsufficientPrivilege  # noqa: PLC0415 - heavy
    from redis import RedisError  # noqa: PLC0415
    from sqlalchemy.exc import OperationalError, ProgrammingError  # noqa: PLC0415

    from engine.store.urls import APP_ROLE  # noqa: PLC0415

    if isinstance(err, Unavailable) and isinstance(err.__cause__, Exception):
        err = err.__cause__
    if isinstance(err, RedisError):
        return f"Redis cannot be used ({err}): check REDIS_URL and that its server runs"
    if not isinstance(err, OperationalError | ProgrammingError):
        return None
    first = str(err.orig).strip().splitlines()[0]
    if isinstance(err.orig, InsufficientPrivilege):
        return (
            f"The role of DATABASE_URL may not set up the database ({first}): "
            "it has to own the database and be allowed to create roles"
        )
    if isinstance(err, ProgrammingError):
        return None
    if f'authentication failed for user "{APP_ROLE}"' in first:
        return (
            "The database does not know the password that HEDDLE_SECRET gives: set the secret back, "
            "or run `heddle db upgrade` to make this one count (each server holds one)"
        )
    return f"The database cannot be used ({first}): check DATABASE_URL and that its server runs"


def _reach_redis(url: str) -> None:
    """Raises ConfigError with the mend when an operator's Redis does not answer."""
    from redis import Redis  # noqa: PLC0415 - heavy

    with explained(), Redis.from_url(url, socket_connect_timeout=3.0, socket_timeout=3.0) as link:
        link.ping()


def _connections(
    database_url: str,
    redis_url: str,
    secrets: Secrets,
    *,
    started_here: bool = False,
    instance_url: str | None = None,
) -> Connections:
    from engine.store.urls import app_url  # noqa: PLC0415 - imports sqlalchemy

    return Connections(
        database_url, app_url(database_url, secrets.secret), redis_url, secrets, started_here, instance_url
    )
