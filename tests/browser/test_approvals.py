"""What runs ask people, in a browser: from the rail to the answer and the run's end, and whatever stands in the way."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlmodel import select

from engine.store.access import workflows
from engine.store.session import Database
from engine.store.tables.runs import RunWait
from studio.services import publishing
from tests.browser.conftest import PASSWORD, People, Studio, sign_in
from tests.support.editor import demo_scope
from tests.support.held_back import HeldBack

TEXT = """\
name: "{name}"
version: "1.0.0"
description: "Asks a person"
category: "e_commerce"
priority: "low"
nodes:
  - {{name: "start", type: "start"}}
  - name: "ask"
    type: "human"
    config: {config}
  - {{name: "end", type: "end", config: {{output: {{it: "${{nodes.ask.output}}"}}}}}}
edges:
  - {{from: "start", to: "ask", condition: null}}
  - {{from: "ask", to: "end", condition: null}}
"""
REFUND = """{
      mode: approval, message: "Refund {amount} for {order}?", details: {order: context.order, amount: context.amount},
      form: {type: object, required: [paid_by], properties: {
        amount: {type: number, maximum: 100, title: Amount, default: 20},
        paid_by: {enum: [card, bank], title: Paid by}, tell: {type: boolean, title: Tell the customer}}}}"""

Asked = tuple[str, str]  # a run, and the address of its question
Ask = Callable[..., Asked]


@pytest.fixture
def ask(studio: Studio, context: BrowserContext, browser: Any) -> Ask:
    """Starts a run that asks, as the demo tenant's admin, and waits until it does."""

    def start(config: str, **run_input: Any) -> Asked:
        name = f"asks_{uuid.uuid4().hex[:8]}"

        async def publish(database: Database) -> None:
            scope = await demo_scope(database)
            async with database.transaction(scope) as tx:
                row = await workflows.create(tx, TEXT.format(name=name, config=config))
            await publishing.publish(database, scope, row.workflow_id)

        studio.run(publish)
        admin = browser.new_context(base_url=studio.url)
        sign_in(admin, studio, studio.email, studio.password)
        started = admin.request.post(
            "/api/v1/runs", data={"workflow": name, "input": run_input}, headers={"Origin": studio.url}
        )
        run_id = started.json()["run_id"]
        admin.close()

        async def asked(database: Database) -> int:
            scope = await demo_scope(database)
            while True:
                async with database.transaction(scope) as tx:
                    query = select(RunWait).where(RunWait.run_id == uuid.UUID(run_id))
                    found = (await tx.session.execute(query)).scalars().first()
                if found is not None:
                    return found.seq
                await asyncio.sleep(0.2)

        return run_id, f"/app/approvals?question={run_id}.{studio.run(asked)}"

    return start


def entered(page: Page, studio: Studio, email: str) -> Page:
    sign_in(page.context, studio, email, PASSWORD)
    return page


def test_a_run_asks_is_answered_and_ends(page: Page, studio: Studio, people: People, ask: Ask) -> None:
    order = f"ORD-{uuid.uuid4().hex[:8]}"
    run_id, _ = ask(REFUND, order=order, amount="<b>20</b>")
    entered(page, studio, people.agent).goto("/app/workflows")
    rail = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Approvals")
    expect(rail).to_contain_text("waiting")
    rail.click()
    expect(page).to_have_url(f"{studio.url}/app/approvals")
    row = page.get_by_label("Waiting", exact=True).get_by_role("button", name=re.compile(order))
    row.click()
    question = page.get_by_role("region", name="Question")
    expect(question).to_contain_text(f"Refund <b>20</b> for {order}?")
    expect(question.get_by_role("region", name="What you decide on").locator("dt")).to_have_text(["order", "amount"])
    expect(question.get_by_role("region", name="What you decide on").locator("dd")).to_have_text([order, "<b>20</b>"])
    expect(question.get_by_label("Amount")).to_have_value("20")

    question.get_by_label("Amount").fill("101")
    question.get_by_label("Note").fill("broken on arrival")
    question.get_by_role("button", name="Approve").click()
    expect(question.locator(".hint.bad")).to_have_text(["At most 100.", "Please fill this in."])
    expect(question.get_by_label("Amount")).to_be_focused()
    expect(question.get_by_label("Amount")).to_have_accessible_description("At most 100.")
    expect(question.get_by_label("Note")).to_have_value("broken on arrival")

    question.get_by_label("Amount").fill("19.5")
    question.get_by_label("Paid by").select_option("bank")
    question.get_by_role("button", name="Approve").click()
    expect(question).to_contain_text(f"Approved by {people.agent}")
    expect(row).to_have_count(0)
    question.get_by_role("link", name="Open run").click()
    expect(page).to_have_url(f"{studio.url}/app/runs/{run_id}")
    output = page.get_by_label("Output", exact=True).first
    expect(output).to_contain_text('"paid_by": "bank"')
    expect(output).to_contain_text('"comment": "broken on arrival"')
    expect(output).to_contain_text('"amount": 19.5')


def test_a_suspended_run_is_answered_on_its_own_page(signed_in_page: Page, ask: Ask) -> None:
    page = signed_in_page
    run_id, _ = ask("{mode: choice, message: Which way?, choices: [Left, Right]}")
    page.goto(f"/app/runs/{run_id}")
    question = page.get_by_role("region", name="Question")
    question.get_by_role("button", name="Send answer").click()
    expect(question.locator(".hint.bad")).to_have_text("Please choose one of these.")
    question.get_by_label("Right").check()
    question.get_by_role("button", name="Send answer").click()
    expect(page.locator(".top .status")).to_have_text("succeeded")
    expect(question).to_have_count(0)
    expect(page.get_by_label("Output", exact=True).first).to_contain_text('"choice": "Right"')


