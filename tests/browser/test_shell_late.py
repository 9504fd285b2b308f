"""Answers that come late: what one has chosen, typed or gone on to since stays."""

from __future__ import annotations

import re
import uuid
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect

from engine.execution.events import RunStatus
from engine.store.access import runs, workflows
from engine.store.session import Database
from tests.support.editor import demo_scope
from tests.support.held_back import HeldBack


def test_what_is_typed_stays_when_what_stood_before_is_answered(signed_in_page: Page) -> None:
    page = signed_in_page
    line = HeldBack(page)
    page.goto("/app/runs?search=qqzzxx")
    search = page.get_by_role("searchbox")
    expect(page.get_by_role("heading", name="No run fits these filters")).to_be_visible()
    line.hold()
    search.fill("la")
    line.wait("?search=la")
    search.press_sequentially("te")
    line.wait("?search=late")
    line.let_go("?search=la")
    expect(page).to_have_url(re.compile(r"\?search=la$"))
    assert search.input_value() == "late"
    line.let_go()
    expect(page).to_have_url(re.compile(r"\?search=late$"))
    page.get_by_role("button", name="Clear filters").click()
    expect(search).to_have_value("")


def test_filters_that_are_answered_late_leave_the_next_page_alone(signed_in_page: Page, studio: Any) -> None:
    """The answer to a search arrives when the page has been left: its filters are not put into another's address."""
    page = signed_in_page
    line = HeldBack(page)
    page.goto("/app/runs")
    line.hold("replaceState")
    page.get_by_role("searchbox").fill("late")
    line.wait("replaceState")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Workflows").click()
    expect(page).to_have_url(f"{studio.url}/app/workflows")
    line.let_go()
    expect(page.get_by_role("row", name=re.compile("track_order"))).to_be_visible()
    page.get_by_role("searchbox").fill("qqzzxx")
    expect(page.get_by_role("heading", name="Nothing fits these filters")).to_be_visible()
    assert page.url == f"{studio.url}/app/workflows"


@pytest.mark.parametrize(
    ("address", "role", "name", "answer"),
    [
        ("/app/workflows", "combobox", "Category", '"ready"'),
        ("/app/runs", "combobox", "Status", '"ready"'),
        ("/app/events?view=undelivered", "button", "Recent", '"undelivered"'),
    ],
)
def test_nothing_can_be_chosen_before_the_address_has_been_read(
    signed_in_page: Page, address: str, role: Any, name: str, answer: str
) -> None:
    """What the address says would undo it."""
    page = signed_in_page
    line = HeldBack(page)
    line.hold(answer)
    page.goto(address)
    line.wait(answer)
    control = page.get_by_role(role, name=name)
    expect(control).to_be_disabled()
    line.let_go()
    expect(control).to_be_enabled()


def test_what_is_chosen_stays_when_what_stood_before_is_answered(signed_in_page: Page) -> None:
    """Each arrow key counts from what one sees, and one sees what one chose."""
    page = signed_in_page
    line = HeldBack(page)
    page.goto("/app/runs?search=qqzzxx")
    status = page.get_by_label("Status")
    expect(page.get_by_role("heading", name="No run fits these filters")).to_be_visible()
    line.hold()
    status.focus()
    status.press("ArrowDown")
    line.wait("status=queued")
    expect(status).to_have_value("queued")
    status.press("ArrowDown")
    expect(status).to_have_value("running")
    line.wait("status=running")
    line.let_go("status=queued")
    expect(page).to_have_url(re.compile("status=queued"))
    assert status.input_value() == "running"
    line.let_go()
    expect(page).to_have_url(re.compile("status=running"))
    expect(status).to_have_value("running")
    page.get_by_role("button", name="Clear filters").click()
    expect(status).to_have_value("")
    status.press("End")
    expect(page).to_have_url(re.compile("status=cancelled"))
    page.reload()
    expect(status).to_have_value("cancelled")


def test_a_span_that_is_chosen_is_seen_at_once(signed_in_page: Page) -> None:
    page = signed_in_page
    line = HeldBack(page)
    page.goto("/app/workflows")
    expect(page.get_by_text("Runs, 7 days")).to_be_visible()
    month = page.get_by_role("button", name="30 days")
    line.hold()
    month.click()
    expect(month).to_have_attribute("aria-pressed", "true")
    line.wait("Runs, 30 days")
    line.let_go()
    expect(page.get_by_text("Runs, 30 days")).to_be_visible()
    expect(month).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="7 days").click()
    expect(page.get_by_text("Runs, 7 days")).to_be_visible()


