"""The inspector: fields that know what they can read, forms for tools and schemas, and a run's data beside them."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.editor import (
    SMALL,
    ask,
    changed_lines,
    copy_of,
    new_workflow,
    node,
    open_editor,
    saved,
    see_all,
    stored,
    yaml_pane,
)

FIELDS = """\
name: "{name}"
version: "1.0.0"
description: "Fields of many kinds"
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
      set:
        words: "len(context.message)"
  - name: look
    type: tool
    config:
      tool_name: search_knowledge_base
      parameters:
        query: "context.message"
  - name: write
    type: agent
    config:
      model: auto
      prompt_template: |
        Answer shortly.
      output_schema:
        type: object
        required: [answer]
        properties:
          answer: {{type: string}}
  - name: route
    type: condition
  - name: end
    type: end
edges:
  - {{from: start, to: count}}
  - {{from: count, to: look}}
  - {{from: look, to: write}}
  - {{from: write, to: route}}
  - {{from: route, to: end}}
"""


@pytest.fixture
def fields(studio: Any) -> str:
    return new_workflow(studio, FIELDS)


def completion(page: Page, text: str) -> Locator:
    """One choice of the completion list."""
    return page.locator(".cm-tooltip-autocomplete li").filter(has_text=text).first


def prompt_of(page: Page) -> Locator:
    return page.get_by_test_id("field-prompt_template").get_by_test_id("prompt")


def test_a_prompt_completes_paths_and_marks_them(signed_in_page: Page, studio: Any, fields: str) -> None:
    page, before = signed_in_page, stored(studio, fields).text
    open_editor(page, studio, fields)
    ask(page, "Hello there")
    node(page, "write").click()
    prompt_of(page).click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" They ask: {mess")
    expect(completion(page, "message")).to_contain_text("string")
    page.keyboard.press("Tab")
    expect(prompt_of(page).locator(".cm-chip")).to_have_text("{message}")
    expect(page.get_by_test_id("preview")).to_contain_text("They ask: Hello there")
    page.keyboard.press("Control+Enter")
    expect(yaml_pane(page)).to_contain_text("They ask: {message}")
    saved(page)
    assert changed_lines(before, stored(studio, fields).text) == [
        "-        Answer shortly.",
        "+        Answer shortly. They ask: {message}",
    ]


def test_an_expression_is_tried_on_the_last_run_and_its_faults_are_underlined(
    signed_in_page: Page, studio: Any, fields: str
) -> None:
    page = signed_in_page
    open_editor(page, studio, fields)
    ask(page, "Hello there")
    page.reload()  # the last run is found again, without being laid over the canvas
    node(page, "count").click()
    field = page.get_by_test_id("field-set")
    words = field.get_by_role("textbox", name="words", exact=True)
    words.click()
    expect(field.get_by_test_id("preview")).to_contain_text("11")
    page.keyboard.press("End")
    page.keyboard.type(" * 2")
    expect(field.get_by_test_id("preview")).to_contain_text("22")
    page.keyboard.type(" +")
    expect(field.locator(".cm-lintRange-error")).to_be_visible()
    expect(page.get_by_test_id("problem-count")).to_contain_text("1 error")
    expect(field.get_by_role("alert")).to_be_visible()
    page.keyboard.type(" 1")
    expect(field.locator(".cm-lintRange-error")).to_have_count(0)
    expect(field.get_by_test_id("preview")).to_contain_text("23")
    expect(page.get_by_test_id("problem-count")).to_contain_text("no problems")
    page.keyboard.press("Control+a")
    page.keyboard.type("__import__('os')")
    expect(field.locator(".cm-lintRange-error")).to_be_visible()
    page.keyboard.press("Escape")
    expect(yaml_pane(page)).to_contain_text('words: "len(context.message)"')
    saved(page)


def test_a_condition_completes_what_its_node_put_out(signed_in_page: Page, studio: Any, fields: str) -> None:
    page = signed_in_page
    open_editor(page, studio, fields)
    page.locator(".react-flow__edge").nth(3).dispatch_event("click")
    condition = page.get_by_test_id("condition-route")
    condition.click()
    page.keyboard.type("context.ans")
    expect(completion(page, "context.answer")).to_contain_text("write")
    page.keyboard.press("Enter")
    expect(condition).to_have_text("context.answer")
    page.keyboard.type(" != ''")
    page.keyboard.press("Enter")
    expect(yaml_pane(page)).to_contain_text("context.answer != ''")
    saved(page)
    assert "condition: \"context.answer != ''\"" in stored(studio, fields).text


def test_a_tool_lays_out_its_parameters(signed_in_page: Page, studio: Any, fields: str) -> None:
    page, before = signed_in_page, stored(studio, fields).text
    open_editor(page, studio, fields)
    node(page, "look").click()
    parameters = page.get_by_test_id("parameters")
    expect(parameters).to_contain_text("query")
    expect(parameters.get_by_role("textbox", name="query")).to_have_text("context.message")
    parameters.get_by_role("combobox", name="Set another parameter").select_option("limit")
    expect(yaml_pane(page)).to_contain_text("limit:")
    parameters.get_by_role("button", name="Remove limit").click()
    expect(yaml_pane(page)).not_to_contain_text("limit:")
    saved(page)
    assert stored(studio, fields).text == before
    page.get_by_test_id("field-tool_name").get_by_role("combobox").select_option("search_order")
    expect(page.get_by_test_id("field-tool_name")).to_contain_text("search_order")
    expect(parameters).to_contain_text("The tool knows no such parameter.")
    saved(page)
    assert changed_lines(before, stored(studio, fields).text) == [
        "-      tool_name: search_knowledge_base",
        "+      tool_name: search_order",
    ]


def test_names_of_a_run_are_dragged_and_clicked_into_fields(signed_in_page: Page, studio: Any, fields: str) -> None:
    page = signed_in_page
    open_editor(page, studio, fields)
    ask(page, "Hello there")
    node(page, "write").click()
    page.get_by_test_id("wide").click()
    readable = page.get_by_test_id("readable")
    expect(page.get_by_test_id("given").get_by_test_id("step-facts")).to_contain_text("succeeded")
    prompt_of(page).click()
    page.keyboard.press("Control+End")
    readable.locator("[data-path='context.words']").click()
    expect(prompt_of(page)).to_contain_text("Answer shortly.{words}")
    readable.locator("[data-path='inputs.message']").drag_to(prompt_of(page).locator(".cm-line").first)
    expect(prompt_of(page).locator(".cm-chip")).to_have_count(2)
    expect(prompt_of(page)).to_contain_text("{inputs.message}")
    readable.get_by_role("button", name="Table").first.click()
    expect(readable.get_by_role("table").first).to_contain_text("words")
    readable.get_by_role("button", name="JSON").first.click()
    expect(readable.locator("pre").first).to_contain_text('"words": 11')
    page.get_by_test_id("wide").click()
    expect(node(page, "write")).to_be_visible()
    saved(page)
    assert "{words}" in stored(studio, fields).text


def test_values_are_dragged_into_fields_beside_a_small_canvas(signed_in_page: Page, studio: Any, fields: str) -> None:
    page = signed_in_page
    page.set_viewport_size({"width": 1280, "height": 800})
    open_editor(page, studio, fields)
    ask(page, "Hello there")
    node(page, "write").click()
    page.get_by_test_id("reads").click()
    readable = page.get_by_test_id("readable")
    field = prompt_of(page).locator(".cm-line").first
    readable.locator("[data-value-of='inputs.message']").drag_to(field)
    expect(prompt_of(page)).to_contain_text("{inputs.message}")
    readable.get_by_role("button", name="Table").first.click()
    readable.locator("[data-value-of='context.words']").drag_to(field)
    expect(prompt_of(page)).to_contain_text("{words}")
    expect(node(page, "write")).to_be_visible()
    saved(page)
    node(page, "count").click()
    expect(readable).to_be_visible()
    page.get_by_test_id("reads").click()
    expect(readable).to_have_count(0)


def test_names_are_offered_before_the_first_run(signed_in_page: Page, studio: Any, fields: str) -> None:
    page = signed_in_page
    open_editor(page, studio, fields)
    node(page, "count").click()
    page.get_by_test_id("wide").click()
    readable = page.get_by_test_id("readable")
    expect(readable).to_contain_text("context.message")
    expect(page.get_by_test_id("given")).to_contain_text("No data yet")
    readable.locator("[data-path='context.customer_id']").click()
    expect(page.get_by_text("Click into a field first")).to_be_visible()
    page.keyboard.press("Escape")
    expect(readable).to_have_count(0)


def test_a_schema_is_built_row_by_row(signed_in_page: Page, studio: Any, fields: str) -> None:
    page, before = signed_in_page, stored(studio, fields).text
    open_editor(page, studio, fields)
    node(page, "write").click()
    schema = page.get_by_test_id("schema-output_schema")
    schema.get_by_role("button", name="Add a field").click()
    page.keyboard.type("mood")
    page.keyboard.press("Enter")
    expect(yaml_pane(page)).to_contain_text("mood:")
    expect(schema.get_by_role("button", name="Add a field")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("gone")
    page.keyboard.press("Escape")
    expect(schema.get_by_role("button", name="Add a field")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("mood")
    page.keyboard.press("Enter")
    expect(page.get_by_text("There is a field called mood already.")).to_be_visible()
    name = schema.get_by_role("textbox", name="Name of mood")
    name.fill("temper")
    name.press("Tab")
    expect(yaml_pane(page)).to_contain_text("temper:")
    expect(schema.get_by_role("combobox", name="Type of temper")).to_be_focused()
    schema.get_by_role("textbox", name="Name of temper").fill("mood")
    schema.get_by_role("textbox", name="Name of temper").press("Enter")
    values = schema.get_by_role("textbox", name="Allowed values of mood")
    values.fill("good, bad")
    values.press("Enter")
    expect(yaml_pane(page)).to_contain_text("good")
    schema.get_by_role("button", name="As JSON").click()
    expect(schema.get_by_role("textbox")).to_contain_text('"bad"')
    schema.get_by_role("button", name="As a form").click()
    schema.get_by_role("button", name="Remove mood").click()
    expect(yaml_pane(page)).not_to_contain_text("mood")
    saved(page)
    assert stored(studio, fields).text == before


def test_the_schema_of_the_shipped_classifier_is_a_form(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    before = stored(studio, name).text
    open_editor(page, studio, name)
    node(page, "classify_intent").click()
    schema = page.get_by_test_id("schema-output_schema")
    expect(schema.locator("textarea")).to_have_count(0)
    expect(schema.get_by_label("Allowed values of intent")).to_have_value("faq, order, lead, complaint, support, other")
    most = schema.get_by_label("at most of confidence", exact=True)
    expect(most).to_have_value("1")
    most.fill("much")
    most.press("Enter")
    expect(page.get_by_text("A number, please.")).to_be_visible()
    expect(most).to_have_value("1")
    most.fill("0.9")
    most.press("Enter")
    schema.get_by_label("Add a limit to intent").select_option("maxLength")
    schema.get_by_label("most characters of intent", exact=True).fill("20")
    schema.get_by_label("most characters of intent", exact=True).press("Enter")
    saved(page)
    lines = [line.strip("+- ") for line in changed_lines(before, stored(studio, name).text) if line.startswith("+")]
    assert any("maximum: 0.9" in line for line in lines), lines
    assert any("maxLength: 20" in line for line in lines), lines


DEEP = """\
      output_schema:
        type: object
        additionalProperties: false
        properties:
          lines:
            type: array
            maxItems: 5
            items:
              type: object
              required: [sku]
              properties:
                sku: {type: string, pattern: "^[A-Z]+$"}
                sizes: {type: array, items: {type: array, items: {type: integer, enum: [1, 2]}}}
          note: {type: [string, "null"], default: none}
