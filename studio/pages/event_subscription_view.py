"""How the subscriptions and their dialogs look."""

from __future__ import annotations

import reflex as rx

from studio.components.behaviour import fault_focus
from studio.components.dialogs import dialog, foot
from studio.components.layout import link
from studio.components.overlays import menu, menu_item, menu_line
from studio.components.parts import (
    button,
    empty,
    fault_line,
    field_attributes,
    icon_button,
    labelled,
    note,
    switch,
    tag,
)
from studio.components.shown_once import shown_once
from studio.components.tables import ACTIONS, Column, or_failed, table
from studio.pages.dialog_forms import THIS_PAGE, is_open, problem, wrong_with
from studio.pages.event_forms import LISTED, SubscriptionForms
from studio.pages.event_subscriptions import SubscriptionsState
from studio.services.event_lists import SubscriptionLine
from studio.state import ShellState

COLUMNS = (
    Column("On", "34px"),
    Column("Address", "60%", "wide"),
    Column("Topics", "90px"),
    Column("Last arrived", "60px", "num"),
    Column("Last failed", "60px", "num hide-narrow"),
    Column("Undelivered", "30px", "num hide-medium"),
    ACTIONS,
)
STATES = {"live": "Arriving", "failing": "Failing", "fresh": "Nothing sent yet", "off": "Off"}
TOPICS = {
    "agent_run": "A run is over, however it ended",
    "tool_call": "A tool was called",
    "usage_metered": "A step has used a model",
    "router_decision": "A model was chosen for a step",
    "audit_log": "Somebody changed something",
}
forms = SubscriptionForms


def view() -> rx.Component:
    return or_failed(SubscriptionsState, table(SubscriptionsState, COLUMNS, table_row, nothing(), bones=4))


def table_row(row: SubscriptionLine) -> rx.Component:
    may_write = ShellState.may.contains("events:write")
    to_letters = f"/app/events?view=undelivered&listener={row.subscription_id}"
    return rx.el.tr(
        rx.el.td(
            rx.cond(
                may_write,
                switch(
                    row.enabled,
                    f"Send events to {row.address}",
                    SubscriptionsState.switch(row.subscription_id, ~row.enabled),
                ),
                rx.cond(row.enabled, "On", "Off"),
            )
        ),
        rx.el.td(
            rx.el.b(row.address, class_name="address", title=row.address),
            rx.el.small(
                state_mark(row),
                rx.cond(row.remark != "", rx.el.span(" · ", row.remark)),
                rx.cond(row.description != "", rx.el.span(" · ", row.description)),
                title=rx.cond(row.remark != "", row.remark, row.description),
            ),
            class_name="wide",
        ),
        rx.el.td(rx.el.div(rx.foreach(row.topics, tag), class_name="topics"), title=row.topics.join(", ")),
        rx.el.td(row.arrived, class_name="num mut", title=row.arrived_at),
        rx.el.td(row.failed, class_name="num mut hide-narrow", title=row.failed_at),
        rx.el.td(
            rx.cond(
                row.undelivered > 0,
                link(row.undelivered, to=to_letters, class_name="quiet-link is-red"),
                rx.el.span("0", class_name="mut"),
            ),
            class_name="num hide-medium",
        ),
        rx.el.td(rx.cond(may_write, row_menu(row)), class_name="act"),
        key=row.subscription_id,
    )


def state_mark(row: SubscriptionLine) -> rx.Component:
    """In words and colour, how it goes."""
    return rx.match(
        row.state,
        *[
            (key, rx.el.span(rx.el.span(class_name=f"dot {key}"), title, class_name="status"))
            for key, title in STATES.items()
        ],
        rx.fragment(),
    )


def row_menu(row: SubscriptionLine) -> rx.Component:
    which = row.subscription_id
    return menu(
        icon_button("ellipsis", f"Actions for {row.address}", kind="ghost small"),
        menu_item(rx.icon("pencil", size=14), "Edit", on_select=SubscriptionForms.open("edit", which, THIS_PAGE)),
        menu_item(
            rx.icon("key_round", size=14), "Renew secret", on_select=SubscriptionForms.open("renew", which, THIS_PAGE)
        ),
        menu_line(),
        menu_item(
            rx.icon("trash_2", size=14),
            "Delete",
            on_select=SubscriptionForms.open("delete", which, THIS_PAGE),
            kind="danger",
        ),
    )


def nothing() -> rx.Component:
    """What subscriptions are for, and how to begin."""
    begin = rx.cond(
        ShellState.may.contains("events:write"),
        button("New subscription", kind="primary", icon="plus", on_click=SubscriptionForms.open("new", "", THIS_PAGE)),
        rx.el.p("Somebody who administers the tenant can add one."),
    )
    return empty(
        "webhook",
        "Nobody is told of events yet",
        "A subscription sends what happens here (ends of runs, calls of tools, events of your own) "
        "to an address of yours as it happens: signed, in order, and again until it has arrived.",
        begin,
    )


