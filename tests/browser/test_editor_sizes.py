"""The editor at the sizes that people have, in light and dark: everything is in its place and works by hand."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.support.editor import copy_of, drag, middle, node, open_editor, saved, stored

SIZES = [(1280, 800), (1920, 1080)]
# What is cut off at its right or below, or lies over another: the bar's parts, and the page as a whole.
OUT_OF_PLACE = """() => {
  const wrong = [];
  const root = document.documentElement;
  if (root.scrollWidth > innerWidth || root.scrollHeight > innerHeight) wrong.push('the page scrolls');
  const bar = [...document.querySelectorAll('.hed-top > *')].filter((one) => one.getBoundingClientRect().width);
  bar.forEach((one, i) => {
    const [here, next] = [one, bar[i + 1]].map((each) => each?.getBoundingClientRect());
    const isOver = here.right > innerWidth + 1 || (next && here.right > next.left + 1);
    if (isOver) wrong.push(`bar: ${one.outerHTML.slice(0, 80)}`);
  });
  for (const one of document.querySelectorAll('.hed-insp .hed-f, .hed-insp .hed-ih, .hed-dleft > *, .hed-dright > *')) {
    const { right, left } = one.getBoundingClientRect();
    if (right > innerWidth + 1 || left < 0) wrong.push(`outside: ${one.outerHTML.slice(0, 80)}`);
    const isCut = one.matches('.hed-f, .hed-ih') && one.scrollWidth > one.clientWidth + 1;
    if (isCut) wrong.push(`cut: ${one.outerHTML.slice(0, 80)}`);
  }
  return wrong;
}"""


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_editor_at_each_size(signed_in_page: Page, studio: Any, size: tuple[int, int], scheme: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.emulate_media(color_scheme=scheme)
    open_editor(page, studio, name)
    for part in ("publish", "add-node", "chat-input", "yaml", "heat-map"):
        expect(page.get_by_test_id(part)).to_be_in_viewport(ratio=0.9)
    assert page.evaluate(OUT_OF_PLACE) == []

    card = node(page, "classify_intent")
    expect(card.locator(".u")).to_be_visible()
    x, y = middle(card)
    drag(page, (x, y), (x + 60, y))
    saved(page)
    assert "classify_intent" in stored(studio, name).layout["nodes"]
    page.keyboard.press("Control+z")
    card.click()
    expect(page.get_by_test_id("node-name")).to_have_value("classify_intent")
    page.get_by_role("button", name="More settings").click()
    assert page.evaluate(OUT_OF_PLACE) == []
    page.get_by_test_id("reads").click()
    expect(page.get_by_test_id("readable")).to_be_visible()
    page.get_by_test_id("reads").click()
    page.keyboard.press("Escape")
    for tab in ("input", "runs", "problems", "chat"):
        page.get_by_test_id(f"drawer-{tab}").click()
        assert page.evaluate(OUT_OF_PLACE) == [], tab
    page.keyboard.press("Escape")
    page.locator("body").press("n")
    page.keyboard.type("transform")
    page.keyboard.press("Enter")
    expect(node(page, "transform")).to_be_visible()
    expect(node(page, "transform")).to_be_in_viewport(ratio=0.9)
    dark = page.evaluate("getComputedStyle(document.querySelector('.hed')).backgroundColor")
    assert (max(map(int, dark[dark.index("(") + 1 : -1].split(",")[:3])) < 80) == (scheme == "dark"), dark
