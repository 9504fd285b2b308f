"""The record of who changed what: entries follow each other, and a changed past is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.errors import NotFound
from engine.store.access import audit, paging, workflows
from engine.store.access.audit import Fault, Sought
from engine.store.session import Database, Scope
from studio.services import audit as service
from studio.services import workflows as library
from tests.conftest import make_tenant
from tests.support.api import key_for

ENTRIES = 6


@pytest.fixture
async def owner(owner_url: str, scope: Scope) -> AsyncIterator[sa.Connection]:
    """Somebody who has got hold of the database itself."""
    engine = sa.create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(sa.text("SELECT set_config('app.tenant_id', :id, true)"), {"id": str(scope.tenant_id)})
        yield connection
    engine.dispose()


async def write(database: Database, scope: Scope, count: int = ENTRIES) -> None:
    for number in range(1, count + 1):
        async with database.transaction(scope) as tx:
            await audit.record(tx, "test.deed", "thing", number, {"n": number, "ü": [1.5, None]})


async def verdict(database: Database, scope: Scope) -> Fault | None:
    async with database.transaction(scope) as tx:
        return await audit.verify(tx)


async def test_entries_follow_each_other(database: Database, scope: Scope) -> None:
    assert await verdict(database, scope) is None
    await asyncio.gather(*(write(database, scope, 5) for _ in range(4)))
    async with database.transaction(scope) as tx:
        found = (await audit.entries(tx, limit=200))[0][::-1]
        page, older = await audit.entries(tx, before=11, limit=3)
    assert [entry.number for entry in found] == list(range(1, 21))
    assert ([entry.number for entry in page], older) == ([10, 9, 8], 8)
    assert all(later.prev_hash == earlier.hash for earlier, later in pairwise(found))
    assert (found[0].user_id, found[0].role, found[0].details) == (scope.user_id, "admin", {"n": 1, "ü": [1.5, None]})
    assert await verdict(database, scope) is None


async def test_what_is_rolled_back_leaves_no_gap(database: Database, scope: Scope) -> None:
    await write(database, scope, 2)

    async def fail() -> None:
        async with database.transaction(scope) as tx:
            await audit.record(tx, "test.deed", "thing", 3)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await write(database, scope, 2)
    assert await verdict(database, scope) is None


@pytest.mark.parametrize(
    ("deed", "expected"),
    [
        ("UPDATE audit_log SET action = 'test.other' WHERE number = 3", Fault(3, "changed")),
        ("UPDATE audit_log SET details = details || '{\"n\": 9}' WHERE number = 1", Fault(1, "changed")),
        ("UPDATE audit_log SET user_id = NULL WHERE number = 6", Fault(6, "changed")),
        ("UPDATE audit_log SET created_at = created_at - interval '1 second' WHERE number = 2", Fault(2, "changed")),
        ("DELETE FROM audit_log WHERE number = 4", Fault(4, "missing")),
        ("DELETE FROM audit_log WHERE number = 1", Fault(1, "missing")),
        ("DELETE FROM audit_log WHERE number >= 5", Fault(5, "missing")),
        ("DELETE FROM audit_log", Fault(1, "missing")),
        # Two entries change places; an entry is replaced with a hash that fits itself.
        ("UPDATE audit_log SET number = CASE number WHEN 2 THEN 103 ELSE 102 END WHERE number IN (2, 3); "
         "UPDATE audit_log SET number = number - 100 WHERE number > 100", Fault(2, "changed")),
        ("UPDATE audit_log SET action = 'x' WHERE number = 3; "
         "UPDATE audit_log a SET hash = heddle_audit_hash(a) WHERE number = 3",
         Fault(4, "not the one that followed")),
        ("UPDATE audit_log SET action = 'x' WHERE number = 6; "
         "UPDATE audit_log a SET hash = heddle_audit_hash(a) WHERE number = 6",
         Fault(6, "not the one that was written last")),
    ],
)  # fmt: skip
async def test_a_changed_past_is_named(
    database: Database, scope: Scope, owner: sa.Connection, deed: str, expected: Fault
) -> None:
    await write(database, scope)
    for statement in deed.split("; "):
        owner.execute(sa.text(statement.replace("'{\"n\": 9}'", "jsonb_build_object('n', 9)")))
    owner.commit()
    assert await verdict(database, scope) == expected


@pytest.mark.parametrize(
    "deed",
    [
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "INSERT INTO audit_log SELECT * FROM audit_log",
        "UPDATE audit_heads SET number = 0",
        "DELETE FROM audit_heads",
    ],
)
async def test_the_application_itself_can_only_add(database: Database, scope: Scope, deed: str) -> None:
    await write(database, scope, 1)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with database.transaction(scope) as tx:
            await tx.session.execute(sa.text(deed))
    assert await verdict(database, scope) is None


async def test_every_tenant_has_a_chain_of_its_own(database: Database, scope: Scope) -> None:
    other = await make_tenant(database, "other")
    await write(database, scope, 3)
    await write(database, other, 2)
    for each, count in ((scope, 3), (other, 2)):
        async with database.transaction(each) as tx:
            assert [entry.number for entry in (await audit.entries(tx))[0]] == list(range(count, 0, -1))
            assert await audit.verify(tx) is None


async def test_the_record_is_narrowed(
    database: Database, scope: Scope, other_scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, program = Scope(scope.tenant_id, uuid4(), "admin"), Scope(scope.tenant_id, None, "api_key")
    for number in range(12):
        who = (scope, ada, program)[number % 3]
        async with database.transaction(who) as tx:
            await audit.record(tx, ("order.pay", "order.ship")[number % 2], "thing", number)
    await write(database, other_scope, 3)

    async def numbers(before: int | None = None, **sought: Any) -> tuple[list[int], int | None]:
        async with database.transaction(scope) as tx:
            rows, older = await audit.entries(tx, sought=Sought(**sought), before=before, limit=2)
        return [entry.number for entry in rows], older

    async def every(**sought: Any) -> list[int]:
        found, before = await numbers(**sought)
        while before is not None:
            more, before = await numbers(before, **sought)
            found += more
        return found

    assert await every() == list(range(12, 0, -1))
    looks = (
        ({"user_id": ada.user_id}, [11, 8, 5, 2]),
        ({"nobody": True}, [12, 9, 6, 3]),
        ({"action": "order.ship"}, [12, 10, 8, 6, 4, 2]),
        ({"action": "order.ship", "user_id": ada.user_id}, [8, 2]),
        ({"action": "no.such"}, []),
    )
    for sought, expected in looks:
        assert await every(**sought) == expected
    monkeypatch.setattr(paging, "LOOK_AT", 1)
    monkeypatch.setattr(paging, "SEARCH_S", 0.0)
    for sought, expected in looks:
        assert await every(**sought) == expected, "a look that ends early goes on where it was"
    assert await numbers(action="no.such") == ([], 12)
    async with database.transaction(scope) as tx:
        assert await audit.actions(tx) == ["order.pay", "order.ship"]
        assert await audit.written(tx) == 12


async def test_a_time_is_found_by_the_key(database: Database, scope: Scope, owner: sa.Connection) -> None:
    """Also where entries are missing, which the look for a time must survive."""
    await write(database, scope, 9)
    owner.execute(sa.text("UPDATE audit_log SET created_at = timestamptz '2026-01-01Z' + number * interval '1 day'"))
    owner.execute(sa.text("DELETE FROM audit_log WHERE number IN (1, 4, 5)"))
    owner.commit()

    async def numbers(since: int | None = None, until: int | None = None) -> list[int]:
        start = datetime(2026, 1, 1, tzinfo=UTC)
        days = [None if day is None else start + timedelta(days=day) for day in (since, until)]
        async with database.transaction(scope) as tx:
            rows, _ = await audit.entries(tx, sought=Sought(since=days[0], until=days[1]))
        return [entry.number for entry in rows]

    assert await numbers() == [9, 8, 7, 6, 3, 2]
    assert await numbers(since=6) == [9, 8, 7, 6]
    assert await numbers(since=4, until=7) == [6]
    assert await numbers(until=3) == [2]
    assert await numbers(since=5, until=5) == []
    assert await numbers(since=30) == []
    assert await numbers(until=-5) == []


async def test_the_record_over_http_is_narrowed(http: httpx.AsyncClient, database: Database, scope: Scope) -> None:
    key = await key_for(database, scope)
    await write(database, scope, 3)
    place = "/api/v1/audit"
    found = await http.get(place, headers=key, params={"action": "test.deed", "user_id": str(scope.user_id)})
    assert [entry["number"] for entry in found.json()["entries"]] == [3, 2, 1]
    moment = found.json()["entries"][0]["created_at"]
    late = await http.get(place, headers=key, params={"since": moment})
    assert [entry["number"] for entry in late.json()["entries"]] == [3]
    assert (await http.get(place, headers=key, params={"since": "2026-01-01T00:00:00"})).status_code == 422
    assert (await http.get(place, headers=key, params={"action": "no.such"})).json() == {"entries": [], "cursor": None}


async def test_how_the_page_shows_the_record(database: Database, scope: Scope, other_scope: Scope) -> None:
    workflow = await library.create(database, scope, "greeter")
    async with database.transaction(scope) as tx:
        workflow_id = (await workflows.get_by_name(tx, workflow)).workflow_id
    run_id, stranger = uuid4(), Scope(scope.tenant_id, uuid4(), "admin")
    deeds = (
        (scope, "workflow.archive", "workflow", workflow_id, {}),
        (Scope(scope.tenant_id, None, "api_key"), "approval.answer", "run", run_id, {"decision": "approve"}),
        (stranger, "endpoint.renew_secret", "endpoint", uuid4(), {"path": "support"}),
        (Scope(scope.tenant_id, None, "system"), "event.redeliver", "dead_letters", "", {"asked": 2, "sent": 1}),
    )
    for who, action, kind, thing, details in deeds:
        async with database.transaction(who) as tx:
            await audit.record(tx, action, kind, thing, details)
    rows, older = await service.listing(database, scope, service.Filter())
    assert older == 0
    shown = [(row.who, row.action, row.what, row.link, row.remarks) for row in reversed(rows)]
    assert shown[0][1:] == ("workflow.archive", "greeter", "/app/workflows/greeter", "")
    assert shown[1] == (
        "An API key", "approval.answer", str(run_id)[-12:], f"/app/runs/{run_id}", "decision: approve"
    )  # fmt: skip
    assert shown[2] == (f"A former member ({str(stranger.user_id)[-12:]})", deeds[2][1], "support", "", "")
    assert (shown[3][0], shown[3][4]) == ("Heddle", "sent: 1, asked: 2")
    assert [row.number for row in (await service.listing(database, scope, service.Filter(who="nobody")))[0]] == [4, 2]
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert len((await service.listing(database, scope, service.Filter(since=today, until=today)))[0]) == 4
    for odd in ({"since": "0002-01-01"}, {"until": "nonsense"}, {"who": "x", "since": "9999-12-31"}):
        assert len((await service.listing(database, scope, service.Filter(**odd)))[0]) == 4
    async with database.transaction(scope) as tx:
        await workflows.archive(tx, workflow_id)
    (first,) = (await service.listing(database, scope, service.Filter(action="workflow.archive")))[0]
    assert (first.what, first.link) == ("greeter", ""), "there is no page of it any more"
    assert (await service.listing(database, other_scope, service.Filter()))[0] == []
    with pytest.raises(NotFound):
        await service.entry(database, other_scope, 1)
    assert (await service.verify(database, scope)).text.endswith("all 4 entries are as they were written.")


async def test_a_broken_record_is_said_in_words(database: Database, scope: Scope, owner: sa.Connection) -> None:
    await write(database, scope, 3)
    owner.execute(sa.text("DELETE FROM audit_log WHERE number = 2"))
    owner.commit()
    assert await service.verify(database, scope) == service.Verdict(2, "Entry 2 is missing.")
