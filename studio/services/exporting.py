"""A tenant's workflows as one ZIP file: the folder that `heddle export` writes."""

from __future__ import annotations

import io
import zipfile

from engine.store.access import pins, workflows
from engine.store.session import Database, Scope, Tx
from engine.store.tables.workflows import WorkflowRow
from studio.services.workflow_files import VersionFile, WorkflowFiles, contents

_SINCE = (1980, 1, 1, 0, 0, 0)  # the same workflows give the same bytes


async def archive(db: Database, scope: Scope, name: str | None = None) -> bytes:
    """All workflows, or the one of this name. Raises NotFound."""
    async with db.transaction(scope) as tx:
        rows = await workflows.list_workflows(tx) if name is None else [await workflows.get_by_name(tx, name)]
        texts: dict[str, str] = {}
        for row in rows:
            texts |= contents(row.name, await files_of(tx, row))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for path, text in sorted(texts.items()):
            entry = zipfile.ZipInfo(path, _SINCE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            file.writestr(entry, text.encode())
    return packed.getvalue()


async def files_of(tx: Tx, row: WorkflowRow) -> WorkflowFiles:
    """The draft with all that goes with it: layout, golden set, published versions, pinned outputs."""
    versions = []
    for one in reversed(await workflows.versions(tx, row.workflow_id)):
        text = (await workflows.get_definition(tx, one.hash)).text
        versions.append(VersionFile(one.number, text, one.layout, one.note, one.created_at))
    pinned = await pins.outputs(tx, row.workflow_id)
    return WorkflowFiles(row.text, row.layout, row.golden, tuple(versions), row.published_number, pinned)
