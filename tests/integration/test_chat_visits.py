"""Visitors who come back to a chat with `persist`: what they find again, with what, and that nobody else does."""

from __future__ import annotations

import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from engine.settings import Settings
from engine.store.access import conversations, identity, workflows
from engine.store.session import Database, Scope
from runners.connections import Connections
from studio.api import rates
from studio.container import Container
from studio.services import chat, publishing
from tests.conftest import make_tenant
from tests.support.api import open_container, open_http, slug_of
from tests.support.provider import Reply, ScriptedProvider
from tests.support.servers import TestServers
from tests.support.worker_process import started

TEXT = """\
name: {name}
version: "1.0.0"
description: Says what it was told
category: system
priority: low
triggers:
  - {{type: chat, config: {{path: {name}, persist: {persist}}}}}
nodes:
  - {{name: start, type: start}}
  - {{name: answer, type: agent, config: {{model: gpt-4o-mini, prompt_template: "{{message}}", memory: {{window: 9}}}}}}
  - {{name: end, type: end, config: {{output: {{reply: context.reply_text}}}}}}
edges:
  - {{from: start, to: answer}}
  - {{from: answer, to: end}}
"""
Json = dict[str, Any]


async def publish(database: Database, scope: Scope, name: str = "talk", persist: str = "true") -> str:
    """The chat's address; the same name again is its next version."""
    text = TEXT.format(name=name, persist=persist)
    async with database.transaction(scope) as tx:
        found = {row.name: row for row in await workflows.list_workflows(tx)}
        row = found.get(name) or await workflows.create(tx, text)
        await workflows.save_draft(tx, row.workflow_id, text=text, revision=row.revision)
    await publishing.publish(database, scope, row.workflow_id)
    return f"/c/{await slug_of(database, scope)}/{name}"


@pytest.fixture
async def address(database: Database, scope: Scope) -> str:
    return await publish(database, scope)


async def write(http: httpx.AsyncClient, address: str, message: str = "hello", **more: Any) -> Json:
    answer = await http.post(f"{address}/messages", json={"message": message, "stream": True} | more)
    assert answer.status_code == 202, answer.text
    return answer.json()


def handle_of(turn: Json) -> Json:
    return {key: turn[key] for key in ("conversation_id", "visitor_token")}


async def replied(database: Database, scope: Scope, turn: Json, text: str) -> None:
    """As a worker ends a run."""
    async with database.transaction(scope) as tx:
        conversation_id, run_id = uuid.UUID(turn["conversation_id"]), uuid.UUID(turn["run_id"])
        await conversations.append_message(tx, conversation_id, "assistant", text, run_id)


async def told(http: httpx.AsyncClient, address: str, handle: Json) -> list[tuple[str, str]]:
    answer = await http.post(f"{address}/conversation", json=handle)
    assert answer.status_code == 200, answer.text
    return [(one["role"], one["content"]) for one in answer.json()["messages"]]


async def every_way(http: httpx.AsyncClient, address: str, handle: Json, run_id: str) -> list[httpx.Response]:
    """What the handle could open."""
    token = {"visitor_token": handle["visitor_token"]}
    return [
        await http.post(f"{address}/conversation", json=handle),
        await http.post(f"{address}/messages", json=handle | {"message": "x", "stream": True}),
        await http.get(f"{address}/runs/{run_id}/events", params=token),
        await http.post(f"{address}/conversation/end", json=handle),
    ]


def opens_nothing(answers: list[httpx.Response]) -> None:
    for answer in answers:
        assert answer.status_code == 404, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["detail"] in ("No such conversation.", "No such run.")


async def test_a_visitor_finds_the_conversation_again(
    http: httpx.AsyncClient, database: Database, scope: Scope, container: Container, address: str
) -> None:
    first = await write(http, address, "<b>hello</b>")
    handle = handle_of(first)
    await replied(database, scope, first, "Good day <script>")
    second = await write(http, address, "more", **handle)
    assert handle_of(second) == handle
    asked = await http.post(f"{address}/conversation", json=handle)
    found = asked.json()
    said = [("user", "<b>hello</b>"), ("assistant", "Good day <script>"), ("user", "more")]
    assert [(one["role"], one["content"]) for one in found["messages"]] == said
    assert asked.headers["content-type"] == "application/json"
    assert (found["run_id"], found["events"].partition("?")[0]) == (
        second["run_id"],
        f"{address}/runs/{second['run_id']}/events",
    )
    for turn in (first, second):
        await container.client.cancel(scope, uuid.UUID(turn["run_id"]))
    over = (await http.post(f"{address}/conversation", json=handle)).json()
    assert (over["run_id"], over["events"]) == (None, None)
    for events in (second["events"], found["events"]):
        followed = await http.get(events)
        assert (followed.status_code, "event: failed" in followed.text) == (200, True)


