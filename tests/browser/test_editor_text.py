"""The YAML pane: live both ways, errors at their line, the last good canvas kept, nothing overwritten unseen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, sign_in
from tests.support.editor import (
    SMALL,
    changed_lines,
    deaf,
    keys_rested,
    new_workflow,
    node,
    open_editor,
    save_elsewhere,
    saved,
    stored,
    yaml_pane,
)


@pytest.fixture
def small(studio: Any) -> str:
    return new_workflow(studio)


def line(page: Page, text: str) -> Any:
    return yaml_pane(page).locator(".cm-line", has_text=text).first


def test_typing_changes_the_canvas(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    line(page, '- name: "end"').click()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("ing")
    expect(node(page, "ending")).to_be_visible()
    saved(page)
    assert 'name: "ending"' in stored(studio, small).text


def test_a_card_stays_where_it_is_while_its_name_is_typed_over(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "end").click()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    keys_rested(page)
    saved(page)
    before = stored(studio, small).layout["nodes"]["end"]
    line(page, '- name: "end"').click()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type("ing")
    expect(node(page, "ending")).to_be_visible()
    expect(page.get_by_test_id("node-name")).to_have_value("ending")
    saved(page)
    places = stored(studio, small).layout["nodes"]
    assert places["ending"] == before
    assert "end" not in places
    name = line(page, '- name: "end')
    while '"end"' not in (shown := name.inner_text()):  # letters that come slowly are steps of their own
        page.keyboard.press("Control+z")
        expect(name).not_to_have_text(shown)
    expect(node(page, "end")).to_be_visible()
    saved(page)
    assert stored(studio, small).layout["nodes"]["end"] == before


def test_names_that_are_replaced_together_keep_their_places(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    page.set_viewport_size({"width": 1280, "height": 800})
    text = (
        SMALL.replace('"answer"', '"step_one"')
        .replace("answer}", "step_one}")
        .replace("from: answer", "from: step_one")
    )
    text = text.replace('"end"\n    type', '"step_two"\n    type').replace("to: end", "to: step_two")
    places = {"nodes": {"start": [0, 0], "step_one": [240, 140], "step_two": [0, 280]}}
    name = new_workflow(studio, text, places)
    open_editor(page, studio, name)
    line(page, "step_one").click()
    page.keyboard.press("Control+f")
    panel = page.get_by_test_id("yaml").locator(".cm-search")
    panel.get_by_role("textbox", name="Find").fill("step_")
    panel.get_by_role("textbox", name="Replace").fill("part_")
    panel.get_by_role("button", name="Replace all").click()
    expect(node(page, "part_two")).to_be_visible()
    saved(page)
    assert stored(studio, name).layout["nodes"] == {"start": [0, 0], "part_one": [240, 140], "part_two": [0, 280]}
    assert panel.evaluate("panel => panel.scrollWidth <= panel.clientWidth"), "the panel fits into the pane"


def test_selection_goes_both_ways(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    expect(page.locator(".cm-of-node").first).to_contain_text('name: "answer"')
    line(page, '- name: "end"').click()
    expect(page.get_by_test_id("node-name")).to_have_value("end")


def test_broken_yaml_keeps_the_last_good_canvas(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    line(page, 'type: "end"').click()
    page.keyboard.press("End")
    page.keyboard.type("\n    config: [unclosed")
    error = page.get_by_test_id("yaml-error")
    expect(error).to_be_visible()
    expect(error).to_contain_text("Line ")
    expect(page.locator(".cm-lint-marker-error").first).to_be_visible()
    for name in ("start", "answer", "end"):
        expect(node(page, name)).to_be_visible()
    saved(page)
    assert "[unclosed" in stored(studio, small).text, "what was typed is kept"

    page.reload()
    expect(page.get_by_test_id("yaml-error")).to_be_visible()
    line(page, "[unclosed").click()
    page.keyboard.press("End")
    page.keyboard.press("Shift+Home")
    page.keyboard.press("Shift+Home")
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    expect(page.get_by_test_id("yaml-error")).to_have_count(0)
    expect(node(page, "answer")).to_be_visible()
    saved(page)
    assert stored(studio, small).text == before


def test_a_problem_leads_to_its_line(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    name = new_workflow(studio, WITH_UNKNOWN_TOOL)
    open_editor(page, studio, name)
    expect(page.get_by_test_id("problem-count")).to_contain_text("1 error")
    page.get_by_test_id("problem-count").click()
    page.get_by_test_id("problems").get_by_role("button").first.click()
    expect(page.get_by_test_id("node-name")).to_have_value("look")
    expect(page.get_by_test_id("field-tool_name").get_by_role("alert")).to_be_visible()
    expect(page.get_by_test_id("node-look")).to_have_class(re.compile(r"\berror\b"))


def set_temperature(page: Page, value: str) -> None:
    page.get_by_test_id("field-temperature").locator("input").fill(value)
    page.get_by_test_id("field-temperature").locator("input").press("Enter")


def test_the_text_and_the_list_count_the_same_problems(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    conditional = SMALL.replace("{{from: answer, to: end}}", '{{from: answer, to: end, condition: "context.ok"}}')
    open_editor(page, studio, new_workflow(studio, conditional))
    expect(page.get_by_test_id("drawer-problems")).to_have_text("Problems · 1")
    expect(page.get_by_test_id("problem-count")).to_have_text("1 hint")
    page.get_by_test_id("problem-count").click()
    expect(page.get_by_test_id("problems")).to_contain_text("no-default")


COLOURED = """\
# about: "no key"
name: "{name}"
version: '1.0.0'
description: "first
  second: line"
