"""Files of workflows, ours and those of other studios: what importing one would bring, and importing it.

Nothing here runs a workflow, opens a connection to anything but the database, or follows an address in a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import engine.nodes
from engine.errors import Conflict, NotImportable, SchemaError
from engine.importers import Imported, convert
from engine.importers.report import Outcome
from engine.language.document import Document
from engine.language.validate import validate
from engine.store.access import workflows
from engine.store.session import Database, Scope
from studio.services.workflow_files import REPORT

Json = Any
KINDS = {"n8n": "n8n", "dify": "Dify", "langflow": "Langflow", "flowise": "Flowise", "heddle": "Heddle"}
MOST_COPIES = 200
MOST_SHOWN = 200  # entries of a report
MOST_SAID = 600  # characters of an entry that are kept


@dataclass(slots=True)
class Checked:
    """What a file holds. `errors` counts what stands in the way: of the draft, or of reading the file at all."""

    kind: str
    nodes: int = 0
    mapped: int = 0
    approximated: int = 0
    unsupported: int = 0
    errors: int = 0
    message: str = ""
    imported: Imported | None = field(default=None, repr=False)

    def to_line(self, file: str) -> dict[str, Json]:
        """The line that `heddle import --check --json` prints; `message` only when something is wrong."""
        line: dict[str, Json] = {
            "file": file,
            "kind": self.kind,
            "nodes": self.nodes,
            "mapped": self.mapped,
            "approximated": self.approximated,
            "unsupported": self.unsupported,
            "errors": self.errors,
        }
        return line | ({"message": self.message} if self.message else {})


def check(data: bytes | str, filename: str = "", *, tools: Mapping[str, Any] | None = None) -> Checked:
    """What importing these bytes would bring. Never raises for what they hold."""
    title = PurePath(filename).stem
    try:
        found = convert(data, title=title, tools=tools)
    except NotImportable as error:
        own = _own(data, tools)
        return own if own is not None else Checked("unknown", errors=1, message=error.public_message)
    report = found.report
    return Checked(
        found.kind,
        nodes=len(report.entries),
        mapped=report.count(Outcome.MAPPED),
        approximated=report.count(Outcome.APPROXIMATED),
        unsupported=report.count(Outcome.UNSUPPORTED),
        errors=0 if found.text is not None else 1,
        message=found.error or "",
        imported=found,
    )


def _own(data: bytes | str, tools: Mapping[str, Any] | None) -> Checked | None:
    """The same for a workflow of ours; None when it is none."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        return None
    document = Document.parse(text)
    if document.workflow is None or not document.workflow.name:
        return None
    engine.nodes.load()
    errors = [one for one in validate(document, tools=tools) if one.is_error]
    count = len(document.workflow.nodes)
    message = f"line {errors[0].line}: {errors[0].message}" if errors else ""
    return Checked("heddle", nodes=count, mapped=count, errors=len(errors), message=message)


def losses(found: Imported) -> list[dict[str, str]]:
    """What the report has to say, the worst first: `{outcome, name, type, text, node}`; nodes that came as they are
    are left out."""
    rank = {Outcome.UNSUPPORTED: 0, Outcome.APPROXIMATED: 1}
    entries = sorted((e for e in found.report.entries if e.outcome in rank), key=lambda entry: rank[entry.outcome])
    rows = [
        {
            "outcome": entry.outcome.value,
            "name": entry.source.name,
            "type": entry.source.type.rpartition(".")[2],
            "text": "; ".join([*entry.reasons, *(f"{k.field} keeps `{k.text[:80]}` ({k.reason})" for k in entry.kept)]),
            "node": entry.node or "",
        }
        for entry in entries[:MOST_SHOWN]
    ]
    remarks = [{"outcome": "remark", "name": "", "type": "", "text": text, "node": ""} for text in found.report.remarks]
    return [*rows, *remarks]


def report_of(found: Imported) -> dict[str, Json]:
    """The report as it is kept beside the draft: `{from, counts, losses}`."""
    counts = {outcome.value: found.report.count(outcome) for outcome in Outcome}
    kept = [loss | {"text": loss["text"][:MOST_SAID]} for loss in losses(found)[: 2 * MOST_SHOWN]]
    return {"from": KINDS[found.kind], "counts": counts, "losses": kept}


def may_be_foreign(text: str) -> bool:
    """May this be a file of another studio? Quick to say no for YAML of ours that is being typed."""
    return text.lstrip()[:1] in ("{", "[") or any(f"\n{key}" in f"\n{text}" for key in ("app:", "kind: app"))


async def import_foreign(db: Database, scope: Scope, data: bytes | str, filename: str = "") -> str:
    """Keep the draft of a foreign file with its layout, under its own name or a free one; returns the name.

    Raises NotImportable or SchemaError when no draft can be made of it, Conflict when there are too many of its name.
    """
    found = await asyncio.to_thread(convert, data, title=PurePath(filename).stem)
    if found.text is None:
        raise SchemaError(found.error or "No workflow could be made of this file.")
    return await keep(db, scope, found)


async def keep(db: Database, scope: Scope, found: Imported) -> str:
    """Store an imported draft, with the report on it in its layout; returns its name."""
    from studio.services.workflows import renamed  # noqa: PLC0415  # brings the YAML writer along

    assert found.text is not None
    name, _, _ = workflows.described(found.text)
    layout = found.layout | {REPORT: report_of(found)}
    for number in range(1, MOST_COPIES):
        free = name if number == 1 else f"{name[:58]}_{number}"
        text = found.text if number == 1 else renamed(found.text, free)
        try:
            async with db.transaction(scope) as tx:
                await workflows.create(tx, text, layout)
        except Conflict:
            continue
        return free
    raise Conflict(f"There are too many workflows named {name}.")
