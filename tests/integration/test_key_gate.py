"""Scopes that an api trigger asks for: no way over which an API key starts a run goes around them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from engine.store.access import identity, run_list, workflows
from engine.store.session import Database, Scope
from runners.client import ByText, RunRequest
from studio.auth.cookies import COOKIE
from studio.container import Container
from studio.services import publishing
from tests.support.api import key_for, slug_of

TEXT = """\
name: {name}
version: "1.0.0"
description: Says what it was told
category: system
priority: low
triggers:
{triggers}
nodes:
  - {{name: start, type: start}}
  - {{name: say, type: transform, config: {{set: {{said: context.message}}}}}}
  - {{name: end, type: end, config: {{output: {{said: context.said}}}}}}
edges:
  - {{from: start, to: say}}
  - {{from: say, to: end}}
"""
OPEN = "  - {type: manual}"
ASKS = "  - {type: api, config: {scopes: [invoices:approve, orders:write]}}"
RUNS, CHAT = "/api/v1/runs", "/chat/messages"
INPUT = {"message": "hello"}
Json = dict[str, Any]


class House:
    """A tenant with the workflow `pay`, and those who call."""

    def __init__(self, http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
        self.http, self.database, self.scope = http, database, scope
        self.owner: dict[str, str] = {}

    async def key(self, *more: str) -> dict[str, str]:
        held = ("workflows:run", "chat:use", "runs:cancel", "runs:read", *more)
        return await key_for(self.database, self.scope, *held)

    async def person(self, role: str) -> dict[str, str]:
        async with self.database.transaction(self.scope) as tx:
            who = await identity.add_member(tx, f"{uuid.uuid4().hex[:8]}@example.com", "Ada", "", role)
            token = await identity.create_session(tx, who)
        return {"Cookie": f"{COOKIE}={token}", "Origin": "http://heddle.test"}

    async def publish(self, triggers: str, name: str = "pay") -> None:
        """The next version."""
        text = TEXT.format(name=name, triggers=triggers)
        async with self.database.transaction(self.scope) as tx:
            found = {row.name: row for row in await workflows.list_workflows(tx)}
            row = found.get(name) or await workflows.create(tx, text)
            await workflows.save_draft(tx, row.workflow_id, text=text, revision=row.revision)
        await publishing.publish(self.database, self.scope, row.workflow_id)

    async def live(self, number: int) -> None:
        async with self.database.transaction(self.scope) as tx:
            row = await workflows.get_by_name(tx, "pay")
        await publishing.make_live(self.database, self.scope, row.workflow_id, number, row.published_number)

    async def start(self, headers: dict[str, str], place: str = RUNS, **more: Any) -> httpx.Response:
        body: Json = {"workflow": "pay"} | (INPUT | {"wait_s": 0} if place == CHAT else {"input": INPUT})
        sent = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
        return await self.http.post(place, headers=headers | sent, json=body | more)

    async def runs(self) -> list[tuple[str, int | None]]:
        async with self.database.transaction(self.scope) as tx:
            page = await run_list.list_runs(tx)
        return [(row.trigger, row.version_number) for row in page.rows]


@pytest.fixture
def house(http: httpx.AsyncClient, database: Database, scope: Scope) -> House:
    return House(http, database, scope)


def refused(answer: httpx.Response, *missing: str) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json"), answer.text
    told = answer.json()
    assert (told["code"], told["permission"], told["missing"]) == ("forbidden", missing[0], list(missing))
    assert all(one in told["detail"] for one in missing)


WAYS: dict[str, tuple[str, Json]] = {
    "by name": (RUNS, {}),
    "waiting": (RUNS, {"wait_s": 0.01}),
    "by version": (RUNS, {"version": 1}),
    "one node": (RUNS, {"part": {"entry": "say", "only": True}}),
    "from a node on": (RUNS, {"part": {"entry": "say", "context": {"message": "x"}}}),
    "with data": (RUNS, {"part": {"context": {"message": "x"}}}),
    "with pins": (RUNS, {"part": {"pins": {"say": {"said": "x"}}}}),
    "sent twice": (RUNS, {"key": "same"}),
    "as a chat": (CHAT, {}),
}


@pytest.mark.parametrize(("place", "more"), WAYS.values(), ids=WAYS)
async def test_a_key_needs_all_scopes_and_a_person_none(house: House, place: str, more: Json) -> None:
    await house.publish(ASKS)
    for held in ((), ("orders:write",), ("invoices:approve",), ("invoices:approvee", "orders:write", "orders:read")):
        missing = [one for one in ("invoices:approve", "orders:write") if one not in held]
        refused(await house.start(await house.key(*held), place, **more), *missing)
    assert await house.runs() == []
    for headers in (await house.key("invoices:approve", "orders:write"), await house.person("agent")):
        answer = await house.start(headers, place, **more)
        assert answer.status_code == 202, answer.text
    assert len(await house.runs()) == (1 if "key" in more else 2)


async def test_a_repeat_is_not_for_a_key_that_could_not_begin(house: House) -> None:
    """Its answer would be the first caller's."""
    await house.publish(ASKS)
    assert (await house.start(await house.key("invoices:approve", "orders:write"), key="k")).status_code == 202
    refused(await house.start(await house.key(), key="k"), "invoices:approve", "orders:write")


