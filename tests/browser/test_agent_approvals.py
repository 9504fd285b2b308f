"""An agent that asks before it calls a tool: set in the inspector, seen in the chat, decided on the run's page; and one
that asks two things at once, answered in the list of approvals."""

from __future__ import annotations

import re
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


BOTH = """\
name: "{name}"
version: "1.0.0"
description: "Cancels and refunds orders"
category: "e_commerce"
priority: "low"
nodes:
  - name: start
    type: start
  - name: help
    type: agent
    config:
      tools:
        - {{tool_name: cancel_order, approval: true, parameters: {{order_id: "ORD-A <b>1</b>"}}}}
        - {{tool_name: return_order, approval: true, parameters: {{order_id: "ORD-B <b>2</b>"}}}}
  - name: end
    type: end
    config:
      output: {{reply: context.reply_text}}
edges:
  - {{from: start, to: help}}
  - {{from: help, to: end}}
"""


def test_two_calls_of_one_turn_are_asked_about_at_once_and_answered_in_the_list(
    signed_in_page: Page, studio: Any
) -> None:
    chat, name = signed_in_page, new_workflow(studio, BOTH)
    open_editor(chat, studio, name)
    chat.get_by_test_id("chat-input").fill("Please cancel my order and return my order")
    chat.keyboard.press("Enter")
    waits = chat.get_by_test_id("chat-waits")
    for tool in ("Return order", "Cancel order"):
        expect(waits).to_contain_text(f"May the agent help call “{tool}”?", timeout=RUN_LIMIT_MS)
    run = waits.get_by_role("link", name="Answer them").get_attribute("href")

    page = chat.context.new_page()
    page.goto("/app/approvals")
    lines = page.get_by_label("Waiting", exact=True).get_by_role("button", name=re.compile(name))
    expect(lines).to_have_count(2)
    question = page.get_by_role("region", name="Question")
    decided = question.get_by_role("region", name="What you decide on").locator("dd")
    lines.filter(has_text="Cancel order").click()
    expect(decided).to_have_text(["ORD-A <b>1</b>"])
    question.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("The run goes on after one more question of this step.")).to_be_visible()
    expect(question).to_contain_text("Approved by")
    expect(lines).to_have_count(1)
    expect(waits).not_to_contain_text("Cancel order", timeout=RUN_LIMIT_MS)
    expect(waits.get_by_role("link", name="Answer it")).to_be_visible()

    lines.filter(has_text="Return order").click()
    expect(decided).to_have_text(["ORD-B <b>2</b>"])
    assert findings(page) == []
    question.get_by_label("Note").fill("Not that one")
    question.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Your answer is kept. The run goes on.")).to_be_visible()
    expect(lines).to_have_count(0)
    page.goto(str(run))
    expect(page.locator(".top .status")).to_have_text("succeeded", timeout=RUN_LIMIT_MS)
