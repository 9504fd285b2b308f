"""The dialogs of subscriptions: a new one, another address, a new secret, and the end of one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import reflex as rx

from engine.errors import AppError, InputError, NotFound
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.shown_once import show_once
from studio.container import get_container
from studio.pages.dialog_forms import DialogForms
from studio.pages.event_subscriptions import DELETED, SubscriptionsState
from studio.services import event_lists, events
from studio.services.event_lists import Subscribed

DIALOGS = ("new", "edit", "renew", "delete")
LISTED = ("agent_run", "tool_call", "usage_metered", "router_decision", "audit_log")


class SubscriptionForms(DialogForms, rx.State):
    """The dialogs of DIALOGS, and "secret": about which subscription."""

    about: Subscribed = Subscribed()
    own_topics: str = ""  # those that have no box to tick

    @rx.event
    @requires("events:write")
    async def open(self, dialog: str, subscription_id: str, page: float) -> Any:
        """Show a dialog about a subscription as it is now; `page` is THIS_PAGE."""
        if dialog not in DIALOGS:
            return None
        try:
            about = Subscribed() if dialog == "new" else await self._look_up(subscription_id)
        except NotFound:
            return self._gone()
        except AppError as error:
            return rx.toast.error(error.public_message)
        self._open_dialog(dialog, page)
        self.about = about
        self.own_topics = ", ".join(topic for topic in about.topics if topic not in ("*", *LISTED))
        return None

    @rx.event
    @requires("events:write")
    def close(self) -> None:
        self._close_dialog()
        self.about = Subscribed()

    @rx.event
    @requires("events:write")
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what stands in the form: a new subscription, or what was changed of the one it is about.

        A second press of the button finds another dialog, and does nothing, as below.
        """
        if self.opened not in ("new", "edit"):
            return None
        self._look_through()
        try:
            if self.opened == "new":
                return await self._create(form)
            return await self._change(form)
        except NotFound:
            return self._gone()
        except InputError as error:
            self._blame(error, "url")
        except AppError as error:
            self.fault = error.public_message
        return None

    @rx.event
    @requires("events:write")
    async def renew(self) -> Any:
        """A new signing secret in place of the old one."""
        if self.opened != "renew":
            return None
        container = get_container()
        try:
            secret = await events.renew_secret(container.db, container.vault, current_scope(), self._id())
        except NotFound:
            return self._gone()
        except AppError as error:
            self.fault = error.public_message
            return None
        return self._show(secret)

    @rx.event
    @requires("events:write")
    async def delete(self) -> Any:
        if self.opened != "delete":
            return None
        try:
            await events.unsubscribe(get_container().db, current_scope(), self._id())
        except NotFound:
            return self._gone()
        except AppError as error:
            self.fault = error.public_message
            return None
        address = self.about.address
        self.opened = ""
        return [SubscriptionsState.load(), rx.toast.success(f"Nothing more is sent to {address}")]

    async def _create(self, form: Mapping[str, Any]) -> Any:
        container = get_container()
        row, secret = await events.subscribe(
            container.db, container.vault, current_scope(), allow=container.settings.egress_allow, **_asked(form)
        )
        self.about = Subscribed(str(row.subscription_id), address=event_lists.plain_address(row.url))
        return self._show(secret)

    async def _change(self, form: Mapping[str, Any]) -> Any:
        """Only what differs from what was shown, so that what somebody else changed meanwhile stays."""
        shown = {"url": self.about.url, "topics": self.about.topics, "description": self.about.description}
        wanted = {name: value for name, value in _asked(form).items() if value != shown[name]}
        container = get_container()
        allow = container.settings.egress_allow
        await events.change(container.db, current_scope(), self._id(), events.Change(**wanted), allow=allow)
        self.opened = ""
        return [SubscriptionsState.load(), rx.toast.success("Saved")]

    def _show(self, secret: str) -> Any:
        self.opened = "secret"
        return [SubscriptionsState.load(), show_once(secret)]

    def _gone(self) -> Any:
        self.opened = ""
        return [SubscriptionsState.load(), rx.toast.error(DELETED)]

    def _id(self) -> Any:
        return event_lists.id_of(self.about.subscription_id)

    async def _look_up(self, subscription_id: str) -> Subscribed:
        return await event_lists.subscription(get_container().db, current_scope(), event_lists.id_of(subscription_id))


def _asked(form: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in the form, as `events.subscribe` takes it."""
    own = [topic for topic in re.split(r"[\s,]+", str(form.get("topics", ""))) if topic]
    ticked = [topic for topic in ("*", *LISTED) if form.get(f"topic:{topic}")]
    return {
        "url": str(form.get("url", "")).strip(),
        "topics": list(dict.fromkeys([*ticked, *own])),
        "description": str(form.get("description", "")).strip(),
    }
