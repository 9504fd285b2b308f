"""What stands on the canvas beside the file: places, notes, groups; and how nodes get between others."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from bench.support.texts import mesh
from engine.language.document import Document
from tests.support.editor import (
    SMALL,
    beside,
    box_of,
    drag,
    handle,
    middle,
    new_workflow,
    node,
    open_editor,
    saved,
    stored,
)

LOOSE = SMALL.replace(
    '  - name: "end"', '  - name: "loose"\n    type: "message"\n    config: {{text: "Hi"}}\n\n  - name: "end"'
)
SETTLED_MS = 600  # the view is fitted again while the panes find their size


@pytest.fixture
def small(studio: Any) -> str:
    return new_workflow(studio)


def edges_of(text: str) -> set[tuple[str, str]]:
    workflow = Document.parse(text).workflow
    assert workflow is not None
    return {(edge.source, edge.target) for edge in workflow.edges}


def between(page: Page, one: str, other: str) -> tuple[float, float]:
    """The middle of the straight edge between two cards."""
    (ax, ay), (bx, by) = middle(handle(page, one, "source")), middle(handle(page, other, "target"))
    return (ax + bx) / 2, (ay + by) / 2


def meet(one: dict[str, float], other: dict[str, float]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "width"), ("y", "height"))
    )


def empty_spot(page: Page, dx: float = 160, dy: float = 120) -> tuple[float, float]:
    box = page.get_by_test_id("canvas").bounding_box()
    assert box is not None
    return box["x"] + dx, box["y"] + dy


def test_a_line_into_the_void_offers_what_may_follow(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    drag(page, middle(handle(page, "answer", "source")), empty_spot(page))
    picker = page.get_by_test_id("picker")
    expect(picker).to_contain_text("Follows answer")
    expect(picker.get_by_test_id("pick-start")).to_have_count(0)
    expect(picker.get_by_test_id("pick-note")).to_have_count(0)
    page.keyboard.type("message")
    page.keyboard.press("Enter")
    expect(node(page, "message")).to_be_visible()
    saved(page)
    assert ("answer", "message") in edges_of(stored(studio, small).text)

    drag(page, middle(handle(page, "answer", "target")), empty_spot(page, 120, 60))
    expect(picker).to_contain_text("Leads to answer")
    expect(picker.get_by_test_id("pick-end")).to_have_count(0)
    page.keyboard.type("wait")
    page.keyboard.press("Enter")
    expect(node(page, "wait")).to_be_visible()
    saved(page)
    assert ("wait", "answer") in edges_of(stored(studio, small).text)


def test_the_picker_has_the_tenants_tools_and_workflows(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    page.keyboard.press("n")
    page.keyboard.type("order details")
    page.get_by_test_id("pick-tool:get_order_details").click()
    expect(node(page, "get_order_details")).to_be_visible()
    saved(page)
    page.keyboard.press("n")
    page.keyboard.type("faq_handling")
    page.keyboard.press("Enter")
    expect(node(page, "faq_handling")).to_be_visible()
    saved(page)
    text = stored(studio, small).text
    assert 'tool_name: "get_order_details"' in text
    assert 'workflow_name: "faq_handling"' in text


@pytest.mark.parametrize("chosen", [None, "end"])
def test_a_node_that_is_added_without_a_place_stands_before_the_end(
    signed_in_page: Page, studio: Any, small: str, chosen: str | None
) -> None:
    """With nothing selected, and with the end selected, behind which nothing can run."""
    page = signed_in_page
    open_editor(page, studio, small)
    if chosen:
        node(page, chosen).click()
    page.keyboard.press("n")
    expect(page.get_by_test_id("picker")).to_contain_text("Between answer and end")
    page.keyboard.type("wait")
    page.keyboard.press("Enter")
    expect(node(page, "wait")).to_be_visible()
    saved(page)
    assert edges_of(stored(studio, small).text) == {("start", "answer"), ("answer", "wait"), ("wait", "end")}
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("end")
    page.keyboard.press("Enter")  # a second end stands beside it
    expect(node(page, "end_2")).to_be_visible()
    saved(page)
    assert ("wait", "end") in edges_of(stored(studio, small).text)


def test_an_entry_is_dragged_from_the_picker_onto_an_edge(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    page.keyboard.press("n")
    entry = page.get_by_test_id("pick-message")
    entry.scroll_into_view_if_needed()
    page.mouse.move(*middle(entry))
    page.mouse.down()
    target = between(page, "answer", "end")
    page.mouse.move(target[0] - 30, target[1] - 5, steps=5)
    page.mouse.move(*target, steps=5)
    page.mouse.up()
    expect(node(page, "message")).to_be_visible()
    expect(page.get_by_test_id("picker")).to_have_count(0)
    saved(page)
    assert edges_of(stored(studio, small).text) == {("start", "answer"), ("answer", "message"), ("message", "end")}


def test_a_loose_node_is_dropped_on_an_edge(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, LOOSE)
    open_editor(page, studio, name)
    drag(page, middle(node(page, "loose")), between(page, "start", "answer"))
    saved(page)
    assert edges_of(stored(studio, name).text) == {("start", "loose"), ("loose", "answer"), ("answer", "end")}
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    saved(page)
    assert edges_of(stored(studio, name).text) == {("start", "answer"), ("answer", "end")}


def test_the_plus_on_an_edge_inserts_there(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    page.mouse.move(*between(page, "start", "answer"))
    page.get_by_test_id("insert-start->answer#0").click()
    expect(page.get_by_test_id("picker")).to_contain_text("Between start and answer")
    page.keyboard.type("guard")
    page.keyboard.press("Enter")
    expect(node(page, "guardrail")).to_be_visible()
    saved(page)
    row = stored(studio, small)
    assert {("start", "guardrail"), ("guardrail", "answer")} <= edges_of(row.text)
    places = row.layout["nodes"]
    assert len({x for x, _ in places.values()}) == 1, "it stands in the row, and what follows gives way"
    assert sorted(places, key=lambda name: places[name][1]) == ["start", "guardrail", "answer", "end"]
    page.get_by_role("button", name="Undo").click()
    expect(node(page, "guardrail")).to_have_count(0)
    saved(page)
    assert stored(studio, small).layout.get("nodes", {}).get("guardrail") is None


def test_escape_lets_go_of_what_the_mouse_holds(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    drag(page, middle(handle(page, "answer", "source")), empty_spot(page), drop=False)
    expect(page.locator(".hed-connection")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(page.locator(".hed-connection")).to_have_count(0)
    page.mouse.up()
    expect(page.get_by_test_id("picker")).to_have_count(0)

    stood = node(page, "end").bounding_box()
    x, y = middle(node(page, "end"))
    drag(page, (x, y), (x + 120, y + 20), drop=False)
    page.keyboard.press("Escape")
    page.mouse.move(x + 200, y)
    page.mouse.up()
    assert node(page, "end").bounding_box() == stood
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()

    page.locator(".react-flow__node", has=node(page, "answer")).focus()
    page.keyboard.press("n")
    expect(page.get_by_test_id("picker")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".react-flow__node:focus")).to_have_attribute("data-id", "answer")
    assert stored(studio, small).text == before


# Moves along the border for longer than a rest, from within the page: a busy machine would make rests of the test's
# own pauses. `within`: how many pauses were as long as a rest all the same.
ALONG_THE_BORDER = """async ([x, y]) => {
    const view = document.querySelector(".react-flow__viewport");
    const before = view.getAttribute("style");
    let last = performance.now(), within = 0;
    for (const until = last + 800; performance.now() < until; ) {
        const at = { clientX: x + Math.random() * 60, clientY: y, bubbles: true, pointerId: 1 };
        window.dispatchEvent(new PointerEvent("pointermove", at));
        await new Promise((done) => setTimeout(done, 16));
        within += performance.now() - last > 300;
        last = performance.now();
    }
    return { within, still: view.getAttribute("style") === before };
}"""


def test_a_line_moves_the_view_only_once_it_rests_at_the_border(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    page.wait_for_timeout(SETTLED_MS)
    canvas, view = box_of(page.get_by_test_id("canvas")), page.locator(".react-flow__viewport")
    before = view.get_attribute("style")
    x, bottom = canvas["x"] + canvas["width"] / 3, canvas["y"] + canvas["height"] - 12
    drag(page, middle(handle(page, "answer", "source")), (x, bottom), drop=False)
    for _ in range(5):
        moved = page.evaluate(ALONG_THE_BORDER, [x, bottom])
        if not moved["within"]:
            break
        page.mouse.move(x, canvas["y"] + canvas["height"] / 2)
    assert moved == {"within": 0, "still": True}, "the view moved although the hand did not rest"
    page.mouse.move(x, bottom)
    page.wait_for_function(
        "before => document.querySelector('.react-flow__viewport').getAttribute('style') !== before", arg=before
    )
    page.mouse.move(x, canvas["y"] + canvas["height"] / 2)
    page.wait_for_timeout(50)
    stands = view.get_attribute("style")
    page.wait_for_timeout(500)
    assert view.get_attribute("style") == stands, "away from the border the view stands still"
    page.keyboard.press("Escape")
    page.mouse.up()


def test_the_end_of_an_edge_is_moved_to_another_node(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, LOOSE)
    open_editor(page, studio, name)
    ends = page.locator(".react-flow__edgeupdater")
    expect(ends).to_have_count(0)
    x, y = middle(handle(page, "answer", "target"))
    page.mouse.move(x, y - 14)
    expect(ends).to_have_count(2)
    drag(page, (x, y - 14), middle(handle(page, "loose", "target")))
    saved(page)
    assert edges_of(stored(studio, name).text) == {("start", "loose"), ("answer", "end")}
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    saved(page)
    x, y = middle(handle(page, "start", "source"))
    page.mouse.move(x, y + 14)
    drag(page, (x, y + 14), middle(handle(page, "loose", "source")))
    saved(page)
    assert edges_of(stored(studio, name).text) == {("loose", "answer"), ("answer", "end")}


def test_a_new_note_covers_no_card(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    for number in (1, 2):
        page.keyboard.press("Shift+S")
        page.keyboard.type(f"Number {number}")
        page.keyboard.press("Escape")
        expect(page.get_by_text(f"Number {number}")).to_be_visible()
    notes = [box_of(note) for note in page.get_by_test_id("sticky").all()]
    others = [*(box_of(node(page, name)) for name in ("start", "answer", "end")), notes[1]]
    for other in others:
        assert not meet(notes[0], other), other
    assert not any(meet(notes[1], card) for card in others[:3])


def test_a_note_is_written_moved_coloured_and_never_in_the_file(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    page.keyboard.press("Shift+S")
    note = page.get_by_test_id("sticky")
    page.keyboard.type("Owner: support")
    page.keyboard.press("Escape")
    expect(note).to_contain_text("Owner: support")
    saved(page)
    drag(page, middle(note), empty_spot(page, 130, 90))
    note.click()
    page.get_by_role("radio", name="green").click()
    saved(page)
    row = stored(studio, small)
    assert row.text == before
    [kept] = row.layout["notes"]
    assert (kept["text"], kept["color"]) == ("Owner: support", "green")

    page.reload()
    expect(note).to_contain_text("Owner: support")
    note.click()
    page.keyboard.press("Delete")
    expect(note).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(note).to_contain_text("Owner: support")
    saved(page)
    assert stored(studio, small).layout["notes"] == [kept]


def test_notes_are_copied_cut_and_pasted_with_nodes_and_without(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    kept = {"at": [300, 20], "size": [200, 120], "text": 'Say "hello": first', "color": "green"}
    start = {"nodes": {"start": [0, 0], "answer": [0, 140], "end": [0, 280]}, "notes": [kept]}
    name = new_workflow(studio, SMALL, start)
    open_editor(page, studio, name)
    notes = page.get_by_test_id("sticky")
    notes.first.click()
    page.keyboard.press("Control+d")
    expect(notes).to_have_count(2)
    saved(page)
    assert beside(studio, name, "notes") == [kept, kept | {"at": [340, 60]}]
    page.keyboard.press("Control+z")
    expect(notes).to_have_count(1)

    # With a node: chosen together, moved together, cut together, pasted into another workflow.
    node(page, "answer").click()
    notes.first.click(modifiers=["Shift"])
    expect(page.get_by_test_id("selected-count")).to_have_text("1 node, 1 note")
    x, y = middle(node(page, "answer"))
    drag(page, (x, y), (x + 60, y))
    saved(page)
    row = stored(studio, name)
    moved = row.layout["nodes"]["answer"][0]
    assert moved > 0
    assert row.layout["notes"][0]["at"][0] - 300 == pytest.approx(moved, abs=20)
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    page.keyboard.press("Control+x")
    expect(node(page, "answer")).to_have_count(0)
    expect(notes).to_have_count(0)
    saved(page)
    assert "notes" not in stored(studio, name).layout
    page.keyboard.press("Control+z")
    expect(node(page, "answer")).to_be_visible()
    expect(notes).to_have_count(1)
    saved(page)
    assert beside(studio, name, "notes") == [kept]

    open_editor(page, studio, small)
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+v")
    expect(node(page, "answer_2")).to_be_visible()
    expect(notes).to_contain_text('Say "hello": first')
    expect(page.get_by_test_id("selected-count")).to_have_text("1 node, 1 note")
    saved(page)
    row = stored(studio, small)
    (pasted,), place = row.layout["notes"], row.layout["nodes"]["answer_2"]
    assert (pasted["text"], pasted["size"], pasted["color"]) == (kept["text"], kept["size"], kept["color"])
    assert [a - b for a, b in zip(pasted["at"], place, strict=True)] == [300, -120], "as they stood to each other"
    page.keyboard.press("Delete")
    expect(notes).to_have_count(0)
    expect(node(page, "answer_2")).to_have_count(0)


COMMENTED = SMALL.replace('    type: "agent"\n', '    type: "agent"   # thinks\n').replace(
    "      temperature: 0.2\n", "      # Cool.\n      temperature: 0.2\n"
)


def test_comments_go_with_a_node_that_is_copied_or_cut(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, COMMENTED)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    before = stored(studio, name).text
    block = before[before.index("  # The only model call.") : before.index('\n  - name: "end"')]
    open_editor(page, studio, name)
    node(page, "answer").click()
    page.keyboard.press("Control+d")
    expect(node(page, "answer_2")).to_be_visible()
    saved(page)
    copied = stored(studio, name).text
    assert block in copied
    assert block.replace('name: "answer"', 'name: "answer_2"') in copied

    page.keyboard.press("Control+z")
    expect(node(page, "answer_2")).to_have_count(0)
    node(page, "answer").click()
    page.keyboard.press("Control+x")
    expect(node(page, "answer")).to_have_count(0)
    saved(page)
    assert "# The only model call." not in stored(studio, name).text
    page.keyboard.press("Control+v")
    expect(node(page, "answer")).to_be_visible()
    saved(page)
    after = stored(studio, name).text
    assert block in after
    assert sorted(after.split("edges:")[0].split()) == sorted(before.split("edges:")[0].split())
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    saved(page)
    assert stored(studio, name).text == before


def test_a_group_moves_as_one(signed_in_page: Page, studio: Any, small: str) -> None:
    page, before = signed_in_page, stored(studio, small).text
    open_editor(page, studio, small)
    node(page, "answer").click()
    node(page, "end").click(modifiers=["Shift"])
    page.keyboard.press("Control+g")
    page.keyboard.type("Talk")
    page.keyboard.press("Enter")
    frame = page.get_by_test_id("group-Talk")
    expect(frame).to_be_visible()
    saved(page)
    assert beside(studio, small, "groups") == [{"title": "Talk", "nodes": ["answer", "end"], "color": "blue"}]

    box = box_of(frame)
    drag(page, (box["x"] + 20, box["y"] + 8), (box["x"] + 120, box["y"] + 48))
    saved(page)
    row = stored(studio, small)
    places = row.layout["nodes"]
    assert row.text == before
    assert places["answer"][0] == places["end"][0] > places["start"][0]

    node(page, "answer").click()
    page.get_by_test_id("node-name").fill("greet")
    page.get_by_test_id("node-name").press("Enter")
    expect(node(page, "greet")).to_be_visible()
    saved(page)
    assert stored(studio, small).layout["groups"][0]["nodes"] == ["greet", "end"]

    # A copy joins the group of its original; a copy of the whole group is a group.
    node(page, "greet").click()
    page.keyboard.press("Control+d")
    expect(node(page, "greet_2")).to_be_visible()
    saved(page)
    assert stored(studio, small).layout["groups"][0]["nodes"] == ["greet", "end", "greet_2"]
    page.keyboard.press("Control+z")
    expect(node(page, "greet_2")).to_have_count(0)
    saved(page)
    assert stored(studio, small).layout["groups"][0]["nodes"] == ["greet", "end"]
    node(page, "greet").click()
    node(page, "end").click(modifiers=["Shift"])
    page.keyboard.press("Control+d")
    expect(node(page, "end_2")).to_be_visible()
    saved(page)
    assert [group["nodes"] for group in stored(studio, small).layout["groups"]] == [
        ["greet", "end"],
        ["greet_2", "end_2"],
    ]


def test_the_title_of_a_group_is_taken_hold_of_where_an_edge_passes(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    layout = {
        "nodes": {"start": [0, 0], "answer": [0, 140], "end": [400, 280]},
        "groups": [{"title": "Talk", "nodes": ["answer", "end"], "color": "blue"}],
    }
    name = new_workflow(studio, SMALL, layout)
    open_editor(page, studio, name)
    title = page.get_by_test_id("group-Talk").locator(".hed-frame-title")
    (x, _), (_, y) = middle(node(page, "start")), middle(title)  # right where the edge passes
    drag(page, (x, y), (x + 80, y + 40))
    saved(page)
    places = stored(studio, name).layout["nodes"]
    assert places["answer"][0] > 0
    assert places["start"] == [0, 0]
    page.mouse.dblclick(x + 60, y + 40)
    expect(page.get_by_label("Title of the group")).to_be_focused()
    page.keyboard.press("Escape")
    node(page, "answer").click()
    expect(page.get_by_test_id("node-name")).to_have_value("answer")


def test_what_a_drop_on_an_edge_needs_is_said(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, LOOSE)
    open_editor(page, studio, name)
    before = stored(studio, name).text
    drag(page, middle(node(page, "end")), between(page, "start", "answer"))
    expect(page.get_by_text("end has edges of its own.")).to_be_visible()
    saved(page)
    assert stored(studio, name).text == before


def test_what_is_left_stays_where_it_stands(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, LOOSE)
    open_editor(page, studio, name)
    assert not stored(studio, name).layout.get("nodes")
    before = box_of(node(page, "end"))
    x, y = between(page, "answer", "end")
    page.mouse.click(x, y + 20)  # beside the button that stands in the middle
    page.keyboard.press("Delete")
    expect(page.locator(".react-flow__edge")).to_have_count(1)
    assert box_of(node(page, "end")) == before
    node(page, "answer").click()
    page.keyboard.press("Delete")
    expect(node(page, "answer")).to_have_count(0)
    saved(page)
    assert box_of(node(page, "end")) == before
    page.keyboard.press("Control+z")
    expect(node(page, "answer")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator(".react-flow__edge")).to_have_count(2)
    assert box_of(node(page, "end")) == before


def test_a_new_edge_moves_no_card(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, new_workflow(studio, LOOSE)
    open_editor(page, studio, name)
    cards = ("start", "answer", "loose", "end")
    before = [box_of(node(page, one)) for one in cards]
    drag(page, middle(handle(page, "answer", "source")), middle(handle(page, "loose", "target")))
    expect(page.locator(".react-flow__edge")).to_have_count(3)
    saved(page)
    assert ("answer", "loose") in edges_of(stored(studio, name).text)
    assert [box_of(node(page, one)) for one in cards] == before


def test_aligning_and_spacing_out(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    x, y = middle(node(page, "answer"))
    drag(page, (x, y), (x + 130, y + 10))
    saved(page)
    page.keyboard.press("Control+a")
    expect(page.get_by_test_id("selected-count")).to_have_text("3 nodes")
    page.get_by_test_id("align-left").click()
    saved(page)
    places = stored(studio, small).layout["nodes"]
    assert len({at[0] for at in places.values()}) == 1
    page.get_by_test_id("distribute-y").click()
    saved(page)
    ys = sorted(at[1] for at in stored(studio, small).layout["nodes"].values())
    assert abs((ys[2] - ys[1]) - (ys[1] - ys[0])) <= 20


def test_box_select_and_delete(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    first, last = box_of(node(page, "answer")), box_of(node(page, "end"))
    page.keyboard.down("Shift")
    drag(page, (first["x"] - 40, first["y"] - 12), (last["x"] + 20, last["y"] + last["height"] + 12))
    page.keyboard.up("Shift")
    expect(page.get_by_test_id("selected-count")).to_have_text("2 nodes")
    page.keyboard.press("Delete")
    expect(node(page, "end")).to_have_count(0)
    saved(page)
    assert [one for one in ("answer", "end") if f'name: "{one}"' in stored(studio, small).text] == []


def test_an_address_leads_to_a_node_however_far_down(signed_in_page: Page, studio: Any) -> None:
    page, name = signed_in_page, f"long_{uuid.uuid4().hex[:8]}"
    text = mesh(name, 60, 80).replace("{", "{{").replace("}", "}}").replace(f"name: {name}", 'name: "{name}"', 1)
    name = new_workflow(studio, text)
    open_editor(page, studio, name, "#node=message_50")
    expect(node(page, "message_50")).to_be_in_viewport()
    expect(page.get_by_test_id("node-name")).to_have_value("message_50")
    page.get_by_test_id("mode-canvas").click()
    expect(node(page, "message_50")).to_be_in_viewport()
