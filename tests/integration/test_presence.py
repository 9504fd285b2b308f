"""Who has a draft open: told to each other, forgotten soon, and nobody else's business."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from redis.asyncio import ConnectionPool

from engine.store.access import identity, workflows
from engine.store.session import Database, Scope
from studio.container import Container
from studio.services import presence
from tests.integration.test_api import PURE, publish
from tests.support.api import key_for

URL = "/api/v1/editor/presence"


async def say(http: httpx.AsyncClient, key: dict[str, str], tab: str, **more: Any) -> Any:
    answer = await http.post(URL, headers=key, params={"workflow": "shared"}, json={"tab": tab, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture
async def key(http: httpx.AsyncClient, database: Database, scope: Scope) -> dict[str, str]:
    made = await key_for(database, scope)
    await publish(http, made, "shared")
    return made


async def test_tabs_see_each_other_until_they_leave(http: httpx.AsyncClient, key: dict[str, str]) -> None:
    assert (await say(http, key, "one"))["people"] == []
    (seen,) = (await say(http, key, "two", node="greet"))["people"]
    assert (seen["tab"], seen["node"]) == ("one", None)
    (seen,) = (await say(http, key, "one"))["people"]
    assert (seen["tab"], seen["node"]) == ("two", "greet")
    await say(http, key, "two", leaves=True)
    assert (await say(http, key, "one"))["people"] == []


async def test_people_have_names_and_know_their_own_tabs(
    container: Container, database: Database, scope: Scope
) -> None:
    async with database.transaction(scope) as tx:
        bob = Scope(scope.tenant_id, await identity.add_member(tx, "bob@example.com", "Bob", "x", "agent"), "agent")
        await workflows.create(tx, PURE.format(name="seen"))

    async def tell(who: Scope, tab: str) -> list[dict[str, Any]]:
        told = await presence.report(container.db, container.redis, who, "seen", presence.Report(tab))
        people: list[dict[str, Any]] = told["people"]
        return people

    await tell(bob, "bob1")
    (seen,) = await tell(scope, "ada1")
    assert (seen["name"], seen["mine"]) == ("Bob", False)
    assert [(one["tab"], one["mine"]) for one in await tell(bob, "bob2")] == [("ada1", False), ("bob1", True)]


async def test_who_says_nothing_is_gone(
    http: httpx.AsyncClient, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(http, key, "one")
    monkeypatch.setattr(presence, "GONE_S", -1.0)
    assert (await say(http, key, "two"))["people"] == []


async def test_the_revision_tells_of_saves(http: httpx.AsyncClient, key: dict[str, str]) -> None:
    before = (await say(http, key, "one"))["revision"]
    text = (await http.get("/api/v1/workflows/shared", headers=key)).json()["text"]
    done = await http.put("/api/v1/workflows/shared", headers=key, json={"text": text + "# more\n", "revision": before})
    assert done.status_code == 200, done.text
    assert (await say(http, key, "one"))["revision"] == before + 1


async def test_hostile_reports(
    http: httpx.AsyncClient, key: dict[str, str], database: Database, scope: Scope, other_scope: Scope
) -> None:
    for wrong in (
        {"tab": ""},
        {"tab": "x" * 33},
        {"tab": "a:b"},
        {"tab": "a", "node": "x" * 65},
        {"tab": "a", "node": "a\0b"},
        {"tab": "a", "node": "\ud800"},
        {"tab": "a", "name": "Ada"},
        {},
    ):
        body, headers = json.dumps(wrong), key | {"Content-Type": "application/json"}
        answer = await http.post(URL, headers=headers, params={"workflow": "shared"}, content=body)
        assert answer.status_code == 422, (wrong, answer.text)
    theirs = await key_for(database, other_scope)
    runner = await key_for(database, scope, "workflows:run")
    for caller, status in ((theirs, 404), (runner, 403)):
        answer = await http.post(URL, headers=caller, params={"workflow": "shared"}, json={"tab": "a"})
        assert answer.status_code == status
    for number in range(presence.MOST + 5):
        await say(http, key, f"t{number}")
    assert len((await say(http, key, "last"))["people"]) == presence.MOST


async def test_without_redis_nobody_is_seen_and_the_revision_is_told(
    http: httpx.AsyncClient, key: dict[str, str], container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say(http, key, "one")
    monkeypatch.setattr(container.redis, "connection_pool", ConnectionPool.from_url("redis://127.0.0.1:1/0"))
    found = await say(http, key, "two")
    assert (found["people"], found["revision"] > 0) == ([], True)
