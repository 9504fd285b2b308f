"""Runs of a draft from the editor: pieces of it on what a run recorded, and outputs pinned to nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from engine.errors import InputError, NotFound
from engine.settings import Settings
from engine.store.access import pins as rows
from engine.store.access import step_numbers, workflows
from engine.store.session import Database, Scope
from runners.client import RunView, StepView
from runners.connections import Connections
from runners.runtime import Runtime
from studio.services import pins, preview
from tests.support.counting import counting_world, effects_of, workflow_text

TEXT = workflow_text(
    "in_place",
    [
        "- {name: start, type: start, config: {}}",
        "- {name: first, type: transform, config: {output_key: one, set: {n: 'context.n + 1'}}}",
        "- {name: call, type: tool, config: {tool_name: count, parameters: {}, output_key: called}}",
        "- {name: second, type: transform, config: {set: {sum: 'nodes.first.output.n + context.one.n'}}}",
        "- {name: end, type: end, config: {output: {sum: context.sum, called: context.called}}}",
    ],
    [
        "- {from: start, to: first}",
        "- {from: first, to: call}",
        "- {from: call, to: second}",
        "- {from: second, to: end}",
    ],
)


@pytest.fixture
async def runtime(settings: Settings, connections: Connections, tmp_path: Path) -> AsyncIterator[Runtime]:
    opened = await Runtime.open(settings, connections, ports=counting_world(tmp_path / "effects"))
    yield opened
    await opened.close()


@dataclass(frozen=True, slots=True)
class World:
    """A workflow's draft, and what runs it."""

    runtime: Runtime
    database: Database
    scope: Scope
    workflow_id: UUID
    effects: Path

    async def run(self, piece: preview.Piece | None = None) -> RunView:
        started = await preview.start(
            self.database,
            self.runtime.client,
            self.scope,
            self.workflow_id,
            run_input={"n": 1},
            chat=False,
            piece=piece,
        )
        await self.runtime.host.execute(self.scope.tenant_id, started.run_id)
        return await self.runtime.client.get(self.scope, started.run_id)

    async def steps(self, view: RunView) -> list[StepView]:
        return list(await self.runtime.client.steps(self.scope, view.run_id))


@pytest.fixture
async def workflow_id(database: Database, scope: Scope) -> UUID:
    async with database.transaction(scope) as tx:
        return (await workflows.create(tx, TEXT)).workflow_id


@pytest.fixture
def world(runtime: Runtime, database: Database, scope: Scope, workflow_id: UUID, tmp_path: Path) -> World:
    return World(runtime, database, scope, workflow_id, tmp_path / "effects")


@pytest.fixture
async def first_run(world: World) -> RunView:
    view = await world.run()
    assert view.output == {"sum": 4, "called": {"counted": True}}, view.error
    return view


async def test_one_node_on_what_it_saw(world: World, first_run: RunView) -> None:
    again = await world.run(preview.Piece("second", only=True, run_id=first_run.run_id))
    assert again.status == "succeeded", again.error
    [step] = await world.steps(again)
    assert (step.path, step.output) == ("second", {"sum": 4})
    # What it saw there can be looked back at, and run on from, in its turn.
    seen = await world.runtime.client.scope_before(world.scope, again.run_id, "second")
    assert seen["nodes"]["first"]["output"] == {"n": 2}
    on = await world.run(preview.Piece("second", run_id=again.run_id))
    assert on.output == {"sum": 4, "called": {"counted": True}}


async def test_from_a_node_on_repeats_nothing_before_it(world: World, first_run: RunView) -> None:
    on = await world.run(preview.Piece("second", run_id=first_run.run_id))
    assert on.output == first_run.output
    assert [step.path for step in await world.steps(on)] == ["second", "end"]
    assert len(effects_of(world.effects)) == 1


async def test_a_pinned_output_is_taken_and_the_node_not_run(world: World, first_run: RunView) -> None:
    kept = await pins.pin_recorded(world.database, world.scope, "in_place", "call", first_run.run_id)
    assert kept["call"]["output"] == {"counted": True}
    assert kept["call"]["whole"]
    await pins.pin(world.database, world.scope, "in_place", "first", {"n": 20})
    assert (await world.run()).output == {"sum": 40, "called": {"counted": True}}
    assert len(effects_of(world.effects)) == 1, "only the first run called the tool"
    [step] = await world.steps(await world.run(preview.Piece("first", only=True)))
    assert step.output == {"n": 2}, "a node that is asked for by itself is run"
    assert "first" not in await pins.unpin(world.database, world.scope, "in_place", "first")
    assert (await world.run()).output == first_run.output


async def test_a_run_says_which_pins_have_no_node(world: World, database: Database, scope: Scope) -> None:
    await pins.pin(database, scope, "in_place", "first", {"n": 20})
    async with database.transaction(scope) as tx:
        await rows.pin(tx, world.workflow_id, "gone", {"n": 1})
    started = await preview.start(
        database, world.runtime.client, scope, world.workflow_id, run_input={"n": 1}, chat=False
    )
    assert started.strays == ("gone",)
    assert (await world.run()).output == {"sum": 40, "called": {"counted": True}}