async def test_a_repeat_after_the_next_version_is_the_first_run(house: House) -> None:
    await house.publish(OPEN)
    key = await house.key("invoices:approve", "orders:write")
    first = (await house.start(key, key="k")).json()["run_id"]
    await house.publish(ASKS)
    assert (await house.start(key, key="k")).json()["run_id"] == first
    assert await house.runs() == [("api", 1)]


async def test_an_old_version_is_no_way_around_the_new_one(house: House) -> None:
    await house.publish(OPEN)
    plain = await house.key()
    assert (await house.start(plain)).status_code == 202
    await house.publish(ASKS)
    refused(await house.start(plain, version=1), "invoices:approve", "orders:write")
    refused(await house.start(plain, CHAT), "invoices:approve", "orders:write")
    await house.live(1)
    assert (await house.start(plain)).status_code == 202
    assert (await house.start(plain, CHAT)).status_code == 202
    refused(await house.start(plain, version=2), "invoices:approve", "orders:write")


@pytest.mark.parametrize("how", ["webhook", "draft"])
async def test_going_on_with_a_run_is_starting_one(house: House, container: Container, how: str) -> None:
    """Whoever has started it, and whichever text it has: a draft asks, and so does what is published."""
    await house.publish(OPEN)
    draft = TEXT.format(name="pay", triggers="  - {type: api, config: {scopes: [drafts:try]}}")
    async with house.database.transaction(house.scope) as tx:
        row = await workflows.get_by_name(tx, "pay")
    source = (
        ByText(draft, workflow_id=row.workflow_id) if how == "draft" else ByText(row.text, workflow_id=row.workflow_id)
    )
    run_id = await container.client.submit(house.scope, RunRequest(source, INPUT, trigger=how))
    await container.client.cancel(house.scope, run_id)
    await house.publish(ASKS)
    place = f"{RUNS}/{run_id}/retry"
    needed = ["invoices:approve", "orders:write"]
    needed[:0] = ["drafts:try"] * (how == "draft")
    refused(await house.http.post(place, headers=await house.key(), json={}), *needed)
    refused(await house.http.post(place, headers=await house.key(*needed[:-1]), json={}), needed[-1])
    assert len(await house.runs()) == 1
    able = await house.http.post(place, headers=await house.key(*needed), json={})
    assert able.status_code == 202, able.text
    await container.client.cancel(house.scope, uuid.UUID(able.json()["run_id"]))
    assert (await house.http.post(place, headers=await house.person("agent"), json={})).status_code == 202


