"""Workflows of other studios as drafts of ours: n8n, Dify, Langflow and Flowise. Pure: nothing runs, nothing is asked.

    bytes --reading--> data --kinds--> a module --> Draft --finish, proof, writing, picture--> text + layout + report

A peer's module knows its own format and nothing of YAML; what all of them share is in this folder. See docs/IMPORT.md.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

from engine import nodes
from engine.errors import NotImportable
from engine.importers import values as v
from engine.importers.attempt import FAULTS
from engine.importers.kinds import HEDDLE, nodes_of, others_in, recognised
from engine.importers.picture import layout_of
from engine.importers.proof import proven_text
from engine.importers.reading import read
from engine.importers.report import Entry, Outcome, Report, Source

Json = Any
MOST_NODES = 4_000  # of the file; a part of them may be folded into others


@dataclass(slots=True)
class Imported:
    """What an import found. `text` is None when no draft could be made of it; `error` says why."""

    kind: str
    title: str
    text: str | None
    layout: dict[str, Json] = field(default_factory=dict)
    report: Report = field(default_factory=Report)
    error: str | None = None


def convert(
    data: bytes | str, *, title: str = "", tools: Mapping[str, Any] | Collection[str] | None = None
) -> Imported:
    """The draft and the loss report of a foreign file. `title` names a workflow that the file does not name.

    Raises NotImportable for a file that is not one. With `tools`, the draft is valid with regard to them as well.
    """
    whole = read(data)
    kind, found = recognised(whole)
    if kind == HEDDLE:
        raise NotImportable("This is a workflow of Heddle already.")
    written = nodes_of(kind, found)
    if len(written) > MOST_NODES:
        return _too_many(kind, title, written)
    nodes.load()
    peer = import_module(f"{__name__}.{kind}")
    try:
        draft = peer.convert(found)
    except FAULTS as err:  # each node is converted under guard; this is what lies between them
        raise NotImportable("The file holds something that could not be read.") from err
    draft.title = draft.title.strip() or title
    if others := others_in(whole):
        draft.report.remark(
            f"The file holds {others + 1} workflows; this is the first. Import the others by themselves."
        )
    try:
        text = proven_text(draft, tools)
    except NotImportable as err:
        for entry in draft.report.entries:
            entry.node = None
            entry.lower(Outcome.UNSUPPORTED, err.public_message)
        return Imported(kind, draft.title, None, report=draft.report, error=err.public_message)
    return Imported(kind, draft.title, text, layout_of(draft, peer.STRETCH), draft.report)


def _too_many(kind: str, title: str, written: list[Json]) -> Imported:
    """The report of a file that is too large to be converted."""
    error = f"The file has more than {MOST_NODES:,} nodes."
    sources = (Source(str(n), v.text(node, "name")[:200], v.text(node, "type")[:200]) for n, node in enumerate(written))
    report = Report([Entry(source, Outcome.UNSUPPORTED, reasons=[error]) for source in sources])
    return Imported(kind, title, None, report=report, error=error)
