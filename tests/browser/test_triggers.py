"""What starts a workflow, in a browser: a published form with and without faults, and a schedule in the editor."""

from __future__ import annotations

import uuid

import pytest
from playwright.sync_api import Page, expect

from engine.store.access import identity, workflows
from engine.store.session import Database, Scope
from studio.services import publishing
from tests.browser.conftest import Studio

TEXT = """\
name: "{name}"
version: "1.0.0"
description: "A customer asks to return something"
category: "e_commerce"
priority: "low"
triggers:
  - name: "page"
    type: "form"
    config:
      path: "{name}"
      title: "Return something"
      fields:
        required: [name, email, reason]
        properties:
          name: {{type: string, title: "Your name"}}
          email: {{type: string, format: email, title: "E-mail"}}
          reason: {{enum: ["It does not fit", "It is broken"], title: "Why"}}
          news: {{type: boolean, title: "Send me news"}}
  - {{name: "morning", type: "schedule", config: {{cron: "0 8 * * mon-fri", timezone: "Europe/Berlin"}}}}
nodes:
  - {{name: "start", type: "start"}}
  - {{name: "note", type: "transform", config: {{set: {{said: "'Thank you, ' + default(context.name, 'friend')"}}}}}}
  - {{name: "end", type: "end", config: {{output: {{reply: "context.said"}}}}}}
edges:
  - {{from: "start", to: "note", condition: null}}
  - {{from: "note", to: "end", condition: null}}
"""


@pytest.fixture
def published(studio: Studio) -> str:
    """Name of a published workflow with a form of the same path."""
    name = f"returns_{uuid.uuid4().hex[:8]}"

    async def make(database: Database) -> None:
        async with database.anonymous() as session:
            tenant_id = await identity.tenant_id_by_slug(session, "demo")
        assert tenant_id is not None
        scope = Scope(tenant_id, None, "system")
        async with database.transaction(scope) as tx:
            row = await workflows.create(tx, TEXT.format(name=name))
        await publishing.publish(database, scope, row.workflow_id)

    studio.run(make)
    return name


def test_a_visitor_fills_in_a_form(page: Page, published: str) -> None:
    page.goto(f"/f/demo/{published}")
    expect(page.get_by_role("heading", name="Return something")).to_be_visible()
    page.get_by_label("Your name").fill("<b>Ada</b>")
    page.get_by_label("E-mail").fill("nonsense")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert")).to_have_text("Please look at 2 fields again.")
    expect(page.get_by_label("E-mail")).to_be_focused()
    expect(page.get_by_label("E-mail")).to_have_accessible_description("Please write an e-mail address.")
    expect(page.get_by_label("Your name")).to_have_value("<b>Ada</b>")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Why").select_option("It is broken")
    page.get_by_label("Send me news").check()
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_have_text("Thank you, <b>Ada</b>")
    page.reload()
    expect(page.get_by_role("status")).to_have_text("Thank you, <b>Ada</b>")
    page.get_by_role("link", name="Fill in the form again").click()
    expect(page.get_by_label("Your name")).to_have_value("")


def test_the_editor_shows_when_a_schedule_fires_next(signed_in_page: Page, published: str) -> None:
    page = signed_in_page
    page.goto(f"/app/workflows/{published}")
    fires = page.get_by_test_id("next-fires")
    expect(fires).to_contain_text("08:00, Europe/Berlin")
    assert (fires.text_content() or "").count("08:00") == 3
    page.get_by_role("button", name="Publish version").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"/f/…/{published}")
    expect(dialog).to_contain_text("0 8 * * mon-fri")
