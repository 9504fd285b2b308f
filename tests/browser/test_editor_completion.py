"""Completion and help in the YAML pane: keys, values, names, paths; by keyboard, and in a text that is no YAML."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import PASSWORD, sign_in
from tests.support.editor import new_workflow, open_editor, saved, stored, yaml_pane

UNSEEN_MS = 150  # the list itself goes by the clock: it takes no keys yet just after it appeared (75 ms)


@pytest.fixture
def small(studio: Any) -> str:
    return new_workflow(studio)


def line(page: Page, text: str) -> Locator:
    return yaml_pane(page).locator(".cm-line", has_text=text).first


def new_line(page: Page, after: str, typed: str) -> None:
    line(page, after).click()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type(typed)


def option(page: Page, label: str) -> Locator:
    name = page.locator(".cm-completionLabel").get_by_text(label, exact=True)
    return page.locator(".cm-tooltip-autocomplete li").filter(has=name)


def accept(page: Page, label: str, key: str = "Enter") -> None:
    """Take the option, which must be the first, by key."""
    expect(option(page, label)).to_have_attribute("aria-selected", "true")
    page.wait_for_timeout(UNSEEN_MS)
    page.keyboard.press(key)
    expect(option(page, label)).to_have_count(0)


def test_a_config_key_of_the_nodes_type(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    new_line(page, "temperature: 0.2", "max_tok")
    expect(option(page, "max_tokens")).to_contain_text("whole number")
    expect(page.locator(".cm-completionInfo")).to_contain_text("cut after so many tokens")
    accept(page, "max_tokens")
    page.keyboard.type("500")
    saved(page)
    assert "      temperature: 0.2\n      max_tokens: 500\n" in stored(studio, small).text


def test_escape_closes_the_list_and_nothing_else(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    new_line(page, "temperature: 0.2", "stre")
    expect(option(page, "stream")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".cm-tooltip-autocomplete")).to_have_count(0)
    expect(page.get_by_test_id("node-name")).to_have_value("answer")
    page.keyboard.press("Control+Space")
    accept(page, "stream", "Tab")
    expect(line(page, "stream: ")).to_be_visible()


def test_types_and_node_names_in_flow_style(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    new_line(page, "- {from: answer, to: end}", "- {from: star")
    accept(page, "start")
    page.keyboard.type(", to: en")
    accept(page, "end")
    page.keyboard.type(", on: err")
    accept(page, "error")
    page.keyboard.type("}")
    saved(page)
    assert stored(studio, small).text.endswith("  - {from: start, to: end, on: error}\n")

    new_line(page, 'type: "end"', "")
    page.keyboard.press("Shift+Home")
    page.keyboard.type("  - {name: look, type: too")
    expect(page.locator(".cm-completionInfo")).to_be_visible()
    accept(page, "tool")
    page.keyboard.type(", config: {tool_name: search_kn")
    accept(page, "search_knowledge_base")
    page.keyboard.type(", parameters: {que")
    accept(page, "query")
    page.keyboard.type("hello}}}")
    expect(page.get_by_test_id("node-look")).to_be_visible()
    saved(page)
    wanted = "- {name: look, type: tool, config: {tool_name: search_knowledge_base, parameters: {query: hello}}}"
    assert wanted in stored(studio, small).text


def test_it_helps_in_a_text_that_is_no_yaml(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    line(page, 'category: "customer_service"').click()
    page.keyboard.press("End")
    page.keyboard.type("]broken[")
    expect(page.get_by_test_id("yaml-error")).to_be_visible()
    new_line(page, 'priority: "low"', "sta")
    accept(page, "status")
    page.keyboard.type("dep")
    accept(page, "deprecated")
    expect(line(page, "status: deprecated")).to_be_visible()


def test_paths_in_prompts_and_conditions(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    line(page, "You greet people.").click()
    page.keyboard.press("End")
    page.keyboard.type(" {conversation")
    accept(page, "conversation_id")
    page.keyboard.type("}")
    expect(line(page, "You greet people. {conversation_id}")).to_be_visible()
    line(page, "- {from: answer, to: end}").click()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.type(', condition: "nodes.ans')
    accept(page, "nodes.answer.output")
    page.keyboard.type('.ok"')
    saved(page)
    assert '- {from: answer, to: end, condition: "nodes.answer.output.ok"}' in stored(studio, small).text


def test_hover_says_what_a_key_and_a_type_are(page: Page, studio: Any, people: Any, small: str) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    open_editor(page, studio, small)
    tip = page.locator(".hed-help-tip")
    line(page, "temperature: 0.2").locator(".cm-key").hover()
    expect(tip).to_contain_text("number, 0 to 2")
    page.get_by_test_id("canvas").hover(position={"x": 20, "y": 60})
    expect(tip).to_have_count(0)
    line(page, 'type: "agent"').locator(".cm-str").hover()
    expect(tip).to_contain_text("agent")
    expect(tip).to_contain_text("model")
