"""The page of events in a browser: subscriptions, what happened, what did not arrive, and what stands in the way."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Page, WebSocketRoute, expect

from engine.store.access import deliveries
from engine.store.session import Database
from studio.services import events as service
from tests.browser.conftest import PASSWORD, Shop, Studio, sign_in
from tests.support.held_back import HeldBack
from tests.support.told import HOOK, change, published, subscribed, undelivered, unsubscribe


def letters(studio: Studio, shop: Shop) -> int:
    async def read(database: Database) -> int:
        async with database.transaction(shop.scope) as tx:
            return len(await deliveries.dead(tx, limit=1000))

    found: int = studio.run(read)
    return found


def row(page: Page, text: str) -> Any:
    return page.get_by_role("row").filter(has_text=text)


def act(page: Page, address: str, deed: str) -> None:
    page.get_by_role("button", name=f"Actions for {address}").click()
    page.get_by_role("menuitem", name=deed).click()


def test_bad_addresses_and_topics_are_explained_at_their_fields(admin_page: Page) -> None:
    page = admin_page
    page.goto("/app/workflows")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Events").click()
    expect(page.get_by_role("heading", name="Nobody is told of events yet")).to_be_visible()
    page.get_by_role("button", name="New subscription").click()
    address, own = page.get_by_label("Address"), page.get_by_label("Topics of your own")
    create = page.get_by_role("button", name="Create subscription")
    create.click()
    expect(address).to_have_accessible_description("The address must be an http or https URL.")
    expect(address).to_be_focused()
    own.fill("order.paid")
    for private in ("http://127.0.0.1:8000/", "https://localhost/hook", "http://2130706433/", "http://[fd00::1]/"):
        address.fill(private)
        create.click()
        expect(address).to_have_accessible_description(re.compile("is not on the public internet"))
    address.fill(f"{HOOK}?key=abc")
    own.fill("")
    create.click()
    expect(own).to_have_accessible_description(re.compile("Name 1 to 50 topics"))
    own.fill("order.paid, no/topic/")
    create.click()
    expect(own).to_have_accessible_description(re.compile("'no/topic/' is no topic"))
    expect(own).to_have_value("order.paid, no/topic/")
    expect(own).to_be_focused()
    expect(address).to_have_value(f"{HOOK}?key=abc")


def test_who_went_on_to_another_field_writes_on_there(admin_page: Page) -> None:
    page = admin_page
    line = HeldBack(page)
    page.goto("/app/events")
    page.get_by_role("button", name="New subscription").click()
    address, own = page.get_by_label("Address"), page.get_by_label("Topics of your own")
    create = page.get_by_role("button", name="Create subscription")
    for _ in range(2):  # the same fault once more leads to its field once more
        create.click()
        expect(address).to_be_focused()
        expect(address).to_have_accessible_description("The address must be an http or https URL.")
    line.hold("is not on the public internet")
    address.fill("http://127.0.0.1:8000/")
    own.fill("order")
    create.click()
    line.wait("is not on the public internet")
    own.press("End")
    line.let_go()
    expect(address).to_have_accessible_description(re.compile("is not on the public internet"))
    page.keyboard.type(".paid")
    expect(own).to_have_value("order.paid")
    expect(address).to_have_value("http://127.0.0.1:8000/")


def test_a_subscription_from_its_beginning_to_its_end(admin_page: Page, studio: Studio) -> None:
    page = admin_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=studio.url)
    page.goto("/app/events")
    page.get_by_role("button", name="New subscription").click()
    page.get_by_label("Address").fill(f"{HOOK}?key=abc")
    page.get_by_label("Topics of your own").fill("order.paid order.*")
    page.get_by_label("agent_run").check()
    page.get_by_label("Description").fill("For accounting")
    page.keyboard.press("Enter")

    secret = page.get_by_role("textbox", name="Signing secret")
    expect(secret).to_have_value(re.compile("^whsec_"))
    first = secret.input_value()
    page.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == first
    page.mouse.click(5, 500)  # beside the dialog: what is shown once stays
    expect(secret).to_be_visible()
    page.get_by_role("button", name="Done").click()
    line = row(page, HOOK)
    for text in ("For accounting", "agent_run", "order.paid", "order.*", "Nothing sent yet"):
        expect(line).to_contain_text(text)
    expect(page.get_by_text("key=abc")).to_have_count(0)
    page.reload()
    expect(line).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)

    act(page, f"{HOOK}?…", "Edit")
    expect(page.get_by_label("agent_run")).to_be_checked()
    expect(page.get_by_label("Topics of your own")).to_have_value("order.paid, order.*")
    page.get_by_label("Address").fill(f"{HOOK}/2")
    page.get_by_role("button", name="Save").click()
    expect(row(page, f"{HOOK}/2")).to_be_visible()
    act(page, f"{HOOK}/2", "Renew secret")
    page.get_by_role("dialog").get_by_role("button", name="Renew secret").click()
    expect(secret).to_have_value(re.compile("^whsec_"))
    assert secret.input_value() != first
    page.keyboard.press("Escape")

    switch = page.get_by_role("switch", name=f"Send events to {HOOK}/2")
    switch.click()
    expect(switch).to_have_attribute("aria-checked", "false")
    expect(row(page, HOOK)).to_contain_text("Off")
    page.get_by_role("button", name="Undo").click()
    expect(switch).to_have_attribute("aria-checked", "true")
    act(page, f"{HOOK}/2", "Delete")
    page.get_by_role("dialog").get_by_role("button", name="Delete subscription").click()
    expect(page.get_by_role("heading", name="Nobody is told of events yet")).to_be_visible()


def test_a_secret_is_in_no_state_that_the_server_keeps(admin_page: Page, studio: Studio, shop: Shop) -> None:
    """It is shown once: whoever opens the page again, or comes back to it, does not find it there."""
    page, _ = admin_page, subscribed(studio, shop.scope)
    line = HeldBack(page)
    page.goto("/app/events")
    act(page, HOOK, "Renew secret")
    page.get_by_role("dialog").get_by_role("button", name="Renew secret").click()
    line.heard("whsec_")
    found = page.get_by_role("textbox", name="Signing secret")
    expect(found).to_have_value(re.compile("^whsec_"))
    told = [text for text in line.passed if found.input_value() in text]
    assert len(told) == 1, "it is told once"
    (_, update) = json.loads(told[0][told[0].index("[") :])
    assert found.input_value() in json.dumps(update["events"])
    assert found.input_value() not in json.dumps(update.get("delta"))


def test_buttons_that_are_pressed_twice_act_once(admin_page: Page) -> None:
    """The second press found the dialog of the secret, and closed it unread."""
    page, line = admin_page, HeldBack(admin_page)
    page.goto("/app/events")
    page.get_by_role("button", name="New subscription").click()
    page.get_by_label("Address").fill(HOOK)
    page.get_by_label("agent_run").check()
    line.hold("whsec_")  # the dialog is there still when the button is pressed again
    page.get_by_role("button", name="Create subscription").dblclick()
    line.wait("whsec_")
    page.wait_for_timeout(500)
    line.let_go()
    secret = page.get_by_role("textbox", name="Signing secret")
    expect(secret).to_have_value(re.compile("^whsec_"))
    page.wait_for_timeout(500)
    expect(secret).to_be_visible()
    page.get_by_role("button", name="Done").click()
    expect(row(page, HOOK)).to_have_count(1)
    act(page, HOOK, "Delete")
    line.hold("Nothing more is sent")
    page.get_by_role("dialog").get_by_role("button", name="Delete subscription").dblclick()
    line.wait("Nothing more is sent")
    page.wait_for_timeout(500)
    line.let_go()
    expect(page.get_by_role("heading", name="Nobody is told of events yet")).to_be_visible()
    expect(page.get_by_text("Somebody has deleted this subscription meanwhile.")).to_have_count(0)


def test_what_somebody_else_has_deleted_meanwhile(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page = admin_page
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => true})")  # it does not look again
    said = "Somebody has deleted this subscription meanwhile."
    for number, deed in enumerate(("Edit", "Renew secret", "Delete", "switch")):
        url = f"{HOOK}/{number}"
        which = subscribed(studio, shop.scope, url)
        page.goto("/app/events")
        if deed == "switch":
            expect(row(page, url)).to_be_visible()
            unsubscribe(studio, shop.scope, which)
            page.get_by_role("switch", name=f"Send events to {url}").click()
        else:
            act(page, url, deed)
            expect(page.get_by_role("dialog")).to_be_visible()
            unsubscribe(studio, shop.scope, which)
            page.get_by_role("dialog").get_by_role(
                "button", name={"Edit": "Save", "Delete": "Delete"}.get(deed, deed)
            ).click()
        expect(page.get_by_text(said)).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(row(page, url)).to_have_count(0)


def test_an_edit_leaves_what_somebody_else_has_changed(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page, which = admin_page, subscribed(studio, shop.scope)
    page.goto("/app/events")
    act(page, HOOK, "Edit")
    expect(page.get_by_label("Address")).to_have_value(HOOK)
    change(studio, shop.scope, which, topics=["order.*"])
    page.get_by_label("Description").fill("Mine")
    page.get_by_role("button", name="Save").click()
    expect(row(page, HOOK)).to_contain_text("Mine")
    expect(row(page, HOOK)).to_contain_text("order.*")


def test_what_happened_is_narrowed_opened_and_sent_again(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page, which = admin_page, subscribed(studio, shop.scope)
    published(studio, shop.scope, "order.paid", 53)
    page.goto("/app/events")
    page.get_by_role("button", name="Recent").click()
    expect(page).to_have_url(re.compile(r"\?view=recent$"))
    page.get_by_label("Topic").select_option("order.paid")
    expect(page).to_have_url(re.compile(r"\?view=recent&topic=order.paid$"))
    page.reload()
    expect(page.get_by_label("Topic")).to_have_value("order.paid")
    newest = page.get_by_role("button", name=re.compile("order.paid")).first
    expect(row(page, "order.paid")).to_have_count(50)
    newest.press("Enter")
    event = page.get_by_role("complementary", name="Event")
    expect(event.get_by_label("Payload")).to_contain_text('"number": 53')
    page.get_by_role("button", name="Older").click()
    expect(row(page, "order.paid")).to_have_count(3)
    expect(event.get_by_label("Payload")).to_contain_text('"number": 53')
    event.get_by_role("button", name="Send").click()
    expect(page.get_by_text(f"On its way to {HOOK}")).to_be_visible()
    change(studio, shop.scope, which, enabled=False)
    event.get_by_role("button", name="Send").click()
    expect(page.get_by_text("The subscription is switched off; switch it on first.")).to_be_visible()
    page.get_by_role("button", name="Newer").click()
    page.goto("/app/events?view=recent&topic=no.such")
    page.get_by_role("button", name="Show all topics").click()
    expect(row(page, "audit_log").first).to_be_visible()


def test_what_did_not_arrive_is_sent_again(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page = admin_page
    live, off, gone = (subscribed(studio, shop.scope, f"{HOOK}/{name}") for name in ("live", "off", "gone"))
    undelivered(studio, shop.scope, live, "of.live", count=5)
    undelivered(studio, shop.scope, off, "of.off")
    undelivered(studio, shop.scope, gone, "of.gone", why="the address answered 500.")
    change(studio, shop.scope, off, enabled=False)
    unsubscribe(studio, shop.scope, gone)
    page.goto("/app/events")
    tab = page.get_by_role("button", name="Undelivered")
    expect(tab).to_have_text("Undelivered7")
    tab.click()
    expect(row(page, "of.")).to_have_count(7)
    shown = page.get_by_role("complementary", name="Undelivered event")
    for topic, whom, why in (
        ("of.gone", "a deleted subscription", "The subscription was deleted."),
        ("of.off", f"{HOOK}/off", "The subscription is switched off."),
    ):
        page.get_by_role("button", name=re.compile(topic)).click()
        expect(shown).to_contain_text(whom)
        expect(shown.get_by_role("button", name="Redeliver")).to_have_attribute("title", why)
        expect(row(page, topic).get_by_role("checkbox")).to_be_disabled()
    page.get_by_role("button", name=re.compile("of.gone")).click()
    expect(shown).to_contain_text("The address answered 500.")

    page.get_by_role("button", name=re.compile("of.live")).first.click()
    expect(shown.get_by_label("Payload")).to_contain_text('"number"')
    shown.get_by_role("button", name="Redeliver").click()
    expect(page.get_by_text("1 event on the way again")).to_be_visible()
    expect(row(page, "of.live")).to_have_count(4)
    for number in range(2):
        row(page, "of.live").nth(number).get_by_role("checkbox").check()
    page.get_by_role("checkbox", name="Tick all of this page").check()
    page.get_by_role("checkbox", name="Tick all of this page").uncheck()
    page.get_by_role("button", name="Redeliver ticked").click()
    expect(page.get_by_text("Tick those first that are to be sent again.")).to_be_visible()
    for number in range(2):
        row(page, "of.live").nth(number).get_by_role("checkbox").check()
    page.get_by_role("button", name="Redeliver ticked").click()
    expect(page.get_by_text("2 events on the way again")).to_be_visible()
    expect(row(page, "of.live")).to_have_count(2)
    expect(tab).to_have_text("Undelivered4")
    page.get_by_label("Listener").select_option(label=f"{HOOK}/live (2)")
    expect(page).to_have_url(re.compile(rf"\?view=undelivered&listener={live}$"))
    page.get_by_role("button", name="Redeliver all of this listener").click()
    expect(page.get_by_role("heading", name="Nothing of this listener is undelivered")).to_be_visible()
    page.get_by_role("button", name="Show all listeners").click()
    expect(row(page, "of.")).to_have_count(2)
    assert letters(studio, shop) == 2


def test_a_letter_that_somebody_else_has_sent_meanwhile(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page, which = admin_page, subscribed(studio, shop.scope)
    undelivered(studio, shop.scope, which, "of.live", count=2)
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => true})")  # it does not look again
    page.goto("/app/events?view=undelivered")
    page.get_by_role("checkbox", name="Tick all of this page").check()
    studio.run(lambda db: service.redeliver(db, shop.scope, target_id=which))
    undelivered(studio, shop.scope, which, "of.later")
    page.get_by_role("button", name="Redeliver ticked").click()
    expect(page.get_by_text("Somebody else has sent one of them again already.")).to_be_visible()
    expect(row(page, "of.live")).to_have_count(0)
    expect(row(page, "of.later")).to_be_visible()


def test_many_letters_come_page_by_page(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page, which = admin_page, subscribed(studio, shop.scope)
    undelivered(studio, shop.scope, which, "of.many", count=120)
    page.goto("/app/events?view=undelivered")
    for count in (50, 50, 20):
        expect(row(page, "of.many")).to_have_count(count)
        if count == 50:
            page.get_by_role("button", name="Older").click()
    expect(page.get_by_role("button", name="Older")).to_have_attribute(
        "title", "There are no older undelivered events."
    )
    expect(page.get_by_role("button", name="Undelivered")).to_have_text("Undelivered120")


def test_a_viewer_reads_and_changes_nothing(page: Page, studio: Studio, shop: Shop) -> None:
    which = subscribed(studio, shop.scope, f"{HOOK}?key=abc")
    published(studio, shop.scope, "order.paid")
    undelivered(studio, shop.scope, which, "of.live")
    undelivered(studio, shop.scope, which, "audit_log")
    sign_in(page.context, studio, shop.viewer, PASSWORD)
    page.goto("/app/events")
    expect(row(page, HOOK)).to_be_visible()
    expect(page.get_by_role("switch")).to_have_count(0)
    expect(page.get_by_role("button", name=re.compile("New subscription|Actions for"))).to_have_count(0)
    expect(page.get_by_text("key=abc")).to_have_count(0)
    page.get_by_role("button", name="Recent").click()
    page.get_by_role("button", name=re.compile("order.paid")).click()
    expect(page.get_by_label("Payload")).to_be_visible()
    expect(page.get_by_role("button", name="Send")).to_have_count(0)
    assert page.get_by_text("audit_log").count() == 0, "the record of changes is not for viewers"
    page.get_by_role("button", name="Undelivered").click()
    expect(row(page, "of.live")).to_be_visible()
    expect(row(page, "audit_log")).to_have_count(0)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    expect(page.get_by_role("button", name="Redeliver")).to_have_count(0)


def test_another_tenant_sees_nothing_of_it(page: Page, studio: Studio, shop: Shop, people: Any) -> None:
    which = subscribed(studio, shop.scope)
    published(studio, shop.scope, "order.paid")
    undelivered(studio, shop.scope, which, "of.live")
    sign_in(page.context, studio, people.stranger, PASSWORD)
    page.goto("/app/events")
    expect(page.get_by_role("heading", name="Nobody is told of events yet")).to_be_visible()
    page.goto(f"/app/events?view=undelivered&listener={which}")
    expect(page.get_by_role("heading", name="Nothing of this listener is undelivered")).to_be_visible()
    page.goto("/app/events?view=recent")
    expect(row(page, "order.paid")).to_have_count(0)


def test_what_an_address_says_that_is_nothing(admin_page: Page) -> None:
    page = admin_page
    page.goto("/app/events?view=%3Cb%3E&listener=x&topic=" + "a" * 300)
    expect(page.get_by_role("heading", name="Nobody is told of events yet")).to_be_visible()
    page.goto("/app/events?view=undelivered&listener=not-an-id")
    expect(page.get_by_role("heading", name="Everything has arrived")).to_be_visible()


def test_the_way_from_a_subscription_to_what_did_not_arrive_there(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page = admin_page
    one, other = (subscribed(studio, shop.scope, f"{HOOK}/{name}") for name in ("one", "other"))
    undelivered(studio, shop.scope, one, "of.one", count=2)
    undelivered(studio, shop.scope, other, "of.other")
    page.goto("/app/events")
    row(page, f"{HOOK}/one").get_by_role("link", name="2").click()
    expect(row(page, "of.one")).to_have_count(2)
    expect(row(page, "of.other")).to_have_count(0)
    expect(page.get_by_label("Listener")).to_have_value(str(one))
    page.go_back()
    switch = page.get_by_role("switch", name=f"{HOOK}/one")
    expect(switch).to_be_visible()
    page.get_by_role("button", name="Recent").click()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Events").click()
    expect(page).to_have_url(re.compile("/app/events$"))
    expect(switch).to_be_visible()


def test_on_a_small_screen_dialogs_and_buttons_are_within_reach(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page = admin_page
    subscribed(studio, shop.scope)
    page.set_viewport_size({"width": 400, "height": 760})
    page.goto("/app/events")
    page.get_by_role("button", name="New subscription").click()
    box = page.get_by_role("dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 400
    page.keyboard.press("Escape")
    page.goto("/app/workflows")
    page.get_by_role("button", name="Import", exact=True).click()  # scrolled to where it does not fit beside the rest
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_view_that_the_server_did_not_hear_of_can_be_chosen_again(
    admin_page: Page, studio: Studio, shop: Shop
) -> None:
    """As when the database is away: the event is refused, and the state of the page stays as it was."""
    page, lost = admin_page, []
    published(studio, shop.scope, "order.paid")

    def through(line: WebSocketRoute) -> None:
        server = line.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            if "events_state.show" in str(message) and not lost:
                lost.append(message)
            else:
                server.send(message)

        line.on_message(pass_on)

    page.route_web_socket(re.compile("/_event"), through)
    page.goto("/app/events")
    expect(page.get_by_role("heading", name="Nobody is told of events yet")).to_be_visible()
    recent = page.get_by_role("button", name="Recent")
    recent.click()
    expect(recent).to_have_attribute("aria-pressed", "true")
    recent.click()
    expect(row(page, "order.paid")).to_be_visible()
    assert len(lost) == 1
