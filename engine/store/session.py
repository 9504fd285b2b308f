"""Transactions bound to a tenant.

There is no session without a scope: `Database.transaction(scope)` opens a transaction, tells PostgreSQL the tenant
for just this transaction (so a pooled connection carries nothing over), and commits at the end.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoFreeConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import configure_mappers

from engine.errors import Unavailable
from engine.store.faults import as_ours
from engine.store.urls import sqlalchemy_url

_NOTHING = text("SELECT 1")
_SET_TENANT = text("SELECT set_config('app.tenant_id', :tenant, true)")


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom something is done. `role` is admin, agent, viewer, or system for the house's own work.

    `user_id` is None for programs (API keys, workers, published endpoints).
    """

    tenant_id: UUID
    user_id: UUID | None
    role: str


@dataclass(frozen=True, slots=True)
class Tx:
    """An open transaction and the scope it is bound to; what every access function takes first."""

    session: AsyncSession
    scope: Scope


class Database:
    """Connection pool of the app role. One a process; `close` it at the end."""

    def __init__(self, app_url: str, pool_size: int = 10) -> None:
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(app_url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,  # a restarted server must not fail the first request after it
            pool_recycle=1800,
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self, scope: Scope) -> AsyncIterator[Tx]:
        """One transaction for one tenant; commits when the block ends, rolls back when it raises.

        Raises Unstorable for what no column can hold, Unavailable when the database is away or too busy.
        """
        with _in_our_words():
            async with self._sessions.begin() as session:
                await session.execute(_SET_TENANT, {"tenant": str(scope.tenant_id)})
                yield Tx(session, scope)

    @asynccontextmanager
    async def anonymous(self) -> AsyncIterator[AsyncSession]:
        """A transaction without a tenant: every table is empty in it; only the lookup functions answer."""
        with _in_our_words():
            async with self._sessions.begin() as session:
                yield session

    async def warm_up(self) -> None:
        """Connect before the first question, if the database can be reached."""
        configure_mappers()
        with suppress(Unavailable):
            async with self.anonymous() as session:
                await session.execute(_NOTHING)

    async def close(self) -> None:
        await self.engine.dispose()


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Whoever may send a text may send one with a NUL in it; and any call may find the database away."""
    try:
        yield
    except (DataError, OperationalError, InterfaceError) as error:
        raise as_ours(error.orig or error) from error
    except NoFreeConnection as error:
        raise Unavailable from error
