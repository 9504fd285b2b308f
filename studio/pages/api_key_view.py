"""How the keys of programs and their dialogs look."""

from __future__ import annotations

import reflex as rx

from engine.scopes import MAX_OWN, MAX_SCOPE
from studio.components.behaviour import fault_focus
from studio.components.dialogs import dialog, foot
from studio.components.parts import (
    button,
    copy_button,
    empty,
    fault_line,
    field_attributes,
    icon_button,
    labelled,
    note,
)
from studio.components.shown_once import shown_once
from studio.components.tables import ACTIONS, Column, or_failed, table
from studio.pages.api_key_forms import OWN, ApiKeyForms, ApiKeysState
from studio.pages.dialog_forms import THIS_PAGE, is_open, problem, wrong_with
from studio.services.api_keys import MAX_NAME, SCOPES, TITLES, KeyLine
from studio.state import ShellState

COLUMNS = (
    Column("Name", "50%", "wide"),
    Column("Key", "100px", "hide-narrow"),
    Column("Made by", "80px", "hide-medium"),
    Column("Made", "60px", "num hide-narrow"),
    Column("Last used", "60px", "num"),
    ACTIONS,
)
SETS = {
    "run": "For a program that hands work to your workflows and fetches the answers.",
    "read": "Workflows, runs and events, as a viewer sees them.",
    "all": "Also to publish, to answer for people, and to read the record of changes. Take less where less will do.",
}
ORIGIN = rx.Var("(globalThis.location?.origin ?? '')", _var_type=str)  # a page is drawn where there is none, too
forms = ApiKeyForms


def view() -> rx.Component:
    return or_failed(ApiKeysState, table(ApiKeysState, COLUMNS, table_row, nothing(), bones=4))


def table_row(row: KeyLine) -> rx.Component:
    end = icon_button(
        "trash_2", f"Revoke {row.name}", kind="ghost small", on_click=forms.ask(row.api_key_id, THIS_PAGE)
    )
    return rx.el.tr(
        rx.el.td(rx.el.b(row.name, title=row.name), rx.el.small(row.may, title=row.scopes), class_name="wide"),
        rx.el.td(row.prefix, class_name="mono hide-narrow"),
        rx.el.td(row.creator, class_name="mut hide-medium"),
        rx.el.td(row.made, class_name="num mut hide-narrow", title=row.made_at),
        rx.el.td(row.used, class_name="num mut", title=row.used_at),
        rx.el.td(rx.cond(ShellState.may.contains("api_keys:write"), end), class_name="act"),
        key=row.api_key_id,
    )


def nothing() -> rx.Component:
    """What a key is for, and how to begin."""
    begin = rx.cond(
        ShellState.may.contains("api_keys:write"),
        button("New API key", kind="primary", icon="plus", on_click=forms.begin(THIS_PAGE)),
        rx.el.p("Somebody who administers the tenant can make one."),
    )
    return empty(
        "key_round",
        "No program has a key yet",
        "With an API key a program of yours starts runs of published workflows and fetches what came of them, "
        "without anybody signed in. Published webhooks, chats and forms need none.",
        begin,
    )


def dialogs() -> rx.Component:
    return rx.fragment(new_dialog(), shown_dialog(), revoke_dialog())


def new_dialog() -> rx.Component:
    return dialog(
        rx.el.form(
            labelled(
                "name",
                "Name",
                rx.el.input(
                    placeholder="Order system",
                    auto_focus=True,
                    auto_complete="off",
                    max_length=MAX_NAME,
                    **field_attributes("name", wrong_with(forms, "name")),
                ),
                wrong=wrong_with(forms, "name"),
                hint="Which program it is for, so that you know later what to revoke.",
            ),
            scope_choice(),
            own_scopes(),
            problem(forms),
            foot(button("Create key", kind="primary", type="submit"), on_cancel=forms.close),
            id="new-key",
            no_validate=True,
            class_name="ask-form",
            on_submit=forms.create,
        ),
        fault_focus(form_id="new-key", attempts=forms.attempts),
        title="New API key",
        text="The program sends it with each call. Whoever has it may what it may, until you revoke it.",
        opened=is_open(forms, "new"),
        on_close=forms.close,
        width="560px",
    )


