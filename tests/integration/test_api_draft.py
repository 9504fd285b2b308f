"""A draft over HTTP, as the editor finds it: for who may read it, small, and whole whatever the file holds."""

from __future__ import annotations

import httpx
import pytest

from engine.store.access import workflows
from engine.store.session import Database, Scope
from tests.support.api import key_for

PLACE = "/api/v1/editor/draft"
TEXT = """\
name: "kept"
description: "A draft"
version: "1.0.0"
nodes:
  - {name: start, type: start}
  - {name: odd, type: transform, config: {set: {a: .nan, b: .inf, c: 123456789012345678901234567890, 4: "ü😀"}}}
  - {name: end, type: end}
edges:
  - {from: start, to: odd}
  - {from: odd, to: end}
"""


@pytest.fixture
async def draft(database: Database, scope: Scope) -> str:
    async with database.transaction(scope) as tx:
        return (await workflows.create(tx, TEXT)).name


async def test_a_draft_comes_whole_and_small(
    http: httpx.AsyncClient, database: Database, scope: Scope, draft: str
) -> None:
    key = await key_for(database, scope, "workflows:read")
    answer = await http.get(PLACE, params={"workflow": draft}, headers=key)
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.content) > 4 * int(answer.headers["content-length"])
    found = answer.json()
    assert (found["text"], found["revision"], found["live"]) == (TEXT, 1, None)
    odd = next(node for node in found["graph"]["nodes"] if node["name"] == "odd")
    assert odd["raw"]["config"]["set"] == {
        "a": ".nan",  # what JSON has no word for is a text
        "b": ".inf",
        "c": "123456789012345678901234567890",
        "4": "ü😀",
    }
    plain = await http.get(PLACE, params={"workflow": draft}, headers=key | {"Accept-Encoding": "identity"})
    assert plain.json() == found


async def test_who_may_not_read_it_does_not_get_it(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope, draft: str
) -> None:
    ask = {"workflow": draft}
    assert (await http.get(PLACE, params=ask)).status_code == 401
    assert (await http.get(PLACE, params=ask, headers=await key_for(database, scope, "runs:read"))).status_code == 403
    assert (await http.get(PLACE, params=ask, headers=await key_for(database, other_scope))).status_code == 404
    key = await key_for(database, scope)
    assert (await http.get(PLACE, params={"workflow": "nobody"}, headers=key)).status_code == 404
    assert (await http.get(PLACE, params={"workflow": "x" * 300}, headers=key)).status_code == 422
