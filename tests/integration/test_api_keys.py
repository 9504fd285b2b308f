"""API keys over HTTP and by the service: who makes which, what they may, when they end, and that nobody reads them."""

from __future__ import annotations

import asyncio
import json
import uuid
from typing import Any

import httpx
import pytest

from engine.errors import Conflict, Forbidden, InputError
from engine.store.access import identity
from engine.store.session import Database, Scope
from studio.auth.cookies import COOKIE
from studio.auth.permissions import PERMISSIONS, ROLES
from studio.container import Container
from studio.services import api_keys, audit
from tests.support.api import key_for

PLACE = "/api/v1/api-keys"
SERVED = """\
name: served
version: "1.0.0"
description: Says what it was told
category: system
priority: low
triggers:
  - {name: hook, type: webhook, config: {path: served, auth: token}}
nodes:
  - {name: start, type: start}
  - {name: end, type: end, config: {output: {said: context.message}}}
edges:
  - {from: start, to: end, condition: null}
"""


@pytest.fixture
async def person(database: Database, scope: Scope) -> dict[str, str]:
    """Headers of the tenant's admin in a browser."""
    return await signed_in(database, scope)


async def signed_in(database: Database, scope: Scope, role: str = "admin") -> dict[str, str]:
    async with database.transaction(scope) as tx:
        who = await identity.add_member(tx, f"{uuid.uuid4().hex[:8]}@example.com", "Ada Admin", "", role)
        token = await identity.create_session(tx, who)
    return {"Cookie": f"{COOKIE}={token}", "Origin": "http://heddle.test"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def made_by(http: httpx.AsyncClient, person: dict[str, str], *scopes: str) -> dict[str, Any]:
    answer = await http.post(PLACE, headers=person, json={"name": "Order system", "scopes": scopes})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_a_key_from_its_beginning_to_its_end(http: httpx.AsyncClient, person: dict[str, str]) -> None:
    made = await made_by(http, person, "runs:read", "workflows:run", "runs:read")
    key = made.pop("key")
    assert key.startswith(made["prefix"])
    assert len(key) > len(made["prefix"]) + 20
    assert (made["name"], made["scopes"]) == ("Order system", ["runs:read", "workflows:run"])
    assert (made["created_by_name"], made["last_used_at"]) == ("Ada Admin", None)
    listed = await http.get(PLACE, headers=person)
    assert listed.json() == {"api_keys": [made]}

    assert (await http.get("/api/v1/runs", headers=bearer(key))).status_code == 200
    refused = await http.get("/api/v1/audit", headers=bearer(key))
    assert (refused.status_code, refused.json()["permission"]) == (403, "audit:read")
    (used,) = (await http.get(PLACE, headers=person)).json()["api_keys"]
    assert used["last_used_at"] > made["created_at"]

    place = f"{PLACE}/{made['api_key_id']}"
    assert (await http.delete(place, headers=person)).status_code == 204
    ended = await http.get("/api/v1/runs", headers=bearer(key))
    assert (ended.status_code, ended.json()["code"]) == (401, "unauthenticated")
    assert (await http.get(PLACE, headers=person)).json() == {"api_keys": []}
    again, unknown = [await http.delete(one, headers=person) for one in (place, f"{PLACE}/{uuid.uuid4()}")]
    assert again.status_code == 404
    assert again.json() == unknown.json()

    record = await http.get("/api/v1/audit", headers=person)
    entries = record.json()["entries"]
    assert [entry["action"] for entry in entries] == ["api_key.revoke", "api_key.create"]
    shown = {"name": made["name"], "prefix": made["prefix"], "scopes": made["scopes"]}
    assert all(entry["details"] == shown and entry["resource_id"] == made["api_key_id"] for entry in entries)
    for text in (listed.text, record.text):
        assert key not in text
        assert identity.token_hash(key) not in text


async def test_a_revoked_key_ends_among_many_calls(http: httpx.AsyncClient, person: dict[str, str]) -> None:
    """Calls that come together ask together who they are; what is asked after the answer to `revoke` is refused."""
    made = await made_by(http, person, "runs:read")

    async def call() -> int:
        return (await http.get("/api/v1/runs", headers=bearer(made["key"]))).status_code

    assert set(await asyncio.gather(*(call() for _ in range(20)))) == {200}
    before = [asyncio.create_task(call()) for _ in range(20)]
    assert (await http.delete(f"{PLACE}/{made['api_key_id']}", headers=person)).status_code == 204
    assert set(await asyncio.gather(*(call() for _ in range(20)))) == {401}
    assert set(await asyncio.gather(*before)) <= {200, 401}


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": "   "},
        {"name": "x" * 101},
        {"name": "two\nlines"},
        {"name": "\u202eturned"},
        {"name": "half \ud800"},
        {"name": None},
        {"scopes": []},
        {"scopes": ["runs:fly"]},
        {"scopes": ["runs:read", "*"]},
        {"scopes": ["RUNS:READ"]},
        {"scopes": ["runs:raed"]},
        {"scopes": ["settings:zzz"]},
        {"scopes": ["invoices"]},
        {"scopes": ["invoices:approve:all"]},
        {"scopes": ["invoices:approve "]},
        {"scopes": ["invoices:" + "x" * 100]},
        {"scopes": [f"invoices:n{number}" for number in range(51)]},
        {"scopes": ["runs:read\x00"]},
        {"scopes": "runs:read"},
        {"scopes": ["runs:read"] * 1000},
        {"key": "heddle_mine"},
        {"created_by": str(uuid.uuid4())},
    ],
)
async def test_what_cannot_be_made_a_key(http: httpx.AsyncClient, person: dict[str, str], body: dict[str, Any]) -> None:
    text = json.dumps({"name": "Order system", "scopes": ["runs:read"]} | body)  # as ASCII: half characters, too
    answer = await http.post(PLACE, headers=person | {"Content-Type": "application/json"}, content=text)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert (await http.get(PLACE, headers=person)).json() == {"api_keys": []}


