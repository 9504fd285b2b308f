"""The canvas and the inspector change the text by only the lines concerned; places never touch it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.editor import (
    SMALL,
    changed_lines,
    copy_of,
    drag,
    handle,
    keys_rested,
    middle,
    new_workflow,
    node,
    open_editor,
    saved,
    see_all,
    stored,
    yaml_pane,
)

# Presses a key where the focus is three times, faster than a slow machine draws: the second time when the first is to
# be drawn next, the third time before the second is.
PRESSED = """async (key) => {
  const how = { key, bubbles: true, cancelable: true };
  const press = () => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", how));
  press();
  await new Promise(requestAnimationFrame);
  press();
  await new Promise((later) => setTimeout(later));
  press();
}"""


@pytest.fixture
def small(studio: Any) -> str:
    return new_workflow(studio)


def test_editing_a_prompt_changes_exactly_one_line(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    before = stored(studio, name).text
    open_editor(page, studio, name)
    see_all(page)

    node(page, "generate_response").click()
    prompt = page.get_by_test_id("field-prompt_template").get_by_test_id("prompt")
    prompt.click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Be brief.")
    page.keyboard.press("Control+Enter")
    expect(yaml_pane(page)).to_contain_text("Be brief.")
    saved(page)

    changed = changed_lines(before, stored(studio, name).text)
    assert [line[0] for line in changed] == ["-", "+"]
    assert changed[1].strip("+ ") == "</message> Be brief."


def test_a_number_in_the_inspector_is_one_line_and_resets(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    node(page, "answer").click()
    field = page.get_by_test_id("field-temperature")
    field.locator("input").fill("0.7")
    field.locator("input").press("Enter")
    expect(yaml_pane(page)).to_contain_text("temperature: 0.7")
    saved(page)
    assert changed_lines(before, stored(studio, small).text) == ["-      temperature: 0.2", "+      temperature: 0.7"]

    field.get_by_role("button", name="Reset Temperature").click()
    expect(yaml_pane(page)).not_to_contain_text("temperature")
    saved(page)
    assert changed_lines(before, stored(studio, small).text) == ["-      temperature: 0.2"]


def test_a_wrong_number_is_said_beside_the_field_and_not_saved(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    node(page, "answer").click()
    field = page.get_by_test_id("field-temperature")
    field.locator("input").fill("hot")
    field.locator("input").press("Enter")
    expect(field.get_by_role("alert")).to_contain_text("A number")
    assert stored(studio, small).text == before


def test_add_by_key_connect_move_delete_and_reload(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)

    node(page, "answer").click()
    page.keyboard.press("n")
    expect(page.get_by_test_id("picker")).to_be_visible()
    page.keyboard.type("messa")
    page.keyboard.press("Enter")
    expect(node(page, "message")).to_be_visible()
    saved(page)
    added = stored(studio, small).text
    assert "to: message}" in added
    assert re.search(r'from: "?message', added), "the new node stands between answer and its follower"
    changed = changed_lines(before, added)
    assert all(line.startswith("+") or "to: end" in line for line in changed), changed

    x, y = middle(node(page, "message"))
    drag(page, (x, y), (x + 160, y + 40))
    saved(page)
    row = stored(studio, small)
    assert row.text == added, "moving a node never touches the text"
    place = row.layout["nodes"]["message"]

    page.reload()
    expect(node(page, "message")).to_be_visible()
    assert stored(studio, small).layout["nodes"]["message"] == place
    node(page, "message").click()
    page.keyboard.press("Delete")
    expect(node(page, "message")).to_have_count(0)
    saved(page)
    assert "message" not in stored(studio, small).text.split("edges:")[1]

    drag(page, middle(handle(page, "answer", "source")), middle(handle(page, "end", "target")))
    saved(page)
    expect(page.locator(".react-flow__edge")).to_have_count(2)
    assert re.search(r'from: "?answer"?\n? *,? *to: "?end', stored(studio, small).text)


def test_commands_in_quick_succession_are_steps_of_their_own(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    node(page, "answer").click()
    page.keyboard.press("d")
    expect(page.locator(".hed-node.off")).to_have_count(1)
    page.keyboard.press("F2")
    page.keyboard.type("reply")
    page.keyboard.press("Enter")
    expect(node(page, "reply")).to_be_visible()
    node(page, "reply").click()
    page.keyboard.press("Delete")
    expect(node(page, "reply")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(node(page, "reply")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(node(page, "answer")).to_be_visible()
    expect(page.locator(".hed-node.off")).to_have_count(1)
    page.keyboard.press("Control+z")
    expect(page.locator(".hed-node.off")).to_have_count(0)
    saved(page)
    assert stored(studio, small).text == before


def test_one_history_for_canvas_inspector_and_text(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    x, y = middle(node(page, "end"))
    drag(page, (x, y), (x + 120, y))
    saved(page)
    moved = stored(studio, small).layout["nodes"]["end"]
    node(page, "answer").click()
    page.get_by_test_id("field-temperature").locator("input").fill("0.9")
    page.get_by_test_id("field-temperature").locator("input").press("Enter")
    expect(yaml_pane(page)).to_contain_text("0.9")
    page.locator(".cm-line", has_text="# A small workflow").click()
    page.keyboard.press("End")
    page.keyboard.type(" Really.")
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    saved(page)
    assert "one answer. Really." in stored(studio, small).text

    for _ in range(3):
        page.get_by_role("button", name="Undo").click()
        saved(page)
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    row = stored(studio, small)
    assert row.text == before
    assert row.layout.get("nodes", {}).get("end") != moved

    for _ in range(3):
        page.get_by_role("button", name="Redo").click()
        saved(page)
    row = stored(studio, small)
    assert "Really." in row.text
    assert "temperature: 0.9" in row.text
    assert row.layout["nodes"]["end"] == moved


def test_the_keyboard_moves_copies_and_pastes(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    page.locator(".react-flow__node", has=node(page, "answer")).focus()
    page.evaluate(PRESSED, "ArrowRight")
    keys_rested(page)
    saved(page)
    places = stored(studio, small).layout["nodes"]
    assert places["answer"][0] == places["start"][0] + 60

    page.keyboard.press("Control+c")
    page.keyboard.press("Control+v")
    expect(node(page, "answer_2")).to_be_visible()
    saved(page)
    text = stored(studio, small).text
    assert text.count("You greet people.") == 2
    assert "# The only model call." in text


def test_renaming_a_node_follows_every_reference(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    page.get_by_test_id("node-name").fill("greet")
    page.get_by_test_id("node-name").press("Enter")
    expect(node(page, "greet")).to_be_visible()
    saved(page)
    text = stored(studio, small).text
    assert "answer" not in text.replace("one answer", "").replace("Answer", "")
    page.get_by_test_id("node-name").fill("end")
    page.get_by_test_id("node-name").press("Enter")
    expect(page.get_by_test_id("inspector").get_by_role("alert")).to_contain_text("already")


def test_branches_are_edited_in_the_inspector(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    before = stored(studio, name).text
    open_editor(page, studio, name)
    see_all(page)
    node(page, "escalate_check").click()
    branch = page.get_by_test_id("branches").locator(".hed-branch").first
    condition = branch.get_by_role("textbox")
    condition.fill("context.severity == 'critical'")
    condition.press("Enter")
    expect(page.locator(".hed-el", has_text="critical")).to_be_visible()
    saved(page)
    changed = changed_lines(before, stored(studio, name).text)
    assert changed
    assert all("condition" in line for line in changed), changed

    condition.fill("context.severity == ")
    condition.press("Enter")
    expect(branch.get_by_role("alert")).to_be_visible()
    expect(page.get_by_test_id("problem-count")).to_contain_text("error")


def test_an_empty_workflow_says_what_to_do(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    head = SMALL.split("nodes:")[0]
    text = f"{head}nodes: []\nedges: []\n"
    name = new_workflow(studio, text)
    page.goto(f"{studio.url}/app/workflows/{name}")
    page.get_by_test_id("first-node").click()
    page.get_by_test_id("pick-start").click()
    expect(node(page, "start")).to_be_visible()
    saved(page)
    assert "start" in stored(studio, name).text
