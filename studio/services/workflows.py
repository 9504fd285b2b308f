"""Workflows as wholes: create, import, duplicate, archive."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import count
from uuid import UUID

import engine.nodes
from engine.errors import Conflict, SchemaError
from engine.language.document import Document
from engine.store.access import audit, workflows
from engine.store.session import Database, Scope
from studio.services import templates
from studio.services.workflow_files import MAX_TEXT

NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
NAME_RULE = "A name starts with a small letter and holds small letters, digits, _ and - (at most 64)."

BLANK = """\
name: "{name}"
version: "1.0.0"
description: ""
category: "customer_service"
priority: "medium"

triggers:
  - type: "chat"
    config:
      path: "{name}"

nodes:
  - name: "start"
    type: "start"

  - name: "answer"
    type: "agent"
    config:
      model: "auto"
      prompt_template: |
        Answer the customer's message in two or three friendly sentences.
        Message: {{message}}

  - name: "end"
    type: "end"
    config:
      output:
        reply: "context.reply_text"

edges:
  - from: "start"
    to: "answer"
    condition: null
  - from: "answer"
    to: "end"
    condition: null
"""


@dataclass(frozen=True, slots=True)
class Found:
    """What an import found in the text; `name` is empty when it cannot be kept."""

    name: str
    nodes: int
    diagnostics: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class Replaced:
    """A draft whose text an import took the place of: what stood there before, and the revision that came of it."""

    workflow_id: UUID
    name: str
    before: str
    revision: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A name that is there already: a free one like it, and whether the draft of that name can be replaced."""

    free: str
    replaceable: bool


async def create(db: Database, scope: Scope, name: str, template: str = "") -> str:
    """Make a workflow under `name`, blank or from a shipped one; returns the name.

    Raises SchemaError for a name that is not allowed, Conflict for one that is taken.
    """
    name = check_name(name)
    text = BLANK.format(name=name) if not template else renamed(templates.text_of(template), name)
    async with db.transaction(scope) as tx:
        await workflows.create(tx, text)
    return name


def check_name(name: str) -> str:
    """The name without spaces around it; raises SchemaError with the rule and `field` "name"."""
    name = name.strip()
    if not NAME.fullmatch(name):
        raise SchemaError(NAME_RULE, field="name")
    return name


def renamed(text: str, name: str) -> str:
    """The text with another name in it and nothing else changed."""
    from engine.language.edits import apply_edits  # noqa: PLC0415  # brings the YAML writer along

    return apply_edits(text, [{"op": "set_top", "path": ["name"], "value": name}])


def look_into(text: str) -> Found:
    """What importing this text would bring, without keeping anything."""
    from engine.language.validate import validate  # noqa: PLC0415  # only an import needs it

    if len(text) > MAX_TEXT:
        raise SchemaError(f"The text is longer than {MAX_TEXT:,} characters.")
    engine.nodes.load()
    document = Document.parse(text)
    found = [
        {"severity": d.severity, "place": f"{d.line}:{d.column}", "message": d.message, "code": d.code}
        for d in validate(document)
    ]
    workflow = document.workflow
    name = workflow.name if workflow and NAME.fullmatch(workflow.name or "") else ""
    return Found(name, len(workflow.nodes) if workflow else 0, found)


async def import_text(db: Database, scope: Scope, text: str, name: str = "") -> str:
    """Keep a text as a new workflow, byte for byte, or with another `name` in it; returns its name.

    Raises SchemaError when it has no usable name, Conflict when a workflow of that name exists.
    """
    found = await asyncio.to_thread(_importable, text)
    if name and (name := check_name(name)) != found:
        text = await asyncio.to_thread(renamed, text, name)
    async with db.transaction(scope) as tx:
        row = await workflows.create(tx, text)
    return row.name


def _importable(text: str) -> str:
    """The name in it; raises SchemaError without one."""
    found = look_into(text)
    if not found.name:
        raise SchemaError("The text cannot be imported; see the problems below.")
    return found.name


async def is_taken(db: Database, scope: Scope, name: str) -> Taken | None:
    """None where a workflow can be called so."""
    async with db.transaction(scope) as tx:
        there, listed = await workflows.taken_names(tx), await workflows.names(tx)
    if name not in there:
        return None
    return Taken(free_name(name, there), name in listed)


def free_name(name: str, taken: Collection[str]) -> str:
    """The name, or the first with a number behind it that is not taken."""
    numbered = (f"{name[:58]}_{number}" for number in count(2))
    return name if name not in taken else next(one for one in numbered if one not in taken)


async def replace_text(db: Database, scope: Scope, text: str) -> Replaced:
    """Put a text in the place of the draft of its name; layout, versions and golden set stay.

    Raises SchemaError when it has no usable name, NotFound when there is no such workflow.
    """
    name = await asyncio.to_thread(_importable, text)
    async with db.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, name)
        workflow_id, before = row.workflow_id, row.text
        revision = await workflows.save_draft(tx, workflow_id, text=text, revision=row.revision)
    return Replaced(workflow_id, name, before, revision)


async def put_back(db: Database, scope: Scope, replaced: Replaced) -> None:
    """The draft as it was before; raises Conflict when somebody changed it since."""
    async with db.transaction(scope) as tx:
        await workflows.save_draft(tx, replaced.workflow_id, text=replaced.before, revision=replaced.revision)


async def duplicate(db: Database, scope: Scope, workflow_id: UUID) -> str:
    """Copy a draft with its layout and golden set under a free name; returns the name."""
    async with db.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        for number in range(1, 100):
            name = f"{row.name[:55]}_copy" + (f"_{number}" if number > 1 else "")
            try:
                copy = await workflows.create(tx, renamed(row.text, name), row.layout, row.golden)
            except Conflict:
                continue
            return copy.name
    raise Conflict("There are too many copies of this workflow already.")


async def archive(db: Database, scope: Scope, workflow_id: UUID, archived: bool = True) -> str:
    """Take a workflow out of the list, or bring it back; returns its name."""
    async with db.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        await workflows.archive(tx, workflow_id, archived)
        await audit.record(tx, "workflow.archive" if archived else "workflow.restore", "workflow", workflow_id)
        return row.name