def scope_choice() -> rx.Component:
    """Sets that people understand, or scopes one by one. What is ticked counts where that is chosen."""

    def way(value: str, title: str, text: str) -> rx.Component:
        return rx.el.label(
            rx.el.input(type="radio", name="scopes", value=value, default_checked=value == "run"),
            rx.el.span(rx.el.span(title), rx.el.small(text)),
            class_name="tick",
        )

    is_wrong = wrong_with(forms, "scopes") != ""

    def box(scope: str, text: str) -> rx.Component:
        shown = rx.el.label(
            rx.el.input(type="checkbox", name=f"scope:{scope}", aria_describedby="scopes-hint", aria_invalid=is_wrong),
            rx.el.span(rx.el.span(scope, class_name="mono"), " ", rx.el.span(text, class_name="mut")),
            class_name="tick",
        )
        return rx.cond(ShellState.may.contains(scope), shown)

    return rx.el.fieldset(
        rx.el.legend("It may", class_name="caption"),
        *[way(value, TITLES[value], text) for value, text in SETS.items()],
        way(OWN, "Only what I tick", "One by one, for a program that does one thing."),
        rx.el.div(
            *[box(scope, text) for scope, text in SCOPES.items()],
            fault_line("scopes", wrong_with(forms, "scopes")),
            class_name="own-scopes",
        ),
        class_name="ask-field scope-choice",
    )


def own_scopes() -> rx.Component:
    """Names that the tenant has chosen; most keys need none."""
    wrong = wrong_with(forms, "own_scopes")
    return labelled(
        "own_scopes",
        "Scopes of your workflows",
        rx.el.input(
            placeholder="invoices:approve, returns:write",
            auto_complete="off",
            spell_check=False,
            max_length=MAX_OWN * (MAX_SCOPE + 2),
            class_name="mono",
            **field_attributes("own_scopes", wrong),
        ),
        wrong=wrong,
        hint="For workflows whose API trigger asks for scopes: the ones that this program should have.",
    )


def shown_dialog() -> rx.Component:
    """The one time that a key is shown."""
    call = f"curl {ORIGIN}{forms.example}"
    return dialog(
        shown_once("API key", gone="It was shown once; make another"),
        note("This is the only time that it is shown. Keep it where your program finds it."),
        rx.cond(
            forms.example != "",
            rx.el.div(
                rx.el.div(
                    rx.el.span("Try it, with the key in the variable KEY", class_name="caption grow", id="try-it"),
                    copy_button(call, "Copy the call"),
                    class_name="row",
                ),
                rx.el.pre(call, class_name="json framed", tab_index=0, role="region", aria_labelledby="try-it"),
                class_name="try-it",
            ),
        ),
        rx.el.div(
            rx.el.a("All calls", href="/docs", target="_blank", class_name="btn ghost"),
            button("Done", kind="primary", on_click=forms.close),
            class_name="dialog-foot",
        ),
        title="Your new API key",
        text=f"{forms.about.name}: {forms.about.may}",
        opened=is_open(forms, "shown"),
        on_close=forms.close,
        width="600px",
        stays=True,
    )


def revoke_dialog() -> rx.Component:
    return dialog(
        problem(forms),
        foot(button("Revoke key", kind="danger", on_click=forms.revoke), on_cancel=forms.close),
        title="Revoke this key?",
        text=f"{forms.about.name} ({forms.about.prefix}), last used: {forms.about.used}. What calls with it is refused "
        "from its next call on. This cannot be undone.",
        opened=is_open(forms, "revoke"),
        on_close=forms.close,
    )
