"""Nothing can be called that names no permission: every UI event handler, every HTTP route."""

from __future__ import annotations

from typing import Any

import pytest

from studio.auth.permissions import PERMISSIONS, PUBLIC, ROLES, permission_of, public, requires, role_allows
from studio.services.api_keys import SCOPES

# Whoever adds a handler that anybody may call adds it here as well, and says why it is safe.
PUBLIC_HANDLERS = {
    "sign_in_state.load": "shows why the form is there; sends signed-in people home",
}
# A route of FastAPI itself: the API's description, which holds no data.
DOCUMENTATION = {"/openapi.json"}


@pytest.fixture(scope="module")
def handlers() -> dict[str, Any]:
    """Name -> handler function, of every event handler that a websocket client can name."""
    import studio.app

    registered = studio.app.app._registration_context.event_handlers
    return {name: found.handler.fn for name, found in registered.items()}


@pytest.fixture(scope="module")
def routes() -> list[Any]:
    from studio.api.app import http_routes

    return list(http_routes())


def test_every_handler_names_a_permission_or_is_refused(handlers: dict[str, Any]) -> None:
    from studio.auth.guard import FRAMEWORK_HANDLERS

    unmarked = {name for name, fn in handlers.items() if permission_of(fn) is None} - FRAMEWORK_HANDLERS
    # Reflex gives each state a `setvar`; it names no permission, so the guard refuses it.
    assert {name for name in unmarked if not name.endswith(".setvar")} == set()
    assert len(handlers) > 30, "the pages were not loaded"


def test_marks_name_existing_permissions(handlers: dict[str, Any]) -> None:
    named = {permission_of(fn) for fn in handlers.values()} - {None, PUBLIC}
    assert named <= PERMISSIONS
    assert {"workflows:read", "workflows:write", "runs:read", "runs:cancel"} <= named


def test_public_handlers_are_the_known_ones(handlers: dict[str, Any]) -> None:
    found = {name for name, fn in handlers.items() if permission_of(fn) == PUBLIC}
    assert {name.rpartition("____")[2] for name in found} == set(PUBLIC_HANDLERS)


def test_framework_handlers_exist(handlers: dict[str, Any]) -> None:
    """A name that Reflex has changed must not stay on the list of what may pass."""
    from studio.auth.guard import FRAMEWORK_HANDLERS

    assert set(handlers) >= FRAMEWORK_HANDLERS


def test_no_handler_sets_state_by_name(handlers: dict[str, Any]) -> None:
    from studio.auth.guard import FRAMEWORK_HANDLERS

    assert not [name for name in FRAMEWORK_HANDLERS if name.endswith("setvar")]
    assert permission_of(handlers["reflex___state____state.setvar"]) is None


def test_every_route_names_a_permission(routes: list[Any]) -> None:
    from studio.api.access import permission_of as route_permission

    named = {route.path: route_permission(route.dependant) for route in routes}
    assert {
        path for path, permission in named.items() if permission != PUBLIC and permission not in PERMISSIONS
    } == set()
    assert len(named) > 15


def test_every_permission_that_a_route_demands_is_explained_to_who_makes_a_key(routes: list[Any]) -> None:
    from studio.api.access import permission_of as route_permission

    assert {route_permission(route.dependant) for route in routes} - {PUBLIC} == set(SCOPES)


def test_no_route_stands_outside_the_routers() -> None:
    from studio.api.app import create_api
    from studio.container import Container

    loose = {route.path for route in create_api(Container()).routes if getattr(route, "path", None)}
    assert loose == DOCUMENTATION


def test_unsafe_routes_are_not_public_by_accident(routes: list[Any]) -> None:
    """Public writes are sign-in, sign-out and published addresses, nothing else."""
    from studio.api.access import permission_of as route_permission

    writes = {
        route.path
        for route in routes
        if getattr(route, "dependant", None) is not None
        and route_permission(route.dependant) == PUBLIC
        and set(getattr(route, "methods", None) or {"WS"}) - {"GET", "HEAD"}
    }
    assert all(
        path.startswith(("/auth/", "/hooks/", "/c/", "/f/", "/chat/", "/ws/", "/webhooks/")) for path in writes
    ), writes


@pytest.mark.parametrize("permission", sorted(PERMISSIONS))
def test_reading_never_implies_more(permission: str) -> None:
    assert role_allows("admin", permission)
    assert role_allows("viewer", permission) == (permission in ROLES["viewer"])
    verb = permission.partition(":")[2]
    if verb in ("write", "run", "publish", "cancel"):
        assert not role_allows("viewer", permission)


@pytest.mark.parametrize("role", ["", "owner", "Admin", "system", "api_key"])
def test_unknown_roles_hold_nothing(role: str) -> None:
    assert not any(role_allows(role, permission) for permission in PERMISSIONS)


def test_a_mark_must_name_an_existing_permission() -> None:
    with pytest.raises(ValueError, match="no permission 'workflows:fly'"):
        requires("workflows:fly")


def test_marks_are_read_back() -> None:
    @requires("runs:read")
    def guarded() -> None: ...

    @public
    def opened() -> None: ...

    def unmarked() -> None: ...

    assert permission_of(guarded) == "runs:read"
    assert permission_of(opened) == PUBLIC
    assert permission_of(unmarked) is None
