"""Dialogs: a title, a text, a body, and buttons at the foot. Esc and a click outside close them."""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.components.overlays import modal, modal_text, modal_title
from studio.components.parts import button, icon_button


def dialog(
    *body: rx.Component,
    title: str,
    text: str,
    opened: rx.Var[bool],
    on_close: Any,
    width: str = "480px",
    stays: bool = False,
) -> rx.Component:
    """`on_close` is an event handler without arguments; `stays`: a click outside does not call it."""
    return modal(
        rx.el.div(
            modal_title(title, class_name="dialog-title grow"),
            icon_button("x", "Close", kind="ghost small", on_click=on_close),
            class_name="row",
        ),
        modal_text(text, class_name="dialog-text"),
        *body,
        opened=opened,
        on_close=on_close,
        width=width,
        stays=stays,
    )


def foot(*actions: rx.Component, on_cancel: Any) -> rx.Component:
    """The buttons at the foot; cancel comes first, the deed last."""
    return rx.el.div(button("Cancel", on_click=on_cancel), *actions, class_name="dialog-foot")
