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
