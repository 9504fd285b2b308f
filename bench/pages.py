"""How soon the studio's pages can be used: workflow list, and the editor with a workflow of 60 nodes.

Needs a running instance (`heddle up`) and a browser. Measured from the start of the navigation in a fresh browser
with an empty cache until the content is there and answers a click.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable

from playwright.sync_api import Browser, Page, sync_playwright

from bench.language import workflow_of
from engine.errors import ConfigError
from engine.settings import Settings
from runners.connections import Connections, open_connections
from runners.embedded.secrets_file import read_notes
from studio.commands.files import WorkflowFiles
from studio.commands.import_files import put_draft
from studio.commands.tenant import tenant_database
from tests.support.browser import browser_path

NODES = 60
ROUNDS = 5
NAME = "bench_long_workflow"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def run(settings: Settings, progress: Callable[[str], None]) -> dict[str, float]:
    """Medians in seconds."""
    with open_connections(settings, progress=progress) as connections:
        if connections.instance_url is None:
            raise ConfigError("No instance runs on this data folder: start one with `heddle up`, then measure")
        asyncio.run(_put_workflow(connections))
        url = connections.instance_url
    password = read_notes(settings.data_dir).get("demo_password")
    if not password:
        raise ConfigError("The demo password is not known here: run `heddle seed` with this data folder")
    executable = browser_path()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=_FLAGS)
        progress(f"opening the workflow list, {ROUNDS} times")
        workflows = _median(browser, url, password, "/app/workflows", _list_is_usable)
        progress(f"opening the editor with {NODES} nodes, {ROUNDS} times")
        editor = _median(browser, url, password, f"/app/workflows/{NAME}", _editor_is_usable)
        browser.close()
    return {"workflows_interactive_s": round(workflows, 3), "editor_60_interactive_s": round(editor, 3)}


async def _put_workflow(connections: Connections) -> None:
    text = workflow_of(NODES).replace('name: "long"', f'name: "{NAME}"', 1)
    async with tenant_database(connections) as (db, scope), db.transaction(scope) as tx:
        await put_draft(tx, WorkflowFiles(text))


def _median(browser: Browser, url: str, password: str, path: str, is_usable: Callable[[Page], None]) -> float:
    taken = []
    for _ in range(ROUNDS):
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        form: dict[str, str | float | bool] = {"email": "demo@heddle.local", "password": password, "tenant": "demo"}
        answer = context.request.post(f"{url}/auth/sign-in", form=form, headers={"Origin": url})
        if not answer.ok:
            raise ConfigError(f"The demo sign-in was refused ({answer.status})")
        page = context.new_page()
        began = time.perf_counter()
        page.goto(f"{url}{path}", wait_until="commit")
        is_usable(page)
        taken.append(time.perf_counter() - began)
        context.close()
    return statistics.median(taken)


def _list_is_usable(page: Page) -> None:
    page.get_by_role("link", name="order_management").first.wait_for()
    page.get_by_role("searchbox").first.fill("order")


def _editor_is_usable(page: Page) -> None:
    page.locator(".react-flow__node").nth(NODES - 1).wait_for(state="attached")
    page.locator(".react-flow__node").first.click()
    page.get_by_test_id("inspector").wait_for()
