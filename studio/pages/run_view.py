"""How the page of a run looks. `state` is RunState; it is handed in, because that module imports this one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.components.layout import link
from studio.components.native import styled
from studio.components.nodes import node_colour, node_icon
from studio.components.parts import (
    bone,
    button,
    chip,
    copy_button,
    empty,
    failed,
    note,
    status_icon,
    status_mark,
)
from studio.pages import question_view
from studio.pages.questions import QuestionsState
from studio.services.run_detail import Attempt, StepLine
from studio.state import ShellState


def crumbs(state: Any) -> list[rx.Component | str]:
    return [
        link("Runs", to="/app/runs"),
        rx.el.span(state.line.short_id, class_name="mono run-id"),
    ]


def status(state: Any) -> rx.Component:
    return rx.cond(
        state.phase == "ready",
        rx.fragment(status_mark(state.line.status, pill=True), copy_button(state.line.run_id, "Copy the run's id")),
    )


def actions(state: Any) -> list[rx.Component]:
    may_cancel = ShellState.may.contains("runs:cancel")
    stopped = (state.line.status == "failed") | (state.line.status == "cancelled")
    return [
        rx.cond(
            stopped & ShellState.may.contains("workflows:run"),
            button("Retry from failed step", icon="rotate_ccw", on_click=state.retry(state.line.run_id)),
        ),
        rx.cond(
            state.line.live & may_cancel,
            button("Cancel run", kind="danger", icon="square", on_click=state.cancel(state.line.run_id)),
        ),
        rx.cond(state.link != "", link(rx.icon("workflow", size=15), "Open workflow", to=state.link, class_name="btn")),
    ]


def body(state: Any) -> rx.Component:
    gone = empty(
        "list_x",
        "There is no such run",
        "It may belong to another tenant, or its address is mistyped.",
        link("All runs", to="/app/runs", class_name="btn"),
    )
    return rx.match(
        state.phase,
        ("missing", gone),
        ("failed", failed(state.problem, state.load)),
        ("ready", loaded(state)),
        skeleton(),
    )


def loaded(state: Any) -> rx.Component:
    return rx.el.div(
        rx.el.div(
            facts(state),
            fault(state),
            asked(),
            rx.el.div(
                value_card("Input", state.input, "The run was started without input."),
                value_card("Output", state.output, no_output(state)),
                class_name="two-up",
            ),
            timeline(state),
            class_name="run-main",
        ),
        rx.el.aside(inspector(state), class_name="card inspector", aria_label="Step"),
        class_name="run-grid",
    )


def facts(state: Any) -> rx.Component:
    line = state.line

    def fact(title: str, *value: Any, hover: Any = "") -> rx.Component:
        return rx.el.div(rx.el.span(title), rx.el.b(*value, title=hover), class_name="fact")

    workflow = rx.cond(state.link != "", link(line.workflow, to=state.link, class_name="quiet-link"), line.workflow)
    return rx.el.div(
        fact("Workflow", workflow, " ", rx.el.span(line.version, class_name="mut")),
        fact("Trigger", line.trigger),
        came_from(state, fact),
        fact("Started", line.started, hover=line.started_at),
        fact("Duration", line.duration),
        fact("Steps", line.steps),
        fact("Tokens", line.tokens),
        fact("Model cost", line.cost),
        class_name="card facts",
    )


def came_from(state: Any, fact: Any) -> rx.Component:
    """The run that started this one, or that this one goes on from."""
    by, before = state.started_by, state.goes_on_from
    starter = link(by.short_id, " · ", by.step, to=f"/app/runs/{by.run_id}", class_name="quiet-link mono")
    return rx.fragment(
        rx.cond(by.run_id != "", fact("Started by", starter, hover=f"Step {by.step} of run {by.run_id}")),
        rx.cond(
            before != "", fact("Goes on from", link("earlier run", to=f"/app/runs/{before}", class_name="quiet-link"))
        ),
    )


def fault(state: Any) -> rx.Component:
    jump = rx.cond(
        state.fault.step != "",
        button("Show the step", kind="small", on_click=state.choose(state.fault.step)),
    )
    text = rx.el.div(rx.el.b(state.fault.message), " ", rx.el.span(state.fault.code, class_name="mono mut"))
    return rx.cond(
        state.fault.message != "",
        note(rx.el.div(text, rx.el.div(class_name="grow"), jump, class_name="row"), kind="error"),
    )


def asked() -> rx.Component:
    """What the run waits for people to answer; several branches may ask at once."""
    lines = QuestionsState.lines
    return rx.cond(
        lines.length() > 0,
        rx.el.section(
            rx.cond(lines.length() > 1, question_view.several()),
            rx.cond(QuestionsState.question.key != "", question_view.panel(of_run=True)),
            class_name="card ask-panel of-run",
            aria_label="Question",
        ),
    )


def no_output(state: Any) -> rx.Var[str]:
    text: rx.Var[str] = rx.cond(state.line.live, "Nothing yet: the run goes on.", "The run ended without an output.")
    return text


def value_card(title: str, value: Any, nothing: Any) -> rx.Component:
    return rx.el.section(
        rx.el.header(
            rx.el.b(title),
            rx.el.span(class_name="grow"),
            rx.cond(value != "", copy_button(value)),
            class_name="card-head",
        ),
        rx.cond(
            value != "", rx.el.pre(value, class_name="json", tab_index=0), rx.el.p(nothing, class_name="card-empty")
        ),
        class_name="card",
        aria_label=title,
    )


def timeline(state: Any) -> rx.Component:
    waiting = rx.el.p(
        rx.cond(state.line.live, "No step has begun yet.", "The run ended before its first step."),
        class_name="card-empty",
    )
    return rx.el.section(
        rx.el.header(rx.el.b("Steps"), chip(state.steps.length()), class_name="card-head"),
        rx.cond(
            state.steps.length() > 0,
            rx.el.div(rx.foreach(state.steps, lambda s: step_line(state, s)), class_name="steps"),
            waiting,
        ),
        class_name="card",
        aria_label="Steps",
    )


def step_line(state: Any, step: StepLine) -> rx.Component:
    on = state.step.key == step.key
    return rx.el.button(
        rx.el.span(
            rx.cond(step.depth > 0, rx.el.span(class_name="indent", custom_attrs=styled(width=f"{step.depth * 16}px"))),
            node_icon(step.node_type),
            rx.el.span(step.name, class_name="clip"),
            rx.cond(step.attempts > 1, rx.el.span(step.attempts, "×", class_name="chip small", title="Attempts")),
            class_name="step-name",
        ),
        rx.el.span(
            rx.el.i(
                class_name="bar " + step.status,
                custom_attrs=styled(
                    left=f"min({step.left}, 100% - 3px)", width=step.width, **{"--g": node_colour(step.node_type)}
                ),
            ),
            class_name="track",
        ),
        rx.el.span(rx.cond(step.tier != "", rx.el.span(step.tier, class_name="tier"))),
        rx.el.span(step.duration, class_name="num"),
        rx.el.span(step.cost, class_name="num mut"),
        rx.el.span(
            status_icon(step.status), rx.el.span(step.status, class_name="sr-only"), class_name="status " + step.status
        ),
        type="button",
        key=step.key,
        class_name=rx.cond(on, "step on", "step"),
        aria_pressed=on,
        on_click=state.choose(step.key),
    )


def inspector(state: Any) -> rx.Component:
    step = state.step
    none = empty("mouse_pointer_click", "Choose a step", "Its input, output, model, cost and attempts show here.")
    return rx.cond(
        step.key == "",
        none,
        rx.fragment(
            rx.el.header(
                rx.el.span(
                    node_icon(step.node_type, size=16),
                    class_name="badge",
                    custom_attrs=styled(**{"--g": node_colour(step.node_type)}),
                ),
                rx.el.b(step.name, class_name="clip grow", title=step.path),
                status_mark(step.status, pill=True),
                class_name="inspector-head",
            ),
            rx.el.div(
                rx.cond(state.step_fault != "", note(state.step_fault)),
                rx.cond(
                    step.fault.message != "",
                    note(
                        rx.el.b(step.fault.message),
                        " ",
                        rx.el.span(step.fault.code, class_name="mono mut"),
                        kind="error",
                    ),
                ),
                rx.cond(
                    step.reason != "",
                    rx.el.div(
                        rx.cond(step.tier != "", rx.el.span(rx.el.b("Tier ", step.tier), " · ")),
                        step.reason,
                        class_name="why",
                    ),
                ),
                step_facts(step),
                rx.cond(
                    step.started != "",
                    link(
                        rx.icon("list", size=14),
                        "Open the run it started",
                        to=f"/app/runs/{step.started}",
                        class_name="btn small",
                    ),
                ),
                attempts(step),
                value_block("Input", step.input),
                value_block("Output", step.output),
                class_name="inspector-body",
            ),
        ),
    )


def step_facts(step: Any) -> rx.Component:
    pairs = (
        ("Type", step.node_type),
        ("Duration", step.duration),
        ("Started", step.started_at),
        ("Model", step.model),
        ("Tokens", step.tokens),
        ("Cost", step.cost),
    )
    rows = [
        rx.cond(
            value != "", rx.fragment(rx.el.dt(title), rx.el.dd(value, class_name="mono" if title == "Model" else ""))
        )
        for title, value in pairs
    ]
    return rx.el.dl(*rows, class_name="pairs")


def attempts(step: Any) -> rx.Component:
    def one(attempt: Attempt) -> rx.Component:
        return rx.el.li(
            rx.el.span(status_icon(attempt.status), class_name="status " + attempt.status),
            rx.el.span("Attempt ", attempt.number),
            rx.el.span(attempt.message, class_name="clip grow mut", title=attempt.message),
            rx.el.span(attempt.duration, class_name="num"),
        )

    return rx.cond(step.attempts.length() > 0, rx.el.ol(rx.foreach(step.attempts, one), class_name="attempts"))


def value_block(title: str, value: Any) -> rx.Component:
    return rx.cond(
        value != "",
        rx.el.section(
            rx.el.div(rx.el.span(title, class_name="caption grow"), copy_button(value), class_name="row"),
            rx.el.pre(value, class_name="json framed", tab_index=0),
        ),
    )


def skeleton() -> rx.Component:
    """As high as the loaded page's upper part, so that nothing jumps."""
    bones = [rx.el.div(rx.el.span(bone("48px")), rx.el.b(bone("84px")), class_name="fact") for _ in range(7)]
    lines = [rx.el.div(bone("38%"), class_name="step-bone") for _ in range(6)]
    card = rx.el.section(rx.el.header(bone("60px"), class_name="card-head"), *lines, class_name="card")
    return rx.el.div(
        rx.el.div(
            rx.el.div(*bones, class_name="card facts"),
            rx.el.div(card, card, class_name="two-up"),
            card,
            class_name="run-main",
        ),
        rx.el.aside(class_name="card inspector"),
        class_name="run-grid",
        aria_busy="true",
    )
