"""The database itself keeps tenants apart: row-level security, roles, and references between tables."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from engine.errors import Conflict, NotFound
from engine.store import migrate
from engine.store.access import identity, workflows
from engine.store.callers import Callers
from engine.store.session import Database, Scope

TEXT = """\
name: "{name}"
version: "1.0.0"
description: "Says hello"
category: "system"
priority: "low"
nodes:
  - name: "start"
    type: "start"
  - name: "end"
    type: "end"
edges:
  - from: "start"
    to: "end"
    condition: null
"""


@pytest.fixture
async def owner(owner_url: str):
    engine = sa.create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def test_no_drift(owner_url: str) -> None:
    assert migrate.check(owner_url) == []


def test_every_tenant_table_is_forced_and_has_a_policy(owner: sa.Connection) -> None:
    rows = owner.execute(
        sa.text(
            """SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity,
                      (SELECT count(*) FROM pg_policy p WHERE p.polrelid = c.oid) AS policies
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'"""
        )
    ).all()
    assert len(rows) > 20
    assert [r.relname for r in rows if not (r.relrowsecurity and r.relforcerowsecurity and r.policies)] == []


def test_app_role_owns_nothing_and_bypasses_nothing(owner: sa.Connection) -> None:
    role = owner.execute(
        sa.text("SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'heddle_app'")
    ).one()
    assert not any(role)
    owned = owner.execute(
        sa.text("SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname='heddle_app')")
    ).scalar()
    assert owned == 0


def test_unique_keys_of_tenant_tables_carry_the_tenant(owner: sa.Connection) -> None:
    """A unique key without the tenant would tell one tenant what another has. Exempt: values that are global secrets
    or global names by their nature."""
    rows = owner.execute(
        sa.text(
            """SELECT c.relname, pg_get_constraintdef(k.oid) AS definition
               FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND k.contype IN ('p', 'u') AND c.relname <> 'alembic_version'"""
        )
    ).all()
    without = {f"{r.relname}: {r.definition}" for r in rows if "tenant_id" not in r.definition}
    assert without == {
        "tenants: UNIQUE (slug)",
        "users: PRIMARY KEY (user_id)",
        "users: UNIQUE (email)",
        "api_keys: UNIQUE (key_hash)",
    }


