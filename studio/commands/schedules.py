"""`heddle schedules`: the tenant's schedules, the soonest first."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from studio.commands.common import Progress, add_data_dir, add_json, print_json, settings_from

if TYPE_CHECKING:
    from runners.connections import Connections
    from studio.services.schedules import ScheduleLine


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workflow", metavar="NAME", help="of this workflow only")
    add_json(parser)
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    with open_connections(settings_from(args), progress=Progress(quiet=args.json)) as connections:
        found = asyncio.run(_schedules(connections, args.workflow))
    if args.json:
        print_json({"schedules": [line.to_dict() for line in found]})
    else:
        print(
            "\n".join(_shown(line) for line in found) or "No schedules: a `schedule` trigger makes one when published"
        )
    return 0


async def _schedules(connections: Connections, workflow: str | None) -> list[ScheduleLine]:
    from studio.commands.tenant import tenant_database
    from studio.services.schedules import listing

    async with tenant_database(connections) as (db, scope):
        return await listing(db, scope, workflow)


def _shown(line: ScheduleLine) -> str:
    from studio.services.words import at

    upcoming = ", ".join(at(moment) for moment in line.next) or line.fault or "never again"
    return f"{line.workflow:28}  {line.name:16}  {line.cron:18}  {line.timezone:20}  {upcoming}"
