"""The HTTP API over a real database, Redis and run client: who may call what, and what comes back."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import uuid
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from fastapi import APIRouter
from standardwebhooks.webhooks import Webhook

from engine.errors import ConfigError
from engine.store.access import identity, workflows
from engine.store.session import Database, Scope
from studio.api import published_first
from studio.api.access import permission_of
from studio.api.app import create_api, http_routes
from studio.auth.cookies import COOKIE
from studio.auth.permissions import PERMISSIONS
from studio.container import Container
from tests.support.api import key_for, slug_of

PURE = """\
name: "{name}"
version: "1.0.0"
description: "Greets by name, without a model"
category: "system"
priority: "low"
triggers:
  - name: "hook"
    type: "webhook"
    config: {{path: "{name}", auth: "token", respond: "last_node"}}
nodes:
  - name: "start"
    type: "start"
  - name: "greet"
    type: "transform"
    config:
      set: {{greeting: "context.name"}}
  - name: "end"
    type: "end"
    config:
      output: {{hello: "context.greeting"}}
edges:
  - {{from: "start", to: "greet", condition: null}}
  - {{from: "greet", to: "end", condition: null}}
"""


async def publish(http: httpx.AsyncClient, key: dict[str, str], name: str, text: str = PURE) -> str:
    """Create and publish a workflow under a name; returns the webhook's token."""
    made = await http.post("/api/v1/workflows", headers=key, json={"text": text.format(name=name)})
    assert made.status_code == 201, made.text
    done = await http.post(f"/api/v1/workflows/{name}/publish", headers=key, json={"note": "first"})
    assert done.status_code == 201, done.text
    return done.json()["addresses"][0]["token"]


def test_every_route_names_its_permission() -> None:
    routes = http_routes()
    assert len(routes) > 15
    named = {route.path: permission_of(route.dependant) for route in routes}
    assert [path for path, permission in named.items() if permission is None] == []
    assert {p for p in named.values() if p != "public"} <= PERMISSIONS


async def test_without_a_key_every_protected_route_says_401(http: httpx.AsyncClient) -> None:
    for route in http_routes():
        if permission_of(route.dependant) == "public":
            continue
        path = route.path.replace("{run_id}", str(uuid.uuid4())).replace("{name}", "x")
        for method in route.methods:
            answer = await http.request(method, path, json={})
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.json()["code"] == "unauthenticated"


def test_a_route_without_a_permission_is_not_served(monkeypatch: pytest.MonkeyPatch) -> None:
    router = APIRouter()
    router.add_api_route("/forgotten", lambda: None)
    monkeypatch.setattr("studio.api.app.ROUTERS", (router,))
    with pytest.raises(ConfigError, match="/forgotten"):
        create_api(Container())


