"""The prompt library in a browser: added, read, compared, and found in the workflows that pin it."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from engine.store.access import workflows
from engine.store.session import Database, Scope
from studio.services import prompt_library
from tests.browser.conftest import PASSWORD, Shop, Studio, sign_in
from tests.support.editor import SMALL


def added(studio: Studio, scope: Scope, text: str, seen: int = 0, name: str = "answers/faq") -> None:
    studio.run(lambda db: prompt_library.add(db, scope, name=name, text=text, system="", note="", seen=seen))


def pinned(studio: Studio, scope: Scope, pin: str) -> None:
    async def make(database: Database) -> None:
        text = SMALL.format(name="greets").replace('model: "auto"', f'prompt: "{pin}"')
        async with database.transaction(scope) as tx:
            await workflows.create(tx, text)

    studio.run(make)


def test_a_prompt_is_added_changed_and_compared(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page = admin_page
    page.goto("/app/workflows")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Prompts").click()
    expect(page.get_by_role("heading", name="No prompts yet")).to_be_visible()
    page.get_by_role("button", name="New prompt").click()
    dialog = page.get_by_role("dialog")
    name, text = dialog.get_by_label("Name"), dialog.get_by_label("Prompt", exact=True)
    name.fill("Not A Name")
    text.fill("Answer {message}\nin one sentence.")
    dialog.get_by_role("button", name="Add version").click()
    expect(name).to_have_accessible_description(re.compile("is no name of a prompt"))
    expect(name).to_be_focused()
    expect(text).to_have_value("Answer {message}\nin one sentence.")
    name.fill("answers/faq")
    dialog.get_by_role("button", name="Add version").click()
    shown = page.get_by_role("region", name="Prompt", exact=True)
    expect(shown).to_contain_text("answers/faq@1")
    expect(page).to_have_url(re.compile(r"\?prompt=answers%2Ffaq&version=1$"))
    shown.get_by_role("button", name="New version").click()
    expect(text).to_have_value("Answer {message}\nin one sentence.")
    dialog.get_by_role("button", name="Add version").click()
    expect(text).to_have_accessible_description("This is version 1 as it stands.")
    text.fill("Answer {message}\nin two sentences.")
    dialog.get_by_label("What changed").fill("Longer")
    dialog.get_by_role("button", name="Add version").click()
    expect(shown).to_contain_text("answers/faq@2")
    expect(shown.get_by_label("Version", exact=True)).to_have_value("2")
    shown.get_by_label("Compare with").select_option("1")
    lines = shown.get_by_role("list", name="From version 1 to version 2").get_by_role("listitem")
    expect(lines.filter(has_text="removed: ")).to_have_text("removed: in one sentence.")
    expect(lines.filter(has_text="added: ")).to_have_text("added: in two sentences.")
    expect(page).to_have_url(re.compile("against=1"))
    page.reload()
    expect(lines.filter(has_text="added: ")).to_have_text("added: in two sentences.")
    shown.get_by_label("Version", exact=True).select_option("1")
    expect(shown.get_by_label("Compare with")).to_have_value("")
    expect(shown).to_contain_text("in one sentence.")


def test_the_workflows_that_pin_a_prompt_are_named(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page = admin_page
    added(studio, shop.scope, "first")
    added(studio, shop.scope, "second", 1)
    added(studio, shop.scope, "alone", name="zz/alone")
    pinned(studio, shop.scope, "answers/faq@1")
    page.goto("/app/prompts?search=faq")
    expect(page.get_by_role("searchbox")).to_have_value("faq")
    page.get_by_role("button", name=re.compile("answers.faq")).press("Enter")
    by = page.get_by_role("region", name="Pinned by")
    expect(by.get_by_role("listitem")).to_contain_text("greetsanswerdraft@1")
    expect(page.get_by_role("button", name=re.compile("zz.alone"))).to_have_count(0)
    by.get_by_role("link", name="greets").click()
    expect(page).to_have_url(re.compile("/app/workflows/greets#node=answer$"))


def test_of_two_people_who_add_a_version_the_second_is_told(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page, colleague = admin_page, Scope(shop.scope.tenant_id, None, "admin")
    added(studio, shop.scope, "first")
    page.goto("/app/prompts?prompt=answers%2Ffaq")
    page.get_by_role("button", name="New version").click()
    text = page.get_by_role("dialog").get_by_label("Prompt", exact=True)
    text.fill("mine")
    added(studio, colleague, "theirs", 1)
    page.get_by_role("button", name="Add version").click()
    expect(text).to_have_accessible_description(re.compile("Somebody has added version 2 meanwhile"))
    expect(text).to_have_value("mine")


def test_a_viewer_reads_prompts_and_adds_none(page: Page, studio: Studio, shop: Shop, people: Any) -> None:
    added(studio, shop.scope, "<b>first</b>")
    sign_in(page.context, studio, shop.viewer, PASSWORD)
    page.goto("/app/prompts?prompt=answers%2Ffaq&version=77&against=x")
    expect(page.get_by_role("heading", name="There is no such prompt")).to_be_visible()
    page.get_by_role("button", name=re.compile("answers.faq")).click()
    expect(page.get_by_text("<b>first</b>", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("New version|New prompt"))).to_have_count(0)
    page.context.clear_cookies()
    sign_in(page.context, studio, people.stranger, PASSWORD)
    page.goto("/app/prompts?prompt=answers%2Ffaq")
    expect(page.get_by_role("heading", name="There is no such prompt")).to_be_visible()
    expect(page.get_by_text("first")).to_have_count(0)
