"""`heddle import FILE...`: bring workflow files into the tenant: ours with all that was exported with them, and those
of n8n, Dify, Langflow and Flowise converted to drafts. With `--check` nothing is kept: it says what each would bring.

Where nobody has published anything yet, the version of a workflow that was live is so again; else what is live stays.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import AppError, ConfigError, NotImportable
from studio.commands.common import Progress, add_data_dir, add_json, print_json, settings_from
from studio.commands.files import expand, read_files
from studio.services.workflow_files import BESIDE, WorkflowFiles

if TYPE_CHECKING:
    from engine.importers import Imported
    from engine.settings import Settings
    from engine.store.session import Database, Scope
    from runners.connections import Connections
    from studio.services.importing import Checked

_SUFFIXES = (".yaml", ".yml", ".json")


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="workflow files, or folders of them")
    parser.add_argument("--publish", action="store_true", help="publish each one as its next version")
    parser.add_argument("--drafts", action="store_true", help="let nothing become live, whatever was when exported")
    parser.add_argument("--check", action="store_true", help="keep nothing; say what each file would bring")
    add_json(parser)
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    if args.check:
        return check(args.files, as_json=args.json)
    from runners.connections import open_connections

    found: dict[Path, WorkflowFiles | Imported] = {path: _read(path) for path in expand(args.files)}
    settings = settings_from(args)
    with open_connections(settings, progress=Progress()) as connections:
        return asyncio.run(_import(settings, connections, found, args))


# -- checking ---------------------------------------------------------------------------------------------------


def check(paths: list[Path], *, as_json: bool) -> int:
    """One line a file; a file that cannot be read is a line too. 1 when any has errors."""
    from connectors.manifest import manifests
    from studio.services import importing

    tools = {name: spec for manifest in manifests().values() for name, spec in manifest.specs().items()}
    failed = False
    for path in _all_files(paths):
        try:
            found = importing.check(path.read_bytes(), path.name, tools=tools)
        except OSError as err:
            message = f"it cannot be read ({(err.strerror or str(err)).lower()})"
            found = importing.Checked("unknown", errors=1, message=message)
        failed |= found.errors > 0
        if as_json:
            print_json(found.to_line(str(path)))
        else:
            print(f"{path}: {_in_words(found)}")
    return 1 if failed else 0


def _all_files(paths: list[Path]) -> list[Path]:
    """The files; for a folder, every file below it that may be a workflow."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(below for below in path.rglob("*") if _may_be_one(below, path))
        else:
            found.append(path)
    return found


def _may_be_one(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") or part in BESIDE for part in path.relative_to(folder).parts)
    return path.suffix in _SUFFIXES and not hidden and path.is_file()


def _in_words(found: Checked) -> str:
    if found.errors:
        return f"{found.kind}, {found.message}"
    parts = [f"{found.nodes} nodes", f"{found.mapped} mapped"]
    parts += [
        f"{n} {word}" for n, word in ((found.approximated, "approximated"), (found.unsupported, "unsupported")) if n
    ]
    return f"{found.kind}, {', '.join(parts)}"


# -- importing --------------------------------------------------------------------------------------------------


def _read(path: Path) -> WorkflowFiles | Imported:
    """A workflow of ours with what lies beside it, or a foreign one converted; raises ConfigError for anything else."""
    from engine.importers import convert

    try:
        data = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path} cannot be read ({(err.strerror or str(err)).lower()})") from err
    try:
        found = convert(data, title=path.stem)
    except NotImportable as error:
        if data.lstrip()[:1] in (b"{", b"["):
            raise ConfigError(f"{path}: {error.public_message} (nothing was imported)") from error
        files = read_files(path)
        require_workflow(path, files.text)
        return files
    if found.text is None:
        raise ConfigError(f"{path}: {found.error} (nothing was imported)")
    return found


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
    settings: Settings, connections: Connections, found: dict[Path, WorkflowFiles | Imported], args: argparse.Namespace
) -> int:
    from studio.commands.tenant import ensure_tenant, tenant_database

    await ensure_tenant(settings, connections, Progress())
    failed = 0
    async with tenant_database(connections) as (db, scope):
        for path, files in found.items():
            try:
                print(f"{path}: {await import_one(db, scope, files, publish=args.publish, drafts=args.drafts)}")
            except AppError as err:
                print(f"heddle: {path}: {err.public_message}", file=sys.stderr)
                failed += 1
    return 1 if failed else 0


async def import_one(
    db: Database, scope: Scope, files: WorkflowFiles | Imported, *, publish: bool = False, drafts: bool = False
) -> str:
    from engine import nodes
    from studio.services import publishing, restoring

    nodes.load()  # publishing validates, and validation asks the node types
    if not isinstance(files, WorkflowFiles):
        return await _keep(db, scope, files)
    async with db.transaction(scope) as tx:
        done = await restoring.put(tx, files)
    said = [done.what, *done.remarks]
    if publish:
        published = await publishing.publish(db, scope, done.workflow_id)
        said.append(f"published as version {published.number}")
    elif done.live is not None and not drafts:
        await publishing.make_live(db, scope, done.workflow_id, done.live, done.seen)
        said.append(f"version {done.live} is live")
    return ", ".join(said)


async def _keep(db: Database, scope: Scope, found: Imported) -> str:
    """A foreign workflow becomes a draft for a person to look at; it is never published by importing it."""
    from engine.importers.report import Outcome
    from studio.services import importing

    name = await importing.keep(db, scope, found)
    report = found.report
    lost = ", ".join(f"{count} {outcome}" for outcome in Outcome if (count := report.count(outcome)))
    return f"created {name} from {importing.KINDS[found.kind]} ({lost or 'no nodes'}); look at it before you publish it"
