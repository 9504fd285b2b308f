"""Versions in the editor: the history, what differs on canvas and in the text, restoring and rolling back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from engine.store.access import workflows
from engine.store.session import Database
from studio.services import publishing
from tests.browser.conftest import PASSWORD, sign_in
from tests.support.editor import box_of, demo_scope, new_workflow, open_editor, run_on, saved, stored

FIRST = """\
name: "{name}"
version: "1.0.0"
description: "Greets"
category: "system"
priority: "low"
nodes:
  - {{name: start, type: start}}
  - name: hello
    type: message
    config: {{text: "Hello"}}
  - name: parting
    type: message
    config: {{text: "Goodbye"}}
  - {{name: end, type: end}}
edges:
  - {{from: start, to: hello}}
  - {{from: hello, to: parting}}
  - {{from: parting, to: end}}
"""
PLACES = {"nodes": {"start": [0, 0], "hello": [0, 140], "parting": [0, 280], "end": [0, 420]}}


@pytest.fixture
def published(studio: Any) -> str:
    """Two versions, the second without `parting` and with another greeting and a new node; the draft is the second."""
    name = new_workflow(studio, FIRST, PLACES)
    second = FIRST.replace("Hello", "Good morning").replace("parting", "farewell").replace("Goodbye", "See you")

    async def publish_twice(database: Database) -> None:
        scope = await demo_scope(database)
        async with database.transaction(scope) as tx:
            row = await workflows.get_by_name(tx, name)
        await publishing.publish(database, scope, row.workflow_id, "the greeting")
        async with database.transaction(scope) as tx:
            text = second.format(name=name)
            await workflows.save_draft(tx, row.workflow_id, text=text, revision=row.revision)
        await publishing.publish(database, scope, row.workflow_id, "a friendlier one")

    run_on(studio, publish_twice)
    return name


def open_versions(page: Page, studio: Any, name: str) -> None:
    open_editor(page, studio, name)
    page.keyboard.press("h")
    expect(page.get_by_test_id("version-1")).to_be_visible()


def test_what_a_version_changed_is_drawn_and_named(signed_in_page: Page, studio: Any, published: str) -> None:
    page = signed_in_page
    open_versions(page, studio, published)
    expect(page.get_by_test_id("compared")).to_contain_text("v2")
    expect(page.get_by_test_id("no-changes")).to_contain_text("Both are the same")
    expect(page.get_by_test_id("version-2")).to_contain_text("a friendlier one")
    expect(page.get_by_test_id("version-2")).to_contain_text("live")

    legend, top = box_of(page.locator(".hed-legend")), box_of(page.get_by_test_id("diff-start"))
    assert top["y"] > legend["y"] + legend["height"], "the legend lies over no card"
    page.get_by_test_id("version-draft").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_test_id("version-2")).to_have_attribute("aria-current", "true")
    for node, change in (("hello", "changed"), ("farewell", "added"), ("parting", "removed"), ("start", "same")):
        expect(page.get_by_test_id(f"diff-{node}")).to_have_attribute("data-change", change)
    expect(page.get_by_test_id("diff-legend")).to_contain_text("3 added")

    page.get_by_test_id("diff-hello").click()
    change = page.get_by_test_id("change-node:hello")
    expect(change).to_contain_text("text")
    expect(change).to_contain_text("−Hello")
    expect(change).to_contain_text("+Good morning")
    page.get_by_test_id("change-node:farewell").get_by_role("button").click()
    expect(page.get_by_test_id("change-node:farewell")).to_contain_text("See you")

    page.get_by_test_id("versions-text").click()
    sides = page.get_by_test_id("text-diff").locator(".cm-content")
    expect(sides.first).to_contain_text("Goodbye")
    expect(sides.last).to_contain_text("See you")
    page.get_by_test_id("compare-with").select_option("draft")
    expect(page.get_by_test_id("no-changes")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("versions")).to_have_count(0)
    expect(page.get_by_test_id("node-hello")).to_be_visible()


def test_a_version_is_restored_and_that_is_undone(signed_in_page: Page, studio: Any, published: str) -> None:
    page, before = signed_in_page, stored(studio, published)
    open_versions(page, studio, published)
    page.get_by_test_id("version-1").click()
    expect(page.get_by_test_id("compared")).to_contain_text("v1")
    page.get_by_test_id("restore").click()
    expect(page.get_by_test_id("versions")).to_have_count(0)
    expect(page.get_by_test_id("node-parting")).to_be_visible()
    saved(page)
    after = stored(studio, published)
    assert after.text == FIRST.format(name=published)
    assert after.layout == PLACES
    assert after.published_number == 2

    page.get_by_role("button", name="Undo", exact=True).click()
    expect(page.get_by_test_id("node-farewell")).to_be_visible()
    saved(page)
    assert stored(studio, published).text == before.text


def test_rolling_back_asks_first(signed_in_page: Page, studio: Any, published: str) -> None:
    page, before = signed_in_page, stored(studio, published)
    open_versions(page, studio, published)
    page.get_by_test_id("version-1").click()
    page.get_by_test_id("make-live").click()
    expect(page.get_by_test_id("live-dialog")).to_contain_text("in place of version 2")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("live-dialog")).to_have_count(0)
    expect(page.get_by_test_id("versions")).to_be_visible()
    assert stored(studio, published).published_number == 2

    page.get_by_test_id("make-live").click()
    page.get_by_test_id("live-confirm").click()
    expect(page.get_by_test_id("live-version")).to_have_text("v1 live")
    expect(page.get_by_test_id("version-1")).to_contain_text("live")
    row = stored(studio, published)
    assert (row.published_number, row.text) == (1, before.text)


def test_a_rollback_after_somebody_elses_publish_is_refused(signed_in_page: Page, studio: Any, published: str) -> None:
    page = signed_in_page
    open_versions(page, studio, published)
    page.get_by_test_id("version-1").click()
    page.get_by_test_id("make-live").click()

    async def publish(database: Database) -> None:
        await publishing.publish(database, await demo_scope(database), stored_id, "meanwhile")

    stored_id = stored(studio, published).workflow_id
    run_on(studio, publish)
    page.get_by_test_id("live-confirm").click()
    expect(page.get_by_test_id("live-dialog").get_by_role("alert")).to_contain_text("version 3 now")
    assert stored(studio, published).published_number == 3


def test_a_viewer_looks_and_cannot_restore(page: Page, studio: Any, people: Any, published: str) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    open_versions(page, studio, published)
    page.get_by_test_id("version-1").click()
    for button in ("restore", "make-live"):
        expect(page.get_by_test_id(button)).to_have_attribute("aria-disabled", "true")
        page.get_by_test_id(button).click(force=True)
    expect(page.get_by_role("status").last).to_contain_text("Your role does not allow")
    expect(page.get_by_test_id("live-dialog")).to_have_count(0)


def test_without_versions_the_view_says_so(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio))
    page.get_by_test_id("open-versions").click()
    expect(page.get_by_test_id("versions")).to_contain_text("Nothing is published yet")
    page.get_by_role("button", name="Close versions").click()
    expect(page.get_by_test_id("versions")).to_have_count(0)
