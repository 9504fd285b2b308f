"""Nothing in the editor is switched off without a reason that everybody can find: by mouse, key, screen reader."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from studio.services.editor_specs import node_specs
from tests.browser.conftest import PASSWORD, sign_in
from tests.support.editor import ask, box_of, copy_of, middle, new_workflow, node, open_editor

EVERY_TYPE = """\
name: "{name}"
version: "1.0.0"
description: "One node of each type"
category: "customer_service"
priority: "low"

nodes:
""" + "".join(f'  - name: "a_{kind}"\n    type: "{kind}"\n' for kind in node_specs())

# What is switched off or cannot be written into, and does not say why, or is not where the Tab key comes. The YAML
# itself is no control; entries of a list of commands are reached by arrow keys and show the reason beside their name.
UNTOLD = """() => {
  const off = ':disabled:not(option), [aria-disabled=true], input[readonly], textarea[readonly], '
    + '.cm-content[contenteditable=false]';
  return [...document.querySelectorAll('.hed, .hed-veil')].flatMap((root) => [...root.querySelectorAll(off)])
    .filter((one) => one.checkVisibility() && !one.closest('.hed-yaml, .hed-versions .cm-editor'))
    .filter((one) => {
      if (one.matches('[role=option]')) return !/\\w{3,}.*\\./.test(one.innerText);
      return one.matches(':disabled') || one.tabIndex < 0 || !/\\w{3,} .*\\.$/.test(one.title);
    })
    .map((one) => `${one.tagName} ${one.getAttribute('aria-label') ?? one.id} ${one.outerHTML.slice(0, 200)}`);
}"""


def panels(page: Page) -> Iterator[str]:
    """Go through everything that can be opened; says where it is."""
    yield "the workflow"
    for card in page.locator(".hed-node").all():
        name = (card.get_attribute("data-testid") or "")[len("node-") :]
        page.evaluate('id => document.querySelector(`.react-flow__node[data-id="${id}"]`).focus()', name)
        page.keyboard.press("Enter")
        expect(page.get_by_test_id("node-name")).to_have_value(name)
        more = page.get_by_role("button", name="More settings")
        if more.count() and more.get_attribute("aria-expanded") == "false":
            more.click()
        yield f"settings of {name}"
    for tab in ("Data", "YAML", "Settings"):
        page.get_by_test_id("inspector").get_by_role("tab", name=tab).click()
        yield tab
    page.get_by_test_id("wide").click()
    yield "settings beside data"
    page.get_by_test_id("wide").click()
    for tab in ("input", "runs", "problems", "chat"):
        page.get_by_test_id(f"drawer-{tab}").click()
        yield f"drawer: {tab}"
    for edge in page.locator(".hed-el").all()[:1]:
        edge.click()
        yield "an edge"
    page.keyboard.press("Escape")
    page.keyboard.press("Control+a")
    yield "several nodes"
    page.keyboard.press("1")  # all of it in view, wherever the last card was
    page.locator(".hed-node").first.click(button="right")
    yield "the menu"
    page.keyboard.press("Escape")
    for keys, where in (("Control+k", "palette"), ("h", "versions")):
        page.locator("body").press(keys)
        expect(page.get_by_test_id(where)).to_be_visible()
        yield where
        page.keyboard.press("Escape")


@pytest.mark.parametrize("role", ["admin", "agent", "viewer"])
def test_every_control_that_is_off_says_why(page: Page, studio: Any, people: Any, role: str) -> None:
    who = {"admin": (studio.email, studio.password)}.get(role) or (getattr(people, role), PASSWORD)
    sign_in(page.context, studio, *who)
    page.set_viewport_size({"width": 1920, "height": 1080})
    found = {}
    for name in (copy_of(studio, "customer_support_workflow"), new_workflow(studio, EVERY_TYPE)):
        open_editor(page, studio, name)
        for where in panels(page):
            if untold := page.evaluate(UNTOLD):
                found[where] = untold
    assert found == {}


def test_a_reason_is_told_to_who_tries(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio))
    said = page.locator(".hed-toast")
    page.get_by_role("button", name="Send").click(force=True)  # it is off, and tells why
    expect(said).to_contain_text("Write a message first.")
    ask(page, "Hello")
    expect(page.get_by_role("button", name="One moment on")).to_have_attribute("title", "This is where the run ended.")
    page.get_by_role("button", name="One moment on").press("Enter")
    expect(said).to_contain_text("This is where the run ended.")
    node(page, "answer").click()
    tries = page.get_by_label("Wait between tries", exact=True)
    tries.press("ArrowDown")
    expect(said).to_contain_text("Say first how many tries there are.")
    expect(tries).to_have_value("")
    page.get_by_label("Tries", exact=True).fill("3")
    tries.select_option("linear")
    expect(tries).to_have_value("linear")


def test_a_short_message_is_in_nobodys_way(signed_in_page: Page, studio: Any) -> None:
    """A click where it appeared means what lies beneath; who comes to it and rests there can dismiss it."""
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio))
    said = page.locator(".hed-toast")
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Shift+g")
    expect(said).to_be_visible()
    bar, cross = box_of(said), middle(said.get_by_role("button"))
    canvas = box_of(page.get_by_test_id("canvas"))
    assert canvas["x"] <= bar["x"], (canvas, bar)
    assert bar["x"] + bar["width"] <= canvas["x"] + canvas["width"], (canvas, bar)
    assert bar["y"] + bar["height"] <= canvas["y"] + canvas["height"], (canvas, bar)
    page.mouse.move(*cross)
    page.mouse.click(*cross)
    expect(said).to_be_visible()
    page.keyboard.press("Shift+g")  # another one, under the mouse
    expect(said).to_have_text(re.compile("snap to the grid"))
    cross = middle(said.get_by_role("button"))
    page.mouse.move(*cross)
    page.wait_for_timeout(500)
    page.mouse.move(cross[0] + 2, cross[1])
    page.mouse.click(*cross)
    expect(said).to_be_visible()
    page.mouse.move(bar["x"] - 60, bar["y"] - 60)
    page.mouse.move(*cross, steps=4)
    page.wait_for_timeout(3_500)  # longer than it is shown to others
    expect(said).to_be_visible()
    page.mouse.click(*cross)
    expect(said).to_have_count(0)


def test_a_viewer_chooses_nothing(page: Page, studio: Any, people: Any) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    open_editor(page, studio, new_workflow(studio))
    node(page, "answer").click()
    said = page.locator(".hed-toast")
    model = page.get_by_test_id("field-model").get_by_role("combobox")
    for act in (lambda: model.press("ArrowDown"), lambda: model.click(force=True), lambda: model.press("b")):
        act()
        expect(said).to_contain_text("may look at workflows, not change them")
        page.evaluate("document.querySelector('.hed-toast button')?.click()")
        expect(said).to_have_count(0)
    expect(model).to_have_value("auto")
    expect(model).to_have_accessible_description("Your role may look at workflows, not change them.")
    page.get_by_test_id("chat-input").press("h")
    expect(said).to_contain_text("Your role does not allow running workflows.")
