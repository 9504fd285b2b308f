"""The services behind the studio's lists, on a real database: what they show, and that tenants never mix."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from engine.errors import Conflict, NotFound, RateLimited, SchemaError, Unauthenticated
from engine.store.access import identity, runs, workflows
from engine.store.callers import Callers
from engine.store.session import Database, Scope
from engine.store.tables.runs import StepRow
from studio.auth.passwords import hash_password
from studio.services import accounts, run_detail, templates, workflow_list
from studio.services import runs as run_list
from studio.services import workflows as library
from studio.services.workflow_files import SHIPPED


async def _workflow(database: Database, scope: Scope, name: str) -> UUID:
    await library.create(database, scope, name)
    async with database.transaction(scope) as tx:
        return (await workflows.get_by_name(tx, name)).workflow_id


async def _run(database: Database, scope: Scope, name: str, **values: Any) -> str:
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, name, f"name: {name}")
        row, _ = await runs.create_run(tx, runs.NewRun(name, digest, "webhook", {"message": f"about {name}"}))
        for key, value in values.items():
            setattr(row, key, value)
        return str(row.run_id)


async def test_a_blank_workflow_is_valid_and_listed(database: Database, scope: Scope) -> None:
    await _workflow(database, scope, "hello")
    (row,) = (await workflow_list.shown(database, scope)).rows
    assert (row.name, row.category, row.state, row.runs) == ("hello", "customer service", "draft", "–")
    async with database.transaction(scope) as tx:
        text = (await workflows.get_by_name(tx, "hello")).text
    found = library.look_into(text)
    assert [d for d in found.diagnostics if d["severity"] == "error"] == []


async def test_every_template_can_be_started_from(database: Database, scope: Scope) -> None:
    shipped = templates.templates()
    assert len(shipped) >= 9
    name = await library.create(database, scope, "my_faq", "faq_handling")
    async with database.transaction(scope) as tx:
        text = (await workflows.get_by_name(tx, name)).text
    original = (SHIPPED / "faq_handling.yaml").read_bytes().decode()
    changed = [(a, b) for a, b in zip(original.splitlines(), text.splitlines(), strict=True) if a != b]
    assert len(changed) == 1, "only the line of the name changes"
    with pytest.raises(NotFound):
        await library.create(database, scope, "other", "../../etc/passwd")


@pytest.mark.parametrize("name", ["", "Upper", "1st", "a b", "x" * 65, "a/b", "é"])
async def test_names_follow_the_rule(database: Database, scope: Scope, name: str) -> None:
    with pytest.raises(SchemaError, match="A name starts with a small letter"):
        await library.create(database, scope, name)


async def test_a_taken_name_is_refused_and_copies_find_their_own(database: Database, scope: Scope) -> None:
    workflow_id = await _workflow(database, scope, "hello")
    with pytest.raises(Conflict):
        await library.create(database, scope, "hello")
    assert await library.duplicate(database, scope, workflow_id) == "hello_copy"
    assert await library.duplicate(database, scope, workflow_id) == "hello_copy_2"


async def test_archiving_takes_out_of_the_list_and_back(database: Database, scope: Scope) -> None:
    workflow_id = await _workflow(database, scope, "hello")
    await library.archive(database, scope, workflow_id)
    assert (await workflow_list.shown(database, scope)).rows == []
    await library.archive(database, scope, workflow_id, archived=False)
    assert len((await workflow_list.shown(database, scope)).rows) == 1


@pytest.mark.parametrize("text", ["", "nodes: [", "- a list", "name: 'No Name'\nnodes: []", "\u0000", "a: &a {b: *a}"])
async def test_what_is_no_workflow_is_not_kept(database: Database, scope: Scope, text: str) -> None:
    with pytest.raises(SchemaError):
        await library.import_text(database, scope, text)
    assert (await workflow_list.shown(database, scope)).rows == []


async def test_a_huge_text_is_refused_at_once() -> None:
    with pytest.raises(SchemaError, match="longer than 1,000,000 characters"):
        library.look_into("x" * 1_000_001)


async def test_another_tenant_s_workflow_is_not_there(database: Database, scope: Scope, other_scope: Scope) -> None:
    workflow_id = await _workflow(database, scope, "secret_plan")
    assert (await workflow_list.shown(database, other_scope)).rows == []
    for deed in (library.duplicate, library.archive):
        with pytest.raises(NotFound):
            await deed(database, other_scope, workflow_id)


async def test_the_numbers_come_from_the_runs(database: Database, scope: Scope, other_scope: Scope) -> None:
    await _workflow(database, scope, "hello")
    now = datetime.now(UTC)
    for hours, status in ((1, "succeeded"), (2, "succeeded"), (3, "failed"), (200, "succeeded")):
        began = now - timedelta(hours=hours)
        await _run(
            database,
            scope,
            "hello",
            status=status,
            created_at=began,
            ended_at=began + timedelta(seconds=2),
            cost_usd_micros=1000,
        )
    await _run(database, other_scope, "hello", status="succeeded")
    (row,) = (await workflow_list.shown(database, scope)).rows
    assert (row.runs, row.succeeded, row.p95, row.cost) == ("3", "66.7%", "2.00 s", "$0.0010")
    shown = (await workflow_list.shown(database, scope)).kpis
    assert [kpi.value for kpi in shown] == ["3", "66.7%", "2.00 s", "$0.0030"]
    assert shown[0].remark == "+200% on the week before"
    (month,) = (await workflow_list.shown(database, scope, days=30)).rows
    assert month.runs == "4"


async def test_filters_narrow_and_never_leave_the_tenant(database: Database, scope: Scope, other_scope: Scope) -> None:
    await _workflow(database, scope, "hello")
    await _workflow(database, other_scope, "hello")
    for search, hits in (("hello", 1), ("model auto", 1), ("HELLO", 1), ("100%", 0), ("_", 1), ("'; --", 0)):
        assert len((await workflow_list.shown(database, scope, search=search)).rows) == hits, search
    assert (await workflow_list.shown(database, scope, category="sales")).rows == []
    assert (await workflow_list.shown(database, scope, state="live")).rows == []


async def test_the_run_list_pages_through_everything_once(database: Database, scope: Scope) -> None:
    made = [await _run(database, scope, "hello") for _ in range(run_list.PAGE + 3)]
    first = await run_list.listing(database, scope, run_list.RunFilter())
    second = await run_list.listing(database, scope, run_list.RunFilter(), first.cursor)
    seen = [row.run_id for row in first.rows + second.rows]
    assert sorted(seen) == sorted(made)
    assert second.cursor == ""
    assert first.rows[0].run_id == made[-1]


async def test_another_tenant_s_run_is_not_there(database: Database, scope: Scope, other_scope: Scope) -> None:
    run_id = await _run(database, scope, "hello")
    assert (await run_list.listing(database, other_scope, run_list.RunFilter())).rows == []
    for wrong in (run_id, str(uuid4()), "nonsense", ""):
        with pytest.raises(NotFound, match="No such run"):
            await run_detail.load(database, other_scope, wrong, {})


async def test_a_failure_is_shown_at_its_cause(database: Database, scope: Scope) -> None:
    """The innermost failed step is the cause; the frames around it only pass it on."""
    error = {"code": "tool_failure", "type": "crm_error", "message": "The CRM said no.", "retryable": False}
    run_id = await _run(database, scope, "hello", status="failed", error=error)
    began = datetime.now(UTC)
    async with database.transaction(scope) as tx:
        steps = (
            ("start", "start", 1, "succeeded"),
            ("sub", "sub_workflow", 1, "opened"),
            ("sub/tool", "tool", 1, "failed"),
            ("sub/tool", "tool", 2, "failed"),
            ("sub", "sub_workflow", 1, "failed"),
        )
        for seq, (path, kind, attempt, status) in enumerate(steps):
            outcome = {"error": error} if status == "failed" else {"output": {"n": seq}}
            tx.session.add(
                StepRow(
                    tenant_id=scope.tenant_id,
                    run_id=UUID(run_id),
                    seq=seq,
                    path=path,
                    node_type=kind,
                    attempt=attempt,
                    status=status,
                    outcome=outcome,
                    started_at=began + timedelta(seconds=seq),
                    duration_ms=1000,
                )
            )
    page = await run_detail.load(database, scope, run_id, {})
    assert [(s.name, s.depth, s.status, s.attempts) for s in page.steps] == [
        ("start", 0, "succeeded", 1),
        ("sub", 0, "failed", 1),
        ("tool", 1, "failed", 2),
    ]
    assert page.fault == run_detail.Fault("The CRM said no.", "crm_error", "sub/tool#0")
    assert page.chosen == "sub/tool#0"
    step = await run_detail.load_step(database, scope, run_id, page.chosen)
    assert [a.message for a in step.attempts] == ["The CRM said no."] * 2
    with pytest.raises(NotFound):
        await run_detail.load_step(database, scope, run_id, "nowhere#0")


async def test_steps_under_way_are_drawn_from_live_events(database: Database, scope: Scope) -> None:
    run_id = await _run(database, scope, "hello", status="running", started_at=datetime.now(UTC))
    event = {"type": "step.started", "path": "answer", "iteration": 0, "node_type": "agent", "at": time.time() - 1}
    begun = run_detail.event_step(event)
    assert begun is not None
    page = await run_detail.load(database, scope, run_id, dict([begun]))
    assert [(s.name, s.status) for s in page.steps] == [("answer", "running")]
    assert run_detail.event_step({"type": "step.delta", "path": "answer"}) is None


async def _person(database: Database, scope: Scope, password: str) -> str:
    email = f"p-{uuid4().hex}@example.com"
    hashed = await asyncio.to_thread(hash_password, password)
    async with database.transaction(scope) as tx:
        await identity.add_member(tx, email, "P", hashed, "agent")
    return email


async def test_signing_in_and_out(database: Database, callers: Callers, scope: Scope, redis_url: str) -> None:
    email = await _person(database, scope, "right")
    async with Redis.from_url(redis_url) as redis:
        signed_in = await accounts.sign_in(database, redis, f"  {email.upper()} ", "right", "10.0.0.1")
    assert signed_in.scope.role == "agent"
    assert await callers.person(signed_in.token) is not None
    await accounts.sign_out(database, callers, signed_in.token)
    await accounts.sign_out(database, callers, signed_in.token)
    assert await callers.person(signed_in.token) is None


async def test_the_door_closes_for_the_account_at_that_address_alone(
    database: Database, scope: Scope, redis_url: str
) -> None:
    email = await _person(database, scope, "right")
    async with Redis.from_url(redis_url) as redis:
        tries = [accounts.sign_in(database, redis, email, "wrong", "10.0.0.1") for _ in range(8)]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert [type(a) for a in answers].count(Unauthenticated) == 5, "parallel guesses count as well"
        assert [type(a) for a in answers].count(RateLimited) == 3
        with pytest.raises(RateLimited):
            await accounts.sign_in(database, redis, email, "right", "10.0.0.1")
        assert (await accounts.sign_in(database, redis, email, "right", "10.0.0.2")).token


async def test_a_wrong_password_and_nobody_look_the_same(database: Database, scope: Scope, redis_url: str) -> None:
    email = await _person(database, scope, "right")
    said: list[str] = []
    took: list[float] = []
    async with Redis.from_url(redis_url) as redis:
        for who in ("warm-up@example.com", email, "nobody@example.com"):
            began = time.process_time()
            with pytest.raises(Unauthenticated) as error:
                await accounts.sign_in(database, redis, who, "wrong", "10.0.0.1")
            took.append(time.process_time() - began)
            said.append(error.value.public_message)
    assert len(set(said)) == 1
    # Both spend a whole hash; without it nobody's would be over at once.
    assert took[2] > took[1] / 3
