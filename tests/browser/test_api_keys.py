"""The page of API keys in a browser: one is made, shown once, tried, and revoked."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from engine.store.access import workflows
from engine.store.session import Database
from studio.services import api_keys as service
from studio.services import publishing
from tests.browser.conftest import PASSWORD, Shop, Studio, sign_in
from tests.support.held_back import HeldBack

PLACE = "/app/api-keys"


def made(studio: Studio, shop: Shop, name: str, *scopes: str) -> Any:
    async def make(database: Database) -> Any:
        return (await service.create(database, shop.scope, name, scopes or ("runs:read",)))[0]

    return studio.run(make)


def row(page: Page, text: str) -> Any:
    return page.get_by_role("row").filter(has_text=text)


def test_a_key_from_its_beginning_to_its_end(admin_page: Page, studio: Studio) -> None:
    page = admin_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=studio.url)
    page.goto("/app/workflows")
    page.get_by_role("button", name="Account and theme").click()
    page.get_by_role("menuitem", name="API keys").click()
    expect(page.get_by_role("heading", name="No program has a key yet")).to_be_visible()
    page.get_by_role("button", name="New API key").click()
    expect(page.get_by_role("textbox", name="Name")).to_be_focused()
    page.keyboard.type("Order system")
    page.keyboard.press("Enter")

    key = page.get_by_role("textbox", name="API key")
    expect(key).to_have_value(re.compile("^heddle_"))
    value = key.input_value()
    page.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()") == value
    call = page.get_by_role("region", name=re.compile("Try it"))
    expect(call).to_contain_text(f"curl {studio.url}/api/v1/runs")
    expect(call).to_contain_text('"workflow": "your_workflow"')
    page.get_by_role("button", name="Copy the call").click()
    assert page.evaluate("navigator.clipboard.readText()") == call.inner_text()
    page.mouse.click(5, 500)  # beside the dialog: what is shown once stays
    expect(key).to_be_visible()
    page.get_by_role("button", name="Done").click()
    line = row(page, "Order system")
    for text in ("Run workflows and read runs", value[:13], "Ada Admin", "never"):
        expect(line).to_contain_text(text)

    context = page.context.browser.new_context(base_url=studio.url)  # type: ignore[union-attr]
    asked = {"Authorization": f"Bearer {value}"}
    assert context.request.get("/api/v1/runs", headers=asked).status == 200
    assert context.request.get("/api/v1/workflows", headers=asked).status == 403
    page.reload()
    expect(line).to_contain_text("just now")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Revoke Order system").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Revoke Order system").press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("Order system is revoked")).to_be_visible()
    expect(page.get_by_role("heading", name="No program has a key yet")).to_be_visible()
    assert context.request.get("/api/v1/runs", headers=asked).status == 401
    context.close()


def test_bad_names_and_nothing_ticked_are_explained_at_their_fields(
    admin_page: Page, studio: Studio, shop: Shop
) -> None:
    page = admin_page
    page.goto(PLACE)
    page.get_by_role("button", name="New API key").click()
    name, create = page.get_by_role("textbox", name="Name"), page.get_by_role("button", name="Create key")
    create.click()
    expect(name).to_have_accessible_description("A name has 1 to 100 characters, all of them visible.")
    expect(name).to_be_focused()
    name.fill("turned \u202e around")
    create.click()
    expect(name).to_have_accessible_description(re.compile("all of them visible"))
    name.fill("ci")
    page.get_by_label("Only what I tick").check()
    create.click()
    first = page.get_by_role("checkbox").first
    expect(first).to_have_accessible_description(re.compile("Name at least one scope"))
    expect(first).to_be_focused()
    expect(name).to_have_value("ci")
    page.get_by_label("events:publish").check()
    create.click()
    expect(page.get_by_role("textbox", name="API key")).to_have_value(re.compile("^heddle_"))
    expect(page.get_by_role("region", name=re.compile("Try it"))).to_have_count(0)
    page.keyboard.press("Escape")
    expect(row(page, "ci")).to_contain_text("events:publish")
    assert [key.scopes for key in studio.run(lambda db: service.listing(db, shop.scope))] == [("events:publish",)]


ASKS = """\
name: pay_invoice
version: "1.0.0"
description: Pays
category: system
priority: low
triggers: [{type: api, config: {scopes: [invoices:approve]}}]
nodes: [{name: start, type: start}, {name: end, type: end, config: {output: {paid: context.message}}}]
edges: [{from: start, to: end}]
"""


def test_a_key_for_a_workflow_that_asks_for_scopes(admin_page: Page, studio: Studio, shop: Shop) -> None:
    async def publish(database: Database) -> None:
        async with database.transaction(shop.scope) as tx:
            row = await workflows.create(tx, ASKS)
        await publishing.publish(database, shop.scope, row.workflow_id)

    studio.run(publish)
    page = admin_page
    page.goto(PLACE)
    page.get_by_role("button", name="New API key").click()
    page.get_by_role("textbox", name="Name").fill("Accounting")
    own, create = page.get_by_label("Scopes of your workflows"), page.get_by_role("button", name="Create key")
    own.fill("runs:raed")
    create.click()
    expect(own).to_have_accessible_description(re.compile("`runs:` begins permissions of Heddle's own"))
    expect(own).to_be_focused()
    own.fill("returns:write, invoices:approve")
    create.click()
    key = page.get_by_role("textbox", name="API key")
    expect(key).to_have_value(re.compile("^heddle_"))
    expect(page.get_by_role("region", name=re.compile("Try it"))).to_contain_text('"workflow": "pay_invoice"')
    able = {"Authorization": f"Bearer {key.input_value()}"}
    page.get_by_role("button", name="Done").click()
    expect(row(page, "Accounting")).to_contain_text("Run workflows and read runs; invoices:approve; returns:write")
    context = page.context.browser.new_context(base_url=studio.url)  # type: ignore[union-attr]
    body = {"workflow": "pay_invoice", "input": {"message": "INV-1"}, "wait_s": 30}
    answer = context.request.post("/api/v1/runs", headers=able, data=body)
    assert (answer.status, answer.json()) == (200, {"paid": "INV-1"})
    context.close()


def test_a_key_is_in_no_state_that_the_server_keeps(admin_page: Page, studio: Studio, shop: Shop) -> None:
    """It goes to the page in one message, and whoever comes back does not find it there."""
    page, _ = admin_page, made(studio, shop, "first")
    line = HeldBack(page)
    page.goto(PLACE)
    page.get_by_role("button", name="New API key").click()
    page.get_by_role("textbox", name="Name").fill("second")
    page.get_by_label("Everything I may").check()
    page.get_by_role("button", name="Create key").click()
    key = page.get_by_role("textbox", name="API key")
    expect(key).to_have_value(re.compile("^heddle_"))
    told = [text for text in line.passed if key.input_value() in text]
    assert len(told) == 1, "it is told once"
    (_, update) = json.loads(told[0][told[0].index("[") :])
    assert key.input_value() in json.dumps(update["events"])
    assert key.input_value() not in json.dumps(update.get("delta"))
    page.reload()
    expect(row(page, "second")).to_contain_text("Everything")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_buttons_that_are_pressed_twice_act_once(admin_page: Page, studio: Studio, shop: Shop) -> None:
    """The second of two keys would be shown, and nobody would know of the first."""
    page, line = admin_page, HeldBack(admin_page)
    page.goto(PLACE)
    page.get_by_role("button", name="New API key").click()
    page.get_by_role("textbox", name="Name").fill("twice")
    line.hold("heddle_")  # the dialog is there still when the button is pressed again
    page.get_by_role("button", name="Create key").dblclick()
    line.wait("heddle_")
    line.let_go()
    expect(page.get_by_role("textbox", name="API key")).to_have_value(re.compile("^heddle_"))
    page.get_by_role("button", name="Done").click()
    expect(row(page, "twice")).to_have_count(1)
    page.get_by_role("button", name="Revoke twice").click()
    line.hold("is revoked")
    page.get_by_role("button", name="Revoke key").dblclick()
    line.wait("is revoked")
    line.let_go()
    expect(page.get_by_role("heading", name="No program has a key yet")).to_be_visible()
    expect(page.get_by_text("Somebody has revoked this key meanwhile.")).to_have_count(0)
    assert studio.run(lambda db: service.listing(db, shop.scope)) == []


def test_a_key_that_somebody_else_has_revoked_meanwhile(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page, key = admin_page, made(studio, shop, "ci")
    page.goto(PLACE)
    page.get_by_role("button", name="Revoke ci").click()
    studio.run(lambda db: service.revoke(db, shop.scope, key.api_key_id))
    page.get_by_role("dialog").get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("Somebody has revoked this key meanwhile.")).to_be_visible()
    expect(page.get_by_role("heading", name="No program has a key yet")).to_be_visible()


def test_it_is_not_for_everybody(page: Page, studio: Studio, shop: Shop, people: Any) -> None:
    made(studio, shop, "ci")
    sign_in(page.context, studio, people.stranger, PASSWORD)
    page.goto(PLACE)
    expect(page.get_by_role("heading", name="No program has a key yet")).to_be_visible()
    sign_in(page.context, studio, shop.viewer, PASSWORD)
    page.goto(PLACE)
    expect(page.get_by_role("heading", name="This page is not for your role")).to_be_visible()
    page.get_by_role("button", name="Account and theme").click()
    expect(page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    expect(page.get_by_role("menuitem", name="API keys")).to_have_count(0)


def test_on_a_small_screen(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page = admin_page
    made(studio, shop, "a name " * 14, "runs:read", "events:publish", "events:write")
    page.set_viewport_size({"width": 400, "height": 700})
    page.goto(PLACE)
    expect(row(page, "a name")).to_contain_text("runs:read")
    page.get_by_role("button", name="New API key").click()
    page.get_by_label("Only what I tick").check()
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 400
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Revoke a name").click()
    expect(page.get_by_role("button", name="Revoke key")).to_be_in_viewport()
