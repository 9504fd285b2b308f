"""`heddle export [NAME...] -o DIR`: write workflows to files, byte for byte as they are stored."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import ConfigError
from studio.commands.common import Progress, add_data_dir, settings_from
from studio.commands.files import write_files
from studio.services.workflow_files import WorkflowFiles

if TYPE_CHECKING:
    from runners.connections import Connections


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="workflows to export")
    parser.add_argument("--all", action="store_true", help="export every workflow of the tenant")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder to write to")
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    if bool(args.names) == args.all:
        raise ConfigError("Name the workflows to export, or say --all")
    settings = settings_from(args)
    with open_connections(settings, progress=Progress()) as connections:
        found = asyncio.run(_stored(connections, None if args.all else args.names))
    for name, files in found.items():
        print(write_files(args.output, name, files))
    return 0


async def _stored(connections: Connections, names: list[str] | None) -> dict[str, WorkflowFiles]:
    """The tenant's workflows by name; raises NotFound for a name that is not there."""
    from engine.store.access import workflows
    from studio.commands.tenant import tenant_database
    from studio.services.exporting import files_of

    async with tenant_database(connections) as (db, scope), db.transaction(scope) as tx:
        if names is None:
            rows = await workflows.list_workflows(tx)
        else:
            rows = [await workflows.get_by_name(tx, name) for name in names]
        return {row.name: await files_of(tx, row) for row in rows}
