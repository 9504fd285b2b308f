"""Who calls the API, and what they may do.

Every route names its permission with `Depends(requires("runs:read"))`, or says `Depends(public)` when it decides for
itself (published endpoints, health). A test walks all routes and fails on one that does neither. A caller shows
either an API key (`Authorization: Bearer heddle_...`) or the studio's session cookie; with the cookie, an unsafe
method must come from our own origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Request, Security
from fastapi.security import HTTPBearer

from engine.errors import Forbidden, Unauthenticated
from engine.store.session import Scope
from studio.auth.cookies import COOKIE
from studio.auth.origins import is_own
from studio.auth.permissions import role_allows
from studio.container import Container

# What the API's description says of keys; a header that holds none is refused by `requires`.
API_KEY = HTTPBearer(
    scheme_name="API key",
    bearerFormat="heddle_...",
    description="A key of the tenant, from POST /api/v1/api-keys. Who is signed in to the studio needs none to read.",
    auto_error=False,
)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `held` are the scopes of an API key, None for a person, who has a role instead."""

    scope: Scope
    held: frozenset[str] | None


def container_of(request: Request) -> Container:
    """The process's services; put into `api.state` when the app is made."""
    container: Container = request.app.state.container
    return container


async def public(_: Request) -> None:
    """Marks a route that anybody may call; it checks what it needs itself."""


def requires(permission: str) -> Callable[..., Awaitable[Scope]]:
    """A dependency that gives the caller's scope, or raises Unauthenticated or Forbidden."""

    async def check(request: Request, _: Annotated[Any, Security(API_KEY)]) -> Scope:
        return (await _caller(request, permission)).scope

    check.permission = permission  # type: ignore[attr-defined]  # read by the test that walks the routes
    return check


def caller_with(permission: str) -> Callable[..., Awaitable[Caller]]:
    """As `requires`, for what a key's other scopes decide about as well."""

    async def check(request: Request, _: Annotated[Any, Security(API_KEY)]) -> Caller:
        return await _caller(request, permission)

    check.permission = permission  # type: ignore[attr-defined]  # as above
    return check


async def _caller(request: Request, permission: str) -> Caller:
    scheme, _, key = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return await _by_key(request, key.strip(), permission)
    return await _by_cookie(request, permission)


async def _by_key(request: Request, key: str, permission: str) -> Caller:
    found = await container_of(request).callers.program(key)
    if found is None:
        raise Unauthenticated("This API key is not valid.")
    if permission not in found.scopes:
        raise Forbidden(f"This API key may not do this; it lacks the scope {permission}.", permission=permission)
    return Caller(found.scope, found.scopes)


async def _by_cookie(request: Request, permission: str) -> Caller:
    token = request.cookies.get(COOKIE)
    if not token:
        raise Unauthenticated("Sign in, or send an API key as a bearer token.")
    if request.method not in SAFE_METHODS:
        check_origin(request)
    found = await container_of(request).callers.person(token)
    if found is None:
        raise Unauthenticated("Your session has ended; sign in again.")
    if not role_allows(found.scope.role, permission):
        raise Forbidden(f"Your role does not allow this ({permission}).", permission=permission)
    return Caller(found.scope, None)


def check_origin(request: Request) -> None:
    """Refuse a request that another site made the browser send with our cookie."""
    if not is_own(request.headers.get("origin"), request.headers.get("host")):
        raise Forbidden("This request came from another site.")


def permission_of(dependant: Any) -> str | None:
    """The permission that a route's dependencies name, "public" for a public one, None when it names none."""
    for dependency in dependant.dependencies:
        if dependency.call is public:
            return "public"
        named = getattr(dependency.call, "permission", None) or permission_of(dependency)
        if named:
            return str(named)
    return None
