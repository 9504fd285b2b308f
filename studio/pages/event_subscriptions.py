"""Who gets events, and how it goes: the first view of the page of events."""

from __future__ import annotations

import reflex as rx

from engine.errors import AppError, NotFound
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.container import get_container
from studio.pages.lists import Listed
from studio.services import event_lists, events
from studio.services.event_lists import SubscriptionLine

DELETED = "Somebody has deleted this subscription meanwhile."


class SubscriptionsState(Listed, rx.State):
    """The tenant's subscriptions."""

    rows: list[SubscriptionLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab

    @rx.event
    @requires("events:read")
    async def load(self) -> None:
        await self._read()

    @rx.event
    @requires("events:write")
    async def switch(self, subscription_id: str, on: bool) -> rx.event.EventSpec:
        """Switch on or off, as the button said that was pressed."""
        try:
            wanted = events.Change(enabled=on)
            await events.change(get_container().db, current_scope(), event_lists.id_of(subscription_id), wanted)
        except NotFound:
            await self._read()
            return rx.toast.error(DELETED)
        except AppError as error:
            return rx.toast.error(error.public_message)
        await self._read()
        if on:
            return rx.toast.success("Switched on: events are sent from now on")
        undo = {"label": "Undo", "on_click": SubscriptionsState.switch(subscription_id, True)}
        said = "Switched off: what was on its way is under Undelivered"
        return rx.toast.success(said, action=undo, duration=10_000)

    async def _fetch(self) -> None:
        self.rows = await event_lists.subscribed(get_container().db, current_scope())
