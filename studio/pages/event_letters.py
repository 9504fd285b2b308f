"""What did not arrive, and sending it again: the third view of the page of events."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import reflex as rx

from engine.errors import AppError, NotFound
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.address import keep_in_address
from studio.container import get_container
from studio.pages.lists import Paged, turns
from studio.services import event_lists, events, words
from studio.services.event_lists import LetterLine, Target

ADDRESS = "/app/events"
UNTICK_ALL = "(() => { const all = document.getElementById('tick-all'); if (all) all.checked = false; })()"
MOST_LETTERS = 200  # of one page there are fewer
NO_LETTER = LetterLine("", "", "", "", "", "", 0, "", "", "", "", "", "")


class LettersState(Paged, rx.State):
    """One page of the dead letters, of one listener or of all, and the one that is looked at."""

    rows: list[LetterLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    listeners: list[tuple[str, str]] = []  # noqa: RUF012  # with dead letters: id, title
    target: Target = Target("", "", 0, "")  # whose letters are shown; without an id those of all
    count: str = ""  # of all listeners, for the tab
    chosen: LetterLine = NO_LETTER
    payload: str = ""
    busy: bool = False
    go_older, go_newer = turns("events:read")

    @rx.event
    @requires("events:read")
    async def load(self) -> None:
        await self._show(self.target.target_id)

    @rx.event
    @requires("events:read")
    async def set_target(self, target_id: str) -> rx.event.EventSpec:
        await self._show(target_id)
        return keep_in_address(ADDRESS, {"view": "undelivered", "listener": self.target.target_id})

    @rx.event
    @requires("events:read")
    async def choose(self, letter_id: str) -> rx.event.EventSpec | None:
        line = next((row for row in self.rows if row.letter_id == letter_id), None)
        if line is None:
            return None
        try:
            found = event_lists.id_of(letter_id)
            self.payload = await event_lists.letter_payload(get_container().db, current_scope(), found)
        except AppError as error:
            return rx.toast.error(error.public_message)
        self.chosen = line
        return None

    @rx.event
    @requires("events:write")
    async def redeliver_ticked(self, letters: list[str]) -> AsyncIterator[Any]:
        """Those whose boxes are ticked, as READ_TICKED reads them."""
        if not letters:
            yield rx.toast.error("Tick those first that are to be sent again.")
        async for said in self._redeliver(letters[:MOST_LETTERS]):
            yield said
        yield rx.call_script(UNTICK_ALL)

    @rx.event
    @requires("events:write")
    async def redeliver(self, letter_id: str) -> AsyncIterator[Any]:
        async for said in self._redeliver([letter_id]):
            yield said

    @rx.event
    @requires("events:write")
    async def redeliver_all(self, target_id: str) -> AsyncIterator[Any]:
        """All of one listener: of the one that the page showed when the button was pressed."""
        async for said in self._redeliver([], target_id):
            yield said

    async def _redeliver(self, letters: Sequence[str], target_id: str = "") -> AsyncIterator[Any]:
        if self.busy or not (letters or target_id):
            return
        self.busy = True
        yield None
        try:
            ids = [event_lists.id_of(one) for one in letters]
            target = event_lists.id_of(target_id) if target_id else None
            sent = await events.redeliver(get_container().db, current_scope(), ids, target_id=target)
        except NotFound:
            said = rx.toast.error("Somebody else has sent one of them again already. The list is up to date now.")
        except AppError as error:
            said = rx.toast.error(error.public_message)
        else:
            said = _said(sent, len(letters))
        finally:
            self.busy = False
        await self._read()
        yield said

    async def _show(self, target_id: str) -> None:
        """The newest of one listener, or with "" of all."""
        self.target = Target(target_id if _is_id(target_id) else "", "", 0, "")
        self.chosen = NO_LETTER
        await self._first_page()

    async def _fetch(self) -> None:
        of = event_lists.id_of(self.target.target_id) if self.target.target_id else None
        found = await event_lists.undelivered(get_container().db, current_scope(), of, self._cursor)
        self.rows, self.older = found.rows, found.cursor
        self.count, wanted = event_lists.count_text(found.count), self.target.target_id
        if wanted:
            known = [one for one in found.targets if one.target_id == wanted]
            self.target = known[0] if known else Target(wanted, "This listener", 0, "")
        shown = [self.target] if wanted and not self.target.count else []
        self.listeners = [(one.target_id, f"{one.title} ({one.count:,})") for one in [*shown, *found.targets]]
        here = {row.letter_id: row for row in found.rows}
        self.chosen = here.get(self.chosen.letter_id, NO_LETTER)

    async def _count(self) -> None:
        """For the tab, while another view is shown; where that fails, the number of before stays."""
        try:
            count = await event_lists.undelivered_count(get_container().db, current_scope())
        except AppError:
            return
        self.count = event_lists.count_text(count)


def _is_id(text: str) -> bool:
    try:
        event_lists.id_of(text)
    except AppError:
        return False
    return True


def _said(sent: int, asked: int) -> rx.event.EventSpec:
    if not sent:
        return rx.toast.error("Nothing was sent: each of them says why it cannot be.")
    rest = f"; {asked - sent:,} could not be" if asked > sent else ""
    return rx.toast.success(f"{words.some(sent, 'event')} on the way again{rest}")
