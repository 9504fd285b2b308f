"""What happened is told: in the transaction in which it happened, once to every count, in the order of each run."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.errors import InputError, NotFound
from engine.execution.ports import BusEvent, ModelReply, ModelRequest, OnDelta, StepRecord
from engine.settings import Settings
from engine.store.access import deliveries, events, runs, usage, workflows
from engine.store.journal import JournalHub
from engine.store.session import Database, Scope
from engine.store.tables.events import OutboxEvent
from engine.store.urls import app_url
from runners.bus import OutboxBus
from runners.client import ByText, RunRequest
from runners.clocks import WallClock
from runners.connections import Connections
from runners.outbox import fan_out, purge
from runners.runtime import Runtime
from tests.conftest import make_tenant
from tests.support.counting import counting_world, workflow_text
from tests.support.servers import SECRET

BUSY = workflow_text(
    "busy",
    ["- {name: start, type: start, config: {}}",
     "- {name: ask, type: agent, config: {model: 'tier:A', prompt_template: 'Say {message}'}}",
     "- {name: count, type: tool, config: {tool_name: count, parameters: {secret: context.message}}}",
     "- {name: note, type: transform, config: {set: {a: \"'b'\"}}}",
     "- {name: end, type: end, config: {output: {reply: context.reply_text}}}"],
    [f"- {{from: {a}, to: {b}, condition: null}}"
     for a, b in (("start", "ask"), ("ask", "count"), ("count", "note"), ("note", "end"))],
)  # fmt: skip


@pytest.fixture
def owner_url(fresh_owner_url: str) -> str:
    """A database of its own: events of all tenants are handed out together."""
    return fresh_owner_url


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


async def told(database: Database, scope: Scope) -> list[OutboxEvent]:
    async with database.transaction(scope) as tx:
        return list((await events.recent(tx, limit=200)).rows)[::-1]


async def counted(database: Database, scope: Scope) -> dict[str, int]:
    async with database.transaction(scope) as tx:
        sums: Counter[str] = Counter()
        for one in await usage.counters(tx):  # two days at midnight
            sums[one.usage_type] += one.quantity
        return dict(sums)


async def run_once(runtime: Runtime, scope: Scope) -> Any:
    request = RunRequest(ByText(BUSY), {"message": "the secret word"})
    return await runtime.client.run_inline(scope, request, 20, whole=True)


async def test_a_run_tells_what_it_used_decided_called_and_how_it_ended(
    runtime: Runtime, database: Database, scope: Scope
) -> None:
    view = await run_once(runtime, scope)
    assert view.status == "succeeded"
    found = await told(database, scope)
    assert [event.topic for event in found] == ["usage_metered", "router_decision", "tool_call", "agent_run"]
    assert {(event.run_id, event.source, event.dispatched_at) for event in found} == {(view.run_id, "system", None)}
    used, decided, called, ended = (event.payload for event in found)
    assert (used["step"], used["tokens_in"], used["tokens_out"], used["cost_usd_micros"]) == ("ask", 3, 2, 50)
    assert (decided["tier"], decided["reason"]) == ("A", "fixed in the workflow")
    assert (called["tool"], called["status"], called["error"]) == ("count", "succeeded", None)
    assert (ended["workflow"], ended["status"], ended["tokens_in"], ended["steps"]) == ("busy", "succeeded", 3, 5)
    assert ended["cost_usd_micros"] == 50
    assert "secret word" not in str([event.payload for event in found]), "what was asked stays in the house"


class FreeModels:
    """A model of one's own, that says nothing."""

    async def complete(self, request: ModelRequest, on_delta: OnDelta | None = None) -> ModelReply:
        return ModelReply("yes", request.model, 3, 0, 0)


