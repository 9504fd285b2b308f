"""Events start the workflows whose trigger they fit: once each, in their tenant, and never round in circles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from redis.asyncio import Redis

from connectors.http.client import EgressClient
from engine.execution.ports import BusEvent
from engine.settings import Settings
from engine.store.access import chains, deliveries, events, run_list, runs, workflows
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from engine.store.vault import Vault
from runners.bus import OutboxBus
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.event_starts import EventStarter, passes
from runners.outbox import Deliverer, fan_out
from runners.outgoing import WebhookSender
from runners.queue import RunQueue
from runners.runtime import Runtime
from studio.services import publishing
from tests.conftest import make_tenant
from tests.support.servers import MASTER_KEY

TEXT = """\
name: "{name}"
version: "1.0.0"
description: "a test"
category: "system"
priority: "low"
triggers:
  - {{name: "paid", type: "event", config: {{topic: "{topic}"{more}}}}}
nodes:
  - {{name: "start", type: "start"}}
  - {{name: "end", type: "end"}}
edges:
  - {{from: "start", to: "end", condition: null}}
"""


@pytest.fixture
def owner_url(fresh_owner_url: str) -> str:
    """A database of its own: deliveries of all tenants are made together."""
    return fresh_owner_url


@pytest.fixture
async def working(database: Database, redis: Redis) -> AsyncIterator[Deliverer]:
    http = EgressClient()
    sender = WebhookSender(database, http, Vault(MASTER_KEY))
    yield Deliverer(database, sender, EventStarter(database, RunQueue(redis)))
    await http.aclose()


async def publish_workflow(
    database: Database, scope: Scope, name: str = "ship", topic: str = "order.paid", more: str = ""
) -> UUID:
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, TEXT.format(name=name, topic=topic, more=more))
    await publishing.publish(database, scope, row.workflow_id)
    return row.workflow_id


async def tell(
    database: Database, scope: Scope, topic: str, payload: dict[str, Any], run_id: UUID | None = None
) -> UUID:
    async with database.transaction(scope) as tx:
        event_id = await events.publish(tx, topic, payload, run_id=run_id)
    await fan_out(database)
    return event_id


async def started(database: Database, scope: Scope) -> list[RunRow]:
    async with database.transaction(scope) as tx:
        return list((await run_list.list_runs(tx, trigger="event", limit=200)).rows)[::-1]


async def letters(database: Database, scope: Scope) -> list[Any]:
    async with database.transaction(scope) as tx:
        return list(await deliveries.dead(tx))


async def test_an_event_starts_the_published_version(
    database: Database, redis: Redis, scope: Scope, working: Deliverer
) -> None:
    workflow_id = await publish_workflow(database, scope)
    event_id = await tell(database, scope, "order.paid", {"order_id": "O-1"})
    await tell(database, scope, "order.lost", {"order_id": "O-2"})
    await working.deliver()
    (run,) = await started(database, scope)
    assert (run.workflow_id, run.version_number, run.status) == (workflow_id, 1, "queued")
    assert run.input["order_id"] == "O-1"
    assert (run.input["event"]["id"], run.input["event"]["topic"]) == (str(event_id), "order.paid")
    assert await RunQueue(redis).length() == 1


async def test_nobody_elses_events_start_anything(database: Database, scope: Scope, working: Deliverer) -> None:
    other = await make_tenant(database, "other")
    await publish_workflow(database, scope)
    await tell(database, other, "order.paid", {"order_id": "O-1"})
    await working.deliver()
    assert await started(database, scope) == await started(database, other) == []


@pytest.mark.parametrize(
    ("written", "payload", "expected"),
    [
        (None, {}, True),
        ("context.total > 100", {"total": 101}, True),
        ("context.total > 100", {"total": 100}, False),
        ("context.total > 100", {}, False),
        ("inputs.kind in ['a', 'b']", {"kind": "b"}, True),
        ("now() > 5", {}, True),
        ("context.a", {"a": ""}, False),
    ],
)
def test_what_a_filter_lets_through(written: str | None, payload: dict[str, Any], expected: bool) -> None:
    assert passes(written, payload, 1e9) is expected


async def test_a_filter_decides_and_one_that_fails_stops_no_other(
    database: Database, scope: Scope, working: Deliverer
) -> None:
    await publish_workflow(database, scope, "big", more=', filter: "context.total > 100"')
    await publish_workflow(database, scope, "all")
    for total in (5, 500, "much"):
        await tell(database, scope, "order.paid", {"total": total})
    await working.deliver()
    found = sorted((run.workflow_name, str(run.input["total"])) for run in await started(database, scope))
    assert found == [("all", "5"), ("all", "500"), ("all", "much"), ("big", "500")]
    (letter,) = await letters(database, scope)
    assert (letter.consumer, letter.payload) == ("trigger", {"total": "much"})


async def test_each_event_starts_once_however_many_schedulers_there_are(
    database: Database, redis: Redis, scope: Scope, working: Deliverer
) -> None:
    await publish_workflow(database, scope)
    bus, run_id = OutboxBus(database), uuid4()
    for number in range(10):
        for _ in range(2):  # a step that is tried again publishes again
            await bus.publish(BusEvent(scope.tenant_id, run_id, "order.paid", {"n": number}, f"step:{number}"))
    await fan_out(database)
    async with database.anonymous() as session:
        taken = await deliveries.due(session, busy=[], runs=9, limit=99, lease_s=0)  # by one that dies at once
    assert len(taken) == 10
    http = EgressClient()
    sender = WebhookSender(database, http, Vault(MASTER_KEY))
    second = Deliverer(database, sender, EventStarter(database, RunQueue(redis)))
    await asyncio.gather(working.deliver(), second.deliver())
    await EventStarter(database, RunQueue(redis)).deliver(taken[0])  # the dead one comes back
    await http.aclose()
    assert [run.input["n"] for run in await started(database, scope)] == list(range(10))


async def test_a_lost_wake_up_is_left_to_the_sweeper(database: Database, scope: Scope) -> None:
    await publish_workflow(database, scope)
    await tell(database, scope, "order.paid", {})
    nowhere, http = Redis(host="127.0.0.1", port=1), EgressClient()
    sender = WebhookSender(database, http, Vault(MASTER_KEY))
    await Deliverer(database, sender, EventStarter(database, RunQueue(nowhere))).deliver()
    await http.aclose()
    await nowhere.aclose()
    assert [run.status for run in await started(database, scope)] == ["queued"]


async def test_without_a_version_nothing_starts(database: Database, scope: Scope, working: Deliverer) -> None:
    gone = await publish_workflow(database, scope, "gone")
    archived = await publish_workflow(database, scope, "archived")
    await tell(database, scope, "order.paid", {})
    await publishing.unpublish(database, scope, gone)
    async with database.transaction(scope) as tx:
        await workflows.archive(tx, archived)
        assert (await tx.session.execute(sa.text("SELECT count(*) FROM deliveries"))).scalar_one() == 1
    await working.deliver()
    assert await started(database, scope) == await letters(database, scope) == []
    async with database.transaction(scope) as tx:
        assert (await tx.session.execute(sa.text("SELECT count(*) FROM deliveries"))).scalar_one() == 0


async def test_the_end_of_a_run_can_start_another_workflow(
    database: Database, scope: Scope, working: Deliverer
) -> None:
    await publish_workflow(database, scope, "on_failure", "agent_run", ", filter: \"context.status == 'cancelled'\"")
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        row, _ = await runs.create_run(tx, runs.NewRun("w", digest, "manual", {}))
        await runs.request_cancel(tx, row.run_id)
    await fan_out(database)
    await working.deliver()
    (run,) = await started(database, scope)
    assert (run.input["workflow"], run.input["run_id"]) == ("w", str(row.run_id))


async def test_workflows_that_start_each_other_end(database: Database, scope: Scope, working: Deliverer) -> None:
    await publish_workflow(database, scope, "ping", "ping")
    await tell(database, scope, "ping", {})
    for _ in range(chains.LONGEST + 5):
        await working.deliver()
        newest = (await started(database, scope))[-1]
        await tell(database, scope, "ping", {}, newest.run_id)  # what its `event` node would do
        if await letters(database, scope):
            break
    await working.deliver()
    found = await letters(database, scope)
    assert found[0].error.startswith(f"{chains.LONGEST} runs that started each other")
    assert len(await started(database, scope)) == chains.LONGEST


TELLS = """\
name: "tells"
version: "1.0.0"
description: "a test"
category: "system"
priority: "low"
nodes:
  - {name: "start", type: "start"}
  - {name: "tell", type: "event", config: {topic: "order.paid", payload: {order: "context.order", total: 5}}}
  - {name: "end", type: "end", config: {output: {told: "context.event_id"}}}
edges:
  - {from: "start", to: "tell", condition: null}
  - {from: "tell", to: "end", condition: null}
"""


async def test_from_an_event_node_to_the_run_that_it_starts(
    settings: Settings, connections: Connections, database: Database, scope: Scope, working: Deliverer
) -> None:
    await publish_workflow(database, scope)
    runtime = await Runtime.open(settings, connections, with_models=False)
    try:
        view = await runtime.client.run_inline(scope, RunRequest(ByText(TELLS), {"order": "O-1"}), 20, whole=True)
        assert view.status == "succeeded", view.error
        await fan_out(database)
        await working.deliver()
        (run,) = await started(database, scope)
        assert (run.input["order"], run.input["total"]) == ("O-1", 5)
        assert run.input["event"]["id"] == view.output["told"]
        assert run.input["event"]["run_id"] == str(view.run_id)
        assert await runtime.host.execute(scope.tenant_id, run.run_id) == "succeeded"
    finally:
        await runtime.close()
