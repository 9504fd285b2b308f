"""`heddle import FILE...`: bring workflow files, with layout and golden set, into the tenant as drafts."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import AppError, ConfigError
from studio.commands.common import Progress, add_data_dir, settings_from
from studio.commands.files import WorkflowFiles, expand, read_files

if TYPE_CHECKING:
    from uuid import UUID

    from engine.settings import Settings
    from engine.store.session import Database, Scope, Tx
    from runners.connections import Connections


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="workflow files, or folders of them")
    parser.add_argument("--publish", action="store_true", help="publish each one as its next version")
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections

    found = {path: read_files(path) for path in expand(args.files)}
    for path, files in found.items():
        require_workflow(path, files.text)
    settings = settings_from(args)
    with open_connections(settings, progress=Progress()) as connections:
        return asyncio.run(_import(settings, connections, found, publish=args.publish))


def require_workflow(path: Path, text: str) -> str:
    """The workflow's name; raises ConfigError with file, line and column when the text cannot be one."""
    from engine.language.document import Document

    document = Document.parse(text)
    if document.error is not None or document.workflow is None or not document.workflow.name:
        first = next((one for one in document.diagnostics if one.is_error), None)
        where = f":{first.line}:{first.column} {first.message}" if first else " is not a workflow"
        raise ConfigError(f"{path}{where} (nothing was imported)")
    return document.workflow.name


async def _import(
    settings: Settings, connections: Connections, found: dict[Path, WorkflowFiles], *, publish: bool
) -> int:
    from studio.commands.tenant import ensure_tenant, tenant_database

    await ensure_tenant(settings, connections, Progress())
    failed = 0
    async with tenant_database(connections) as (db, scope):
        for path, files in found.items():
            try:
                print(f"{path}: {await _import_one(db, scope, files, publish=publish)}")
            except AppError as err:
                print(f"heddle: {path}: {err.public_message}", file=sys.stderr)
                failed += 1
    return 1 if failed else 0


async def _import_one(db: Database, scope: Scope, files: WorkflowFiles, *, publish: bool) -> str:
    from engine import nodes
    from studio.services import publishing

    nodes.load()  # publishing validates, and validation asks the node types
    async with db.transaction(scope) as tx:
        workflow_id, what = await put_draft(tx, files)
    if publish:
        published = await publishing.publish(db, scope, workflow_id)
        what += f", published as version {published.number}"
    return what


async def put_draft(tx: Tx, files: WorkflowFiles) -> tuple[UUID, str]:
    """Make the workflow, or replace the draft of the one with its name; returns its id and what was done."""
    from engine.errors import NotFound
    from engine.store.access import workflows

    name, _, _ = workflows.described(files.text)
    try:
        row = await workflows.get_by_name(tx, name)
    except NotFound:
        row = await workflows.create(tx, files.text, files.layout, files.golden)
        return row.workflow_id, f"created {name}"
    row.golden = files.golden if files.golden is not None else row.golden
    if row.text == files.text and (not files.layout or row.layout == files.layout):
        return row.workflow_id, f"{name} is the same already"
    await workflows.save_draft(tx, row.workflow_id, text=files.text, revision=row.revision, layout=files.layout or None)
    return row.workflow_id, f"updated {name}"
