"""The language over HTTP, for completion: asked for by people who may read workflows, sent once, small."""

from __future__ import annotations

import gzip
import json

import httpx

from engine.store.session import Database, Scope
from studio.services.editor_specs import packed_language
from tests.support.api import key_for

PLACE = "/api/v1/editor/language"


async def test_the_language_is_sent_once(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    key = await key_for(database, scope, "workflows:read")
    answer = await http.get(PLACE, headers=key)
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.json()["$defs"]["AgentConfig"]["properties"]["temperature"]["anyOf"][0]["maximum"] == 2
    plain = await http.get(PLACE, headers=key | {"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.json() == answer.json()
    again = await http.get(PLACE, headers=key | {"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await http.get(PLACE, headers=key | {"If-None-Match": '"other"'})).status_code == 200


async def test_who_may_not_read_workflows_does_not_get_it(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    assert (await http.get(PLACE)).status_code == 401
    assert (await http.get(PLACE, headers=await key_for(database, scope, "runs:read"))).status_code == 403


def test_what_is_sent_is_small_and_whole() -> None:
    packed = packed_language()
    assert len(packed.zipped) < 30_000
    assert json.loads(gzip.decompress(packed.zipped)) == json.loads(packed.plain)
