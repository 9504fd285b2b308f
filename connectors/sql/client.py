"""One SELECT on a PostgreSQL database of the tenant's own.

The query runs as the source of a cursor inside a read-only transaction on a connection of its own, by the extended
protocol: that alone refuses writes, several statements and utility commands. PostgreSQL turns each row into JSON and
leaves out those that are too large, so that no reply can fill our memory. Values are bound, never put into the text.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from connectors.action import ActionCall
from engine.errors import AuthError, OutputTooLarge, PermanentError, StepTimeout, TransientError

Json = Any
_MOST_BYTES = 512 * 1024
_BATCH = 20
_KNOWN = {"host", "port", "user", "password", "dbname", "sslmode"}
_SETTINGS = (
    "SELECT set_config('default_transaction_read_only', 'on', false), set_config('statement_timeout', %(ms)s, false), "
    "set_config('lock_timeout', %(ms)s, false), set_config('idle_in_transaction_session_timeout', %(ms)s, false)"
)
# A row that is too large comes as null.
_AS_JSON = (
    "SELECT CASE WHEN octet_length(heddle_row.text) <= {limit} THEN heddle_row.text END FROM "
    "(SELECT row_to_json(heddle_source)::text AS text FROM (\n{query}\n) AS heddle_source) AS heddle_row"
)
_CONNECT_FAILURES = (psycopg.errors.InvalidPassword, psycopg.errors.InvalidAuthorizationSpecification)


async def query_database(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """The rows as objects; a failing query is an error with PostgreSQL's message."""
    most, size = parameters["max_rows"], 0
    rows: list[Json] = []
    query = parameters["query"].rstrip().rstrip(";")
    text = _AS_JSON.replace("{limit}", str(_MOST_BYTES)).replace("{query}", query)
    async with _connection(call) as connection, psycopg.AsyncRawServerCursor(connection, "heddle") as cursor:
        # The text is the tenant's own, on the tenant's own database; what it may do is bounded above.
        await cursor.execute(text, parameters["parameters"])
        while len(rows) <= most and (batch := await cursor.fetchmany(min(_BATCH, most + 1 - len(rows)))):
            for (row,) in batch:
                size += _MOST_BYTES + 1 if row is None else len(row.encode())
                if size > _MOST_BYTES:
                    raise OutputTooLarge(f"The rows are larger than {_MOST_BYTES // 1024} KiB: select less.")
                rows.append(json.loads(row))
    return {"rows": rows[:most], "row_count": min(len(rows), most), "truncated": len(rows) > most}


@asynccontextmanager
async def _connection(call: ActionCall) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection for this call alone. Failures of the query become ours; messages never show how we signed in."""
    where = await _where(call)
    try:
        connection = await psycopg.AsyncConnection.connect(autocommit=True, **where)
    except _CONNECT_FAILURES:
        failure: Exception = AuthError("The database refused the credential.")
    except psycopg.Error as error:
        refused = "authentication failed" in str(error) or "no password supplied" in str(error)
        failure = (
            AuthError("The database refused the credential.")
            if refused
            else TransientError("The database cannot be reached.")
        )
    else:
        try:
            await connection.execute(_SETTINGS, {"ms": str(max(int(call.timeout_s * 1000), 1))})
            await connection.set_autocommit(False)
            await connection.set_read_only(True)
            yield connection
            return
        except psycopg.Error as error:
            failure = _mapped(error)
        finally:
            await connection.close()
    raise failure  # outside the handlers: a cause would show the address and the user


async def _where(call: ActionCall) -> dict[str, Any]:
    """Arguments of the connection: the judged address, the name for the certificate, nothing of our own environment."""
    try:
        given = conninfo_to_dict(call.secret["url"])
    except psycopg.Error:
        given = {}
    host, password = str(given.get("host") or ""), given.get("password")
    if not host or host.startswith("/") or "," in host or not password or set(given) - _KNOWN:
        raise PermanentError(
            "The credential must read postgresql://user:password@host:port/database, with sslmode as the only option.",
            parameter="credential",
        )
    port = str(given.get("port") or "5432")
    if not port.isdigit():
        raise PermanentError("The credential's port is no number.", parameter="credential")
    address = (await call.outside.addresses(host, int(port)))[0]
    return {
        "sslmode": "prefer",
        **given,
        "port": port,
        "host": host,
        "hostaddr": str(address),
        "dbname": given.get("dbname") or given.get("user"),
        "application_name": "heddle",
        "connect_timeout": max(int(call.timeout_s), 2),
        "passfile": "/dev/null",
        "sslcertmode": "disable",
        "gssencmode": "disable",
    }


def _mapped(error: psycopg.Error) -> Exception:
    """PostgreSQL's failure as one of ours."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return StepTimeout("The query took too long.")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return PermanentError("Only reading is allowed.", parameter="query")
    state = error.sqlstate
    if state is None or state[:2] in ("08", "53", "57", "40"):
        return TransientError("The database broke the query off.", sqlstate=state)
    message = error.diag.message_primary or "The database refused the query."
    return PermanentError(f"The database refused the query: {message[:300]}", parameter="query", sqlstate=state)
