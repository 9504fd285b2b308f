"""Every page and every state of the editor under axe, in light and dark: nothing serious, and one heading each."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from engine.store.access import workflows
from engine.store.session import Database
from studio.services import prompt_library, publishing
from tests.support.editor import (
    SMALL,
    ask,
    deaf,
    demo_scope,
    new_workflow,
    node,
    open_editor,
    run_on,
    save_elsewhere,
)
from tests.support.told import HOOK, published, subscribed, undelivered

AXE = Axe()
OPTIONS = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def findings(page: Page) -> list[str]:
    """What axe finds on the page as it is, but for what it calls minor."""
    found = AXE.run(page, options=OPTIONS).response["violations"]
    return [
        f"{rule['id']}: {one['target']} {one['failureSummary']}"
        for rule in found
        if rule["impact"] != "minor"
        for one in rule["nodes"]
    ]


@pytest.fixture(params=["light", "dark"])
def themed_page(request: pytest.FixtureRequest, signed_in_page: Page) -> Page:
    signed_in_page.emulate_media(color_scheme=request.param, reduced_motion="reduce")
    return signed_in_page


def test_the_shell(themed_page: Page, studio: Any) -> None:
    page = themed_page
    name = new_workflow(studio)
    open_editor(page, studio, name)
    ask(page, "Hello")
    run = page.locator(".hed-run a").get_attribute("href") or ""
    for path, shown in (
        ("/app/workflows", "customer_support_workflow"),
        ("/app/runs", "Hello"),
        (run, "Steps"),
        ("/app/approvals", "Approvals"),
        ("/app/nowhere", "There is no page here"),
    ):
        page.goto(path)
        expect(page.get_by_text(shown).first).to_be_visible()
        assert findings(page) == [], path
    page.context.clear_cookies()
    page.goto("/login")
    expect(page.get_by_label("Password")).to_be_visible()
    assert findings(page) == []


def _press(keys: str, shown: str) -> Callable[[Page], None]:
    def act(page: Page) -> None:
        page.keyboard.press(keys)
        expect(page.get_by_test_id(shown)).to_be_visible()

    return act


def test_the_editor(themed_page: Page, studio: Any) -> None:
    page = themed_page
    name = new_workflow(studio)
    open_editor(page, studio, name)
    assert findings(page) == []
    ask(page, "Hello")
    node(page, "answer").click()
    expect(page.get_by_test_id("inspector")).to_be_visible()
    assert findings(page) == [], "settings"
    page.get_by_test_id("inspector").get_by_role("tab", name="Data").click()
    expect(page.get_by_test_id("step-facts")).to_be_visible()
    assert findings(page) == [], "data"
    page.get_by_test_id("wide").click()
    expect(page.get_by_test_id("given")).to_be_visible()
    assert findings(page) == [], "settings beside data"
    page.get_by_test_id("wide").click()
    for tab in ("input", "runs", "problems"):
        page.get_by_test_id(f"drawer-{tab}").click()
        expect(page.get_by_test_id(f"drawer-{tab}")).to_have_attribute("aria-selected", "true")
        assert findings(page) == [], tab
    page.get_by_test_id("heat-map").click()
    expect(page.get_by_test_id("heat")).to_contain_text("1 run")
    assert findings(page) == [], "heat map"


def _publish(page: Page) -> None:
    page.get_by_test_id("publish").click()
    expect(page.get_by_role("dialog")).to_be_visible()


def _menu(page: Page) -> None:
    node(page, "answer").click(button="right")
    expect(page.get_by_test_id("menu")).to_be_visible()


OVERLAYS: dict[str, Callable[[Page], None]] = {
    "picker": _press("n", "picker"),
    "commands": _press("Control+k", "palette"),
    "keyboard": _press("?", "shortcut-sheet"),
    "versions": _press("h", "versions"),
    "publishing": _publish,
    "menu": _menu,
}


def test_what_lies_over_the_editor(themed_page: Page, studio: Any) -> None:
    page = themed_page
    name = new_workflow(studio)
    for overlay, show in OVERLAYS.items():
        open_editor(page, studio, name)
        show(page)
        assert findings(page) == [], overlay


PUBLIC = SMALL.replace(
    "nodes:",
    """triggers:
  - {{type: chat, config: {{path: "{name}", title: "Ask us", greeting: "Hello"}}}}
  - name: page
    type: form
    config:
      path: "{name}"
      title: "Return something"
      fields:
        required: [name]
        properties:
          name: {{type: string, title: "Your name"}}
          reason: {{enum: ["It does not fit", "It is broken"], title: "Why"}}
          news: {{type: boolean, title: "Send me news"}}
