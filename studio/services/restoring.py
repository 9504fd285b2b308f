"""Workflows from a folder back into the tenant: the draft, and what was exported with it (workflow_files.py)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from engine.errors import NotFound
from engine.store.access import pins, workflows
from engine.store.session import Tx
from studio.services.workflow_files import REPORT, SHIPPED_NOTE, WorkflowFiles


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of a workflow: `what` was done with its draft, `remarks` on what goes with it.

    `live`: the version that was live, where nobody has published anything here yet and another one is (`seen`) or none.
    """

    workflow_id: UUID
    what: str
    is_new: bool
    live: int | None = None
    seen: int | None = None
    remarks: tuple[str, ...] = ()


async def put(tx: Tx, files: WorkflowFiles) -> Restored:
    """Make the workflow, or replace the draft of the one with its name; versions that are missing come with it.

    Nothing becomes live by it. Raises SchemaError for a text without a usable name, Conflict for an archived one's.
    """
    workflow_id, what, is_new = await _put_draft(tx, files)
    seen = (await workflows.get_workflow(tx, workflow_id)).published_number
    is_untouched = all(one.note == SHIPPED_NOTE for one in await workflows.versions(tx, workflow_id))
    others = [
        one.number
        for one in files.versions
        if not await workflows.put_version(
            tx, workflow_id, one.number, one.text, layout=one.layout, note=one.note, at=one.at
        )
    ]
    for node, output in files.pins.items():
        await pins.pin(tx, workflow_id, node, output)
    remarks = tuple(f"version {number} here is another one and was kept" for number in others)
    live = files.live if is_untouched and files.live != seen and files.live not in others else None
    return Restored(workflow_id, what, is_new, live, seen, remarks)


async def _put_draft(tx: Tx, files: WorkflowFiles) -> tuple[UUID, str, bool]:
    name, _, _ = workflows.described(files.text)
    try:
        row = await workflows.get_by_name(tx, name)
    except NotFound:
        row = await workflows.create(tx, files.text, files.layout, files.golden)
        return row.workflow_id, f"created {name}", True
    row.golden = files.golden if files.golden is not None else row.golden
    layout = None
    if files.layout:
        layout = {**files.layout, **{part: row.layout[part] for part in (REPORT,) if part in row.layout}}
    if row.text == files.text and layout in (None, row.layout):
        return row.workflow_id, f"{name} is the same already", False
    await workflows.save_draft(tx, row.workflow_id, text=files.text, revision=row.revision, layout=layout)
    return row.workflow_id, f"updated {name}", False
