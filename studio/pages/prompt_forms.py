"""The dialog of a new prompt, or of the next version of one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from engine.errors import AppError, Conflict, InputError
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.container import get_container
from studio.pages.dialog_forms import DialogForms
from studio.pages.prompt_library import PromptsState
from studio.services import prompt_library
from studio.services.prompt_library import PromptPage


class PromptForms(DialogForms, rx.State):
    """The dialog "new", and what its version begins with."""

    base: PromptPage = PromptPage()  # of which prompt, with its text; without a name for a new one

    @rx.event
    @requires("workflows:write")
    async def open(self, name: str, number: int, page: float) -> Any:
        """For the next version of a prompt, beginning with the text of one; without a name for a new prompt."""
        try:
            found = await prompt_library.version(get_container().db, current_scope(), name, number) if name else None
        except AppError as error:
            return rx.toast.error(error.public_message)
        self.base = found[0] if found else PromptPage()
        self._open_dialog("new", page)
        return None

    @rx.event
    @requires("workflows:write")
    def close(self) -> None:
        self._close_dialog()

    @rx.event
    @requires("workflows:write")
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what stands in the form as the next version; who was overtaken by somebody else is told."""
        self._look_through()
        name = self.base.name or str(form.get("name", "")).strip()
        asked = {field: str(form.get(field, "")).replace("\r\n", "\n") for field in ("text", "system", "note")}
        try:
            number = await prompt_library.add(
                get_container().db, current_scope(), name=name, seen=self.base.newest, **asked
            )
        except (InputError, Conflict) as error:
            self._blame(error, "text")
            return None
        except AppError as error:
            self.fault = error.public_message
            return None
        self._close_dialog()
        return [PromptsState.show_added(name), rx.toast.success(f"Kept as {name}@{number}")]
