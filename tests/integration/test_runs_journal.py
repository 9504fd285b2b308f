"""The journal: leases, fencing, group commit, and what survives."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
import sqlalchemy as sa

from engine.errors import AppError, LeaseLost
from engine.execution.ports import StepRecord, Usage
from engine.store.access import conversations, runs, workflows
from engine.store.access.runs import NewRun
from engine.store.group_commit import Flow, Lane
from engine.store.journal import MAX_LEASES, JournalHub
from engine.store.leases import Lease
from engine.store.session import Database, Scope
from engine.store.tables.runs import RunRow
from runners.connections import Connections
from tests.support.counting import until

LEASE_S = 30.0  # leases end when a test says so, not when the machine is busy


class WallClock:
    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@pytest.fixture
async def hub(connections: Connections) -> AsyncIterator[JournalHub]:
    opened = JournalHub(connections.app_database_url, "this process", WallClock(), lease_s=LEASE_S)
    opened.start()
    yield opened
    await opened.close()


@pytest.fixture
async def other_hub(connections: Connections) -> AsyncIterator[JournalHub]:
    opened = JournalHub(connections.app_database_url, "other process", WallClock(), lease_s=LEASE_S)
    opened.start()
    yield opened
    await opened.close()


async def accept(database: Database, scope: Scope, **changes: object) -> uuid.UUID:
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "w", "name: w\n")
        row, _ = await runs.create_run(tx, replace(NewRun("w", digest, "manual", {"message": "hi"}), **changes))
        return row.run_id


async def lease(hub: JournalHub, scope: Scope, run_id: uuid.UUID) -> Lease:
    claim = await hub.claim(scope.tenant_id, run_id)
    assert claim.lease is not None, claim.verdict
    return claim.lease


async def row_of(database: Database, scope: Scope, run_id: uuid.UUID) -> RunRow:
    async with database.transaction(scope) as tx:
        return await runs.get_run(tx, run_id)


async def end_lease(database: Database, scope: Scope, run_id: uuid.UUID) -> None:
    async with database.transaction(scope) as tx:
        row = await runs.get_run(tx, run_id)
        row.lease_until = datetime.now(UTC) - timedelta(hours=1)


def record(seq: int, path: str = "a", **changes: object) -> StepRecord:
    return replace(
        StepRecord(seq, path, "tool", 0, 1, "succeeded", {"output": {"n": seq}}, started_at=time.time()), **changes
    )


async def test_end_of_run_holds_totals_of_all_its_leases(hub: JournalHub, database: Database, scope: Scope) -> None:
    run_id = await accept(database, scope)
    first = hub.journal(await lease(hub, scope, run_id))
    first.append(record(1, usage=Usage("m", "A", "short", tokens_in=10, tokens_out=5, cost_usd_micros=700)))
    await first.hand_over()
    assert (await row_of(database, scope, run_id)).status == "queued"

    held = await lease(hub, scope, run_id)
    assert [(r.seq, r.path, r.outcome, r.usage.tier) for r in held.records] == [(1, "a", {"output": {"n": 1}}, "A")]
    second = hub.journal(held)
    second.append(record(2, "b", usage=Usage(tokens_in=1, cost_usd_micros=2**40)))
    await second.finish("succeeded", {"reply": "done"}, None)

    row = await row_of(database, scope, run_id)
    assert (row.status, row.output, row.error, row.lease_owner) == ("succeeded", {"reply": "done"}, None, None)
    assert (row.tokens_in, row.tokens_out, row.cost_usd_micros, row.steps) == (11, 5, 2**40 + 700, 2)
    assert row.ended_at is not None
    assert (await hub.claim(scope.tenant_id, run_id)).verdict == "over"


async def test_records_go_with_their_run_and_with_their_tenant(
    hub: JournalHub, database: Database, scope: Scope, other_scope: Scope, owner_url: str
) -> None:
    ids = {}
    for name, whose in (("gone", scope), ("kept", scope), ("theirs", other_scope)):
        ids[name] = await accept(database, whose)
        journal = hub.journal(await lease(hub, whose, ids[name]))
        journal.append(record(0))
        await journal.finish("succeeded", None, None)

    async def left() -> list[str]:
        found = []
        for name, whose in (("gone", scope), ("kept", scope), ("theirs", other_scope)):
            async with database.transaction(whose) as tx:
                query = sa.text("SELECT count(*) FROM steps WHERE run_id = :run")
                found += [name] * (await tx.session.execute(query, {"run": ids[name]})).scalar_one()
        return found

    assert await left() == ["gone", "kept", "theirs"]
    async with database.transaction(scope) as tx:
        await tx.session.execute(sa.text("DELETE FROM runs WHERE run_id = :run"), {"run": ids["gone"]})
    assert await left() == ["kept", "theirs"]
    with psycopg.connect(owner_url) as owner:
        owner.execute("SELECT set_config('app.tenant_id', %s, true)", (str(scope.tenant_id),))
        owner.execute("DELETE FROM runs WHERE tenant_id = %s", (scope.tenant_id,))
        owner.execute("DELETE FROM tenants WHERE tenant_id = %s", (scope.tenant_id,))
    assert await left() == ["theirs"]


async def test_what_no_index_takes_is_refused_alone_and_at_once(
    hub: JournalHub, database: Database, scope: Scope
) -> None:
    """PostgreSQL reports it among the errors that a lost connection has; asking again would hold up everybody."""
    bad, good = [hub.journal(await lease(hub, scope, await accept(database, scope))) for _ in range(2)]
    endless = {"suspend": {"reason": "event", "data": {}}, "then": {"until": None, "signal": secrets.token_hex(9_000)}}
    bad.append(record(1, status="suspended", outcome=endless))
    good.append(record(1))
    async with asyncio.timeout(5):
        with pytest.raises(AppError, match="refused"):
            await bad.barrier()
        await good.barrier()


async def test_what_cannot_be_written_as_json_is_refused_alone(
    hub: JournalHub, database: Database, scope: Scope
) -> None:
    bad, good = [hub.journal(await lease(hub, scope, await accept(database, scope))) for _ in range(2)]
    abyss: list[object] = []
    for _ in range(100_000):
        abyss = [abyss]
    bad.append(record(1, outcome={"output": abyss, "then": {"do": "end"}}))
    good.append(record(1))
    async with asyncio.timeout(5):
        with pytest.raises(AppError, match="refused"):
            await bad.barrier()
        await good.barrier()


async def test_only_one_of_many_claims_gets_the_lease(
    hub: JournalHub, other_hub: JournalHub, database: Database, scope: Scope
) -> None:
    run_id = await accept(database, scope)
    claims = await asyncio.gather(*(h.claim(scope.tenant_id, run_id) for h in (hub, hub, other_hub, hub, other_hub)))
    assert sorted(c.verdict for c in claims) == ["busy"] * 4 + ["claimed"]


async def test_writes_of_a_lost_lease_are_refused(
    hub: JournalHub, other_hub: JournalHub, database: Database, scope: Scope
) -> None:
    run_id = await accept(database, scope)
    told: list[str] = []
    zombie = hub.journal(await lease(hub, scope, run_id), on_lost=lambda: told.append("lost"))
    zombie.append(record(1))
    await zombie.barrier()
    await end_lease(database, scope, run_id)
    successor = other_hub.journal(await lease(other_hub, scope, run_id))

    zombie.append(record(2, "of the zombie"))
    with pytest.raises(LeaseLost):
        await zombie.barrier()
    with pytest.raises(LeaseLost):
        await zombie.finish("succeeded", "of the zombie", None)
    assert told == ["lost"]

    successor.append(record(2, "b"))
    await successor.finish("succeeded", "right", None)
    async with database.transaction(scope) as tx:
        assert [s.path for s in await runs.list_steps(tx, run_id)] == ["a", "b"]
        assert (await runs.get_run(tx, run_id)).output == "right"


async def test_fencing_one_run_leaves_the_others_of_the_batch(
    hub: JournalHub, other_hub: JournalHub, database: Database, scope: Scope, other_scope: Scope
) -> None:
    stale_id, good_id = await accept(database, scope), await accept(database, other_scope)
    stale = hub.journal(await lease(hub, scope, stale_id))
    await end_lease(database, scope, stale_id)
    await lease(other_hub, scope, stale_id)
    good = hub.journal(await lease(hub, other_scope, good_id))
    results = await asyncio.gather(
        stale.finish("succeeded", 1, None), good.finish("succeeded", 2, None), return_exceptions=True
    )
    assert isinstance(results[0], LeaseLost)
    assert results[1] is None
    assert (await row_of(database, other_scope, good_id)).output == 2


async def test_heartbeat_keeps_leases_of_all_tenants_and_brings_cancellations(
    hub: JournalHub, other_hub: JournalHub, database: Database, scope: Scope, other_scope: Scope
) -> None:
    ids = {s.tenant_id: await accept(database, s) for s in (scope, other_scope)}
    journals = [hub.journal(await lease(hub, s, ids[s.tenant_id])) for s in (scope, other_scope)]
    async with database.transaction(scope) as tx:
        assert (await runs.request_cancel(tx, ids[scope.tenant_id])).status == "running"
    for s in (scope, other_scope):
        await end_lease(database, s, ids[s.tenant_id])
    assert await hub.heartbeat(journals) == {ids[scope.tenant_id]}
    for s in (scope, other_scope):
        assert (await other_hub.claim(s.tenant_id, ids[s.tenant_id])).verdict == "busy"


async def test_heartbeat_tells_a_run_whose_lease_is_gone(
    hub: JournalHub, other_hub: JournalHub, database: Database, scope: Scope
) -> None:
    run_id = await accept(database, scope)
    told: list[str] = []
    journal = hub.journal(await lease(hub, scope, run_id), on_lost=lambda: told.append("lost"))
    await end_lease(database, scope, run_id)
    await lease(other_hub, scope, run_id)
    await hub.heartbeat([journal])
    assert told == ["lost"]


@pytest.mark.parametrize("calm", [True, False])
async def test_many_runs_share_few_commits(
    hub: JournalHub, database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch, calm: bool
) -> None:
    """All that wait go together; where runs wait for the world, some go first."""
    monkeypatch.setattr(Flow, "is_calm", calm)
    ids = [await accept(database, scope) for _ in range(40)]
    journals = [hub.journal(held) for held in await asyncio.gather(*(lease(hub, scope, i) for i in ids))]

    async def write(journal: object) -> None:
        for seq in range(1, 6):
            journal.append(record(seq, f"n{seq}"))  # type: ignore[attr-defined]
        await journal.finish("succeeded", None, None)  # type: ignore[attr-defined]

    await asyncio.gather(*map(write, journals))
    assert hub.commits in (range(4, 20) if calm else range(1, 4))
    for run_id in ids:
        assert (await row_of(database, scope, run_id)).steps == 5


async def test_whoever_waits_for_the_end_to_be_written_knows_when_it_is_asked_for(
    hub: JournalHub, database: Database, scope: Scope, owner_url: str
) -> None:
    run_id = await accept(database, scope)
    asked: list[str] = []
    journal = hub.journal(await lease(hub, scope, run_id), on_ending=lambda: asked.append("for"))
    journal.append(record(1))
    await journal.barrier()
    assert not asked
    with psycopg.connect(owner_url) as elsewhere:
        elsewhere.execute("SELECT FROM runs WHERE run_id = %s FOR UPDATE", (run_id,))
        ending = asyncio.create_task(journal.finish("succeeded", None, None))
        await until(lambda: asked)
        assert not ending.done()
    await ending
    assert asked == ["for"]


async def test_connections_are_there_before_the_first_run(hub: JournalHub) -> None:
    hub.warm_up()
    links = [lane._link for lane in (*hub._lanes, hub._claims)]
    await until(lambda: all(link._cursor is not None for link in links))


async def test_a_database_that_is_away_is_no_reason_not_to_start(
    hub: JournalHub, scope: Scope, database: Database
) -> None:
    lane, run_id = hub._claims, await accept(database, scope)
    there, lane._link._url = lane._link._url, "postgresql://nobody@127.0.0.1:1/nothing"
    hub.warm_up()
    await until(lambda: not lane._work.is_set())
    lane._link._url = there
    assert (await lease(hub, scope, run_id)).run_id == run_id


async def test_a_lost_connection_loses_and_doubles_nothing(
    hub: JournalHub, database: Database, scope: Scope, owner_url: str
) -> None:
    run_id = await accept(database, scope)
    journal = hub.journal(await lease(hub, scope, run_id))
    for seq in range(1, 31):
        journal.append(record(seq, f"n{seq}"))
        await journal.barrier()
        if seq % 10 == 0:
            kill_journal_connections(owner_url)
    await journal.finish("succeeded", None, None)
    async with database.transaction(scope) as tx:
        assert [s.seq for s in await runs.list_steps(tx, run_id)] == list(range(1, 31))


def kill_journal_connections(owner_url: str) -> None:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%heddle_journal(%'"
            " AND pid <> pg_backend_pid() AND datname = current_database()"
        )


async def test_the_same_entry_twice_is_written_once(hub: JournalHub, database: Database, scope: Scope) -> None:
    """A commit whose acknowledgement got lost is sent again."""
    run_id = await accept(database, scope, conversation_id=await conversation(database, scope))
    journal = hub.journal(await lease(hub, scope, run_id))
    journal.append(record(1))
    lane = journal._lane
    original, calls = Lane._commit, []

    async def twice(self: Lane, parts: list[bytes]) -> object:
        calls.append(len(parts))
        await original(self, parts)
        return await original(self, parts)

    lane._commit = twice.__get__(lane)  # type: ignore[method-assign]
    await journal.finish("succeeded", {"reply": "hello"}, None)
    assert calls == [1]
    row = await row_of(database, scope, run_id)
    assert (row.status, row.steps) == ("succeeded", 1)
    async with database.transaction(scope) as tx:
        said = await conversations.list_messages(tx, row.conversation_id)
    assert [(m.role, m.content) for m in said] == [("assistant", "hello")]


async def conversation(database: Database, scope: Scope) -> uuid.UUID:
    async with database.transaction(scope) as tx:
        return (await conversations.create_conversation(tx, "w", "chat")).conversation_id


async def test_history_is_what_was_said_before_the_run(hub: JournalHub, database: Database, scope: Scope) -> None:
    conversation_id = await conversation(database, scope)
    for text in ("one", "two"):
        run_id = await accept(database, scope, conversation_id=conversation_id)
        async with database.transaction(scope) as tx:
            await conversations.append_message(tx, conversation_id, "user", text, run_id)
        held = await lease(hub, scope, run_id)
        await hub.journal(held).finish("succeeded", {"reply": f"re: {text}"}, None)
    assert held.history == ({"role": "user", "content": "one"}, {"role": "assistant", "content": "re: one"})


async def test_a_signal_that_comes_while_the_run_suspends_wakes_it(
    hub: JournalHub, database: Database, scope: Scope
) -> None:
    run_id = await accept(database, scope)
    early = hub.journal(await lease(hub, scope, run_id))
    async with database.transaction(scope) as tx:
        assert not await runs.add_signal(tx, run_id, "approved", {"by": "me"})
    await early.suspend(None, signals_seen=0)
    assert early.woken
    held = await lease(hub, scope, run_id)
    assert [(s.name, s.data) for s in held.signals] == [("approved", {"by": "me"})]

    late = hub.journal(held)
    await late.suspend(None, signals_seen=1)
    assert not late.woken
    assert (await row_of(database, scope, run_id)).status == "suspended"
    async with database.transaction(scope) as tx:
        assert await runs.add_signal(tx, run_id, "approved", {})
    assert (await row_of(database, scope, run_id)).status == "queued"


async def test_a_run_that_only_costs_leases_fails_with_a_typed_error(
    hub: JournalHub, database: Database, scope: Scope
) -> None:
    run_id = await accept(database, scope)
    verdicts = []
    for _ in range(MAX_LEASES + 1):
        verdicts.append((await hub.claim(scope.tenant_id, run_id)).verdict)
        await end_lease(database, scope, run_id)
    assert verdicts == ["claimed"] * MAX_LEASES + ["abandoned"]
    row = await row_of(database, scope, run_id)
    assert (row.status, row.error["code"]) == ("failed", "run_abandoned")
    assert row.error["details"] == {"leases": MAX_LEASES}


async def test_progress_resets_the_count_of_leases(hub: JournalHub, database: Database, scope: Scope) -> None:
    run_id = await accept(database, scope)
    for seq in range(2 * MAX_LEASES):
        journal = hub.journal(await lease(hub, scope, run_id))
        journal.append(record(seq))
        await journal.barrier()
        await end_lease(database, scope, run_id)
    assert (await row_of(database, scope, run_id)).status == "running"


@pytest.mark.parametrize("hostile", ["nul \0 in it", "lone \ud800 surrogate", {"k\0": ["\0"]}])
async def test_text_that_the_database_refuses_is_kept_readable(
    hub: JournalHub, database: Database, scope: Scope, hostile: object
) -> None:
    run_id = await accept(database, scope)
    journal = hub.journal(await lease(hub, scope, run_id))
    journal.append(record(1, outcome={"output": hostile}))
    await journal.finish("succeeded", hostile, None)
    row = await row_of(database, scope, run_id)
    assert "�" in str(row.output)


async def test_a_record_that_the_database_refuses_hits_only_its_run(
    hub: JournalHub, database: Database, scope: Scope
) -> None:
    bad_id, good_id = await accept(database, scope), await accept(database, scope)
    bad, good = [hub.journal(await lease(hub, scope, i)) for i in (bad_id, good_id)]
    bad.append(record(2**40))  # no such integer in the table
    results = await asyncio.gather(
        bad.finish("succeeded", 1, None), good.finish("succeeded", 2, None), return_exceptions=True
    )
    assert isinstance(results[0], Exception)
    assert results[1] is None
    assert (await row_of(database, scope, good_id)).status == "succeeded"


async def test_a_run_of_another_tenant_cannot_be_claimed(
    hub: JournalHub, database: Database, scope: Scope, other_scope: Scope
) -> None:
    run_id = await accept(database, scope)
    assert (await hub.claim(other_scope.tenant_id, run_id)).verdict == "missing"
