"""Ports of a node's known ways: a line that is drawn from one, to anywhere on a card, is an edge for that outcome."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PASSWORD, sign_in
from tests.support.editor import (
    SMALL,
    box_of,
    changed_lines,
    drag,
    handle,
    middle,
    new_workflow,
    node,
    open_editor,
    saved,
    stored,
)

ASKED = """\
name: "{name}"
version: "1.0.0"
description: "Asks a person"
category: "customer_service"
priority: "low"

nodes:
  - name: "start"
    type: "start"
  - name: "ask"
    type: "human"
    config:
      message: "May we?"
      timeout_seconds: 60
  - name: "sort"
    type: "classifier"
    config:
      classes:
        - {{name: "order"}}
        - {{name: "complaint"}}
  - name: "end"
    type: "end"

edges:
  - {{from: start, to: ask}}
  - {{from: ask, to: sort, condition: "context.approved"}}
"""
LAYOUT = {"nodes": {"start": [0, 0], "ask": [0, 140], "sort": [0, 300], "end": [400, 300]}}


@pytest.fixture
def asked(studio: Any) -> str:
    return new_workflow(studio, ASKED, LAYOUT)


def test_each_known_way_has_a_port_with_its_name(signed_in_page: Page, studio: Any, asked: str) -> None:
    page, before = signed_in_page, stored(studio, asked).text
    open_editor(page, studio, asked)
    expect(page.locator(".hed-way")).to_have_count(0)
    page.mouse.move(*middle(node(page, "ask")))
    ports = page.get_by_test_id("ways-ask").locator(".hed-way")
    expect(ports).to_have_text(["approved", "rejected", "timeout", "on error"])
    expect(page.get_by_test_id("way-approved")).to_have_attribute("title", "approved: leads to sort")
    page.get_by_test_id("way-approved").click()
    expect(page.get_by_label("Settings of the edge")).to_be_visible()

    page.mouse.move(*middle(node(page, "ask")))
    drag(page, middle(page.get_by_test_id("way-rejected")), middle(node(page, "end")))
    expect(page.get_by_test_id("edge-ask->end#0")).to_have_text("not approved")
    saved(page)
    assert changed_lines(before, stored(studio, asked).text) == [
        '+  - {from: ask, to: end, condition: "context.approved == false"}'
    ]


PLAIN = SMALL.replace("edges:", '  - name: "refund"\n    type: "transform"\n    config: {{set: {{a: 1}}}}\n\nedges:')
PLAIN_LAYOUT = {"nodes": {"start": [0, 0], "answer": [0, 140], "end": [-160, 300], "refund": [160, 300]}}


@pytest.fixture
def plain(studio: Any) -> str:
    return new_workflow(studio, PLAIN, PLAIN_LAYOUT)


def condition(page: Page, to: str) -> Locator:
    return page.get_by_test_id(f"condition-{to}")


def within(part: Locator, whole: Locator) -> None:
    inner, outer = box_of(part), box_of(whole)
    assert outer["x"] + 8 <= inner["x"], (inner, outer)
    assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] - 8, (inner, outer)


def test_a_second_way_asks_at_once_when_it_is_taken(signed_in_page: Page, studio: Any, plain: str) -> None:
    page, before = signed_in_page, stored(studio, plain).text
    open_editor(page, studio, plain)
    node(page, "answer").hover()
    drag(page, middle(handle(page, "answer", "source")), middle(node(page, "refund")))
    expect(page.get_by_label("Settings of the edge")).to_be_visible()
    expect(condition(page, "refund")).to_be_focused()
    expect(page.get_by_test_id("undecided")).to_contain_text("in all other cases it goes to end")
    expect(page.locator(".cm-tooltip-autocomplete li", has_text="context.")).not_to_have_count(0)
    saved(page)
    assert changed_lines(before, stored(studio, plain).text) == ["+  - {from: answer, to: refund}"]
    page.keyboard.press("Escape")  # the names
    page.keyboard.press("Escape")  # the field: the edge stays, and has the keys
    expect(page.locator('.react-flow__edge[data-id="answer->refund#0"]')).to_be_focused()
    condition(page, "refund").click()
    page.keyboard.type("context.message == 'refund'")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("undecided")).to_have_count(0)
    saved(page)
    lines = stored(studio, plain).text.splitlines()
    assert lines[-2:] == [
        """  - {from: answer, to: refund, condition: "context.message == 'refund'"}""",
        "  - {from: answer, to: end}",
    ]
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    saved(page)
    assert stored(studio, plain).text == before


def test_a_second_way_may_be_for_all_other_cases(signed_in_page: Page, studio: Any, plain: str) -> None:
    page = signed_in_page
    page.set_viewport_size({"width": 1280, "height": 800})
    open_editor(page, studio, plain)
    node(page, "answer").hover()
    drag(page, middle(handle(page, "answer", "source")), middle(node(page, "refund")))
    expect(condition(page, "refund")).to_be_focused()
    within(page.get_by_role("button", name="Go both ways at once"), page.get_by_test_id("inspector"))
    node(page, "answer").click()  # who goes on to another form is not asked there
    expect(page.get_by_test_id("branch-refund")).to_be_visible()
    expect(condition(page, "refund")).not_to_be_focused()
    page.get_by_test_id("edge-answer->refund#0").click()
    page.get_by_role("button", name="This is for all other cases").click()
    expect(condition(page, "end")).to_be_focused()
    page.keyboard.type("context.message == 'bye'")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("edge-answer->refund#0")).to_have_text("default")
    saved(page)
    assert stored(studio, plain).text.splitlines()[-2:] == [
        """  - {from: answer, to: end, condition: "context.message == 'bye'"}""",
        "  - {from: answer, to: refund}",
    ]


def test_a_second_way_may_be_taken_at_the_same_time(signed_in_page: Page, studio: Any, plain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, plain)
    node(page, "answer").hover()
    drag(page, middle(handle(page, "answer", "source")), middle(node(page, "refund")))
    page.get_by_role("button", name="Go both ways at once").click()
    expect(node(page, "parallel")).to_be_visible()
    saved(page)
    text = stored(studio, plain).text
    edges = set(text[text.index("edges:") :].splitlines()[1:])
    assert edges == {
        "  - {from: start, to: answer}",
        "  - {from: answer, to: parallel}",
        "  - {from: parallel, to: end}",
        "  - {from: parallel, to: refund}",
    }
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+z")
    expect(node(page, "parallel")).to_have_count(0)


def test_a_second_way_made_by_keys_asks_where_one_is(signed_in_page: Page, studio: Any, plain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, plain)
    node(page, "answer").click()
    page.get_by_role("button", name="Add a way on").press("Enter")
    page.get_by_label("New branch leads to").select_option("refund")
    expect(condition(page, "refund")).to_be_focused()
    expect(page.get_by_test_id("undecided")).to_contain_text("only one of them can be taken")
    page.keyboard.type("context.message == 'refund'")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("undecided")).to_have_count(0)
    expect(page.get_by_test_id("node-name")).to_have_value("answer")


def test_a_second_way_into_the_void_asks_as_well(signed_in_page: Page, studio: Any, plain: str) -> None:
    page = signed_in_page
    open_editor(page, studio, plain)
    node(page, "answer").hover()
    box = box_of(node(page, "answer"))
    drag(page, middle(handle(page, "answer", "source")), (box["x"] + box["width"] + 120, box["y"] + 60))
    page.get_by_test_id("picker").get_by_role("combobox").fill("wait")
    page.keyboard.press("Enter")
    expect(condition(page, "wait")).to_be_focused()


def test_the_ports_of_outcomes_leave_the_cards_own_port_free(signed_in_page: Page, studio: Any, asked: str) -> None:
    page, before = signed_in_page, stored(studio, asked).text
    open_editor(page, studio, asked)
    node(page, "ask").click()
    expect(page.get_by_test_id("way-rejected")).to_be_visible()
    drag(page, middle(handle(page, "ask", "source")), middle(node(page, "end")))
    saved(page)
    assert changed_lines(before, stored(studio, asked).text) == ["+  - {from: ask, to: end}"]


def test_a_way_that_ends_in_the_void_asks_for_a_node(signed_in_page: Page, studio: Any, asked: str) -> None:
    page, before = signed_in_page, stored(studio, asked).text
    open_editor(page, studio, asked)
    page.mouse.move(*middle(node(page, "sort")))
    canvas = box_of(page.get_by_test_id("canvas"))
    drag(page, middle(page.get_by_test_id("way-complaint")), (canvas["x"] + 130, canvas["y"] + 90))
    expect(page.get_by_test_id("picker")).to_contain_text("Follows sort, complaint")
    page.keyboard.type("respond")
    page.keyboard.press("Enter")
    expect(node(page, "respond")).to_be_visible()
    saved(page)
    added = [line for line in changed_lines(before, stored(studio, asked).text) if "from:" in line]
    assert added == ["+  - {from: sort, to: respond, condition: \"context.class == 'complaint'\"}"]


def test_ways_are_led_on_without_a_mouse(signed_in_page: Page, studio: Any, asked: str) -> None:
    page, before = signed_in_page, stored(studio, asked).text
    open_editor(page, studio, asked)
    node(page, "ask").click()
    branches = page.get_by_test_id("branches")
    expect(branches.get_by_role("button", name="approved →")).to_have_count(0)
    branches.get_by_role("button", name="timeout →").press("Enter")
    expect(page.get_by_label("timeout leads to")).to_be_focused()
    page.get_by_label("timeout leads to").select_option("end")
    expect(branches.get_by_role("button", name="timeout →")).to_have_count(0)
    saved(page)
    assert changed_lines(before, stored(studio, asked).text) == ['+  - {from: ask, to: end, "on": timeout}']


def test_who_may_not_draw_sees_no_ports(page: Page, studio: Any, people: Any, asked: str) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    open_editor(page, studio, asked)
    node(page, "ask").click()
    expect(page.get_by_test_id("node-name")).to_have_value("ask")
    expect(page.locator(".hed-way")).to_have_count(0)
