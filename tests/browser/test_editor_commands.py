"""The keyboard's way to everything: commands, search, the menu, copying as YAML, and one history for all of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, sign_in
from tests.support.editor import (
    SMALL,
    changed_lines,
    copy_of,
    drag,
    handle,
    middle,
    new_workflow,
    node,
    open_editor,
    saved,
    see_all,
    stored,
    yaml_pane,
)


@pytest.fixture
def small(studio: Any) -> str:
    return new_workflow(studio)


def test_commands_are_found_by_a_word_and_say_why_not(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    page.keyboard.press("Control+k")
    palette = page.get_by_test_id("palette")
    page.keyboard.type("duplicate")
    expect(palette.get_by_test_id("found-duplicate")).to_contain_text("Select a node or a note first.")
    page.keyboard.press("Escape")
    node(page, "answer").click()
    page.keyboard.press("Control+k")
    page.keyboard.type("duplicate")
    page.keyboard.press("Enter")
    expect(palette).to_have_count(0)
    expect(node(page, "answer_2")).to_be_visible()
    saved(page)


def test_search_finds_what_stands_in_a_prompt(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    open_editor(page, studio, name)
    page.keyboard.press("Control+f")
    page.keyboard.type("unhappy customer")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("node-name")).to_have_value("classify_intent")
    page.keyboard.press("Control+f")
    page.keyboard.type("escalation_required")
    page.get_by_test_id("palette").get_by_role("option", name=re.compile("escalate_check → escalate_to_human")).click()
    expect(page.get_by_label("Settings of the edge")).to_be_visible()


def test_the_sheet_lists_the_keys(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    page.keyboard.press("?")
    sheet = page.get_by_test_id("shortcut-sheet")
    for text in ("Find a command", "Ctrl K", "Zoom to the selection", "Shift drag"):
        expect(sheet).to_contain_text(text)
    page.set_viewport_size({"width": 1280, "height": 700})
    expect(sheet.get_by_text("Right click")).not_to_be_in_viewport()
    expect(sheet.get_by_role("button", name="Close")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(sheet).to_have_count(0)


def test_what_stands_below_the_canvas_is_found_by_its_name(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    page.keyboard.press("p")
    for word, tab in (("compare", "runs"), ("warnings", "problems"), ("json", "input"), ("chat preview", "chat")):
        page.keyboard.press("Control+k")
        page.get_by_test_id("palette").get_by_role("combobox").fill(word)
        page.get_by_test_id("palette").get_by_test_id(f"found-{tab}").click()
        expect(page.get_by_test_id(f"drawer-{tab}")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_test_id("chat-input")).to_be_focused()


def test_nodes_go_from_tab_to_tab_as_yaml(signed_in_page: Page, studio: Any, small: str) -> None:
    page, other = signed_in_page, new_workflow(studio)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_editor(page, studio, small)
    node(page, "answer").click()
    node(page, "end").click(modifiers=["Shift"])
    page.keyboard.press("Control+c")
    expect(page.get_by_text("2 nodes copied.")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith('nodes:\n  # The only model call.\n  - name: "answer"\n    type: "agent"\n')
    assert "edges:\n  - {from: answer, to: end, condition: null}" in copied

    second = page.context.new_page()
    open_editor(second, studio, other)
    second.keyboard.press("Control+v")
    expect(node(second, "answer_2")).to_be_visible()
    expect(node(second, "end_2")).to_be_visible()
    saved(second)
    before, text = stored(studio, small).text, stored(studio, other).text
    assert text.count("You greet people.") == 2
    assert re.search(r'from: "?answer_2"?,? *\n? *to: "?end_2', text)
    assert all(line.startswith("+") for line in changed_lines(before.replace(small, other), text))
    second.keyboard.press("Control+z")
    expect(node(second, "answer_2")).to_have_count(0)
    saved(second)
    assert stored(studio, other).text == before.replace(small, other)


CHAIN = SMALL.replace(
    "edges:",
    """  - name: "polish"
    type: "agent"
    config:
      prompt_template: "Polish {{nodes.answer.output}}"

