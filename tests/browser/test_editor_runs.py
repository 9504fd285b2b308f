"""The preview: chat with the draft, nodes that light up, steps to look into; publishing, and calling the result."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

from playwright.sync_api import Page, WebSocketRoute, expect

from tests.support.editor import (
    RUN_LIMIT_MS,
    WATCH_STATUSES,
    ask,
    ask_and_watch,
    copy_of,
    new_workflow,
    node,
    open_editor,
    saved,
    stored,
)


def test_chat_lights_the_nodes_up(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    open_editor(page, studio, name)
    page.evaluate(WATCH_STATUSES)
    ask_and_watch(page, studio, "Where is my order ORD-10000007?")

    expect(page.get_by_test_id("reply").last).to_contain_text("ORD-10000007")
    for one in ("start", "classify_intent", "route_by_intent", "order_workflow", "generate_response", "end"):
        expect(node(page, one)).to_have_attribute("data-status", "succeeded")
    for one in ("faq_workflow", "lead_workflow"):
        expect(node(page, one)).to_have_attribute("data-status", "skipped")
    seen = page.evaluate("window.seenStatuses")
    lit_up = [one for one, statuses in seen.items() if "running" in statuses]
    assert lit_up, f"no node lit up while it ran: {seen}"  # which ones a browser gets to paint depends on its speed
    expect(page.locator(".hed-edge.taken").first).to_be_attached()

    expect(page.get_by_test_id("timeline").locator("[data-testid^='step-order_workflow/']").first).to_be_visible()
    page.get_by_test_id("step-classify_intent").click()
    facts = page.get_by_test_id("step-facts")
    for fact in ("Took", "Tier", "Model", "Tokens"):
        expect(facts).to_contain_text(fact)
    inspector = page.get_by_test_id("inspector")
    expect(inspector).to_contain_text("Input")
    expect(inspector).to_contain_text('"order"')


def test_a_conversation_goes_on_and_the_run_is_in_the_list(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    open_editor(page, studio, name)
    ask(page, "Hello there")
    first = page.locator(".hed-run a").get_attribute("href")
    page.get_by_test_id("chat-input").fill("And again")
    page.keyboard.press("Enter")
    expect(page.locator(".hed-run a")).not_to_have_attribute("href", first or "")
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded", timeout=RUN_LIMIT_MS)
    expect(page.get_by_test_id("chat").locator(".me")).to_have_count(2)
    run_id = (page.locator(".hed-run a").get_attribute("href") or "").rsplit("/", 1)[-1]
    answer = page.request.get(f"{studio.url}/api/v1/runs?workflow={name}").json()
    assert answer["runs"][0]["run_id"] == run_id
    assert {run["trigger"] for run in answer["runs"]} == {"manual"}

    open_editor(page, studio, name, f"?run={run_id}")
    expect(node(page, "answer")).to_have_attribute("data-status", "succeeded")
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded")


def test_the_previews_buttons_have_room_beside_the_text(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    page.set_viewport_size({"width": 1280, "height": 800})
    open_editor(page, studio, new_workflow(studio))
    ask(page, "Hello there")
    page.keyboard.press("Alt+3")
    for name in ("New conversation", "Fold the preview"):
        expect(page.get_by_role("button", name=name)).to_be_in_viewport(ratio=1)


def test_a_page_loaded_again_shows_what_is_there_now(signed_in_page: Page, studio: Any) -> None:
    """Over a slow connection the tab's earlier state arrives well before the answer of the new load."""
    page, name = signed_in_page, new_workflow(studio)
    open_editor(page, studio, name)
    ask(page, "Hello there")
    run_id = (page.locator(".hed-run a").get_attribute("href") or "").rsplit("/", 1)[-1]
    node(page, "answer").click()
    page.keyboard.press("Delete")
    expect(node(page, "answer")).to_have_count(0)
    saved(page)

    page.route_web_socket(re.compile("_event"), _slowly)
    open_editor(page, studio, name, f"?run={run_id}")
    expect(node(page, "start")).to_have_attribute("data-status", "succeeded")
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded")
    expect(node(page, "answer")).to_have_count(0)
    expect(page.locator(".hed-toast")).to_have_count(0)


def _slowly(socket: WebSocketRoute) -> None:
    """Half a second between two messages of the server."""
    server = socket.connect_to_server()

    def pass_on(message: str | bytes) -> None:
        socket.send(message)
        time.sleep(0.5)

    server.on_message(pass_on)


def test_a_failing_step_says_so_at_its_node(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, FAILS)
    open_editor(page, studio, name)
    page.get_by_test_id("drawer-input").click()
    page.get_by_test_id("input-json").fill('{"n": 1}')
    page.get_by_test_id("run-input").click()
    expect(page.get_by_test_id("run-status")).to_have_text("failed", timeout=RUN_LIMIT_MS)
    expect(node(page, "call")).to_have_attribute("data-status", "failed")
    expect(node(page, "end")).to_have_attribute("data-status", "skipped")
    expect(page.get_by_test_id("timeline").get_by_role("alert")).to_contain_text("nowhere_at_all")
    page.get_by_test_id("input-json").fill("{not json")
    page.get_by_test_id("run-input").click()
    expect(page.get_by_test_id("input-form").get_by_role("alert")).to_contain_text("Not ready to run")


