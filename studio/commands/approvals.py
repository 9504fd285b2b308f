"""`heddle approvals list|answer`: what suspended runs ask people."""

from __future__ import annotations

import argparse
import asyncio
import json
from typing import TYPE_CHECKING, Any
from uuid import UUID

from studio.commands.common import Progress, add_data_dir, add_json, print_json, settings_from

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="what is asked now, the oldest first")
    answer = actions.add_parser("answer", help="answer a question as the operator")
    answer.add_argument("run_id", type=UUID)
    answer.add_argument("seq", type=int, help="the question's number in its run")
    answer.add_argument("decision", help="approve, reject, submit, resolve, or one of the choices")
    answer.add_argument("--hash", help="of what you were shown (default: of what is asked now)")
    answer.add_argument("--values", default="{}", metavar="JSON|@FILE", help="fields of the form")
    answer.add_argument("--comment")
    for one in (listing, answer):
        add_json(one)
        add_data_dir(one)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    settings = settings_from(args)
    with open_connections(settings, progress=Progress(quiet=args.json)) as connections:
        found = asyncio.run(_ACTIONS[args.action](settings, connections, args))
    if args.json:
        print_json({"approvals": found})
        return 0
    for one in found:
        print(f"{one['run_id']} {one['seq']:4}  {one['asked_at']:.19}  {one['mode']:8}  {one['message']}")
        if "tool" in one:  # as JSON: what an agent wants to do is to be read as it is
            print(f"    {one['tool']['name']} {json.dumps(one['details'])}")
    if not found:
        print("Nobody is asked anything.")
    return 0


async def _list(_: Settings, connections: Connections, __: argparse.Namespace) -> list[dict[str, Any]]:
    from studio.commands.tenant import tenant_database
    from studio.services import approvals

    async with tenant_database(connections) as (db, scope):
        return await approvals.questions(db, scope)


async def _answer(settings: Settings, connections: Connections, args: argparse.Namespace) -> list[dict[str, Any]]:
    from runners.client import RunClient
    from studio.commands.run import parse_input
    from studio.commands.tenant import tenant_database
    from studio.services import approvals

    values = parse_input(args.values)
    async with tenant_database(connections) as (db, scope):
        client = await RunClient.open(settings, connections, db=db)
        try:
            asked = await approvals.question(db, scope, args.run_id, args.seq)
            given = {"hash": args.hash or asked["hash"], "decision": args.decision, "values": values}
            await approvals.answer(db, client, scope, (args.run_id, args.seq), {**given, "comment": args.comment})
        finally:
            await client.close()
        return [await approvals.question(db, scope, args.run_id, args.seq)]


_ACTIONS = {"list": _list, "answer": _answer}
