"""`heddle validate FILE...`: one line a finding, `file:line:col code message`; exit code 1 when there is an error.

Imports nothing heavy: an editor or a commit hook runs this often.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.errors import ConfigError
from studio.commands.common import add_json, print_json, read_text
from studio.commands.files import called_names, expand, workflows_in

if TYPE_CHECKING:
    from engine.language.diagnostics import Diagnostic


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="workflow files, or folders of them")
    parser.add_argument("--quiet", action="store_true", help="show errors only")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    found: list[tuple[Path, list[Diagnostic]]] = []
    unreadable = 0
    for path in expand(args.files):
        try:
            found.append((path, check(path, read_text(path))))
        except ConfigError as err:
            print(f"heddle: {err.public_message}", file=sys.stderr)
            unreadable += 1
    errors = unreadable + sum(d.is_error for _, diagnostics in found for d in diagnostics)
    if args.json:
        print_json(_report(found, errors))
    else:
        for path, diagnostics in found:
            for one in diagnostics:
                if one.is_error or not args.quiet:
                    print(line_of(path, one))
    return 1 if errors else 0


def check(path: Path, text: str) -> list[Diagnostic]:
    """All findings of one file. Workflows beside it are known to it; others may exist in the tenant."""
    from connectors.manifest import manifests
    from engine import nodes
    from engine.language.document import Document
    from engine.language.validate import validate

    nodes.offer()
    known = set(workflows_in(path.parent)) if called_names(text) else set()
    # The manifests alone: the toolbox over them would bring asyncio along.
    tools = {name: spec for manifest in manifests().values() for name, spec in manifest.specs().items()}
    found = validate(Document.parse(text), tools=tools, workflows=known)
    return sorted(found, key=lambda one: (one.line, one.column))


def line_of(path: Path, diagnostic: Diagnostic) -> str:
    """`file:line:col code message`, with the severity when it is not an error."""
    severity = "" if diagnostic.is_error else f"[{diagnostic.severity}] "
    return f"{path}:{diagnostic.line}:{diagnostic.column} {diagnostic.code} {severity}{diagnostic.message}"


def _report(found: list[tuple[Path, list[Diagnostic]]], errors: int) -> dict[str, Any]:
    return {
        "errors": errors,
        "files": [{"file": str(path), "diagnostics": [one.to_dict() for one in all_]} for path, all_ in found],
    }
