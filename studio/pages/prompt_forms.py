"""The dialog of a new prompt, or of the next version of one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from engine.errors import AppError, Conflict, InputError
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.container import get_container
from studio.pages.prompt_library import PromptsState
from studio.services import prompt_library
from studio.services.prompt_library import PromptPage

THIS_PAGE = rx.Var("performance.timeOrigin", _var_type=float)


class PromptForms(rx.State):
    """Whether the dialog is open, what its version begins with, and what is wrong with what stands in it."""

    opened: bool = False
    page: float = 0.0  # when the page was loaded in which it was opened: in a page loaded anew it is closed
    base: PromptPage = PromptPage()  # of which prompt, with its text; without a name for a new one
    wrong: dict[str, str] = {}  # noqa: RUF012  # field -> what to mend
    attempts: int = 0  # how often what stands in the form was looked through
    fault: str = ""

    @rx.event
    @requires("workflows:write")
    async def open(self, name: str, number: int, page: float) -> Any:
        """For the next version of a prompt, beginning with the text of one; without a name for a new prompt."""
        try:
            found = await prompt_library.version(get_container().db, current_scope(), name, number) if name else None
        except AppError as error:
            return rx.toast.error(error.public_message)
        self.base = found[0] if found else PromptPage()
        self.opened, self.page, self.wrong, self.fault = True, page, {}, ""
        return None

    @rx.event
    @requires("workflows:write")
    def close(self) -> None:
        self.opened, self.wrong, self.fault = False, {}, ""

    @rx.event
    @requires("workflows:write")
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what stands in the form as the next version; who was overtaken by somebody else is told."""
        self.wrong, self.fault, self.attempts = {}, "", self.attempts + 1
        name = self.base.name or str(form.get("name", "")).strip()
        asked = {field: str(form.get(field, "")).replace("\r\n", "\n") for field in ("text", "system", "note")}
        try:
            number = await prompt_library.add(
                get_container().db, current_scope(), name=name, seen=self.base.newest, **asked
            )
        except (InputError, Conflict) as error:
            self.wrong = {str(error.details.get("field", "text")): error.public_message}
            return None
        except AppError as error:
            self.fault = error.public_message
            return None
        self.opened = False
        return [PromptsState.show_added(name), rx.toast.success(f"Kept as {name}@{number}")]
