"""The table of a list and what lies around it: grey bars while it is read, what stands where nothing is, its pages, and
the row that is looked at.

`state` is always a state as in studio/pages/lists.py, with `rows` and `load`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import reflex as rx

from studio.components.parts import Text, bone, button, empty, failed


@dataclass(frozen=True, slots=True)
class Column:
    """`bone`: the width of the grey bar in its cells; `kind`: the class of its head and of these."""

    title: Text | rx.Component
    bone: str
    kind: str = ""
    help: str | None = None  # what the head says on hover
    only_if: rx.Var[bool] | bool = True


ACTIONS = Column(rx.el.span("Actions", class_name="sr-only"), "16px", "act")


def table(
    state: Any,
    columns: Sequence[Column],
    row: Callable[[Any], rx.Component],
    nothing: rx.Component,
    *,
    bones: int,
    compact: bool = False,
) -> rx.Component:
    """A card with a table of `state.rows`; `nothing` stands under its head where there are none.

    `bones`: how many rows of grey bars are drawn until the rows are there, each as high as a row.
    """
    heads = [_of(one, rx.el.th(one.title, class_name=one.kind, scope="col", title=one.help)) for one in columns]
    bars = [_of(one, rx.el.td(bone(one.bone), class_name=one.kind)) for one in columns]
    body = rx.cond(
        state.phase == "loading",
        rx.el.tbody(*[rx.el.tr(*bars) for _ in range(bones)], aria_busy="true"),
        rx.el.tbody(rx.foreach(state.rows, row)),
    )
    grid = rx.el.table(rx.el.thead(rx.el.tr(*heads)), body, class_name="grid compact" if compact else "grid")
    return rx.el.div(
        rx.el.div(grid, class_name="table-scroll"),
        rx.cond((state.phase == "ready") & (state.rows.length() == 0), nothing),
        class_name="card table-card",
    )


def _of(column: Column, cell: rx.Component) -> rx.Component:
    return cell if column.only_if is True else rx.cond(column.only_if, cell)


def or_failed(state: Any, content: rx.Component) -> rx.Component:
    """The content, or why it could not be read."""
    return rx.cond(state.phase == "failed", failed(state.fault, state.load), content)


def pager(state: Any, things: str) -> rx.Component:
    """Under a list of several pages; `things` is what it has."""
    newer = button(
        "Newer",
        icon="chevron_left",
        why_not=rx.cond(state.page_number == 1, f"These are the newest {things}.", ""),
        on_click=state.go_newer,
    )
    older = button(
        "Older",
        icon="chevron_right",
        why_not=rx.cond(state.older == "", f"There are no older {things}.", ""),
        on_click=state.go_older,
    )
    several = (state.older != "") | (state.page_number > 1)
    number = rx.el.span("Page ", state.page_number, class_name="caption")
    return rx.cond(
        (state.phase == "ready") & several,
        rx.el.nav(newer, number, older, class_name="row pager", aria_label=f"Pages of {things}"),
    )


def none_so_far(state: Any, things: str, otherwise: rx.Component) -> rx.Component:
    """Where nothing was found: whether there is more to look through, or what stands there `otherwise`."""
    further = empty(
        "search_x",
        "Nothing found so far",
        f"There are many {things}. The newest have been looked through, older ones have not.",
        button("Look further back", on_click=state.go_older),
    )
    return rx.cond(state.older != "", further, otherwise)


def look_at(text: Text, *apart: Text | rx.Var[int], on: rx.Var[bool], on_click: Any) -> rx.Component:
    """In a row, the button that covers all of it. `apart` tells it from those of the same text, to screen readers."""
    return rx.el.button(
        text,
        rx.el.span(*apart, class_name="sr-only"),
        type="button",
        class_name="cover mono",
        aria_pressed=on,
        on_click=on_click,
    )


def beside_panel(
    *listed: rx.Component, panel: rx.Component, is_open: rx.Var[bool], name: str, choose: tuple[str, str]
) -> rx.Component:
    """A list, and beside it the panel of the row that is looked at; `choose`: title and text where there is none."""
    return rx.el.div(
        rx.el.div(*listed),
        rx.el.aside(
            rx.cond(is_open, panel, empty("mouse_pointer_click", *choose)),
            class_name=rx.cond(is_open, "card inspector", "card inspector none"),
            aria_label=name,
        ),
        class_name="run-grid chosen-first",
    )
