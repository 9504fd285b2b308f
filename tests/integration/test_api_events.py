"""Events, subscriptions and the record over HTTP: who may, what is shown once, and nothing of other tenants."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from engine.store.session import Database, Scope
from tests.support.api import key_for

PLACE = "/api/v1/subscriptions"


async def test_an_event_is_published_once_for_each_key(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    body = {"topic": "order.paid", "payload": {"order_id": "O-1"}}
    once = [await http.post("/api/v1/events", headers=key | {"Idempotency-Key": "k"}, json=body) for _ in range(2)]
    assert [answer.status_code for answer in once] == [202, 202]
    assert once[0].json() == once[1].json()
    await http.post("/api/v1/events", headers=key, json=body)
    found = (await http.get("/api/v1/events", headers=key, params={"topic": "order.paid"})).json()["events"]
    assert len(found) == 2
    assert {(event["source"], event["payload"]["order_id"]) for event in found} == {("tenant", "O-1")}
    page = (await http.get("/api/v1/events", headers=key, params={"topic": "order.paid", "limit": 1})).json()
    rest = await http.get(
        "/api/v1/events", headers=key, params={"topic": "order.paid", "limit": 1, "cursor": page["cursor"]}
    )
    assert [page["events"][0], rest.json()["events"][0]] == found


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"topic": "agent_run"},
        {"topic": "a b"},
        {"topic": "t", "payload": [1]},
        {"topic": "t", "payload": {"a": "x" * 70_000}},
        {"topic": "t", "payload": {"a": "\x00"}},
        {"topic": "t", "payload": {}, "tenant_id": "x"},
        {"topic": 5},
    ],
)
async def test_what_is_no_event(
    http: httpx.AsyncClient, database: Database, scope: Scope, body: dict[str, Any]
) -> None:
    key = await key_for(database, scope)
    answer = await http.post("/api/v1/events", headers=key, json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_subscription_from_its_beginning_to_its_end(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    body = {"url": "https://example.test/hook", "topics": ["agent_run", "order.*", "order.*"]}
    made = await http.post(PLACE, headers=key, json=body)
    assert made.status_code == 201
    shown = made.json()
    secret = shown.pop("secret")
    assert secret.startswith("whsec_")
    assert shown["topics"] == ["agent_run", "order.*"]
    listed = await http.get(PLACE, headers=key)
    assert listed.json() == {"subscriptions": [shown]}
    assert secret not in listed.text
    place = f"{PLACE}/{shown['subscription_id']}"
    renewed = (await http.post(f"{place}/secret", headers=key)).json()["secret"]
    assert renewed != secret
    event = (await http.post("/api/v1/events", headers=key, json={"topic": "order.paid"})).json()
    assert (await http.post(f"{place}/send", headers=key, json=event)).status_code == 202
    missing = await http.post(f"{place}/send", headers=key, json={"event_id": str(uuid.uuid4())})
    assert missing.status_code == 404
    changed = (await http.patch(place, headers=key, json={"enabled": False, "description": "for accounting"})).json()
    assert (changed["enabled"], changed["description"], changed["url"]) == (False, "for accounting", body["url"])
    assert (await http.post(f"{place}/send", headers=key, json=event)).status_code == 409, "nobody listens there"
    assert (await http.delete(place, headers=key)).status_code == 204
    assert (await http.delete(place, headers=key)).status_code == 404
    record = (await http.get("/api/v1/audit", headers=key)).json()["entries"]
    assert [entry["action"].partition(".")[2] for entry in record][::-1] == [
        "create",
        "renew_secret",
        "send_again",
        "change",
        "delete",
    ]
    assert (await http.get("/api/v1/audit/verify", headers=key)).json() == {"intact": True}


@pytest.mark.parametrize(
    "body",
    [
        {"url": "file:///etc/passwd"},
        {"url": "http://10.0.0.1/"},
        {"url": "https://localhost/hook"},
        {"url": "http://[::1]:8000/"},
        {"url": "http://2130706433/"},
        {"topics": []},
        {"topics": ["*x"]},
        {"secret": "x"},
    ],
)
async def test_what_cannot_be_made_of_a_subscription(
    http: httpx.AsyncClient, database: Database, scope: Scope, body: dict[str, Any]
) -> None:
    key = await key_for(database, scope)
    good = {"url": "https://example.test/hook", "topics": ["*"]}
    assert (await http.post(PLACE, headers=key, json=good | body)).status_code == 422
    made = (await http.post(PLACE, headers=key, json=good)).json()
    assert (await http.patch(f"{PLACE}/{made['subscription_id']}", headers=key, json=body)).status_code == 422
    (row,) = (await http.get(PLACE, headers=key)).json()["subscriptions"]
    assert (row["url"], row["topics"]) == (good["url"], ["*"])


async def test_other_tenants_and_other_keys(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope
) -> None:
    mine = await key_for(database, scope)
    made = (await http.post(PLACE, headers=mine, json={"url": "https://example.test/", "topics": ["*"]})).json()
    event = (await http.post("/api/v1/events", headers=mine, json={"topic": "order.paid"})).json()
    theirs = await key_for(database, other_scope)
    for method, path, body in (
        ("PATCH", f"{PLACE}/{{}}", {"enabled": False}),
        ("DELETE", f"{PLACE}/{{}}", None),
        ("POST", f"{PLACE}/{{}}/secret", None),
        ("POST", f"{PLACE}/{{}}/send", event),
    ):
        foreign = await http.request(method, path.format(made["subscription_id"]), headers=theirs, json=body)
        unknown = await http.request(method, path.format(uuid.uuid4()), headers=theirs, json=body)
        assert (foreign.status_code, foreign.json()) == (unknown.status_code, unknown.json()), path
        assert foreign.status_code == 404
    assert (await http.get("/api/v1/events", headers=theirs)).json()["events"] == []
    assert (await http.get("/api/v1/audit", headers=theirs)).json()["entries"] == []
    reader = await key_for(database, scope, "events:read")
    assert (await http.get(PLACE, headers=reader)).status_code == 200
    for path, body in (("/api/v1/events", {"topic": "t"}), (PLACE, {}), ("/api/v1/events/redeliver", {})):
        assert (await http.post(path, headers=reader, json=body)).status_code == 403
    assert (await http.get("/api/v1/audit", headers=reader)).status_code == 403
