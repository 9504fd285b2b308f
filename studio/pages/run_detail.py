"""/app/runs/<id>: one run, its steps over time, and what went into and came out of each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import reflex as rx

from engine.errors import AppError, NotFound
from studio.auth.guard import current_scope, still_allowed
from studio.auth.permissions import requires
from studio.components.address import lead_on
from studio.components.layout import page, studio_page
from studio.container import get_container
from studio.pages import run_view
from studio.pages.questions import QuestionsState
from studio.services import run_detail, runs
from studio.services.run_detail import Fault, RunningStep, Starter, StepKey, StepLine, StepPage
from studio.services.runs import RunLine

LOOK_AGAIN_S = 2.0  # without an event; the rights of the tab are looked at as often

NO_RUN = RunLine("", "", "queued", False, "", "", "", "", "", "", "", "", "", "")


class RunState(rx.State):
    """The run that the address names. The database is the truth; live events only say when to look again."""

    line: RunLine = NO_RUN
    link: str = ""
    input: str = ""
    output: str = ""
    fault: Fault = Fault()
    steps: list[StepLine] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    step: StepPage = StepPage()
    step_fault: str = ""
    started_by: Starter = Starter()
    goes_on_from: str = ""
    phase: str = "loading"  # loading | ready | missing | failed
    problem: str = ""
    _running: dict[StepKey, RunningStep] = {}  # noqa: RUF012
    _watch: int = 0  # counts page loads: an older follower of this tab gives way

    @rx.event
    @requires("runs:read")
    async def load(self) -> rx.event.EventSpec | None:
        self._watch += 1
        run_id = str(self.router.url.path.rstrip("/").rpartition("/")[2])
        if self.line.run_id != run_id:
            self.phase, self.line, self.step, self._running = "loading", NO_RUN, StepPage(), {}
        chosen = await self._read(run_id)
        if self.phase == "ready" and not self.step.key and chosen:
            await self._choose(chosen)
        return RunState.follow if self.line.live else None

    @rx.event
    @requires("runs:read")
    async def choose(self, key: str) -> None:
        await self._choose(key)

    @rx.event
    @requires("runs:cancel")
    async def cancel(self, run_id: str) -> rx.event.EventSpec:
        """End the run that the page shows, which may have gone on to another by the time this arrives."""
        try:
            said = await runs.cancel(get_container().client, current_scope(), run_id)
        except AppError as error:
            return rx.toast.error(error.public_message)
        await self._read(self.line.run_id)
        return rx.toast.success(said)

    @rx.event
    @requires("workflows:run")
    async def retry(self, run_id: str) -> rx.event.EventSpec:
        try:
            new = await runs.retry(get_container().client, current_scope(), run_id)
        except AppError as error:
            return rx.toast.error(error.public_message)
        return lead_on(self.router.url.path.rstrip("/"), f"/app/runs/{new}")

    @rx.event(background=True)
    @requires("runs:read")
    async def follow(self) -> None:
        """Look at the run again whenever something happened to it, until it is over or nobody looks."""
        async with self:
            run_id, watch = self.line.run_id, self._watch
        async for running in _news(run_id):
            async with self:
                if self._watch != watch or self.line.run_id != run_id or not await self._may_follow():
                    return
                self._running = running
                await self._read(run_id)
                if not self.line.live or self.phase != "ready":
                    return

    async def _may_follow(self) -> bool:
        token = self.router.session.client_token
        namespace = rx.state.RegistrationContext.get().app.event_namespace
        here = namespace is not None and token in namespace.token_to_sid
        return here and await still_allowed(self, "runs:read")

    async def _read(self, run_id: str) -> str:
        """Fill the page; returns the step that deserves a look."""
        try:
            found = await run_detail.load(get_container().db, current_scope(), run_id, self._running)
        except NotFound:
            self.phase = "missing"
        except AppError as error:
            self.phase, self.problem = "failed", error.public_message
        else:
            self.phase, self.line, self.link = "ready", found.line, found.link
            self.input, self.output, self.fault = found.input, found.output, found.fault
            self.steps, self.started_by, self.goes_on_from = found.steps, found.started_by, found.goes_on_from
            await (await self.get_state(QuestionsState))._of(run_id)
            return found.chosen
        return ""

    async def _choose(self, key: str) -> None:
        try:
            self.step = await run_detail.load_step(get_container().db, current_scope(), self.line.run_id, key)
        except AppError as error:
            name = key.rpartition("#")[0].rpartition("/")[2]
            self.step = StepPage(key=key, name=name, status="running")
            self.step_fault = error.public_message
        else:
            self.step_fault = ""


async def _news(run_id: str) -> AsyncIterator[dict[StepKey, RunningStep]]:
    """The steps under way, each time something changed, and every LOOK_AGAIN_S; bursts are drawn together."""
    running: dict[StepKey, RunningStep] = {}
    events = get_container().client.events(current_scope(), runs.run_id_of(run_id))
    changes: asyncio.Queue[bool] = asyncio.Queue()

    async def listen() -> None:
        async for _, event in events:
            begun = run_detail.event_step(event)
            if begun is not None:
                running[begun[0]] = begun[1]
            elif event["type"].startswith("step.") and event["type"] != "step.delta":
                running.pop((event["path"], event["iteration"]), None)
            if event["type"] != "step.delta":
                changes.put_nowait(True)

    listener = asyncio.create_task(listen())
    try:
        while True:
            try:
                async with asyncio.timeout(LOOK_AGAIN_S):
                    await changes.get()
            except TimeoutError:
                pass
            await asyncio.sleep(0.1)
            while not changes.empty():
                changes.get_nowait()
            yield dict(running)
    finally:
        listener.cancel()


@studio_page("/app/runs/[run_id]", title="Run", on_load=RunState.load)
def run_page() -> rx.Component:
    return page(
        run_view.body(RunState),
        active="runs",
        crumbs=run_view.crumbs(RunState),
        beside_crumbs=[run_view.status(RunState)],
        actions=run_view.actions(RunState),
    )
