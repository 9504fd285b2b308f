"""How the list of what happened looks, with the event that is looked at beside it."""

from __future__ import annotations

import reflex as rx

from studio.components.choices import select
from studio.components.layout import allowed, link
from studio.components.parts import button, copy_button, empty, note, tag
from studio.components.tables import Column, beside_panel, look_at, none_so_far, or_failed, pager, table
from studio.pages.event_recent import RecentState
from studio.services.event_lists import EventLine

COLUMNS = (
    Column("Topic", "90px"),
    Column("What", "70%", "wide"),
    Column("Run", "80px", "hide-narrow"),
    Column("When", "60px", "num"),
)
chosen = RecentState.chosen


def narrowing() -> rx.Component:
    return select((("", "All topics"),), RecentState.topic, RecentState.set_topic, "Topic", RecentState.topics)


def view() -> rx.Component:
    listed = beside_panel(
        table(RecentState, COLUMNS, table_row, nothing(), bones=12, compact=True),
        pager(RecentState, "events"),
        panel=panel(),
        is_open=chosen.event_id != "",
        name="Event",
        choose=("Choose an event", "What it says shows here, and it can be sent again."),
    )
    return or_failed(RecentState, listed)


def table_row(row: EventLine) -> rx.Component:
    on = chosen.event_id == row.event_id
    return rx.el.tr(
        rx.el.td(look_at(row.topic, " of ", row.when, on=on, on_click=RecentState.choose(row.event_id))),
        rx.el.td(row.what, class_name="wide clip mut", title=row.what),
        rx.el.td(
            rx.cond(row.run_id != "", link(row.run, to=f"/app/runs/{row.run_id}", class_name="mono quiet-link above")),
            class_name="hide-narrow",
        ),
        rx.el.td(row.when, class_name="num mut", title=row.at),
        class_name=rx.cond(on, "on", ""),
        key=row.event_id,
    )


def nothing() -> rx.Component:
    fresh = empty(
        "radio",
        "Nothing has happened yet",
        "Each run, call of a tool, use of a model and change stands here for a week, and so do events that your "
        "workflows and programs publish.",
        link("Open workflows", to="/app/workflows", class_name="btn"),
    )
    no_such = empty(
        "search_x",
        "No event of this topic",
        "It may be older than a week.",
        button("Show all topics", on_click=RecentState.set_topic("")),
    )
    return none_so_far(RecentState, "events", rx.cond(RecentState.topic != "", no_such, fresh))


def panel() -> rx.Component:
    """The event that is looked at."""
    run = link(chosen.run, to=f"/app/runs/{chosen.run_id}", class_name="mono quiet-link")
    return rx.fragment(
        rx.el.header(
            tag(chosen.topic),
            rx.el.span(class_name="grow"),
            copy_button(chosen.event_id, "Copy the event's id"),
            class_name="inspector-head",
        ),
        rx.el.div(
            rx.el.dl(
                rx.el.dt("When"),
                rx.el.dd(chosen.at),
                rx.cond(chosen.run_id != "", rx.fragment(rx.el.dt("Run"), rx.el.dd(run))),
                rx.el.dt("Id"),
                rx.el.dd(chosen.event_id, class_name="mono"),
                class_name="pairs",
            ),
            payload(RecentState.payload),
            allowed("events:write", send_again()),
            class_name="inspector-body",
        ),
    )


def payload(text: rx.Var[str]) -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.span("Payload", class_name="caption grow"), copy_button(text), class_name="row"),
        rx.el.pre(text, class_name="json framed", tab_index=0),
        aria_label="Payload",
    )


def send_again() -> rx.Component:
    """To a subscription, whatever became of it before."""
    form = rx.el.form(
        rx.el.input(type="hidden", name="event", value=chosen.event_id),
        rx.el.label("Send again to", html_for="to", class_name="caption"),
        rx.el.div(
            rx.el.select(
                rx.foreach(RecentState.addresses, lambda one: rx.el.option(one[1], value=one[0])),
                id="to",
                name="to",
                class_name="select grow",
            ),
            button("Send", icon="send", type="submit"),
            class_name="row",
        ),
        on_submit=RecentState.send,
    )
    return rx.cond(
        RecentState.addresses.length() > 0,
        form,
        note("To send it again, there must be a subscription that is switched on."),
    )
