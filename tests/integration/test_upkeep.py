"""Plans that were made while tables were empty are made anew once they have rows."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import sqlalchemy as sa

from engine.store.access import runs, workflows
from engine.store.access.runs import NewRun
from engine.store.session import Database, Scope
from engine.store.urls import app_url, libpq_url
from runners.upkeep import keep_statistics
from tests.conftest import make_tenant
from tests.support.servers import SECRET

LOOK = "PREPARE look(uuid, uuid) AS SELECT status FROM runs WHERE tenant_id = $1 AND run_id = $2"


async def test_a_plan_for_an_empty_table_does_not_stay(fresh_owner_url: str) -> None:
    database = Database(app_url(fresh_owner_url, SECRET))
    scope = await make_tenant(database, "many")
    with psycopg.connect(libpq_url(app_url(fresh_owner_url, SECRET)), autocommit=True) as link:
        link.execute("SELECT set_config('app.tenant_id', %s, false)", (str(scope.tenant_id),))
        link.execute("SET plan_cache_mode = force_generic_plan")
        link.execute(LOOK)
        assert "runs_pkey" not in plan(link, scope), "if an empty table gave a good plan, nothing would have to be kept"
        await add_runs(database, scope, 3_000)
        async with asyncio.timeout(30):
            while "runs_pkey" not in plan(link, scope):
                await asyncio.sleep(0.2)
                await keep_statistics(database)
        assert await keep_statistics(database) == 0
    await database.close()


def plan(link: psycopg.Connection[Any], scope: Scope) -> str:
    rows = link.execute(f"EXPLAIN EXECUTE look('{scope.tenant_id}', '{scope.tenant_id}')").fetchall()
    return str(rows)


async def add_runs(database: Database, scope: Scope, count: int) -> None:
    async with database.transaction(scope) as tx:
        digest = await workflows.put_definition(tx, "many", "name: many")
        first, _ = await runs.create_run(tx, NewRun("many", digest, "manual", {}))
        copies = """
            INSERT INTO runs
            SELECT (jsonb_populate_record(r, jsonb_build_object('run_id', gen_random_uuid()))).*
            FROM runs r, generate_series(2, :count) WHERE r.run_id = :first"""
        await tx.session.execute(sa.text(copies), {"count": count, "first": first.run_id})
