"""Signing in and out, and setting up a tenant with its first people."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from redis.asyncio import Redis

from engine.errors import Forbidden, RateLimited, Unauthenticated
from engine.settings import Settings
from engine.store.access import credentials, identity
from engine.store.callers import Callers
from engine.store.session import Database, Scope
from studio.auth import lockout, passwords

WRONG = "The e-mail address or the password is not right."


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: its token for the cookie, and whose it is."""

    token: str
    scope: Scope


async def sign_in(db: Database, redis: Redis, email: str, password: str, address: str) -> SignedIn:
    """Check a password and open a session in the person's first tenant.

    Raises RateLimited after five failures in five minutes, Unauthenticated (with the same text and after the same
    time for a wrong password and for nobody of that name), Forbidden for a person without a tenant.
    """
    email = email.strip().lower()
    wait_s = await lockout.attempt(redis, email, address)
    if wait_s:
        raise RateLimited("Too many attempts.", retry_after_s=wait_s)
    async with db.anonymous() as session:
        person = await identity.sign_in_lookup(session, email)
    usable = person is not None and not person.disabled
    if not await passwords.verify(password, person.password_hash if person and usable else None) or person is None:
        raise Unauthenticated(WRONG)
    if not person.memberships:
        raise Forbidden("You are not a member of any tenant; ask an admin to add you.")
    place = person.memberships[0]
    scope = Scope(place.tenant_id, person.user_id, place.role)
    async with db.transaction(scope) as tx:
        token = await identity.create_session(tx, person.user_id)
    await lockout.forgive(redis, email, address)
    return SignedIn(token, scope)


async def sign_out(db: Database, callers: Callers, token: str) -> None:
    """End a session; an unknown one is no error."""
    found = await callers.person(token)
    if found is None:
        return
    async with db.transaction(found.scope) as tx:
        await identity.end_session(tx, token)


async def answers_with_demo_model(db: Database, scope: Scope, settings: Settings) -> bool:
    """Whether the built-in demo model answers this tenant: nobody has given a provider's key."""
    if settings.provider_keys:
        return False
    async with db.transaction(scope) as tx:
        known = await credentials.list_credentials(tx)
    return not any(credential.kind.startswith("model:") for credential in known)


async def set_up_tenant(db: Database, slug: str, name: str, *, email: str, person: str, password: str) -> Scope:
    """Make a tenant with its first admin; returns the admin's scope. A slug that exists already raises Conflict."""
    hashed = await asyncio.to_thread(passwords.hash_password, password)
    tenant_id = identity.new_tenant_id()
    system = Scope(tenant_id, None, "system")
    async with db.transaction(system) as tx:
        await identity.create_tenant(tx, slug, name)
        user_id = await identity.add_member(tx, email.strip().lower(), person, hashed, "admin")
    return Scope(tenant_id, user_id, "admin")