async def test_a_model_that_costs_nothing_is_counted_with_zeros(
    settings: Settings, connections: Connections, database: Database, scope: Scope, tmp_path: Path
) -> None:
    ports = counting_world(tmp_path / "effects")._replace(models=FreeModels())
    runtime = await Runtime.open(settings, connections, ports=ports)
    try:
        assert (await run_once(runtime, scope)).status == "succeeded"
    finally:
        await runtime.close()
    used = (await told(database, scope))[0].payload
    assert (used["tokens_in"], used["tokens_out"], used["cost_usd_micros"]) == (3, 0, 0)
    await fan_out(database)
    assert (await counted(database, scope))["tokens_in"] == 3


async def test_usage_is_counted_once_whoever_counts(runtime: Runtime, database: Database, scope: Scope) -> None:
    for _ in range(3):
        await run_once(runtime, scope)
    assert await counted(database, scope) == {}
    assert sum(await asyncio.gather(*(fan_out(database) for _ in range(4)))) == 12
    await fan_out(database)
    expected = {"tokens_in": 9, "tokens_out": 6, "cost_usd_micros": 150, "model_calls": 3, "tool_calls": 3, "runs": 3}
    assert await counted(database, scope) == expected
    await run_once(runtime, scope)
    assert await fan_out(database) == 4
    assert (await counted(database, scope))["runs"] == 4
    other = await make_tenant(database, "other")
    assert await counted(database, other) == {}
    assert await told(database, other) == []


async def test_a_record_that_is_written_twice_is_told_once(database: Database, scope: Scope) -> None:
    """The acknowledgement of a write got lost, and the journal writes again."""
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        lease = runs.LeaseFor("me", 60)
        row, _ = await runs.create_run(tx, runs.NewRun("w", digest, "manual", {}), lease)
    step = {
        "path": "a",
        "node_type": "agent",
        "iteration": 0,
        "attempt": 1,
        "status": "succeeded",
        "outcome": {},
        "duration_ms": 1,
    }
    used = {"model": "m", "tier": "A", "reason": "r", "tokens_in": 3, "tokens_out": 2, "cost_usd_micros": 5}
    entry = {"tenant_id": scope.tenant_id, "run_id": row.run_id, "epoch": 1, "tells": True}
    batch = orjson.dumps([entry | {"steps": [{"seq": n, **step, **used} for n in (0, 1)]}]).decode()
    for _ in range(2):
        async with database.anonymous() as session:
            await session.execute(sa.text("SELECT * FROM heddle_journal(CAST(:batch AS jsonb))"), {"batch": batch})
    assert [event.topic for event in await told(database, scope)] == ["usage_metered", "router_decision"] * 2


# A record (type, status, input, outcome) and the call that is told of it: (tool, status, error).
CALLS: list[tuple[tuple[Any, ...], tuple[Any, ...] | None]] = [
    (("tool", "succeeded", {"tool": "find"}, {"output": {}}), ("find", "succeeded", None)),
    (("tool", "failed", {"tool": "charge"}, {"error": {"code": "timeout"}}), ("charge", "failed", "timeout")),
    (("http", "succeeded", {"url": "https://x.test/?key=secret"}, {"output": {}}), ("http", "succeeded", None)),
    (("email", "succeeded", {"to": "ada@example.com"}, {}), ("send_email", "succeeded", None)),
    (("agent", "effect", None, {"effect": "tool:1:refund#ab", "result": {"ok": 1}}), ("refund", "succeeded", None)),
    (("agent", "effect", None, {"effect": "tool:2:refund#cd", "result": {"error": "no"}}), ("refund", "failed", None)),
    (
        ("saga", "effect", None, {"effect": "saga:pay#9", "result": {"error": {"code": "x"}}}),
        ("saga:pay", "failed", "x"),
    ),
    (("agent", "effect", None, {"effect": "turn:1#ab", "result": {}}), None),
    (("event", "effect", None, {"effect": "publish#ab", "result": {}}), None),
    (("tool", "requested", {"tool": "find"}, {"then": {"do": "request"}}), None),
    (("transform", "succeeded", {"tool": "x"}, {"output": {}}), None),
]