def test_a_workflow_named_by_the_address_is_chosen(signed_in_page: Page, studio: Any) -> None:
    """Its name is an option only once the server has said which there are."""
    _run(studio, RunStatus.SUSPENDED)
    signed_in_page.goto("/app/runs?workflow=faq_handling")
    expect(signed_in_page.get_by_label("Workflow", exact=True)).to_have_value("faq_handling")


def test_a_retry_that_is_answered_late_leads_only_who_still_waits_for_it(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    line = HeldBack(page)
    left, stayed = [_run(studio, RunStatus.CANCELLED) for _ in range(2)]
    page.goto(f"/app/runs/{left}")
    retry = page.get_by_role("button", name="Retry from failed step")
    expect(retry).to_be_visible()
    line.hold("location.pathname")
    retry.click()
    line.wait("location.pathname")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Workflows").click()
    expect(page).to_have_url(f"{studio.url}/app/workflows")
    line.let_go()
    expect(page.get_by_role("row", name=re.compile("track_order"))).to_be_visible()
    assert page.url == f"{studio.url}/app/workflows"
    page.goto(f"/app/runs/{stayed}")
    expect(page.locator(".top .run-id")).to_have_text(stayed[-12:])  # until then the button is of the run before
    retry.click()
    expect(page.get_by_role("link", name="earlier run")).to_have_attribute("href", f"/app/runs/{stayed}")


def test_a_workflow_that_is_made_late_leads_only_who_still_waits_for_it(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    line = HeldBack(page)
    name = f"made_{uuid.uuid4().hex[:8]}"
    page.goto("/app/runs")
    expect(page.get_by_label("Status")).to_be_enabled()  # or its being read would be held back, too
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Workflows").click()
    page.get_by_role("button", name="New workflow").click()
    page.get_by_label("Name", exact=True).fill(name)
    line.hold("location.pathname")
    page.get_by_role("button", name="Create workflow").click()
    line.wait("location.pathname")
    page.go_back()
    page.get_by_label("Status").select_option("cancelled")
    line.let_go()
    expect(page).to_have_url(f"{studio.url}/app/runs?status=cancelled")


def test_a_queued_run_can_be_cancelled_and_the_page_follows(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    run_id = _run(studio, RunStatus.SUSPENDED)
    page.goto(f"/app/runs/{run_id}")
    expect(page.locator(".top .status")).to_have_text(re.compile("suspended|queued|running"))
    page.get_by_role("button", name="Cancel run").click()
    expect(page.locator(".top .status")).to_have_text("cancelled")
    expect(page.get_by_role("button", name="Cancel run")).to_have_count(0)


def test_the_run_that_is_cancelled_is_the_one_on_the_page(signed_in_page: Page, studio: Any) -> None:
    """One has gone on to another run; until that is there, the button belongs to the one before."""
    page, earlier = signed_in_page, _run(studio, RunStatus.SUSPENDED)
    shown = _run(studio, RunStatus.SUSPENDED, earlier)
    line = HeldBack(page)
    page.goto(f"/app/runs/{shown}")
    way_on = page.get_by_role("link", name="earlier run")
    expect(way_on).to_be_visible()
    line.hold()
    way_on.click()
    expect(page).to_have_url(f"{studio.url}/app/runs/{earlier}")
    page.get_by_role("button", name="Cancel run").click()
    line.wait("The run is cancelled.")
    line.let_go()
    expect(page.locator(".top .run-id")).to_have_text(earlier[-12:])
    assert [_status(studio, run_id) for run_id in (shown, earlier)] == ["cancelled", "suspended"]


def _run(studio: Any, status: RunStatus, goes_on_from: str = "") -> str:
    """A run that nobody works on."""

    async def make(database: Database) -> str:
        async with database.transaction(await demo_scope(database)) as tx:
            digest = await workflows.put_definition(tx, "faq_handling", "name: faq_handling")
            origin = UUID(goes_on_from) if goes_on_from else None
            new = runs.NewRun("faq_handling", digest, "manual", {"message": "wait"}, origin_run_id=origin)
            row, _ = await runs.create_run(tx, new)
            row.status = status.value
            return str(row.run_id)

    found: str = studio.run(make)
    return found


def _status(studio: Any, run_id: str) -> str:
    async def read(database: Database) -> str:
        async with database.transaction(await demo_scope(database)) as tx:
            return (await runs.get_run(tx, UUID(run_id))).status

    found: str = studio.run(read)
    return found
