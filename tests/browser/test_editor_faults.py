"""What goes wrong around the editor: lines that break, servers that die, names and texts that mean harm."""

from __future__ import annotations

import signal
import uuid
from typing import Any

import psutil
import pytest
from playwright.sync_api import Page, expect

from studio.editor.wrapper import LOADED
from tests.support.editor import (
    SMALL,
    drag,
    middle,
    new_workflow,
    node,
    open_editor,
    save_elsewhere,
    saved,
    stored,
    yaml_pane,
)
from tests.support.held_back import HeldBack
from tests.support.processes import children_with

BACK_MS = 60_000  # a server that was killed is started again

HOSTILE = """\
name: "{name}"
version: "1.0.0"
description: "<img src=x onerror=\\"window.hacked=1\\">"
category: "system"
priority: "low"
nodes:
  - name: start
    type: start
  - name: constructor
    type: message
    config: {{text: "<script>window.hacked=1</script>"}}
  - name: __proto__
    type: message
    config: {{text: "{{context.__class__}}"}}
  - name: "<svg onload=window.hacked=1>"
    type: message
    config: {{text: "\\u202etxet"}}
  - name: toString
    type: "<b>bold</b>"
  - name: end
    type: end
edges:
  - {{from: start, to: constructor}}
  - {{from: constructor, to: __proto__, condition: "context.x == '<img src=x onerror=window.hacked=1>'"}}
  - {{from: constructor, to: end}}
"""


@pytest.fixture
def small(studio: Any) -> str:
    return new_workflow(studio)


def paste(page: Page, text: str) -> None:
    """What the browser does on Ctrl-V: `text` is in the clipboard, the cursor where it is."""
    page.evaluate(
        """text => {
            const clipboardData = new DataTransfer();
            clipboardData.setData("text/plain", text);
            document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
        }""",
        text,
    )


def web_process(studio: Any) -> psutil.Process:
    """The instance's web process."""
    (found,) = children_with("web", studio.url.rpartition(":")[2])
    return found


def test_the_line_breaks_in_the_middle_of_a_drag(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    line = HeldBack(page)
    open_editor(page, studio, small)
    line.heard(LOADED)
    x, y = middle(node(page, "answer"))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 40, y + 20, steps=4)
    before = len(line.lines)
    line.lines[-1].close(code=1001, reason="gone")
    page.mouse.move(x + 160, y + 40, steps=8)
    page.mouse.up()
    node(page, "answer").click()
    page.get_by_test_id("field-temperature").locator("input").fill("0.6")
    page.get_by_test_id("field-temperature").locator("input").press("Enter")
    expect(yaml_pane(page)).to_contain_text("temperature: 0.6", timeout=BACK_MS)
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved", timeout=BACK_MS)
    assert len(line.lines) > before, "the page came back by itself"
    row = stored(studio, small)
    assert row.text == SMALL.format(name=small).replace("0.2", "0.6")
    assert "answer" in row.layout["nodes"]


def test_the_server_dies_during_an_edit(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    web_process(studio).send_signal(signal.SIGKILL)
    yaml_pane(page).locator(".cm-line", has_text="Answer in one sentence.").click()
    page.keyboard.press("End")
    page.keyboard.type(" Be kind.")
    expect(yaml_pane(page)).to_contain_text("Be kind.")
    node(page, "answer").click()
    expect(page.get_by_test_id("save-state")).not_to_have_attribute("data-state", "saved")
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved", timeout=BACK_MS)
    assert stored(studio, small).text == SMALL.format(name=small).replace("sentence.", "sentence. Be kind.")


def test_names_and_texts_that_mean_harm(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio, HOSTILE))
    for name in ("constructor", "__proto__", "toString", "<svg onload=window.hacked=1>"):
        node(page, name).click()
        expect(page.get_by_test_id("node-name")).to_have_value(name)
    for tab in ("runs", "problems"):
        page.get_by_test_id(f"drawer-{tab}").click()
    expect(page.get_by_test_id("drawer")).to_contain_text("<b>bold</b>")
    page.keyboard.press("Control+f")
    page.keyboard.type("onerror")
    expect(page.get_by_test_id("palette")).to_contain_text("onerror")
    page.keyboard.press("Escape")
    assert page.evaluate("window.hacked") is None


def test_a_file_of_ten_thousand_nodes_is_named_and_kept(signed_in_page: Page, studio: Any) -> None:
    page, mark = signed_in_page, uuid.uuid4().hex[:8]
    nodes = "\n".join(f"  - {{name: n{i}, type: transform}}" for i in range(10_000))
    name = new_workflow(studio)
    save_elsewhere(studio, name, "nodes:", f"# {mark}\nnodes:\n{nodes}")
    page.goto(f"/app/workflows/{name}")
    expect(page.get_by_test_id("yaml")).to_contain_text(mark, timeout=BACK_MS)
    page.get_by_test_id("drawer-problems").click()
    expect(page.get_by_test_id("drawer")).to_contain_text("10,003 nodes; a workflow may have 2,000")
    assert mark in stored(studio, name).text


