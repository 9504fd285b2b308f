"""How the list of what did not arrive looks, with the letter that is looked at beside it."""

from __future__ import annotations

import reflex as rx

from studio.components.choices import select
from studio.components.layout import allowed, link
from studio.components.parts import button, empty, note, tag
from studio.components.tables import Column, beside_panel, look_at, or_failed, pager, table
from studio.pages.event_letters import LettersState
from studio.pages.event_recent_view import payload
from studio.services.event_lists import LetterLine
from studio.state import ShellState

ON_ITS_WAY = "They are being put on their way."
# The boxes are the browser's own: a tick shows at once, however slow the line is.
READ_TICKED = "[...document.querySelectorAll('.letter-box:checked')].map((box) => box.value)"
TICK_ALL = (
    "document.querySelectorAll('.letter-box:enabled').forEach((box) => {"
    " box.checked = document.getElementById('tick-all').checked; })"
)
chosen, target = LettersState.chosen, LettersState.target
may_write = ShellState.may.contains("events:write")
tick_all = rx.el.input(
    type="checkbox",
    id="tick-all",
    on_change=rx.call_script(TICK_ALL),
    aria_label="Tick all of this page",
)
COLUMNS = (
    Column(rx.cond(LettersState.rows.length() > 0, tick_all), "13px", "tick-cell", only_if=may_write),
    Column("Topic", "90px"),
    Column("To", "70%", "wide"),
    Column("Why", "70%", "wide hide-narrow"),
    Column("Attempts", "24px", "num"),
    Column("Given up", "60px", "num"),
)


def narrowing() -> rx.Component:
    """Whose letters, and what to do with many of them."""
    listed = select(
        (("", "All listeners"),), target.target_id, LettersState.set_target, "Listener", LettersState.listeners
    )
    ticked = button(
        rx.cond(LettersState.busy, "On their way…", "Redeliver ticked"),
        icon="send",
        why_not=rx.cond(LettersState.busy, ON_ITS_WAY, ""),
        on_click=rx.call_script(READ_TICKED, callback=LettersState.redeliver_ticked),
    )
    whole = button(
        rx.cond(LettersState.busy, "On their way…", "Redeliver all of this listener"),
        icon="send",
        why_not=rx.cond(LettersState.busy, ON_ITS_WAY, target.hindrance),
        on_click=LettersState.redeliver_all(target.target_id),
    )
    deeds = rx.fragment(
        rx.cond(LettersState.rows.length() > 0, ticked), rx.cond((target.target_id != "") & (target.count > 0), whole)
    )
    return rx.fragment(listed, rx.el.div(class_name="grow"), allowed("events:write", deeds))


def view() -> rx.Component:
    listed = beside_panel(
        table(LettersState, COLUMNS, table_row, nothing(), bones=8, compact=True),
        pager(LettersState, "undelivered events"),
        panel=panel(),
        is_open=chosen.letter_id != "",
        name="Undelivered event",
        choose=("Choose an event", "Why it did not arrive and what it says show here."),
    )
    return or_failed(LettersState, listed)


def table_row(row: LetterLine) -> rx.Component:
    on = chosen.letter_id == row.letter_id
    box = rx.el.input(
        type="checkbox",
        value=row.letter_id,
        disabled=row.hindrance != "",
        aria_label=f"Tick {row.topic} to {row.whom}",
        title=row.hindrance,
        class_name="above letter-box",
    )
    return rx.el.tr(
        rx.cond(may_write, rx.el.td(box, class_name="tick-cell")),
        rx.el.td(look_at(row.topic, " to ", row.whom, on=on, on_click=LettersState.choose(row.letter_id))),
        rx.el.td(row.whom, class_name="wide clip", title=row.whom),
        rx.el.td(row.why, class_name="wide clip mut hide-narrow", title=row.why),
        rx.el.td(row.attempts, class_name="num"),
        rx.el.td(row.when, class_name="num mut", title=row.at),
        class_name=rx.cond(on, "on", ""),
        key=row.letter_id,
    )


def nothing() -> rx.Component:
    of_one = empty(
        "check_check",
        "Nothing of this listener is undelivered",
        "What could not be delivered to it was sent again, or is older than a month.",
        button("Show all listeners", on_click=LettersState.set_target("")),
    )
    all_arrived = empty(
        "check_check",
        "Everything has arrived",
        "An event that could not be delivered in nine attempts over 20 hours waits here for a month, "
        "to be sent again once its listener works.",
    )
    return rx.cond(target.target_id != "", of_one, all_arrived)


def panel() -> rx.Component:
    """The letter that is looked at."""
    run = link(chosen.run, to=f"/app/runs/{chosen.run_id}", class_name="mono quiet-link")
    again = button(
        "Redeliver",
        icon="send",
        why_not=rx.cond(LettersState.busy, ON_ITS_WAY, chosen.hindrance),
        on_click=LettersState.redeliver(chosen.letter_id),
    )
    return rx.fragment(
        rx.el.header(tag(chosen.topic), class_name="inspector-head"),
        rx.el.div(
            note(rx.el.b(chosen.why), kind="error"),
            rx.el.dl(
                rx.el.dt("To"),
                rx.el.dd(chosen.whom),
                rx.el.dt("Attempts"),
                rx.el.dd(chosen.attempts),
                rx.el.dt("Happened"),
                rx.el.dd(chosen.happened_at),
                rx.el.dt("Given up"),
                rx.el.dd(chosen.at),
                rx.cond(chosen.run_id != "", rx.fragment(rx.el.dt("Run"), rx.el.dd(run))),
                class_name="pairs",
            ),
            rx.cond(chosen.hindrance != "", note("It cannot be sent again. ", chosen.hindrance, kind="warning")),
            allowed("events:write", again),
            payload(LettersState.payload),
            class_name="inspector-body",
        ),
    )
