"""Ports of a node's known ways: a line that is drawn from one, to anywhere on a card, is an edge for that outcome."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PASSWORD, sign_in
from tests.support.editor import (
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
