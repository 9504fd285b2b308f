"""HTML as it is, where Reflex's own element does more than we want."""

from __future__ import annotations

import reflex as rx
from reflex.components.el.elements.base import BaseHTML


class NativeForm(BaseHTML):
    """A form that the browser itself sends. Reflex's form always prevents that."""

    tag = "form"

    action: rx.Var[str]
    method: rx.Var[str]


native_form = NativeForm.create
