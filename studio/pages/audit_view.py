"""How the record of changes looks. `state` is AuditState; it is handed in, because that module imports this one."""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.components.behaviour import typed
from studio.components.choices import filters, select
from studio.components.layout import link
from studio.components.parts import button, copy_button, empty, note, tag
from studio.components.tables import Column, beside_panel, look_at, none_so_far, or_failed, pager, table
from studio.services.audit import NOBODY, EntryLine

COLUMNS = (
    Column("No.", "24px", "num"),
    Column("Who", "80px"),
    Column("Did", "110px"),
    Column("To", "110px"),
    Column("Details", "70%", "wide hide-narrow"),
    Column("When", "60px", "num"),
)


def body(state: Any) -> rx.Component:
    return or_failed(state, rx.fragment(verdict(state), narrowing(state), record(state)))


def verdict(state: Any) -> rx.Component:
    """What the look at every entry has found out."""
    bad = rx.el.div(
        rx.el.b(state.verdict.text),
        rx.el.span(class_name="grow"),
        button("Show the place", kind="small", on_click=state.show_fault),
        class_name="row",
    )
    return rx.el.div(
        rx.cond(
            state.verdict.text != "",
            rx.cond(state.verdict.number > 0, note(bad, kind="error"), note(state.verdict.text)),
        ),
        class_name="verdict",
        role="status",
    )


def narrowing(state: Any) -> rx.Component:
    wanted = state.wanted
    is_narrowed = (wanted.who + wanted.action + wanted.since + wanted.until) != ""
    return filters(
        select((("", "Anybody"), (NOBODY, "No person")), wanted.who, state.set_who, "Who", state.people),
        select((("", "Any change"),), wanted.action, state.set_action, "Change", state.actions),
        day("since", "From", wanted.since, state.set_since),
        day("until", "To", wanted.until, state.set_until),
        rx.cond(is_narrowed, button("Clear filters", kind="ghost", on_click=state.clear_filters)),
        loading=state.phase == "loading",
    )


def day(name: str, title: str, value: Any, on_change: Any) -> rx.Component:
    """A day of the calendar (UTC)."""
    return rx.el.label(
        rx.el.span(title, class_name="caption"),
        rx.el.input(type="date", id=name, min="1970-01-01", max="9998-12-31", title="UTC"),
        typed(field_id=name, value=value, on_type=on_change),
        class_name="field day",
    )


def record(state: Any) -> rx.Component:
    return beside_panel(
        table(state, COLUMNS, lambda row: table_row(state, row), nothing(state), bones=12, compact=True),
        pager(state, "entries"),
        panel=panel(state),
        is_open=state.chosen.number > 0,
        name="Entry",
        choose=("Choose an entry", "Everything that it holds shows here."),
    )


def table_row(state: Any, row: EntryLine) -> rx.Component:
    on = state.chosen.number == row.number
    return rx.el.tr(
        rx.el.td(row.number, class_name="num mut"),
        rx.el.td(row.who),
        rx.el.td(
            look_at(row.action, " by ", row.who, ", entry ", row.number, on=on, on_click=state.choose(row.number))
        ),
        rx.el.td(thing(row), class_name="thing"),
        rx.el.td(row.remarks, class_name="wide clip mut hide-narrow", title=row.remarks),
        rx.el.td(row.when, class_name="num mut", title=row.at),
        class_name=rx.cond(on, "on", ""),
        key=row.number.to_string(),
    )


def thing(row: Any) -> rx.Component:
    """What it was done to, with the way there."""
    return rx.cond(row.link != "", link(row.what, to=row.link, class_name="quiet-link above", title=row.what), row.what)


def nothing(state: Any) -> rx.Component:
    wanted = state.wanted
    is_narrowed = (wanted.who + wanted.action + wanted.since + wanted.until) != ""
    fresh = empty(
        "scroll_text",
        "Nothing has been changed yet",
        "Who publishes a workflow, answers a question, renews a secret or changes a subscription stands here, "
        "in a chain that shows when an entry was changed or taken away.",
    )
    narrowed = empty(
        "search_x",
        "No entry fits these filters",
        "Look for another person, change or time.",
        button("Clear filters", on_click=state.clear_filters),
    )
    return none_so_far(state, "entries", rx.cond(is_narrowed, narrowed, fresh))


def panel(state: Any) -> rx.Component:
    """The entry that is looked at."""
    line, entry = state.chosen, state.entry
    person = rx.cond(entry.user_id != "", rx.fragment(rx.el.dt("Person"), rx.el.dd(entry.user_id, class_name="mono")))
    facts = [
        *_fact("Entry", line.number),
        *_fact("When", line.at),
        *_fact("Who", line.who),
        *_fact("Role", entry.role),
        person,
        *_fact("To", thing(line)),
        *_fact("Kind", line.resource),
        *_fact("Id", entry.resource_id, "mono"),
    ]
    return rx.fragment(
        rx.el.header(tag(line.action), class_name="inspector-head"),
        rx.el.div(
            rx.el.dl(*facts, class_name="pairs"),
            rx.el.section(
                rx.el.div(
                    rx.el.span("Details", class_name="caption grow"), copy_button(entry.details), class_name="row"
                ),
                rx.el.pre(entry.details, class_name="json framed", tab_index=0),
                aria_label="Details",
            ),
            rx.el.div(
                rx.el.span("Hash", class_name="caption grow"),
                copy_button(entry.hash, "Copy the entry's hash"),
                class_name="row",
            ),
            rx.el.span(entry.hash, class_name="mono hash"),
            class_name="inspector-body",
        ),
    )


def _fact(title: str, value: Any, kind: str = "") -> tuple[rx.Component, rx.Component]:
    return rx.el.dt(title), rx.el.dd(value, class_name=kind)
