"""The run list: searched from the newest run on, some runs at a time, nothing left out and nothing shown twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa

from engine.store.access import overview, paging, run_list, runs, workflows
from engine.store.access.runs import NewRun
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from studio.services import runs as service


async def filled(database: Database, scope: Scope, count: int) -> list[UUID]:
    """Runs, the newest first, of which three each began in the same moment; every fourth one is about a kettle."""
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        for number in range(count):
            about = "kettle" if number % 4 == 3 else "teapot"
            row, _ = await runs.create_run(
                tx, NewRun(f"flow_{number % 3}", digest, "api", {"message": f"{about} {number}"})
            )
            row.created_at = datetime(2026, 1, 1, tzinfo=UTC) - timedelta(minutes=number // 3)
        await tx.session.flush()
        order = (RunRow.created_at.desc(), RunRow.run_id.desc())  # type: ignore[attr-defined]
        return list((await tx.session.execute(sa.select(RunRow.run_id).order_by(*order))).scalars())


async def walked(database: Database, scope: Scope, **wanted: object) -> tuple[list[RunRow], list[int]]:
    """All rows, page by page, and the sizes of the pages."""
    rows: list[RunRow] = []
    sizes: list[int] = []
    cursor: str | None = None
    while True:
        async with database.transaction(scope) as tx:
            page = await run_list.list_runs(tx, cursor=cursor, limit=2, **wanted)  # type: ignore[arg-type]
        rows += page.rows
        sizes.append(len(page.rows))
        cursor = page.cursor
        if cursor is None:
            return rows, sizes


@pytest.mark.parametrize("bounds", [(1, 0.0), (2, 0.0), (5, 0.0), (2, 60.0), (20_000, 60.0)])
async def test_a_search_finds_all_whatever_time_it_gets(
    database: Database, scope: Scope, other_scope: Scope, monkeypatch: pytest.MonkeyPatch, bounds: tuple[int, float]
) -> None:
    monkeypatch.setattr(paging, "LOOK_AT", bounds[0])
    monkeypatch.setattr(paging, "SEARCH_S", bounds[1])
    order = await filled(database, scope, 22)
    await filled(database, other_scope, 8)
    found, sizes = await walked(database, scope, search="KETTLE")
    assert len(found) == 5
    assert all(row.input["message"].startswith("kettle") for row in found)
    assert [row.run_id for row in found] == [run_id for run_id in order if run_id in {row.run_id for row in found}]
    assert max(sizes) <= 2
    narrowed, _ = await walked(database, scope, search="kettle", workflow="flow_0")
    assert [row.input["message"] for row in narrowed] == [
        row.input["message"] for row in found if row.workflow_name == "flow_0"
    ]
    everything, _ = await walked(database, scope)
    assert [row.run_id for row in everything] == order


async def test_a_search_that_gives_up_leads_on(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "LOOK_AT", 3)
    monkeypatch.setattr(paging, "SEARCH_S", 0.0)
    await filled(database, scope, 9)
    page = await service.listing(database, scope, service.RunFilter(search="no such thing"))
    assert page.rows == []
    assert page.cursor
    seen = 0
    while page.cursor:
        page = await service.listing(database, scope, service.RunFilter(search="no such thing"), page.cursor)
        seen += 1
    assert seen == 3


async def test_a_run_is_found_by_its_id(
    database: Database, scope: Scope, other_scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "LOOK_AT", 1)
    monkeypatch.setattr(paging, "SEARCH_S", 0.0)
    order, theirs = await filled(database, scope, 6), await filled(database, other_scope, 2)
    async with database.transaction(scope) as tx:
        for run_id in (order[0], order[-1]):
            page = await run_list.list_runs(tx, search=str(run_id))
            assert ([row.run_id for row in page.rows], page.cursor) == ([run_id], None)
    rows, _ = await walked(database, scope, search=str(theirs[0]))
    assert rows == []
    rows, _ = await walked(database, scope, search=str(order[3])[-12:])
    assert [row.run_id for row in rows] == [order[3]]


@pytest.mark.parametrize("search", ["\0", "\ud800", "%", "_", "\\", "'; --", "{", "x" * 10_000])
async def test_odd_searches_find_nothing(database: Database, scope: Scope, search: str) -> None:
    await filled(database, scope, 3)
    found = (await service.listing(database, scope, service.RunFilter(search=search))).rows
    assert len(found) == (3 if search in ("_", "{") else 0)


async def test_names_of_workflows_with_runs(database: Database, scope: Scope, other_scope: Scope) -> None:
    await filled(database, scope, 7)
    async with database.transaction(scope) as tx:
        assert await overview.workflow_names_with_runs(tx) == ["flow_0", "flow_1", "flow_2"]
    async with database.transaction(other_scope) as tx:
        assert await overview.workflow_names_with_runs(tx) == []