nodes:""",
    1,
)


def test_what_visitors_see(page: Page, studio: Any) -> None:
    name = new_workflow(studio, PUBLIC)

    async def publish(database: Database) -> None:
        scope = await demo_scope(database)
        async with database.transaction(scope) as tx:
            row = await workflows.get_by_name(tx, name)
        await publishing.publish(database, scope, row.workflow_id)

    run_on(studio, publish)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.goto(f"/c/demo/{name}")
        expect(page.get_by_text("Hello").first).to_be_visible()
        assert findings(page) == [], f"chat, {scheme}"
        page.get_by_role("textbox").fill("Good morning")
        send = page.get_by_role("button", name="Send")
        page.route("**/messages", lambda route: page.wait_for_timeout(300) or route.continue_())
        page.keyboard.press("Enter")
        expect(send).to_have_attribute("title", "Wait for the answer first.")
        send.press("Enter")  # the Tab key finds it; it does nothing
        expect(page.get_by_text("Good morning").first).to_be_visible()
        assert findings(page) == [], f"chat with a message, {scheme}"
        page.goto(f"/f/demo/{name}")
        expect(page.get_by_role("heading", name="Return something")).to_be_visible()
        assert findings(page) == [], f"form, {scheme}"
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert findings(page) == [], f"form with an error, {scheme}"


def test_the_dialogs_of_the_list(themed_page: Page, studio: Any) -> None:
    page = themed_page
    page.goto("/app/workflows")
    page.get_by_role("button", name="New workflow").click()
    expect(page.get_by_role("radio", name="Blank")).to_be_visible()
    assert findings(page) == [], "new workflow"
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_label("Text of the file")).to_be_visible()
    assert findings(page) == [], "import"
    page.get_by_label("Text of the file").fill(
        '{"nodes": [{"name": "Odd", "type": "n8n-nodes-base.odd"}], "connections": {}}'
    )
    expect(page.get_by_role("dialog")).to_contain_text("unsupported")
    assert findings(page) == [], "import with its report"


def test_the_question_of_a_conflict(themed_page: Page, studio: Any) -> None:
    page, name = themed_page, new_workflow(studio)
    deaf(page)
    open_editor(page, studio, name)
    node(page, "answer").click()
    save_elsewhere(studio, name, "temperature: 0.2", "temperature: 0.7")
    page.get_by_test_id("field-temperature").locator("input").fill("0.5")
    expect(page.get_by_test_id("conflict-dialog")).to_be_visible()
    assert findings(page) == []


OUTCOMES = SMALL.replace(
    'type: "agent"\n    config:\n',
    'type: "human"\n    config:\n      timeout_seconds: 5\n      message: May we?\n      form: {{type: object, '
    "properties: {{why: {{type: string, maxLength: 9, enum: [a, b]}}, "
    "many: {{type: array, items: {{type: number}}}}}}}}\n",
).replace(
    """      model: "auto"
      temperature: 0.2
      prompt_template: |
        You greet people.
        Message: {{message}}
        Answer in one sentence.
""",
    "",
)


def test_ports_of_outcomes_and_forms_of_schemas(themed_page: Page, studio: Any) -> None:
    page, name = themed_page, new_workflow(studio, OUTCOMES)
    open_editor(page, studio, name)
    node(page, "answer").click()
    expect(page.get_by_test_id("way-rejected")).to_be_visible()
    expect(page.get_by_label("most characters of why", exact=True)).to_have_value("9")
    page.get_by_test_id("reads").click()
    expect(page.get_by_test_id("readable")).to_be_visible()
    assert findings(page) == []


STARTED = SMALL.replace(
    "nodes:",
    """triggers:
  - {{name: morning, type: schedule, config: {{cron: "0 8 * * mon", timezone: "Europe/Berlin"}}}}
  - {{name: hook, type: webhook, config: {{path: "{name}", auth: nonsense}}}}
