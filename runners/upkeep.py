"""What keeps the database quick."""

from __future__ import annotations

import sqlalchemy as sa

from engine.store.session import Database


async def keep_statistics(db: Database) -> int:
    """Have the planner look at tables that have doubled since it last did; returns how many those were.

    Without it the plans of a new installation stay those of empty tables until autovacuum comes by.
    """
    async with db.anonymous() as session:
        looked_at: int = (await session.execute(sa.text("SELECT heddle_keep_statistics()"))).scalar_one()
    return looked_at


_ROLL_UP = sa.text("""
    SELECT heddle_roll_up((SELECT min(xact_start) FROM pg_stat_activity
                           WHERE datname = current_database() AND pid <> pg_backend_pid()), :slice_ms)""")
SLICE_MS = 500


async def roll_up(db: Database, slice_ms: int = SLICE_MS) -> int:
    """Add up what happened to runs in hours that are over, for about so long; returns how many pieces were done.

    Whoever commits late is waited for: a transaction may say of any time since it began that something happened then,
    so an hour counts as over when no transaction of ours is as old. Any number of schedulers may do it at once. What
    is left is done the next time; until then pages read the runs themselves.
    """
    async with db.anonymous() as session:
        pieces: int = (await session.execute(_ROLL_UP, {"slice_ms": slice_ms})).scalar_one()
    return pieces
