"""How a question and the form of its answer look. The fields keep what is typed in the browser until it is sent."""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.components.behaviour import arrow_keys, fault_focus
from studio.components.layout import link
from studio.components.parts import button, copy_button, fault_line, field_attributes, labelled, note
from studio.pages.questions import READ_ANSWER, QuestionsState
from studio.services.questions import Detail, Field, QuestionLine

question = QuestionsState.question
_ICONS = (("approval", "stamp"), ("form", "clipboard_list"), ("choice", "list_checks"), ("handoff", "headset"))
_INPUTS = ("text", "email", "url", "date", "time")


def mode_icon(mode: Any, size: int = 15) -> rx.Component:
    cases = [(name, rx.icon(icon, size=size)) for name, icon in _ICONS]
    return rx.el.span(rx.match(mode, *cases, rx.icon("circle_help", size=size)), class_name="mode-icon")


def several() -> rx.Component:
    """The open questions; the arrow keys go through them."""
    return rx.el.div(rx.foreach(QuestionsState.lines, line), arrow_keys(), class_name="asks")


def line(one: QuestionLine) -> rx.Component:
    """A row of the list."""
    on = question.key == one.key
    return rx.el.button(
        mode_icon(one.mode),
        rx.el.span(
            rx.el.b(one.message),
            rx.el.small(one.workflow, " · ", rx.el.span(one.step, class_name="mono")),
            class_name="grow",
        ),
        rx.el.span(
            rx.el.small(one.asked, title=one.asked_at),
            rx.cond(
                one.left != "", rx.el.small("due ", one.left, class_name=rx.cond(one.soon, "due", ""), title=one.until)
            ),
            rx.cond(~one.mine, rx.el.small("for ", one.whom, class_name="clip", title=one.whom)),
            class_name="ask-when",
        ),
        type="button",
        key=one.key,
        class_name=rx.cond(on, "ask on", "ask"),
        aria_pressed=on,
        on_click=QuestionsState.choose(one.key),
    )


def panel(*, of_run: bool) -> rx.Component:
    """What is asked, exactly what the answer is about, and the answer. `of_run`: it stands on the run's own page."""
    way = [] if of_run else [link(rx.icon("list", size=14), "Open run", to=_run(), class_name="btn small")]
    return rx.fragment(
        rx.el.header(
            mode_icon(question.mode, 16),
            rx.el.span(
                rx.el.b(question.workflow, class_name="clip"),
                rx.el.small(question.step, class_name="mono clip"),
                class_name="ask-where grow",
            ),
            *way,
            class_name="ask-head",
        ),
        rx.el.div(
            rx.el.p(question.message, class_name="ask-message"),
            tool(),
            details(),
            facts(),
            answer(),
            class_name="ask-body",
        ),
    )


def _run() -> rx.Var[str]:
    address: rx.Var[str] = "/app/runs/" + question.run_id
    return address


def tool() -> rx.Component:
    """What an agent wants to call, and what that does."""
    return rx.cond(
        question.tool != "",
        rx.el.p(
            rx.icon("wrench", size=13),
            rx.el.span(rx.el.span(question.tool, class_name="mono"), " ", question.about),
            class_name="ask-tool",
        ),
    )


def details() -> rx.Component:
    def one(detail: Detail) -> rx.Component:
        value = rx.cond(
            detail.long,
            rx.el.pre(detail.value, class_name="json framed", tab_index=0),
            rx.el.span(detail.value, class_name="mono"),
        )
        return rx.fragment(rx.el.dt(detail.name), rx.el.dd(value))

    title = rx.cond(question.mode == "approval", "What you decide on", "What this is about")
    return rx.cond(
        question.details.length() > 0,
        rx.el.section(
            rx.el.div(title, class_name="caption"),
            rx.el.dl(rx.foreach(question.details, one), class_name="pairs wide-names"),
            class_name="exact",
            aria_label=title,
        ),
    )


def facts() -> rx.Component:
    return rx.el.div(
        rx.el.span("Asked ", question.asked, title=question.asked_at),
        rx.cond(
            (question.left != "") & (question.outcome == ""),
            rx.el.span("Due ", question.left, title=question.until),
        ),
        rx.el.span("For ", question.whom),
        rx.el.span(
            "Fingerprint ",
            rx.el.span(question.fingerprint, class_name="mono"),
            copy_button(question.hash, "Copy the whole fingerprint"),
            title="An answer counts for exactly what is shown here; one that was given to anything else is refused.",
        ),
        class_name="ask-facts",
    )


def answer() -> rx.Component:
    """The form, or why there is none."""
    closed = note(question.outcome)
    mending = fault_focus(form_id="answer", attempts=QuestionsState.attempts)
    return rx.cond(
        question.outcome != "",
        closed,
        rx.cond(question.refused != "", note(question.refused), rx.fragment(form(), mending)),
    )


