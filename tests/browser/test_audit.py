"""The record of changes in a browser: narrowed, opened, looked through to its last entry, and kept from other roles."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa
from playwright.sync_api import Page, expect

from engine.store.access import audit
from engine.store.session import Database, Scope
from tests.browser.conftest import PASSWORD, Shop, Studio, sign_in


def written(studio: Studio, scope: Scope, action: str, count: int = 1) -> None:
    async def write(database: Database) -> None:
        for number in range(count):
            async with database.transaction(scope) as tx:
                await audit.record(tx, action, "thing", number, {"name": f"thing {number}", "number": number})

    studio.run(write)


def row(page: Page, text: str) -> Any:
    return page.get_by_role("row").filter(has_text=text)


def test_who_changed_what_is_found_and_opened(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page, program = admin_page, Scope(shop.scope.tenant_id, None, "api_key")
    page.goto("/app/workflows")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Audit").click()
    expect(page.get_by_role("heading", name="Nothing has been changed yet")).to_be_visible()
    written(studio, shop.scope, "order.pay", 52)
    written(studio, program, "order.ship")
    page.reload()
    expect(row(page, "order.")).to_have_count(50)
    expect(row(page, "order.ship")).to_contain_text("An API key")
    page.get_by_role("button", name="Older").click()
    expect(row(page, "order.pay")).to_have_count(3)
    page.get_by_label("Who").select_option("Ada Admin")
    expect(page).to_have_url(re.compile(rf"\?who={shop.scope.user_id}$"))
    expect(row(page, "order.ship")).to_have_count(0)
    page.get_by_label("Who").select_option("No person")
    expect(row(page, "order.")).to_have_count(1)
    page.get_by_label("Change", exact=True).select_option("order.pay")
    expect(page.get_by_role("heading", name="No entry fits these filters")).to_be_visible()
    expect(page).to_have_url(re.compile("action=order.pay"))
    page.reload()
    expect(page.get_by_label("Change", exact=True)).to_have_value("order.pay")
    page.get_by_role("button", name="Clear filters").first.click()
    expect(page).to_have_url(re.compile("/app/audit$"))
    expect(row(page, "order.")).to_have_count(50)
    page.get_by_label("To", exact=True).fill("2026-01-01")
    expect(page).to_have_url(re.compile(r"\?until=2026-01-01$"))
    expect(page.get_by_role("heading", name="No entry fits these filters")).to_be_visible()
    page.get_by_role("button", name="Clear filters").first.click()
    expect(page.get_by_label("To", exact=True)).to_have_value("")
    page.get_by_role("button", name=re.compile("order.ship")).press("Enter")
    entry = page.get_by_role("complementary", name="Entry")
    expect(entry.get_by_label("Details")).to_contain_text('"name": "thing 0"')
    expect(entry).to_contain_text("api_key")


def test_the_record_is_verified_and_a_changed_entry_is_named(admin_page: Page, studio: Studio, shop: Shop) -> None:
    page = admin_page
    written(studio, shop.scope, "order.pay", 120)
    page.goto("/app/audit")
    page.get_by_role("button", name="Verify").click()
    expect(page.get_by_text("The record is intact: all 120 entries are as they were written.")).to_be_visible()
    engine = sa.create_engine(studio.owner_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as owner:
        owner.execute(sa.text("SELECT set_config('app.tenant_id', :id, true)"), {"id": str(shop.scope.tenant_id)})
        owner.execute(sa.text("UPDATE audit_log SET action = 'order.steal' WHERE number = 17"))
    engine.dispose()
    page.get_by_role("button", name="Verify").click()
    said = page.get_by_role("alert")
    expect(said).to_contain_text("Entry 17 is not as it was written.")
    said.get_by_role("button", name="Show the place").click()
    expect(row(page, "order.steal")).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(19)  # the entries up to 18, and the head


def test_the_record_is_not_for_every_role(page: Page, studio: Studio, shop: Shop) -> None:
    written(studio, shop.scope, "order.pay")
    sign_in(page.context, studio, shop.viewer, PASSWORD)
    page.goto("/app/events")
    rail = page.get_by_role("navigation", name="Pages")
    expect(rail.get_by_role("link", name="Events")).to_be_visible()
    expect(rail.get_by_role("link", name="Audit")).to_have_count(0)
    page.goto("/app/audit")
    expect(page.get_by_role("heading", name="This page is not for your role")).to_be_visible()
    expect(page.get_by_role("button", name="Verify")).to_have_count(0)
    expect(page.get_by_text("order.pay")).to_have_count(0)


def test_another_tenant_has_a_record_of_its_own(page: Page, studio: Studio, shop: Shop, people: Any) -> None:
    written(studio, shop.scope, "order.pay")
    sign_in(page.context, studio, people.stranger, PASSWORD)
    page.goto("/app/audit?action=order.pay")
    expect(page.get_by_role("heading", name="No entry fits these filters")).to_be_visible()