async def test_a_key_may_do_what_its_scopes_say_and_no_more(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    reader = await key_for(database, scope, "workflows:read")
    assert (await http.get("/api/v1/workflows", headers=reader)).status_code == 200
    refused = await http.post("/api/v1/workflows", headers=reader, json={"text": PURE.format(name="x")})
    assert (refused.status_code, refused.json()["permission"]) == (403, "workflows:write")
    assert (await http.get("/api/v1/runs", headers=reader)).status_code == 403


async def test_a_cookie_of_another_origin_cannot_write(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    async with database.transaction(scope) as tx:
        token = await identity.create_session(tx, scope.user_id)
    cookie = {"Cookie": f"{COOKIE}={token}"}
    body = {"text": PURE.format(name="csrf")}
    foreign = await http.post("/api/v1/workflows", headers=cookie | {"Origin": "https://evil.test"}, json=body)
    assert foreign.status_code == 403
    own = await http.post("/api/v1/workflows", headers=cookie | {"Origin": "http://heddle.test"}, json=body)
    assert own.status_code == 201


async def test_webhook_runs_inline_and_shows_in_the_run_list(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    token = await publish(http, key, "greeter")
    address = f"/hooks/{await slug_of(database, scope)}/greeter"
    bearer = {"Authorization": f"Bearer {token}"}
    answer = await http.post(address, headers=bearer, json={"name": "Ada"})
    assert (answer.status_code, answer.json()) == (200, {"hello": "Ada"})
    run = (await http.get(f"/api/v1/runs/{answer.headers['heddle-run-id']}", headers=key)).json()
    assert (run["status"], run["trigger"], run["version_number"], run["input"]) == (
        "succeeded",
        "webhook",
        1,
        {"name": "Ada"},
    )
    listed = (await http.get("/api/v1/runs", headers=key)).json()["runs"]
    assert [r["run_id"] for r in listed] == [run["run_id"]]
    steps = (await http.get(f"/api/v1/runs/{run['run_id']}/steps", headers=key)).json()["steps"]
    assert [s["path"] for s in steps] == ["start", "greet", "end"]


async def test_webhook_refuses_strangers(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    token = await publish(http, await key_for(database, scope), "guarded")
    address = f"/hooks/{await slug_of(database, scope)}/guarded"
    assert (await http.post(address, json={})).status_code == 401
    assert (await http.post(address, json={}, headers={"Authorization": "Bearer hook_wrong"})).status_code == 403
    for unknown in ("/hooks/nobody/guarded", f"{address}/deeper", address.replace("guarded", "%2e%2e")):
        gone = await http.post(unknown, json={}, headers={"Authorization": f"Bearer {token}"})
        assert (gone.status_code, gone.json()["detail"]) == (404, "Nothing is published here.")


async def test_webhooks_answer_ahead_of_the_framework_as_they_do_behind_it(
    http: httpx.AsyncClient, database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = await publish(http, await key_for(database, scope), "shortcut")
    address, bearer = f"/hooks/{await slug_of(database, scope)}/shortcut", {"Authorization": f"Bearer {token}"}

    async def answers() -> list[tuple[int, dict[str, str], str]]:
        calls = [
            await http.post(address, headers=bearer, json={"name": "Ada"}),
            await http.post(f"{address}?name=Bo", headers=bearer | {"Origin": "https://elsewhere.example"}, json={}),
            await http.post(address, json={}),
            await http.post(address, headers=bearer, content=b"{"),
            await http.post("/hooks/nobody/", json={}),
            await http.post("/hooks/nobody", json={}),
            await http.get(address),
        ]
        return [(c.status_code, {**c.headers, "heddle-run-id": ""}, c.text) for c in calls]

    ahead = await answers()
    monkeypatch.setattr(published_first, "WEBHOOK", re.compile("(?!)"))
    assert ahead == await answers()
    assert [status for status, _, _ in ahead] == [200, 200, 401, 422, 404, 307, 405]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1, 2]",
        b'"text"',
        b'{"n": NaN}',
        b'{"s": "\\ud800"}',
        b"\xff\xfe",
        b'{"a":' * 100_000,
        b'{"big": "' + b"x" * 1_100_000 + b'"}',
    ],
    ids=["cut", "array", "text", "nan", "surrogate", "bytes", "deep", "large"],
)
async def test_webhook_refuses_bodies_that_are_no_input(
    http: httpx.AsyncClient, database: Database, scope: Scope, body: bytes
) -> None:
    key = await key_for(database, scope)
    token = await publish(http, key, "strict")
    address = f"/hooks/{await slug_of(database, scope)}/strict"
    answer = await http.post(address, headers={"Authorization": f"Bearer {token}"}, content=body)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert "Traceback" not in answer.text
    assert (await http.get("/api/v1/runs", headers=key)).json()["runs"] == []


INPUTS = "inputs: {{type: object, required: [name], properties: {{name: {{type: string}}}}}}\nnodes:\n"
SCHEMA = '"start"\n    config: {{input_schema: {{type: object, required: [name]}}}}\n  - name: "greet"'


@pytest.mark.parametrize(
    "text",
    [PURE.replace("nodes:\n", INPUTS), PURE.replace('"start"\n  - name: "greet"', SCHEMA)],
    ids=["workflow", "start"],
)
async def test_input_that_the_workflow_refuses_is_the_callers_error(
    http: httpx.AsyncClient, database: Database, scope: Scope, text: str
) -> None:
    assert text != PURE
    token = await publish(http, await key_for(database, scope), "typed", text)
    address, bearer = f"/hooks/{await slug_of(database, scope)}/typed", {"Authorization": f"Bearer {token}"}
    refused = await http.post(address, headers=bearer, json={"nome": "Ada"})
    assert (refused.status_code, refused.json()["code"]) == (422, "input_mismatch")
    assert "'name' is a required property" in refused.json()["detail"]
    assert (await http.post(address, headers=bearer, json={"name": "Ada"})).status_code == 200


async def test_no_more_calls_than_the_workflow_allows(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    limits = "config: {{rate_limiting: {{requests_per_minute: 1, burst_size: 5}}}}\nnodes:\n"
    token = await publish(http, await key_for(database, scope), "rare", PURE.replace("nodes:\n", limits))
    address, bearer = f"/hooks/{await slug_of(database, scope)}/rare", {"Authorization": f"Bearer {token}"}
    strangers = [await http.post(address, json={"name": "Eve"}) for _ in range(6)]
    assert {answer.status_code for answer in strangers} == {401}, "who may not call uses nothing up"
    answers = await asyncio.gather(*(http.post(address, headers=bearer, json={"name": "Ada"}) for _ in range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 7
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert refused.json()["detail"] == "Too many calls were made just now. Please wait a moment."


async def test_same_idempotency_key_is_one_run(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    key = await key_for(database, scope)
    token = await publish(http, key, "once")
    address = f"/hooks/{await slug_of(database, scope)}/once"
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "k1"}
    first = await http.post(address, headers=headers, json={"name": "Ada"})
    again = await http.post(address, headers=headers, json={"name": "Ada"})
    assert first.json() == again.json() == {"hello": "Ada"}
    assert first.headers["heddle-run-id"] == again.headers["heddle-run-id"]
    other = await http.post(address, headers=headers, json={"name": "Grace"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert len((await http.get("/api/v1/runs", headers=key)).json()["runs"]) == 1


async def test_what_is_too_large_is_refused_before_it_is_all_here(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key, sent = await key_for(database, scope), 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'{"workflow": "w", "input": {"x": "'
        for _ in range(1_000):
            sent += 1
            yield b"x" * 100_000

    json_body = {"Content-Type": "application/json"}
    refused = await http.post("/api/v1/runs", headers=key | json_body, content=endless())
    assert (refused.status_code, refused.headers["content-type"]) == (413, "application/problem+json")
    assert sent < 200
    anybody = f"/c/{await slug_of(database, scope)}/chat/messages"
    assert (await http.post(anybody, headers=json_body, content=b"x" * 1_000_001)).status_code == 413
    await publish(http, key, "large")
    much = await http.post("/api/v1/runs", headers=key, json={"workflow": "large", "input": {"x": "x" * 5_000_000}})
    assert (much.status_code, much.json()["code"]) == (422, "validation_error")


async def test_too_long_a_key_is_refused_at_once(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    key = await key_for(database, scope)
    token = await publish(http, key, "keyed")
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": secrets.token_urlsafe(4000)}
    async with asyncio.timeout(5):
        refused = await http.post(
            f"/hooks/{await slug_of(database, scope)}/keyed", headers=headers, json={"name": "Ada"}
        )
    assert (refused.status_code, refused.json()["code"]) == (422, "validation_error")


async def test_what_is_nested_too_deeply_is_refused(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    key = await key_for(database, scope)
    await publish(http, key, "deep")
    for depth in (900, 100_000):
        body = '{"workflow": "deep", "input": {"x": %s}}' % ("[" * depth + "]" * depth)
        refused = await http.post("/api/v1/runs", headers=key | {"Content-Type": "application/json"}, content=body)
        assert refused.status_code in (400, 422), depth
    assert (await http.get("/api/v1/runs", headers=key)).json()["runs"] == []


async def test_a_run_begins_at_a_node_that_is_there(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    key = await key_for(database, scope)
    await publish(http, key, "parted")
    asked = {"workflow": "parted", "input": {"name": "Ada"}, "wait_s": 10}
    refused = await http.post("/api/v1/runs", headers=key, json=asked | {"part": {"entry": "nowhere"}})
    assert (refused.status_code, refused.json()["node"]) == (422, "nowhere")
    assert (await http.get("/api/v1/runs", headers=key)).json()["runs"] == []


@pytest.mark.parametrize("value", ["NaN", "1e999", "-Infinity", r'"\ud800"', r'{"\udc00": 1}'])
async def test_what_is_no_json_is_refused(
    http: httpx.AsyncClient, database: Database, scope: Scope, value: str
) -> None:
    key = await key_for(database, scope) | {"Content-Type": "application/json"}
    body = f'{{"workflow": "any", "input": {{"x": [{value}]}}}}'
    refused = await http.post("/api/v1/runs", headers=key, content=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "not_valid")


async def test_what_is_no_event_id_is_refused_before_a_stream_begins(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    token = await publish(http, key, "told")
    hook = f"/hooks/{await slug_of(database, scope)}/told"
    done = await http.post(hook, headers={"Authorization": f"Bearer {token}"}, json={"name": "Ada"})
    address = f"/api/v1/runs/{done.headers['heddle-run-id']}/events"
    for seen in ("garbage", "-1", "1-", "5-5-5", "1e3", "18446744073709551615-0", "9" * 400):
        refused = await http.get(address, headers=key | {"Last-Event-ID": seen})
        assert (refused.status_code, refused.json()["code"]) == (422, "validation_error"), seen
    ahead = await http.get(address, headers=key | {"Last-Event-ID": "999999999999999-7"})  # of another run, or clock
    assert (ahead.status_code, ahead.text.count("event: ")) == (200, 2)  # how the run ended, and the end


async def signed_webhook(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> tuple[str, Webhook, dict[str, str]]:
    """A published webhook that wants signatures: its address, a signer, and an API key's header."""
    key = await key_for(database, scope)
    text = PURE.format(name="signed").replace('"token"', '"hmac"')
    await http.post("/api/v1/workflows", headers=key, json={"text": text})
    published = (await http.post("/api/v1/workflows/signed/publish", headers=key, json={})).json()
    endpoint_id = published["addresses"][0]["endpoint_id"]
    made = await http.post(f"/api/v1/workflows/endpoints/{endpoint_id}/secret", headers=key)
    return f"/hooks/{await slug_of(database, scope)}/signed", Webhook(made.json()["secret"]), key


def signed(signer: Webhook, body: bytes, *, minutes: float = 0, message_id: str = "msg_1") -> dict[str, str]:
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    signature = signer.sign(message_id, at, body.decode())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }


async def test_a_signed_message_is_one_run_however_often_it_comes(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    address, signer, key = await signed_webhook(http, database, scope)
    body = b'{"name": "Ada"}'
    headers = signed(signer, body)
    answers = await asyncio.gather(*(http.post(address, headers=headers, content=body) for _ in range(10)))
    assert {a.status_code for a in answers} <= {200, 202}
    assert len({a.headers["heddle-run-id"] for a in answers}) == 1
    assert len((await http.get("/api/v1/runs", headers=key)).json()["runs"]) == 1


async def test_a_wrong_signature_is_refused(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    address, signer, key = await signed_webhook(http, database, scope)
    body = b'{"name": "Ada"}'
    good = signed(signer, body)
    other = Webhook("whsec_" + b64encode(b"0" * 32).decode())
    wrong: list[tuple[dict[str, str], bytes]] = [
        (signed(signer, body, minutes=-6), body),
        (signed(signer, body, minutes=6), body),
        (good, body.replace(b"A", b"B")),
        (good, b'{"name":"Ada"}'),
        (signed(other, body), body),
        ({}, body),
        (good | {"webhook-timestamp": "soon"}, body),
        (good | {"webhook-signature": "v1"}, body),
        (good | {"webhook-signature": "v1,@@@"}, body),
    ]
    for headers, content in wrong:
        answer = await http.post(address, headers=headers, content=content)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), headers
    assert (await http.get("/api/v1/runs", headers=key)).json()["runs"] == []


async def test_a_webhook_without_a_token_lets_nobody_in(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    """As the demo tenant's stand before somebody publishes: no token fits, not even an empty one."""
    await publish(http, await key_for(database, scope), "bare")
    async with database.transaction(scope) as tx:
        (endpoint,) = await workflows.list_endpoints(tx)
        endpoint.token_hash = None
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": "Bearer hook_x"}):
        answer = await http.post(f"/hooks/{await slug_of(database, scope)}/bare", headers=headers, json={})
        assert answer.status_code == 401
        assert "no token yet" in answer.json()["detail"]


async def test_a_renewed_token_replaces_the_old_one(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    key = await key_for(database, scope)
    old = await publish(http, key, "renewed")
    again = (await http.post("/api/v1/workflows/renewed/publish", headers=key, json={})).json()["addresses"][0]
    assert "token" not in again
    path, address = f"/api/v1/workflows/endpoints/{again['endpoint_id']}/secret", again["path"]
    tokens = [old]
    for _ in range(3):  # each holds for the next call, whoever was let in a moment ago
        assert await _answers(http, address, tokens[-1]) == 200
        tokens.append((await http.post(path, headers=key)).json()["secret"])
        assert [await _answers(http, address, token) for token in tokens] == [403] * (len(tokens) - 1) + [200]
    assert (await http.post("/api/v1/workflows/renewed/unpublish", headers=key)).status_code == 204
    assert await _answers(http, address, tokens[-1]) == 404


async def _answers(http: httpx.AsyncClient, address: str, token: str) -> int:
    return (await http.post(address, headers={"Authorization": f"Bearer {token}"}, json={})).status_code


async def test_other_tenants_things_are_unknown(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope
) -> None:
    mine, theirs = await key_for(database, scope), await key_for(database, other_scope)
    token = await publish(http, mine, "private")
    slug = await slug_of(database, scope)
    run_id = (
        await http.post(f"/hooks/{slug}/private", headers={"Authorization": f"Bearer {token}"}, json={"name": "x"})
    ).headers["heddle-run-id"]
    unknown = str(uuid.uuid4())
    for method, path in (
        ("GET", "/api/v1/runs/{}"),
        ("GET", "/api/v1/runs/{}/steps"),
        ("GET", "/api/v1/runs/{}/events"),
        ("POST", "/api/v1/runs/{}/cancel"),
        ("POST", "/api/v1/runs/{}/retry"),
    ):
        foreign = await http.request(method, path.format(run_id), headers=theirs)
        missing = await http.request(method, path.format(unknown), headers=theirs)
        assert (foreign.status_code, foreign.json()) == (missing.status_code, missing.json()), path
        assert foreign.status_code == 404
    for method, path in (("GET", ""), ("GET", "/yaml"), ("GET", "/versions"), ("POST", "/publish")):
        answer = await http.request(method, f"/api/v1/workflows/private{path}", headers=theirs, json={})
        assert answer.status_code == 404


async def test_outputs_are_pinned_and_taken_off(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope
) -> None:
    key, theirs = await key_for(database, scope), await key_for(database, other_scope)
    reader = await key_for(database, scope, "workflows:read")
    await publish(http, key, "pinned")
    url = "/api/v1/editor/pins/pinned/greet"
    assert (await http.put(url, headers=reader, json={"output": 1})).status_code == 403
    assert (await http.put(url, headers=theirs, json={"output": 1})).status_code == 404
    assert (await http.put(url, headers=key, json={"outputs": 1})).status_code == 422
    assert (await http.put(url, headers=key, json={"run_id": str(uuid.uuid4())})).status_code == 404
    assert (await http.put(f"{url}-x", headers=key, json={"output": 1})).status_code == 422
    kept = await http.put(url, headers=key, json={"output": {"greeting": "Ada"}})
    assert kept.json()["pins"]["greet"]["output"] == {"greeting": "Ada"}
    assert (await http.delete(url, headers=theirs)).status_code == 404
    assert (await http.delete(url, headers=key)).json() == {"pins": {}}


async def test_the_numbers_of_nodes_are_for_those_who_read_runs(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope
) -> None:
    key, theirs = await key_for(database, scope), await key_for(database, other_scope)
    token = await publish(http, key, "warm")
    address = f"/hooks/{await slug_of(database, scope)}/warm"
    await http.post(address, headers={"Authorization": f"Bearer {token}"}, json={"name": "Ada"})
    ask = {"workflow": "warm", "days": 7}
    found = (await http.get("/api/v1/editor/heat", headers=key, params=ask)).json()
    assert (found["runs"], found["limited"], found["nodes"]["greet"]["steps"]) == (1, False, 1)
    assert (await http.get("/api/v1/editor/heat", headers=theirs, params=ask)).json()["runs"] == 0
    writer = await key_for(database, scope, "workflows:read")
    assert (await http.get("/api/v1/editor/heat", headers=writer, params=ask)).status_code == 403
    for days in (2, "x", -1, 10**9):
        assert (await http.get("/api/v1/editor/heat", headers=key, params=ask | {"days": days})).status_code == 422


async def test_a_part_is_asked_for_and_a_run_that_did_not_fail_is_not_retried(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    await publish(http, key, "parts")
    last = {"workflow": "parts", "part": {"entry": "end"}}
    run_id = (await http.post("/api/v1/runs", headers=key, json=last)).json()["run_id"]
    refused = await http.post(f"/api/v1/runs/{run_id}/retry", headers=key)
    assert (refused.status_code, refused.json()["status"], refused.json()["run_status"]) == (409, 409, "queued")
    own = await http.post(f"/api/v1/runs/{run_id}/signal", headers=key, json={"name": "step:ask:0"})
    assert own.status_code == 422  # people's answers come by /approvals, which looks at who gives them
    assert (await http.get("/api/v1/approvals", headers=key)).json() == {"approvals": []}
    foreign = f"/api/v1/approvals/{run_id}/3"
    answer = {"hash": "0" * 64, "decision": "approve"}
    assert (await http.post(foreign, headers=key, json=answer)).status_code == 404
    assert (await http.post(foreign, headers=key, json=answer | {"hash": "x"})).status_code == 422
    for wrong in ({"part": {"entri": "end"}}, {"part": {"entry": 5}}, {"part": {"pins": []}}):
        assert (await http.post("/api/v1/runs", headers=key, json={"workflow": "parts"} | wrong)).status_code == 422
    refused = await http.post(f"/api/v1/runs/{run_id}/retry", headers=key, json={"context": "x"})
    assert refused.status_code == 422


async def test_drafts_come_back_byte_for_byte_and_stale_saves_conflict(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    text = "# mine\r\n" + PURE.format(name="bytes").replace("\n", "\r\n").rstrip()
    await http.post("/api/v1/workflows", headers=key, json={"text": text})
    assert (await http.get("/api/v1/workflows/bytes/yaml", headers=key)).content == text.encode()
    saved = await http.put("/api/v1/workflows/bytes", headers=key, json={"text": text + "\r\n# end", "revision": 1})
    assert saved.json()["revision"] == 2
    stale = await http.put("/api/v1/workflows/bytes", headers=key, json={"text": "lost?", "revision": 1})
    assert (stale.status_code, stale.json()["revision"]) == (409, 2)


async def test_a_draft_with_errors_is_kept_but_not_published(
    http: httpx.AsyncClient, database: Database, scope: Scope
) -> None:
    key = await key_for(database, scope)
    await http.post("/api/v1/workflows", headers=key, json={"text": PURE.format(name="broken")})
    bad = PURE.format(name="broken").replace('type: "transform"', 'type: "transfrom"')
    saved = (await http.put("/api/v1/workflows/broken", headers=key, json={"text": bad, "revision": 1})).json()
    assert [d["line"] for d in saved["diagnostics"] if d["severity"] == "error"] == [14]
    refused = await http.post("/api/v1/workflows/broken/publish", headers=key, json={})
    assert (refused.status_code, refused.json()["code"]) == (422, "not_publishable")
    assert refused.json()["errors"][0]["line"] == 14
    assert (await http.get("/api/v1/workflows/broken", headers=key)).json()["text"] == bad


async def test_the_reference_takes_everything_from_here(http: httpx.AsyncClient) -> None:
    """Another site's script would run where people are signed in, and there may be no internet."""
    page = await http.get("/docs")
    assert re.findall(r'(?:src|href)="([^"]+)"', page.text) == [
        "/favicon.svg",
        "/docs/swagger-ui.css",
        "/docs/swagger-ui-bundle.js",
    ]
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "https:" not in policy + page.text
    script = await http.get("/docs/swagger-ui-bundle.js")
    assert (script.headers["content-type"].partition(";")[0], "SwaggerUIBundle" in script.text) == (
        "text/javascript",
        True,
    )
    for name in ("redoc.standalone.js", "..%2f__init__.py", "%2e%2e/__init__.py", "x"):
        assert (await http.get(f"/docs/{name}")).status_code in (404, 422), name


async def test_half_of_the_address_leads_in(http: httpx.AsyncClient) -> None:
    for path in ("/app", "/app/"):
        answer = await http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (307, "/app/workflows")


async def test_health_and_documentation(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).json() == {"status": "ok"}
    assert (await http.get("/readyz")).json()["checks"] == {"postgresql": "ok", "redis": "ok"}
    assert json.loads((await http.get("/openapi.json")).text)["info"]["title"] == "Heddle"
    described = (await http.get("/openapi.json")).json()
    assert described["paths"]["/api/v1/runs"]["post"]["security"] == [{"API key": []}]
    assert "security" not in described["paths"]["/healthz"]["get"]
    nowhere = await http.get("/api/v1/nowhere")
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, "application/problem+json")
