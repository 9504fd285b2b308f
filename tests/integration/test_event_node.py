"""What an event node says is in the outbox: once, with the id that the step tells, and of its own tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from engine.errors import NotFound
from engine.settings import Settings
from engine.store.access import events
from engine.store.session import Database, Scope
from runners.client import ByText, RunRequest, RunView
from runners.connections import Connections
from runners.runtime import Runtime
from tests.contract.test_nodes_data import one


@pytest.fixture
async def runtime(settings: Settings, connections: Connections) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, with_models=False)
    yield opened
    await opened.close()


async def tell(runtime: Runtime, scope: Scope, topic: str = "order.paid", **given: Any) -> RunView:
    text = one(f"type: event, config: {{topic: {topic}, payload: {{id: context.id, fixed: [1, null]}}}}")
    return await runtime.client.run_inline(scope, RunRequest(ByText(text), given), 20)


async def test_the_event_is_in_the_outbox_of_its_tenant(
    runtime: Runtime, database: Database, scope: Scope, other_scope: Scope
) -> None:
    view = await tell(runtime, scope, id="ORD-7")
    event_id = UUID(view.output["event_id"])
    async with database.transaction(scope) as tx:
        row = await events.get(tx, event_id)
        assert (row.topic, row.payload, row.run_id) == ("order.paid", {"id": "ORD-7", "fixed": [1, None]}, view.run_id)
        assert (await tx.session.execute(sa.text("SELECT count(*) FROM outbox WHERE source = 'tenant'"))).scalar() == 1
    async with database.transaction(other_scope) as tx:
        with pytest.raises(NotFound):
            await events.get(tx, event_id)


@pytest.mark.parametrize(("topic", "value"), [("audit_log", "x"), ("order.paid", "x" * 70_000), ("order.paid", 10**30)])
async def test_what_the_bus_refuses_fails_the_step(runtime: Runtime, scope: Scope, topic: str, value: Any) -> None:
    view = await tell(runtime, scope, topic, id=value)
    assert (view.status, view.error["type"]) == ("failed", "validation_error")
