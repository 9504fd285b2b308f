"""The guard before every UI event: who is this, and may they.

Any websocket client can name any event handler, so what the page shows protects nothing. Each event looks its session
up in the database (the websocket's cookie says which), so that a sign-out or a change of role holds from the next
event on. A handler that names no permission is refused; so is everything when the guard itself fails.

A tab's state belongs to the session that filled it. When the same tab comes back with another session (somebody else
signed in, or a stranger guessed the tab's token), the state is emptied before anything else happens.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import Any

import reflex as rx
from reflex.event import Event
from reflex.middleware.middleware import Middleware
from reflex.state import BaseState, FrontendEventExceptionState, OnLoadInternalState, State, StateUpdate
from reflex.state import UpdateVarsInternalState as UpdateVars
from reflex_base.registry import RegistrationContext

from engine.errors import Unauthenticated
from engine.store.access.identity import token_hash
from engine.store.callers import Person
from engine.store.session import Scope
from studio.auth.permissions import PUBLIC, permission_of, role_allows
from studio.auth.places import sign_in_address
from studio.auth.sockets import token_of
from studio.container import get_container

log = logging.getLogger("heddle.auth")

# What Reflex itself needs before a page can be shown. They move no data of ours: they send the tab its own state,
# which is empty until one of our handlers, guarded here, has filled it.
FRAMEWORK_HANDLERS = frozenset(
    {
        f"{State.get_full_name()}.hydrate",
        f"{State.get_full_name()}.hydrate_and_load",
        f"{State.get_full_name()}.set_is_hydrated",
        f"{OnLoadInternalState.get_full_name()}.on_load_internal",
        f"{OnLoadInternalState.get_full_name()}.set_is_hydrated",
        f"{UpdateVars.get_full_name()}.update_vars_internal",
        f"{FrontendEventExceptionState.get_full_name()}.handle_frontend_exception",
    }
)

_current: ContextVar[Person | None] = ContextVar("heddle_identity", default=None)


class TabState(rx.State):
    """Remembers which session filled this tab's state; holds nothing that is sent to the browser."""

    _session: str = ""


def current_identity() -> Person:
    """Who sent the event that is being handled; raises Unauthenticated for an event of nobody."""
    identity = _current.get()
    if identity is None:
        raise Unauthenticated
    return identity


def current_scope() -> Scope:
    """The scope of the event that is being handled."""
    return current_identity().scope


def signed_in() -> bool:
    """Whether the event that is being handled came from somebody signed in."""
    return _current.get() is not None


async def still_allowed(state: BaseState, permission: str) -> bool:
    """For background handlers that outlive their event: ask again whether this tab's session holds the permission."""
    token = _token_of(state)
    identity = await _identify(token)
    tab = await state.get_state(TabState)
    return (
        identity is not None
        and tab._session == token_hash(token or "")
        and identity.scope == current_scope()
        and role_allows(identity.scope.role, permission)
    )


class Guard(Middleware):
    """Refuses each event that its sender may not send."""

    async def preprocess(self, app: rx.App, state: BaseState, event: Event) -> StateUpdate | None:  # noqa: ARG002
        _current.set(None)
        try:
            return await self._check(state, event)
        except Exception:
            # Whatever went wrong (database away, a bug here): nobody passes a guard that cannot look.
            log.exception("refused %s: the guard failed", event.name)
            _current.set(None)
            return _say("Heddle cannot check your sign-in right now. Try again in a moment.")

    async def _check(self, state: BaseState, event: Event) -> StateUpdate | None:
        token = _token_of(state)
        identity = await _identify(token)
        await _claim_tab(state, token_hash(token) if token and identity else "")
        _current.set(identity)
        if event.name in FRAMEWORK_HANDLERS:
            return None
        permission = _permission_of(event.name)
        if permission is None:
            log.warning("refused %s: it names no permission", event.name)
            return _say("This is not allowed.")
        if permission == PUBLIC:
            return None
        if identity is None:
            return _update(rx.redirect(sign_in_address("ended" if token else "", _page_of(state))))
        if not role_allows(identity.scope.role, permission):
            return _say(f"Your role ({identity.scope.role}) does not allow this.")
        return None


def _permission_of(event_name: str) -> str | None:
    registered = RegistrationContext.get().event_handlers.get(event_name)
    return None if registered is None else permission_of(registered.handler.fn)


def _token_of(state: BaseState) -> str | None:
    return token_of(state.router.session.session_id)


def _page_of(state: BaseState) -> str:
    """Path and query of the page that the tab shows; who has signed in goes on there."""
    url = state.router.url
    return f"{url.path}?{url.query}" if url.query else url.path


async def _identify(token: str | None) -> Person | None:
    return None if token is None else await get_container().callers.person(token)


async def _claim_tab(state: BaseState, session: str) -> None:
    """Bind the tab's state to the session; empty it first when it was another's."""
    tab = await state.get_state(TabState)
    if tab._session == session:
        return
    if tab._session:
        reset: Any = state._get_root_state().reset
        reset()
    tab._session = session


def _update(*events: Any) -> StateUpdate:
    return StateUpdate(events=Event.from_event_type(list(events)))


def _say(text: str) -> StateUpdate:
    return _update(rx.toast.error(text))