edges:""",
).replace(
    "{{from: answer, to: end}}",
    """{{from: answer, to: polish, condition: "nodes.answer.output != ''"}}
  - {{from: answer, to: end}}
  - {{from: polish, to: end}}""",
)


def test_copies_read_each_other_and_nodes_of_other_studios_become_ours(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, CHAIN)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    before = stored(studio, name).text
    open_editor(page, studio, name)
    node(page, "answer").click()
    node(page, "polish").click(modifiers=["Shift"])
    page.keyboard.press("Control+d")
    expect(node(page, "polish_2")).to_be_visible()
    expect(page.locator(".react-flow__node:focus")).to_have_attribute("data-id", "answer_2")
    saved(page)
    text = stored(studio, name).text
    assert "Polish {nodes.answer_2.output}" in text
    assert "nodes.answer_2.output != ''" in text
    page.keyboard.press("Control+z")
    expect(node(page, "polish_2")).to_have_count(0)
    saved(page)
    assert stored(studio, name).text == before

    flow = {
        "nodes": [{"name": "Say it", "type": "n8n-nodes-base.set", "position": [0, 0], "parameters": {}}],
        "connections": {},
    }
    page.evaluate("text => navigator.clipboard.writeText(text)", json.dumps(flow))
    page.keyboard.press("Control+v")
    expect(page.get_by_text("From n8n: 1")).to_be_visible()
    expect(node(page, "say_it")).to_be_visible()
    expect(page.get_by_test_id("problem-count")).not_to_contain_text("error")
    saved(page)


# Selects edge after edge and presses Delete, faster than any answer comes.
DELETE_EDGES = """(keys) => keys.forEach((key) => {
  document.querySelector(`[data-testid="edge-${key}"]`).click();
  document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'Delete', bubbles: true}));
})"""


def test_edits_in_haste_hit_what_they_mean(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, CHAIN)
    open_editor(page, studio, name)
    page.evaluate(DELETE_EDGES, ["answer->polish#0", "answer->end#0"])
    expect(page.locator(".react-flow__edge")).to_have_count(2)
    saved(page)
    left = stored(studio, name).text.split("edges:")[1].split()
    assert " ".join(left) == "- {from: start, to: answer} - {from: polish, to: end}"


def test_what_is_no_yaml_is_not_pasted(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_editor(page, studio, small)
    page.evaluate("navigator.clipboard.writeText('<img src=x onerror=alert(1)> nodes: [')")
    page.keyboard.press("Control+v")
    expect(page.get_by_role("alert")).to_contain_text("not YAML with nodes")
    assert stored(studio, small).text == before


def test_cut_is_copy_and_delete(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    page.keyboard.press("Control+x")
    expect(node(page, "answer")).to_have_count(0)
    page.keyboard.press("Control+v")
    expect(node(page, "answer")).to_be_visible()
    saved(page)
    assert stored(studio, small).text.count("You greet people.") == 1


def test_the_menu_of_a_node(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    node(page, "answer").click(button="right")
    page.get_by_test_id("menu-switch-off").click()
    expect(node(page, "answer")).to_have_class(re.compile(r"\boff\b"))
    saved(page)
    assert changed_lines(before, stored(studio, small).text) == ["+    disabled: true"]
    node(page, "answer").click(button="right")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("menu")).to_have_count(0)


def test_typing_in_a_field_is_one_step_and_undone_from_the_field(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    node(page, "answer").click()
    page.get_by_role("button", name="More settings").click()
    field = page.get_by_test_id("field-description").get_by_role("textbox")
    field.click()
    page.keyboard.type("Greets people", delay=30)
    expect(yaml_pane(page)).to_contain_text('description: "Greets people"')
    saved(page)
    page.keyboard.press("Control+z")
    expect(yaml_pane(page)).not_to_contain_text("Greets people")
    saved(page)
    assert stored(studio, small).text == before
    expect(field).to_have_value("")
    page.keyboard.press("Control+Shift+z")
    expect(field).to_have_value("Greets people")


def test_the_view_follows_the_keys(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    open_editor(page, studio, name)
    see_all(page)
    node(page, "end").click()
    page.keyboard.press("2")
    page.wait_for_function("document.querySelector('[data-testid=node-end]').getBoundingClientRect().width > 250")
    page.keyboard.press("1")
    page.wait_for_function("document.querySelector('[data-testid=node-start]')?.getBoundingClientRect().width < 150")
    expect(page.locator(".react-flow__minimap")).to_have_count(0)
    page.keyboard.press("m")
    expect(page.locator(".react-flow__minimap")).to_be_visible()
    page.keyboard.press("Alt+1")
    expect(page.get_by_test_id("yaml")).to_be_hidden()
    page.keyboard.press("Alt+2")
    expect(page.get_by_test_id("yaml")).to_be_visible()


def test_a_viewer_is_told_why(page: Page, studio: Any, people: Any, small: str) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    open_editor(page, studio, small)
    node(page, "answer").click()
    page.keyboard.press("n")
    expect(page.get_by_role("status").filter(has_text="may look at workflows, not change them")).to_be_visible()
    expect(page.get_by_test_id("picker")).to_have_count(0)
    (x, y), end = middle(node(page, "answer")), middle(node(page, "end"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 80, y + 40, steps=4)
    page.mouse.up()
    moved, end_moved = middle(node(page, "answer")), middle(node(page, "end"))
    assert (moved[0] - x, moved[1] - y) == (end_moved[0] - end[0], end_moved[1] - end[1]), "the view moves, no card"


def test_a_viewer_is_told_why_wherever_they_try(page: Page, studio: Any, people: Any, small: str) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    before = stored(studio, small).text
    open_editor(page, studio, small)
    said = page.get_by_role("status").filter(has_text="may look at workflows, not change them")

    def told() -> None:
        expect(said).to_be_visible()
        page.evaluate("document.querySelector('.hed-toast button')?.click()")
        expect(said).to_have_count(0)

    x, y = middle(node(page, "answer"))
    drag(page, (x, y), (x + 60, y + 30))
    told()
    x, y = middle(handle(page, "answer", "source"))
    drag(page, (x, y), (x + 90, y + 60))
    expect(page.get_by_test_id("picker")).to_have_count(0)
    told()
    # Single letters are commands on the canvas, not in the text.
    yaml_pane(page).click()
    page.keyboard.press("p")
    told()
    expect(page.get_by_test_id("chat-input")).to_be_visible()
    page.keyboard.press("Control+v")
    told()
    node(page, "answer").click()
    page.get_by_test_id("field-temperature").locator("input").press("5")
    told()
    prompt = page.get_by_test_id("field-prompt_template").get_by_test_id("prompt")
    prompt.click()
    page.keyboard.press("Backspace")
    told()
    page.get_by_test_id("node-name").press("x")
    told()
    expect(yaml_pane(page)).to_contain_text("You greet people.")
    assert stored(studio, small).text == before
