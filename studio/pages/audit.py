"""/app/audit: who changed what, and whether the record of it is as it was written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import reflex as rx

from engine.errors import AppError
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.address import keep_in_address
from studio.components.layout import page, studio_page
from studio.components.parts import button
from studio.container import get_container
from studio.pages import audit_view
from studio.pages.lists import Paged, turns
from studio.services import audit
from studio.services.audit import EntryLine, EntryPage, Filter, Verdict

ADDRESS = "/app/audit"
LONGEST_ACTION = 100
UNKNOWN = Verdict(0, "")


class AuditState(Paged, rx.State):
    """One page of the record as narrowed, the entry that is looked at, and what was found out about all of it."""

    rows: list[EntryLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    people: list[tuple[str, str]] = []  # noqa: RUF012
    actions: list[tuple[str, str]] = []  # noqa: RUF012
    wanted: Filter = Filter()
    chosen: EntryLine = EntryLine()
    entry: EntryPage = EntryPage()
    verdict: Verdict = UNKNOWN
    busy: bool = False
    go_older, go_newer = turns("audit:read")

    @rx.event
    @requires("audit:read")
    async def load(self) -> None:
        """The newest page, narrowed to what the address says."""
        query = self.router.url.query_parameters
        self.verdict = UNKNOWN
        await self._narrow(**{name: query.get(name, "") for name in ("who", "action", "since", "until")})

    @rx.event
    @requires("audit:read")
    async def set_who(self, who: str) -> rx.event.EventSpec:
        return await self._filtered(who=who)

    @rx.event
    @requires("audit:read")
    async def set_action(self, action: str) -> rx.event.EventSpec:
        return await self._filtered(action=action)

    @rx.event
    @requires("audit:read")
    async def set_since(self, day: str) -> rx.event.EventSpec:
        return await self._filtered(since=day)

    @rx.event
    @requires("audit:read")
    async def set_until(self, day: str) -> rx.event.EventSpec:
        return await self._filtered(until=day)

    @rx.event
    @requires("audit:read")
    async def clear_filters(self) -> rx.event.EventSpec:
        return await self._filtered(who="", action="", since="", until="")

    @rx.event
    @requires("audit:read")
    async def choose(self, number: int) -> rx.event.EventSpec | None:
        line = next((row for row in self.rows if row.number == number), None)
        if line is None:
            return None
        try:
            self.entry = await audit.entry(get_container().db, current_scope(), line.number)
        except AppError as error:
            return rx.toast.error(error.public_message)
        self.chosen = line
        return None

    @rx.event
    @requires("audit:read")
    async def verify(self) -> AsyncIterator[Any]:
        """Look at every entry; a long record takes a while."""
        if self.busy:
            return
        self.busy, self.verdict = True, UNKNOWN
        yield None
        try:
            self.verdict = await audit.verify(get_container().db, current_scope())
        except AppError as error:
            yield rx.toast.error(error.public_message)
        finally:
            self.busy = False

    @rx.event
    @requires("audit:read")
    async def show_fault(self) -> rx.event.EventSpec:
        """The part of the record in which the first bad entry stands, or would stand."""
        said = await self._filtered(who="", action="", since="", until="")
        await self._turn(["", str(self.verdict.number + 2)])
        return said

    async def _filtered(self, **changed: str) -> rx.event.EventSpec:
        wanted = self.wanted
        now = {"who": wanted.who, "action": wanted.action, "since": wanted.since, "until": wanted.until} | changed
        await self._narrow(**now)
        return keep_in_address(ADDRESS, now)

    async def _narrow(self, who: str, action: str, since: str, until: str) -> None:
        self.wanted = Filter(who[:LONGEST_ACTION], action[:LONGEST_ACTION], since[:10], until[:10])
        self.chosen = EntryLine()
        await self._first_page()

    async def _fetch(self) -> None:
        db, scope = get_container().db, current_scope()
        self.rows, older = await audit.listing(db, scope, self.wanted, int(self._cursor or 0) or None)
        self.people, known = await audit.choices(db, scope)
        self.actions = [(one, one) for one in sorted({*known, *filter(None, [self.wanted.action])})]
        self.older = str(older or "")


@studio_page(ADDRESS, title="Audit", on_load=AuditState.load)
def audit_page() -> rx.Component:
    verify = button(
        rx.cond(AuditState.busy, "Looking at every entry…", "Verify"),
        icon="shield_check",
        why_not=rx.cond(AuditState.busy, "Every entry is being looked at.", ""),
        on_click=AuditState.verify,
    )
    return page(
        audit_view.body(AuditState),
        active="audit",
        crumbs=["Audit"],
        needs="audit:read",
        actions=[rx.cond(AuditState.phase == "ready", verify)],
    )
