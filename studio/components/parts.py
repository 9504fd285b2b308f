"""Buttons, chips, fields, and what stands where data is loading, missing or broken."""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.components.behaviour import typed
from studio.components.native import styled
from studio.style import STATUS

Text = str | rx.Var[str]
LONGEST_SEARCH = 200


def button(
    *content: rx.Component | Text, kind: str = "", icon: str | None = None, why_not: Text = "", **props: Any
) -> rx.Component:
    """`kind`: "" (quiet), "primary" (one a view), "danger", "ghost"; add "small" or "big" after a space.

    `why_not`: the reason why it cannot be used now, or "". It stays in the way of the Tab key and says the reason on
    hover and to screen readers; the event handler has to refuse by itself, as it must for any call.
    """
    mark = [rx.icon(icon, size=15)] if icon else []
    props.setdefault("type", "button")
    if isinstance(why_not, rx.Var):
        props |= {"aria_disabled": why_not != "", "title": why_not}
    return rx.el.button(*mark, *content, class_name=f"btn {kind}".strip(), **props)


def icon_button(icon: str, title: str, *, kind: str = "ghost", **props: Any) -> rx.Component:
    """A button that is only an icon; `title` is what it says on hover and to a screen reader."""
    props.setdefault("type", "button")
    return rx.el.button(rx.icon(icon, size=16), class_name=f"btn icon {kind}", aria_label=title, title=title, **props)


def chip(*content: rx.Component | Text | rx.Var[int], **props: Any) -> rx.Component:
    return rx.el.span(*content, class_name="chip", **props)


def tag(text: Text) -> rx.Component:
    return rx.el.span(text, class_name="tag")


def status_icon(status: rx.Var[str], size: int = 14) -> rx.Component:
    """The icon of a run's or step's status."""
    cases = [(name, rx.icon(icon, size=size)) for name, (_, _, icon) in STATUS.items()]
    return rx.match(status, *cases, rx.icon("circle", size=size))


def status_mark(status: rx.Var[str], *, pill: bool = False) -> rx.Component:
    """Icon and word of a status, in its colour."""
    shape = "status pill " if pill else "status "
    return rx.el.span(status_icon(status), status, class_name=shape + status)


def switch(on: rx.Var[bool], label: Text, on_click: Any) -> rx.Component:
    """On or off, done at once."""
    return rx.el.button(
        rx.el.span(class_name="knob"),
        type="button",
        role="switch",
        aria_checked=on,
        aria_label=label,
        title=rx.cond(on, "On", "Off"),
        class_name=rx.cond(on, "switch on", "switch"),
        on_click=on_click,
    )


def labelled(
    name: str,
    title: Text | rx.Component,
    control: rx.Component,
    *,
    wrong: rx.Var[str],
    hint: Text = "",
    area: bool = False,
) -> rx.Component:
    """A label, its control, and beneath it what to mend (`wrong`), or a hint. The control has `field_attributes`."""
    box = "field area short" if area else "field"
    return rx.el.div(
        rx.el.label(title, html_for=name, class_name="caption"),
        rx.el.div(control, class_name=rx.cond(wrong != "", f"{box} invalid", box)),
        fault_line(name, wrong, hint),
        class_name="ask-field",
    )


def fault_line(name: str, wrong: rx.Var[str], hint: Text = "") -> rx.Component:
    """What to mend about a field, or a hint."""
    return rx.el.div(
        rx.cond(wrong != "", wrong, hint),
        class_name=rx.cond(wrong != "", "hint bad", "hint"),
        id=f"{name}-hint",
        role="status",
    )


def field_attributes(name: str, wrong: rx.Var[str]) -> dict[str, Any]:
    """What binds a control to its label and to what is said beneath it."""
    return {"id": name, "name": name, "aria_invalid": wrong != "", "aria_describedby": f"{name}-hint"}


def search_box(value: rx.Var[str], on_change: Any, placeholder: str) -> rx.Component:
    """A search field; `/` anywhere on the page goes to it, Esc leaves it."""
    return rx.el.div(
        rx.icon("search", size=14),
        rx.el.input(
            placeholder=placeholder,
            id="search",
            type="search",
            aria_label=placeholder,
            auto_complete="off",
            max_length=LONGEST_SEARCH,
        ),
        typed(field_id="search", value=value, on_type=on_change),
        rx.el.kbd("/"),
        class_name="field search",
    )


def bone(width: str, **props: Any) -> rx.Component:
    """A grey bar where text is about to stand."""
    return rx.el.span(class_name="bone", custom_attrs=styled(width=width), aria_hidden="true", **props)


def empty(icon: str, title: Text, text: Text, *actions: rx.Component, whole_page: bool = False) -> rx.Component:
    """Where nothing is yet: what this is, and one thing to do."""
    heading = rx.el.h1 if whole_page else rx.el.h2
    return rx.el.div(
        rx.icon(icon, size=28, class_name="thin"),
        heading(title),
        rx.el.p(text),
        *actions,
        class_name="state",
    )


def failed(text: Text, on_retry: Any) -> rx.Component:
    """Where loading failed: what happened, and again."""
    return rx.el.div(
        rx.icon("cloud_off", size=28, class_name="thin"),
        rx.el.h2("This could not be loaded"),
        rx.el.p(text),
        button("Try again", icon="rotate_cw", on_click=on_retry),
        class_name="state",
        role="alert",
    )


def note(*content: rx.Component | Text, kind: str = "info") -> rx.Component:
    """A remark beside its cause; `kind`: info, warning, error."""
    icons = {"info": "info", "warning": "triangle_alert", "error": "circle_alert"}
    role = {"role": "alert"} if kind == "error" else {}
    return rx.el.div(
        rx.icon(icons[kind], size=15), rx.el.div(*content, class_name="grow"), class_name=f"note {kind}", **role
    )


def copy_button(text: Text, title: str = "Copy") -> rx.Component:
    """Copies `text`, and says so."""
    return icon_button(
        "copy", title, kind="ghost small", on_click=[rx.set_clipboard(text), rx.toast.success("Copied", duration=1500)]
    )


def option(*says: rx.Component, chosen: rx.Var[bool], on_click: Any) -> rx.Component:
    """One of several ways, in an element of role radiogroup."""
    return rx.el.button(
        *says,
        type="button",
        role="radio",
        aria_checked=chosen,
        class_name=rx.cond(chosen, "option on", "option"),
        on_click=on_click,
    )


def list_skeleton() -> rx.Component:
    """Where a list and what is chosen of it will stand, while they are read."""
    lines = [rx.el.div(bone("34%"), bone("58%"), class_name="ask bones") for _ in range(6)]
    return rx.el.div(
        rx.el.section(rx.el.header(bone("60px"), class_name="card-head"), *lines, class_name="card"),
        rx.el.section(rx.el.header(bone("120px"), class_name="card-head"), class_name="card ask-panel"),
        class_name="ask-grid",
        aria_busy="true",
    )
