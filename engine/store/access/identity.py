"""Who somebody is and what they may enter: sign-in, sessions, API keys, tenants, members.

Look-ups that happen before the tenant is known take a session of `Database.anonymous()` and go through the SECURITY
DEFINER functions of the first migration; everything else takes a `Tx`. Tokens are stored as sha256 only.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select
from uuid6 import uuid7

from engine.errors import Conflict, NotFound
from engine.store.access import numbers
from engine.store.session import Tx
from engine.store.tables.identity import ApiKey, Member, Session, Tenant, User

SESSION_LIFETIME = timedelta(days=7)
API_KEY_PREFIX = "heddle_"
MAX_API_KEYS = 100  # of a tenant, that work


@dataclass(frozen=True, slots=True)
class Membership:
    """One tenant that a person may enter."""

    tenant_id: UUID
    slug: str
    name: str
    role: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a sign-in has to check: the password's hash, and where the person may go."""

    user_id: UUID
    name: str
    password_hash: str
    disabled: bool
    memberships: tuple[Membership, ...]


def token_hash(token: str) -> str:
    """The form in which a token is stored. Tokens are long and random, so one round of sha256 is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


async def sign_in_lookup(session: AsyncSession, email: str) -> SignIn | None:
    """The person with that e-mail address and their tenants, or None."""
    rows = (await session.execute(sa.text("SELECT * FROM heddle_sign_in(:email)"), {"email": email})).mappings().all()
    if not rows:
        return None
    places = tuple(Membership(r["tenant_id"], r["tenant_slug"], r["tenant_name"], r["role"]) for r in rows)
    first = rows[0]
    return SignIn(first["user_id"], first["name"], first["password_hash"], first["disabled"], places)


async def create_session(tx: Tx, user_id: UUID, lifetime: timedelta = SESSION_LIFETIME) -> str:
    """Sign a member in; returns the token for the cookie, which is not stored."""
    token = secrets.token_urlsafe(32)
    tx.session.add(
        Session(
            tenant_id=tx.scope.tenant_id,
            token_hash=token_hash(token),
            user_id=user_id,
            expires_at=datetime.now(UTC) + lifetime,
        )
    )
    await tx.session.flush()
    return token


async def end_session(tx: Tx, token: str) -> None:
    """Sign out; a second call does nothing."""
    await tx.session.execute(sa.delete(Session).where(col(Session.token_hash) == token_hash(token)))


async def create_api_key(tx: Tx, name: str, scopes: Sequence[str]) -> tuple[ApiKey, str]:
    """Make a key; returns its row and the key itself, which is shown once and not stored.

    Raises Conflict when the tenant has too many already.
    """
    await numbers.lock(tx, "api_key")  # two at the same time must not both find room for the last
    working = sa.select(sa.func.count()).select_from(ApiKey).where(col(ApiKey.revoked_at).is_(None))
    if (await tx.session.execute(working)).scalar_one() >= MAX_API_KEYS:
        raise Conflict(f"There are {MAX_API_KEYS} API keys already; revoke one that is not used any more.")
    key = API_KEY_PREFIX + secrets.token_urlsafe(24)
    row = ApiKey(
        tenant_id=tx.scope.tenant_id,
        name=name,
        prefix=key[: len(API_KEY_PREFIX) + 6],
        key_hash=token_hash(key),
        scopes=list(scopes),
        created_by=tx.scope.user_id,
    )
    tx.session.add(row)
    await tx.session.flush()
    return row, key


async def list_api_keys(tx: Tx) -> Sequence[ApiKey]:
    """The tenant's keys that still work, newest first."""
    query = select(ApiKey).where(col(ApiKey.revoked_at).is_(None)).order_by(col(ApiKey.created_at).desc())
    return (await tx.session.execute(query)).scalars().all()


async def revoke_api_key(tx: Tx, api_key_id: UUID) -> ApiKey:
    """Make a key useless at once; raises NotFound, also for one that was revoked before."""
    is_it = (col(ApiKey.api_key_id) == api_key_id) & col(ApiKey.revoked_at).is_(None)
    query = sa.update(ApiKey).where(is_it).values(revoked_at=sa.func.now()).returning(ApiKey)
    row: ApiKey | None = (await tx.session.execute(query)).scalar_one_or_none()
    if row is None:
        raise NotFound("There is no such API key.")
    return row


async def tenant_id_by_slug(session: AsyncSession, slug: str) -> UUID | None:
    """The tenant of that name in addresses, or None."""
    found: UUID | None = (await session.execute(sa.text("SELECT heddle_tenant(:slug)"), {"slug": slug})).scalar()
    return found


def new_tenant_id() -> UUID:
    """An id for `create_tenant`; the transaction must be opened for it first."""
    return UUID(int=uuid7().int)


async def create_tenant(tx: Tx, slug: str, name: str) -> Tenant:
    """Make the tenant that this transaction is bound to (its id was chosen with `new_tenant_id`)."""
    tenant = Tenant(tenant_id=tx.scope.tenant_id, slug=slug, name=name)
    tx.session.add(tenant)
    await tx.session.flush()
    return tenant


async def get_tenant(tx: Tx) -> Tenant:
    """The tenant of this transaction."""
    tenant = await tx.session.get(Tenant, tx.scope.tenant_id)
    if tenant is None:
        raise NotFound("No such tenant.")
    return tenant


async def add_member(tx: Tx, email: str, name: str, password_hash: str, role: str) -> UUID:
    """Make a person a member, or change a member's role; an existing person keeps their password. Returns user_id."""
    query = sa.text("SELECT heddle_add_member(:email, :name, :password_hash, :role)")
    values = {"email": email, "name": name, "password_hash": password_hash, "role": role}
    user_id: UUID = (await tx.session.execute(query, values)).scalar_one()
    return user_id


async def list_members(tx: Tx) -> Sequence[tuple[User, Member]]:
    """The tenant's people with their roles, by name."""
    query = select(User, Member).join(Member, col(Member.user_id) == col(User.user_id)).order_by(User.name)
    return [(user, member) for user, member in (await tx.session.execute(query)).all()]


async def email_of(tx: Tx, user_id: UUID) -> str | None:
    """Address of a member of the tenant; None for anybody else."""
    query = select(User.email).where(User.user_id == user_id)
    return (await tx.session.execute(query)).scalar_one_or_none()


async def set_role(tx: Tx, user_id: UUID, role: str) -> None:
    """Change a member's role; takes effect with their next event or request. Raises NotFound."""
    done: Any = await tx.session.execute(sa.update(Member).where(col(Member.user_id) == user_id).values(role=role))
    if not done.rowcount:
        raise NotFound("No such member.")
