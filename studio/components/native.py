"""HTML as it is, where Reflex's own element does more than we want."""

from __future__ import annotations

from typing import Any

import reflex as rx
from reflex.components.el.elements.base import BaseHTML


class NativeForm(BaseHTML):
    """A form that the browser itself sends. Reflex's form always prevents that."""

    tag = "form"

    action: rx.Var[str]
    method: rx.Var[str]


native_form = NativeForm.create


def styled(**css: Any) -> dict[str, Any]:
    """`custom_attrs` with a `style` attribute; keys in camelCase, custom properties in a dict: `styled(**{"--g": x})`.

    Reflex's own `style` writes a class and a style sheet for each value, in the browser and into the page: a table that
    waits for its rows brought more than a hundred sheets, each of them a new look at all styles.
    """
    return {"style": rx.Var.create(css)}  # a Var, so that Reflex sees which state it reads
