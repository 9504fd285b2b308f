"""The editor under a hand: how soon it can be used, how smoothly it moves, how soon a change is seen and saved.

Needs a running instance (`heddle up`) and a browser. Everything is done with real mouse and keys; times are taken in
the page, from the event of the hand to the change of the document. Frames are those that the page could draw.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, Page

from bench.pages import median_s
from bench.support.browsing import Instance, running_instance
from bench.support.texts import mesh
from engine.settings import Settings

SIZES = {200: 300, 1_000: 1_500}  # nodes: edges
ROUNDS = 9
MOVING_S = 2.0
SAY, NEXT = "message_8", "condition_10"  # not connected with each other

# Counts the frames from now on; window.frames() tells how many a second there were.
_FRAMES = """() => {
  let count = 0, began = performance.now(), on = true;
  const tick = () => { count += 1; if (on) requestAnimationFrame(tick); };
  requestAnimationFrame(tick);
  window.frames = () => { on = false; return count * 1000 / (performance.now() - began); };
}"""

# From the next event of that kind to the next change of what a selector finds: window.took() waits for it, in ms.
_TIMED = """([kind, selector, attribute, value]) => {
  const at = document.querySelector(selector);
  let began = null;
  addEventListener(kind, () => { began ??= performance.now(); }, { capture: true, once: true });
  const took = new Promise((resolve) => {
    const seen = new MutationObserver(() => {
      if (began === null || (value && at.getAttribute(attribute) !== value)) return;
      seen.disconnect();
      resolve(performance.now() - began);
    });
    seen.observe(at, { subtree: true, childList: true, characterData: true, attributes: Boolean(attribute) });
  });
  window.took = () => took;
}"""


def run(settings: Settings, progress: Callable[[str], None]) -> dict[str, Any]:
    """`{"nodes_200": {...}, "nodes_1000": {...}, "transfer_kb"}`; a kB is 1,000 bytes."""
    drafts = {_name(nodes): mesh(_name(nodes), nodes, edges) for nodes, edges in SIZES.items()}
    with running_instance(settings, drafts, progress) as instance:
        progress("opening 200 nodes")
        small: dict[str, float] = {"interactive_s": round(_interactive(instance, 200), 3)}
        with instance.fresh_page() as page:
            watched = _Watched(page)
            _open(page, instance, 200)
            transfer = round(watched.received / 1_000)
            progress("moving and changing 200 nodes")
            small |= _moving(page, watched) | _changing(page)
        progress("opening and moving 1,000 nodes")
        large = {"interactive_s": round(_interactive(instance, 1_000), 3)}
        with instance.fresh_page() as page:
            _open(page, instance, 1_000)
            large["pan_fps"] = _frames(page, lambda: _pan(page))
    return {"nodes_200": small, "nodes_1000": large, "transfer_kb": transfer}


def _name(nodes: int) -> str:
    return f"bench_mesh_{nodes}"


def _interactive(instance: Instance, nodes: int) -> float:
    return median_s(instance, f"/app/workflows/{_name(nodes)}", _is_usable, rounds=5)


def _is_usable(page: Page) -> None:
    page.locator(".react-flow__node").first.wait_for()
    page.locator(".react-flow__node").first.click()
    page.get_by_test_id("field-prompt_template").or_(page.get_by_test_id("inspector")).first.wait_for()


class _Watched:
    """What a page does behind what it shows: bytes of the answers it got, as they came over the wire, requests and
    messages that it sent (but that it is there, which each open page says every four seconds), and how often it was
    laid out."""

    def __init__(self, page: Page) -> None:
        self.received, self.sent = 0.0, 0
        self._session = page.context.new_cdp_session(page)
        self._session.on("Network.loadingFinished", self._finished)
        for event in ("Network.requestWillBeSent", "Network.webSocketFrameSent"):
            self._session.on(event, self._sends)
        for domain in ("Network", "Performance"):
            self._session.send(f"{domain}.enable")

    def _finished(self, event: dict[str, Any]) -> None:
        self.received += event["encodedDataLength"]

    def _sends(self, event: dict[str, Any]) -> None:
        self.sent += "/editor/presence" not in event.get("request", {}).get("url", "")

    def layouts(self) -> int:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return int(next(one["value"] for one in metrics if one["name"] == "LayoutCount"))


def _open(page: Page, instance: Instance, nodes: int) -> None:
    """With one node in the middle, at a size at which people work."""
    page.goto(f"{instance.url}/app/workflows/{_name(nodes)}#node={SAY}")
    _card(page, SAY).wait_for()
    page.get_by_test_id("inspector").wait_for()
    page.wait_for_load_state("networkidle")
    page.keyboard.press("0")
    page.wait_for_timeout(500)


def _card(page: Page, name: str) -> Locator:
    return page.get_by_test_id(f"node-{name}")


def _moving(page: Page, watched: _Watched) -> dict[str, float]:
    idle = _frames(page, lambda: page.wait_for_timeout(MOVING_S * 1000))
    return {"idle_fps": idle} | _dragging(page, watched)


def _frames(page: Page, act: Callable[[], None]) -> float:
    page.evaluate(_FRAMES)
    act()
    return round(float(page.evaluate("window.frames()")), 1)


def _dragging(page: Page, watched: _Watched) -> dict[str, float]:
    """Frames a second, layout passes a frame, and what was sent while a card was held."""
    x, y = _middle(_card(page, SAY))
    page.mouse.move(x, y)
    page.mouse.down()
    page.wait_for_timeout(500)  # others are told what is selected, once
    began, layouts, sent = time.perf_counter(), watched.layouts(), watched.sent
    fps = _frames(page, lambda: _wander(lambda dx: page.mouse.move(x + dx, y + dx / 2)))
    frames = fps * (time.perf_counter() - began)
    found = {"drag_layouts_a_frame": round((watched.layouts() - layouts) / frames, 2), "drag_sent": watched.sent - sent}
    page.mouse.move(x, y)
    page.mouse.up()
    return {"drag_fps": fps, **found}


def _pan(page: Page) -> None:
    page.mouse.move(*_middle(page.get_by_test_id("canvas")))
    _wander(lambda dx: page.mouse.wheel(0, 30 if dx > 0 else -30))


def _wander(step: Callable[[float], None]) -> None:
    """To and fro for as long as is measured."""
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < MOVING_S:
        step(60 * (1 if number % 80 < 40 else -1) * (number % 40) / 40)
        number += 1


def _changing(page: Page) -> dict[str, float]:
    connect = [_connected_ms(page) for _ in range(ROUNDS)]
    _card(page, SAY).click()
    field = page.get_by_test_id("field-text").locator(".cm-content")
    field.click()
    in_field = [_typed_ms(page) for _ in range(ROUNDS)]
    page.get_by_test_id("yaml").locator(".cm-line", has_text=f"name: {SAY}").click()
    page.keyboard.press("End")
    for _ in range(3):  # to the end of the message's text
        page.keyboard.press("ArrowLeft")
    in_text = [_typed_ms(page) for _ in range(ROUNDS)]
    return {
        "connect_saved_p50_ms": round(statistics.median(connect), 1),
        "field_to_canvas_p50_ms": round(statistics.median(in_field), 1),
        "yaml_to_canvas_p50_ms": round(statistics.median(in_text), 1),
    }


def _connected_ms(page: Page) -> float:
    """From letting go of the line to "saved"; the edge is taken back afterwards."""
    _card(page, SAY).hover()
    page.mouse.move(*_middle(_card(page, SAY).locator(".react-flow__handle.source:not(.hed-way)")))
    page.mouse.down()
    page.mouse.move(*_middle(_card(page, NEXT).locator(".react-flow__handle.target")), steps=8)
    page.evaluate(_TIMED, ["pointerup", "[data-testid=save-state]", "data-state", "saved"])
    page.mouse.up()
    took = float(page.evaluate("window.took()"))
    page.keyboard.press("Control+z")
    _at_rest(page)
    return took


def _typed_ms(page: Page) -> float:
    """From a keystroke to the change of the card."""
    page.evaluate(_TIMED, ["keydown", f"[data-testid=node-{SAY}] .u", None, None])
    page.keyboard.press("x")
    took = float(page.evaluate("window.took()"))
    _at_rest(page)
    return took


def _at_rest(page: Page) -> None:
    page.wait_for_timeout(250)
    page.locator("[data-testid=save-state][data-state=saved]").wait_for()


def _middle(locator: Locator) -> tuple[float, float]:
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
