"""Everything as one ZIP file: the folder that the command line writes, and that can be read again."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import httpx

from engine.store.access import workflows
from engine.store.session import Database, Scope
from studio.commands.files import read_files, write_files
from studio.commands.import_files import put_draft
from studio.services.workflow_files import WorkflowFiles
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
        assert await put_draft(tx, read) == (row.workflow_id, "one is the same already")
        moved = WorkflowFiles(row.text, {"nodes": {"start": [0, 0]}})
        assert await put_draft(tx, moved) == (row.workflow_id, "updated one")
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
