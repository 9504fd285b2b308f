"""The first minutes: an empty canvas, the tour, and sizes of panes that are kept."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import sign_in
from tests.support.editor import SMALL, new_workflow, node, open_editor, saved, stored


@pytest.fixture
def empty(studio: Any) -> str:
    head = SMALL.split("nodes:")[0]
    return new_workflow(studio, f"{head}nodes: []\nedges: []\n")


@pytest.mark.parametrize("key", ["answer", "route"])
def test_an_empty_canvas_offers_ways_to_begin(signed_in_page: Page, studio: Any, empty: str, key: str) -> None:
    page = signed_in_page
    page.goto(f"{studio.url}/app/workflows/{empty}")
    expect(page.get_by_test_id("first-steps").get_by_role("button")).to_have_count(4)
    expect(page.get_by_test_id("problem-count")).to_have_text("nothing in it yet")
    expect(page.get_by_test_id("drawer-problems")).to_have_text("Problems")
    expect(page.locator(".cm-lint-marker")).to_have_count(0)
    publish = page.get_by_test_id("publish")
    expect(publish).to_have_attribute("title", re.compile("nothing to publish yet"))
    page.get_by_test_id(f"starter-{key}").click()
    expect(node(page, "answer")).to_be_visible()
    saved(page)
    expect(page.get_by_test_id("problem-count")).to_contain_text("no problems")
    expect(page.locator(".cm-lint-marker")).to_have_count(0)
    assert f"path: {empty}" in stored(studio, empty).text.replace('"', "")
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("first-steps")).to_be_visible()


def test_the_tour_can_be_taken_and_left(browser: Browser, studio: Any) -> None:
    name = new_workflow(studio)
    context = browser.new_context(base_url=studio.url, viewport={"width": 1280, "height": 800})
    sign_in(context, studio, studio.email, studio.password)
    page = context.new_page()
    open_editor(page, studio, name)
    page.get_by_test_id("tour-start").click()
    for number in range(1, 7):
        expect(page.get_by_test_id("tour-stop")).to_contain_text(f"{number} of 6")
        page.get_by_test_id("tour-next").click()
    expect(page.get_by_test_id("tour-stop")).to_have_count(0)
    page.reload()
    expect(node(page, "answer")).to_be_visible()
    expect(page.get_by_test_id("tour-offer")).to_have_count(0)
    page.keyboard.press("Control+k")
    page.keyboard.type("tour")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("tour-stop")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("tour-stop")).to_have_count(0)
    context.close()


def test_panes_are_resized_by_mouse_and_keys_and_stay_so(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    open_editor(page, studio, name)
    edge = page.get_by_role("separator", name="Width of the inspector")
    inspector = page.get_by_test_id("workflow-panel")
    before = inspector.bounding_box()
    edge.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    after = inspector.bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] == before["width"] + 48
    page.reload()
    expect(node(page, "answer")).to_be_visible()
    kept = inspector.bounding_box()
    assert kept is not None
    assert kept["width"] == after["width"]


# What of the top bar is not wholly in the window, and how much of the name is.
TOP_BAR = """() => {
  const rect = (one) => one.getBoundingClientRect();
  const shown = [...document.querySelectorAll('.hed-top button, .hed-top .hed-chip')].filter((one) => rect(one).width);
  const out = shown.filter((one) => rect(one).left < 0 || rect(one).right > innerWidth);
  return [out.map((one) => one.textContent), rect(document.querySelector('.hed-crumb h1')).width >= 48];
}"""


@pytest.mark.parametrize("width", [1100, 1000, 920, 820, 760, 700])
def test_the_top_bar_fits_into_the_window(signed_in_page: Page, studio: Any, width: int) -> None:
    page = signed_in_page
    page.set_viewport_size({"width": width, "height": 700})
    open_editor(page, studio, "customer_support_workflow")
    expect(page.get_by_test_id("live-version")).to_be_visible()
    assert page.evaluate(TOP_BAR) == [[], True]
    expect(page.get_by_role("button", name="Publish version")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Run", exact=True)).to_be_in_viewport(ratio=1)


def test_a_narrow_window_keeps_the_canvas_and_every_button(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    page.set_viewport_size({"width": 800, "height": 700})
    open_editor(page, studio, name)
    expect(page.get_by_test_id("workflow-panel")).to_be_hidden()
    canvas = page.get_by_test_id("canvas").bounding_box()
    assert canvas is not None
    assert canvas["width"] > 400
    node(page, "answer").click()
    expect(page.get_by_test_id("inspector")).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("inspector")).to_be_hidden()
    page.get_by_test_id("publish").click()
    expect(page.get_by_test_id("publish-dialog")).to_be_visible()
