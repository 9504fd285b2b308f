"""What is seen of the canvas: nothing that is to be shown lies beneath the bars, the map or the inspector."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench.support.texts import mesh
from tests.support.editor import SMALL, ask, box_of, copy_of, drag, handle, new_workflow, node, open_editor

# The parts of the canvas that are not wholly seen, by their id; `within` is a selector of what is looked at.
HIDDEN = """(within) => {
  const rect = (one) => one.getBoundingClientRect();
  const bars = '.hed-tools, .hed-corner > *, .hed-heat, .hed-insp, .react-flow__minimap';
  const over = [...document.querySelectorAll(bars)];
  const seen = rect(document.querySelector('.hed-canvas'));
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const inside = (a) => seen.left <= a.left && a.right <= seen.right && seen.top <= a.top && a.bottom <= seen.bottom;
  const hidden = (one) => !inside(rect(one)) || over.some((bar) => rect(bar).width && meet(rect(one), rect(bar)));
  return [...document.querySelectorAll(within)].filter(hidden).map((one) => one.dataset.id);
}"""
ALL = ".react-flow__node"
SEEN_SIZE = """(one) => one.getBoundingClientRect().width
  + 2 * parseFloat(getComputedStyle(one).outlineWidth) * one.getBoundingClientRect().width / one.offsetWidth"""
MESH = mesh("NAME", 1000, 1500).replace("{", "{{").replace("}", "}}").replace("NAME", "{name}")


def all_seen(page: Page, within: str = ALL) -> None:
    page.wait_for_function(f"(within) => ({HIDDEN})(within).length === 0", arg=within)


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080), (820, 700)])
def test_everything_is_fitted_into_what_can_be_seen(signed_in_page: Page, studio: Any, size: tuple[int, int]) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_editor(page, studio, name)
    if size[0] > 1900:
        all_seen(page)
    page.keyboard.press("m")
    page.keyboard.press("Shift+H")
    expect(page.get_by_test_id("heat")).to_be_visible()
    page.keyboard.press("1")
    all_seen(page)
    page.keyboard.press("Control+a")
    expect(page.get_by_test_id("selected-count")).to_have_text("13 nodes")
    page.keyboard.press("2")
    all_seen(page)


FAN = [f"way_{number}" for number in range(10)]
WIDE = SMALL.replace(
    "edges:",
    "".join(f'  - {{{{name: "{way}", type: "transform", config: {{{{set: {{{{a: 1}}}}}}}}}}}}\n' for way in FAN)
    + "\nedges:",
) + "".join(f"  - {{{{from: answer, to: {way}, condition: \"context.way == '{way}'\"}}}}\n" for way in FAN)


@pytest.mark.parametrize("size", [(1280, 800), (1920, 1080)])
def test_what_opens_in_part_says_how_much_more_there_is(
    signed_in_page: Page, studio: Any, size: tuple[int, int]
) -> None:
    """The beginning is in view, and the borders count what lies beyond, until one has moved the view."""
    page = signed_in_page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    open_editor(page, studio, new_workflow(studio, WIDE))
    assert page.evaluate(HIDDEN, '.react-flow__node[data-id="start"]') == []
    right = page.get_by_test_id("beyond-right")
    beyond = [page.get_by_test_id(f"beyond-{side}") for side in ("left", "right")]
    said = sum(int((one.text_content() or "").split()[0]) for one in beyond if one.count())
    hidden = page.evaluate(HIDDEN, ALL)
    assert 0 < said <= len(hidden)
    right.click()
    expect(right).to_have_count(0)
    expect(page.get_by_test_id("beyond-left")).to_be_visible()
    canvas = box_of(page.get_by_test_id("canvas"))
    page.mouse.move(canvas["x"] + canvas["width"] / 2, canvas["y"] + 80)
    page.mouse.wheel(-40, 0)
    expect(page.get_by_test_id("beyond-left")).to_have_count(0)


def test_the_heat_maps_legend_comes_to_lie_over_no_card(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    places = {"nodes": {"start": [0, 0], "answer": [200, 140], "end": [440, 280]}}
    open_editor(page, studio, new_workflow(studio, SMALL, places))
    all_seen(page)
    page.keyboard.press("0")
    page.wait_for_timeout(300)
    canvas, card = box_of(page.get_by_test_id("canvas")), box_of(node(page, "end"))
    page.mouse.move(canvas["x"] + 60, canvas["y"] + canvas["height"] - 80)
    lower = canvas["y"] + canvas["height"] - 60 - card["y"] - card["height"]  # to where the legend will stand
    page.mouse.wheel(0, -2 * lower)
    page.wait_for_timeout(300)
    all_seen(page)
    page.keyboard.press("Shift+H")
    expect(page.get_by_test_id("heat")).to_contain_text("no runs")
    all_seen(page)


def test_notes_and_groups_are_part_of_everything(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    layout = {
        "nodes": {"start": [0, 0], "answer": [0, 140], "end": [0, 280]},
        "notes": [{"at": [900, -400], "size": [300, 200], "text": "Far away", "color": "blue"}],
        "groups": [{"title": "Talk", "nodes": ["answer", "end"], "color": "green"}],
    }
    open_editor(page, studio, new_workflow(studio, SMALL, layout))
    page.keyboard.press("1")
    expect(page.get_by_test_id("sticky")).to_be_visible()
    all_seen(page)
    page.keyboard.press("+")
    page.wait_for_function(f"({HIDDEN})('{ALL}').length > 0")
    page.get_by_role("button", name="Fit everything").click()
    all_seen(page)


def test_a_graph_too_large_to_be_seen_whole_is_first_seen_at_its_entry(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    layout = {
        "nodes": {"start": [1900, 600], "answer": [2200, 700], "end": [2500, 640]},
        "notes": [{"at": [0, -1800], "text": "Far above and to the left"}, {"at": [3800, 2400], "text": "Far below"}],
    }
    open_editor(page, studio, new_workflow(studio, SMALL, layout))
    all_seen(page, ".react-flow__node-card")
    expect(page.locator(".react-flow__node-card")).to_have_count(3)
    assert box_of(node(page, "start"))["width"] > 80, "names can be read"


def test_a_node_that_is_shown_is_not_shown_beneath_the_map(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    open_editor(page, studio, name)
    page.keyboard.press("m")
    map_box, card = box_of(page.locator(".react-flow__minimap")), box_of(node(page, "end"))
    canvas = box_of(page.get_by_test_id("canvas"))
    # The canvas is pulled until the last card lies beneath the map.
    hold = (canvas["x"] + 30, canvas["y"] + 30)
    drag(page, hold, (hold[0] + map_box["x"] - card["x"] + 20, hold[1] + map_box["y"] - card["y"] + 20))
    page.wait_for_function(f"({HIDDEN})('[data-id=end]').length === 1")
    page.keyboard.press("Control+f")
    page.keyboard.type("end")
    page.get_by_role("option").filter(has_text="end").first.click()
    expect(page.get_by_test_id("node-name")).to_have_value("end")
    all_seen(page, "[data-id=end]")


def test_the_first_view_is_at_a_size_that_can_be_read(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, copy_of(studio, "customer_support_workflow")
    page.set_viewport_size({"width": 1280, "height": 800})
    open_editor(page, studio, name)
    for first in ("start", "classify_intent", "route_by_intent"):
        expect(node(page, first).locator(".u")).to_be_visible()
        expect(node(page, first)).to_be_in_viewport(ratio=0.99)
    all_seen(page, "[data-id=start]")


def test_the_first_view_has_no_room_beside_what_is_cut_off(signed_in_page: Page, studio: Any) -> None:
    """What is too wide to be read whole fills the canvas: nothing is cut off at one side while the other has room."""
    page = signed_in_page
    page.set_viewport_size({"width": 1920, "height": 1080})
    open_editor(page, studio, "order_management")
    page.wait_for_timeout(600)  # the panes have their sizes
    canvas = box_of(page.get_by_test_id("canvas"))
    cards = [box_of(card) for card in page.locator(ALL).all()]
    left = min(card["x"] for card in cards) - canvas["x"]
    right = canvas["x"] + canvas["width"] - max(card["x"] + card["width"] for card in cards)
    assert left < 0, "it is wider than the canvas"
    assert right <= 34, (left, right)


def test_badges_lie_beside_the_port_that_a_line_begins_at(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    open_editor(page, studio, new_workflow(studio))
    ask(page, "Hello")
    node(page, "answer").click()
    badges = node(page, "answer").locator(".bd")
    expect(badges.locator("span")).to_have_count(3)
    port, shown = box_of(handle(page, "answer", "source")), box_of(badges)
    assert shown["y"] + shown["height"] <= port["y"], "what the step cost can be read"


def test_a_thousand_nodes_are_fitted_and_stand_in_the_map(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, MESH)
    open_editor(page, studio, name)
    page.keyboard.press("1")
    expect(page.locator(".react-flow__node")).to_have_count(1000)
    all_seen(page)
    assert node(page, "start").evaluate(SEEN_SIZE) > 2
    inked = page.locator(".react-flow__minimap").screenshot()
    page.add_style_tag(content=".react-flow__minimap-node { display: none }")
    assert page.locator(".react-flow__minimap").screenshot() != inked, "the map shows the cards"


def test_what_is_looked_for_is_shown_so_that_it_can_be_read(signed_in_page: Page, studio: Any) -> None:
    """Of a graph that is seen whole, as dots."""
    page = signed_in_page
    text = mesh("NAME", 60, 85).replace("{", "{{").replace("}", "}}").replace("NAME", "{name}")
    open_editor(page, studio, new_workflow(studio, text))
    page.keyboard.press("1")
    page.wait_for_function("document.querySelectorAll('.hed-node').length > 50")
    page.wait_for_timeout(300)
    assert box_of(node(page, "agent_30"))["width"] < 40
    page.keyboard.press("Control+f")
    page.keyboard.type("agent_30")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('[data-id=agent_30]').getBoundingClientRect().width > 120")
    all_seen(page, "[data-id=agent_30]")
