"""How soon the studio's pages can be used: workflow list, and the editor with a workflow of 60 nodes.

Needs a running instance (`heddle up`) and a browser. Measured from the start of the navigation in a fresh browser
with an empty cache until the content is there and answers a click.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from playwright.sync_api import Page

from bench.language import workflow_of
from bench.support.browsing import Instance, running_instance
from engine.settings import Settings

NODES = 60
ROUNDS = 5
AT_REST_MS = 1_500  # the page before is closed and the sign-in answered: neither is part of what is measured
NAME = "bench_long_workflow"


def run(settings: Settings, progress: Callable[[str], None]) -> dict[str, float]:
    """Medians in seconds."""
    drafts = {NAME: workflow_of(NODES).replace('name: "long"', f'name: "{NAME}"', 1)}
    with running_instance(settings, drafts, progress) as instance:
        progress(f"opening the workflow list, {ROUNDS} times")
        workflows = median_s(instance, "/app/workflows", _list_is_usable)
        progress(f"opening the editor with {NODES} nodes, {ROUNDS} times")
        editor = median_s(instance, f"/app/workflows/{NAME}", _editor_is_usable)
    return {"workflows_interactive_s": round(workflows, 3), "editor_60_interactive_s": round(editor, 3)}


def median_s(instance: Instance, path: str, is_usable: Callable[[Page], None], rounds: int = ROUNDS) -> float:
    """Seconds until a page can be used, each time in a browser with an empty cache."""
    taken = []
    for _ in range(rounds):
        with instance.fresh_page() as page:
            page.wait_for_timeout(AT_REST_MS)
            began = time.perf_counter()
            page.goto(f"{instance.url}{path}", wait_until="commit")
            is_usable(page)
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def _list_is_usable(page: Page) -> None:
    page.get_by_role("link", name="order_management").first.wait_for()
    page.get_by_role("searchbox").first.fill("order")


def _editor_is_usable(page: Page) -> None:
    page.locator(".react-flow__node").nth(NODES - 1).wait_for(state="attached")
    page.locator(".react-flow__node").first.click()
    page.get_by_test_id("inspector").wait_for()
