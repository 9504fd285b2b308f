"""/app/workflows: every workflow with how it does, and the ways to a new one."""

from __future__ import annotations

from urllib.parse import quote
from uuid import UUID

import reflex as rx

from engine.errors import AppError
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.behaviour import file_drop, search_key
from studio.components.choices import filters, segmented, select
from studio.components.layout import link, page, studio_page
from studio.components.overlays import menu, menu_item, menu_line
from studio.components.parts import (
    LONGEST_SEARCH,
    bone,
    button,
    chip,
    empty,
    icon_button,
    search_box,
    tag,
)
from studio.components.tables import ACTIONS, Column, or_failed, table
from studio.container import get_container
from studio.pages import workflow_bulk, workflow_dialogs
from studio.pages.dialog_forms import THIS_PAGE
from studio.pages.lists import Listed
from studio.pages.workflow_forms import WorkflowForms
from studio.services import workflow_list, workflows
from studio.services.workflow_list import Kpi, WorkflowLine
from studio.state import ShellState

STATES = (("", "Any status"), ("live", "Live"), ("changed", "Draft ahead"), ("draft", "Draft"))


class WorkflowsState(Listed, rx.State):
    """The list as filtered; each change asks the database again."""

    kpis: list[Kpi] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    rows: list[WorkflowLine] = []  # noqa: RUF012
    category_options: list[tuple[str, str]] = []  # noqa: RUF012
    search: str = ""
    category: str = ""
    state: str = ""
    days: str = "7"
    any_workflow: bool = True

    @rx.event
    @requires("workflows:read")
    async def load(self) -> None:
        """The page from the start, with the filters as they are. A report is shown once, after its import."""
        (await self.get_state(WorkflowForms))._forget_report()
        self.phase = "loading" if not self.rows else self.phase
        await self._read()

    @rx.event
    @requires("workflows:read")
    async def set_search(self, text: str) -> None:
        self.search = text[:LONGEST_SEARCH]
        await self._read()

    @rx.event
    @requires("workflows:read")
    async def set_category(self, category: str) -> None:
        self.category = category
        await self._read()

    @rx.event
    @requires("workflows:read")
    async def set_state(self, state: str) -> None:
        self.state = state
        await self._read()

    @rx.event
    @requires("workflows:read")
    async def set_days(self, days: str) -> None:
        self.days = days if days in ("7", "30") else "7"
        await self._read()

    @rx.event
    @requires("workflows:read")
    async def clear_filters(self) -> None:
        self.search = self.category = self.state = ""
        await self._read()

    @rx.event
    @requires("workflows:read")
    def export(self, name: str, what: str) -> rx.event.EventSpec:
        return download(f"/api/v1/workflows/{quote(name, safe='')}/{quote(what, safe='')}")

    @rx.event
    @requires("workflows:write")
    async def duplicate(self, workflow_id: str) -> rx.event.EventSpec:
        try:
            name = await workflows.duplicate(get_container().db, current_scope(), UUID(workflow_id))
        except (AppError, ValueError) as error:
            return rx.toast.error(getattr(error, "public_message", "There is no such workflow."))
        await self._read()
        return rx.toast.success(f"Copied to {name}")

    @rx.event
    @requires("workflows:write")
    async def archive(self, workflow_id: str) -> rx.event.EventSpec:
        return await self._archive(workflow_id, True)

    @rx.event
    @requires("workflows:write")
    async def restore(self, workflow_id: str) -> rx.event.EventSpec:
        return await self._archive(workflow_id, False)

    async def _archive(self, workflow_id: str, archived: bool) -> rx.event.EventSpec:
        try:
            name = await workflows.archive(get_container().db, current_scope(), UUID(workflow_id), archived)
        except (AppError, ValueError) as error:
            return rx.toast.error(getattr(error, "public_message", "There is no such workflow."))
        await self._read()
        if not archived:
            return rx.toast.success(f"{name} is back")
        undo = {"label": "Undo", "on_click": WorkflowsState.restore(workflow_id)}
        return rx.toast.success(f"Archived {name}", action=undo, duration=10_000)

    async def _fetch(self) -> None:
        db, scope, days = get_container().db, current_scope(), int(self.days)
        found = await workflow_list.shown(
            db, scope, search=self.search, category=self.category, state=self.state, days=days
        )
        self.kpis, self.rows, self.category_options = found.kpis, found.rows, found.categories
        self.any_workflow = bool(self.category_options or self.rows)


COLUMNS = (
    Column("Name", "60%", "wide"),
    Column("Category", "90px", "hide-medium"),
    Column("Channels", "70px"),
    Column("Status", "60px"),
    Column("Runs", "72px", "hide-narrow"),
    Column(f"{WorkflowsState.days} days", "30px", "num"),
    Column("Succeeded", "44px", "num", help=workflow_list.OF_ENDED),
    Column("p95", "44px", "num", help=workflow_list.OF_SUCCEEDED),
    Column("Cost a run", "50px", "num", help=workflow_list.COST_OF_ENDED),
    Column("Edited", "60px", "num"),
    ACTIONS,
)


def kpi_card(kpi: Kpi) -> rx.Component:
    return rx.el.div(
        rx.el.span(kpi.title),
        rx.el.b(kpi.value),
        rx.el.i(kpi.remark, class_name=kpi.tone),
        class_name="card kpi",
        title=kpi.help,
    )


def kpi_bones() -> list[rx.Component]:
    one = rx.el.div(rx.el.span(bone("72px")), rx.el.b(bone("90px")), rx.el.i(bone("120px")), class_name="card kpi")
    return [one] * 4


