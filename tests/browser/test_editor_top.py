"""Forms of what stands beside nodes and edges: triggers, and the workflow's variables and input."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from studio.services.trigger_specs import trigger_specs
from tests.browser.conftest import PASSWORD, sign_in
from tests.support.editor import SMALL, changed_lines, new_workflow, open_editor, saved, stored

TIMED = SMALL.replace(
    "nodes:\n",
    """\
triggers:
  # every morning, before the shop opens
  - name: "morning"   # keep the name
    type: "schedule"
    config:
      cron: "0 8 * * mon-fri"
      timezone: "Europe/Berlin"
  - {{name: "hook", type: "webhook", config: {{path: "{name}"}}}}

variables:
  - name: "brand"
    default: "Larkfell"   # the shop

nodes:
""",
    1,
)


@pytest.fixture
def timed(studio: Any) -> str:
    return new_workflow(studio, TIMED)


def trigger(page: Page, key: str) -> Locator:
    return page.get_by_test_id(f"trigger-{key}")


def unfolded(page: Page, key: str) -> Locator:
    trigger(page, key).locator(".hed-trigger").click()
    return trigger(page, key)


def add(page: Page, kind: str) -> None:
    page.get_by_label("Add a trigger").select_option(kind)


def test_a_schedule_is_set_by_lists_and_keeps_its_comments(signed_in_page: Page, studio: Any, timed: str) -> None:
    page, before = signed_in_page, stored(studio, timed).text
    open_editor(page, studio, timed)
    card = unfolded(page, "schedule#1")
    expect(card.get_by_label("How often")).to_have_value("workdays")
    expect(card.get_by_label("Time of day")).to_have_value("08:00")
    card.get_by_label("How often").select_option("weekly")
    card.get_by_label("Day of the week").select_option("sun")
    card.get_by_label("Time of day").fill("21:30")
    expect(card.locator("#trigger-schedule-1-cron")).to_have_value("30 21 * * sun")
    expect(card.get_by_test_id("next-fires")).to_contain_text("21:30, Europe/Berlin")
    zone = card.get_by_label("Time zone", exact=True)
    assert page.locator(f"datalist#{zone.get_attribute('list')} option[value='Asia/Tokyo']").count() == 1
    zone.fill("Asia/Tokyo")
    expect(card.get_by_test_id("next-fires")).to_contain_text("21:30, Asia/Tokyo")
    saved(page)
    assert changed_lines(before, stored(studio, timed).text) == [
        '-      cron: "0 8 * * mon-fri"',
        '-      timezone: "Europe/Berlin"',
        '+      cron: "30 21 * * sun"',
        '+      timezone: "Asia/Tokyo"',
    ]
    card.locator("#trigger-schedule-1-cron").fill("0 25 * * *")
    expect(card.get_by_test_id("trigger-schedule-1-cron").get_by_role("alert")).to_contain_text("'25' is not an hour")
    expect(card.get_by_label("How often")).to_have_value("daily")


def test_triggers_come_and_go_with_undo(signed_in_page: Page, studio: Any, timed: str) -> None:
    page, before = signed_in_page, stored(studio, timed).text
    open_editor(page, studio, timed)
    add(page, "event")
    card = trigger(page, "event#1")
    expect(card.locator("#trigger-event-1-topic")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("orders paid")
    expect(card.get_by_role("alert")).to_contain_text("a topic has letters, digits")
    page.keyboard.press("Control+a")
    page.keyboard.type("orders.paid")
    card.locator("#trigger-event-1-filter").click()
    page.keyboard.type("context.total > 100")
    card.get_by_role("switch").click()
    saved(page)
    assert changed_lines(before, stored(studio, timed).text) == [
        '+  - name: "event"',
        '+    type: "event"',
        "+    config:",
        '+      topic: "orders.paid"',
        '+      filter: "context.total > 100"',
        "+    enabled: false",
    ]
    expect(card.locator("code").first).to_have_text("off")
    with_it = stored(studio, timed).text
    card.get_by_role("button", name="Remove trigger").click()
    expect(card).to_have_count(0)
    saved(page)
    assert stored(studio, timed).text == before
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+z")
    expect(card).to_be_visible()
    saved(page)
    assert stored(studio, timed).text == with_it


def test_every_kind_of_trigger_can_be_added_and_is_right_at_once(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio)
    open_editor(page, studio, name)
    offered = [kind for kind, spec in trigger_specs().items() if spec["offered"]]
    for kind in offered:
        add(page, kind)
        expect(trigger(page, f"{kind}#1").get_by_role("group")).to_be_visible()
    saved(page)
    expect(page.get_by_test_id("problem-count")).to_contain_text("no problems")
    expect(page.locator(".hed-item")).to_have_count(len(offered))
    text = stored(studio, name).text
    assert text.count(f'path: "{name}"') == 3
    expect(unfolded(page, "webhook#1").get_by_test_id("trigger-webhook-1-path")).to_contain_text(f"/hooks/…/{name}")


def test_variables_have_a_form(signed_in_page: Page, studio: Any, timed: str) -> None:
    page, before = signed_in_page, stored(studio, timed).text
    open_editor(page, studio, timed)
    page.get_by_label("Value of brand").fill("Harebell")
    page.get_by_role("button", name="Add a variable").click()
    name = page.get_by_label("Name of variable", exact=True)
    expect(name).to_be_focused()
    name.fill("brand")
    name.press("Enter")
    expect(page.locator(".hed-toast")).to_contain_text("a variable called brand already")
    name.fill("days")
    name.press("Enter")
    page.get_by_label("Type of days").select_option("number")
    expect(page.get_by_label("Value of days")).to_have_value("0")
    page.get_by_label("Value of days").fill("thirty")
    expect(page.get_by_role("alert").filter(has_text="A number, please.")).to_be_visible()
    page.get_by_label("Value of days").fill("30")
    page.get_by_label("Description of days").fill("to give things back")
    page.get_by_label("Description of days").press("Enter")
    saved(page)
    assert changed_lines(before, stored(studio, timed).text) == [
        '-    default: "Larkfell"   # the shop',
        '+    default: "Harebell"   # the shop',
        '+  - name: "days"',
        "+    default: 30",
        '+    description: "to give things back"',
    ]
    page.get_by_label("Remove days").click()
    page.get_by_label("Remove brand").click()
    saved(page)
    assert "variables" not in stored(studio, timed).text


def test_a_variable_that_is_renamed_is_read_by_its_new_name(signed_in_page: Page, studio: Any) -> None:
    """One step of the history, which one undo takes back."""
    page = signed_in_page
    reads = TIMED.replace("You greet people.", "You greet people of {{variables.brand}} (the brand).")
    reads = reads.replace("to: end}}", "to: end, condition: \"variables.brand != 'brand'\"}}   # of the brand")
    name = new_workflow(studio, reads)
    before = stored(studio, name).text
    open_editor(page, studio, name)
    problems = page.get_by_test_id("problem-count")
    expect(problems).to_have_text("1 hint")  # about the condition on the only way on
    field = page.get_by_label("Name of brand")
    field.fill("shop")
    field.press("Enter")
    expect(page.get_by_label("Name of shop")).to_be_visible()
    saved(page)
    assert stored(studio, name).text == (
        before.replace("variables.brand", "variables.shop").replace('- name: "brand"', '- name: "shop"')
    )
    expect(problems).to_have_text("1 hint")
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+z")
    expect(page.get_by_label("Name of brand")).to_be_visible()
    saved(page)
    assert stored(studio, name).text == before


def test_who_may_only_look_sees_the_forms(page: Page, studio: Any, people: Any, timed: str) -> None:
    sign_in(page.context, studio, people.viewer, PASSWORD)
    open_editor(page, studio, timed)
    card = unfolded(page, "schedule#1")
    expect(card.locator("#trigger-schedule-1-cron")).not_to_be_editable()
    expect(card.get_by_label("How often")).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_label("Value of brand")).not_to_be_editable()
    expect(page.get_by_label("Add a trigger")).to_have_count(0)
    expect(page.get_by_role("button", name="Remove trigger")).to_have_count(0)
    assert stored(studio, timed).text == TIMED.format(name=timed)


def test_scopes_of_the_api_are_written_entry_by_entry(signed_in_page: Page, studio: Any, timed: str) -> None:
    page, before = signed_in_page, stored(studio, timed).text
    open_editor(page, studio, timed)
    add(page, "api")
    card = trigger(page, "api#1")
    write = card.get_by_placeholder("Add…")
    write.fill("runs:raed")
    write.press("Enter")
    expect(card.get_by_role("alert")).to_contain_text("did you mean `runs:read`?")
    card.get_by_role("button", name="Remove runs:raed").click()
    expect(card.get_by_role("alert")).to_have_count(0)
    write.fill("invoices:approve")
    write.press("Enter")
    saved(page)
    assert changed_lines(before, stored(studio, timed).text) == [
        '+  - name: "api"',
        '+    type: "api"',
        "+    config:",
        '+      scopes: ["invoices:approve"]',
    ]
    expect(page.get_by_test_id("problem-count")).to_contain_text("no problems")


def test_whether_a_chat_keeps_conversations_is_a_switch(signed_in_page: Page, studio: Any, timed: str) -> None:
    page = signed_in_page
    open_editor(page, studio, timed)
    add(page, "chat")
    card = trigger(page, "chat#1")
    keeps = card.get_by_role("switch", name="Keep conversations")
    expect(keeps).not_to_be_checked()
    keeps.click()
    expect(keeps).to_be_checked()
    saved(page)
    assert "      persist: true\n" in stored(studio, timed).text
    expect(page.get_by_test_id("problem-count")).to_contain_text("no problems")
