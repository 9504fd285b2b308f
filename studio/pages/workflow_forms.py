"""The two dialogs of the workflow list: a new workflow, and an import."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import reflex as rx

from engine.errors import AppError
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.address import lead_on
from studio.container import get_container
from studio.pages.dialog_forms import DialogForms
from studio.pages.workflow_bulk import BulkImport
from studio.services import importing, templates, words, workflows

ADDRESS = "/app/workflows"


class WorkflowForms(DialogForms, rx.State):
    """The dialogs "new", "import" and "report": what stands in them."""

    templates: list[dict[str, str]] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    template: str = ""
    text: str = ""
    found_name: str = ""
    found_nodes: str = ""
    problems: list[dict[str, str]] = []  # noqa: RUF012
    filename: str = ""
    foreign: str = ""  # whose file it is, when it is not ours
    summary: str = ""
    losses: list[dict[str, str]] = []  # noqa: RUF012
    imported: str = ""  # the workflow that an import of a foreign file has made
    taken: bool = False  # there is a workflow of this name
    replaceable: bool = False  # whose draft can be replaced
    way: str = "copy"  # copy | replace: what is done then
    new_name: str = ""
    _replaced: workflows.Replaced | None = None

    @rx.event
    @requires("workflows:write")
    async def open_new(self, page: float) -> None:
        self._clear()
        self._open_dialog("new", page)
        if not self.templates:
            shipped = await asyncio.to_thread(templates.templates)
            self.templates = [asdict(one) for one in shipped]

    @rx.event
    @requires("workflows:write")
    def open_import(self, page: float) -> None:
        self._clear()
        self._open_dialog("import", page)

    @rx.event
    @requires("workflows:write")
    def close(self) -> None:
        self._clear()

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
            self._refuse(error)
            return None
        self._clear()
        return lead_on(ADDRESS, f"/app/workflows/{name}")

    @rx.event
    @requires("workflows:write")
    async def type_text(self, text: str) -> None:
        """What stands in the text field. A browser shows other line ends as its own; that is no change of the text."""
        if text != "\n".join(self.text.replace("\r\n", "\n").split("\r")):
            await self._look_into(text)

    @rx.event
    @requires("workflows:write")
    async def read_file(self, found: dict[str, Any]) -> None:
        """A file's `{name, text}`, the text exactly as it is; of several, what the server said of them."""
        if "files" in found or "fault" in found:
            self._clear()
            (await self.get_state(BulkImport))._show(found, self.page)
            return
        self.filename = str(found.get("name", ""))[:200]
        await self._look_into(str(found.get("text", "")))

    @rx.event
    @requires("workflows:write")
    def choose_way(self, way: str) -> None:
        self.way = "replace" if way == "replace" and self.replaceable else "copy"
        self.wrong, self.fault = {}, ""

    @rx.event
    @requires("workflows:write")
    def type_name(self, name: str) -> None:
        self.new_name, self.wrong, self.fault = name[:64], {}, ""

    async def _look_into(self, text: str) -> None:
        self.text, self.taken, self.way = text, False, "copy"
        self.wrong, self.fault = {}, ""
        self.found_name = self.foreign = self.summary = ""
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
        there = await workflows.is_taken(get_container().db, current_scope(), found.name) if found.name else None
        if there is not None:
            self.taken, self.replaceable, self.new_name = True, there.replaceable, there.free

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
    async def import_text(self) -> rx.event.EventSpec | list[rx.event.EventSpec] | None:
        if self.foreign:
            return await self._import_foreign()
        try:
            if self.taken and self.way == "replace":
                return await self._replace()
            new_name = self.new_name if self.taken else ""
            name = await workflows.import_text(get_container().db, current_scope(), self.text, new_name)
        except AppError as error:
            self._refuse(error)
            return None
        self._clear()
        return lead_on(ADDRESS, f"/app/workflows/{name}")

    async def _replace(self) -> list[rx.event.EventSpec]:
        done = await workflows.replace_text(get_container().db, current_scope(), self.text)
        self._clear()
        self._replaced = done
        undo = {"label": "Undo", "on_click": WorkflowForms.put_back}
        said = rx.toast.success(f"Replaced the draft of {done.name}", action=undo, duration=20_000)
        return [said, lead_on(ADDRESS, f"/app/workflows/{done.name}")]

    @rx.event
    @requires("workflows:write")
    async def put_back(self) -> rx.event.EventSpec | None:
        """Undo the last replacement."""
        done, self._replaced = self._replaced, None
        if done is None:
            return None
        try:
            await workflows.put_back(get_container().db, current_scope(), done)
        except AppError as error:
            return rx.toast.error(f"{error.public_message} Its text of before was not put back.")
        return rx.toast.success(f"The draft of {done.name} is as it was")

    async def _import_foreign(self) -> rx.event.EventSpec | None:
        """Make the draft; where something was lost, stay to show it, with links to the nodes."""
        try:
            name = await importing.import_foreign(get_container().db, current_scope(), self.text, self.filename)
        except AppError as error:
            self.fault = error.public_message
            return None
        if not self.losses:
            self._clear()
            return lead_on(ADDRESS, f"/app/workflows/{name}")
        self.imported, self.opened, self.text = name, "report", ""
        return None

    @rx.event
    @requires("workflows:write")
    def open_imported(self) -> rx.event.EventSpec:
        name = self.imported
        self._clear()
        return lead_on(ADDRESS, f"/app/workflows/{name}")

    def _refuse(self, error: AppError) -> None:
        """Say what is wrong: at the field of the name, where one is asked for and it is the name's fault."""
        self._look_through()
        is_asked = self.opened == "new" or (self.taken and self.way == "copy")
        if is_asked and error.details.get("field") == "name":
            self._blame(error, "name")
        else:
            self.fault = error.public_message

    def _forget_report(self) -> None:
        if self.opened == "report":
            self._clear()

    def _clear(self) -> None:
        self._close_dialog()
        self.template = self.text = self.found_name = ""
        self.filename = self.foreign = self.summary = self.imported = self.new_name = ""
        self.problems, self.losses = [], []
        self.taken, self.way = False, "copy"
