"""The tool that reads a tenant's own PostgreSQL, on a real one."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from engine.errors import (
    AppError,
    AuthError,
    EgressBlocked,
    OutputTooLarge,
    PermanentError,
    StepTimeout,
    TransientError,
)
from engine.store.session import Database, Scope
from tests.support.outside import Outside, outside

PASSWORD = "reader-SECRET-password"


@pytest.fixture
async def url(owner_url: str) -> AsyncIterator[str]:
    """Address of a small table, as a role that may also write: only the tool stands before it."""
    name = f"reader_{uuid.uuid4().hex[:10]}"
    async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
        await owner.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        await owner.execute(f"CREATE SCHEMA {name} AUTHORIZATION {name}")
        await owner.execute(f"CREATE TABLE {name}.items (id int, name text, price numeric, at timestamptz)")
        await owner.execute(f"INSERT INTO {name}.items VALUES (1, 'O''Hara', 9.90, '2031-05-20Z'), (2, NULL, 1, NULL)")
        await owner.execute(f"ALTER TABLE {name}.items OWNER TO {name}")
        parts = urlsplit(owner_url)
        yield urlunsplit(parts._replace(netloc=f"{name}:{PASSWORD}@127.0.0.1:{parts.port}", query=""))
        await owner.execute(f"DROP OWNED BY {name} CASCADE")
        await owner.execute(f"DROP ROLE {name}")


@pytest.fixture
async def world(database: Database, scope: Scope, url: str) -> AsyncIterator[Outside]:
    async with outside(database, scope, f"127.0.0.1:{urlsplit(url).port}") as found:
        await found.keep("sql", url)
        yield found


async def test_rows_come_as_objects(world: Outside) -> None:
    query = "SELECT id, name, price, at::date AS day FROM items WHERE name = $1 OR $2 ORDER BY id; "
    found = await world.call("query_database", query=query, parameters=["O'Hara", True])
    assert found["rows"] == [
        {"id": 1, "name": "O'Hara", "price": 9.9, "day": "2031-05-20"},
        {"id": 2, "name": None, "price": 1, "day": None},
    ]
    assert (found["row_count"], found["truncated"]) == (2, False)


async def test_values_are_bound_and_not_pasted(world: Outside) -> None:
    found = await world.call(
        "query_database", query="SELECT id FROM items WHERE name = $1", parameters=["x' OR '1'='1"]
    )
    assert found["rows"] == []
    shown = await world.call("query_database", query="SELECT '100%' AS a, '{limit}' AS b -- a comment")
    assert shown["rows"] == [{"a": "100%", "b": "{limit}"}]


@pytest.mark.parametrize(
    "query",
    [
        "INSERT INTO items VALUES (3)",
        "UPDATE items SET id = 5",
        "DELETE FROM items RETURNING id",
        "DROP TABLE items",
        "CREATE TABLE more (id int)",
        "SELECT 1; DROP TABLE items",
        "SELECT 1) AS a) AS b; DROP TABLE items; --",
        "WITH gone AS (DELETE FROM items RETURNING id) SELECT * FROM gone",
        "SELECT * FROM items FOR UPDATE",
        "COPY items TO STDOUT",
        "SET default_transaction_read_only = off",
        "COMMIT",
        "DO $$ BEGIN COMMIT; DELETE FROM items; END $$",
        "SELECT set_config('transaction_read_only', 'off', true)",
        "SELECT nextval('counter')",
        "SELECT lo_create(0)",
        "SELEKT 1",
        "",
    ],
)
async def test_only_one_reading_statement_is_run(world: Outside, url: str, query: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as mine:
        await mine.execute("CREATE SEQUENCE IF NOT EXISTS counter")
        with pytest.raises(AppError) as caught:
            await world.call("query_database", query=query)
        assert (caught.value.code, caught.value.error_type) == ("tool_failure", "database_error")
        rows = await (await mine.execute("SELECT id FROM items ORDER BY id")).fetchall()
        assert rows == [(1,), (2,)]
        assert await (await mine.execute("SELECT to_regclass('more')")).fetchone() == (None,)


async def test_rows_and_bytes_are_limited(world: Outside) -> None:
    many = await world.call("query_database", query="SELECT n FROM generate_series(1, 100000) n", max_rows=30)
    assert (many["row_count"], many["truncated"], many["rows"][-1]) == (30, True, {"n": 30})
    exact = await world.call("query_database", query="SELECT n FROM generate_series(1, 30) n", max_rows=30)
    assert exact["truncated"] is False
    for query in ("SELECT repeat('x', 50000000) AS big", "SELECT repeat('x', 20000) FROM generate_series(1, 100)"):
        with pytest.raises(OutputTooLarge):
            await world.call("query_database", query=query)


async def test_a_slow_query_is_stopped(world: Outside) -> None:
    began = time.monotonic()
    with pytest.raises(StepTimeout):
        await world.call("query_database", query="SELECT pg_sleep(30)", policy={"timeout": 1, "retries": 0})
    assert time.monotonic() - began < 6


async def test_failures_show_no_secret(world: Outside, url: str) -> None:
    await world.keep("sql", url.replace(PASSWORD, "wrong-SECRET"), "wrong")
    await world.keep("sql", url.rpartition("/")[0] + "/nowhere", "missing")
    await world.keep("sql", f"{url}?options=-cwork_mem%3D1GB", "options")
    await world.keep("sql", "postgresql:///var/run", "socket")
    await world.keep("sql", f"postgresql://u:{PASSWORD}@10.0.0.1/x", "inside")
    expected = {
        "wrong": AuthError,
        "missing": TransientError,
        "options": PermanentError,
        "socket": PermanentError,
        "inside": EgressBlocked,
    }
    for name, error in expected.items():
        with pytest.raises(error) as caught:
            await world.call("query_database", name, query="SELECT 1", policy={"retries": 0})
        assert "SECRET" not in f"{caught.value.to_dict()}{caught.value.__cause__}{caught.value.__context__}", name


async def test_a_database_of_the_house_is_blocked(database: Database, scope: Scope, url: str) -> None:
    async with outside(database, scope) as closed:
        await closed.keep("sql", url)
        with pytest.raises(EgressBlocked):
            await closed.call("query_database", query="SELECT 1")
