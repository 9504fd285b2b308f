"""What used to need a mouse: writing on notes, their size, groups, choosing several, a node between two others."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.editor import (
    SMALL,
    box_of,
    changed_lines,
    drag,
    new_workflow,
    node,
    open_editor,
    saved,
    stored,
    yaml_pane,
)

NOTE = {"at": [300, 20], "size": [200, 120], "text": "Owner: support", "color": "green"}
PLACES = {"start": [0, 0], "answer": [0, 140], "end": [0, 280]}


@pytest.fixture
def noted(studio: Any) -> str:
    return new_workflow(studio, SMALL, {"nodes": PLACES, "notes": [NOTE]})


def focus(page: Page, wanted: str) -> None:
    """Press Tab until the card, note or edge is reached whose id is like this."""
    page.get_by_test_id("canvas").focus()
    for _ in range(12):
        page.keyboard.press("Tab")
        if re.match(rf"{wanted}$", page.evaluate("document.activeElement.dataset.id ?? ''")):
            return
    raise AssertionError(f"Tab does not lead to {wanted}")


def test_a_note_is_written_and_sized_by_keys(signed_in_page: Page, studio: Any, noted: str) -> None:
    page, before = signed_in_page, stored(studio, noted).text
    open_editor(page, studio, noted)
    focus(page, "note:.*")
    page.keyboard.press("Enter")
    expect(page.locator(".hed-sticky.sel")).to_be_visible()
    page.keyboard.press("Enter")
    text = page.get_by_label("Text of the note")
    expect(text).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type("\nand sales")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_test_id("sticky")).to_contain_text("and sales")
    expect(page.locator(".react-flow__node-sticky")).to_be_focused()
    page.keyboard.press("F2")
    expect(text).to_be_focused()
    page.keyboard.press("Escape")
    corner = page.get_by_role("button", name="Size of the note")
    while not corner.evaluate("one => one === document.activeElement"):
        page.keyboard.press("Tab")
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    expect(corner).to_have_accessible_name("Size of the note: 240 by 100")
    saved(page)
    row = stored(studio, noted)
    [kept] = row.layout["notes"]
    assert kept == NOTE | {"text": "Owner: support\nand sales", "size": [240, 100], "id": kept["id"]}
    assert row.text == before


def test_a_group_is_made_renamed_selected_and_dissolved_by_keys(signed_in_page: Page, studio: Any, noted: str) -> None:
    page = signed_in_page
    open_editor(page, studio, noted)
    focus(page, "answer")
    page.keyboard.press("Enter")
    focus(page, "end")
    page.keyboard.press("Shift+Enter")
    expect(page.get_by_test_id("selected-count")).to_have_text("2 nodes")
    page.keyboard.press("Control+g")
    page.keyboard.type("Talk")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("group-Talk")).to_be_visible()
    expect(page.locator(".react-flow__node[data-id=answer]")).to_be_focused()
    page.keyboard.press("Shift+F2")
    page.keyboard.type("Answering")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("group-Answering")).to_be_visible()
    page.keyboard.press("Shift+F2")
    page.keyboard.type("Not this")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("group-Answering")).to_be_visible()
    page.keyboard.press("Escape")
    focus(page, "end")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+k")
    page.keyboard.type("whole group")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("selected-count")).to_have_text("2 nodes")
    saved(page)
    [kept] = stored(studio, noted).layout["groups"]
    assert kept == {"title": "Answering", "nodes": ["answer", "end"], "color": "blue", "id": kept["id"]}
    page.keyboard.press("Control+Shift+g")
    expect(page.get_by_test_id("group-Answering")).to_have_count(0)


def test_a_node_comes_between_two_by_keys(signed_in_page: Page, studio: Any, noted: str) -> None:
    page, before = signed_in_page, stored(studio, noted).text
    open_editor(page, studio, noted)
    focus(page, "answer->end#0")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Settings of the edge")).to_be_visible()
    page.keyboard.press("n")
    page.keyboard.type("transform")
    page.keyboard.press("Enter")
    expect(node(page, "transform")).to_be_visible()
    saved(page)
    lines = changed_lines(before, stored(studio, noted).text)
    assert "+  - {from: answer, to: transform}" in lines, lines
    assert any("from: transform" in line or 'from: "transform"' in line for line in lines), lines


def test_the_sheet_and_the_menu_know_these_keys(signed_in_page: Page, studio: Any, noted: str) -> None:
    page = signed_in_page
    open_editor(page, studio, noted)
    page.get_by_test_id("sticky").click(button="right")
    page.get_by_test_id("menu-rename").click()
    expect(page.get_by_label("Text of the note")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    for text in ("Rename the group", "Size of a note", "Write on the note that is selected"):
        expect(page.get_by_test_id("shortcut-sheet")).to_contain_text(text)


def test_shift_and_the_mouse_select_cards_while_the_cursor_is_in_the_text(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    name = new_workflow(studio, SMALL)
    open_editor(page, studio, name)
    yaml_pane(page).locator(".cm-line", has_text="# The only model call.").click()
    canvas = box_of(page.get_by_test_id("canvas"))
    stood = box_of(node(page, "answer"))
    page.keyboard.down("Shift")
    start = (canvas["x"] + 90, canvas["y"] + 90)
    drag(page, start, (canvas["x"] + canvas["width"] - 150, canvas["y"] + canvas["height"] - 70))
    page.keyboard.up("Shift")
    expect(page.get_by_test_id("selected-count")).to_have_text("3 nodes")
    assert page.evaluate("getSelection().toString()") == ""
    assert box_of(node(page, "answer")) == stood, "the view has not moved"
    page.keyboard.press("Escape")  # the keys are the canvas's
    expect(page.get_by_test_id("selected-count")).to_have_count(0)
    node(page, "start").click()
    yaml_pane(page).locator(".cm-line", has_text="# A small workflow").click()
    node(page, "end").click(modifiers=["Shift"])
    expect(page.get_by_test_id("selected-count")).to_have_text("2 nodes")
    page.mouse.move(*start)
    drag(page, start, (start[0] + 60, start[1] + 20))  # Shift is up again: the canvas is pulled
    assert box_of(node(page, "answer"))["x"] > stood["x"] + 30


def test_a_box_around_cards_selects_them_and_not_the_edges_they_have(signed_in_page: Page, studio: Any) -> None:
    """The last card that comes into it leads on to one outside."""
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio))
    canvas, answer = box_of(page.get_by_test_id("canvas")), box_of(node(page, "answer"))
    page.get_by_test_id("canvas").focus()
    page.keyboard.down("Shift")
    end = (canvas["x"] + canvas["width"] - 150, answer["y"] + answer["height"] + 20)
    drag(page, (canvas["x"] + 90, canvas["y"] + 90), end)
    page.keyboard.up("Shift")
    expect(page.get_by_test_id("selected-count")).to_have_text("2 nodes")
