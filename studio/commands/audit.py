"""`heddle audit list|verify`: who changed what, and whether the record is as it was written."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import TYPE_CHECKING, Any

from studio.commands.common import Progress, add_data_dir, add_json, positive, print_json, settings_from

if TYPE_CHECKING:
    from runners.connections import Connections


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="who changed what, newest first")
    listing.add_argument("--limit", type=positive, default=20, help="how many (default: 20, at most 200)")
    verify = actions.add_parser(
        "verify", help="check the whole chain; exit 1 and the first bad entry when it is broken"
    )
    for each in (listing, verify):
        add_json(each)
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    with open_connections(settings_from(args), progress=Progress(quiet=args.json)) as connections:
        found = asyncio.run(_act(connections, args))
    if args.json:
        print_json(found)
    elif args.action == "list":
        print("\n".join(_line(entry) for entry in found["entries"]) or "Nothing has been changed yet")
    else:
        print("every entry is as it was written" if found["intact"] else f"entry {found['number']}: {found['fault']}")
    return 0 if found.get("intact", True) else 1


async def _act(connections: Connections, args: argparse.Namespace) -> dict[str, Any]:
    from engine.store.access import audit
    from studio.api.views import audit_json
    from studio.commands.tenant import tenant_database

    async with tenant_database(connections) as (db, scope), db.transaction(scope) as tx:
        if args.action == "list":
            rows, _ = await audit.entries(tx, limit=args.limit)
            return {"entries": [audit_json(row) for row in rows]}
        fault = await audit.verify(tx)
        return {"intact": fault is None} | ({"number": fault.number, "fault": fault.fault} if fault else {})


def _line(entry: dict[str, Any]) -> str:
    who = entry["user_id"] or entry["role"]
    what = f"{entry['action']:26}  {entry['resource_type']} {entry['resource_id']}"
    return f"{entry['number']:>6}  {entry['created_at'][:19]}  {who:36}  {what}  {json.dumps(entry['details'])}"