def download(address: str) -> rx.event.EventSpec:
    """A plain link would be taken for a page of the studio."""
    return rx.call_script(f"Object.assign(document.createElement('a'),{{href:'{address}',download:''}}).click()")


def row_menu(row: WorkflowLine) -> rx.Component:
    may_write = ShellState.may.contains("workflows:write")
    return menu(
        icon_button("ellipsis", f"Actions for {row.name}", kind="ghost small"),
        menu_item(rx.icon("list", size=14), "Runs", on_select=rx.redirect(f"/app/runs?workflow={row.name}")),
        menu_item(rx.icon("download", size=14), "Export YAML", on_select=WorkflowsState.export(row.name, "yaml")),
        menu_item(
            rx.icon("folder_archive", size=14),
            "Export with layout",
            on_select=WorkflowsState.export(row.name, "export.zip"),
        ),
        rx.cond(
            may_write,
            rx.fragment(
                menu_item(rx.icon("copy", size=14), "Duplicate", on_select=WorkflowsState.duplicate(row.workflow_id)),
                menu_line(),
                menu_item(
                    rx.icon("archive", size=14),
                    "Archive",
                    on_select=WorkflowsState.archive(row.workflow_id),
                    kind="danger",
                ),
            ),
        ),
    )


def sparkline(row: WorkflowLine) -> rx.Component:
    return rx.cond(
        row.spark != "",
        rx.el.svg(
            rx.el.path(d=row.spark),
            class_name="spark",
            width=str(workflow_list.SPARK_WIDTH),
            height=str(workflow_list.SPARK_HEIGHT),
            aria_hidden="true",
        ),
    )


def table_row(row: WorkflowLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(
            link(rx.el.b(row.name), to=f"/app/workflows/{row.name}", class_name="cover"),
            rx.el.small(row.description),
            class_name="wide",
        ),
        rx.el.td(row.category, class_name="mut hide-medium"),
        rx.el.td(rx.foreach(row.channels, tag)),
        rx.el.td(rx.el.span(rx.el.span(class_name="dot " + row.state), row.state_text, class_name="status")),
        rx.el.td(sparkline(row), class_name="hide-narrow"),
        rx.el.td(row.runs, class_name="num"),
        rx.el.td(row.succeeded, class_name="num"),
        rx.el.td(row.p95, class_name="num"),
        rx.el.td(row.cost, class_name="num"),
        rx.el.td(row.edited, class_name="num mut", title=row.edited_at),
        rx.el.td(row_menu(row), class_name="act"),
        key=row.workflow_id,
    )


def nothing() -> rx.Component:
    """The first steps, or the way out of a filter."""
    fresh = empty(
        "workflow",
        "No workflows yet",
        "A workflow says how messages are answered: which model, which tools, which way for which case.",
        button("New workflow", kind="primary", icon="plus", on_click=WorkflowForms.open_new(THIS_PAGE)),
    )
    filtered = empty(
        "search_x",
        "Nothing fits these filters",
        "No workflow has that in its name, description, tools or prompts.",
        button("Clear filters", on_click=WorkflowsState.clear_filters),
    )
    return rx.cond(WorkflowsState.any_workflow, filtered, fresh)


def narrowing() -> rx.Component:
    return filters(
        select(
            (("", "All categories"),),
            WorkflowsState.category,
            WorkflowsState.set_category,
            "Category",
            WorkflowsState.category_options,
        ),
        select(STATES, WorkflowsState.state, WorkflowsState.set_state, "Status"),
        rx.el.div(class_name="grow"),
        segmented((("7", "7 days"), ("30", "30 days")), WorkflowsState.days, WorkflowsState.set_days, "Span"),
        loading=WorkflowsState.phase == "loading",
    )


@studio_page("/app/workflows", title="Workflows", on_load=WorkflowsState.load)
def workflows_page() -> rx.Component:
    may_write = ShellState.may.contains("workflows:write")
    content = rx.fragment(
        rx.el.section(
            rx.cond(
                WorkflowsState.phase == "loading",
                rx.fragment(*kpi_bones()),
                rx.foreach(WorkflowsState.kpis, kpi_card),
            ),
            class_name="kpis",
            aria_label="How the workflows do",
        ),
        narrowing(),
        table(WorkflowsState, COLUMNS, table_row, nothing(), bones=9),
    )
    return page(
        or_failed(WorkflowsState, content),
        workflow_dialogs.new_dialog(),
        workflow_dialogs.import_dialog(),
        workflow_dialogs.report_dialog(),
        workflow_bulk.bulk_dialog(WorkflowsState.load),
        search_key(),
        file_drop(),
        active="workflows",
        crumbs=["Workflows"],
        beside_crumbs=[rx.cond(WorkflowsState.phase == "ready", chip(WorkflowsState.rows.length()))],
        center=[search_box(WorkflowsState.search, WorkflowsState.set_search, "Search name, tool, prompt…")],
        actions=[
            rx.cond(
                WorkflowsState.any_workflow,
                button("Export all", on_click=download("/api/v1/workflows/export.zip")),
            ),
            rx.cond(
                may_write,
                rx.fragment(
                    button("Import", id="import", on_click=WorkflowForms.open_import(THIS_PAGE)),
                    button("New workflow", kind="primary", icon="plus", on_click=WorkflowForms.open_new(THIS_PAGE)),
                ),
            ),
        ],
    )
