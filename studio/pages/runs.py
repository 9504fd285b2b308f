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
from studio.components.parts import LONGEST_SEARCH, button, empty, search_box, status_mark, tag
from studio.components.tables import Column, none_so_far, or_failed, pager, table
from studio.container import get_container
from studio.pages.lists import Paged, known, turns
from studio.services import runs
from studio.services.runs import RunFilter, RunLine

COLUMNS = (
    Column("Status", "80px"),
    Column("Run", "86px"),
    Column("Workflow", "150px"),
    Column("Trigger", "50px"),
    Column("Input", "70%", "wide"),
    Column("Started", "60px", "num"),
    Column("Duration", "44px", "num"),
    Column("Steps", "20px", "num hide-narrow"),
    Column("Tokens", "34px", "num hide-medium"),
    Column("Cost", "50px", "num"),
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


def nothing() -> rx.Component:
    is_filtered = (RunsState.workflow + RunsState.status + RunsState.trigger + RunsState.search) != ""
    filtered = empty(
        "search_x",
        "No run fits these filters",
        "Look for another workflow, status or text.",
        button("Clear filters", on_click=RunsState.clear_filters),
    )
    fresh = empty(
        "list",
        "No runs yet",
        "Each message, webhook call and scheduled start of a workflow shows up here with all its steps.",
        link("Open a workflow", to="/app/workflows", class_name="btn primary"),
    )
    return none_so_far(RunsState, "runs", rx.cond(is_filtered, filtered, fresh))


def narrowing() -> rx.Component:
    return filters(
        select((("", "All workflows"),), RunsState.workflow, RunsState.set_workflow, "Workflow", RunsState.names),
        select(STATUSES, RunsState.status, RunsState.set_status, "Status"),
        select(TRIGGERS, RunsState.trigger, RunsState.set_trigger, "Trigger"),
        loading=RunsState.phase == "loading",
    )


@studio_page(ADDRESS, title="Runs", on_load=RunsState.load)
def runs_page() -> rx.Component:
    listed = table(RunsState, COLUMNS, table_row, nothing(), bones=12, compact=True)
    return page(
        or_failed(RunsState, rx.fragment(narrowing(), listed, pager(RunsState, "runs"))),
        search_key(),
        ticker(every_ms=RunsState.every_ms, on_tick=RunsState.refresh),
        active="runs",
        crumbs=["Runs"],
        center=[search_box(RunsState.search, RunsState.set_search, "Search workflow, id, input…")],
    )
