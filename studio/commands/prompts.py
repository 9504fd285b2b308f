"""`heddle prompts list|show|add|export|import`: the tenant's prompt library."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.commands.common import Progress, add_data_dir, positive, read_text, settings_from

if TYPE_CHECKING:
    from engine.store.session import Tx


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="every version of every prompt")
    show = actions.add_parser("show", help="print one version")
    show.add_argument("name")
    show.add_argument("version", type=positive)
    show.add_argument("--system", action="store_true", help="its instructions, in place of its text")
    add = actions.add_parser("add", help="keep a text as the next version of a prompt")
    add.add_argument("name", help="such as answers/faq")
    add.add_argument("file", type=Path, help="the prompt's text; {path} and {path | default} are filled in at run time")
    add.add_argument("--system", type=Path, metavar="FILE", help="instructions that replace those of the kind of agent")
    add.add_argument("--note", default="", help="what changed")
    export = actions.add_parser("export", help="write all versions as YAML")
    export.add_argument("names", nargs="*", metavar="NAME", help="only these prompts (default: all)")
    export.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: standard output")
    importing = actions.add_parser("import", help="keep the versions of a YAML file; all of them or none")
    importing.add_argument("file", type=Path)
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    with open_connections(settings_from(args), progress=Progress()) as connections:
        said = asyncio.run(_act(connections, args))
    if args.action == "export" and args.output is not None:
        args.output.write_text(said, encoding="utf-8")
    else:
        print(said, end="" if said.endswith("\n") else "\n")
    return 0


async def _act(connections: Any, args: argparse.Namespace) -> str:
    from studio.commands.tenant import tenant_database

    async with tenant_database(connections) as (db, scope), db.transaction(scope) as tx:
        return await _ACTIONS[args.action](tx, args)


async def _list(tx: Tx, _: argparse.Namespace) -> str:
    from engine.store.access import prompts

    rows = await prompts.list_versions(tx)
    lines = [f"{f'{row.name}@{row.version}':40}  {row.created_at:%Y-%m-%d %H:%M}  {row.note}".rstrip() for row in rows]
    return "\n".join(lines) or "No prompts yet: try `heddle prompts add answers/faq FILE`"


async def _show(tx: Tx, args: argparse.Namespace) -> str:
    from engine.errors import NotFound
    from engine.store.access import prompts

    row = await prompts.get(tx, args.name, args.version)
    if not args.system:
        return row.text
    if row.system is None:
        raise NotFound(f"{row.name}@{row.version} has no instructions of its own.")
    return row.system


async def _add(tx: Tx, args: argparse.Namespace) -> str:
    from engine.store.access import prompts

    system = read_text(args.system) if args.system is not None else None
    row = await prompts.add(tx, args.name, read_text(args.file), system=system, note=args.note)
    return f"kept as {row.name}@{row.version}"


async def _export(tx: Tx, args: argparse.Namespace) -> str:
    from engine.errors import NotFound
    from engine.store.access import prompts
    from studio.services.prompts import to_yaml

    rows = await prompts.list_versions(tx)
    missing = set(args.names) - {row.name for row in rows}
    if missing:
        raise NotFound(f"There is no prompt {min(missing)!r}.")
    return to_yaml([row for row in rows if not args.names or row.name in args.names])


async def _import(tx: Tx, args: argparse.Namespace) -> str:
    from studio.services.prompts import import_yaml

    return f"{await import_yaml(tx, read_text(args.file))} versions are in the library"


_ACTIONS = {"list": _list, "show": _show, "add": _add, "export": _export, "import": _import}