variables:
  - {{name: brand, default: Larkfell}}
  - {{name: many, default: 3}}
nodes:""",
    1,
)


def test_forms_of_what_stands_at_the_top_of_the_file(themed_page: Page, studio: Any) -> None:
    page = themed_page
    open_editor(page, studio, new_workflow(studio, STARTED))
    for kind in ("schedule", "webhook"):
        page.get_by_test_id(f"trigger-{kind}#1").locator(".hed-trigger").click()
        expect(page.get_by_role("button", name="Remove trigger")).to_be_visible()
        assert findings(page) == [], kind


def test_the_record_of_changes(themed_page: Page, studio: Any) -> None:
    page = themed_page
    subscribed(studio, run_on(studio, demo_scope), f"{HOOK}/{uuid.uuid4().hex[:8]}")
    page.goto("/app/audit")
    page.get_by_role("button", name=re.compile("subscription.create")).first.click()
    expect(page.get_by_label("Details")).to_be_visible()
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("The record is intact")).to_be_visible()
    assert findings(page) == []


def test_the_prompts(themed_page: Page, studio: Any) -> None:
    page, name = themed_page, f"answers/{uuid.uuid4().hex[:8]}"

    async def add(database: Database) -> None:
        scope = await demo_scope(database)
        for seen in range(2):
            given = {"name": name, "text": f"say\n{seen}", "system": "", "note": "a note"}
            await prompt_library.add(database, scope, seen=seen, **given)

    run_on(studio, add)
    page.goto(f"/app/prompts?prompt={name}&against=1")
    expect(page.get_by_role("list", name="From version 1 to version 2")).to_be_visible()
    assert findings(page) == [], "a comparison"
    page.get_by_label("Compare with").select_option("")
    expect(page.get_by_role("region", name="Comparison")).to_have_count(0)
    assert findings(page) == [], "a version"
    page.get_by_role("button", name="New version").click()
    page.get_by_role("button", name="Add version").click()
    expect(page.get_by_role("dialog").get_by_label("Prompt", exact=True)).to_be_focused()
    assert findings(page) == [], "a form with a fault"


def test_the_events(themed_page: Page, studio: Any) -> None:
    page = themed_page
    scope = run_on(studio, demo_scope)
    which = subscribed(studio, scope, f"{HOOK}/{uuid.uuid4().hex[:8]}")
    published(studio, scope, "order.paid")
    undelivered(studio, scope, which, "order.lost")
    undelivered(studio, scope, uuid.uuid4(), "order.gone")
    page.goto("/app/events")
    page.get_by_role("button", name="New subscription").click()
    page.get_by_role("button", name="Create subscription").click()
    expect(page.get_by_label("Address")).to_be_focused()
    assert findings(page) == [], "a form with a fault"
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert findings(page) == [], "subscriptions"
    for view, topic in (("Recent", "order.paid"), ("Undelivered", "order.lost"), ("Undelivered", "order.gone")):
        page.get_by_role("button", name=view).click()
        page.get_by_role("button", name=re.compile(topic)).first.click()
        expect(page.get_by_label("Payload")).to_be_visible()
        assert findings(page) == [], topic
    page.set_viewport_size({"width": 400, "height": 800})
    assert findings(page) == [], "on a small screen"


def test_the_api_keys(themed_page: Page, studio: Any) -> None:
    page = themed_page
    page.goto("/app/api-keys")
    page.get_by_role("button", name="New API key").first.click()
    page.get_by_label("Only what I tick").check()
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    assert findings(page) == [], "a form with a fault"
    page.get_by_role("textbox", name="Name").fill(f"key {uuid.uuid4().hex[:8]}")
    page.get_by_label("Run workflows").check()
    page.get_by_role("button", name="Create key").click()
    expect(page.get_by_role("textbox", name="API key")).to_have_value(re.compile("^heddle_"))
    assert findings(page) == [], "a key that is shown"
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert findings(page) == [], "keys"
    page.set_viewport_size({"width": 400, "height": 800})
    page.get_by_role("button", name=re.compile("Revoke key")).first.click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert findings(page) == [], "a question, on a small screen"
