"""How the prompt library and the dialog of a new version look."""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.components.behaviour import arrow_keys, fault_focus
from studio.components.choices import select
from studio.components.dialogs import dialog, foot
from studio.components.layout import allowed, link
from studio.components.parts import (
    button,
    chip,
    copy_button,
    empty,
    failed,
    field_attributes,
    labelled,
    list_skeleton,
    note,
)
from studio.pages.dialog_forms import THIS_PAGE, is_open, problem, wrong_with
from studio.pages.prompt_forms import PromptForms
from studio.pages.prompt_library import PromptsState
from studio.services.prompt_library import SHOWN, DiffLine, PromptLine, Use
from studio.state import ShellState

state, forms = PromptsState, PromptForms
chosen = PromptsState.chosen


def body() -> rx.Component:
    nothing = (state.rows.length() == 0) & (state.search == "") & (chosen.name == "") & ~state.missing
    begin = rx.cond(
        ShellState.may.contains("workflows:write"),
        button("New prompt", kind="primary", icon="plus", on_click=forms.open("", 0, THIS_PAGE)),
    )
    fresh = empty(
        "message_square_text",
        "No prompts yet",
        "The library keeps prompts that several workflows share. An agent pins one version of a prompt, so that it "
        "says the same until somebody changes the number; versions never change.",
        begin,
    )
    shown = rx.el.div(
        found(),
        rx.el.section(
            rx.cond(chosen.name != "", version(), not_looked_at()), class_name="card ask-panel", aria_label="Prompt"
        ),
        class_name="ask-grid",
    )
    return rx.match(
        state.phase,
        ("failed", failed(state.fault, state.load)),
        ("ready", rx.cond(nothing, fresh, shown)),
        list_skeleton(),
    )


def found() -> rx.Component:
    """The prompts; the arrow keys go through them."""
    return rx.el.section(
        rx.el.header(rx.el.b("Prompts"), chip(state.rows.length()), class_name="card-head"),
        rx.cond(
            state.rows.length() > 0,
            rx.el.div(rx.foreach(state.rows, line), arrow_keys(), class_name="asks"),
            rx.el.p("No prompt has that in its name.", class_name="card-empty"),
        ),
        rx.cond(state.rows.length() == SHOWN, note(f"{SHOWN} prompts are shown; search to find others.")),
        class_name="card",
        aria_label="Prompts",
    )


def line(one: PromptLine) -> rx.Component:
    on = chosen.name == one.name
    return rx.el.button(
        rx.el.span(rx.el.b(one.name), rx.el.small("Version ", one.newest, " by ", one.by), class_name="grow"),
        rx.el.span(rx.el.small(one.added, title=one.added_at), class_name="ask-when"),
        type="button",
        key=one.name,
        class_name=rx.cond(on, "ask on", "ask"),
        aria_pressed=on,
        on_click=state.choose(one.name),
    )


def version() -> rx.Component:
    """The version that is looked at: what it says, what differs from another one, and who pins the prompt."""
    pin = chosen.name + "@" + chosen.version.to_string()
    return rx.fragment(
        rx.el.header(
            rx.el.span(
                rx.el.b(pin, class_name="mono clip"),
                rx.el.small("Added ", chosen.added, " by ", chosen.by, title=chosen.added_at),
                class_name="ask-where grow",
            ),
            copy_button(pin, "Copy the prompt's name with its version"),
            allowed(
                "workflows:write",
                button(
                    "New version",
                    kind="small",
                    icon="plus",
                    on_click=forms.open(chosen.name, chosen.version, THIS_PAGE),
                ),
            ),
            class_name="ask-head",
        ),
        rx.el.div(
            rx.el.div(
                select((), state.number, state.set_version, "Version", state.versions),
                rx.cond(
                    state.versions.length() > 1,
                    select((("", "Compare with…"),), state.against, state.set_against, "Compare with", state.versions),
                ),
                class_name="filters",
            ),
            rx.cond(chosen.note != "", rx.el.p(chosen.note, class_name="prompt-note")),
            rx.cond(state.against != "", difference(), texts()),
            pinned(),
            class_name="ask-body",
        ),
    )


def texts() -> rx.Component:
    return rx.fragment(
        rx.cond(chosen.system != "", text_block("Instructions", chosen.system)), text_block("Text", chosen.text)
    )


