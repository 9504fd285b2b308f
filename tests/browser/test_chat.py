"""A published chat in a visitor's browser: coming back to a conversation, or not, on its own page and on a site."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, FrameLocator, Page, expect

from engine.store.access import conversations, identity, workflows
from engine.store.session import Database
from studio.services import publishing
from tests.browser.conftest import Shop, Studio
from tests.support.echo import Page as Served
from tests.support.echo import echo_server
from tests.support.processes import wait_until

TEXT = """\
name: talk
version: "1.0.0"
description: Says what it hears
category: system
priority: low
triggers:
  - type: chat
    config: {{path: talk, greeting: Welcome, persist: {persist}, allowed_origins: ["{site}"]}}
nodes:
  - {{name: start, type: start}}
  - {{name: rest, type: wait, config: {{seconds: {rest}}}}}
  - {{name: say, type: transform, config: {{set: {{said: "'You said ' + context.message"}}}}}}
  - {{name: end, type: end, config: {{output: {{reply: context.said}}}}}}
edges:
  - {{from: start, to: {after}}}
  - {{from: rest, to: say}}
  - {{from: say, to: end}}
"""
NASTY = "<img src=x onerror=\"document.title='owned'\"> & <b>bold</b>"
Place = Callable[..., str]


@pytest.fixture
def place(studio: Studio, shop: Shop) -> Place:
    """Publishes the chat; gives its address."""

    def publish(persist: bool = True, rest: float = 0, site: str = "http://shop.test") -> str:
        said = {"persist": str(persist).lower(), "rest": rest or 1, "after": "rest" if rest else "say", "site": site}
        text = TEXT.format(**said)
        if not rest:
            text = re.sub(r".*rest.*\n", "", text)

        async def make(database: Database) -> str:
            async with database.transaction(shop.scope) as tx:
                row = await workflows.create(tx, text)
                slug = (await identity.get_tenant(tx)).slug
            await publishing.publish(database, shop.scope, row.workflow_id)
            return f"/c/{slug}/talk"

        made: str = studio.run(make)
        return made

    return publish


def say(page: Page | FrameLocator, text: str, *, answered: bool = True) -> None:
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send").click()
    if answered:
        expect(page.get_by_role("log")).to_contain_text(f"You said {text}")


def bubbles(page: Page | FrameLocator) -> Any:
    return page.get_by_role("log").locator("> div")


def kept_in(page: Page, address: str) -> Any:
    return json.loads(page.evaluate(f"localStorage.getItem('heddle-chat:{address}')") or "null")


def said(studio: Studio, shop: Shop, conversation_id: str) -> list[str]:
    async def read(database: Database) -> list[str]:
        async with database.transaction(shop.scope) as tx:
            return [one.content for one in await conversations.list_messages(tx, UUID(conversation_id))]

    found: list[str] = studio.run(read)
    return found


def test_a_visitor_comes_back_and_goes_on(page: Page, studio: Studio, shop: Shop, place: Place) -> None:
    address = place()
    page.goto(address)
    expect(bubbles(page)).to_have_text(["Welcome"])
    expect(page.get_by_role("button", name="New conversation")).to_be_hidden()
    say(page, NASTY)
    handle = kept_in(page, address)
    assert sorted(handle) == ["conversation_id", "visitor_token"], "what was said is not left in the browser"
    context = page.context
    page.close()

    again = context.new_page()
    again.goto(address)
    expect(bubbles(again)).to_have_text(["Welcome", NASTY, f"You said {NASTY}"])
    assert again.get_by_role("log").locator("img, b").count() == 0
    assert again.title() == "A shop"
    expect(again.get_by_role("textbox", name="Message")).to_be_focused()
    say(again, "more")
    assert kept_in(again, address) == handle
    assert said(studio, shop, handle["conversation_id"])[-2:] == ["more", "You said more"]
    again.reload()
    expect(bubbles(again)).to_have_count(5)

    stranger = context.browser.new_context(base_url=studio.url)  # type: ignore[union-attr]
    other = stranger.new_page()
    other.goto(address)
    expect(bubbles(other)).to_have_text(["Welcome"])
    say(other, "hello")
    assert kept_in(other, address)["conversation_id"] != handle["conversation_id"]
    stranger.close()


def test_new_conversation_is_one_for_every_tab_and_the_old_handle_opens_nothing(page: Page, place: Place) -> None:
    address = place()
    page.goto(address)
    say(page, "hello")
    handle = kept_in(page, address)
    second = page.context.new_page()
    second.goto(address)
    expect(bubbles(second)).to_have_count(3)
    with second.expect_response("**/conversation/end") as ended:
        second.get_by_role("button", name="New conversation").click()
    assert ended.value.status == 204
    for one in (second, page):
        expect(bubbles(one)).to_have_text(["Welcome"])
        assert kept_in(one, address) is None
    assert page.request.post(f"{address}/conversation", data=handle).status == 404
    say(second, "another")
    expect(bubbles(page)).to_have_text(["Welcome", "another", "You said another"])
    second.reload()
    expect(bubbles(second)).to_have_text(["Welcome", "another", "You said another"])


def test_an_answer_that_was_on_its_way_is_there(page: Page, place: Place) -> None:
    address = place(rest=2)
    page.goto(address)
    say(page, "slow", answered=False)
    expect(page.get_by_label("Writing")).to_be_visible()
    wait_until(
        lambda: page.evaluate(f"localStorage.getItem('heddle-chat:{address}')")
    )  # the page lets nobody eval in it
    page.reload()
    expect(page.get_by_role("button", name="Send")).to_have_attribute("title", "Wait for the answer first.")
    expect(bubbles(page)).to_have_text(["Welcome", "slow", "You said slow"])
    expect(page.get_by_role("button", name="Send")).to_have_attribute("title", "")
    say(page, "again", answered=False)
    page.get_by_role("button", name="New conversation").click()
    expect(bubbles(page)).to_have_text(["Welcome"])
    say(page, "fresh")
    expect(bubbles(page)).to_have_text(["Welcome", "fresh", "You said fresh"])


def test_a_conversation_that_has_ended_meanwhile(page: Page, place: Place) -> None:
    address = place()
    page.goto(address)
    say(page, "hello")
    handle = kept_in(page, address)
    assert page.request.post(f"{address}/conversation/end", data=handle).status == 204
    say(page, "still there?")
    ended = "The earlier conversation has ended. This is a new one."
    expect(bubbles(page)).to_have_text(
        ["Welcome", "hello", "You said hello", ended, "still there?", "You said still there?"]
    )
    new = kept_in(page, address)
    assert new["conversation_id"] != handle["conversation_id"]
    page.reload()
    expect(bubbles(page)).to_have_text(["Welcome", "still there?", "You said still there?"])


@pytest.mark.parametrize(
    "found",
    [
        "{",
        "null",
        "[1]",
        '"text"',
        '{"conversation_id": "1", "visitor_token": "x"}',
        '{"conversation_id": 5, "visitor_token": {}, "messages": 7}',
        '{"conversation_id": "3f0c1a8e-0000-4000-8000-000000000000", "visitor_token": "guess", "messages": [1]}',
    ],
)
def test_what_stands_in_the_browser_is_not_trusted(page: Page, place: Place, found: str) -> None:
    address = place()
    page.add_init_script(
        f"sessionStorage.seen ||= (localStorage.setItem('heddle-chat:{address}', {json.dumps(found)}), 1)"
    )
    page.goto(address)
    expect(bubbles(page)).to_have_text(["Welcome"])
    expect(page.get_by_role("button", name="New conversation")).to_be_hidden()
    assert kept_in(page, address) is None
    say(page, "hello")
    page.reload()
    expect(bubbles(page)).to_have_count(3)


def test_what_cannot_be_loaded_now_is_loaded_later(page: Page, place: Place) -> None:
    address = place()
    page.goto(address)
    say(page, "hello")
    page.route("**/conversation", lambda route: route.abort())
    page.reload()
    load = page.get_by_role("button", name="Load the conversation")
    expect(bubbles(page)).to_have_text(["Welcome", re.compile("The connection was lost")])
    load.click()
    expect(load).to_be_visible()
    page.unroute("**/conversation")
    load.click()
    expect(bubbles(page)).to_have_text(["Welcome", "hello", "You said hello"])


@pytest.mark.parametrize("storage", ["as it is", "blocked"])
def test_in_a_frame_of_a_site(plain_browser: Browser, studio: Studio, place: Place, storage: str) -> None:
    """What a frame keeps is kept apart for each site that it is embedded in, in its storage or in a cookie."""
    context = plain_browser.new_context(base_url=studio.url)
    if storage == "blocked":
        no = "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('blocked') }})"
        context.add_init_script(f"if (top !== window) {no}")
    page = context.new_page()
    with echo_server() as shop_site:
        address = place(site=shop_site.url("").rstrip("/"))
        script = f'<script src="{studio.url}/widget.js" data-chat="{address.removeprefix("/c/")}" async></script>'
        html = (("Content-Type", "text/html"),)
        shop_site.pages |= {path: Served(200, html, f"<h1>Shop</h1>{script}".encode()) for path in ("/", "/checkout")}
        frame = page.frame_locator("iframe[title=Chat]")
        page.goto(shop_site.url("/"))
        page.get_by_role("button", name="Open chat").click()
        say(frame, "from the shop")
        page.goto(shop_site.url("/checkout"))
        page.get_by_role("button", name="Open chat").click()
        expect(bubbles(frame)).to_have_text(["Welcome", "from the shop", "You said from the shop"])
        say(frame, "more")
        frame.get_by_role("button", name="New conversation").click()
        expect(bubbles(frame)).to_have_text(["Welcome"])
        say(frame, "anew")
        page.goto(shop_site.url("/"))
        page.get_by_role("button", name="Open chat").click()
        expect(bubbles(frame)).to_have_text(["Welcome", "anew", "You said anew"])
        page.goto(address)
        expect(bubbles(page)).to_have_text(["Welcome"])
    context.close()


@pytest.mark.parametrize("persist", [True, False])
def test_where_a_browser_keeps_nothing_it_works_for_as_long_as_the_page(
    page: Page, place: Place, persist: bool
) -> None:
    address = place(persist=persist)
    blocked = "{get() { throw new DOMException('blocked') }, set() { throw new DOMException('blocked') }}"
    for owner, name in (("window", "localStorage"), ("window", "sessionStorage"), ("document", "cookie")):
        page.add_init_script(f"Object.defineProperty({owner}, '{name}', {blocked})")
    page.goto(address)
    say(page, "hello")
    say(page, "more")
    expect(bubbles(page)).to_have_count(5)
    page.reload()
    expect(bubbles(page)).to_have_text(["Welcome"])


def test_without_persist_each_visit_begins_anew(page: Page, place: Place) -> None:
    """A visit is a tab: what is loaded anew in it goes on."""
    address = place(persist=False)
    page.goto(address)
    say(page, "hello")
    assert kept_in(page, address) is None
    page.reload()
    expect(bubbles(page)).to_have_text(["Welcome", "hello", "You said hello"])
    other = page.context.new_page()
    other.goto(address)
    expect(bubbles(other)).to_have_text(["Welcome"])
    page.get_by_role("button", name="New conversation").click()
    expect(bubbles(page)).to_have_text(["Welcome"])
