"""What happened lately: the second view of the page of events."""

from __future__ import annotations

from typing import Any

import reflex as rx

from engine.errors import AppError
from studio.auth.guard import current_scope
from studio.auth.permissions import requires, role_allows
from studio.components.address import keep_in_address
from studio.container import get_container
from studio.pages.lists import Paged, turns
from studio.services import event_lists, events
from studio.services.event_lists import EventLine

ADDRESS = "/app/events"
NO_EVENT = EventLine("", "", "", "", "", "", "")
LONGEST_TOPIC = 200


class RecentState(Paged, rx.State):
    """One page of the events, narrowed to a topic, and the one that is looked at."""

    rows: list[EventLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    topics: list[tuple[str, str]] = []  # noqa: RUF012
    topic: str = ""
    chosen: EventLine = NO_EVENT
    payload: str = ""
    addresses: list[tuple[str, str]] = []  # noqa: RUF012  # subscriptions that it can be sent to: id, address
    go_older, go_newer = turns("events:read")

    @rx.event
    @requires("events:read")
    async def load(self) -> None:
        await self._first_page()

    @rx.event
    @requires("events:read")
    async def set_topic(self, topic: str) -> rx.event.EventSpec:
        self.topic, self.chosen = topic[:LONGEST_TOPIC], NO_EVENT
        await self._first_page()
        return keep_in_address(ADDRESS, {"view": "recent", "topic": self.topic})

    @rx.event
    @requires("events:read")
    async def choose(self, event_id: str) -> rx.event.EventSpec | None:
        """Look at an event of the list: what it says, and to whom it can be sent again."""
        line = next((row for row in self.rows if row.event_id == event_id), None)
        if line is None:
            return None
        try:
            self.payload = await event_lists.payload(get_container().db, current_scope(), event_lists.id_of(event_id))
            self.addresses = await self._addresses()
        except AppError as error:
            return rx.toast.error(error.public_message)
        self.chosen = line
        return None

    @rx.event
    @requires("events:write")
    async def send(self, form: dict[str, Any]) -> rx.event.EventSpec:
        """Send the event that the form is about to a subscription once more."""
        where, event_id = str(form.get("to", "")), str(form.get("event", ""))
        try:
            to, what = event_lists.id_of(where), event_lists.id_of(event_id)
            await events.send_again(get_container().db, current_scope(), to, what)
        except AppError as error:
            return rx.toast.error(error.public_message)
        return rx.toast.success(f"On its way to {dict(self.addresses).get(where, 'the subscription')}")

    async def _addresses(self) -> list[tuple[str, str]]:
        if not role_allows(current_scope().role, "events:write"):
            return []
        found = await event_lists.subscribed(get_container().db, current_scope())
        return [(one.subscription_id, one.address) for one in found if one.enabled]

    async def _fetch(self) -> None:
        db, scope, before = get_container().db, current_scope(), int(self._cursor or 0)
        self.rows, older = await event_lists.happened(db, scope, self.topic, before or None)
        topics = {*await event_lists.topics(db, scope), *filter(None, [self.topic])}
        self.topics, self.older = [(topic, topic) for topic in sorted(topics)], str(older or "")
