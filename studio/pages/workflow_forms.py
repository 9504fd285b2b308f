"""The two dialogs of the workflow list: a new workflow, and an import."""

from __future__ import annotations

import asyncio
from typing import Any

import reflex as rx

from engine.errors import AppError
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.container import get_container
from studio.services import importing, words, workflows


class WorkflowForms(rx.State):
    """Which dialog is open, and what is wrong with what stands in it."""

    opened: str = ""  # "" | new | import | report
    templates: list[dict[str, str]] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    template: str = ""
    fault: str = ""
    text: str = ""
    found_name: str = ""
    found_nodes: str = ""
    problems: list[dict[str, str]] = []  # noqa: RUF012
    busy: bool = False
    filename: str = ""
    foreign: str = ""  # whose file it is, when it is not ours
    summary: str = ""
    losses: list[dict[str, str]] = []  # noqa: RUF012
    imported: str = ""  # the workflow that an import of a foreign file has made

    @rx.event
    @requires("workflows:write")
    async def open_new(self) -> None:
        self._clear("new")
        if not self.templates:
            shipped = await asyncio.to_thread(workflows.templates)
            self.templates = [{"name": t.name, "description": t.description} for t in shipped]

    @rx.event
    @requires("workflows:write")
    def open_import(self) -> None:
        self._clear("import")

    @rx.event
    @requires("workflows:write")
    def close(self) -> None:
        self._clear("")

    @rx.event
    @requires("workflows:write")
    def choose_template(self, name: str) -> None:
        self.template = name

    @rx.event
    @requires("workflows:write")
    async def create(self, form: dict[str, Any]) -> rx.event.EventSpec | None:
        try:
            name = await workflows.create(get_container().db, current_scope(), str(form.get("name", "")), self.template)
        except AppError as error:
            self.fault = error.public_message
            return None
        self._clear("")
        return rx.redirect(f"/app/workflows/{name}")

    @rx.event
    @requires("workflows:write")
    async def type_text(self, text: str) -> None:
        """What stands in the text field. A browser shows other line ends as its own; that is no change of the text."""
        if text != "\n".join(self.text.replace("\r\n", "\n").split("\r")):
            await self._look_into(text)

    @rx.event
    @requires("workflows:write")
    async def read_file(self, found: dict[str, Any]) -> None:
        """A file's `{name, text}`, the text exactly as it is."""
        self.filename = str(found.get("name", ""))[:200]
        await self._look_into(str(found.get("text", "")))

    async def _look_into(self, text: str) -> None:
        self.text = text
        self.fault = self.found_name = self.foreign = self.summary = ""
        self.problems, self.losses = [], []
        if not text.strip():
            return
        if importing.may_be_foreign(text) and await self._look_into_foreign(text):
            return
        try:
            found = await asyncio.to_thread(workflows.look_into, text)
        except AppError as error:
            self.fault = error.public_message
            return
        self.found_name, self.problems = found.name, found.diagnostics[:50]
        self.found_nodes = words.some(found.nodes, "node")

    async def _look_into_foreign(self, text: str) -> bool:
        """Show what a foreign file would bring; false when it is one of ours after all."""
        found = await asyncio.to_thread(importing.check, text, self.filename)
        if found.kind == "heddle":
            return False
        if found.errors or found.imported is None:
            self.fault = found.message
            return True
        self.foreign = importing.KINDS[found.kind]
        self.found_name = self.foreign
        self.found_nodes = words.some(found.nodes, "node")
        counts = ((found.mapped, "mapped"), (found.approximated, "approximated"), (found.unsupported, "unsupported"))
        self.summary = ", ".join(f"{count} {word}" for count, word in counts if count)
        self.losses = importing.losses(found.imported)
        return True

    @rx.event
    @requires("workflows:write")
    async def import_text(self) -> rx.event.EventSpec | None:
        if self.foreign:
            return await self._import_foreign()
        try:
            name = await workflows.import_text(get_container().db, current_scope(), self.text)
        except AppError as error:
            self.fault = error.public_message
            return None
        self._clear("")
        return rx.redirect(f"/app/workflows/{name}")

    async def _import_foreign(self) -> rx.event.EventSpec | None:
        """Make the draft; where something was lost, stay to show it, with links to the nodes."""
        try:
            name = await importing.import_foreign(get_container().db, current_scope(), self.text, self.filename)
        except AppError as error:
            self.fault = error.public_message
            return None
        if not self.losses:
            self._clear("")
            return rx.redirect(f"/app/workflows/{name}")
        self.imported, self.opened, self.text = name, "report", ""
        return None

    @rx.event
    @requires("workflows:write")
    def open_imported(self) -> rx.event.EventSpec:
        name = self.imported
        self._clear("")
        return rx.redirect(f"/app/workflows/{name}")

    def _forget_report(self) -> None:
        if self.opened == "report":
            self._clear("")

    def _clear(self, opened: str) -> None:
        self.opened = opened
        self.template = self.fault = self.text = self.found_name = ""
        self.filename = self.foreign = self.summary = self.imported = ""
        self.problems, self.losses = [], []
