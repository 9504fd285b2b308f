"""Runs in place: one node, from a node on, pinned outputs, past runs step by step, going on after a failure."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.editor import RUN_LIMIT_MS, ask, new_workflow, node, open_editor, saved, stored

CHAIN = """\
name: "{name}"
version: "1.0.0"
description: "Counts words, and words again"
category: "system"
priority: "low"
triggers:
  - {{type: chat, config: {{path: "{name}"}}}}
nodes:
  - name: start
    type: start
  - name: count
    type: transform
    config:
      output_key: counted
      set:
        words: "len(context.message)"
  - name: double
    type: transform
    config:
      set:
        twice: "context.counted.words * 2"
  - name: check
    type: condition
  - name: end
    type: end
    config:
      output:
        reply: "${{context.twice}} of them"
edges:
  - {{from: start, to: count}}
  - {{from: count, to: double}}
  - {{from: double, to: check}}
  - {{from: check, to: end, condition: "context.twice < 100"}}
"""
FORKED = """\
name: "{name}"
version: "1.0.0"
description: "Counts the words of long messages"
category: "system"
priority: "low"
triggers:
  - {{type: chat, config: {{path: "{name}"}}}}
nodes:
  - {{name: start, type: start}}
  - {{name: count, type: transform, config: {{set: {{words: "len(context.message)"}}}}}}
  - {{name: end, type: end, config: {{output: {{reply: "Thank you"}}}}}}
edges:
  - {{from: start, to: count, condition: "len(context.message) > 3"}}
  - {{from: start, to: end}}
  - {{from: count, to: end}}
"""


@pytest.fixture
def chain(studio: Any) -> str:
    return new_workflow(studio, CHAIN)


def ended(page: Page, status: str = "succeeded") -> None:
    expect(page.get_by_test_id("run-status")).to_have_text(status, timeout=RUN_LIMIT_MS)


def run_id_shown(page: Page) -> str:
    return (page.locator(".hed-run a").get_attribute("href") or "").rsplit("/", 1)[-1]


def test_a_node_runs_alone_and_the_rest_from_it_on(signed_in_page: Page, studio: Any, chain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, chain)
    ask(page, "Hello")
    whole = run_id_shown(page)
    node(page, "double").click()
    page.keyboard.press("Control+Shift+Enter")
    expect(page.locator(".hed-run a")).not_to_have_attribute("href", f"/app/runs/{whole}")
    ended(page)
    expect(node(page, "double")).to_have_attribute("data-status", "succeeded")
    expect(page.get_by_test_id("step-double")).to_be_visible()
    expect(page.get_by_test_id("step-count")).to_have_count(0)
    page.get_by_test_id("inspector").get_by_role("tab", name="Data").click()
    expect(page.get_by_test_id("inspector")).to_contain_text("twice")
    expect(page.get_by_test_id("inspector")).to_contain_text("10")
    alone = run_id_shown(page)

    node(page, "double").click(button="right")
    page.get_by_test_id("menu-run-from").click()
    expect(page.locator(".hed-run a")).not_to_have_attribute("href", f"/app/runs/{alone}")
    ended(page)
    expect(page.get_by_test_id("step-end")).to_be_visible()
    expect(page.get_by_test_id("step-start")).to_have_count(0)
    expect(node(page, "start")).to_have_attribute("data-status", "skipped")


def test_a_pinned_output_is_used_shown_changed_and_taken_off(signed_in_page: Page, studio: Any, chain: str) -> None:
    page, before = signed_in_page, stored(studio, chain)
    open_editor(page, studio, chain)
    ask(page, "Hello")
    node(page, "count").click()
    page.get_by_test_id("inspector").get_by_role("tab", name="Data").click()
    page.get_by_test_id("pin-output").click()
    expect(page.get_by_test_id("pinned-count")).to_be_visible()
    pinned = page.get_by_test_id("pin").locator("textarea")
    expect(pinned).to_have_value('{\n  "words": 5\n}')
    pinned.fill('{"words": 21')
    pinned.press("Control+Enter")
    expect(page.get_by_test_id("pin").get_by_role("alert")).to_contain_text("Not JSON yet")
    pinned.fill('{"words": 21}')
    pinned.press("Control+Enter")
    expect(page.get_by_text("The pinned output of count is changed.")).to_be_visible()
    ask(page, "Anything else")
    expect(page.get_by_test_id("reply").last).to_contain_text("42 of them")

    page.reload()
    expect(page.get_by_test_id("pinned-count")).to_be_visible()
    assert (stored(studio, chain).text, stored(studio, chain).layout) == (before.text, before.layout)
    node(page, "count").click()
    page.keyboard.press("F2")
    page.keyboard.type("counted_words")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("pinned-counted_words")).to_be_visible()
    saved(page)

    # Without its node it is shown as such, and holds again when the node comes back.
    strays = page.get_by_test_id("stray-pins")
    node(page, "counted_words").click()
    page.keyboard.press("Delete")
    expect(node(page, "counted_words")).to_have_count(0)
    expect(strays).to_contain_text("counted_words")
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("pinned-counted_words")).to_be_visible()
    expect(strays).to_have_count(0)
    saved(page)
    node(page, "counted_words").click(button="right")
    page.get_by_test_id("menu-unpin").click()
    expect(page.get_by_test_id("pinned-counted_words")).to_have_count(0)
    ask(page, "Hello")
    expect(page.get_by_test_id("reply").last).to_contain_text("10 of them")


def test_a_past_run_lies_over_the_canvas_and_is_stepped_through(signed_in_page: Page, studio: Any, chain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, chain)
    ask(page, "Hello")
    first = run_id_shown(page)
    ask(page, "Good morning")
    expect(page.get_by_test_id("reply").last).to_contain_text("24 of them")
    page.get_by_test_id("drawer-runs").click()
    past = page.get_by_test_id(f"past-{first}")
    expect(past).to_contain_text("Hello")
    past.click()
    expect(past).to_have_attribute("aria-pressed", "true")
    expect(page.locator(".hed-run a")).to_have_attribute("href", f"/app/runs/{first}")
    expect(node(page, "end")).to_have_attribute("data-status", "succeeded")

    moment = page.get_by_role("slider", name="Moment of the run")
    moment.focus()
    page.keyboard.press("Home")
    expect(node(page, "start")).to_have_attribute("data-status", "running")
    expect(node(page, "end")).to_have_attribute("data-status", "")
    expect(page.get_by_role("button", name="One moment back")).to_be_disabled()
    page.get_by_role("button", name="One moment on").click()
    expect(node(page, "start")).to_have_attribute("data-status", "succeeded")
    moment.focus()
    page.keyboard.press("End")
    expect(node(page, "end")).to_have_attribute("data-status", "succeeded")
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded")


def test_of_two_steps_one_of_which_led_to_the_other_one_is_at_work(signed_in_page: Page, studio: Any) -> None:
    page, small = signed_in_page, new_workflow(studio)
    open_editor(page, studio, small)
    ask(page, "Hello")
    found = run_id_shown(page)

    def rounded_up(route: Route) -> None:
        """As a slow machine's clock would have it: the answer ends a millisecond after what follows it began."""
        told = route.fetch().json()
        began = {step["path"]: datetime.fromisoformat(step["started_at"]) for step in told["steps"]}
        for step in told["steps"]:
            if step["path"] == "answer":
                step["duration_ms"] = (began["end"] - began["answer"]).total_seconds() * 1000 + 1
        route.fulfill(json=told)

    page.route("**/api/v1/runs/*/steps", rounded_up)
    open_editor(page, studio, small, f"?run={found}")
    moment = page.get_by_role("slider", name="Moment of the run")
    moment.focus()
    page.keyboard.press("Home")
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded")
    at_work = []
    for _ in range(5):
        at_work.append([card.get_attribute("data-testid") for card in page.locator(".hed-node.running").all()])
        page.keyboard.press("ArrowRight")
    assert at_work == [["node-start"], [], ["node-answer"], [], ["node-end"]]
    expect(node(page, "end")).to_have_attribute("data-status", "succeeded")


