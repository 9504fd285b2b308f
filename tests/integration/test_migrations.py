"""Migrations can be taken back as far as they say, and what they make then is what was there before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from engine.store import migrate

FINAL = "0018"  # the newest one that cannot be taken back
_FUNCTIONS = "SELECT p.proname, pg_get_functiondef(p.oid) FROM pg_proc p WHERE p.proname LIKE 'heddle%' ORDER BY 1, 2"
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"


@pytest.fixture
def alembic_config(fresh_owner_url: str) -> Iterator[tuple[Config, sa.Connection]]:
    """Alembic on a migrated, empty database of this test's own."""
    engine = sa.create_engine(
        fresh_owner_url.replace("postgresql://", "postgresql+psycopg://"), poolclass=sa.pool.NullPool
    )
    with engine.connect() as connection:
        made = migrate.config()
        made.attributes["connection"] = connection
        yield made, connection
    engine.dispose()


def _found(connection: sa.Connection) -> dict[str, str]:
    rows = [row for query in (_FUNCTIONS, _INDEXES) for row in connection.execute(sa.text(query))]
    connection.rollback()
    return {f"{name} {text.partition('RETURNS')[0]}": text for name, text in rows}


def test_what_is_taken_back_and_done_again_is_the_same(alembic_config: tuple[Config, sa.Connection]) -> None:
    made, connection = alembic_config
    revisions = [script.revision for script in ScriptDirectory.from_config(made).iterate_revisions("head", FINAL)]
    assert revisions
    before = {}
    for revision in revisions:
        before[revision] = _found(connection)
        command.downgrade(made, "-1")
    for revision in reversed(revisions):
        assert _found(connection) != before[revision], f"{revision} takes nothing back"
        command.upgrade(made, revision)
        assert _found(connection) == before[revision]