@pytest.mark.parametrize(("record", "expected"), CALLS)
async def test_which_calls_are_told(
    database: Database, scope: Scope, owner_url: str, record: tuple[Any, ...], expected: tuple[Any, ...] | None
) -> None:
    node_type, status, shown, outcome = record
    hub = JournalHub(app_url(owner_url, SECRET), "me", WallClock())
    hub.start()
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        row, _ = await runs.create_run(tx, runs.NewRun("w", digest, "manual", {}))
    claim = await hub.claim(scope.tenant_id, row.run_id)
    assert claim.lease is not None
    journal = hub.journal(claim.lease)
    journal.append(StepRecord(0, "a", node_type, 0, 1, status, outcome, shown, 1.0, 7))
    await journal.barrier()
    await hub.close()
    found = [event.payload for event in await told(database, scope)]
    assert [(call["tool"], call["status"], call["error"]) for call in found] == ([expected] if expected else [])
    assert "secret" not in str(found)


async def test_what_is_rolled_back_is_not_told(database: Database, scope: Scope) -> None:
    async def publish_and_fail() -> None:
        async with database.transaction(scope) as tx:
            await events.publish(tx, "order.paid", {"order": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await publish_and_fail()
    assert await told(database, scope) == []


async def test_a_run_that_is_cancelled_before_it_begins_is_told_too(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        row, _ = await runs.create_run(tx, runs.NewRun("w", digest, "manual", {}))
        await runs.request_cancel(tx, row.run_id)
    (event,) = await told(database, scope)
    assert (event.topic, event.payload["status"], event.payload["trigger"]) == ("agent_run", "cancelled", "manual")


async def test_an_event_that_nobody_can_count_goes_to_the_dead_letters(
    runtime: Runtime, database: Database, scope: Scope
) -> None:
    await run_once(runtime, scope)
    async with database.transaction(scope) as tx:
        tx.session.add(
            OutboxEvent(
                tenant_id=scope.tenant_id,
                event_id=uuid.uuid4(),
                topic="usage_metered",
                source="system",
                payload={"tokens_in": "many", "tokens_out": 1, "cost_usd_micros": 1},
            )
        )
    await run_once(runtime, scope)
    assert await fan_out(database) == 9
    assert (await counted(database, scope))["runs"] == 2
    async with database.transaction(scope) as tx:
        (letter,) = await deliveries.dead(tx)
        assert (letter.consumer, letter.topic, letter.payload["tokens_in"]) == ("dispatch", "usage_metered", "many")
        assert "bigint" in letter.error
        event = await events.get(tx, letter.event_id)
        event.payload = event.payload | {"tokens_in": 5}  # somebody has mended it
        assert await deliveries.redeliver(tx, [letter.dead_letter_id]) == 1
    assert await fan_out(database) == 1
    assert (await counted(database, scope))["tokens_in"] == 11
    async with database.transaction(scope) as tx:
        assert await deliveries.dead(tx) == []


async def test_the_bus_writes_each_event_once(database: Database, scope: Scope) -> None:
    bus = OutboxBus(database)
    event = BusEvent(scope.tenant_id, uuid.uuid4(), "order.paid", {"order": "O-1"}, "run:step:0:publish")
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        await runs.create_run(tx, runs.NewRun("w", digest, "manual", {}))
    await asyncio.gather(*(bus.publish(event) for _ in range(5)))
    other = await make_tenant(database, "other")
    await bus.publish(BusEvent(other.tenant_id, uuid.uuid4(), "order.paid", {"order": "O-1"}, event.idempotency_key))
    (found,) = await told(database, scope)
    assert (found.topic, found.source, found.payload) == ("order.paid", "tenant", {"order": "O-1"})
    (theirs,) = await told(database, other)
    assert theirs.event_id != found.event_id


@pytest.mark.parametrize(
    ("topic", "payload", "said"),
    [
        ("", {}, "no topic"),
        ("a b", {}, "no topic"),
        ("a.", {}, "no topic"),
        ("*", {}, "no topic"),
        ("x" * 201, {}, "no topic"),
        ("order.paid\n", {}, "no topic"),
        ("usage_metered", {"tokens_in": 10**9}, "come from Heddle itself"),
        ("agent_run", {}, "come from Heddle itself"),
        ("big", {"a": "x" * 64_001}, "bytes"),
        ("nul", {"a": ["\0"]}, "NUL"),
        ("half", {"a": "\ud800"}, "not JSON"),
        ("odd", {"a": {1, 2}}, "not JSON"),
    ],
)
async def test_what_the_bus_refuses(database: Database, scope: Scope, topic: str, payload: Any, said: str) -> None:
    with pytest.raises(InputError) as caught:
        await OutboxBus(database).publish(BusEvent(scope.tenant_id, uuid.uuid4(), topic, payload, "k"))
    assert said in caught.value.public_message
    assert await told(database, scope) == []


async def test_a_text_that_only_looks_like_a_nul_is_kept(database: Database, scope: Scope) -> None:
    await OutboxBus(database).publish(BusEvent(scope.tenant_id, uuid.uuid4(), "t", {"a": "\\u0000"}, "k"))
    (found,) = await told(database, scope)
    assert found.payload == {"a": "\\u0000"}


async def test_an_event_ends_the_wait_of_the_runs_it_fits(runtime: Runtime, database: Database, scope: Scope) -> None:
    text = workflow_text(
        "patient",
        ["- {name: start, type: start, config: {}}",
         "- {name: paid, type: wait, config: {event: {name: order.paid, match: {order: context.order}}}}",
         "- {name: end, type: end, config: {output: {by: context.event.data.by}}}"],
        ["- {from: start, to: paid, condition: null}", "- {from: paid, to: end, condition: null}"],
    )  # fmt: skip
    ids = []
    for order in ("O-1", "O-2"):
        view = await runtime.client.run_inline(scope, RunRequest(ByText(text), {"order": order}), 10, whole=True)
        assert view.status == "suspended"
        ids.append(view.run_id)
    other = await make_tenant(database, "other")
    for each, payload in (
        (other, {"order": "O-1"}),
        (scope, {"order": "O-3"}),
        (scope, {"order": "O-1", "by": "card"}),
    ):
        async with database.transaction(each) as tx:
            await events.publish(tx, "order.paid", payload)
    assert await fan_out(database) == 3
    assert [(await runtime.client.get(scope, run_id)).status for run_id in ids] == ["queued", "suspended"]
    assert await runtime.host.execute(scope.tenant_id, ids[0]) == "succeeded"
    assert (await runtime.client.get(scope, ids[0])).output == {"by": "card"}


async def test_old_events_are_removed_and_what_is_on_its_way_stays(database: Database, scope: Scope) -> None:
    ids = {}
    for name in ("fresh", "old", "old_on_its_way", "old_waiting"):
        async with database.transaction(scope) as tx:
            ids[name] = await events.publish(tx, name, {})
        if name != "old_waiting":
            await fan_out(database)
    target = uuid.uuid4()
    async with database.transaction(scope) as tx:
        await tx.session.execute(
            sa.text("UPDATE outbox SET created_at = now() - interval '8 days' WHERE topic <> 'fresh'")
        )
        await tx.session.execute(
            sa.text(
                "INSERT INTO subscriptions (tenant_id, subscription_id, url, topics, description, enabled) "
                "VALUES (:tenant, :target, 'https://x.test', '[]', '', true)"
            ),
            {"tenant": scope.tenant_id, "target": target},
        )
        await deliveries.queue(tx, "webhook", target, await events.get(tx, ids["old_on_its_way"]))
    await purge(database)
    assert {event.topic for event in await told(database, scope)} == {"fresh", "old_on_its_way", "old_waiting"}
    async with database.transaction(scope) as tx:
        with pytest.raises(NotFound):
            await events.get(tx, ids["old"])


async def test_nobody_but_the_fan_out_hands_events_out(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        await events.publish(tx, "t", {})
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.transaction(scope) as tx:
            await tx.session.execute(sa.text("SELECT heddle_dispatch(ARRAY[1]::bigint[])"))
    async with database.anonymous() as session:
        assert (await session.execute(sa.text("SELECT count(*) FROM outbox"))).scalar_one() == 0
