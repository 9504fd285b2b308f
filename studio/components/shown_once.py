"""A secret that is shown this one time: it goes straight into its field, and stands in no state of the tab, which is
kept on the server."""

from __future__ import annotations

import json

import reflex as rx

from studio.components.parts import button

FIELD = "secret"
_SHOW_IT = f"""(async (secret) => {{
  for (let n = 0; n < 100; n += 1) {{
    const field = document.getElementById('{FIELD}');
    if (field) {{ field.value = secret; field.focus(); field.select(); return; }}
    await new Promise((later) => setTimeout(later, 50));
  }}
}})"""
_COPY_IT = (
    f"(() => {{ const field = document.getElementById('{FIELD}'); field.select();"
    " (navigator.clipboard?.writeText(field.value) ?? Promise.reject())"
    ".catch(() => document.execCommand('copy')); })()"
)


def show_once(secret: str) -> rx.event.EventSpec:
    """Put it into the field of the dialog that is about to open, and select it there."""
    return rx.call_script(f"({_SHOW_IT})({json.dumps(secret)})")


def shown_once(label: str, *, gone: str) -> rx.Component:
    """The field with its copy button; `gone` stands there for who comes back later."""
    return rx.el.div(
        rx.el.input(
            id=FIELD,
            read_only=True,
            placeholder=gone,
            aria_label=label,
            spell_check=False,
            auto_complete="off",
            class_name="mono",
        ),
        button(
            "Copy",
            kind="small",
            icon="copy",
            on_click=[rx.call_script(_COPY_IT), rx.toast.success("Copied", duration=1500)],
        ),
        class_name="field",
    )
