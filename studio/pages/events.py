"""/app/events: who is told of what happens here, what happened, and what did not arrive."""

from __future__ import annotations

import reflex as rx

from studio.auth.permissions import requires
from studio.components.address import keep_in_address
from studio.components.behaviour import ticker
from studio.components.choices import filters, segmented
from studio.components.layout import allowed, page, studio_page
from studio.components.parts import button
from studio.pages import event_letter_view, event_recent_view, event_subscription_view
from studio.pages.dialog_forms import THIS_PAGE
from studio.pages.event_forms import SubscriptionForms
from studio.pages.event_letters import LettersState
from studio.pages.event_recent import ADDRESS, LONGEST_TOPIC, RecentState
from studio.pages.event_subscriptions import SubscriptionsState
from studio.pages.lists import known

VIEWS = (("subscriptions", "Subscriptions"), ("recent", "Recent"), ("undelivered", "Undelivered"))
AGAIN_MS = 6000


class EventsState(rx.State):
    """Which of the three views is shown; each has a state of its own. The address says it, too."""

    view: str = ""  # until the address has been read

    @rx.event
    @requires("events:read")
    async def load(self) -> None:
        """The view that the address names, narrowed to what it says."""
        query = self.router.url.query_parameters
        self.view = known(query.get("view"), VIEWS) or VIEWS[0][0]
        (await self.get_state(RecentState)).topic = query.get("topic", "")[:LONGEST_TOPIC]
        await (await self.get_state(LettersState))._show(query.get("listener", ""))
        if self.view == "recent":
            await (await self.get_state(RecentState))._first_page()
        elif self.view == "subscriptions":
            await (await self.get_state(SubscriptionsState))._read()

    @rx.event
    @requires("events:read")
    async def show(self, view: str) -> rx.event.EventSpec:
        self.view = known(view, VIEWS) or VIEWS[0][0]
        recent, letters = await self.get_state(RecentState), await self.get_state(LettersState)
        await self._read()
        narrowed = {"recent": {"topic": recent.topic}, "undelivered": {"listener": letters.target.target_id}}
        return keep_in_address(ADDRESS, {"view": self.view, **narrowed.get(self.view, {})})

    @rx.event
    @requires("events:read")
    async def refresh(self) -> None:
        """Now and then: what is shown goes on."""
        if self.view:
            await self._read()

    async def _read(self) -> None:
        letters = await self.get_state(LettersState)
        if self.view == "undelivered":
            await letters._read()
            return
        await letters._count()
        shown = SubscriptionsState if self.view == "subscriptions" else RecentState
        await (await self.get_state(shown))._read()


@studio_page(ADDRESS, title="Events", on_load=EventsState.load)
def events_page() -> rx.Component:
    options = [(*VIEWS[0],), (*VIEWS[1],), (*VIEWS[2], LettersState.count)]
    new = button("New subscription", kind="primary", icon="plus", on_click=SubscriptionForms.open("new", "", THIS_PAGE))
    there_are_some = SubscriptionsState.rows.length() > 0  # where there are none, the button stands there
    return page(
        filters(
            segmented(options, EventsState.view, EventsState.show, "View"),
            rx.match(
                EventsState.view,
                ("recent", event_recent_view.narrowing()),
                ("undelivered", event_letter_view.narrowing()),
                rx.fragment(),
            ),
            loading=EventsState.view == "",
        ),
        rx.match(
            EventsState.view,
            ("recent", event_recent_view.view()),
            ("undelivered", event_letter_view.view()),
            event_subscription_view.view(),
        ),
        event_subscription_view.dialogs(),
        ticker(every_ms=AGAIN_MS, on_tick=EventsState.refresh),
        active="events",
        crumbs=["Events"],
        needs="events:read",
        actions=[
            allowed("events:write", rx.cond((EventsState.view == "subscriptions") & there_are_some, new)),
        ],
    )
