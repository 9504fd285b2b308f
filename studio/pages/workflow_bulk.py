"""Importing several files or a ZIP file: what each would bring, and then what became of each.

The files stay in the browser and go to `/api/v1/workflows/import`; this state only holds what was said of them.
"""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.auth.permissions import requires
from studio.components.dialogs import dialog, foot
from studio.components.parts import button, option
from studio.pages.dialog_forms import DialogForms, is_open, problem
from studio.services import words

MOST_SHOWN = 500
WAYS = {"copy": "Keep both", "replace": "Replace the draft", "skip": "Leave it out"}
_WEIGHTS = {"unusable": "bad", "failed": "bad", "skipped": "warn", "exists": "warn"}
_SAID = {
    "new": "new",
    "exists": "is there already",
    "unusable": "cannot be imported",
    "created": "imported",
    "replaced": "draft replaced",
    "skipped": "left out",
    "failed": "not imported",
}

# Sends the files that the browser keeps; gives {files} or {fault}.
SEND_FILES = (
    "(window.heddleSend = async (query) => {"
    " const body = new FormData(); for (const file of window.heddleFiles ?? [])"
    " body.append('files', file, file.webkitRelativePath || file.name);"
    " const answer = await fetch('/api/v1/workflows/import?' + query, {method: 'POST', body}).catch(() => null);"
    " if (!answer) return {fault: 'The server does not answer.'};"
    " const said = await answer.json().catch(() => ({}));"
    " return answer.ok ? said : {fault: said.detail ?? `The server answered ${answer.status}.`}; })"
)


class BulkImport(DialogForms, rx.State):
    """The dialog "files". `lines`: `{file, name, said, weight, message, link}` of each workflow in the files."""

    done: bool = False
    busy: bool = False
    lines: list[dict[str, str]] = []  # noqa: RUF012  # Reflex copies defaults for each tab
    ready: int = 0  # how many can be imported
    exist: int = 0  # of them, whose name is there
    existing: str = "copy"

    def _show(self, found: dict[str, Any], page: float, *, done: bool = False) -> None:
        lines = found.get("files")
        rows = [one for one in lines if isinstance(one, dict)][:MOST_SHOWN] if isinstance(lines, list) else []
        self._open_dialog("files", page)
        self.done, self.busy, self.existing = done, False, "copy"
        self.fault = str(found.get("fault", ""))[:500] or ("" if rows else "There is no workflow in these files.")
        self.lines = [_line(one) for one in rows]
        outcomes = [one.get("outcome") for one in rows]
        self.ready, self.exist = sum(one in ("new", "exists") for one in outcomes), outcomes.count("exists")

    @rx.event
    @requires("workflows:write")
    def choose_way(self, way: str) -> None:
        self.existing = way if way in WAYS else "copy"

    @rx.event
    @requires("workflows:write")
    def send(self) -> rx.event.EventSpec:
        self.busy = True
        return rx.call_script(f"window.heddleSend('existing={self.existing}')", callback=BulkImport.imported)

    @rx.event
    @requires("workflows:write")
    def imported(self, found: dict[str, Any]) -> rx.event.EventSpec:
        self._show(found, self.page, done=True)
        return rx.call_script("window.heddleFiles = null")

    @rx.event
    @requires("workflows:write")
    def close(self) -> None:
        self._close_dialog()
        self.lines = []

    @rx.var
    def count(self) -> str:
        return words.some(self.ready, "workflow")


def _line(one: dict[str, Any]) -> dict[str, str]:
    """What the server said of a file, as it is shown."""
    outcome = str(one.get("outcome"))
    counts = ((one.get("approximated"), "approximated"), (one.get("unsupported"), "unsupported"))
    parts = [_SAID.get(outcome, outcome)]
    if one.get("kind") not in ("heddle", "unknown"):
        parts.append(f"from {one.get('kind')}")
    parts += [f"{number} {word}" for number, word in counts if number]
    name = str(one.get("name") or "")[:64]
    return {
        "file": str(one.get("file"))[:300],
        "name": name,
        "said": ", ".join(parts),
        "message": str(one.get("message") or "")[:300],
        "weight": _WEIGHTS.get(outcome, "good"),
        "link": f"/app/workflows/{name}" if outcome in ("created", "replaced") else "",
    }


def bulk_dialog(after: Any) -> rx.Component:
    """`after` is called when it is closed: the list shows what came."""
    close = [BulkImport.close, after]
    sends = button(
        rx.cond(BulkImport.busy, "Importing…", f"Import {BulkImport.count}"),
        kind="primary",
        why_not=rx.cond(BulkImport.ready == 0, "None of these files can be imported.", ""),
        on_click=rx.cond((BulkImport.ready > 0) & ~BulkImport.busy, BulkImport.send(), rx.noop()),
    )
    return dialog(
        problem(BulkImport),
        rx.cond(
            BulkImport.lines.length() > 0,
            rx.el.ul(rx.foreach(BulkImport.lines, bulk_line), class_name="problems losses tall", aria_live="polite"),
        ),
        rx.cond(~BulkImport.done & (BulkImport.exist > 0), way_choice()),
        rx.cond(
            BulkImport.done,
            rx.el.div(button("Close", kind="primary", on_click=close), class_name="dialog-foot"),
            foot(sends, on_cancel=BulkImport.close),
        ),
        title=rx.cond(BulkImport.done, "What became of them", "Import several workflows"),
        text=rx.cond(
            BulkImport.done,
            "What was imported is a draft. Nothing became live, and nothing ran.",
            "They become drafts, with layouts, golden sets and versions where the files have them. Nothing runs.",
        ),
        opened=is_open(BulkImport, "files"),
        on_close=close,
        width="680px",
    )


def bulk_line(line: rx.Var[dict[str, str]]) -> rx.Component:
    name = rx.cond(line["name"] != "", line["name"], line["file"])
    return rx.el.li(
        rx.match(
            line["weight"],
            ("bad", rx.icon("circle_alert", size=14, class_name="is-red")),
            ("warn", rx.icon("triangle_alert", size=14, class_name="is-amber")),
            rx.icon("circle_check", size=14, class_name="is-ok"),
        ),
        rx.el.span(
            rx.cond(line["link"] != "", rx.el.a(name, href=line["link"]), rx.el.b(name)), class_name="loss-name"
        ),
        rx.el.span(line["said"], rx.cond(line["message"] != "", f": {line['message']}", ""), class_name="grow"),
        title=line["file"],
    )


def way_choice() -> rx.Component:
    return rx.el.div(
        rx.el.div("Where a name is there already", class_name="caption start-from"),
        rx.el.div(
            *(
                option(rx.el.b(title), chosen=BulkImport.existing == value, on_click=BulkImport.choose_way(value))
                for value, title in WAYS.items()
            ),
            class_name="options",
            role="radiogroup",
            aria_label="Where a name is there already",
        ),
    )
