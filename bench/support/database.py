"""What the benchmark reads from the database, as its owner: how far the runs are."""

from __future__ import annotations

from typing import LiteralString

import psycopg

from bench.support.world import World


class Watcher:
    """A connection of the owner, who sees all tenants."""

    def __init__(self, world: World) -> None:
        self._connection = psycopg.connect(world.connections.database_url, autocommit=True)

    def close(self) -> None:
        self._connection.close()

    def value(self, query: LiteralString, *arguments: object) -> float:
        """The one number that a query gives."""
        row = self._connection.execute(query, arguments).fetchone()
        assert row is not None
        return float(row[0] or 0)

    def execute(self, query: LiteralString, *arguments: object) -> None:
        self._connection.execute(query, arguments)

    def check(self) -> None:
        """Raise when a run has not succeeded."""
        if wrong := self.value("SELECT count(*) FROM runs WHERE status <> 'succeeded'"):
            raise RuntimeError(f"{wrong:.0f} runs did not succeed")

    def began(self) -> float:
        """The database's clock."""
        return self.value("SELECT extract(epoch FROM clock_timestamp())")

    def took_s(self, since: float) -> float:
        """From the first lease to the last end of the runs that were accepted since then."""
        query = (
            "SELECT extract(epoch FROM max(ended_at) - min(started_at)) FROM runs WHERE created_at >= to_timestamp(%s)"
        )
        return self.value(query, since)