def test_of_two_people_the_first_decides_and_the_second_is_told(
    page: Page, studio: Studio, people: People, ask: Ask, browser: Any
) -> None:
    run_id, address = ask("{mode: approval, message: Really?}")
    # A page in the background does not look again, so it still shows the form when the other has answered.
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => true})")
    entered(page, studio, people.agent).goto(address)
    reject = page.get_by_role("button", name="Reject")
    expect(reject).to_be_visible()
    other = browser.new_context(base_url=studio.url)
    sign_in(other, studio, studio.email, studio.password)
    faster = other.new_page()
    faster.goto(address)
    faster.get_by_role("button", name="Approve").click()
    expect(faster.get_by_role("region", name="Question")).to_contain_text("Approved by")
    reject.click()
    expect(page.get_by_text("This has been answered already.").first).to_be_visible()
    expect(page.get_by_role("region", name="Question")).to_contain_text(f"Approved by {studio.email}")
    expect(reject).to_have_count(0)
    page.goto(f"/app/runs/{run_id}")
    expect(page.get_by_label("Output", exact=True).first).to_contain_text('"decision": "approve"')
    other.close()


def test_a_question_that_ran_out_of_time_says_so(signed_in_page: Page, ask: Ask) -> None:
    _, address = ask("{mode: approval, message: Quickly?, timeout_seconds: 1, on_timeout: reject}")
    signed_in_page.goto(address)
    question = signed_in_page.get_by_role("region", name="Question")
    expect(question).to_contain_text("Nobody answered in time", timeout=60_000)
    expect(question.get_by_role("button", name="Approve")).to_have_count(0)


def test_who_may_not_answer_is_told_why(page: Page, studio: Studio, people: People, ask: Ask) -> None:
    _, for_all = ask("{mode: approval, message: Really?}")
    _, for_ada = ask("{mode: approval, message: Really?, assignees: [ada@example.org]}")
    entered(page, studio, people.viewer).goto(for_all)
    question = page.get_by_role("region", name="Question")
    expect(question).to_contain_text("Your role (viewer) reads questions and does not answer them.")
    expect(question.get_by_role("button", name="Approve")).to_have_count(0)
    expect(page.locator(".rail-count")).to_have_count(0)
    entered(page, studio, people.agent).goto(for_ada)
    expect(question).to_contain_text("This question is for ada@example.org.")
    expect(question.get_by_role("button", name="Approve")).to_have_count(0)


def test_another_tenant_sees_nothing_of_it(page: Page, studio: Studio, people: People, ask: Ask) -> None:
    run_id, address = ask("{mode: approval, message: Really?}")
    entered(page, studio, people.stranger).goto("/app/approvals")
    expect(page.get_by_role("heading", name="Nothing waits for an answer")).to_be_visible()
    for path in (address, f"/app/approvals?question={run_id}.x", "/app/approvals?question=%00"):
        page.goto(path)
        expect(page.get_by_role("heading", name="There is no such question")).to_be_visible()


def test_the_list_by_keyboard(signed_in_page: Page, ask: Ask) -> None:
    page, mark = signed_in_page, uuid.uuid4().hex[:8]
    for number in (1, 2):
        ask(f"{{mode: approval, message: {mark} number {number}, details: {{it: {number}}}}}")
    page.goto("/app/approvals")
    rows = page.get_by_label("Waiting", exact=True).get_by_role("button", name=re.compile(mark))
    expect(rows).to_have_count(2)
    rows.first.focus()
    page.keyboard.press("Enter")
    question = page.get_by_role("region", name="Question")
    expect(question.locator("dd")).to_have_text("1")
    page.keyboard.press("ArrowDown")
    expect(rows.last).to_be_focused()
    expect(question.locator("dd")).to_have_text("2")


def test_an_answer_is_about_the_question_on_the_page(signed_in_page: Page, studio: Studio, ask: Ask) -> None:
    """One has chosen another question; until that is there, the form belongs to the one before."""
    page, mark = signed_in_page, uuid.uuid4().hex[:8]
    line = HeldBack(page)
    form = "form: {type: object, properties: {most: {type: integer, maximum: 5}}}"
    (_, shown), _ = (ask(f"{{mode: approval, message: {mark} {n}, {form}}}") for n in ("one", "two"))
    page.goto(shown)
    question = page.get_by_role("region", name="Question")
    expect(question).to_contain_text(f"{mark} one")

    # What is wrong is said of the question that was answered.
    line.hold()
    page.get_by_role("button", name=re.compile(f"{mark} two")).click()
    question.get_by_label("most").fill("6")
    question.get_by_role("button", name="Approve").click()
    line.wait("At most 5.")
    line.let_go()
    expect(question).to_contain_text(f"{mark} one")
    expect(question.locator(".hint.bad")).to_have_text("At most 5.")

    line.hold()
    page.get_by_role("button", name=re.compile(f"{mark} two")).click()
    question.get_by_label("most").fill("5")
    question.get_by_role("button", name="Approve").click()
    line.wait("Your answer is kept.")
    line.let_go()
    expect(question).to_contain_text(f"{mark} two")
    expect(question.get_by_role("button", name="Approve")).to_be_visible()
    page.goto(shown)
    expect(question).to_contain_text(f"{mark} one")
    expect(question).to_contain_text("Approved by")