def dialogs() -> rx.Component:
    return rx.fragment(
        edit_dialog("new"),
        edit_dialog("edit"),
        fault_focus(form_id="subscription", attempts=forms.attempts),
        renew_dialog(),
        delete_dialog(),
        secret_dialog(),
    )


def edit_dialog(which: str) -> rx.Component:
    """The form of a new subscription, or of one that is there."""
    is_new = which == "new"
    text = (
        "What happens here is sent to this address as it happens. Each call is signed, and made again until it arrived."
    )
    return dialog(
        rx.el.form(
            labelled(
                "url",
                "Address",
                rx.el.input(
                    default_value=forms.about.url,
                    placeholder="https://your.example/heddle",
                    auto_focus=True,
                    auto_complete="off",
                    spell_check=False,
                    max_length=2000,
                    class_name="mono",
                    **field_attributes("url", wrong_with(forms, "url")),
                ),
                wrong=wrong_with(forms, "url"),
                hint="On the public internet. It answers 2xx within 15 seconds.",
            ),
            topic_boxes(),
            labelled(
                "description",
                "Description",
                rx.el.input(
                    default_value=forms.about.description,
                    placeholder="For whom, and what for",
                    auto_complete="off",
                    max_length=500,
                    **field_attributes("description", wrong_with(forms, "description")),
                ),
                wrong=wrong_with(forms, "description"),
            ),
            problem(forms),
            foot(
                button("Create subscription" if is_new else "Save", kind="primary", type="submit"),
                on_cancel=forms.close,
            ),
            id="subscription",
            no_validate=True,
            class_name="ask-form",
            on_submit=forms.save,
        ),
        title="New subscription" if is_new else "Edit subscription",
        text=text if is_new else "What is on its way already goes to the new address, too.",
        opened=is_open(forms, which),
        on_close=forms.close,
        width="560px",
    )


def topic_boxes() -> rx.Component:
    """All, some of Heddle's own, and topics of one's own."""

    def box(topic: str, *says: rx.Component | str) -> rx.Component:
        return rx.el.label(
            rx.el.input(
                type="checkbox",
                name=f"topic:{topic}",
                default_checked=forms.about.topics.contains(topic),
                aria_describedby="topics-hint",
            ),
            rx.el.span(*says),
            class_name="tick",
        )

    listed = [
        box(topic, rx.el.span(topic, class_name="mono"), " ", rx.el.span(TOPICS[topic], class_name="mut"))
        for topic in LISTED
    ]
    wrong = wrong_with(forms, "topics")
    return rx.el.fieldset(
        rx.el.legend("Topics", class_name="caption"),
        box("*", "Everything, also what there will be"),
        *listed,
        rx.el.label("Topics of your own", html_for="topics", class_name="caption"),
        rx.el.div(
            rx.el.input(
                default_value=forms.own_topics,
                placeholder="order.paid, order.*",
                auto_complete="off",
                spell_check=False,
                max_length=2000,
                class_name="mono",
                **field_attributes("topics", wrong),
            ),
            class_name=rx.cond(wrong != "", "field invalid", "field"),
        ),
        fault_line("topics", wrong, 'Separated by commas or spaces; "prefix.*" for all that begin so.'),
        class_name="ask-field",
    )


def renew_dialog() -> rx.Component:
    return dialog(
        note("Whoever checks signatures with the old secret refuses what comes from now on.", kind="warning"),
        problem(forms),
        foot(button("Renew secret", kind="primary", on_click=forms.renew), on_cancel=forms.close),
        title="Renew the signing secret?",
        text=f"{forms.about.address} gets a new one, which is shown once. The old one is not used any more.",
        opened=is_open(forms, "renew"),
        on_close=forms.close,
    )


def delete_dialog() -> rx.Component:
    return dialog(
        problem(forms),
        foot(button("Delete subscription", kind="danger", on_click=forms.delete), on_cancel=forms.close),
        title="Delete this subscription?",
        text=f"Nothing more is sent to {forms.about.address}, and what is on its way there is forgotten. "
        "This cannot be undone; to stop for a while, switch it off.",
        opened=is_open(forms, "delete"),
        on_close=forms.close,
    )


def secret_dialog() -> rx.Component:
    """The one time that a secret is shown."""
    return dialog(
        shown_once("Signing secret", gone="It was shown once; renew it to get another"),
        note("This is the only time that it is shown. Keep it where your program finds it."),
        rx.el.div(button("Done", kind="primary", on_click=forms.close), class_name="dialog-foot"),
        title="The signing secret",
        text=f"With it {forms.about.address} can tell that a call comes from here and was not changed on its way "
        "(Standard Webhooks).",
        opened=is_open(forms, "secret"),
        on_close=forms.close,
        width="560px",
        stays=True,
    )
