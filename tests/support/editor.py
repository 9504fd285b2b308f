"""Helpers for tests of the editor: workflows of their own, what is stored, and the page's parts by name."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from engine.store.access import identity, workflows
from engine.store.session import Database, Scope
from engine.store.tables.workflows import WorkflowRow
from tests.support.processes import children_with

ROOT = Path(__file__).resolve().parents[2]
RUN_LIMIT_MS = 60_000

SMALL = """\
# A small workflow: one answer.
name: "{name}"
version: "1.0.0"
description: "Answers greetings"   # kept as it is
category: "customer_service"
priority: "low"

nodes:
  - name: "start"
    type: "start"

  # The only model call.
  - name: "answer"
    type: "agent"
    config:
      model: "auto"
      temperature: 0.2
      prompt_template: |
        You greet people.
        Message: {{message}}
        Answer in one sentence.

  - name: "end"
    type: "end"

edges:
  - {{from: start, to: answer}}
  - {{from: answer, to: end}}
"""


def run_on(studio: Any, work: Callable[[Database], Any]) -> Any:
    """`studio.run` in a thread of its own: the browser's driver keeps a loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(studio.run, work).result()


async def demo_scope(database: Database) -> Scope:
    async with database.anonymous() as session:
        tenant_id = await identity.tenant_id_by_slug(session, "demo")
    assert tenant_id is not None
    return Scope(tenant_id, None, "system")


def new_workflow(studio: Any, text: str | None = None, layout: dict[str, Any] | None = None) -> str:
    """Keep a new workflow in the demo tenant; returns its name. `text` has `{name}` where the name stands."""
    name = f"edited_{uuid.uuid4().hex[:8]}"

    async def make(database: Database) -> None:
        async with database.transaction(await demo_scope(database)) as tx:
            await workflows.create(tx, (text or SMALL).format(name=name), layout)

    run_on(studio, make)
    return name


def deaf(page: Page) -> None:
    """From now on the page does not hear that the draft was saved elsewhere, until it saves itself."""
    page.route("**/api/v1/editor/presence*", lambda route: route.abort())


def shipped_text(name: str) -> str:
    """A shipped workflow's file, byte for byte."""
    return (ROOT / "workflows" / f"{name}.yaml").read_bytes().decode()


def copy_of(studio: Any, shipped: str) -> str:
    """A workflow with a shipped file's text under a name and addresses of its own."""
    text = (ROOT / "workflows" / f"{shipped}.yaml").read_text()
    text = text.replace("{", "{{").replace("}", "}}").replace(f'name: "{shipped}"', 'name: "{name}"', 1)
    return new_workflow(studio, text.replace('path: "support"', 'path: "{name}"'))


def stored(studio: Any, name: str) -> WorkflowRow:
    """The draft as it stands in the database."""

    async def read(database: Database) -> WorkflowRow:
        async with database.transaction(await demo_scope(database)) as tx:
            return await workflows.get_by_name(tx, name)

    row: WorkflowRow = run_on(studio, read)
    return row


def beside(studio: Any, name: str, part: str) -> list[dict[str, Any]]:
    """The stored notes or groups, without the ids by which merges know them."""
    return [{key: value for key, value in one.items() if key != "id"} for one in stored(studio, name).layout[part]]


def changed_lines(before: str, after: str) -> list[str]:
    """Lines that a diff shows, with their sign."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), n=0)
    return [line.rstrip("\n") for line in lines if line[0] in "+-" and not line.startswith(("---", "+++"))]


def save_elsewhere(studio: Any, name: str, old: str, new: str) -> None:
    """Another person's save."""

    async def save(database: Database) -> None:
        async with database.transaction(await demo_scope(database)) as tx:
            row = await workflows.get_by_name(tx, name)
            text = row.text.replace(old, new)
            await workflows.save_draft(tx, row.workflow_id, text=text, layout=row.layout, revision=row.revision)

    run_on(studio, save)


def open_editor(page: Page, studio: Any, name: str, query: str = "") -> None:
    """Open a workflow and wait until it can be worked with."""
    page.goto(f"{studio.url}/app/workflows/{name}{query}")
    expect(page.get_by_test_id("editor")).to_be_visible()
    expect(page.locator(".react-flow__node").first).to_be_visible()


def see_all(page: Page) -> None:
    """Have every card in view: what lies outside cannot be clicked."""
    page.get_by_role("button", name="Fit everything").click()


def saved(page: Page) -> None:
    """Wait until the draft says that it is saved."""
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", "saved")


def keys_rested(page: Page) -> None:
    """Wait until cards that were moved by keys are put down: they are when no key was pressed for a moment."""
    expect(page.get_by_test_id("canvas")).not_to_have_class(re.compile(r"\bdragging\b"))


def node(page: Page, name: str) -> Locator:
    return page.get_by_test_id(f"node-{name}")


def handle(page: Page, name: str, kind: str) -> Locator:
    """A node's own port: "source" below, "target" above; not those of its known ways."""
    return node(page, name).locator(f".react-flow__handle.{kind}:not(.hed-way)")


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], *, drop: bool = True) -> None:
    """With a real mouse, in steps, as a hand does it; without `drop` the button stays down.

    The page comes to the front: behind another one each move would wait for a frame that is not drawn, for seconds.
    """
    page.bring_to_front()
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 6, start[1] + 6, steps=3)
    page.mouse.move(*end, steps=12)
    if drop:
        page.mouse.up()


def box_of(locator: Locator) -> dict[str, float]:
    box = locator.bounding_box()
    assert box is not None
    return dict(box)


def middle(locator: Locator) -> tuple[float, float]:
    box = box_of(locator)
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def yaml_pane(page: Page) -> Locator:
    """The text beside the canvas; code fields of the inspector are editors of their own."""
    return page.get_by_test_id("yaml").locator(".cm-content")


def yaml_text(page: Page) -> str:
    """What the YAML pane shows (of a text short enough to be drawn whole)."""
    return yaml_pane(page).inner_text()


def ask(page: Page, message: str) -> None:
    """Write into the chat preview and wait for the answer."""
    page.get_by_test_id("chat-input").fill(message)
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded", timeout=RUN_LIMIT_MS)


@contextmanager
def nobody_works(studio: Any) -> Iterator[None]:
    """Runs wait in their queue meanwhile, as on a machine that has much to do."""
    workers = children_with("worker", str(studio.data_dir))
    assert workers
    for worker in workers:
        worker.suspend()
    try:
        yield
    finally:
        for worker in workers:
            worker.resume()


def ask_and_watch(page: Page, studio: Any, message: str) -> None:
    """Ask, and have the run begin once the page follows it: one that is over by then lights nothing up."""
    with nobody_works(studio), page.expect_response(re.compile("/api/v1/runs/[^/]+/events")):
        page.get_by_test_id("chat-input").fill(message)
        page.keyboard.press("Enter")
    expect(page.get_by_test_id("run-status")).to_have_text("succeeded", timeout=RUN_LIMIT_MS)


# Keeps every status that a card showed, by name, in window.seenStatuses.
WATCH_STATUSES = """() => {
  window.seenStatuses = {};
  const look = () => document.querySelectorAll('.hed-node').forEach((card) => {
    const name = card.dataset.testid.slice(5);
    const seen = (window.seenStatuses[name] ??= []);
    if (!seen.includes(card.dataset.status)) seen.push(card.dataset.status);
  });
  const what = { subtree: true, attributes: true, attributeFilter: ['data-status'] };
  new MutationObserver(look).observe(document.body, what);
}"""
