"""/app/runs: every run of the tenant, from the studio, published addresses and the command line alike."""

from __future__ import annotations

from collections.abc import Iterable

import reflex as rx

from engine.errors import AppError
from engine.execution.events import RunStatus
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.address import keep_in_address
from studio.components.behaviour import search_key, ticker
from studio.components.choices import select
from studio.components.layout import link, page, studio_page
from studio.components.parts import (
    LONGEST_SEARCH,
    button,
    empty,
    failed,
    search_box,
    status_mark,
    table_skeleton,
    tag,
)
from studio.container import get_container
from studio.services import runs
from studio.services.runs import RunFilter, RunLine

COLUMNS = (
    ("Status", ""),
    ("Run", ""),
    ("Workflow", ""),
    ("Trigger", ""),
    ("Input", "wide"),
    ("Started", "num"),
    ("Duration", "num"),
    ("Steps", "num hide-narrow"),
    ("Tokens", "num hide-medium"),
    ("Cost", "num"),
)
STATUSES = (("", "Any status"), *((status.value, status.value.capitalize()) for status in RunStatus))
TRIGGERS = (
    ("", "Any trigger"),
    *((name, name.upper() if name in ("api", "cli") else name.capitalize()) for name in runs.TRIGGERS),
)
ADDRESS = "/app/runs"
FAST_MS, SLOW_MS = 1500, 8000


