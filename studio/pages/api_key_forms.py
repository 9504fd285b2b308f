"""The keys of programs and their dialogs: a new one, the one time that it is shown, and its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import reflex as rx

from engine.errors import AppError, InputError, NotFound
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.shown_once import show_once
from studio.container import get_container
from studio.pages.dialog_forms import DialogForms
from studio.pages.lists import Listed
from studio.services import api_keys
from studio.services.api_keys import KeyLine
from studio.services.event_lists import id_of

OWN = "own"  # in the form: single scopes, ticked one by one
REVOKED = "Somebody has revoked this key meanwhile."


class ApiKeysState(Listed, rx.State):
    """The tenant's keys that work."""

    rows: list[KeyLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab

    @rx.event
    @requires("api_keys:read")
    async def load(self) -> None:
        """On opening the page, and now and then: when a key was used last."""
        await self._read()

    async def _fetch(self) -> None:
        self.rows = await api_keys.lines(get_container().db, current_scope())


class ApiKeyForms(DialogForms, rx.State):
    """The dialogs "new", "shown" and "revoke": about which key. Never the key itself."""

    about: KeyLine = KeyLine()
    example: str = ""  # what follows `curl <address>` to try the new key

    @rx.event
    @requires("api_keys:write")
    def begin(self, page: float) -> None:
        """Show the form of a new key; `page` is THIS_PAGE."""
        self._open_dialog("new", page)
        self.about = KeyLine()

    @rx.event
    @requires("api_keys:write")
    async def ask(self, api_key_id: str, page: float) -> Any:
        """Show the question before a key's end."""
        keys = await self.get_state(ApiKeysState)
        about = next((row for row in keys.rows if row.api_key_id == api_key_id), None)
        if about is None:
            return self._gone()
        self._open_dialog("revoke", page)
        self.about = about
        return None

    @rx.event
    @requires("api_keys:write")
    def close(self) -> None:
        self._close_dialog()
        self.about, self.example = KeyLine(), ""

    @rx.event
    @requires("api_keys:write")
    async def create(self, form: dict[str, Any]) -> Any:
        """Make the key that the form asks for, and show it. A second press of the button makes no second one."""
        if self.opened != "new":
            return None
        self._look_through()
        container, scope = get_container(), current_scope()
        try:
            scopes = _scopes(form, scope.role)
            self.example = await api_keys.example(
                container.key_gate, scope, scopes
            )  # first: a key that is made is shown
            made, key = await api_keys.create(container.db, scope, str(form.get("name", "")), scopes)
        except InputError as error:
            self._blame(error, "name")
            return None
        except AppError as error:
            self.fault = error.public_message
            return None
        self.opened, self.about = "shown", api_keys.line(made)
        return [ApiKeysState.load(), show_once(key)]

    @rx.event
    @requires("api_keys:write")
    async def revoke(self) -> Any:
        if self.opened != "revoke":  # the button was pressed twice
            return None
        try:
            ended = await api_keys.revoke(get_container().db, current_scope(), id_of(self.about.api_key_id))
        except NotFound:
            return self._gone()
        except AppError as error:
            self.fault = error.public_message
            return None
        self.opened = ""
        return [ApiKeysState.load(), rx.toast.success(f"{ended.name} is revoked")]

    def _gone(self) -> Any:
        self.opened = ""
        return [ApiKeysState.load(), rx.toast.error(REVOKED)]


def _scopes(form: Mapping[str, Any], role: str) -> list[str]:
    """What is chosen in the form: a set, or what is ticked; and what is typed. Raises InputError."""
    chosen, own = str(form.get("scopes", "")), api_keys.typed(str(form.get("own_scopes", "")))
    if chosen in api_keys.TITLES:
        return api_keys.scopes_of(chosen, role) + own
    return [scope for scope in api_keys.SCOPES if form.get(f"scope:{scope}")] + own
