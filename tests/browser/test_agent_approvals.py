"""An agent that asks before it calls a tool: set in the inspector, seen in the chat, decided on the run's page."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_accessibility import findings
from tests.support.editor import RUN_LIMIT_MS, new_workflow, node, open_editor, saved, stored

HOSTILE = "<img src=x onerror=alert(1)>\u202e1"
CANCELS = """\
name: "{name}"
version: "1.0.0"
description: "Cancels orders"
category: "e_commerce"
priority: "low"
nodes:
  - name: start
    type: start
  - name: help
    type: agent
    config:
      tools:
        - search_order
        - tool_name: cancel_order   # only this one
          parameters: {{order_id: "<img src=x onerror=alert(1)>\\u202e1"}}
  - name: end
    type: end
    config:
      output: {{reply: context.reply_text}}
edges:
  - {{from: start, to: help}}
  - {{from: help, to: end}}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_call_waits_for_the_person_and_the_chat_says_so(
    signed_in_page: Page, studio: Any, scheme: Literal["light", "dark"]
) -> None:
    page, name = signed_in_page, new_workflow(studio, CANCELS)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    open_editor(page, studio, name)
    node(page, "help").click()
    first, second = (page.get_by_label(f"Approval for {tool}") for tool in ("search_order", "cancel_order"))
    first.click()
    expect(page.get_by_test_id("yaml")).to_contain_text("tool_name: search_order")
    expect(first).to_be_checked()
    first.click()
    expect(first).not_to_be_checked()
    second.click()
    expect(second).to_be_checked()
    expect(page.get_by_test_id("yaml")).to_contain_text("approval: true")
    expect(page.get_by_test_id("yaml")).to_contain_text("- search_order")
    saved(page)
    assert stored(studio, name).text.count("approval") == 1

    page.get_by_test_id("chat-input").fill("Please cancel my order")
    page.keyboard.press("Enter")
    waits = page.get_by_test_id("chat-waits")
    expect(waits).to_contain_text("May the agent help call “Cancel order”?", timeout=RUN_LIMIT_MS)
    expect(node(page, "help")).to_have_attribute("data-status", "suspended")
    expect(page.get_by_test_id("cancel-run")).to_contain_text("Waiting")

    assert findings(page) == []
    with page.expect_popup() as opened:
        waits.get_by_role("link", name="Answer it").click()
    opened.value.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    opened.value.reload()
    question = opened.value.get_by_role("region", name="Question")
    expect(question).to_contain_text("cancel_order")
    shown = question.get_by_role("region", name="What you decide on")
    expect(shown.locator("dt")).to_have_text(["order_id"])
    expect(shown.locator("dd")).to_have_text([HOSTILE.replace("\u202e", "\\u202e")])
    assert findings(opened.value) == []
    question.get_by_label("Note").fill("Not without a receipt")
    question.get_by_role("button", name="Reject").click()
    expect(opened.value.locator(".top .status")).to_have_text("succeeded", timeout=RUN_LIMIT_MS)

    expect(page.get_by_test_id("reply").last).to_be_visible(timeout=RUN_LIMIT_MS)
    expect(waits).to_have_count(0)