async def test_pins_go_with_renamed_nodes(database: Database, scope: Scope, workflow_id: UUID) -> None:
    await pins.pin(database, scope, "in_place", "first", {"n": 20})
    async with database.transaction(scope) as tx:
        await rows.rename(tx, workflow_id, pins.renamed([{"op": "rename_node", "node": "first", "to": "front"}]))
    async with database.transaction(scope) as tx:
        assert await rows.outputs(tx, workflow_id) == {"front": {"n": 20}}


async def test_what_jsonb_does_not_take_is_replaced(database: Database, scope: Scope, workflow_id: UUID) -> None:
    hostile = {"a\0": ["\ud800", float("nan"), "<script>"]}
    kept = await pins.pin(database, scope, "in_place", "first", hostile)
    assert kept["first"]["output"] == {"a\ufffd": ["\ufffd", None, "<script>"]}


async def test_what_cannot_be_pinned_is_refused(database: Database, scope: Scope, workflow_id: UUID) -> None:
    for node, output in (("no such\nname", 1), ("first", "x" * 300_000)):
        with pytest.raises(InputError):
            await pins.pin(database, scope, "in_place", node, output)
    with pytest.raises(NotFound):
        await pins.pin(database, scope, "in_place", "never_there", 1)
    async with database.transaction(scope) as tx:
        for number in range(rows.MOST):
            await rows.pin(tx, workflow_id, f"n{number}", None)
        with pytest.raises(InputError):
            await rows.pin(tx, workflow_id, "one_more", None)
        await rows.pin(tx, workflow_id, "n0", 1)


async def test_another_tenant_finds_neither_workflow_nor_run(
    world: World, other_scope: Scope, first_run: RunView
) -> None:
    database, theirs = world.database, replace(world, scope=other_scope)
    await pins.pin(database, world.scope, "in_place", "first", {"n": 20})
    for act in (
        pins.pin(database, other_scope, "in_place", "first", 1),
        pins.unpin(database, other_scope, "in_place", "first"),
        pins.pin_recorded(database, other_scope, "in_place", "first", first_run.run_id),
    ):
        with pytest.raises(NotFound):
            await act
    async with database.transaction(other_scope) as tx:
        assert await rows.outputs(tx, world.workflow_id) == {}
        own = (await workflows.create(tx, TEXT)).workflow_id
    with pytest.raises(NotFound):
        await pins.pin_recorded(database, other_scope, "in_place", "first", first_run.run_id)
    with pytest.raises(NotFound):
        await replace(theirs, workflow_id=own).run(preview.Piece("second", run_id=first_run.run_id))


async def test_a_node_that_gave_nothing_cannot_be_pinned(
    database: Database, scope: Scope, workflow_id: UUID, first_run: RunView
) -> None:
    with pytest.raises(NotFound):
        await pins.pin_recorded(database, scope, "in_place", "nobody", first_run.run_id)
    with pytest.raises(NotFound):
        await pins.pin_recorded(database, scope, "in_place", "first", uuid4())


@pytest.mark.parametrize("data", [5, [], {}, {"entry": "a", "run_id": "x"}, {"entry": "a", "run_id": 7}])
def test_rubbish_is_no_piece(data: Any) -> None:
    with pytest.raises(InputError):
        preview.Piece.from_json(data)


async def test_numbers_of_nodes_are_of_the_latest_runs(
    world: World, first_run: RunView, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.run()
    async with world.database.transaction(world.scope) as tx:
        found = await step_numbers.numbers_of_nodes(tx, "in_place", 7)
        assert (found.runs, found.limited, sorted(found.nodes)) == (
            2,
            False,
            ["call", "end", "first", "second", "start"],
        )
        call = found.nodes["call"]
        assert (call.steps, call.failed, call.cost_usd_micros) == (2, 0, 0)
        assert 0 <= call.p50_ms <= call.p95_ms
        assert (await step_numbers.numbers_of_nodes(tx, "another", 7)).nodes == {}
        await tx.session.execute(
            sa.text("UPDATE runs SET created_at = now() - interval '2 days' WHERE run_id = :run"),
            {"run": first_run.run_id},
        )
        assert (await step_numbers.numbers_of_nodes(tx, "in_place", 1)).runs == 1
        await tx.session.execute(
            sa.text("UPDATE steps SET path = 'call/inner', cost_usd_micros = 7 WHERE path = 'first'")
        )
        inside = (await step_numbers.numbers_of_nodes(tx, "in_place", 7)).nodes
        assert "first" not in inside
        assert (inside["call"].steps, inside["call"].cost_usd_micros) == (2, 14)
        monkeypatch.setattr(step_numbers, "MOST_RUNS", 1)
        assert (await step_numbers.numbers_of_nodes(tx, "in_place", 7)).limited
