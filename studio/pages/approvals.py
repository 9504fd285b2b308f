"""/app/approvals: what runs ask people, and the place to answer it."""

from __future__ import annotations

import reflex as rx

from studio.auth.permissions import requires
from studio.components.behaviour import ticker
from studio.components.layout import link, page, studio_page
from studio.components.parts import chip, empty, failed, list_skeleton, note
from studio.pages import question_view
from studio.pages.lists import Listed
from studio.pages.questions import QuestionsState
from studio.services.questions import SHOWN, Question

AGAIN_MS = 4000


class ApprovalsState(Listed, rx.State):
    """The page around the questions: whether they could be read."""

    @rx.event
    @requires("runs:read")
    async def load(self) -> None:
        """What is open; `?question=<run>.<number>` is looked at first."""
        held = await self.get_state(QuestionsState)
        held.question = Question()
        wanted = self.router.url.query_parameters.get("question", "")
        if wanted:
            await held._look_at(wanted)
        await self._read()

    @rx.event
    @requires("runs:read")
    async def refresh(self) -> None:
        if self.phase == "ready":
            await self._read()

    async def _fetch(self) -> None:
        await (await self.get_state(QuestionsState))._of("")


@studio_page("/app/approvals", title="Approvals", on_load=ApprovalsState.load)
def approvals_page() -> rx.Component:
    body = rx.match(
        ApprovalsState.phase,
        ("failed", failed(ApprovalsState.fault, ApprovalsState.load)),
        ("ready", loaded()),
        list_skeleton(),
    )
    return page(
        body,
        ticker(every_ms=AGAIN_MS, on_tick=ApprovalsState.refresh),
        active="approvals",
        crumbs=["Approvals"],
    )


def loaded() -> rx.Component:
    looked_at = QuestionsState.question.key != ""
    nothing = (QuestionsState.lines.length() == 0) & ~looked_at & ~QuestionsState.missing
    return rx.cond(
        nothing,
        empty(
            "inbox",
            "Nothing waits for an answer",
            "When a workflow comes to a human step, it asks here: to approve, to choose, or to fill in a form. "
            "The run waits as long as it takes, also over a restart.",
            link("Open workflows", to="/app/workflows", class_name="btn primary"),
        ),
        rx.el.div(
            waiting(),
            rx.el.section(
                rx.cond(looked_at, question_view.panel(of_run=False), not_looked_at()),
                class_name="card ask-panel",
                aria_label="Question",
            ),
            class_name="ask-grid",
        ),
    )


def waiting() -> rx.Component:
    lines = QuestionsState.lines
    return rx.el.section(
        rx.el.header(rx.el.b("Waiting"), chip(lines.length()), class_name="card-head"),
        rx.cond(
            lines.length() > 0,
            question_view.several(),
            rx.el.p("Nothing more waits for an answer.", class_name="card-empty"),
        ),
        rx.cond(lines.length() == SHOWN, note(f"The {SHOWN} that wait longest are shown.")),
        class_name="card",
        aria_label="Waiting",
    )


def not_looked_at() -> rx.Component:
    return rx.cond(
        QuestionsState.missing,
        empty("search_x", "There is no such question", "It may belong to another tenant, or its address is mistyped."),
        empty("mouse_pointer_click", "Choose a question", "What it is about and the form to answer it show here."),
    )
