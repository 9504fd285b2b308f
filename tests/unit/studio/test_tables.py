"""The tables of lists, as they are rendered."""

from __future__ import annotations

from typing import Any

import reflex as rx

from studio.components.tables import ACTIONS, Column, pager, table
from studio.pages.runs import RunsState

MAY = rx.Var("may_tick", _var_type=bool)
COLUMNS = (Column("", "13px", "tick-cell", only_if=MAY), Column("Name", "60%", "wide", help="Whose"), ACTIONS)


def shown(**how: Any) -> str:
    return str(
        table(RunsState, COLUMNS, lambda row: rx.el.tr(key=row.run_id), rx.el.p("None"), bones=3, **how).render()
    )


def test_grey_bars_stand_under_every_head() -> None:
    tree = shown()
    assert tree.count("'\"th\"'") == len(COLUMNS)
    assert tree.count("'\"td\"'") == 3 * len(COLUMNS)
    for column in COLUMNS:
        assert tree.count(column.bone) == 3
        assert tree.count(f'className:"{column.kind}"') == 4, "the head and its bars"


def test_a_column_that_is_not_there_for_everybody_has_head_and_bars_under_one_condition() -> None:
    assert shown().count("may_tick") == 4


def test_the_head_of_the_actions_is_for_screen_readers() -> None:
    tree = shown()
    assert tree.count("Actions") == 1
    assert tree.index("sr-only") < tree.index("Actions")


def test_a_table_is_as_dense_as_it_is_told() -> None:
    assert "grid compact" in shown(compact=True)
    assert "grid compact" not in shown()


def test_the_pages_of_the_history_say_why_there_is_no_other() -> None:
    tree = str(pager(RunsState, "runs").render())
    for reason in ("These are the newest runs.", "There are no older runs."):
        assert tree.count(reason) == 2, "as the tooltip, and for aria-disabled"
    assert tree.count("aria-disabled") == 2
    assert " disabled:" not in tree