def test_a_stored_run_tells_all_that_a_live_one_told(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    open_editor(page, studio, name)
    ask(page, "Hello")
    card = node(page, "answer")
    live = (card.locator(".bd").inner_text(), page.get_by_test_id("timeline").inner_text())
    assert "$" in live[0]
    open_editor(page, studio, name, f"?run={run_id_shown(page)}")
    expect(card).to_have_attribute("data-status", "succeeded")
    assert (card.locator(".bd").inner_text(), page.get_by_test_id("timeline").inner_text()) == live
    expect(page.get_by_test_id("step-answer").locator(".ic svg")).to_have_class(re.compile("lucide-sparkles"))
    card.click()
    page.get_by_test_id("inspector").get_by_role("tab", name="Data").click()
    expect(page.get_by_role("region", name="Input")).to_contain_text("messages")


def test_two_runs_are_compared_step_by_step(signed_in_page: Page, studio: Any, chain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, chain)
    ask(page, "Hello")
    first = run_id_shown(page)
    ask(page, "Good morning")
    expect(page.get_by_test_id("reply").last).to_contain_text("24 of them")
    second = run_id_shown(page)
    page.get_by_test_id("drawer-runs").click()
    itself = page.get_by_test_id(f"compare-with-{second}")
    expect(itself).to_have_attribute("aria-disabled", "true")
    page.get_by_test_id(f"compare-with-{first}").click()
    compared = page.get_by_test_id("comparison")
    expect(compared.get_by_test_id("compared-count")).to_contain_text("output")
    expect(compared.get_by_test_id("compared-check")).to_have_count(0)  # both went the same way
    expect(node(page, "count")).to_have_attribute("data-differs", "output")
    expect(node(page, "check")).not_to_have_attribute("data-differs", re.compile("."))
    compared.get_by_test_id("compared-double").get_by_role("button").click()
    expect(compared.get_by_test_id("compared-double")).to_contain_text("10")
    expect(compared.get_by_test_id("compared-double")).to_contain_text("24")
    expect(node(page, "double")).to_have_class(re.compile(r"\bsel\b"))
    compared.get_by_role("button", name="Show all 5 steps").click()
    expect(compared.get_by_test_id("compared-check")).to_be_visible()
    compared.get_by_role("button", name="Swap the two runs").click()
    expect(page.get_by_test_id(f"past-{first}")).to_have_attribute("aria-pressed", "true")
    page.get_by_test_id("compare-end").click()
    expect(page.get_by_test_id("timeline")).to_be_visible()
    expect(node(page, "count")).not_to_have_attribute("data-differs", re.compile("."))


def test_the_heat_map_tells_where_time_and_money_went(signed_in_page: Page, studio: Any, chain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, chain)
    page.keyboard.press("Shift+H")
    expect(page.get_by_test_id("heat")).to_contain_text("no runs")
    page.keyboard.press("Shift+H")
    ask(page, "Hello")
    page.get_by_test_id("heat-map").click()
    expect(page.get_by_test_id("heat")).to_contain_text("1 run")
    expect(node(page, "count")).to_have_attribute("data-heat", re.compile(r"^\d+ %$"))
    page.get_by_test_id("heat").get_by_role("radio", name="Cost").click()
    expect(node(page, "count")).to_have_attribute("data-heat", "0 %")
    page.get_by_test_id("heat").get_by_role("radio", name="24 h").click()
    expect(page.get_by_test_id("heat")).to_contain_text("1 run")
    page.get_by_role("button", name="Turn the heat map off").click()
    expect(node(page, "count")).not_to_have_attribute("data-heat", re.compile("."))


def test_a_run_says_which_pins_have_no_node(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio, FORKED))
    ask(page, "Hello")
    node(page, "count").click()
    page.get_by_role("tab", name="Data").click()
    page.get_by_test_id("pin-output").click()
    expect(page.get_by_test_id("pinned-count")).to_be_visible()
    node(page, "count").click()
    page.keyboard.press("Delete")
    expect(page.get_by_test_id("stray-pins")).to_contain_text("count")
    saved(page)
    ask(page, "Hello again")
    expect(page.get_by_text("What is pinned to count is not used: there is no such node.")).to_be_visible()


