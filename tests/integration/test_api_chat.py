"""Published chats over HTTP with a real worker: answers, streams, and who may read on."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from engine.settings import Settings
from engine.store.session import Database, Scope
from runners.connections import Connections
from studio.api import rates
from tests.support.api import key_for, open_container, open_http
from tests.support.servers import TestServers
from tests.support.worker_process import started

TALK = """\
name: "talk"
version: "1.0.0"
description: "Says what it hears"
category: "system"
priority: "low"
triggers:
  - name: "widget"
    type: "chat"
    config: {path: "talk", greeting: "Hello </script><b>you</b>", allowed_origins: ["https://shop.test", "evil; x"]}
nodes:
  - name: "start"
    type: "start"
  - name: "answer"
    type: "agent"
    config:
      agent_type: "general"
      model: "tier:A"
      prompt_template: "You said {message}"
  - name: "end"
    type: "end"
    config: {output: {reply: "context.reply_text"}}
edges:
  - {from: "start", to: "answer", condition: null}
  - {from: "answer", to: "end", condition: null}
"""


@pytest.fixture(scope="module")
def worked(
    servers: TestServers, owner_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Settings, Connections]]:
    """An installation with one worker; it serves all tests here, because starting one takes seconds."""
    redis_url = servers.new_redis()
    with started("worker", owner_url, redis_url, tmp_path_factory.mktemp("worker") / "effects"):
        folder = tmp_path_factory.mktemp("data")
        yield servers.settings(folder, owner_url, redis_url), servers.connections(owner_url, redis_url)


@pytest.fixture
async def http(worked: tuple[Settings, Connections]) -> AsyncIterator[httpx.AsyncClient]:
    async with open_container(*worked) as container, open_http(container) as client:
        yield client


@pytest.fixture
async def key(database: Database, scope: Scope) -> dict[str, str]:
    return await key_for(database, scope)


@pytest.fixture
async def address(http: httpx.AsyncClient, key: dict[str, str]) -> str:
    await http.post("/api/v1/workflows", headers=key, json={"text": TALK})
    done = await http.post("/api/v1/workflows/talk/publish", headers=key, json={})
    assert done.status_code == 201, done.text
    return done.json()["addresses"][0]["path"]


def events_of(text: str) -> list[tuple[str, dict]]:
    """(event, data) of a whole server-sent stream."""
    frames = [dict(line.split(": ", 1) for line in frame.splitlines()) for frame in text.strip().split("\n\n")]
    return [(frame["event"], json.loads(frame["data"])) for frame in frames if "event" in frame]


async def test_a_visitor_talks_and_goes_on(http: httpx.AsyncClient, address: str, key: dict[str, str]) -> None:
    first = await http.post(f"{address}/messages", json={"message": "hello"})
    assert first.status_code == 200, first.text
    assert first.json()["reply"] == "You said hello"
    known = {k: first.json()[k] for k in ("conversation_id", "visitor_token")}
    second = await http.post(f"{address}/messages", json={"message": "again"} | known)
    assert second.json()["reply"] == "You said again"
    assert second.json()["conversation_id"] == known["conversation_id"]
    runs = (await http.get("/api/v1/runs", headers=key)).json()["runs"]
    assert [(r["trigger"], r["status"]) for r in runs] == [("chat", "succeeded")] * 2


async def test_a_chat_is_not_flooded(
    http: httpx.AsyncClient, address: str, key: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "ADDRESS_BURST", 2)
    monkeypatch.setattr(rates, "PER_ADDRESS_S", 0.001)
    body = {"message": "hello", "stream": True}
    answers = [await http.post(f"{address}/messages", json=body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [202, 202, 429, 429]
    assert len((await http.get("/api/v1/runs", headers=key)).json()["runs"]) == 2


async def test_only_the_visitor_goes_on(http: httpx.AsyncClient, address: str) -> None:
    first = (await http.post(f"{address}/messages", json={"message": "hello"})).json()
    for token in (None, "guess", ""):
        body = {"message": "me too", "conversation_id": first["conversation_id"], "visitor_token": token}
        answer = await http.post(f"{address}/messages", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    events = f"{address}/runs/{first['run_id']}/events"
    assert (await http.get(events, params={"visitor_token": "guess"})).status_code == 404
    assert (await http.get(events)).status_code == 404
    body = {"message": "x", "conversation_id": str(uuid.uuid4()), "visitor_token": first["visitor_token"]}
    assert (await http.post(f"{address}/messages", json=body)).status_code == 404


async def test_a_visitor_sees_text_and_nothing_else(http: httpx.AsyncClient, address: str) -> None:
    turn = await http.post(f"{address}/messages", json={"message": "one two", "stream": True})
    assert turn.status_code == 202
    known = turn.json()
    stream = await http.get(
        f"{address}/runs/{known['run_id']}/events", params={"visitor_token": known["visitor_token"]}
    )
    events = events_of(stream.text)
    assert {name for name, _ in events} <= {"typing", "delta", "reply", "end"}
    assert events[-2:] == [("reply", {"type": "reply", "text": "You said one two"}), ("end", {})]
    assert "".join(data["text"] for name, data in events if name == "delta").strip() == "You said one two"


async def test_a_visitor_is_told_that_a_person_is_asked_and_not_what(
    http: httpx.AsyncClient, key: dict[str, str]
) -> None:
    before, _, rest = TALK.partition('    type: "agent"\n')
    asks = '    type: "human"\n    config: {message: "Is {message} a secret?"}\n'
    text = before + asks + rest[rest.index('  - name: "end"') :].replace("context.reply_text", "context.decision")
    await http.post("/api/v1/workflows", headers=key, json={"text": text})
    done = await http.post("/api/v1/workflows/talk/publish", headers=key, json={})
    address = done.json()["addresses"][0]["path"]
    known = (await http.post(f"{address}/messages", json={"message": "this", "stream": True})).json()
    async with asyncio.timeout(60):
        while not (asked := (await http.get("/api/v1/approvals", headers=key)).json()["approvals"]):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    answer = {"hash": asked[0]["hash"], "decision": "approve"}
    await http.post(f"/api/v1/approvals/{asked[0]['run_id']}/{asked[0]['seq']}", headers=key, json=answer)
    stream = await http.get(
        f"{address}/runs/{known['run_id']}/events", params={"visitor_token": known["visitor_token"]}
    )
    events = events_of(stream.text)
    names = [name for name, _ in events]
    assert ("waiting" in names, names[-2:]) == (True, ["reply", "end"])
    assert "secret" not in stream.text


@pytest.mark.parametrize(
    "body",
    [{}, {"message": ""}, {"message": "  "}, {"message": "x" * 4001}, {"message": 5}, {"message": "x", "admin": True}],
)
async def test_messages_that_are_none(http: httpx.AsyncClient, address: str, body: dict) -> None:
    answer = await http.post(f"{address}/messages", json=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_page_is_inert_and_framed_only_where_allowed(http: httpx.AsyncClient, address: str) -> None:
    page = await http.get(address)
    assert page.status_code == 200
    assert "</script><b>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'self' https://shop.test" in policy
    assert "evil" not in policy
    assert "unsafe-inline" not in policy
    assert (await http.get("/widget.js")).headers["content-type"].startswith("text/javascript")


async def test_api_chat_keeps_a_conversation(http: httpx.AsyncClient, address: str, key: dict[str, str]) -> None:
    first = await http.post("/chat/messages", headers=key, json={"workflow": "talk", "message": "hello"})
    assert (first.status_code, first.json()["reply"]) == (200, "You said hello")
    conversation = {"conversation_id": first.json()["conversation_id"]}
    again = await http.post("/chat/messages", headers=key, json={"workflow": "talk", "message": "more"} | conversation)
    assert again.json()["conversation_id"] == conversation["conversation_id"]
    visitor = (await http.post(f"{address}/messages", json={"message": "x"})).json()["conversation_id"]
    stolen = {"workflow": "talk", "message": "y", "conversation_id": visitor}
    assert (await http.post("/chat/messages", headers=key, json=stolen)).status_code == 404


async def test_run_events_resume_after_the_last_one_seen(
    http: httpx.AsyncClient, address: str, key: dict[str, str]
) -> None:
    started_run = await http.post("/api/v1/runs", headers=key, json={"workflow": "talk", "input": {"message": "hi"}})
    events = f"/api/v1/runs/{started_run.json()['run_id']}/events"
    whole = (await http.get(events, headers=key)).text
    ids = [line.removeprefix("id: ") for line in whole.splitlines() if line.startswith("id: ")]
    rest = (await http.get(events, headers=key | {"Last-Event-ID": ids[2]})).text
    assert [line.removeprefix("id: ") for line in rest.splitlines() if line.startswith("id: ")] == ids[3:]
    assert events_of(whole)[-1] == ("end", {})
    assert events_of(whole)[-2][0] == "run.succeeded"


async def test_a_run_can_be_waited_for(http: httpx.AsyncClient, address: str, key: dict[str, str]) -> None:
    body = {"workflow": "talk", "input": {"message": "hi"}, "wait_s": 20}
    answer = await http.post("/api/v1/runs", headers=key, json=body)
    assert (answer.status_code, answer.json()) == (200, {"reply": "You said hi"})
    missing = await http.post("/api/v1/runs", headers=key, json={"workflow": "nobody", "input": {}})
    assert missing.status_code == 404
