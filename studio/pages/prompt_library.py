"""The prompt library: the prompts found, the version that is looked at, and what it is compared with."""

from __future__ import annotations

import reflex as rx

from engine.errors import AppError, InputError, NotFound
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.address import keep_in_address
from studio.components.parts import LONGEST_SEARCH
from studio.container import get_container
from studio.pages.lists import Listed
from studio.services import prompt_library
from studio.services.prompt_library import DiffLine, PromptLine, PromptPage, Use

ADDRESS = "/app/prompts"
NONE = PromptPage()


class PromptsState(Listed, rx.State):
    """The prompts found, the version that is looked at, and what it is compared with."""

    rows: list[PromptLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    search: str = ""
    chosen: PromptPage = NONE
    number: str = ""  # of the version that is looked at, as the select has it
    versions: list[tuple[str, str]] = []  # noqa: RUF012
    uses: list[Use] = []  # noqa: RUF012
    against: str = ""  # the number of the version that it is compared with
    diff: list[DiffLine] = []  # noqa: RUF012
    diff_fault: str = ""  # why they cannot be compared
    missing: bool = False  # the address names a prompt or a version that does not exist

    @rx.event
    @requires("workflows:read")
    async def load(self) -> None:
        """The list, and what the address names."""
        query = self.router.url.query_parameters
        self.search, self.chosen, self.missing = query.get("search", "")[:LONGEST_SEARCH], NONE, False
        await self._read()
        if self.phase == "ready" and query.get("prompt"):
            await self._look_at(query["prompt"], query.get("version", ""), query.get("against", ""))

    @rx.event
    @requires("workflows:read")
    async def set_search(self, text: str) -> rx.event.EventSpec:
        self.search = text[:LONGEST_SEARCH]
        await self._read()
        return self._address()

    @rx.event
    @requires("workflows:read")
    async def choose(self, name: str) -> rx.event.EventSpec:
        await self._look_at(name)
        return self._address()

    @rx.event
    @requires("workflows:read")
    async def set_version(self, number: str) -> rx.event.EventSpec:
        await self._look_at(self.chosen.name, number, self.against)
        return self._address()

    @rx.event
    @requires("workflows:read")
    async def set_against(self, number: str) -> rx.event.EventSpec:
        await self._look_at(self.chosen.name, self.number, number)
        return self._address()

    @rx.event
    @requires("workflows:read")
    async def show_added(self, name: str) -> rx.event.EventSpec:
        """What was just added, by its name."""
        self.search = ""
        await self._read()
        await self._look_at(name)
        return self._address()

    def _address(self) -> rx.event.EventSpec:
        shown = (
            {"prompt": self.chosen.name, "version": self.number, "against": self.against} if self.chosen.name else {}
        )
        return keep_in_address(ADDRESS, {"search": self.search, **shown})

    async def _fetch(self) -> None:
        self.rows = await prompt_library.listing(get_container().db, current_scope(), self.search)

    async def _look_at(self, name: str, number: str = "", against: str = "") -> None:
        db, scope = get_container().db, current_scope()
        self.missing = False
        try:
            self.chosen, self.versions = await prompt_library.version(db, scope, name, _number(number))
            self.number = str(self.chosen.version)
            self.uses = await prompt_library.uses(db, scope, name)
            await self._compare(_number(against))
        except NotFound:
            self.chosen, self.missing, self.number, self.against = NONE, True, "", ""
        except AppError as error:
            self.phase, self.fault = "failed", error.public_message

    async def _compare(self, against: int) -> None:
        self.against, self.diff, self.diff_fault = "", [], ""
        name, now = self.chosen.name, self.chosen.version
        if not against or against == now:
            return
        try:
            self.diff = await prompt_library.compare(get_container().db, current_scope(), name, against, now)
        except InputError as error:
            self.diff_fault = error.public_message
        self.against = str(against)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 7 else 0