def test_what_is_hot_is_not_faded_by_the_run_over_the_canvas(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio, FORKED))
    ask(page, "Hello")
    page.get_by_test_id("chat-input").fill("Hi")
    page.keyboard.press("Enter")
    expect(node(page, "count")).to_have_attribute("data-status", "skipped", timeout=RUN_LIMIT_MS)
    title = node(page, "count").locator(".t")
    expect(title).to_have_css("opacity", "0.5")
    page.keyboard.press("Escape")
    page.get_by_test_id("heat-map").click()
    expect(title).to_have_css("opacity", "1")

    page.get_by_test_id("heat-map").click()
    page.get_by_test_id("drawer-runs").click()
    page.get_by_test_id("past-runs").get_by_role("button", name=re.compile("^Compare")).nth(1).click()
    differs = node(page, "count").get_by_text("only in the other run")
    expect(differs).to_have_css("opacity", "1")


def test_past_runs_say_what_they_were_about_in_a_narrow_window(signed_in_page: Page, studio: Any, chain: str) -> None:
    page = signed_in_page
    page.set_viewport_size({"width": 1280, "height": 800})
    open_editor(page, studio, chain)
    ask(page, "Where is my order")
    page.get_by_test_id("drawer-runs").click()
    runs = page.get_by_test_id("past-runs")
    about = runs.get_by_text("Where is my order")
    expect(about).to_be_visible()
    assert about.evaluate("one => one.scrollWidth <= one.clientWidth"), "it is not cut off"
    expect(runs.get_by_role("button", name="succeeded Where is my order")).to_be_visible()


def test_a_failed_run_goes_on_from_its_failed_step(signed_in_page: Page, studio: Any, chain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, chain)
    page.get_by_test_id("chat-input").fill("x" * 60)
    page.keyboard.press("Enter")
    ended(page, "failed")
    failed = run_id_shown(page)
    page.get_by_test_id("retry").click()
    expect(page.locator(".hed-run a")).not_to_have_attribute("href", f"/app/runs/{failed}")
    ended(page, "failed")
    expect(page.get_by_test_id("step-count")).to_be_visible()
    page.get_by_test_id("drawer-runs").click()
    expect(page.get_by_test_id(f"past-{run_id_shown(page)}")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_test_id(f"past-{failed}")).to_be_visible()


def test_without_a_run_there_is_nothing_to_pin(signed_in_page: Page, studio: Any, chain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, chain)
    page.get_by_test_id("drawer-runs").click()
    expect(page.get_by_test_id("drawer")).to_contain_text("No runs yet")
    node(page, "count").click(button="right")
    item = page.get_by_test_id("menu-pin")
    expect(item).to_have_attribute("aria-disabled", "true")
    item.click(force=True)  # it is disabled, and tells why
    expect(page.get_by_text("it has given nothing yet")).to_be_visible()
