"""`heddle runs`: the latest runs of the tenant, newest first; `--retry RUN_ID` goes on where one failed."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from studio.commands.common import Progress, add_data_dir, add_json, positive, print_json, settings_from

if TYPE_CHECKING:
    from engine.settings import Settings
    from engine.store.tables.runs import RunRow
    from runners.connections import Connections

STATUSES = ("queued", "running", "suspended", "succeeded", "failed", "cancelled")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workflow", metavar="NAME", help="of this workflow only")
    parser.add_argument("--status", choices=STATUSES, help="in this status only")
    parser.add_argument("--limit", type=positive, default=20, help="how many (default: 20, at most 200)")
    parser.add_argument("--retry", metavar="RUN_ID", help="go on where this run failed, as a new run")
    add_json(parser)
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    settings = settings_from(args)
    with open_connections(settings, progress=Progress(quiet=args.json)) as connections:
        if args.retry is not None:
            return _retried(settings, connections, args)
        found = asyncio.run(_runs(connections, workflow=args.workflow, status=args.status, limit=args.limit))
    if args.json:
        print_json({"runs": found})
    else:
        for one in found:
            print("{created_at:19}  {status:9}  {duration:>9}  {cost:>10}  {run_id}  {workflow}".format(**_shown(one)))
        if not found:
            print('No runs yet: try `heddle run workflows/example_workflow.yaml --input \'{"message": "Hello"}\'`')
    return 0


def _retried(settings: Settings, connections: Connections, args: argparse.Namespace) -> int:
    run_id = asyncio.run(_retry(settings, connections, args.retry))
    if args.json:
        print_json({"run_id": run_id})
    else:
        print(f"goes on as {run_id}")
    return 0


async def _retry(settings: Settings, connections: Connections, run_id: str) -> str:
    from runners.client import RunClient
    from studio.commands.tenant import tenant_database
    from studio.services import runs

    async with tenant_database(connections) as (db, scope):
        client = await RunClient.open(settings, connections, db=db)
        try:
            return await runs.retry(client, scope, run_id)
        finally:
            await client.close()


async def _runs(connections: Connections, **filters: Any) -> list[dict[str, Any]]:
    from engine.store.access import run_list
    from studio.commands.tenant import tenant_database

    async with tenant_database(connections) as (db, scope), db.transaction(scope) as tx:
        return [_row(row) for row in (await run_list.list_runs(tx, **filters)).rows]


def _row(row: RunRow) -> dict[str, Any]:
    took = (row.ended_at - row.created_at).total_seconds() if row.ended_at else None
    return {
        "run_id": str(row.run_id),
        "workflow": row.workflow_name,
        "version": row.version_number,
        "trigger": row.trigger,
        "status": row.status,
        "created_at": row.created_at.isoformat(),
        "duration_s": took,
        "cost_usd": row.cost_usd_micros / 1_000_000,
        "error": row.error,
    }


def _shown(one: dict[str, Any]) -> dict[str, str]:
    return {
        **{name: str(one[name]) for name in ("run_id", "workflow", "status")},
        "created_at": one["created_at"][:19].replace("T", " "),
        "duration": f"{one['duration_s']:.2f} s" if one["duration_s"] is not None else "-",
        "cost": f"${one['cost_usd']:.4f}",
    }