def form() -> rx.Component:
    return rx.el.form(
        # What the answer is about is what stands here, whatever the server looks at when it comes.
        rx.el.input(type="hidden", name="question", value=question.key),
        rx.el.input(type="hidden", name="hash", value=question.hash),
        rx.cond(question.choices.length() > 0, choices()),
        rx.foreach(question.fields, field),
        labelled(
            "answer-comment",
            rx.fragment("Note", optional(required=False)),
            rx.el.textarea(
                rows=2,
                max_length=4000,
                placeholder="Why, or what to look out for",
                **field_attributes("answer-comment", _wrong("comment")) | {"name": "comment"},
            ),
            wrong=_wrong("comment"),
            area=True,
        ),
        rx.cond(QuestionsState.fault != "", note(QuestionsState.fault, kind="error")),
        rx.el.div(
            rx.cond(question.mode == "approval", _fault("decision")), rx.el.div(buttons(), class_name="row ask-foot")
        ),
        id="answer",
        key=question.key + question.hash,  # another question: empty fields
        no_validate=True,
        on_submit=_send(""),
        class_name="ask-form",
        aria_label="Answer",
    )


def buttons() -> rx.Component:
    decide = rx.fragment(
        button("Approve", kind="primary", icon="check", on_click=_send("approve")),
        button("Reject", kind="danger", icon="x", on_click=_send("reject")),
    )
    title = rx.cond(question.mode == "handoff", "Mark as resolved", "Send answer")
    return rx.cond(question.mode == "approval", decide, button(title, kind="primary", icon="check", type="submit"))


def _send(decision: str) -> Any:
    return rx.call_script(READ_ANSWER, callback=lambda posted: QuestionsState.give(decision, posted))


def choices() -> rx.Component:
    def one(choice: rx.Var[str]) -> rx.Component:
        return rx.el.label(
            rx.el.input(type="radio", name="decision", value=choice, aria_invalid=_wrong("decision") != ""),
            rx.el.span(choice),
            class_name="tick",
        )

    return rx.el.fieldset(
        rx.el.legend("Choose one", class_name="caption"),
        rx.foreach(question.choices, one),
        _fault("decision"),
        class_name="ask-field",
    )


def field(one: Field) -> rx.Component:
    return rx.match(
        one.kind,
        ("yes", yes(one)),
        ("choices", boxes(one)),
        ("choice", _titled(one, dropdown(one))),
        ("multiline", _titled(one, long_text(one), area=True)),
        _titled(one, text(one)),
    )


def optional(required: Any) -> rx.Component:
    mark = rx.el.span(" optional", class_name="faint-word")
    if isinstance(required, bool):
        return rx.fragment() if required else mark
    return rx.cond(required, rx.fragment(), mark)


def _wrong(name: Any) -> Any:
    """What is to be mended about a field, or nothing."""
    wrong = QuestionsState.wrong
    return rx.cond(wrong.contains(name), wrong[name], "")


def _fault(name: Any, hint: Any = "") -> rx.Component:
    return fault_line(f"answer-{name}", _wrong(name), hint)


def _titled(one: Field, control: rx.Component, *, area: bool = False) -> rx.Component:
    title = rx.fragment(one.title, optional(one.required))
    return labelled(f"answer-{one.name}", title, control, wrong=_wrong(one.name), hint=one.hint, area=area)


def _common(one: Field) -> dict[str, Any]:
    bound = field_attributes(f"answer-{one.name}", _wrong(one.name))
    return bound | {"name": f"f:{one.name}", "aria_required": one.required}


def text(one: Field) -> rx.Component:
    kind = rx.match(one.kind, *[(known, known) for known in _INPUTS], "text")
    keys = rx.match(one.kind, ("integer", "numeric"), ("number", "decimal"), "text")
    return rx.el.input(type=kind, input_mode=keys, default_value=one.given, auto_complete="off", **_common(one))


def long_text(one: Field) -> rx.Component:
    return rx.el.textarea(default_value=one.given, rows=4, **_common(one))


def dropdown(one: Field) -> rx.Component:
    return rx.el.select(
        rx.el.option("Please choose", value=""),
        rx.foreach(one.options, lambda option: rx.el.option(option, value=option)),
        default_value=one.given,
        **_common(one),
    )


def yes(one: Field) -> rx.Component:
    return rx.el.div(
        rx.el.label(
            rx.el.input(type="checkbox", value="yes", default_checked=one.given == "yes", **_common(one)),
            rx.el.span(one.title),
            class_name="tick",
        ),
        _fault(one.name, one.hint),
        class_name="ask-field",
    )


def boxes(one: Field) -> rx.Component:
    def box(option: rx.Var[str]) -> rx.Component:
        return rx.el.label(
            rx.el.input(
                type="checkbox",
                value=option,
                name=f"f:{one.name}",
                default_checked=one.chosen.contains(option),
                aria_invalid=_wrong(one.name) != "",
            ),
            rx.el.span(option),
            class_name="tick",
        )

    return rx.el.fieldset(
        rx.el.legend(one.title, optional(one.required), class_name="caption"),
        rx.foreach(one.options, box),
        _fault(one.name, one.hint),
        class_name="ask-field",
    )