@pytest.mark.parametrize(("name", "scopes", "field"), [(" ", ["runs:read"], "name"), ("ci", ["runs:fly"], "scopes")])
async def test_the_field_at_fault_is_named(
    database: Database, scope: Scope, name: str, scopes: list[str], field: str
) -> None:
    with pytest.raises(InputError) as wrong:
        await api_keys.create(database, scope, name, scopes)
    assert wrong.value.details["field"] == field


@pytest.mark.parametrize("role", ["viewer", "agent"])
async def test_nobody_makes_a_key_that_may_more_than_they(database: Database, scope: Scope, role: str) -> None:
    maker = Scope(scope.tenant_id, scope.user_id, role)
    for more in sorted(PERMISSIONS - ROLES[role]):
        with pytest.raises(Forbidden, match=more):
            await api_keys.create(database, maker, "ci", ["runs:read", more])
    made, _ = await api_keys.create(database, maker, "ci", sorted(ROLES[role]))
    assert set(made.scopes) == ROLES[role]
    assert len(await api_keys.listing(database, scope)) == 1


async def test_scopes_of_the_tenants_own_are_for_whoever_may_run_workflows(database: Database, scope: Scope) -> None:
    wanted = ["invoices:approve", "runs:read", "invoices:approve", "chat-bots:talk_2"]
    with pytest.raises(Forbidden, match="workflows:run"):
        await api_keys.create(database, Scope(scope.tenant_id, scope.user_id, "viewer"), "ci", wanted)
    made, _ = await api_keys.create(database, Scope(scope.tenant_id, scope.user_id, "agent"), "ci", wanted)
    assert made.scopes == ("chat-bots:talk_2", "invoices:approve", "runs:read")


def test_scopes_that_are_typed() -> None:
    assert api_keys.typed("") == api_keys.typed(" , ") == []
    assert api_keys.typed(" a:b, c:d;e:f\n orders:write ") == ["a:b", "c:d", "e:f", "orders:write"]
    for wrong in ("a", "a:b c", "A:b", "runs:raed", "<b>:x"):
        with pytest.raises(InputError) as raised:
            api_keys.typed(wrong)
        assert raised.value.details["field"] == "own_scopes"


async def test_a_key_makes_no_other_key(
    http: httpx.AsyncClient, database: Database, scope: Scope, person: dict[str, str]
) -> None:
    """Not even one that may less: a stolen key would outlive its end. It may say which there are, and revoke."""
    all_of_it = await key_for(database, scope)
    body = {"name": "another", "scopes": ["runs:read"]}
    refused = await http.post(PLACE, headers=all_of_it, json=body)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    # Who is signed in as well as shown with a key counts as the key.
    assert (await http.post(PLACE, headers=person | all_of_it, json=body)).status_code == 403
    (own,) = (await http.get(PLACE, headers=all_of_it)).json()["api_keys"]
    assert (await http.delete(f"{PLACE}/{own['api_key_id']}", headers=all_of_it)).status_code == 204
    assert (await http.get(PLACE, headers=all_of_it)).status_code == 401


async def test_other_roles_other_sites_and_other_tenants(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope, person: dict[str, str]
) -> None:
    made = await made_by(http, person, "runs:read")
    place, body = f"{PLACE}/{made['api_key_id']}", {"name": "x", "scopes": ["runs:read"]}
    for role in ("viewer", "agent"):
        other = await signed_in(database, scope, role)
        for method, path in (("GET", PLACE), ("POST", PLACE), ("DELETE", place)):
            assert (await http.request(method, path, headers=other, json=body)).status_code == 403, (role, method)
    foreign_site = person | {"Origin": "https://evil.test"}
    assert (await http.post(PLACE, headers=foreign_site, json=body)).status_code == 403
    assert (await http.get(PLACE)).status_code == 401

    stranger = await signed_in(database, other_scope)
    assert (await http.get(PLACE, headers=stranger)).json() == {"api_keys": []}
    foreign = await http.delete(place, headers=stranger)
    unknown = await http.delete(f"{PLACE}/{uuid.uuid4()}", headers=stranger)
    assert (foreign.status_code, foreign.json()) == (404, unknown.json())
    assert (await http.get("/api/v1/runs", headers=bearer(made["key"]))).status_code == 200
    reader = await key_for(database, scope, "api_keys:read")
    assert (await http.get(PLACE, headers=reader)).status_code == 200
    assert (await http.delete(place, headers=reader)).status_code == 403