def test_the_input_is_a_form_made_of_its_schema(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, ASKS)
    open_editor(page, studio, name)
    page.get_by_test_id("drawer-input").click()
    form = page.get_by_test_id("input-form")
    expect(form.get_by_label("guests")).to_have_value("2")
    form.get_by_label("Time").select_option("noon")
    form.get_by_label("guests").fill("12")
    form.get_by_label("vegan").select_option("yes")
    form.get_by_role("button", name="Add an entry").click()
    form.get_by_label("Entry 1", exact=True).fill("nuts")
    form.get_by_label("extra").fill('{"a": 1')
    page.get_by_test_id("run-input").click()
    expect(page.get_by_test_id("in-extra").get_by_role("alert")).to_contain_text("not JSON")
    form.get_by_label("extra").fill('{"a": 1}')
    page.get_by_test_id("run-input").click()
    expect(page.get_by_test_id("in-guests").get_by_role("alert")).to_have_text("At most 8.")
    expect(page.get_by_test_id("in-customer-mail").get_by_role("alert")).to_have_text("Please fill this in.")
    expect(form.get_by_label("guests")).to_be_focused()
    expect(page.get_by_test_id("run-status")).to_have_count(0)
    form.get_by_label("guests").fill("many")
    expect(page.get_by_test_id("in-guests").get_by_role("alert")).to_have_text("Please write a whole number.")
    form.get_by_label("guests").fill("4")
    form.get_by_label("mail").fill("ann@example.com")
    page.get_by_test_id("run-input").click()
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded", timeout=RUN_LIMIT_MS)
    form.get_by_role("radio", name="JSON").click()
    given = json.loads(page.get_by_test_id("input-json").input_value())
    assert given == {
        "guests": 4,
        "time": "noon",
        "vegan": True,
        "allergies": ["nuts"],
        "extra": {"a": 1},
        "customer": {"mail": "ann@example.com"},
    }


def test_a_chat_that_cannot_give_all_of_the_input_leads_to_its_form(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, ASKS)
    open_editor(page, studio, name)
    page.get_by_test_id("chat-input").fill("A table, please")
    page.get_by_test_id("chat-input").press("Enter")
    expect(page.get_by_test_id("chat").get_by_role("alert")).to_contain_text("does not fit", timeout=RUN_LIMIT_MS)
    page.get_by_role("button", name="Fill in the input").click()
    form = page.get_by_test_id("input-form")
    expect(form.get_by_label("guests")).to_have_value("2")
    form.get_by_label("mail").fill("ann@example.com")
    page.get_by_test_id("run-input").click()
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded", timeout=RUN_LIMIT_MS)


def test_publish_and_call_the_webhook(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    open_editor(page, studio, name)
    expect(page.get_by_test_id("live-version")).to_have_text("not published")
    page.get_by_test_id("publish").click()
    page.get_by_test_id("publish-note").fill("First version")
    page.get_by_test_id("publish-confirm").click()
    webhook = page.get_by_test_id("address-webhook")
    expect(webhook).to_be_visible()
    expect(page.get_by_test_id("address-chat")).to_contain_text(f"/c/demo/{name}")
    curl = webhook.locator("pre").inner_text()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_test_id("live-version")).to_have_text("v1 live")

    url = re.search(r"https?://\S+?(?=['\s\\])", curl)
    token = re.search(r"Bearer ([\w-]+)", curl)
    assert url, curl
    assert token, curl
    assert _call(url[0], token[1]) in (200, 202)

    page.get_by_test_id("publish").click()
    page.get_by_test_id("publish-confirm").click()
    expect(webhook).to_contain_text("was shown when it was made")
    expect(webhook.locator("pre")).not_to_contain_text(token[1])
    assert stored(studio, name).published_number == 2
    page.get_by_role("button", name="Done").click()

    page.get_by_test_id("live-version").click()
    webhook.get_by_role("button", name="Replace the token").click()
    expect(webhook.locator("pre")).to_contain_text("Bearer hook_")
    newer = re.search(r"Bearer ([\w-]+)", webhook.locator("pre").inner_text())
    assert newer
    assert newer[1] != token[1]
    assert _call(url[0], token[1]) == 403
    assert _call(url[0], newer[1]) in (200, 202)


def _call(url: str, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"message": "Where is my order ORD-10000007?"}).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=60) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as refused:
        return refused.code


def test_errors_block_publishing_and_say_why(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    open_editor(page, studio, name)
    node(page, "answer").click()
    page.keyboard.press("Delete")
    expect(node(page, "answer")).to_have_count(0)
    saved(page)
    page.get_by_test_id("publish").click()
    dialog = page.get_by_test_id("publish-dialog")
    expect(dialog).to_contain_text("must be mended")
    expect(page.get_by_test_id("publish-confirm")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    assert stored(studio, name).published_number is None


# Asks for every kind of value.
ASKS = """\
name: "{name}"
version: "1.0.0"
description: "Takes reservations"
category: "customer_service"
priority: "low"
inputs:
  type: object
  required: [guests, customer]
  properties:
    guests: {{type: integer, minimum: 1, maximum: 8, default: 2, description: "How many will come."}}
    time: {{title: "Time", enum: [noon, evening]}}
    vegan: {{type: boolean}}
    allergies: {{type: array, items: {{type: string}}}}
    extra: {{type: object}}
    customer:
      type: object
      required: [mail]
      properties:
        mail: {{type: string, format: email}}
nodes:
  - {{name: start, type: start}}
  - {{name: end, type: end}}
edges:
  - {{from: start, to: end}}
"""

FAILS = """\
name: "{name}"
version: "1.0.0"
description: "Calls a workflow that does not exist"
category: "system"
priority: "low"
nodes:
  - {{name: start, type: start}}
  - {{name: call, type: sub_workflow, config: {{workflow_name: nowhere_at_all}}}}
  - {{name: end, type: end}}
edges:
  - {{from: start, to: call}}
  - {{from: call, to: end}}
"""