category: system # why
priority: low
nodes:
  - name: start
    type: start
  - name: "say"
    type: message
    config:
      text: |
        note: "quoted" # no comment

         deeper: no key
  - {{name: end, type: end}}
edges:
  - {{from: start, to: say, condition: "context.url == 'http://x'"}}
  - {{from: start, to: "end"}}
"""


def test_the_texts_colours(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, COLOURED)
    open_editor(page, studio, name)

    def coloured(kind: str) -> list[str]:
        return yaml_pane(page).locator(f".cm-{kind}").all_inner_texts()

    line(page, "to: say").wait_for()
    assert coloured("comment") == ['# about: "no key"', "# why"]
    assert coloured("str") == [
        f'"{name}"', "'1.0.0'", '"first', '  second: line"', '"say"', "|", "\"context.url == 'http://x'\"", '"end"',
    ]  # fmt: skip
    keys = coloured("key")
    assert keys[:7] == ["name", "version", "description", "category", "priority", "nodes", "name"]
    assert keys[7:] == [
        "type", "name", "type", "config", "text", "name", "type", "edges", "from", "to", "condition", "from", "to",
    ]  # fmt: skip


def test_a_new_line_stands_as_deep_as_what_it_goes_on_with(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio, COLOURED))

    def column_after(text: str, at: str = "End") -> int:
        line(page, text).click()
        page.keyboard.press(at)
        page.keyboard.press("Enter")
        page.keyboard.type("~")
        made = yaml_pane(page).locator(".cm-line", has_text="~").inner_text()
        page.keyboard.press("Control+z")
        page.keyboard.press("Control+z")
        expect(yaml_pane(page).locator(".cm-line", has_text="~")).to_have_count(0)
        return len(made) - len(made.lstrip())

    assert column_after("nodes:") == 2
    assert column_after("- name: start") == 4
    assert column_after("config:") == 6
    assert column_after("text: |") == 8
    assert column_after("deeper: no key") == 9
    assert column_after("name: end") == 2
    assert column_after("priority: low") == 0


def test_a_save_from_elsewhere_is_merged_field_by_field(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    deaf(page)
    open_editor(page, studio, small)
    save_elsewhere(studio, small, "Answers greetings", "Changed by another")
    node(page, "answer").click()
    set_temperature(page, "0.5")
    expect(yaml_pane(page)).to_contain_text("Changed by another")
    expect(yaml_pane(page)).to_contain_text("temperature: 0.5")
    saved(page)
    text = stored(studio, small).text
    assert text == SMALL.format(name=small).replace("Answers greetings", "Changed by another").replace("0.2", "0.5")

    page.get_by_role("button", name="Undo", exact=True).click()
    expect(yaml_pane(page)).to_contain_text("temperature: 0.2")
    saved(page)
    assert stored(studio, small).text == text.replace("0.5", "0.2"), "undo takes back what is one's own, nothing else"


def test_what_is_typed_goes_with_a_node_that_somebody_renames(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    deaf(page)
    open_editor(page, studio, small)
    node(page, "answer").click()
    prompt = page.get_by_test_id("field-prompt_template").get_by_test_id("prompt")
    prompt.click()
    page.keyboard.press("Control+End")
    save_elsewhere(studio, small, "answer", "greet")
    page.keyboard.type(" Be brief and kind.", delay=15)
    expect(page.get_by_test_id("node-name")).to_have_value("greet")
    expect(prompt).to_be_focused()
    page.keyboard.type(" Do not dwell.", delay=15)
    saved(page)
    text = stored(studio, small).text
    assert "Answer in one sentence. Be brief and kind. Do not dwell." in text
    assert 'name: "greet"' in text
    expect(node(page, "answer")).to_have_count(0)


def test_only_what_both_changed_is_asked_about(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    deaf(page)
    open_editor(page, studio, small)
    node(page, "answer").click()
    save_elsewhere(studio, small, "temperature: 0.2", "temperature: 0.7")
    save_elsewhere(studio, small, "Answers greetings", "Changed by another")
    set_temperature(page, "0.5")
    dialog = page.get_by_test_id("conflict-dialog")
    collision = dialog.get_by_test_id("collision-nodes/answer/config/temperature")
    expect(collision.locator("legend")).to_have_text("answer · Temperature")
    expect(collision.locator(".before")).to_contain_text("0.2")
    expect(collision.get_by_test_id("take-mine")).to_contain_text("0.5")
    expect(collision.get_by_test_id("take-theirs")).to_contain_text("0.7")
    keep = dialog.get_by_test_id("keep-choices")
    expect(keep).to_be_disabled()
    expect(keep).to_have_attribute("title", "1 choice left: take yours or theirs.")
    keep.press("Enter")  # the Tab key finds it; it does nothing
    assert "temperature: 0.7" in stored(studio, small).text

    save_elsewhere(studio, small, "temperature: 0.7", "temperature: 0.9")
    collision.get_by_test_id("take-mine").click()
    dialog.get_by_test_id("keep-choices").click()
    expect(collision.get_by_test_id("take-theirs")).to_contain_text("0.9")
    assert "temperature: 0.9" in stored(studio, small).text, "what was not shown is not overwritten"

    collision.get_by_test_id("take-mine").click()
    dialog.get_by_test_id("keep-choices").click()
    expect(dialog).to_have_count(0)
    expect(yaml_pane(page)).to_contain_text("Changed by another")
    saved(page)
    assert "temperature: 0.5" in stored(studio, small).text
    assert "Changed by another" in stored(studio, small).text


def test_a_node_that_one_removed_and_the_other_changed_is_shown_field_by_field(
    signed_in_page: Page, studio: Any, small: str
) -> None:
    """In the words of the inspector, not as JSON."""
    page = signed_in_page
    deaf(page)
    open_editor(page, studio, small)
    save_elsewhere(studio, small, "temperature: 0.2", "temperature: 0.7\n      max_tokens: 90")
    node(page, "answer").click()
    page.get_by_test_id("delete-node").click()
    collision = page.get_by_test_id("conflict-dialog").get_by_test_id("collision-nodes/answer")
    expect(collision.locator("legend")).to_have_text("answer")
    expect(collision.get_by_test_id("take-mine")).to_contain_text("removed")
    fields = collision.get_by_test_id("take-theirs").locator(".hed-made")
    expect(fields).to_have_count(2)
    expect(fields.first).to_have_text(re.compile("^Temperature.*0.2.*0.7$"))
    expect(fields.last).to_have_text(re.compile("^Longest answer.*90$"))
    expect(collision).not_to_contain_text("prompt_template")
    collision.get_by_test_id("take-theirs").click()
    page.get_by_test_id("keep-choices").click()
    saved(page)
    assert "temperature: 0.7" in stored(studio, small).text


def test_nobody_is_asked_in_the_middle_of_a_word(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    deaf(page)
    open_editor(page, studio, small)
    node(page, "answer").click()
    save_elsewhere(studio, small, "You greet people.", "You hail people.")
    prompt = page.get_by_test_id("field-prompt_template").get_by_test_id("prompt")
    prompt.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("Be kind and brief.")
    dialog = page.get_by_test_id("conflict-dialog")
    mine = dialog.get_by_test_id("take-mine")
    expect(mine).to_contain_text("Be kind and brief.")
    mine.click()
    dialog.get_by_test_id("keep-choices").click()
    expect(dialog).to_have_count(0)
    saved(page)
    assert "Be kind and brief." in stored(studio, small).text

    # The same in the text itself.
    save_elsewhere(studio, small, "Answers greetings", "Changed by another")
    line(page, "Answers greetings").click()
    page.keyboard.press("Home")
    for _ in range(len('description: "')):
        page.keyboard.press("ArrowRight")
    page.keyboard.type("Mine it is: ")
    expect(mine).to_contain_text("Mine it is: Answers greetings")
    mine.click()
    dialog.get_by_test_id("keep-choices").click()
    expect(dialog).to_have_count(0)
    saved(page)
    assert 'description: "Mine it is: Answers greetings"' in stored(studio, small).text


def test_ones_own_changes_can_be_dropped(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    deaf(page)
    open_editor(page, studio, small)
    node(page, "answer").click()
    save_elsewhere(studio, small, "temperature: 0.2", "temperature: 0.7")
    set_temperature(page, "0.5")
    page.get_by_test_id("drop-mine").click()
    expect(yaml_pane(page)).to_contain_text("temperature: 0.7")
    saved(page)
    assert "temperature: 0.7" in stored(studio, small).text


def test_two_people_see_each_other_and_each_others_changes(
    signed_in_page: Page, browser: Any, studio: Any, people: Any, small: str
) -> None:
    ada, context = signed_in_page, browser.new_context(base_url=studio.url)
    sign_in(context, studio, people.agent, PASSWORD)
    bob = context.new_page()
    open_editor(ada, studio, small)
    open_editor(bob, studio, small)
    node(bob, "answer").click()
    expect(ada.get_by_test_id("people").get_by_role("img", name="Agent · at answer")).to_be_visible()
    expect(ada.get_by_test_id("visitor-answer")).to_be_visible()
    expect(bob.get_by_test_id("people")).to_be_visible()
    set_temperature(bob, "0.7")
    expect(yaml_pane(ada)).to_contain_text("temperature: 0.7")
    expect(ada.get_by_test_id("conflict-dialog")).to_have_count(0)
    expect(ada.get_by_role("button", name="Undo", exact=True)).to_have_attribute("aria-disabled", "true")
    saved(ada)
    bob.goto("about:blank")  # says goodbye; a tab that is killed is taken for closed after 20 s
    expect(ada.get_by_test_id("people")).to_have_count(0)
    context.close()


def test_who_may_only_look_is_told_of_a_newer_draft(page: Page, studio: Any, people: Any, small: str) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    open_editor(page, studio, small)
    save_elsewhere(studio, small, "Answers greetings", "Changed by another")
    page.get_by_test_id("newer").click()
    expect(yaml_pane(page)).to_contain_text("Changed by another")
    expect(page.get_by_test_id("newer")).to_have_count(0)


def test_windows_line_ends_survive_typing_and_edits(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    name = new_workflow(studio, SMALL.replace("\n", "\r\n"))
    before = stored(studio, name).text
    open_editor(page, studio, name)
    line(page, "# The only model call.").click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("# And no other.")
    saved(page)
    node(page, "answer").click()
    page.get_by_test_id("field-temperature").locator("input").fill("0.4")
    page.get_by_test_id("field-temperature").locator("input").press("Enter")
    expect(yaml_pane(page)).to_contain_text("0.4")
    saved(page)
    after = stored(studio, name).text
    assert after.count("\n") == after.count("\r\n") == before.count("\r\n") + 1
    assert [one[0] for one in changed_lines(before, after)] in (["+", "-", "+"], ["-", "+", "+"])


def test_a_viewer_reads_and_cannot_change(page: Page, studio: Any, people: Any, small: str) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    open_editor(page, studio, small)
    expect(page.get_by_test_id("save-state")).to_have_text("View only")
    expect(page.get_by_test_id("publish")).to_have_count(0)
    expect(page.get_by_test_id("add-node")).to_have_count(0)
    node(page, "answer").click()
    expect(page.get_by_test_id("field-prompt_template").get_by_test_id("prompt")).not_to_be_editable()
    page.keyboard.press("Delete")
    expect(node(page, "answer")).to_be_visible()


def test_another_tenants_workflow_is_not_found(page: Page, studio: Any, people: Any, small: str) -> None:
    sign_in(page.context, studio, people.stranger, PASSWORD)
    page.goto(f"{studio.url}/app/workflows/{small}")
    expect(page.get_by_role("alert")).to_contain_text("There is no such workflow")


WITH_UNKNOWN_TOOL = """\
name: "{name}"
version: "1.0.0"
description: "Names a tool that is not there"
category: "system"
priority: "low"
nodes:
  - {{name: start, type: start}}
  - name: look
    type: tool
    config:
      tool_name: no_such_tool
  - {{name: end, type: end}}
edges:
  - {{from: start, to: look}}
  - {{from: look, to: end}}
"""