async def test_there_are_only_so_many(database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "MAX_API_KEYS", 5)
    made = [await api_keys.create(database, scope, f"key {n}", ["runs:read"]) for n in range(3)]

    async def more() -> bool:
        try:
            await api_keys.create(database, scope, "more", ["runs:read"])
        except Conflict:
            return False
        return True

    assert sum(await asyncio.gather(*(more() for _ in range(6)))) == 2
    assert len(await api_keys.listing(database, scope)) == 5
    await api_keys.revoke(database, scope, made[0][0].api_key_id)
    assert await more()


async def test_a_key_outlasts_who_made_it_and_says_so(database: Database, scope: Scope) -> None:
    maker = Scope(scope.tenant_id, uuid.uuid4(), "admin")
    made, _ = await api_keys.create(database, maker, "ci", ["runs:read"])
    operator, _ = await api_keys.create(database, Scope(scope.tenant_id, None, "admin"), "first", ["runs:read"])
    assert (made.creator, operator.creator) == ("A former member", "The operator")
    assert [key.name for key in await api_keys.listing(database, scope)] == ["first", "ci"]


@pytest.mark.parametrize(
    ("scopes", "words"),
    [
        (["runs:read", "workflows:run"], "Run workflows and read runs"),
        (["workflows:read", "runs:read", "events:read"], "Read only"),
        (sorted(PERMISSIONS), "Everything"),
        (["runs:read", "events:publish"], "runs:read, events:publish"),
        (["crm:read"], "crm:read"),
        (["invoices:approve", "runs:read", "workflows:run"], "Run workflows and read runs; invoices:approve"),
        ([*sorted(PERMISSIONS), "invoices:approve"], "Everything; invoices:approve"),
        (["invoices:approve", "crm:read"], "invoices:approve, crm:read"),
    ],
)
def test_what_a_key_may_in_words(scopes: list[str], words: str) -> None:
    assert api_keys.in_words(scopes) == words


def test_sets_of_scopes() -> None:
    assert set(api_keys.scopes_of("run", "viewer")) == {"workflows:run", "runs:read"}
    assert set(api_keys.scopes_of("all", "viewer")) == set(api_keys.scopes_of("read", "admin"))
    assert set(api_keys.scopes_of("all", "admin")) == set(api_keys.SCOPES)
    assert api_keys.scopes_of("all", "nobody") == []
    assert api_keys.scopes_of("runs:fly", "admin") == ["runs:fly"]


async def test_the_call_that_is_shown_with_a_key_works_with_it(
    http: httpx.AsyncClient, container: Container, scope: Scope, person: dict[str, str]
) -> None:
    """For each scope that has one: the address, and for a run a body that is taken, of a workflow that is there."""
    assert (await http.post("/api/v1/workflows", headers=person, json={"text": SERVED})).status_code == 201
    assert (await http.post("/api/v1/workflows/served/publish", headers=person, json={})).status_code == 201
    for one in api_keys.SCOPES:
        shown = await api_keys.example(container.key_gate, scope, [one])
        if not shown:
            assert one.partition(":")[2] != "read", one
            continue
        key = bearer((await made_by(http, person, one))["key"])
        address, _, body = shown.replace("\\\n", "").partition(" ")
        sent = body.partition("-d '")[2].removesuffix("'")
        method = "POST" if sent else "GET"
        assert bool(sent) == (one == "workflows:run")
        asked = json.loads(sent) | {"wait_s": 0} if sent else None  # nobody works here
        answer = await http.request(method, address, headers=key, json=asked)
        assert answer.status_code == (202 if sent else 200), (one, answer.text)
        assert not sent or json.loads(sent)["workflow"] == "served"


async def test_the_record_names_the_key_and_leads_to_the_page(database: Database, scope: Scope) -> None:
    made, _ = await api_keys.create(database, scope, "Order system", ["runs:read"])
    await api_keys.revoke(database, scope, made.api_key_id)
    lines, _ = await audit.listing(database, scope, audit.Filter())
    assert [(line.action, line.what, line.link) for line in lines] == [
        ("api_key.revoke", "Order system", "/app/api-keys"),
        ("api_key.create", "Order system", "/app/api-keys"),
    ]