@pytest.mark.parametrize("part", [{}, {"part": {"pins": {"say": {"said": "x"}}}}], ids=["whole", "with pins"])
@pytest.mark.parametrize("knows", [False, True], ids=["first look", "looked before"])
async def test_what_is_published_between_the_look_and_the_run_is_asked_as_well(
    house: House, container: Container, monkeypatch: pytest.MonkeyPatch, knows: bool, part: Json
) -> None:
    await house.publish(OPEN)
    key = await house.key()
    if knows:
        assert (await house.start(key)).status_code == 202
    before = await house.runs()
    submit, published = container.client.submit, []

    async def late(*args: Any) -> Any:
        if not published:
            published.append(await house.publish(ASKS))
        return await submit(*args)

    monkeypatch.setattr(container.client, "submit", late)
    answer = await house.start(key, **part)
    if knows:  # what it remembered was looked at again
        refused(answer, "invoices:approve", "orders:write")
    else:
        assert answer.status_code == 409
        assert "was published at this moment" in answer.json()["detail"]
    assert await house.runs() == before
    refused(await house.start(key, **part), "invoices:approve", "orders:write")


async def test_what_is_remembered_of_a_name_is_not_what_the_name_means_now(house: House) -> None:
    """Asking for less, archived, back again, asking for more: each is heard of by the next call."""
    await house.publish(ASKS)
    plain, able = await house.key(), await house.key("invoices:approve", "orders:write")
    assert (await house.start(able)).status_code == 202
    refused(await house.start(plain), "invoices:approve", "orders:write")
    await house.publish(OPEN)
    assert (await house.start(plain)).status_code == 202
    async with house.database.transaction(house.scope) as tx:
        row = await workflows.get_by_name(tx, "pay")
        await workflows.archive(tx, row.workflow_id)
    assert (await house.start(plain)).status_code == 404
    async with house.database.transaction(house.scope) as tx:
        await workflows.archive(tx, row.workflow_id, archived=False)
    assert (await house.start(plain)).status_code == 202
    await house.publish(ASKS)
    refused(await house.start(plain), "invoices:approve", "orders:write")
    assert (await house.start(able)).status_code == 202
    assert await house.runs() == [("api", number) for number in (3, 2, 2, 1)]


async def test_an_api_trigger_that_is_switched_off_lets_no_key_in(house: House) -> None:
    able = await house.key("invoices:approve", "orders:write")
    await house.publish("  - {type: api, enabled: false, config: {scopes: [invoices:approve]}}")
    for place in (RUNS, CHAT):
        answer = await house.start(able, place)
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
        assert "switched off" in answer.json()["detail"]
        assert (await house.start(await house.person("agent"), place)).status_code == 202
    await house.publish("  - {type: api, enabled: false, config: {scopes: [invoices:refund]}}\n" + ASKS)
    assert (await house.start(able)).status_code == 202


async def test_several_api_triggers_ask_together(house: House) -> None:
    await house.publish(ASKS + "\n  - {type: api, config: {scopes: [invoices:refund]}}\n  - {type: api}")
    refused(await house.start(await house.key("invoices:refund", "orders:write")), "invoices:approve")
    refused(await house.start(await house.key("invoices:approve", "orders:write")), "invoices:refund")
    assert (
        await house.start(await house.key("invoices:approve", "orders:write", "invoices:refund"))
    ).status_code == 202


@pytest.mark.parametrize("triggers", [OPEN, "  - {type: api}", "  - {type: api, config: {scopes: []}}"])
async def test_without_scopes_every_key_that_may_run_workflows_starts_it(house: House, triggers: str) -> None:
    await house.publish(triggers)
    assert (await house.start(await house.key())).status_code == 202
    only_reads = await key_for(house.database, house.scope, "runs:read", "invoices:approve")
    for place, needed in ((RUNS, "workflows:run"), (CHAT, "chat:use")):
        answer = await house.start(only_reads, place)
        assert (answer.status_code, answer.json()["permission"]) == (403, needed)


