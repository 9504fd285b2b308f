"""Everything as one ZIP file: the folder that the command line writes, and that can be read again."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import httpx
import sqlalchemy as sa
from sqlmodel import col

from engine.store.access import pins, workflows
from engine.store.session import Database, Scope
from engine.store.tables.workflows import WorkflowVersion
from studio.commands.files import read_files, write_files
from studio.commands.import_files import import_one
from studio.services import exporting, restoring
from studio.services.workflow_files import SHIPPED_NOTE, WorkflowFiles
from tests.integration.test_api import PURE
from tests.support.api import key_for

URL = "/api/v1/workflows/export.zip"
LAYOUT = {"nodes": {"start": [10, 20], "end": [10, 160]}}
GOLDEN = "cases: []\n"


async def fill(database: Database, scope: Scope) -> dict[str, WorkflowFiles]:
    texts = {"one": PURE.format(name="one").replace("\n", "\r\n"), "two": PURE.format(name="two") + "# Ü, no newline"}
    async with database.transaction(scope) as tx:
        await workflows.create(tx, texts["one"], LAYOUT)
        await workflows.create(tx, texts["two"], golden=GOLDEN)
    return {"one": WorkflowFiles(texts["one"], LAYOUT), "two": WorkflowFiles(texts["two"], golden=GOLDEN)}


async def test_the_zip_is_the_folder_and_can_be_read_again(
    http: httpx.AsyncClient, database: Database, scope: Scope, tmp_path: Path
) -> None:
    kept = await fill(database, scope)
    key = await key_for(database, scope)
    answer = await http.get(URL, headers=key)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert answer.content == (await http.get(URL, headers=key)).content, "the same workflows give the same bytes"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        packed.extractall(tmp_path / "zip")
    for name, files in kept.items():
        write_files(tmp_path / "folder", name, files)
    inside = [
        {path.relative_to(tmp_path / side): path.read_bytes() for path in (tmp_path / side).rglob("*.yaml")}
        for side in ("zip", "folder")
    ]
    assert inside[0] == inside[1]
    assert len(inside[0]) == 4
    for name, files in kept.items():
        assert read_files(tmp_path / "zip" / f"{name}.yaml") == files


async def test_the_report_of_an_import_stays_with_the_draft(database: Database, scope: Scope, tmp_path: Path) -> None:
    report = {"from": "n8n", "losses": [{"node": "start", "outcome": "mapped"}]}
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, PURE.format(name="one"), {**LAYOUT, "import": report})
        write_files(tmp_path, "one", WorkflowFiles(row.text, row.layout))
        read = read_files(tmp_path / "one.yaml")
        assert read.layout == LAYOUT
        done = await restoring.put(tx, read)
        assert (done.workflow_id, done.what) == (row.workflow_id, "one is the same already")
        moved = WorkflowFiles(row.text, {"nodes": {"start": [0, 0]}})
        assert (await restoring.put(tx, moved)).what == "updated one"
        assert (await workflows.get_by_name(tx, "one")).layout == {**moved.layout, "import": report}


async def test_only_ones_own_and_only_with_the_right_to_read(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope
) -> None:
    await fill(database, scope)
    theirs = await http.get(URL, headers=await key_for(database, other_scope))
    with zipfile.ZipFile(io.BytesIO(theirs.content)) as packed:
        assert packed.namelist() == []
    assert (await http.get(URL, headers=await key_for(database, scope, "runs:read"))).status_code == 403
    assert (await http.get(URL)).status_code == 401


async def test_what_is_published_and_pinned_goes_along(
    database: Database, scope: Scope, other_scope: Scope, tmp_path: Path
) -> None:
    """Exported, and imported where nothing is: the same versions with their notes and moments, one live, and pins."""
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, PURE.format(name="one"), LAYOUT)
        first = await workflows.publish(tx, row.workflow_id, 'First\nof all: "one"')
        await workflows.save_draft(tx, row.workflow_id, text=row.text + "# more\r\n", revision=1)
        await tx.session.refresh(row)
        await workflows.publish(tx, row.workflow_id)
        await workflows.make_live(tx, row.workflow_id, 1, 2)
        await pins.pin(tx, row.workflow_id, "start", {"text": "a\nb", "n": [1, None, True]})
        kept = await exporting.files_of(tx, row)
    write_files(tmp_path, "one", kept)
    read = read_files(tmp_path / "one.yaml")
    assert read == kept
    said = await import_one(database, other_scope, read)
    assert said == "created one, version 1 is live"
    async with database.transaction(other_scope) as tx:
        there = await workflows.get_by_name(tx, "one")
        assert await exporting.files_of(tx, there) == kept
        again = await restoring.put(tx, read)
        assert (again.is_new, again.remarks) == (False, ())
        other = replace(read, versions=(replace(read.versions[0], text=read.text), *read.versions[1:]))
        assert (await restoring.put(tx, other)).remarks == ("version 1 here is another one and was kept",)
        assert (await exporting.files_of(tx, there)).versions == kept.versions
    assert first.number == 1


async def test_over_what_a_new_tenant_begins_with_it_is_the_same_as_well(
    database: Database, scope: Scope, other_scope: Scope
) -> None:
    """A shipped workflow was changed and published; after a wipe its first version is there already, and is live."""
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, PURE.format(name="one"))
        await workflows.publish(tx, row.workflow_id, SHIPPED_NOTE)
        await workflows.save_draft(tx, row.workflow_id, text=row.text + "# ours\n", revision=1)
        await tx.session.refresh(row)
        await workflows.publish(tx, row.workflow_id, "Ours")
        kept = await exporting.files_of(tx, row)
    async with database.transaction(other_scope) as tx:
        seeded = await workflows.create(tx, PURE.format(name="one"))
        await workflows.publish(tx, seeded.workflow_id, SHIPPED_NOTE)
    assert await import_one(database, other_scope, kept, drafts=True) == "updated one"
    assert await import_one(database, other_scope, kept) == "one is the same already"
    async with database.transaction(other_scope) as tx:
        await tx.session.execute(sa.delete(WorkflowVersion).where(col(WorkflowVersion.number) == 2))
    assert await import_one(database, other_scope, kept) == "one is the same already, version 2 is live"
    async with database.transaction(other_scope) as tx:
        assert await exporting.files_of(tx, await workflows.get_by_name(tx, "one")) == kept
