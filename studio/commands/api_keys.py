"""`heddle api-keys list|create|revoke`: keys for programs, also the first one, without a browser."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from studio.commands.common import Progress, add_data_dir, add_json, print_json, row_id, settings_from

if TYPE_CHECKING:
    from engine.store.session import Database, Scope
    from runners.connections import Connections
    from studio.services.api_keys import Key


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the keys that work, newest first")
    create = actions.add_parser("create", help="make a key and print it, this once")
    create.add_argument("name", help="for people, such as 'Order system'")
    create.add_argument(
        "scopes",
        nargs="+",
        metavar="SCOPE",
        help="a permission such as runs:read, or run (start and read runs), read (read only), all; or a scope that a "
        "workflow's API trigger names",
    )
    revoke = actions.add_parser("revoke", help="end a key: the next call with it is refused")
    revoke.add_argument("api_key_id", type=row_id, metavar="API_KEY_ID")
    for one in (listing, create, revoke):
        add_json(one)
        add_data_dir(one)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    progress = Progress(quiet=args.json)
    with open_connections(settings_from(args), progress=progress) as connections:
        said = asyncio.run(_act(connections, args))
    if args.json:
        print_json(said)
        return 0
    print(said)
    if args.action == "create":
        progress("keep it now: this is the only time that it is shown")
    return 0


async def _act(connections: Connections, args: argparse.Namespace) -> Any:
    from studio.commands.tenant import tenant_database

    async with tenant_database(connections) as (db, scope):
        return await _ACTIONS[args.action](db, scope, args)


async def _list(db: Database, scope: Scope, args: argparse.Namespace) -> Any:
    from studio.api.views import api_key_json
    from studio.services import api_keys

    keys = await api_keys.listing(db, scope)
    if args.json:
        return {"api_keys": [api_key_json(key) for key in keys]}
    return "\n".join(map(_line, keys)) or "There is no API key yet"


async def _create(db: Database, scope: Scope, args: argparse.Namespace) -> Any:
    from studio.api.views import api_key_json
    from studio.services import api_keys

    scopes = [one for chosen in args.scopes for one in api_keys.scopes_of(chosen, scope.role)]
    made, key = await api_keys.create(db, scope, args.name, scopes)
    return api_key_json(made) | {"key": key} if args.json else key


async def _revoke(db: Database, scope: Scope, args: argparse.Namespace) -> Any:
    from studio.api.views import api_key_json
    from studio.services import api_keys

    ended = await api_keys.revoke(db, scope, args.api_key_id)
    return {"revoked": api_key_json(ended)} if args.json else f"revoked {ended.name} ({ended.prefix}…)"


def _line(key: Key) -> str:
    used = f"used {key.last_used_at:%Y-%m-%d %H:%M}" if key.last_used_at else "never used"
    made = f"{key.created_at:%Y-%m-%d %H:%M} by {key.creator}"
    return f"{key.api_key_id}  {key.prefix}…  {key.name}  {made}  {used}  {' '.join(key.scopes)}"


_ACTIONS = {"list": _list, "create": _create, "revoke": _revoke}