async def test_other_triggers_ask_for_no_scopes(house: House, container: Container) -> None:
    others = """
  - {type: webhook, config: {path: pay, auth: none, respond: immediate}}
  - {type: chat, config: {path: pay}}
  - {type: form, config: {path: pay, fields: {type: object, properties: {message: {type: string}}}}}
  - {type: event, config: {topic: pay.now}}"""
    await house.publish(ASKS + others)
    slug = await slug_of(house.database, house.scope)
    hook = await house.http.post(f"/hooks/{slug}/pay", json=INPUT)
    chat = await house.http.post(f"/c/{slug}/pay/messages", json=INPUT | {"stream": True})
    assert (hook.status_code, chat.status_code) == (202, 202), (hook.text, chat.text)
    assert (await house.http.get(f"/f/{slug}/pay")).status_code == 200
    publisher = await key_for(house.database, house.scope, "events:publish")
    told = await house.http.post("/api/v1/events", headers=publisher, json={"topic": "pay.now", "payload": INPUT})
    assert told.status_code == 202
    assert sorted(await house.runs()) == [("chat", 1), ("webhook", 1)]


async def test_what_is_not_there_is_not_found_as_before(house: House) -> None:
    await house.publish(ASKS)
    key = await house.key()
    unknown = await house.http.post(RUNS, headers=key, json={"workflow": "nobody"})
    assert (unknown.status_code, unknown.json()["detail"]) == (404, "No workflow is named 'nobody'.")
    assert (await house.http.post(RUNS, headers=key, json={"workflow": "half \x00"})).status_code == 404
    assert (await house.start(key, version=9)).json()["detail"] == "There is no such version."
    assert (await house.start(key, version=2**40)).status_code == 422
    async with house.database.transaction(house.scope) as tx:
        row = await workflows.get_by_name(tx, "pay")
        await workflows.unpublish(tx, row.workflow_id)
    assert (await house.start(key)).json()["detail"] == "The workflow is not published."
    assert (await house.start(key, CHAT)).status_code == 404
    refused(await house.start(key, version=1), "invoices:approve", "orders:write")
    async with house.database.transaction(house.scope) as tx:
        await workflows.archive(tx, row.workflow_id)
    assert (await house.start(key, version=1)).status_code == 404
    assert await house.runs() == []


async def test_each_tenant_has_its_own(house: House, database: Database, other_scope: Scope) -> None:
    """The same name, and the same name of a scope, mean nothing elsewhere."""
    await house.publish(ASKS)
    other = House(house.http, database, other_scope)
    able = await other.key("invoices:approve", "orders:write")
    assert (await house.start(able)).status_code == 404
    await other.publish(OPEN)
    assert (await other.start(await other.key())).status_code == 202
    refused(await house.start(await house.key()), "invoices:approve", "orders:write")
    run_id = (await house.start(await house.person("agent"))).json()["run_id"]
    assert (await house.http.post(f"{RUNS}/{run_id}/retry", headers=able, json={})).status_code == 404


async def test_the_call_that_is_shown_names_a_workflow_that_the_key_may_start(
    house: House, container: Container
) -> None:
    hook = "  - {{type: webhook, config: {{path: {0}, auth: none}}}}\n".format
    await house.publish(hook("a") + ASKS, "a_asks")
    await house.publish(hook("b"), "b_open")
    await house.publish(hook("c") + "  - {type: api, enabled: false}", "c_off")
    await house.publish(OPEN, "d_inner")
    gate = container.key_gate
    assert await gate.startable(house.scope, {"workflows:run"}) == ["b_open"]
    assert await gate.startable(house.scope, {"invoices:approve", "orders:write"}) == ["a_asks", "b_open"]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Container], list[str]]:
    """Hashes of the texts that are read for their scopes."""

    def of(container: Container) -> list[str]:
        read: list[str] = []
        inner = workflows.get_definition

        async def get(tx: Any, digest: str) -> Any:
            read.append(digest)
            return await inner(tx, digest)

        monkeypatch.setattr(workflows, "get_definition", get)
        return read

    return of


async def test_a_text_is_read_once_for_its_scopes(
    house: House, container: Container, counted: Callable[[Container], list[str]]
) -> None:
    await house.publish(ASKS)
    read, key = counted(container), await house.key()
    for _ in range(3):
        refused(await house.start(key), "invoices:approve", "orders:write")
    assert len(read) == 1
    await house.publish(OPEN)
    assert (await house.start(key)).status_code == 202
    assert len(read) == 2
