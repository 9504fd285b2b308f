"""The main job, as a person does it from the first page on: sign in, look, change, chat, publish, call, look back.

It works on the demo tenant's own `customer_support_workflow`, as it stands after `make run`, and puts its text back.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
import uuid
from typing import Any

from playwright.sync_api import Page, expect

from engine.store.access import commerce
from engine.store.session import Database
from tests.support.editor import (
    ROOT,
    WATCH_STATUSES,
    ask_and_watch,
    changed_lines,
    demo_scope,
    drag,
    handle,
    middle,
    node,
    saved,
    see_all,
    shipped_text,
    stored,
    yaml_pane,
)

NAME = "customer_support_workflow"
QUESTION = "Where is my order ORD-10000007?"
AWAY_FROM_THE_BORDER = """() => {
  const bottom = (what) => document.querySelector(what).getBoundingClientRect().bottom;
  return bottom('[data-id=end]') < bottom('[data-testid=canvas]') - 44;
}"""


def test_the_main_job(page: Page, studio: Any) -> None:
    page.emulate_media(reduced_motion="reduce")
    mark = uuid.uuid4().hex[:8]
    _sign_in(page, studio)
    _open(page, studio)
    _edit_a_prompt(page, studio)
    _build_on_the_canvas(page, studio)
    _take_everything_back(page, studio)
    _chat(page, studio)
    webhook, token, chat = _publish(page)
    status = _true_status(studio)
    asked = f"{QUESTION} ({mark})"
    assert status in _post(webhook, {"message": asked}, token)["reply"]
    assert "reply" in _post(chat, {"message": f"What is your return policy? ({mark})"})
    _run_from_the_command_line(studio, asked)
    _every_run_is_listed(page, studio, mark)


def _sign_in(page: Page, studio: Any) -> None:
    page.goto(studio.url)
    expect(page).to_have_url(re.compile("/login"))
    page.get_by_label("E-mail address").fill(studio.email)
    page.get_by_label("Password").fill(studio.password)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{studio.url}/app/workflows")


def _open(page: Page, studio: Any) -> None:
    page.get_by_role("link", name=NAME, exact=True).click()
    expect(page).to_have_url(f"{studio.url}/app/workflows/{NAME}")
    expect(node(page, "classify_intent")).to_be_visible()
    expect(yaml_pane(page)).to_contain_text(NAME)
    see_all(page)


def _edit_a_prompt(page: Page, studio: Any) -> None:
    """Writing one more line at the end of a prompt is one more line in the file."""
    before = stored(studio, NAME).text
    node(page, "generate_response").click()
    expect(page.get_by_test_id("inspector")).to_contain_text("Longest answer")
    page.get_by_test_id("field-prompt_template").get_by_test_id("prompt").click()
    page.keyboard.press("Control+End")
    page.keyboard.type("\nSign as the Larkfell team.")
    page.keyboard.press("Control+Enter")
    expect(yaml_pane(page)).to_contain_text("Sign as the Larkfell team.")
    saved(page)
    assert changed_lines(before, stored(studio, NAME).text) == ["+        Sign as the Larkfell team."]


def _build_on_the_canvas(page: Page, studio: Any) -> None:
    """Add a node behind another one, move it, delete it, and connect the gap by hand."""
    before = stored(studio, NAME)
    node(page, "generate_response").click()
    page.get_by_test_id("add-node").click()
    page.keyboard.type("message")
    page.keyboard.press("Enter")
    expect(node(page, "message")).to_be_visible()
    saved(page)
    added = stored(studio, NAME).text
    names = {line.partition("to: ")[2] for line in changed_lines(before.text, added) if "to: " in line}
    assert {'"message"', '"end"'} >= names, "only the new node and the edge that it stands in have changed"

    x, y = middle(node(page, "message"))
    drag(page, (x, y), (x + 120, y - 40))
    saved(page)
    assert stored(studio, NAME).text == added, "a moved node is no change of the file"
    assert stored(studio, NAME).layout["nodes"]["message"]

    page.keyboard.press("Delete")
    expect(node(page, "message")).to_have_count(0)
    expect(page.get_by_test_id("problem-count")).to_contain_text("1 error")
    # A line that is drawn close to the border of the canvas moves the view, and the slower the more.
    page.get_by_role("button", name="Fit everything").click()
    page.wait_for_function(AWAY_FROM_THE_BORDER)
    drag(page, middle(handle(page, "generate_response", "source")), middle(handle(page, "end", "target")))
    expect(page.get_by_test_id("problem-count")).to_contain_text("no problems")
    saved(page)


def _take_everything_back(page: Page, studio: Any) -> None:
    """Undo as far as it goes: the file is what was shipped, to the byte."""
    undo = page.get_by_role("button", name="Undo")
    for _ in range(20):
        if undo.is_disabled():
            break
        undo.click()
        saved(page)
    expect(undo).to_be_disabled()
    saved(page)
    assert stored(studio, NAME).text == shipped_text(NAME)


def _chat(page: Page, studio: Any) -> None:
    """The nodes light up as they run, and each step can be looked into."""
    page.evaluate(WATCH_STATUSES)
    ask_and_watch(page, studio, QUESTION)
    expect(page.get_by_test_id("reply").last).to_contain_text("ORD-10000007")
    seen = page.evaluate("window.seenStatuses")
    lit_up = [name for name, statuses in seen.items() if "running" in statuses]
    assert lit_up, f"no node lit up while it ran: {seen}"  # which ones a browser gets to paint depends on its speed
    for name in ("start", "classify_intent", "order_workflow", "generate_response", "end"):
        expect(node(page, name)).to_have_attribute("data-status", "succeeded")
    expect(node(page, "faq_workflow")).to_have_attribute("data-status", "skipped")
    page.get_by_test_id("step-generate_response").click()
    for fact in ("Took", "Tier", "Model", "Tokens", "Cost"):
        expect(page.get_by_test_id("step-facts")).to_contain_text(fact)
    expect(page.get_by_test_id("inspector")).to_contain_text("Input")
    expect(page.get_by_test_id("inspector")).to_contain_text("ORD-10000007")


def _publish(page: Page) -> tuple[str, str, str]:
    """The webhook's address, its token, and the chat's address, as the dialog shows them to a new user."""
    before = page.get_by_test_id("live-version").inner_text()
    page.get_by_test_id("publish").click()
    page.get_by_test_id("publish-confirm").click()
    curl = page.get_by_test_id("address-webhook").locator("pre")
    expect(curl).to_contain_text("Bearer hook_")
    webhook = curl.inner_text()
    chat = page.get_by_test_id("address-chat").locator("pre").inner_text()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_test_id("live-version")).not_to_have_text(before)
    return _found(r"https?://[^\s'\\]+", webhook), _found(r"hook_[\w-]+", webhook), _found(r"https?://[^\s'\\]+", chat)


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, text
    return found[0]


def _true_status(studio: Any) -> str:
    """What the database says of the order."""

    async def read(database: Database) -> str:
        async with database.transaction(await demo_scope(database)) as tx:
            order = await commerce.find_order(tx, order_id="ORD-10000007")
            assert order is not None
            return order.status

    status: str = studio.run(read)
    return status


def _post(url: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200
        found: dict[str, Any] = json.loads(answer.read())
    return found


def _run_from_the_command_line(studio: Any, message: str) -> None:
    file, given = f"workflows/{NAME}.yaml", json.dumps({"message": message})
    done = subprocess.run(
        [sys.executable, "-m", "studio.cli", "run", file, "--json", "--input", given],
        cwd=ROOT,
        env=studio.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def _every_run_is_listed(page: Page, studio: Any, mark: str) -> None:
    """One list for all ways in; each row leads to the run with its steps."""
    page.get_by_role("link", name="Runs").click()
    page.get_by_role("searchbox").fill(mark)
    for trigger in ("webhook", "chat", "cli"):
        expect(page.get_by_role("row").filter(has_text=mark).filter(has_text=trigger)).to_have_count(1)
    page.get_by_role("searchbox").fill("")
    expect(page.get_by_role("row").filter(has_text=QUESTION).filter(has_text="manual").first).to_be_visible()
    page.get_by_role("row").filter(has_text=mark).filter(has_text="webhook").get_by_role("link").first.click()
    expect(page.get_by_label("Output")).to_contain_text("ORD-10000007")
    expect(page.get_by_role("button", name=re.compile("classify_intent"))).to_be_visible()