async def test_of_a_long_conversation_the_newest_is_shown(
    http: httpx.AsyncClient, database: Database, scope: Scope, address: str
) -> None:
    turn = await write(http, address, "first")
    for number in range(chat.MOST_SHOWN):
        await replied(database, scope, turn, str(number))
    assert [content for _, content in await told(http, address, handle_of(turn))] == [
        str(number) for number in range(chat.MOST_SHOWN)
    ]


@pytest.mark.parametrize("persist", ["false", "null"])
async def test_a_chat_that_keeps_nothing_tells_nothing(
    http: httpx.AsyncClient, database: Database, scope: Scope, address: str, persist: str
) -> None:
    """Not even what was kept before its owner decided so; who is in the middle goes on."""
    turn = await write(http, address)
    assert '"persist": true' in (await http.get(address)).text
    assert await publish(database, scope, persist=persist) == address
    assert '"persist": false' in (await http.get(address)).text
    answer = await http.post(f"{address}/conversation", json=handle_of(turn))
    assert (answer.status_code, answer.json()["detail"]) == (404, "No such conversation.")
    assert handle_of(await write(http, address, "on", **handle_of(turn))) == handle_of(turn)


async def test_no_other_handle_opens_it(
    http: httpx.AsyncClient, database: Database, scope: Scope, other_scope: Scope, address: str
) -> None:
    turn, another = await write(http, address), await write(http, address, "somebody else")
    assert len({turn["visitor_token"], another["visitor_token"]}) == 2
    assert len(turn["visitor_token"]) == 32
    token = turn["visitor_token"]
    for tampered in (
        another["visitor_token"],
        token[:-1],
        token + "A",
        token.swapcase(),
        "",
        identity.token_hash(token),
        "\x00",
        "ü",
    ):
        opens_nothing(await every_way(http, address, handle_of(turn) | {"visitor_token": tampered}, turn["run_id"]))
    for elsewhere in (another["conversation_id"], str(uuid.uuid4())):
        opens_nothing(
            await every_way(http, address, handle_of(turn) | {"conversation_id": elsewhere}, another["run_id"])
        )
    other_chat = await publish(database, scope, "other")
    same_name = await publish(database, other_scope)
    for place in (other_chat, same_name):
        opens_nothing(await every_way(http, place, handle_of(turn), turn["run_id"]))
    assert await told(http, address, handle_of(turn)) == [("user", "hello")]


@pytest.mark.parametrize("channel", ["preview", "api"])
async def test_conversations_of_other_kinds_are_not_for_visitors(
    http: httpx.AsyncClient, database: Database, scope: Scope, address: str, channel: str
) -> None:
    async with database.transaction(scope) as tx:
        made = await conversations.create_conversation(tx, "talk", channel, identity.token_hash("known"))
        bare = await conversations.create_conversation(tx, "talk", "chat")
    for row in (made, bare):
        for token in ("known", ""):
            handle = {"conversation_id": str(row.conversation_id), "visitor_token": token}
            opens_nothing(await every_way(http, address, handle, str(uuid.uuid4())))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"conversation_id": None},
        {"conversation_id": "1"},
        {"visitor_token": None},
        {"visitor_token": 5},
        {"visitor_token": "x" * 201},
        {"more": True},
    ],
)
async def test_what_is_no_handle_is_refused(http: httpx.AsyncClient, address: str, body: Json) -> None:
    handle = {"conversation_id": str(uuid.uuid4()), "visitor_token": "x"} | body if body else {}
    for place in ("conversation", "conversation/end"):
        answer = await http.post(f"{address}/{place}", json=handle)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")


async def test_a_visitor_does_not_choose_the_token(http: httpx.AsyncClient, address: str) -> None:
    """Who has another person write with a token that they know would read along."""
    turn = await write(http, address, visitor_token="known")
    assert turn["visitor_token"] != "known"
    opens_nothing(await every_way(http, address, handle_of(turn) | {"visitor_token": "known"}, turn["run_id"]))


async def older(database: Database, scope: Scope, age: timedelta) -> None:
    """Everything was said so much earlier, and the conversations began a day before that."""
    async with database.transaction(scope) as tx:
        for table, more in (("messages", timedelta()), ("conversations", timedelta(days=1))):
            query = sa.text(f"UPDATE {table} SET created_at = created_at - :age")
            await tx.session.execute(query, {"age": age + more})


