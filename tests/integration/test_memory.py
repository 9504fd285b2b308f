"""What runs remember, in the database: order, ends, limits, repeated writes, and never another tenant's."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from connectors.memory import StoredMemory
from engine.errors import InputError, TransientError
from engine.execution.ports import Memory, MemoryPlace
from engine.settings import Settings
from engine.store.access import memories
from engine.store.session import Database, Scope
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.runtime import Runtime
from tests.contract.test_nodes_memory import steps
from tests.support.ports import FakeMemory

_keys = itertools.count()


def key() -> str:
    return f"run:step:{next(_keys)}"


def place(scope: Scope, name: str = "k", *, owner: str = "CUST-1", of: Any = "customer") -> MemoryPlace:
    return MemoryPlace(scope.tenant_id, of, owner, name)


@pytest.fixture(params=["stored", "fake"])
def memory(request: pytest.FixtureRequest, database: Database) -> Memory:
    """The real one, and the fake that other tests rely on."""
    return StoredMemory(database) if request.param == "stored" else FakeMemory()


@pytest.fixture
def stored(database: Database) -> StoredMemory:
    return StoredMemory(database)


# -- what both do ------------------------------------------------------------------------------------------------------


async def test_entries_come_back_oldest_first_as_they_were(memory: Memory, scope: Scope) -> None:
    values: list[Any] = [1, "zwei 🧵", None, {"a": [1.5, {"b": None}]}, [], True, ""]
    for value in values:
        await memory.append(place(scope), value, key())
    assert list(await memory.last(place(scope), 100)) == values
    assert list(await memory.last(place(scope), 2)) == values[-2:]


async def test_writing_leaves_one_and_clearing_none(memory: Memory, scope: Scope) -> None:
    for value in (1, 2):
        await memory.append(place(scope), value, key())
    await memory.write(place(scope), 3, key())
    assert list(await memory.last(place(scope), 10)) == [3]
    await memory.append(place(scope), 4, key())
    assert list(await memory.last(place(scope), 10)) == [3, 4]
    await memory.clear(place(scope), key())
    assert list(await memory.last(place(scope), 10)) == []


async def test_a_repeated_call_changes_nothing_whatever_came_in_between(memory: Memory, scope: Scope) -> None:
    first, second, third = key(), key(), key()
    await memory.write(place(scope), "first", first)
    await memory.write(place(scope), "second", second)
    await memory.write(place(scope), "first", first)
    assert list(await memory.last(place(scope), 10)) == ["second"]
    await memory.clear(place(scope), third)
    await memory.append(place(scope), "after", key())
    for repeated in (first, second):
        await memory.append(place(scope), "again", repeated)
    await memory.clear(place(scope), third)
    assert list(await memory.last(place(scope), 10)) == ["after"]


async def test_places_are_apart(memory: Memory, scope: Scope, other_scope: Scope) -> None:
    here = place(scope)
    elsewhere = [
        place(other_scope),
        place(scope, "other"),
        place(scope, owner="CUST-2"),
        place(scope, of="conversation"),
        place(scope, "K"),
    ]
    await memory.write(here, "here", key())
    for there in elsewhere:
        assert list(await memory.last(there, 10)) == []
        await memory.clear(there, key())
    assert list(await memory.last(here, 10)) == ["here"]


# -- ends --------------------------------------------------------------------------------------------------------------


async def test_an_entry_ends_by_the_databases_clock(stored: StoredMemory, scope: Scope, database: Database) -> None:
    await stored.append(place(scope), "long", key(), ttl_s=3600)
    await stored.append(place(scope), "short", key(), ttl_s=60)
    await stored.append(place(scope), "for good", key())
    await _pass(database, scope, "2 minutes")
    assert list(await stored.last(place(scope), 10)) == ["long", "for good"]
    await _pass(database, scope, "1 day")
    assert list(await stored.last(place(scope), 10)) == ["for good"]


async def _pass(database: Database, scope: Scope, time: str) -> None:
    """Let time pass for what is stored, by moving it into the past."""
    async with database.transaction(scope) as tx:
        await tx.session.execute(
            sa.text("UPDATE memories SET expires_at = expires_at - CAST(:time AS interval)"), {"time": time}
        )


async def _rows(database: Database, scope: Scope) -> list[tuple[Any, Any]]:
    async with database.transaction(scope) as tx:
        found = await tx.session.execute(sa.text("SELECT value, idempotency_key FROM memories ORDER BY entry_id"))
        return [tuple(row) for row in found]


async def test_what_ended_is_gone_from_the_disk_and_its_key_some_time_later(
    stored: StoredMemory, scope: Scope, database: Database
) -> None:
    await stored.write(place(scope), "secret one", "k1", ttl_s=60)
    await stored.write(place(scope), "secret two", "k2")
    assert await _rows(database, scope) == [(None, "k1"), ("secret two", "k2")]
    await stored.clear(place(scope), "k3")
    await stored.append(place(scope, "x"), "secret three", "k4", ttl_s=60)
    await _pass(database, scope, "2 minutes")
    await stored.append(place(scope, "y"), 1, "k5")
    assert await _rows(database, scope) == [(None, "k1"), (None, "k2"), (None, "k3"), (None, "k4"), (1, "k5")]
    await stored.append(place(scope, "x"), "secret three", "k4", ttl_s=60)
    assert list(await stored.last(place(scope, "x"), 10)) == []
    await _pass(database, scope, "8 days")
    await stored.append(place(scope, "y"), 2, "k6")
    assert [name for _, name in await _rows(database, scope)] == ["k5", "k6"]


async def test_what_a_run_remembers_ends_after_the_longest_run(
    stored: StoredMemory, scope: Scope, database: Database
) -> None:
    await stored.write(place(scope, of="run"), 1, key())
    await _pass(database, scope, "399 days")
    assert list(await stored.last(place(scope, of="run"), 1)) == [1]
    await _pass(database, scope, "2 days")
    assert list(await stored.last(place(scope, of="run"), 1)) == []


# -- limits ------------------------------------------------------------------------------------------------------------


async def test_the_oldest_beyond_the_limit_of_a_place_are_dropped(
    stored: StoredMemory, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "MAX_ENTRIES", 5)
    for number in range(9):
        await stored.append(place(scope), number, key())
    assert list(await stored.last(place(scope), 100)) == [4, 5, 6, 7, 8]


async def test_an_owner_has_a_limit_and_can_make_room(
    stored: StoredMemory, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memories, "MAX_OF_OWNER", 3)
    for number in range(3):
        await stored.write(place(scope, f"k{number}"), number, key())
    refused = key()
    with pytest.raises(InputError, match="3 entries in memory"):
        await stored.write(place(scope, "k3"), 3, refused)
    await stored.write(place(scope, "k0"), "again", key())
    await stored.write(place(scope, "k3", owner="CUST-2"), 3, key())
    await stored.clear(place(scope, "k1"), key())
    await stored.write(place(scope, "k3"), 3, refused)
    assert list(await stored.last(place(scope, "k3"), 1)) == [3]


@pytest.mark.parametrize(
    "value", ["x" * 64_000, {"a": ["ü" * 32_000]}, list(range(20_000))], ids=["text", "two bytes", "list"]
)
async def test_what_is_too_large_is_refused(stored: StoredMemory, scope: Scope, value: Any) -> None:
    for write in (stored.append, stored.write):
        with pytest.raises(InputError, match="too much to remember"):
            await write(place(scope), value, key())


@pytest.mark.parametrize("name", ["", "x" * 201, "a\0b", "line\nend", "\ud800", "\u202e"], ids=repr)
async def test_names_that_are_none(stored: StoredMemory, scope: Scope, name: str) -> None:
    for wrong in (place(scope, name), place(scope, owner=name)):
        for call in (stored.last(wrong, 1), stored.write(wrong, 1, key()), stored.clear(wrong, key())):
            with pytest.raises(InputError, match="printable"):
                await call


@pytest.mark.parametrize("ttl_s", [0, -1, 1e12, float("nan"), float("inf")])
async def test_times_that_are_none(stored: StoredMemory, scope: Scope, ttl_s: float) -> None:
    with pytest.raises(InputError, match="ten years"):
        await stored.write(place(scope), 1, key(), ttl_s)


async def test_odd_letters_are_kept_as_far_as_they_can_be(stored: StoredMemory, scope: Scope) -> None:
    await stored.write(place(scope, "'; DROP TABLE memories; --"), {"a\0": "b\ud800\0"}, key())
    assert list(await stored.last(place(scope, "'; DROP TABLE memories; --"), 1)) == [{"a\ufffd": "b\ufffd\ufffd"}]


# -- many at once ------------------------------------------------------------------------------------------------------


async def test_writers_at_once_lose_nothing_and_leave_one(stored: StoredMemory, scope: Scope) -> None:
    await asyncio.gather(*(stored.append(place(scope), n, key()) for n in range(20)))
    assert sorted(await stored.last(place(scope), 100)) == list(range(20))
    await asyncio.gather(*(stored.write(place(scope), n, key()) for n in range(20)))
    assert len(await stored.last(place(scope), 100)) == 1


async def test_one_write_made_by_many_at_once_is_made_once(stored: StoredMemory, scope: Scope) -> None:
    same = key()
    await asyncio.gather(*(stored.append(place(scope), "once", same) for _ in range(10)))
    assert list(await stored.last(place(scope), 100)) == ["once"]


async def test_a_database_that_is_away_is_a_passing_failure(scope: Scope) -> None:
    gone = Database("postgresql://nobody:x@127.0.0.1:1/none", pool_size=1)
    for call in _calls(StoredMemory(gone), scope):
        with pytest.raises(TransientError):
            await call
    await gone.close()


def _calls(stored: StoredMemory, scope: Scope) -> Iterator[Any]:
    yield stored.last(place(scope), 1)
    yield stored.append(place(scope), 1, key())
    yield stored.write(place(scope), 1, key())
    yield stored.clear(place(scope), key())


async def test_no_tenant_can_write_into_anothers_memory(database: Database, scope: Scope, other_scope: Scope) -> None:
    async with database.transaction(other_scope) as tx:
        insert = sa.text(
            "INSERT INTO memories (tenant_id, scope, owner, key, idempotency_key) VALUES (:t, 'tenant', 'o', 'k', 'k')"
        )
        with pytest.raises(sa.exc.ProgrammingError, match="row-level security"):
            await tx.session.execute(insert, {"t": scope.tenant_id})
        await tx.session.rollback()


async def test_one_run_reads_what_another_wrote_and_no_other_tenants_does(
    settings: Settings, connections: Connections, scope: Scope, other_scope: Scope
) -> None:
    write = RunRequest(ByText(steps("{op: write, scope: customer, key: k, value: context.said}")), {"customer_id": 7})
    read = RunRequest(ByText(steps("{scope: customer, key: k}")), {"customer_id": "7"})
    runtime = await Runtime.open(settings, connections, with_models=False)
    try:
        for who, said in ((scope, "tea"), (other_scope, "coffee")):
            request = replace(write, input={**write.input, "said": said})
            assert (await runtime.client.run_inline(who, request, 20)).status == "succeeded"
        views = [await runtime.client.run_inline(who, read, 20) for who in (scope, other_scope)]
        assert [view.output["remembered"] for view in views] == ["tea", "coffee"]
    finally:
        await runtime.close()
