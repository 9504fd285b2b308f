"""What the states of lists share: reading one, going from page to page, and what an address may say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import reflex as rx

from engine.errors import AppError
from studio.auth.permissions import requires


class Listed(rx.State, mixin=True):
    """A list that is read as a whole or page by page. Who mixes it in has `rows`, and fills them in `_fetch`."""

    phase: str = "loading"  # loading | ready | failed
    fault: str = ""

    async def _read(self) -> None:
        try:
            await self._fetch()
        except AppError as error:
            self.phase, self.fault = "failed", error.public_message
        else:
            self.phase = "ready"

    async def _fetch(self) -> None:
        """Fill what is shown. Raises AppError."""
        raise NotImplementedError


class Paged(Listed, mixin=True):
    """A list that is shown page by page, newest first. `_fetch` reads the page of `_cursor`, and sets `older`.

    Who mixes it in says who may turn pages: `go_older, go_newer = turns("runs:read")`.
    """

    older: str = ""  # cursor of the next page, empty on the last
    page_number: int = 1
    _cursors: list[str] = [""]  # noqa: RUF012  # of this page and the newer ones

    @property
    def _cursor(self) -> str:
        return self._cursors[-1]

    async def _turn(self, cursors: list[str]) -> None:
        """Show the page of the last cursor; those before it lead back."""
        self._cursors, self.page_number = cursors, len(cursors)
        await self._read()

    async def _first_page(self) -> None:
        await self._turn([""])


def turns(permission: str) -> tuple[Any, Any]:
    """The event handlers of a Paged state that go to the older and to the newer page, where there is one.

    They become that by standing in its class: `@rx.event` would make them handlers of `Paged`.
    """

    @requires(permission)
    async def go_older(self: Paged) -> None:
        if self.older:
            await self._turn([*self._cursors, self.older])

    @requires(permission)
    async def go_newer(self: Paged) -> None:
        if len(self._cursors) > 1:
            await self._turn(self._cursors[:-1])

    return go_older, go_newer


def known(value: str | None, options: Iterable[tuple[str, str]]) -> str:
    """The value, or none where it is no option: an address can say anything."""
    return value if value and value in dict(options) else ""
