"""`heddle db upgrade`, `heddle db check` and `heddle db url`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from engine.errors import ConfigError
from studio.commands.common import Progress, add_data_dir, settings_from

if TYPE_CHECKING:
    from runners.connections import Connections


def configure(parser: argparse.ArgumentParser) -> None:
    what = "run due migrations; say whether any are due; print the owner's address (with its password), for pg_dump"
    parser.add_argument("action", choices=["upgrade", "check", "url"], help=what)
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    settings = settings_from(args)
    with open_connections(settings, progress=Progress(), migrate=False) as connections:
        if args.action == "url":
            return _url(connections)
        if args.action == "check":
            return _check(connections.database_url)
        return _upgrade(connections.database_url, connections.secrets.secret)


def _url(connections: Connections) -> int:
    """Servers that this command itself started are gone when anybody could use their address."""
    if connections.started_here:
        raise ConfigError("The embedded database does not run: start it with `heddle up`, then ask again")
    print(connections.database_url)
    return 0


def _upgrade(database_url: str, secret: str) -> int:
    """Also sets the app role's password to what this installation's secret gives, which `up` does only when due."""
    from engine.store.migrate import upgrade
    from runners.connections import explained

    with explained():
        done = upgrade(database_url, secret)
    print(f"Ran {', '.join(done)}" if done else "The database is up to date")
    return 0


def _check(database_url: str) -> int:
    from engine.store.migrate import check
    from runners.connections import explained

    with explained():
        differences = check(database_url)
    for line in differences:
        print(line)
    if not differences:
        print("The database is up to date")
    return 1 if differences else 0
