"""Versions over HTTP and in the services: who published what, what differs, and rolling back what is live."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from engine.errors import Conflict
from engine.store.access import audit, identity, workflows
from engine.store.session import Database, Scope
from studio.services import publishing
from tests.support.api import key_for, slug_of

TEXT = """\
name: "history"
version: "1.0.0"
description: "Says a number"
category: "system"
priority: "low"
triggers:
  - {name: "hook", type: "webhook", config: {path: "PATH", auth: "none", respond: "last_node"}}
nodes:
  - {name: "start", type: "start"}
  - {name: "end", type: "end", config: {output: {said: "VALUE"}}}
edges:
  - {from: "start", to: "end", condition: null}
"""
PLACE = "/api/v1/workflows/history"


def text(path: str, value: str) -> str:
    return TEXT.replace("PATH", path).replace("VALUE", value)


@pytest.fixture
async def key(http: httpx.AsyncClient, database: Database, scope: Scope) -> dict[str, str]:
    """A caller, and a workflow with two versions and a draft that says something else again."""
    key = await key_for(database, scope)
    assert (await http.post("/api/v1/workflows", headers=key, json={"text": text("old", "1")})).status_code == 201
    await publish(http, key, "the first")
    await save(http, key, text("new", "2"))
    await publish(http, key, "the second")
    await save(http, key, text("new", "3"))
    return key


async def publish(http: httpx.AsyncClient, key: dict[str, str], note: str) -> None:
    assert (await http.post(f"{PLACE}/publish", headers=key, json={"note": note})).status_code == 201


async def save(http: httpx.AsyncClient, key: dict[str, str], new: str) -> None:
    revision = (await http.get(PLACE, headers=key)).json()["revision"]
    assert (await http.put(PLACE, headers=key, json={"text": new, "revision": revision})).status_code == 200


async def test_the_history_names_note_moment_and_what_is_live(http: httpx.AsyncClient, key: dict[str, str]) -> None:
    shown = (await http.get(f"{PLACE}/versions", headers=key)).json()
    assert [(v["number"], v["note"], v["live"], v["version"]) for v in shown["versions"]] == [
        (2, "the second", True, "1.0.0"),
        (1, "the first", False, "1.0.0"),
    ]
    assert shown["live"] == 2
    assert shown["versions"][0]["at"] > shown["versions"][1]["at"]
    first = (await http.get(f"{PLACE}/versions/1", headers=key)).json()
    assert (first["text"], first["hash"]) == (text("old", "1"), workflows.content_hash(text("old", "1")))


async def test_who_published_is_named(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, text("old", "1"))
    await publishing.publish(database, scope, row.workflow_id, "by a person")
    async with database.transaction(scope) as tx:
        names = {user.user_id: user.name for user, _ in await identity.list_members(tx)}
    shown = (await http.get(f"{PLACE}/versions", headers=await key_for(database, scope))).json()
    assert shown["versions"][0]["by"] == names.get(scope.user_id)


async def test_a_comparison_has_both_sides_and_what_differs(http: httpx.AsyncClient, key: dict[str, str]) -> None:
    found = (await http.get(f"{PLACE}/compare", headers=key, params={"before": 1, "after": 2})).json()
    assert [node["name"] for node in found["before"]["graph"]["nodes"]] == ["start", "end"]
    assert found["after"]["text"] == text("new", "2")
    difference = found["difference"]
    assert [(n["name"], n["kind"], n["fields"]) for n in difference["nodes"]] == [
        ("end", "changed", [{"path": ["config", "output", "said"], "kind": "changed", "before": "1", "after": "2"}])
    ]
    [setting] = difference["settings"]
    assert (setting["path"], setting["after"]) == (["triggers", 0, "config", "path"], "new")

    draft = (await http.get(f"{PLACE}/compare", headers=key, params={"before": 2})).json()
    assert draft["after"]["number"] is None
    assert draft["difference"]["nodes"][0]["fields"][0]["after"] == "3"
    same = (await http.get(f"{PLACE}/compare", headers=key)).json()
    assert same["difference"] == {"nodes": [], "edges": [], "settings": []}


async def test_a_draft_that_cannot_be_read_is_compared_as_text(http: httpx.AsyncClient, key: dict[str, str]) -> None:
    broken = text("new", "3") + "extra: [unclosed\n"
    await save(http, key, broken)
    found = (await http.get(f"{PLACE}/compare", headers=key, params={"before": 2})).json()
    assert (found["difference"], found["after"]["graph"], found["after"]["text"]) == (None, None, broken)


async def test_rolling_back_serves_the_earlier_version_at_its_addresses(
    http: httpx.AsyncClient, database: Database, scope: Scope, key: dict[str, str]
) -> None:
    slug = await slug_of(database, scope)
    assert (await http.post(f"/hooks/{slug}/new", json={})).json()["said"] == "2"
    done = await http.post(f"{PLACE}/versions/1/live", headers=key, json={"live": 2})
    assert (done.status_code, done.json()["number"]) == (200, 1)
    assert [a["path"] for a in done.json()["addresses"]] == [f"/hooks/{slug}/old"]
    assert (await http.post(f"/hooks/{slug}/old", json={})).json()["said"] == "1"
    assert (await http.post(f"/hooks/{slug}/new", json={})).status_code == 404
    draft = (await http.get(PLACE, headers=key)).json()
    assert (draft["text"], draft["published_version"]) == (text("new", "3"), 1)
    async with database.transaction(scope) as tx:
        last = (await audit.entries(tx))[0][0]
        assert (last.action, last.details) == ("workflow.make_live", {"name": "history", "number": 1, "was": 2})

    assert (await http.post(f"{PLACE}/versions/2/live", headers=key, json={"live": 1})).status_code == 200
    assert (await http.post(f"/hooks/{slug}/new", json={})).json()["said"] == "2"
    await publish(http, key, "goes on counting")
    assert (await http.get(f"{PLACE}/versions", headers=key)).json()["versions"][0]["number"] == 3


async def test_a_rollback_that_does_not_know_what_is_live_changes_nothing(
    http: httpx.AsyncClient, key: dict[str, str]
) -> None:
    async def ask(number: Any, live: Any) -> tuple[int, Any]:
        answer = await http.post(f"{PLACE}/versions/{number}/live", headers=key, json={"live": live})
        return answer.status_code, (await http.get(f"{PLACE}/versions", headers=key)).json()["live"]

    assert await ask(1, 1) == (409, 2)
    assert await ask(1, None) == (409, 2)
    assert await ask(2, 2) == (409, 2)
    assert await ask(7, 2) == (404, 2)
    for number, live in ((0, 2), (-1, 2), ("x", 2), (10**12, 2), (1, "two"), (1, 0)):
        assert await ask(number, live) == (422, 2), (number, live)
    assert (await http.post(f"{PLACE}/versions/1/live", headers=key, json={})).status_code == 422


async def test_of_two_rollbacks_at_once_one_counts(database: Database, scope: Scope, key: dict[str, str]) -> None:
    async with database.transaction(scope) as tx:
        workflow_id = (await workflows.get_by_name(tx, "history")).workflow_id
    done = await asyncio.gather(
        *(publishing.make_live(database, scope, workflow_id, 1, 2) for _ in range(4)), return_exceptions=True
    )
    assert [isinstance(one, Conflict) for one in done].count(False) == 1
    assert sum(isinstance(one, publishing.Published) for one in done) == 1


async def test_an_unpublished_workflow_goes_live_again(http: httpx.AsyncClient, key: dict[str, str]) -> None:
    assert (await http.post(f"{PLACE}/unpublish", headers=key)).status_code == 204
    assert (await http.post(f"{PLACE}/versions/2/live", headers=key, json={"live": None})).status_code == 200
    assert (await http.get(f"{PLACE}/versions", headers=key)).json()["live"] == 2


async def test_versions_are_the_tenants_own_and_ask_for_permission(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope, key: dict[str, str]
) -> None:
    reader, stranger = await key_for(database, scope, "workflows:read"), await key_for(database, other_scope)
    asked = [("GET", "/versions"), ("GET", "/versions/1"), ("GET", "/compare"), ("POST", "/versions/1/live")]
    for method, path in asked:
        foreign = await http.request(method, PLACE + path, headers=stranger, json={"live": 2})
        missing = await http.request(method, f"/api/v1/workflows/none{path}", headers=stranger, json={"live": 2})
        assert foreign.status_code == missing.status_code == 404
        expected = 200 if method == "GET" else 403
        assert (await http.request(method, PLACE + path, headers=reader, json={"live": 2})).status_code == expected
        assert (await http.request(method, PLACE + path, json={"live": 2})).status_code == 401
    for wrong in ({"before": "x"}, {"before": 0}, {"after": 10**12}):
        assert (await http.get(f"{PLACE}/compare", headers=key, params=wrong)).status_code == 422
    assert (await http.get(f"{PLACE}/compare", headers=key, params={"before": 9})).status_code == 404