async def test_a_handle_lasts_for_thirty_days_after_the_last_message(
    http: httpx.AsyncClient, database: Database, scope: Scope, address: str
) -> None:
    turn = await write(http, address)
    await older(database, scope, timedelta(days=30, hours=-1))
    assert await told(http, address, handle_of(turn)) == [("user", "hello")]
    again = await write(http, address, "again", **handle_of(turn))
    await older(database, scope, timedelta(days=30, hours=-1))
    assert len(await told(http, address, handle_of(again))) == 2
    await older(database, scope, timedelta(hours=2))
    opens_nothing(await every_way(http, address, handle_of(turn), turn["run_id"]))


async def test_who_lets_go_leaves_a_handle_that_opens_nothing(
    http: httpx.AsyncClient, database: Database, scope: Scope, address: str
) -> None:
    """As on a computer that others use after them; the tenant keeps what was said."""
    turn = await write(http, address)
    ended = await http.post(f"{address}/conversation/end", json=handle_of(turn))
    assert (ended.status_code, ended.text) == (204, "")
    opens_nothing(await every_way(http, address, handle_of(turn), turn["run_id"]))
    async with database.transaction(scope) as tx:
        kept = await conversations.list_messages(tx, uuid.UUID(turn["conversation_id"]))
    assert [message.content for message in kept] == ["hello"]


async def test_the_address_of_an_answer_is_for_that_answer(
    http: httpx.AsyncClient, container: Container, database: Database, scope: Scope, address: str
) -> None:
    """The visitor's token need not stand in it: addresses are written down on the way."""
    turn, another = await write(http, address), await write(http, address)
    other_chat = await publish(database, scope, "other")
    for one in (turn, another):
        await container.client.cancel(scope, uuid.UUID(one["run_id"]))
    assert turn["visitor_token"] not in turn["events"]
    assert (await http.get(turn["events"])).status_code == 200
    key = turn["events"].partition("?key=")[2]
    for wrong in (
        f"{address}/runs/{another['run_id']}/events?key={key}",
        f"{other_chat}/runs/{turn['run_id']}/events?key={key}",
        f"{address}/runs/{turn['run_id']}/events?key={key[:-1]}",
        f"{address}/runs/{turn['run_id']}/events?key=a.b.c",
        f"{address}/runs/{turn['run_id']}/events?key={key.partition('.')[0]}.x.y",
        f"{address}/runs/{turn['run_id']}/events",
    ):
        opens_nothing([await http.get(wrong)])


async def test_coming_back_is_not_counted_as_a_message(
    http: httpx.AsyncClient, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rates, "ADDRESS_BURST", 3)
    monkeypatch.setattr(rates, "PER_ADDRESS_S", 0.001)
    turn = await write(http, address)
    codes = [(await http.post(f"{address}/conversation", json=handle_of(turn))).status_code for _ in range(4)]
    assert codes == [200, 200, 200, 429]
    await write(http, address, "more", **handle_of(turn))


async def test_the_model_is_told_what_was_said_on_the_visit_before(
    servers: TestServers, fresh_owner_url: str, redis_url: str, tmp_path: Path, provider: ScriptedProvider
) -> None:
    connections: Connections = servers.connections(fresh_owner_url, redis_url)
    settings: Settings = servers.settings(tmp_path / "data", fresh_owner_url, redis_url)
    provider.script(Reply("A blue one, noted."), Reply("Blue."))
    with started("worker", fresh_owner_url, redis_url, tmp_path / "effects", provider=provider.url):
        async with open_container(settings, connections) as container, open_http(container) as http:
            scope = await make_tenant(container.db, "visits")
            address = await publish(container.db, scope)
            first = await http.post(f"{address}/messages", json={"message": "I want a blue one"})
            assert first.json()["reply"] == "A blue one, noted."
            handle = handle_of(first.json())
            said = await told(http, address, handle)
            assert said == [("user", "I want a blue one"), ("assistant", "A blue one, noted.")]
            second = await http.post(f"{address}/messages", json={"message": "Which colour?"} | handle)
            assert second.json()["reply"] == "Blue."
            alone = await http.post(f"{address}/messages", json={"message": "Which colour?"})
            assert alone.status_code == 200
    turns = [[(m["role"], m["content"]) for m in request.body["messages"][1:]] for request in provider.requests]
    assert turns[1] == [*said, ("user", "Which colour?")]
    assert turns[2] == [("user", "Which colour?")]
