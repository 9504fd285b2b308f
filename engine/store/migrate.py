"""Migrations: bring a database to the newest schema, or say how it differs from the tables in the code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import SQLModel

import engine.store.tables  # noqa: F401 - fills the metadata
from engine.store.urls import APP_ROLE, SYSTEM_ROLE, app_password, sqlalchemy_url

SCRIPTS = Path(__file__).resolve().parents[2] / "alembic"
_LOCK = 0x6865_6464_6C65  # any fixed number: one migration at a time per database


def config() -> Config:
    """Alembic's configuration, built here instead of an alembic.ini at the root."""
    made = Config()
    made.set_main_option("script_location", str(SCRIPTS))
    made.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return made


def upgrade(owner_url: str, secret: str) -> list[str]:
    """Create the roles where missing and run all migrations that are due; returns the revisions that were run.

    Safe to call from several processes at once. The app role's password is set to what `secret` gives.
    """
    made = config()
    db = sa.create_engine(sqlalchemy_url(owner_url), poolclass=sa.pool.NullPool)
    with db.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        try:
            _ensure_roles(connection, secret)
            before = MigrationContext.configure(connection).get_current_revision()
            connection.commit()
            made.attributes["connection"] = connection
            command.upgrade(made, "head")
            connection.commit()
            return _between(before)
        finally:
            connection.rollback()
            connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            connection.commit()
            db.dispose()


def is_current(owner_url: str) -> bool:
    """Whether every migration has been run."""
    db = sa.create_engine(sqlalchemy_url(owner_url), poolclass=sa.pool.NullPool)
    with db.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() == _script().get_current_head()


def check(owner_url: str) -> list[str]:
    """Differences between the database and the tables in the code, one line each; empty when there is no drift."""
    db = sa.create_engine(sqlalchemy_url(owner_url), poolclass=sa.pool.NullPool)
    with db.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        head = _script().get_current_head()
        found: list[Any] = list(compare_metadata(context, SQLModel.metadata))
        at = context.get_current_revision()
    behind = [] if at == head else [f"database is at revision {at}, the newest is {head}"]
    return behind + [str(difference) for difference in found]


def _script() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


def _between(before: str | None) -> list[str]:
    newest_first = [script.revision for script in _script().walk_revisions()]
    done = newest_first[: newest_first.index(before)] if before in newest_first else newest_first
    return list(reversed(done))


def _ensure_roles(connection: sa.Connection, secret: str) -> None:
    """Roles belong to the whole server, so another database's migration may be making them at the same moment."""
    for role, options in (
        (APP_ROLE, "LOGIN NOBYPASSRLS NOCREATEDB NOCREATEROLE"),
        (SYSTEM_ROLE, "NOLOGIN NOBYPASSRLS"),
    ):
        connection.execute(
            sa.text(
                f"DO $$ BEGIN CREATE ROLE {role} {options};"
                " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            )
        )
    connection.execute(sa.text(f"GRANT {SYSTEM_ROLE} TO CURRENT_USER"))
    _set_password(connection, secret)
    connection.commit()


def _set_password(connection: sa.Connection, secret: str) -> None:
    # A utility statement takes no parameters; the password is hex, so it cannot break out of the quotes.
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK + 1})
    connection.execute(sa.text(f"ALTER ROLE {APP_ROLE} PASSWORD '{app_password(secret)}'"))
