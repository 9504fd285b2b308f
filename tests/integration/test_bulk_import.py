"""Many files over HTTP: a line for each, whatever the others are."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import httpx

from engine.store.access import workflows
from engine.store.session import Database, Scope
from studio.services import exporting
from tests.integration.test_api import PURE
from tests.support.api import key_for

URL = "/api/v1/workflows/import"
LAYOUT = {"nodes": {"start": [10, 20]}}


def packed(**files: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return out.getvalue()


async def send(http: httpx.AsyncClient, key: dict[str, str], files: dict[str, Any], **query: Any) -> httpx.Response:
    given = [("files", (name, data)) for name, data in files.items()]
    return await http.post(URL, params=query, files=given, headers=key)


async def test_a_tenant_goes_over_as_one_zip(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope
) -> None:
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, PURE.format(name="one"), LAYOUT)
        await workflows.publish(tx, row.workflow_id, "First")
        await workflows.create(tx, PURE.format(name="two"))
    data = await exporting.archive(database, scope)
    key = await key_for(database, other_scope)
    seen = (await send(http, key, {"all.zip": data}, check="true")).json()["files"]
    assert [(one["file"], one["outcome"]) for one in seen] == [("one.yaml", "new"), ("two.yaml", "new")]
    done = (await send(http, key, {"all.zip": data})).json()["files"]
    assert [one["outcome"] for one in done] == ["created", "created"]
    assert "Version 1 was live" in done[0]["message"]
    async with database.transaction(other_scope) as tx:
        there = await workflows.get_by_name(tx, "one")
        assert (there.layout, there.published_number) == (LAYOUT, None)
        assert [one.note for one in await workflows.versions(tx, there.workflow_id)] == ["First"]


async def test_what_is_there_already_is_copied_replaced_or_left_out(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    text = PURE.format(name="one")
    files = {"one.yaml": text.encode()}
    for existing, name, outcome in (
        ("copy", "one", "created"),
        ("copy", "one_2", "created"),
        ("skip", "one", "skipped"),
        ("replace", "one", "replaced"),
    ):
        (line,) = (await send(http, key, files, existing=existing)).json()["files"]
        assert (line["name"], line["outcome"]) == (name, outcome)
    async with database.transaction(scope) as tx:
        assert await workflows.names(tx) == ["one", "one_2"]
        assert (await workflows.get_by_name(tx, "one_2")).text == text.replace('"one"', '"one_2"', 1)


async def test_what_is_no_workflow_keeps_no_other_from_it(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    flow = {"name": "hook", "nodes": [{"name": "Hook", "type": "n8n-nodes-base.webhook", "position": [0, 0]}]}
    folder = packed(
        **{
            "repo/compose.yml": "services: {}",
            "repo/one.yaml": PURE.format(name="one"),
            "repo/two.yaml": PURE.format(name="two"),
            "repo/.layout/two.yaml": "nodes: [1]",
            "repo/No Name.yaml": PURE.format(name="No Name"),
        }
    )
    files = {
        "flow.json": json.dumps(flow | {"connections": {}}).encode(),
        "repo.zip": folder,
        "odd.yaml": b"\xff\xfe",
        "huge.json": b"[" * 4_000_001,
    }
    key = await key_for(database, scope)
    lines = {one["file"]: one for one in (await send(http, key, files)).json()["files"]}
    made = {file for file, one in lines.items() if one["outcome"] == "created"}
    assert made == {"flow.json", "repo/one.yaml"}
    assert lines["flow.json"]["kind"] == "n8n"
    assert "not a layout" in lines["repo/two.yaml"]["message"]
    assert all(one["message"] for file, one in lines.items() if file not in made)


async def test_a_hostile_zip_is_refused_and_only_writers_may(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    for data in (packed(**{"../one.yaml": "x"}), b"PK"):
        answer = await send(http, key, {"all.zip": data})
        assert answer.status_code == 422
        assert "ZIP file" in answer.json()["detail"]
    reader = await key_for(database, scope, "workflows:read")
    assert (await send(http, reader, {"one.yaml": b"x"})).status_code == 403
    assert (await http.post(URL, files=[("files", ("one.yaml", b"x"))])).status_code == 401