async def test_without_a_tenant_nothing_is_seen_or_written(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        await workflows.create(tx, TEXT.format(name="seen"))
    async with database.anonymous() as session:
        for table in ("tenants", "users", "members", "workflows", "runs", "orders"):
            assert (await session.execute(sa.text(f"SELECT count(*) FROM {table}"))).scalar() == 0
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.anonymous() as session:
            await session.execute(
                sa.text("INSERT INTO tenants (tenant_id, slug, name, status) VALUES (:id, 'x', 'x', 'active')"),
                {"id": scope.tenant_id},
            )


async def test_other_tenant_gets_not_found(database: Database, scope: Scope, other_scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        mine = await workflows.create(tx, TEXT.format(name="mine"))
    async with database.transaction(other_scope) as tx:
        with pytest.raises(NotFound) as foreign:
            await workflows.get_workflow(tx, mine.workflow_id)
        with pytest.raises(NotFound) as unknown:
            await workflows.get_workflow(tx, uuid.uuid4())
        assert foreign.value.to_dict() == unknown.value.to_dict()
        with pytest.raises(NotFound):
            await workflows.save_draft(tx, mine.workflow_id, text="x", revision=1)
        assert await workflows.list_workflows(tx) == []


async def test_a_row_cannot_be_given_to_another_tenant(database: Database, scope: Scope, other_scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, TEXT.format(name="given"))
    with pytest.raises(DBAPIError):
        async with database.transaction(scope) as tx:
            await tx.session.execute(
                sa.text("UPDATE workflows SET tenant_id = :other WHERE workflow_id = :id"),
                {"other": other_scope.tenant_id, "id": row.workflow_id},
            )


async def test_pooled_connections_carry_no_tenant_over(database: Database, scope: Scope, other_scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        await workflows.create(tx, TEXT.format(name="pooled"))

    async def names(of: Scope) -> int:
        async with database.transaction(of) as tx:
            return len(await workflows.list_workflows(tx))

    found = await asyncio.gather(*(names(scope if i % 2 else other_scope) for i in range(200)))
    assert set(found[1::2]) == {1}
    assert set(found[0::2]) == {0}


async def test_people_are_seen_by_their_tenants_only(database: Database, scope: Scope, other_scope: Scope) -> None:
    address = f"{uuid.uuid4()}@example.com"
    async with database.transaction(scope) as tx:
        user_id = await identity.add_member(tx, address, "Ann", "hash", "viewer")
        assert address in [user.email for user, _ in await identity.list_members(tx)]
    async with database.transaction(other_scope) as tx:
        assert address not in [user.email for user, _ in await identity.list_members(tx)]
        with pytest.raises(NotFound):
            await identity.set_role(tx, user_id, "admin")


async def test_a_session_ends_with_membership_and_sign_out(database: Database, callers: Callers, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        user_id = await identity.add_member(tx, f"{uuid.uuid4()}@example.com", "Bob", "hash", "agent")
        token = await identity.create_session(tx, user_id)
    found, again, stranger, program = await asyncio.gather(
        callers.person(token), callers.person(token), callers.person(token + "x"), callers.program(token)
    )
    assert found is not None
    assert (found.scope, found.name) == (Scope(scope.tenant_id, user_id, "agent"), "Bob")
    assert timedelta(0) < found.expires_at - datetime.now(UTC) < timedelta(days=366)
    assert (again, stranger, program) == (found, None, None)
    async with database.transaction(scope) as tx:
        await tx.session.execute(sa.text("DELETE FROM members WHERE user_id = :id"), {"id": user_id})
    assert await callers.person(token) is None


async def test_each_api_key_is_its_holders_however_many_are_asked_for_at_once(
    database: Database, callers: Callers, scope: Scope, other_scope: Scope
) -> None:
    holders = {}
    for number, one in enumerate((scope, other_scope) * 5):
        async with database.transaction(one) as tx:
            _, key = await identity.create_api_key(tx, "ci", [f"runs:{number}"])
        holders[key] = (one.tenant_id, {f"runs:{number}"})
    keys = [*holders, "nobody's", "", *holders, "x" * 10_000, "\x00'; DROP TABLE api_keys; --"]
    found = await asyncio.gather(*(callers.program(key) for key in keys))
    told = [(one.scope.tenant_id, one.scopes) if one else None for one in found]
    assert told == [holders.get(key) for key in keys]


async def test_revoked_api_key_is_refused(database: Database, callers: Callers, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        row, key = await identity.create_api_key(tx, "ci", ["runs:read"])
    found = await callers.program(key)
    assert found is not None
    assert (found.scope, found.scopes) == (Scope(scope.tenant_id, None, "api_key"), {"runs:read"})
    async with database.transaction(scope) as tx:
        await identity.revoke_api_key(tx, row.api_key_id)
    assert await callers.program(key) is None


async def test_use_of_an_api_key_is_noted_once_a_minute(database: Database, callers: Callers, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        row, key = await identity.create_api_key(tx, "ci", ["runs:read"])

    async def used() -> datetime | None:
        assert await callers.program(key) is not None
        async with database.transaction(scope) as tx:
            query = sa.text("SELECT last_used_at FROM api_keys WHERE api_key_id = :id")
            return (await tx.session.execute(query, {"id": row.api_key_id})).scalar_one()

    async def back(seconds: float) -> datetime:
        async with database.transaction(scope) as tx:
            query = sa.text(
                "UPDATE api_keys SET last_used_at = now() - make_interval(secs => :s) WHERE api_key_id = :id "
                "RETURNING last_used_at"
            )
            return (await tx.session.execute(query, {"s": seconds, "id": row.api_key_id})).scalar_one()

    assert await used() is not None
    recent = await back(-3600)  # ahead of the clock: however slow this test is, it is no minute old
    assert await used() == recent
    old = await back(61)
    now = await used()
    assert now is not None
    assert now > old


async def test_a_stale_save_is_a_conflict_and_loses_nothing(database: Database, scope: Scope) -> None:
    text = TEXT.format(name="twice")
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, text)
    async with database.transaction(scope) as tx:
        assert await workflows.save_draft(tx, row.workflow_id, text=text + "# first\n", revision=1) == 2
    with pytest.raises(Conflict) as stale:
        async with database.transaction(scope) as tx:
            await workflows.save_draft(tx, row.workflow_id, text=text + "# second\n", revision=1)
    assert stale.value.details["revision"] == 2
    async with database.transaction(scope) as tx:
        assert (await workflows.get_workflow(tx, row.workflow_id)).text == text + "# first\n"


async def test_published_versions_stay_as_they_were(database: Database, scope: Scope) -> None:
    text = TEXT.format(name="frozen")
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, text)
        first = await workflows.publish(tx, row.workflow_id, "first")
    async with database.transaction(scope) as tx:
        changed = text.replace("1.0.0", "1.1.0")
        await workflows.save_draft(tx, row.workflow_id, text=changed, revision=1)
        second = await workflows.publish(tx, row.workflow_id, "second")
        assert (first.number, second.number) == (1, 2)
        assert (await workflows.get_definition(tx, first.hash)).text == text
        assert (await workflows.published_definition(tx, "frozen")).text == changed
        assert (await workflows.published_definition(tx, "frozen", "~1.0.0")).text == text
