"""What pages with a long list share: going from page to page, and what an address may say."""

from __future__ import annotations

from collections.abc import Iterable

import reflex as rx


class Paged(rx.State, mixin=True):
    """A list that is shown page by page, newest first. Who mixes it in sets `older` whenever a page was read."""

    older: str = ""  # cursor of the next page, empty on the last
    page_number: int = 1
    _cursors: list[str] = [""]  # noqa: RUF012  # of this page and the newer ones

    @property
    def _cursor(self) -> str:
        return self._cursors[-1]

    def _turn_first(self) -> None:
        self._cursors, self.page_number = [""], 1

    def _turn_to(self, cursor: str) -> None:
        """A page somewhere in the middle; the newer one is the newest."""
        self._cursors, self.page_number = ["", cursor], 2

    def _turn_older(self) -> bool:
        """Whether there is an older page, which is to be read now."""
        if not self.older:
            return False
        self._cursors.append(self.older)
        self.page_number = len(self._cursors)
        return True

    def _turn_newer(self) -> bool:
        """Whether there is a newer page, which is to be read now."""
        if len(self._cursors) < 2:
            return False
        self._cursors.pop()
        self.page_number = len(self._cursors)
        return True


def known(value: str | None, options: Iterable[tuple[str, str]]) -> str:
    """The value, or none where it is no option: an address can say anything."""
    return value if value and value in dict(options) else ""
