"""The record of who changed what: entries follow each other, and a changed past is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.store.access import audit
from engine.store.access.audit import Fault
from engine.store.session import Database, Scope
from tests.conftest import make_tenant

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