def text_block(title: str, text: Any) -> rx.Component:
    return rx.el.section(
        rx.el.div(rx.el.span(title, class_name="caption grow"), copy_button(text), class_name="row"),
        rx.el.pre(text, class_name="json framed prompt-text", tab_index=0),
        aria_label=title,
    )


def difference() -> rx.Component:
    """From the version that it is compared with to this one."""

    def one(line: DiffLine) -> rx.Component:
        said = rx.match(line.kind, ("added", "added: "), ("removed", "removed: "), "")
        return rx.el.li(rx.el.span(said, class_name="sr-only"), line.text, class_name=line.kind)

    title = f"From version {state.against} to version {chosen.version}"
    lines = rx.el.ul(rx.foreach(state.diff, one), class_name="diff", tab_index=0, aria_label=title)
    same = note("They say the same.")
    return rx.el.section(
        rx.el.div(title, class_name="caption"),
        rx.cond(
            state.diff_fault != "",
            note(state.diff_fault, kind="warning"),
            rx.cond(state.diff.length() > 0, lines, same),
        ),
        aria_label="Comparison",
    )


def pinned() -> rx.Component:
    def one(use: Use) -> rx.Component:
        is_old = use.version < chosen.newest
        return rx.el.li(
            link(use.workflow, to=f"/app/workflows/{use.workflow}#node={use.node}", class_name="quiet-link"),
            rx.el.span(use.node, class_name="mono mut"),
            rx.el.span(class_name="grow"),
            rx.el.span(use.where, class_name="mut"),
            rx.el.span(
                "@",
                use.version,
                class_name="chip",
                title=rx.cond(is_old, f"The newest is {chosen.newest}", "The newest"),
            ),
        )

    nobody = rx.el.p(
        "No workflow pins it. In the settings of an agent, name it under Library prompt.", class_name="caption"
    )
    return rx.el.section(
        rx.el.div("Pinned by", class_name="caption"),
        rx.cond(state.uses.length() > 0, rx.el.ul(rx.foreach(state.uses, one), class_name="uses"), nobody),
        aria_label="Pinned by",
    )


def not_looked_at() -> rx.Component:
    return rx.cond(
        state.missing,
        empty("search_x", "There is no such prompt", "It may belong to another tenant, or its address is mistyped."),
        empty("mouse_pointer_click", "Choose a prompt", "Its text, its versions and who pins it show here."),
    )


def add_dialog() -> rx.Component:
    """The form of a version; the name is asked for where the prompt is new."""
    base = forms.base
    name = labelled(
        "name",
        "Name",
        rx.el.input(
            placeholder="answers/faq",
            auto_complete="off",
            spell_check=False,
            max_length=264,
            class_name="mono",
            **field_attributes("name", wrong_with(forms, "name")),
        ),
        wrong=wrong_with(forms, "name"),
        hint="a-z, 0-9, _ and -, in parts joined by /.",
    )
    of_which = rx.el.p(
        "Version ", base.newest + 1, " of ", rx.el.b(base.name, class_name="mono"), class_name="dialog-text"
    )
    return dialog(
        rx.el.form(
            rx.cond(base.name == "", name, of_which),
            long_field("text", "Prompt", base.text, "{path} and {path | default} are filled in at run time."),
            long_field("system", "Instructions", base.system, "Optional: they replace those of the kind of agent."),
            labelled(
                "note",
                "What changed",
                rx.el.input(auto_complete="off", max_length=500, **field_attributes("note", wrong_with(forms, "note"))),
                wrong=wrong_with(forms, "note"),
            ),
            problem(forms),
            foot(button("Add version", kind="primary", type="submit"), on_cancel=forms.close),
            id="new-version",
            no_validate=True,
            class_name="ask-form",
            on_submit=forms.save,
        ),
        fault_focus(form_id="new-version", attempts=forms.attempts),
        title="New version",
        text="A version never changes once it is kept. Workflows go on with the one that they pin.",
        opened=is_open(forms, "new"),
        on_close=forms.close,
        width="720px",
        stays=True,
    )


def long_field(name: str, title: str, given: Any, hint: str) -> rx.Component:
    control = rx.el.textarea(
        default_value=given,
        rows=8 if name == "text" else 3,
        spell_check=False,
        **field_attributes(name, wrong_with(forms, name)),
    )
    return labelled(name, title, control, wrong=wrong_with(forms, name), hint=hint, area=True)