class RunsState(rx.State):
    """One page of the list as filtered. The filters stand in the address too, so that a link carries them."""

    rows: list[RunLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    names: list[tuple[str, str]] = []  # noqa: RUF012
    workflow: str = ""
    status: str = ""
    trigger: str = ""
    search: str = ""
    phase: str = "loading"  # loading | ready | failed
    fault: str = ""
    older: str = ""  # cursor of the next page
    page_number: int = 1
    every_ms: int = SLOW_MS
    _cursors: list[str] = [""]  # noqa: RUF012  # of this page and the newer ones

    @rx.event
    @requires("runs:read")
    async def load(self) -> None:
        """The newest page, narrowed to what the address says."""
        query = self.router.url.query_parameters
        self.workflow, self.search = query.get("workflow", ""), query.get("search", "")[:LONGEST_SEARCH]
        self.status, self.trigger = _known(query.get("status"), STATUSES), _known(query.get("trigger"), TRIGGERS)
        await self._first_page()

    @rx.event
    @requires("runs:read")
    async def set_workflow(self, name: str) -> rx.event.EventSpec:
        self.workflow = name
        return await self._filtered()

    @rx.event
    @requires("runs:read")
    async def set_status(self, status: str) -> rx.event.EventSpec:
        self.status = _known(status, STATUSES)
        return await self._filtered()

    @rx.event
    @requires("runs:read")
    async def set_trigger(self, trigger: str) -> rx.event.EventSpec:
        self.trigger = _known(trigger, TRIGGERS)
        return await self._filtered()

    @rx.event
    @requires("runs:read")
    async def set_search(self, text: str) -> rx.event.EventSpec:
        self.search = text[:LONGEST_SEARCH]
        return await self._filtered()

    @rx.event
    @requires("runs:read")
    async def clear_filters(self) -> rx.event.EventSpec:
        self.workflow = self.status = self.trigger = self.search = ""
        return await self._filtered()

    @rx.event
    @requires("runs:read")
    async def go_older(self) -> None:
        if self.older:
            self._cursors.append(self.older)
            await self._read()

    @rx.event
    @requires("runs:read")
    async def go_newer(self) -> None:
        if len(self._cursors) > 1:
            self._cursors.pop()
            await self._read()

    @rx.event
    @requires("runs:read")
    async def refresh(self) -> None:
        """The same page again: statuses move on, new runs come in."""
        if self.phase == "ready":
            await self._read()

    async def _filtered(self) -> rx.event.EventSpec:
        await self._first_page()
        query = {"workflow": self.workflow, "status": self.status, "trigger": self.trigger, "search": self.search}
        return keep_in_address(ADDRESS, query)

    async def _first_page(self) -> None:
        self._cursors = [""]
        await self._read()

    async def _read(self) -> None:
        db, scope = get_container().db, current_scope()
        wanted = RunFilter(self.workflow, self.status, self.trigger, self.search)
        try:
            found = await runs.listing(db, scope, wanted, self._cursors[-1])
            self.names = [(name, name) for name in await runs.workflow_names(db, scope)]
        except AppError as error:
            self.phase, self.fault = "failed", error.public_message
        else:
            self.phase, self.rows, self.older = "ready", found.rows, found.cursor
            self.page_number = len(self._cursors)
            self.every_ms = FAST_MS if any(row.live for row in found.rows) else SLOW_MS


def _known(value: str | None, options: Iterable[tuple[str, str]]) -> str:
    """The value, or none where it is no option: an address can say anything."""
    return value if value and value in dict(options) else ""


def table_row(row: RunLine) -> rx.Component:
    return rx.el.tr(
        rx.el.td(status_mark(row.status)),
        rx.el.td(
            link(row.short_id, to=f"/app/runs/{row.run_id}", class_name="cover mono", title=row.run_id),
        ),
        rx.el.td(row.workflow, " ", rx.el.span(row.version, class_name="mut")),
        rx.el.td(tag(row.trigger)),
        rx.el.td(row.input, class_name="wide clip mut", title=row.input),
        rx.el.td(row.started, class_name="num mut", title=row.started_at),
        rx.el.td(row.duration, class_name="num"),
        rx.el.td(row.steps, class_name="num hide-narrow"),
        rx.el.td(row.tokens, class_name="num hide-medium"),
        rx.el.td(row.cost, class_name="num"),
        key=row.run_id,
    )


def table() -> rx.Component:
    heads = [rx.el.th(title, class_name=kind, scope="col") for title, kind in COLUMNS]
    widths = ("80px", "86px", "150px", "50px", "70%", "60px", "44px", "20px", "34px", "50px")
    bones = [(width, kind) for width, (_, kind) in zip(widths, COLUMNS, strict=True)]
    body = rx.cond(
        RunsState.phase == "loading",
        table_skeleton(bones, rows=12),
        rx.el.tbody(rx.foreach(RunsState.rows, table_row)),
    )
    return rx.el.div(
        rx.el.div(
            rx.el.table(rx.el.thead(rx.el.tr(*heads)), body, class_name="grid compact"), class_name="table-scroll"
        ),
        nothing(),
        class_name="card table-card",
    )


def nothing() -> rx.Component:
    is_filtered = (RunsState.workflow + RunsState.status + RunsState.trigger + RunsState.search) != ""
    return rx.cond(
        (RunsState.phase == "ready") & (RunsState.rows.length() == 0),
        rx.cond(
            RunsState.older != "",
            empty(
                "search_x",
                "Nothing found so far",
                "There are many runs. The newest have been looked through, older ones have not.",
                button("Look further back", on_click=RunsState.go_older),
            ),
            rx.cond(
                is_filtered,
                empty(
                    "search_x",
                    "No run fits these filters",
                    "Look for another workflow, status or text.",
                    button("Clear filters", on_click=RunsState.clear_filters),
                ),
                empty(
                    "list",
                    "No runs yet",
                    "Each message, webhook call and scheduled start of a workflow shows up here with all its steps.",
                    link("Open a workflow", to="/app/workflows", class_name="btn primary"),
                ),
            ),
        ),
    )


def filters() -> rx.Component:
    return rx.el.div(
        select((("", "All workflows"),), RunsState.workflow, RunsState.set_workflow, "Workflow", RunsState.names),
        select(STATUSES, RunsState.status, RunsState.set_status, "Status"),
        select(TRIGGERS, RunsState.trigger, RunsState.set_trigger, "Trigger"),
        class_name="filters",
    )


def pager() -> rx.Component:
    several = (RunsState.older != "") | (RunsState.page_number > 1)
    return rx.cond(
        several & (RunsState.phase == "ready"),
        rx.el.nav(
            button(
                "Newer",
                icon="chevron_left",
                why_not=rx.cond(RunsState.page_number == 1, "These are the newest runs.", ""),
                on_click=RunsState.go_newer,
            ),
            rx.el.span("Page ", RunsState.page_number, class_name="caption"),
            button(
                "Older",
                icon="chevron_right",
                why_not=rx.cond(RunsState.older == "", "There are no older runs.", ""),
                on_click=RunsState.go_older,
            ),
            class_name="row pager",
            aria_label="Pages of runs",
        ),
    )


@studio_page(ADDRESS, title="Runs", on_load=RunsState.load)
def runs_page() -> rx.Component:
    content = rx.fragment(filters(), table(), pager())
    return page(
        rx.cond(RunsState.phase == "failed", failed(RunsState.fault, RunsState.load), content),
        search_key(),
        ticker(every_ms=RunsState.every_ms, on_tick=RunsState.refresh),
        active="runs",
        crumbs=["Runs"],
        center=[search_box(RunsState.search, RunsState.set_search, "Search workflow, id, input…")],
    )
