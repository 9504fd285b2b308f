"""The order saga on real tables: money held, pieces taken, money taken; all or nothing, wherever it is cut off."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import ControlSignal
from engine.execution.events import RunStatus
from engine.execution.ports import ToolCall, ToolSpec
from engine.store.access import commerce, payments, stock
from engine.store.session import Database, Scope
from tests.support.outside import Outside, outside
from tests.support.ports import World, workflow
from tests.support.shop import open_shop

DRAFT = "ORD-10000008"
STEPS = """
        - {name: hold_money, tool_name: authorize_payment, parameters: {order_id: context.order_id}}
        - {name: take_pieces, tool_name: reserve_inventory, parameters: {order_id: context.order_id}}
        - {name: take_money, tool_name: capture_payment, parameters: {payment_id: steps.hold_money.payment_id}}
"""
# It cannot be done without a credential, so it fails after everything else was done.
TELL = "        - {name: tell, tool_name: send_email, parameters: {to: a@x.example, subject: Thanks, body: Hello}}\n"
HOW = {"taken": STEPS, "given back": STEPS + TELL}
ENDS = {"taken": ("paid", "paid", 11, 1), "given back": ("pending", "refunded", 12, 0)}


class Killed(ControlSignal):
    """The process dies here."""


class Real:
    """The tenant's real tools. `dies_at` (call, before or after it) stands for a process that is killed there."""

    def __init__(self, shop: Outside, dies_at: tuple[int, bool] | None = None) -> None:
        self._shop, self._dies_at, self.calls = shop, dies_at, 0

    def spec(self, name: str) -> ToolSpec | None:
        return self._shop.toolbox.spec(name)

    async def call(self, call: ToolCall) -> Any:
        self.calls += 1
        if self._dies_at == (self.calls, False):
            raise Killed
        result = await self._shop.toolbox.call(replace(call, tenant_id=self._shop.scope.tenant_id))
        if self._dies_at == (self.calls, True):
            raise Killed
        return result


@pytest.fixture
async def shop(database: Database, scope: Scope) -> AsyncIterator[Outside]:
    await open_shop(database, scope)
    async with outside(database, scope) as found:
        yield found


def saga(steps: str) -> str:
    return workflow(f"""\
nodes:
  - {{name: start, type: start}}
  - name: order
    type: saga
    config:
      steps: {steps}
  - {{name: end, type: end}}
edges: [{{from: start, to: order}}, {{from: order, to: end}}]
""")


async def go(tools: Any, how: str) -> Any:
    return await World(tools=tools).run(saga(HOW[how]), {"order_id": DRAFT})


async def facts(shop: Outside) -> tuple[str, str, int, int]:
    """Status, payment status, the product's stock, and how many pieces the order holds."""
    async with shop.database.transaction(shop.scope) as tx:
        order = (await commerce.get_order(tx, DRAFT)).order
        pieces = await stock.held(tx, DRAFT)
        left = (await commerce.get_product(tx, "PRD-0001")).stock
        return order.status, order.payment_status, left, sum(pieces.values())


async def test_the_order_is_taken(shop: Outside) -> None:
    result = await go(Real(shop), "taken")
    assert result.status is RunStatus.SUCCEEDED, result.error
    assert await facts(shop) == ENDS["taken"]


async def test_a_step_that_fails_gives_everything_back(shop: Outside) -> None:
    result = await go(Real(shop), "given back")
    assert (result.error["code"], result.error["type"]) == ("saga_failed", "email_error")
    assert result.error["details"]["compensated"] == ["take_money", "take_pieces", "hold_money"]
    assert await facts(shop) == ENDS["given back"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, 8))
async def test_whatever_call_it_dies_at_it_ends_the_same(shop: Outside, how: str, number: int, after: bool) -> None:
    refused = how == "given back" and number == 4  # the e-mail: there is no moment after it was sent
    with suppress(Killed):
        await go(Real(shop, (number, after and not refused)), how)
    await go(Real(shop), how)
    assert await facts(shop) == ENDS[how]
    async with shop.database.transaction(shop.scope) as tx:
        payment = await payments.find(tx, order_id=DRAFT)
    kinds = [entry["kind"] for entry in payment.entries]
    assert kinds == ["authorize", "capture"] + (["refund"] if how == "given back" else [])


async def test_two_sagas_for_the_last_piece_leave_one_order(shop: Outside) -> None:
    async with shop.database.transaction(shop.scope) as tx:
        (await commerce.get_product(tx, "PRD-0001")).stock = 1
    items = [{"product_id": "PRD-0001", "quantity": 1}]
    other = (await shop.call("create_order_draft", None, items=items))["order_id"]
    results = await asyncio.gather(
        World(tools=Real(shop)).run(saga(STEPS), {"order_id": DRAFT}),
        World(tools=AnotherRun(shop)).run(saga(STEPS), {"order_id": other}),
    )
    assert sorted(result.status for result in results) == [RunStatus.FAILED, RunStatus.SUCCEEDED]
    async with shop.database.transaction(shop.scope) as tx:
        assert (await commerce.get_product(tx, "PRD-0001")).stock == 0
        states = [(await commerce.get_order(tx, order)).order.payment_status for order in (DRAFT, other)]
    assert sorted(states) == ["paid", "unpaid"]


class AnotherRun(Real):
    """The tools as another run calls them."""

    async def call(self, call: ToolCall) -> Any:
        return await super().call(replace(call, idempotency_key=f"other:{call.idempotency_key}"))
