"""/app/runs: every run of the tenant, from the studio, published addresses and the command line alike."""

from __future__ import annotations

import reflex as rx

from engine.execution.events import RunStatus
from studio.auth.guard import current_scope
from studio.auth.permissions import requires
from studio.components.address import keep_in_address
from studio.components.behaviour import search_key, ticker
from studio.components.choices import filters, select
from studio.components.layout import link, page, studio_page
from studio.components.parts import (
    LONGEST_SEARCH,
    button,
    empty,
    failed,
    pager,
    search_box,
    status_mark,
    table_skeleton,
    tag,
)
from studio.container import get_container
from studio.pages.lists import Paged, known, turns
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


class RunsState(Paged, rx.State):
    """One page of the list as filtered. The filters stand in the address too, so that a link carries them."""

    rows: list[RunLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    names: list[tuple[str, str]] = []  # noqa: RUF012
    workflow: str = ""
    status: str = ""
    trigger: str = ""
    search: str = ""
    every_ms: int = SLOW_MS
    go_older, go_newer = turns("runs:read")

    @rx.event
    @requires("runs:read")
    async def load(self) -> None:
        """The newest page, narrowed to what the address says."""
        query = self.router.url.query_parameters
        self.workflow, self.search = query.get("workflow", ""), query.get("search", "")[:LONGEST_SEARCH]
        self.status, self.trigger = known(query.get("status"), STATUSES), known(query.get("trigger"), TRIGGERS)
        await self._first_page()

    @rx.event
    @requires("runs:read")
    async def set_workflow(self, name: str) -> rx.event.EventSpec:
        self.workflow = name
        return await self._filtered()

    @rx.event
    @requires("runs:read")
    async def set_status(self, status: str) -> rx.event.EventSpec:
        self.status = known(status, STATUSES)
        return await self._filtered()

    @rx.event
    @requires("runs:read")
    async def set_trigger(self, trigger: str) -> rx.event.EventSpec:
        self.trigger = known(trigger, TRIGGERS)
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
    async def refresh(self) -> None:
        """The same page again: statuses move on, new runs come in."""
        if self.phase == "ready":
            await self._read()

    async def _filtered(self) -> rx.event.EventSpec:
        await self._first_page()
        query = {"workflow": self.workflow, "status": self.status, "trigger": self.trigger, "search": self.search}
        return keep_in_address(ADDRESS, query)

    async def _fetch(self) -> None:
        db, scope = get_container().db, current_scope()
        wanted = RunFilter(self.workflow, self.status, self.trigger, self.search)
        found = await runs.listing(db, scope, wanted, self._cursor)
        self.names = [(name, name) for name in await runs.workflow_names(db, scope)]
        self.rows, self.older = found.rows, found.cursor
        self.every_ms = FAST_MS if any(row.live for row in found.rows) else SLOW_MS


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


def narrowing() -> rx.Component:
    return filters(
        select((("", "All workflows"),), RunsState.workflow, RunsState.set_workflow, "Workflow", RunsState.names),
        select(STATUSES, RunsState.status, RunsState.set_status, "Status"),
        select(TRIGGERS, RunsState.trigger, RunsState.set_trigger, "Trigger"),
        loading=RunsState.phase == "loading",
    )


@studio_page(ADDRESS, title="Runs", on_load=RunsState.load)
def runs_page() -> rx.Component:
    several = pager(RunsState.page_number, RunsState.older, RunsState.go_newer, RunsState.go_older, "runs")
    content = rx.fragment(narrowing(), table(), rx.cond(RunsState.phase == "ready", several))
    return page(
        rx.cond(RunsState.phase == "failed", failed(RunsState.fault, RunsState.load), content),
        search_key(),
        ticker(every_ms=RunsState.every_ms, on_tick=RunsState.refresh),
        active="runs",
        crumbs=["Runs"],
        center=[search_box(RunsState.search, RunsState.set_search, "Search workflow, id, input…")],
    )