def test_a_text_of_a_megabyte_is_refused_where_it_is_pasted(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    yaml_pane(page).locator(".cm-line", has_text="You greet people.").click()
    page.keyboard.press("End")
    page.keyboard.insert_text(" " + "x" * 250_000)
    page.get_by_test_id("drawer-problems").click()
    expect(page.get_by_test_id("drawer")).to_contain_text("longer than 200,000 characters", timeout=BACK_MS)
    expect(node(page, "answer")).to_be_visible()
    page.get_by_role("button", name="Undo", exact=True).click()
    saved(page)
    assert stored(studio, small).text == SMALL.format(name=small)


def test_a_text_that_can_never_be_saved_is_not_taken(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    yaml_pane(page).locator(".cm-line", has_text="You greet people.").click()
    page.keyboard.press("End")
    paste(page, "x\n" * 500_001)
    expect(page.get_by_role("alert").filter(has_text="1,000,000 characters")).to_be_visible()
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")
    page.keyboard.type(" Warmly.")
    expect(yaml_pane(page)).to_contain_text("You greet people. Warmly.")
    saved(page)
    assert stored(studio, small).text == SMALL.format(name=small).replace("people.", "people. Warmly.")
    page.keyboard.press("Control+z")
    expect(yaml_pane(page)).not_to_contain_text("Warmly.")
    saved(page)
    assert stored(studio, small).text == SMALL.format(name=small)


def test_what_the_server_refused_can_be_undone(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    yaml_pane(page).locator(".cm-line", has_text="You greet people.").click()
    page.keyboard.press("End")
    paste(page, "a\x00b")
    expect(page.get_by_test_id("unsaved")).to_contain_text("NUL character")
    page.keyboard.press("Control+z")
    saved(page)
    assert stored(studio, small).text == SMALL.format(name=small)


def test_a_field_says_what_no_text_may_have(signed_in_page: Page, studio: Any, small: str) -> None:
    """A paste into a field with a NUL: told beside it, counted as unsaved, and saved once it is taken out."""
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    for field, area in (("prompt_template", ".cm-content"), ("agent_type", "input")):
        box = page.get_by_test_id(f"field-{field}").locator(area)
        box.click()
        page.keyboard.press("Control+End")
        page.keyboard.insert_text(" kind\x00")
        expect(page.get_by_test_id(f"field-{field}").get_by_role("alert")).to_contain_text("no text may have")
        expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "pending")
        page.keyboard.press("Backspace")
        saved(page)
        expect(page.get_by_test_id(f"field-{field}").get_by_role("alert")).to_have_count(0)
    assert "sentence. kind\n" in stored(studio, small).text


def test_what_is_said_of_an_outage_lies_over_nothing(signed_in_page: Page, studio: Any, small: str) -> None:
    """It may stay long: the chat, the list of runs and the settings are still at hand."""
    page = signed_in_page
    page.set_viewport_size({"width": 1280, "height": 800})
    open_editor(page, studio, small)
    yaml_pane(page).locator(".cm-line", has_text="You greet people.").click()
    page.keyboard.press("End")
    paste(page, "a\x00b")
    expect(page.get_by_test_id("unsaved")).to_be_visible()
    page.get_by_test_id("chat-input").click(timeout=3_000)
    expect(page.get_by_test_id("chat-input")).to_be_focused()
    said = page.get_by_test_id("unsaved").bounding_box()
    assert said
    for part in ("canvas", "drawer", "inspector", "workflow-panel", "yaml"):
        for box in (one.bounding_box() for one in page.get_by_test_id(part).all()):
            assert box is None or box["y"] + box["height"] <= said["y"] + 1, part


def test_two_tabs_of_one_person_do_not_overwrite_each_other(signed_in_page: Page, studio: Any, small: str) -> None:
    one, other = signed_in_page, signed_in_page.context.new_page()
    open_editor(one, studio, small)
    open_editor(other, studio, small)
    drag(one, middle(node(one, "answer")), (middle(node(one, "answer"))[0] + 200, middle(node(one, "answer"))[1]))
    yaml_pane(other).locator(".cm-line", has_text="You greet people.").click()
    other.keyboard.press("End")
    other.keyboard.type(" Warmly.")
    expect(yaml_pane(one)).to_contain_text("Warmly.")
    saved(one)
    saved(other)
    row = stored(studio, small)
    assert "You greet people. Warmly." in row.text
    assert "answer" in row.layout["nodes"]
