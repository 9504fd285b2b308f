"""`heddle events list|dead|redeliver|publish`: what happened, what did not arrive, and sending it again."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import TYPE_CHECKING, Any

from studio.commands.common import Progress, add_data_dir, add_json, positive, print_json, row_id, settings_from

if TYPE_CHECKING:
    from engine.store.session import Database, Scope
    from runners.connections import Connections


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="what happened, newest first")
    listing.add_argument("--topic", help="of this topic only")
    listing.add_argument("--run", type=row_id, metavar="RUN_ID", help="of this run only")
    dead = actions.add_parser("dead", help="what could not be delivered, newest first")
    for each in (listing, dead):
        each.add_argument("--limit", type=positive, default=20, help="how many (default: 20)")
        add_json(each)
    again = actions.add_parser("redeliver", help="send dead letters again")
    again.add_argument("ids", nargs="*", type=row_id, metavar="DEAD_LETTER_ID")
    again.add_argument("--target", type=row_id, metavar="ID", help="all of this subscription or event trigger")
    publish = actions.add_parser("publish", help="publish an event")
    publish.add_argument("topic")
    publish.add_argument("--payload", default="{}", metavar="JSON", help="an object (default: {})")
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    quiet = getattr(args, "json", False)
    with open_connections(settings_from(args), progress=Progress(quiet=quiet)) as connections:
        said = asyncio.run(_act(connections, args))
    if quiet:
        print_json(said)
    else:
        print(said)
    return 0


async def _act(connections: Connections, args: argparse.Namespace) -> Any:
    from studio.commands.tenant import tenant_database

    async with tenant_database(connections) as (db, scope):
        return await _ACTIONS[args.action](db, scope, args)


async def _list(db: Database, scope: Scope, args: argparse.Namespace) -> Any:
    from engine.store.access import events
    from studio.api.views import event_json

    async with db.transaction(scope) as tx:
        rows = (await events.recent(tx, topic=args.topic, run_id=args.run, limit=args.limit)).rows
    if args.json:
        return {"events": [event_json(row) for row in rows]}
    lines = (
        f"{row.created_at:%Y-%m-%d %H:%M:%S}  {row.topic:20}  {row.event_id}  {_short(row.payload)}" for row in rows
    )
    return "\n".join(lines) or "Nothing has happened yet"


async def _dead(db: Database, scope: Scope, args: argparse.Namespace) -> Any:
    from engine.store.access import deliveries
    from studio.api.views import dead_letter_json

    async with db.transaction(scope) as tx:
        rows = await deliveries.dead(tx, limit=args.limit)
    if args.json:
        return {"dead_letters": [dead_letter_json(row) for row in rows]}
    lines = (
        f"{row.dead_letter_id}  {row.created_at:%Y-%m-%d %H:%M}  {row.topic:18}  {row.consumer:8}  "
        f"{row.attempts} attempts  {row.error}"
        for row in rows
    )
    return "\n".join(lines) or "Everything was delivered"


async def _redeliver(db: Database, scope: Scope, args: argparse.Namespace) -> str:
    from studio.services import events

    if not args.ids and args.target is None:
        from engine.errors import InputError

        raise InputError("say which: DEAD_LETTER_ID ..., or --target ID")
    return f"{await events.redeliver(db, scope, args.ids, target_id=args.target)} on their way again"


async def _publish(db: Database, scope: Scope, args: argparse.Namespace) -> str:
    from engine.errors import InputError
    from studio.services import events

    try:
        payload = json.loads(args.payload)
    except ValueError as error:
        raise InputError("--payload is not JSON") from error
    if not isinstance(payload, dict):
        raise InputError("--payload must be a JSON object")
    return f"published as {await events.publish(db, scope, args.topic, payload)}"


def _short(payload: dict[str, Any]) -> str:
    text = json.dumps(payload, ensure_ascii=False)
    return text if len(text) <= 100 else text[:99] + "…"


_ACTIONS = {"list": _list, "dead": _dead, "redeliver": _redeliver, "publish": _publish}
