"""Every page and every state of the editor under axe, in light and dark: nothing serious, and one heading each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.support.editor import ask, new_workflow, node, open_editor

AXE = Axe()
OPTIONS = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def findings(page: Page) -> list[str]:
    """What axe finds on the page as it is, but for what it calls minor."""
    found = AXE.run(page, options=OPTIONS).response["violations"]
    return [
        f"{rule['id']}: {one['target']} {one['failureSummary']}"
        for rule in found
        if rule["impact"] != "minor"
        for one in rule["nodes"]
    ]


@pytest.fixture(params=["light", "dark"])
def themed_page(request: pytest.FixtureRequest, signed_in_page: Page) -> Page:
    signed_in_page.emulate_media(color_scheme=request.param, reduced_motion="reduce")
    return signed_in_page


def test_the_shell(themed_page: Page, studio: Any) -> None:
    page = themed_page
    name = new_workflow(studio)
    open_editor(page, studio, name)
    ask(page, "Hello")
    run = page.locator(".hed-run a").get_attribute("href") or ""
    for path, shown in (
        ("/app/workflows", "customer_support_workflow"),
        ("/app/runs", "Hello"),
        (run, "Steps"),
        ("/app/approvals", "Approvals"),
        ("/app/nowhere", "There is no page here"),
    ):
        page.goto(path)
        expect(page.get_by_text(shown).first).to_be_visible()
        assert findings(page) == [], path
    page.context.clear_cookies()
    page.goto("/login")
    expect(page.get_by_label("Password")).to_be_visible()
    assert findings(page) == []


def _press(keys: str, shown: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.keyboard.press(keys)
        expect(page.get_by_test_id(shown)).to_be_visible()

    return act


def test_the_editor(themed_page: Page, studio: Any) -> None:
    page = themed_page
    name = new_workflow(studio)
    open_editor(page, studio, name)
    assert findings(page) == []
    ask(page, "Hello")
    node(page, "answer").click()
    expect(page.get_by_test_id("inspector")).to_be_visible()
    assert findings(page) == [], "settings"
    page.get_by_test_id("inspector").get_by_role("tab", name="Data").click()
    expect(page.get_by_test_id("step-facts")).to_be_visible()
    assert findings(page) == [], "data"
    page.get_by_test_id("wide").click()
    expect(page.get_by_test_id("given")).to_be_visible()
    assert findings(page) == [], "settings beside data"
    page.get_by_test_id("wide").click()
    for tab in ("input", "runs", "problems"):
        page.get_by_test_id(f"drawer-{tab}").click()
        expect(page.get_by_test_id(f"drawer-{tab}")).to_have_attribute("aria-selected", "true")
        assert findings(page) == [], tab
    page.get_by_test_id("heat-map").click()
    expect(page.get_by_test_id("heat")).to_contain_text("1 run")
    assert findings(page) == [], "heat map"


def _publish(page: Page) -> None:
    page.get_by_test_id("publish").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _menu(page: Page) -> None:
    node(page, "answer").click(button="right")
    expect(page.get_by_test_id("menu")).to_be_visible()


OVERLAYS: dict[str, Callable[[Page], None]] = {
    "picker": _press("n", "picker"),
    "commands": _press("Control+k", "palette"),
    "keyboard": _press("?", "shortcut-sheet"),
    "versions": _press("h", "versions"),
    "publishing": _publish,
    "menu": _menu,
}


def test_what_lies_over_the_editor(themed_page: Page, studio: Any) -> None:
    page = themed_page
    name = new_workflow(studio)
    for overlay, show in OVERLAYS.items():
        open_editor(page, studio, name)
        show(page)
        assert findings(page) == [], overlay
