"""Widgets by hand: credentials, lists, maps; the cursor in the text; layout and grid."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from engine.store.access.credentials import put_credential
from engine.store.session import Database
from engine.store.vault import Vault
from tests.support.editor import (
    SMALL,
    changed_lines,
    copy_of,
    demo_scope,
    drag,
    middle,
    new_workflow,
    node,
    open_editor,
    run_on,
    saved,
    stored,
    yaml_pane,
)
from tests.support.servers import MASTER_KEY

FIELDS = """\
name: "{name}"
version: "1.0.0"
description: "Fields of many kinds"
category: "system"
priority: "low"
nodes:
  - name: start
    type: start
  - name: ask
    type: human
    config:
      mode: choice
      message: Which one?
      choices: [red, blue]
      details: {{order: context.order_id}}
  - name: call
    type: http
    config:
      url: https://example.com/
  - name: end
    type: end
edges:
  - {{from: start, to: ask}}
  - {{from: ask, to: call}}
  - {{from: call, to: end}}
"""


@pytest.fixture
def fields(studio: Any) -> str:
    return new_workflow(studio, FIELDS)


def test_a_credential_is_chosen_by_name_and_kind(signed_in_page: Page, studio: Any, fields: str) -> None:
    page, kept = signed_in_page, f"shop_{uuid.uuid4().hex[:6]}"

    async def keep(database: Database) -> None:
        async with database.transaction(await demo_scope(database)) as tx:
            await put_credential(tx, Vault(MASTER_KEY), name=kept, kind="http_bearer", value="a secret of the tests")

    run_on(studio, keep)
    open_editor(page, studio, fields)
    node(page, "call").click()
    credential = page.get_by_test_id("field-credential").get_by_role("combobox")
    expect(credential.locator("option", has_text=kept)).to_have_text(f"{kept} · http_bearer")
    credential.select_option(kept)
    expect(yaml_pane(page)).to_contain_text(kept)
    saved(page)
    assert "a secret of the tests" not in page.content()
    page.get_by_role("button", name="Reset Credential").click()
    expect(credential).to_have_value("")
    saved(page)
    assert kept not in stored(studio, fields).text


def test_a_list_is_written_entry_by_entry(signed_in_page: Page, studio: Any, fields: str) -> None:
    page, before = signed_in_page, stored(studio, fields).text
    open_editor(page, studio, fields)
    node(page, "ask").click()
    choices = page.get_by_test_id("field-choices")
    add = choices.get_by_placeholder("Add…")
    for text in ("green", "green", "  gold  "):
        add.fill(text)
        add.press("Enter")
    expect(choices.locator(".hed-tag")).to_have_text(["red", "blue", "green", "gold"])
    choices.get_by_role("button", name="Remove red").click()
    add.press("Backspace")
    expect(choices.locator(".hed-tag")).to_have_text(["blue", "green"])
    saved(page)
    assert changed_lines(before, stored(studio, fields).text) == [
        "-      choices: [red, blue]",
        "+      choices: [blue, green]",
    ]


def test_a_map_is_written_row_by_row(signed_in_page: Page, studio: Any, fields: str) -> None:
    page = signed_in_page
    open_editor(page, studio, fields)
    node(page, "ask").click()
    details = page.get_by_test_id("field-details")
    details.get_by_role("button", name="Add a value").click()
    page.keyboard.type("amount")
    page.keyboard.press("Enter")
    value = details.get_by_role("textbox", name="amount", exact=True)
    value.click()
    page.keyboard.type("context.amount")
    name = details.get_by_role("textbox", name="Name of order")
    name.fill("order_id")
    name.press("Enter")
    expect(details.get_by_role("textbox", name="Name of order_id")).to_be_visible()
    saved(page)
    text = stored(studio, fields).text.replace('"', "")
    for entry in ("order_id: context.order_id", "amount: context.amount"):
        assert entry in text
    details.get_by_role("button", name="Remove order_id").click()
    expect(details.get_by_role("textbox", name="Name of order_id")).to_have_count(0)
    saved(page)
    assert "order_id" not in stored(studio, fields).text


# Where the cursor of the YAML stands: the text of its line up to it.
CURSOR = """() => {
  const selection = document.getSelection();
  const line = selection.focusNode.parentElement.closest('.cm-line');
  const range = document.createRange();
  range.setStart(line, 0);
  range.setEnd(selection.focusNode, selection.focusOffset);
  return range.toString();
}"""


def test_the_cursor_stays_in_its_word_while_the_canvas_changes_the_text_above(
    signed_in_page: Page, studio: Any
) -> None:
    page, name = signed_in_page, new_workflow(studio)
    open_editor(page, studio, name)
    page.get_by_text("You greet people.").click()
    page.keyboard.press("End")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    before = page.evaluate(CURSOR)
    assert before.strip() == "You greet peop"
    # A node is put in above, by the canvas: the focus stays in the text.
    page.evaluate("document.querySelector('[data-testid=add-node]').click()")
    page.get_by_test_id("pick-transform").dispatch_event("click")
    expect(node(page, "transform")).to_be_visible()
    saved(page)
    yaml_pane(page).focus()
    assert page.evaluate(CURSOR) == before
    page.keyboard.type("x")
    expect(yaml_pane(page)).to_contain_text("You greet peopxle.")


def places(page: Page) -> dict[str, str]:
    """The card's name -> where it stands on the canvas."""
    found: dict[str, str] = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.react-flow__node')]"
        ".map((one) => [one.dataset.id, one.style.transform]))"
    )
    return found


def test_the_same_graph_always_gets_the_same_layout(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    found = []
    for _ in range(2):
        name = copy_of(studio, "customer_support_workflow")
        open_editor(page, studio, name)
        first = places(page)
        x, y = middle(node(page, "classify_intent"))
        drag(page, (x, y), (x + 120, y + 60))
        assert places(page) != first
        page.keyboard.press("Shift+T")
        saved(page)
        found.append((first, places(page), stored(studio, name).layout["nodes"]))
    assert found[0] == found[1]
    assert found[0][0] == found[0][1], "tidied up, it stands as it was laid out at first"


def test_cards_snap_to_the_grid_until_that_is_turned_off(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    name = new_workflow(studio, SMALL, {"nodes": {"start": [0, 0], "answer": [0, 140], "end": [0, 280]}})
    open_editor(page, studio, name)
    page.keyboard.press("0")
    page.wait_for_timeout(400)
    x, y = middle(node(page, "answer"))
    drag(page, (x, y), (x + 53, y + 31))
    saved(page)
    moved = stored(studio, name).layout["nodes"]["answer"]
    assert moved != [0, 140]
    assert not any(value % 20 for value in moved), moved
    page.keyboard.press("Shift+G")
    expect(page.get_by_text("Cards stand where you put them.")).to_be_visible()
    x, y = middle(node(page, "answer"))
    drag(page, (x, y), (x + 53, y + 31))
    saved(page)
    moved = stored(studio, name).layout["nodes"]["answer"]
    assert any(value % 20 for value in moved), moved
