"""What a respond node says is what a caller over HTTP gets: status, headers, body, and nothing that harms the site."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import httpx
import pytest

from engine.store.session import Database, Scope
from studio.container import Container
from tests.support.api import key_for, slug_of

HOOK = """\
name: hook
version: "1.0.0"
description: Answers over HTTP
category: system
priority: low
triggers:
  - {name: hook, type: webhook, config: {path: hook, auth: none, respond: RESPOND}}
nodes:
  - {name: start, type: start}
  - NODE
edges: [EDGES]
"""
CREATED = (
    "{name: it, type: respond, config: {status: 201, "
    "headers: {Location: '/o/${context.id}', X-Id: context.id}, body: {id: context.id}}}"
)


class Caller:
    """A tenant with one published webhook."""

    def __init__(self, http: httpx.AsyncClient, key: dict[str, str], address: str) -> None:
        self.http, self.key, self.address = http, key, address

    async def publish(self, node: str, edges: str = "{from: start, to: it}", respond: str = "last_node") -> None:
        text = HOOK.replace("NODE", node).replace("EDGES", edges).replace("RESPOND", respond)
        made = await self.http.post("/api/v1/workflows", headers=self.key, json={"text": text})
        assert made.status_code == 201, made.text
        done = await self.http.post("/api/v1/workflows/hook/publish", headers=self.key, json={"note": "n"})
        assert done.status_code == 201, done.text

    async def call(self, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.post(self.address, headers=headers, json=body or {})


@pytest.fixture
async def caller(http: httpx.AsyncClient, database: Database, scope: Scope, container: Container) -> Caller:
    address = f"/hooks/{await slug_of(database, scope)}/hook"
    return Caller(http, await key_for(database, scope), address)


async def test_status_headers_and_body_reach_the_caller(caller: Caller) -> None:
    await caller.publish(CREATED)
    answer = await caller.call({"id": "ORD-7"})
    assert (answer.status_code, answer.json()) == (201, {"id": "ORD-7"})
    assert (answer.headers["location"], answer.headers["x-id"]) == ("/o/ORD-7", "ORD-7")
    assert answer.headers["content-type"] == "application/json"
    run = (await caller.http.get(f"/api/v1/runs/{answer.headers['heddle-run-id']}", headers=caller.key)).json()
    assert (run["status"], run["output"]["response"]["status"]) == ("succeeded", 201)


async def test_the_same_key_gets_the_same_answer_again(caller: Caller) -> None:
    await caller.publish(CREATED)
    keyed = {"Idempotency-Key": "k1"}
    first, again = [await caller.call({"id": "ORD-7"}, **keyed) for _ in range(2)]
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert first.headers["heddle-run-id"] == again.headers["heddle-run-id"]


@pytest.mark.parametrize(
    ("config", "status", "kind", "body"),
    [
        ("{status: 204}", 204, None, b""),
        ("{status: 404, body: 'no such order'}", 404, "text/plain; charset=utf-8", b"no such order"),
        ('{headers: {Content-Type: text/csv}, body: "a,b\\n1,2\\n"}', 200, "text/csv", b"a,b\n1,2\n"),
        ("{status: 503, headers: {Retry-After: 5}, body: null}", 503, None, b""),
        ("{body: 'ü 🧵'}", 200, "text/plain; charset=utf-8", "ü 🧵".encode()),
        ("{status: 302, headers: {Location: 'https://shop.example/'}}", 302, None, b""),
    ],
)
async def test_answers_of_all_kinds(caller: Caller, config: str, status: int, kind: str | None, body: bytes) -> None:
    await caller.publish(f"{{name: it, type: respond, config: {config}}}")
    answer = await caller.call()
    assert (answer.status_code, answer.headers.get("content-type"), answer.content) == (status, kind, body)


async def test_a_page_that_a_workflow_writes_gets_no_part_in_the_studio(caller: Caller) -> None:
    page = "<script>fetch('/api/v1/runs')</script>"
    await caller.publish(
        f'{{name: it, type: respond, config: {{headers: {{Content-Type: text/html}}, body: "{page}"}}}}'
    )
    answer = await caller.call()
    assert answer.text == page
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("value", ["a\r\nSet-Cookie: session=x", "a\nb", "\u2028"])
async def test_what_a_caller_sends_makes_no_header(caller: Caller, value: str) -> None:
    await caller.publish(CREATED)
    answer = await caller.call({"id": value})
    assert (answer.status_code, answer.json()["code"]) == (500, "run_failed")
    assert "header" in answer.json()["detail"]
    assert not {"set-cookie", "location", "x-id"} & set(answer.headers)


async def test_an_output_that_merely_looks_like_an_answer_stays_an_output(caller: Caller) -> None:
    await caller.publish("{name: it, type: end, config: {output: {response: context.given}}}")
    given = {"status": 418, "headers": {"x-evil": "1", "set-cookie": "a=b"}, "body": "<b>"}
    answer = await caller.call({"given": given})
    assert (answer.status_code, answer.json()) == (200, {"response": given})
    assert "x-evil" not in answer.headers


async def test_a_called_workflows_answer_does_not_end_the_callers(caller: Caller) -> None:
    child = (
        HOOK.replace("name: hook\n", "name: child\n", 1)
        .replace("triggers:\n", "")
        .replace("  - {name: hook, type: webhook, config: {path: hook, auth: none, respond: RESPOND}}\n", "")
    )
    text = child.replace("NODE", CREATED).replace("EDGES", "{from: start, to: it}")
    made = await caller.http.post("/api/v1/workflows", headers=caller.key, json={"text": text})
    assert made.status_code == 201, made.text
    done = await caller.http.post("/api/v1/workflows/child/publish", headers=caller.key, json={"note": "n"})
    assert done.status_code == 201, done.text
    call = "{name: call, type: sub_workflow, config: {workflow_name: child, input: {id: context.id}}}"
    await caller.publish(f"{call}\n  - {{name: it, type: end}}", "{from: start, to: call}, {from: call, to: it}")
    answer = await caller.call({"id": "ORD-7"})
    assert answer.status_code == 200
    assert answer.json()["response"] == {
        "status": 201,
        "headers": {"content-type": "application/json", "location": "/o/ORD-7", "x-id": "ORD-7"},
        "body": {"id": "ORD-7"},
    }


async def test_a_webhook_that_answers_at_once_does_so(caller: Caller) -> None:
    await caller.publish(CREATED, respond="immediate")
    answer = await caller.call({"id": "ORD-7"})
    assert (answer.status_code, answer.json()["status"]) == (202, "queued")


async def test_a_run_over_the_api_is_answered_the_same_way(caller: Caller, container: Container, scope: Scope) -> None:
    await caller.publish(CREATED)
    body = {"workflow": "hook", "input": {"id": "ORD-7"}}
    key = caller.key | {"Idempotency-Key": "k"}
    started = await caller.http.post("/api/v1/runs", headers=key, json=body)
    assert started.status_code == 202
    await container.client._host.execute(scope.tenant_id, UUID(started.json()["run_id"]))  # as a worker would
    answer = await caller.http.post("/api/v1/runs", headers=key, json=body | {"wait_s": 20})
    assert (answer.status_code, answer.headers["location"], answer.json()) == (201, "/o/ORD-7", {"id": "ORD-7"})