"""


def test_objects_and_lists_within_each_other_are_a_form_and_what_it_cannot_say_is_json(
    signed_in_page: Page, studio: Any
) -> None:
    page = signed_in_page
    deep = DEEP.replace("{", "{{").replace("}", "}}")
    name = new_workflow(studio, SMALL.replace("    config:\n", "    config:\n" + deep))
    before = stored(studio, name).text
    open_editor(page, studio, name)
    node(page, "answer").click()
    schema = page.get_by_test_id("schema-output_schema")
    expect(schema.locator("textarea")).to_have_count(0)
    expect(schema.get_by_label("pattern of sku", exact=True)).to_have_value("^[A-Z]+$")
    expect(schema.get_by_label("most items of lines", exact=True)).to_have_value("5")
    expect(schema.get_by_label("Allowed values of items of items of sizes")).to_have_value("1, 2")
    expect(schema.get_by_label("default of note", exact=True)).to_have_value("none")
    schema.get_by_role("checkbox", name="no other fields of all").click()
    saved(page)
    assert changed_lines(before, stored(studio, name).text) == ["-        additionalProperties: false"]
    schema.get_by_label("pattern of sku", exact=True).fill("[")
    schema.get_by_label("pattern of sku", exact=True).press("Enter")
    expect(page.get_by_text("That is no regular expression.")).to_be_visible()
    schema.get_by_role("button", name="As JSON").click()
    schema.locator("textarea").fill('{"type": "object", "oneOf": []}')
    schema.locator("textarea").press("Control+Enter")
    expect(schema).to_contain_text("This schema says more than the form can show.")


def test_a_text_that_is_too_long_says_so_beside_the_field(signed_in_page: Page, studio: Any, fields: str) -> None:
    page, before = signed_in_page, stored(studio, fields).text
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    open_editor(page, studio, fields)
    node(page, "write").click()
    field = page.get_by_test_id("field-prompt_template")
    field.get_by_test_id("prompt").click()
    page.evaluate("navigator.clipboard.writeText('x'.repeat(250000))")
    page.keyboard.press("Control+v")
    expect(field.get_by_role("alert")).to_contain_text("Not saved: a text has at most 200,000 characters")
    page.keyboard.press("Escape")
    expect(field.get_by_role("alert")).to_have_count(0)
    saved(page)
    assert stored(studio, fields).text == before


def test_the_model_field_tells_tier_price_and_the_routers_choice(
    signed_in_page: Page, studio: Any, fields: str
) -> None:
    page = signed_in_page
    open_editor(page, studio, fields)
    node(page, "write").click()
    field = page.get_by_test_id("field-model")
    expect(field.get_by_test_id("route")).to_contain_text("would answer")
    field.get_by_role("combobox").select_option("tier:C")
    expect(field).to_contain_text("Answered by")
    expect(field.get_by_test_id("route")).to_have_count(0)
    expect(yaml_pane(page)).to_contain_text("tier:C")
    assert any("$" in text for text in field.locator("option").all_inner_texts())
    field.get_by_role("button", name="What is Model?").click()
    expect(field.locator(".hed-help").first).to_be_visible()
    field.get_by_role("button", name="Reset Model").click()
    expect(field.get_by_role("combobox")).to_have_value("auto")
    saved(page)


def test_a_path_goes_only_into_fields_that_can_read_it(signed_in_page: Page, studio: Any, fields: str) -> None:
    page = signed_in_page
    open_editor(page, studio, fields)
    ask(page, "Hello there")
    before = stored(studio, fields).text
    node(page, "write").click()
    page.get_by_test_id("wide").click()
    name = page.get_by_test_id("readable").locator("[data-path='context.words']")
    settings = page.get_by_test_id("inspector")
    said = page.get_by_role("status").filter(has_text="it can read no data")

    # A number refuses it, in words as well; so it does when the name is clicked.
    temperature = page.get_by_test_id("field-temperature").locator("input")
    name.drag_to(temperature)
    expect(said).to_contain_text("Temperature is taken as it is written")
    expect(temperature).to_have_value("")
    expect(settings.locator(".hed-refuses")).to_have_count(0)
    longest = page.get_by_test_id("field-max_tokens").locator("input")
    longest.click()
    name.click()
    expect(said).to_contain_text("Longest answer is taken as it is written")
    expect(longest).to_have_value("")
    assert stored(studio, fields).text == before

    # JSON takes it as a text of its own, and a key for kept answers as a template.
    knowledge = page.get_by_test_id("field-knowledge").locator("textarea")
    knowledge.fill('{"query": }')
    page.keyboard.press("ArrowLeft")
    name.drag_to(knowledge)
    expect(knowledge).to_have_value('{"query": "context.words"}')
    settings.get_by_role("button", name="More settings").click()
    key = settings.locator("#f-cache-key")
    name.drag_to(key)
    expect(key).to_have_text("{words}")
    key.press("Enter")
    saved(page)
    text = stored(studio, fields).text
    assert "query: context.words" in text.replace('"', "")
    assert "{words}" in text


def test_a_nodes_name_has_its_room_before_its_type_has(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    page.set_viewport_size({"width": 1280, "height": 800})
    open_editor(page, studio, copy_of(studio, "customer_support_workflow"))
    see_all(page)
    for name in ("order_workflow", "classify_intent", "end"):
        node(page, name).click()
        shown = page.get_by_test_id("node-name")
        expect(shown).to_have_value(name)
        assert shown.evaluate("one => one.scrollWidth <= one.clientWidth"), name
    kind = page.get_by_test_id("inspector").locator(".hed-chip", has_text="end").first
    assert kind.evaluate("one => one.scrollWidth <= one.clientWidth"), "a short name leaves room for the type"


# Titles of fields that have no help.
HELPLESS = """() => [...document.querySelectorAll('.hed-insp .hed-fl')]
  .filter((one) => one.checkVisibility() && !one.querySelector('[aria-label^="What is"]'))
  .map((one) => one.innerText)"""


def test_forms_that_no_schema_makes_have_help_and_a_way_back_too(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    before = stored(studio, name).text
    open_editor(page, studio, name)
    panel = page.get_by_test_id("workflow-panel")
    assert page.evaluate(HELPLESS) == []
    panel.get_by_label("Longest run", exact=True).fill("60")
    expect(yaml_pane(page)).to_contain_text("timeout_seconds: 60")
    panel.get_by_role("button", name="Reset Longest run").click()
    panel.get_by_role("button", name="What is Triggers?").click()
    expect(panel).to_contain_text("What starts a run")

    node(page, "answer").click()
    page.get_by_role("button", name="More settings").click()
    assert page.evaluate(HELPLESS) == []
    for label, value in (("Tries", "3"), ("Keep the answer for", "60")):
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_role("button", name=f"Reset {label}").click()
        expect(page.get_by_role("button", name=f"Reset {label}")).to_have_count(0)

    expect(page.get_by_role("button", name="Add to MCP servers")).to_be_visible()
    page.evaluate("document.querySelector('[data-id=\"answer->end#0\"]').focus()")
    page.keyboard.press("Enter")
    assert page.evaluate(HELPLESS) == []
    page.get_by_label("Label on the canvas", exact=True).fill("done")
    page.get_by_role("radio", name="it fails").click()
    page.get_by_role("button", name="Reset Label on the canvas").click()
    page.get_by_role("button", name="Reset Taken when answer").click()
    expect(page.get_by_role("radio", name="it succeeds")).to_be_checked()
    saved(page)
    assert stored(studio, name).text == before
