"""What is not saved yet: within two seconds it is saved or kept in the browser, and the bar tells the truth."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from studio.editor.wrapper import LOADED
from tests.support.editor import (
    SMALL,
    beside,
    deaf,
    drag,
    middle,
    new_workflow,
    node,
    open_editor,
    save_elsewhere,
    saved,
    stored,
    yaml_pane,
)
from tests.support.held_back import HeldBack

SOON_MS = 2_000
# With a field that takes JSON.
TOOLS = SMALL.replace("      temperature: 0.2\n", "      temperature: 0.2\n      knowledge: []\n")


class Line:
    """The page's websocket, which can be cut without the page being told, as networks do it."""

    def __init__(self, page: Page) -> None:
        self.is_cut = False
        page.route_web_socket(re.compile("/_event"), self._through)

    def _through(self, line: WebSocketRoute) -> None:
        server = line.connect_to_server()
        line.on_message(lambda message: None if self.is_cut else server.send(message))
        server.on_message(lambda message: None if self.is_cut else line.send(message))


@pytest.fixture
def small(studio: Any) -> str:
    return new_workflow(studio, TOOLS)


def state(page: Page, expected: str) -> None:
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", expected)


def again(page: Page, studio: Any, name: str) -> Page:
    """The tab is closed as a crash does it, and the workflow opened in a new one."""
    page.wait_for_timeout(SOON_MS)
    context = page.context
    page.close()
    found = context.new_page()
    open_editor(found, studio, name)
    return found


def test_all_that_was_done_in_an_outage_is_brought_back(signed_in_page: Page, studio: Any, small: str) -> None:
    """The text, what was moved, a note, a group, and edits that waited; merged with what others saved since."""
    page = signed_in_page
    line = Line(page)
    deaf(page)
    open_editor(page, studio, small)
    line.is_cut = True
    drag(page, middle(node(page, "end")), (middle(node(page, "end"))[0] + 200, middle(node(page, "end"))[1] + 40))
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Shift+S")
    page.keyboard.type("Ask Ann")
    page.keyboard.press("Escape")
    node(page, "answer").click()
    page.get_by_test_id("field-temperature").locator("input").fill("0.7")
    page.get_by_test_id("field-temperature").locator("input").press("Enter")
    yaml_pane(page).locator(".cm-line", has_text="You greet people.").click()
    page.keyboard.press("End")
    page.keyboard.type(" Warmly.")
    save_elsewhere(studio, small, "Answers greetings", "Answers all")
    page = again(page, studio, small)
    expect(page.get_by_test_id("kept-draft")).to_be_visible()
    assert "Warmly" not in stored(studio, small).text
    page.get_by_test_id("restore-kept").click()
    expect(yaml_pane(page)).to_contain_text("You greet people. Warmly.")
    expect(yaml_pane(page)).to_contain_text("temperature: 0.7")
    expect(page.get_by_test_id("sticky")).to_contain_text("Ask Ann")
    saved(page)
    row = stored(studio, small)
    expected = TOOLS.format(name=small).replace("people.", "people. Warmly.").replace("0.2", "0.7")
    assert row.text == expected.replace("Answers greetings", "Answers all")
    assert [one["text"] for one in row.layout["notes"]] == ["Ask Ann"]
    assert row.layout["nodes"]["end"][0] > 0
    expect(page.get_by_test_id("problem-count")).to_contain_text("no problems")
    page.reload()
    expect(node(page, "answer")).to_be_visible()
    expect(page.get_by_test_id("kept-draft")).to_have_count(0)


def test_what_arrived_before_the_line_was_cut_is_not_done_twice(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    line = HeldBack(page)
    deaf(page)
    open_editor(page, studio, small)
    line.heard(LOADED)
    line.hold()
    node(page, "answer").click()
    page.get_by_test_id("canvas").focus()
    page.keyboard.press("Control+d")
    line.wait("revision")
    page = again(page, studio, small)
    expect(node(page, "answer_2")).to_be_visible()
    before = stored(studio, small)
    page.get_by_test_id("restore-kept").click()
    expect(page.get_by_test_id("kept-draft")).to_have_count(0)
    saved(page)
    assert stored(studio, small).text == before.text


def test_a_choice_that_was_not_made_is_asked_again(signed_in_page: Page, studio: Any, small: str) -> None:
    """The tab is closed while it asks which of two changes is to stay: neither is lost."""
    page = signed_in_page
    deaf(page)
    open_editor(page, studio, small)
    node(page, "answer").click()
    save_elsewhere(studio, small, "temperature: 0.2", "temperature: 0.9")
    page.get_by_test_id("field-temperature").locator("input").fill("0.5")
    page.get_by_test_id("field-temperature").locator("input").press("Enter")
    expect(page.get_by_test_id("conflict-dialog")).to_be_visible()
    page = again(page, studio, small)
    page.get_by_test_id("restore-kept").click()
    page.get_by_test_id("conflict-dialog").get_by_test_id("take-mine").click()
    page.get_by_test_id("keep-choices").click()
    saved(page)
    assert "temperature: 0.5" in stored(studio, small).text


def test_what_is_left_by_going_elsewhere_is_offered_there_again(signed_in_page: Page, studio: Any, small: str) -> None:
    """And not in another workflow that has a node of that name."""
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    page.get_by_test_id("field-knowledge").locator("textarea").fill('[{"source": "articles"')
    page.get_by_role("link", name="Workflows").first.click()
    other = new_workflow(studio, TOOLS)
    open_editor(page, studio, other)
    node(page, "answer").click()
    expect(page.get_by_test_id("field-knowledge").locator("textarea")).to_have_value("[]")
    expect(page.get_by_test_id("kept-draft")).to_have_count(0)
    open_editor(page, studio, small)
    expect(page.get_by_test_id("kept-draft")).to_be_visible()


def test_a_note_is_saved_while_it_is_written_and_undone_as_one(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    line = HeldBack(page)
    open_editor(page, studio, small)
    line.heard(LOADED)
    line.hold()
    page.keyboard.press("Shift+S")
    page.keyboard.type("Owner: ")
    expect(page.get_by_test_id("save-state")).to_have_attribute("data-state", re.compile("pending|saving"))
    line.let_go()
    state(page, "saved")
    page.keyboard.type("support")
    state(page, "saved")
    page.wait_for_timeout(SOON_MS)
    assert [one["text"] for one in beside(studio, small, "notes")] == ["Owner: support"]
    page.keyboard.press("Escape")
    page.keyboard.press("Control+z")
    expect(page.get_by_test_id("sticky")).not_to_contain_text("Owner")
    saved(page)
    assert [one["text"] for one in beside(studio, small, "notes")] == [""]


def test_half_a_value_counts_as_unsaved_and_is_brought_back(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    field = page.get_by_test_id("field-knowledge").locator("textarea")
    field.fill('[{"source": "articles"')
    state(page, "pending")
    page.wait_for_timeout(SOON_MS)
    state(page, "pending")
    page = again(page, studio, small)
    page.get_by_test_id("restore-kept").click()
    field = page.get_by_test_id("field-knowledge").locator("textarea")
    expect(field).to_have_value('[{"source": "articles"')
    state(page, "pending")
    field.press("End")
    field.press_sequentially("}]")
    state(page, "saved")
    assert re.search("source.{1,4}articles", stored(studio, small).text)


def test_a_name_that_is_being_typed_counts_as_unsaved(signed_in_page: Page, studio: Any, small: str) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    page.get_by_test_id("node-name").fill("reply")
    state(page, "pending")
    page = again(page, studio, small)
    page.get_by_test_id("restore-kept").click()
    expect(page.get_by_test_id("node-name")).to_have_value("reply")
    page.get_by_test_id("node-name").press("Enter")
    expect(node(page, "reply")).to_be_visible()
    saved(page)
    assert 'name: "reply"' in stored(studio, small).text


def test_who_writes_in_a_field_is_told_that_somebody_else_changed_it(
    signed_in_page: Page, studio: Any, small: str
) -> None:
    page = signed_in_page
    open_editor(page, studio, small)
    node(page, "answer").click()
    field = page.get_by_test_id("field-knowledge").locator("textarea")
    field.fill('[{"source": "articles"')
    save_elsewhere(studio, small, "knowledge: []", "knowledge: [{source: news}]")
    expect(page.get_by_test_id("field-knowledge").get_by_role("alert")).to_contain_text("Somebody else changed this")
    expect(field).to_have_value('[{"source": "articles"')
    field.press("Escape")
    expect(field).to_have_value(re.compile("news"))
    saved(page)
    assert "{source: news}" in stored(studio, small).text


def test_a_key_that_is_being_renamed_counts_as_unsaved(signed_in_page: Page, studio: Any) -> None:
    page = signed_in_page
    step = '  - name: "count"\n    type: "transform"\n    config:\n      set: {{a: "1"}}\n\n  - name: "end"'
    name = new_workflow(studio, SMALL.replace('  - name: "end"', step).replace("to: end", "to: count"))
    open_editor(page, studio, name)
    node(page, "count").click()
    page.get_by_label("Name of a", exact=True).fill("total")
    state(page, "pending")
    page = again(page, studio, name)
    page.get_by_test_id("restore-kept").click()
    field = page.get_by_label("Name of a", exact=True)
    expect(field).to_have_value("total")
    state(page, "pending")
    field.press("Enter")
    expect(page.get_by_label("Name of total", exact=True)).to_be_visible()
    saved(page)
    assert re.search("total", stored(studio, name).text)


def test_two_people_move_one_card_and_are_both_told(signed_in_page: Page, studio: Any, small: str) -> None:
    """The later save counts; who was earlier hears that it took the place of theirs."""
    one, other = signed_in_page, signed_in_page.context.new_page()
    for page in (one, other):
        open_editor(page, studio, small)
    other.route("**/api/v1/editor/presence*", lambda route: route.abort())
    for page, by in ((one, 200), (other, -160)):
        x, y = middle(node(page, "answer"))
        drag(page, (x, y), (x + by, y + 40))
        if page is one:
            saved(one)
    expect(other.get_by_role("status").filter(has_text="had just changed answer")).to_contain_text(
        "yours took its place"
    )
    saved(other)
    expect(one.get_by_role("status").filter(has_text="changed answer at the same time")).to_contain_text(
        "place of yours"
    )
    place = stored(studio, small).layout["nodes"]["answer"]
    for page in (one, other):
        card = page.locator('.react-flow__node[data-id="answer"]')
        expect(card).to_have_attribute("style", re.compile(rf"translate\({place[0]}px, ?{place[1]}px\)"))


def place_of(page: Page, name: str) -> str:
    return page.locator(f'.react-flow__node[data-id="{name}"]').get_attribute("style") or ""


def by_drag(page: Page, part: Locator, by: int) -> None:
    x, y = middle(part)
    drag(page, (x, y), (x + by, y + 40))
    saved(page)


def test_undo_leaves_alone_what_somebody_else_moved_since(signed_in_page: Page, studio: Any) -> None:
    """A card and a note, where no card was ever moved before; what only I moved goes back, and redo spares theirs."""
    note = {"at": [400, 20], "size": [200, 120], "text": "Ask Ann", "color": "green"}
    name = new_workflow(studio, SMALL, {"nodes": {}, "notes": [note]})
    one, other = signed_in_page, signed_in_page.context.new_page()
    for page in (one, other):
        open_editor(page, studio, name)
    ends = place_of(one, "end")
    before = place_of(one, "answer")
    by_drag(one, one.get_by_test_id("sticky"), 60)
    by_drag(one, node(one, "answer"), 200)
    mine = place_of(one, "answer")
    expect(other.locator('.react-flow__node[data-id="answer"]')).to_have_attribute("style", mine)
    by_drag(other, node(other, "answer"), -340)
    theirs = place_of(other, "answer")
    other.get_by_test_id("sticky").click()
    other.get_by_role("radio", name="red").click()
    saved(other)
    expect(one.locator('.react-flow__node[data-id="answer"]')).to_have_attribute("style", theirs)
    expect(one.locator(".hed-sticky.red")).to_be_visible()
    one.get_by_test_id("canvas").focus()
    one.keyboard.press("Control+z")
    expect(one.get_by_role("status").filter(has_text="has moved answer since")).to_contain_text("it stays where it is")
    assert before != mine != theirs
    assert [place_of(one, card) for card in ("answer", "end")] == [theirs, ends]
    one.keyboard.press("Control+z")  # the note goes back, and keeps the colour that they gave it
    saved(one)
    assert beside(studio, name, "notes") == [note | {"color": "red"}]
    for _ in range(2):
        one.keyboard.press("Control+Shift+z")
    saved(one)
    assert place_of(one, "answer") == theirs
    assert beside(studio, name, "notes")[0]["at"] != note["at"]


def test_undo_that_crosses_somebody_elses_move_gives_way(signed_in_page: Page, studio: Any, small: str) -> None:
    """Who undoes has not heard of the other's save yet."""
    one, other = signed_in_page, signed_in_page.context.new_page()
    for page in (one, other):
        open_editor(page, studio, small)
    by_drag(one, node(one, "answer"), 200)
    expect(other.locator('.react-flow__node[data-id="answer"]')).to_have_attribute("style", place_of(one, "answer"))
    deaf(one)
    one.wait_for_timeout(200)
    by_drag(other, node(other, "answer"), -340)
    theirs = stored(studio, small).layout["nodes"]["answer"]
    one.get_by_test_id("canvas").focus()
    one.keyboard.press("Control+z")
    expect(one.get_by_role("status").filter(has_text="has moved answer since")).to_be_visible()
    saved(one)
    assert stored(studio, small).layout["nodes"]["answer"] == theirs
    expect(one.locator('.react-flow__node[data-id="answer"]')).to_have_attribute("style", place_of(other, "answer"))


def test_undo_says_that_a_card_is_called_otherwise_by_now(signed_in_page: Page, studio: Any, small: str) -> None:
    one, other = signed_in_page, signed_in_page.context.new_page()
    for page in (one, other):
        open_editor(page, studio, small)
    ends = place_of(one, "end")
    by_drag(one, node(one, "answer"), 200)
    mine = place_of(one, "answer")
    expect(other.locator('.react-flow__node[data-id="answer"]')).to_have_attribute("style", mine)
    node(other, "answer").click()
    title = other.get_by_test_id("node-name")
    title.fill("reply")
    title.press("Enter")
    saved(other)
    expect(node(one, "reply")).to_be_visible()
    one.get_by_test_id("canvas").focus()
    one.keyboard.press("Control+z")
    said = one.get_by_role("status").filter(has_text="has renamed answer since: reply stays where it is.")
    expect(said).to_be_visible()
    saved(one)
    assert [place_of(one, card) for card in ("reply", "end")] == [mine, ends]
    one.reload()
    expect(node(one, "reply")).to_be_visible()
    assert [place_of(one, card) for card in ("reply", "end")] == [mine, ends]


def test_an_empty_note_of_others_or_of_the_history_takes_no_focus(
    signed_in_page: Page, studio: Any, small: str
) -> None:
    """Redo goes on past a note that comes back, and nobody is thrown out of a text by somebody else's new note."""
    one, other = signed_in_page, signed_in_page.context.new_page()
    for page in (one, other):
        open_editor(page, studio, small)
    yaml_pane(other).locator(".cm-line", has_text="You greet people.").click()
    one.get_by_test_id("canvas").focus()
    one.keyboard.press("Shift+S")
    expect(one.get_by_label("Text of the note")).to_be_focused()
    expect(other.get_by_test_id("sticky")).to_be_visible()
    expect(yaml_pane(other)).to_be_focused()
    one.keyboard.type("Ask Ann")
    one.keyboard.press("Escape")
    saved(one)
    one.get_by_test_id("canvas").focus()
    for key, count in (("Control+z", 0), ("Control+Shift+z", 1)):
        for _ in range(4):
            one.keyboard.press(key)
        expect(one.get_by_test_id("sticky")).to_have_count(count)
    expect(one.get_by_test_id("sticky")).to_contain_text("Ask Ann")


def test_two_people_write_on_one_note_and_are_asked(signed_in_page: Page, studio: Any) -> None:
    note = {"at": [300, 20], "size": [200, 120], "text": "Refunds: Ann", "color": "green"}
    name = new_workflow(studio, SMALL, {"nodes": {}, "notes": [note]})
    one, other = signed_in_page, signed_in_page.context.new_page()
    for page in (one, other):
        deaf(page)
        open_editor(page, studio, name)
    for page, text in ((one, "Refunds: Bob"), (other, "Refunds: Cleo")):
        page.get_by_test_id("sticky").dblclick()
        page.get_by_label("Text of the note").fill(text)
        page.keyboard.press("Escape")
        if page is one:
            saved(one)
    expect(other.get_by_test_id("conflict-dialog")).to_contain_text("Refunds: Bob")
    assert beside(studio, name, "notes") == [note | {"text": "Refunds: Bob"}]
    other.get_by_test_id("take-mine").click()
    other.get_by_test_id("keep-choices").click()
    saved(other)
    assert beside(studio, name, "notes") == [note | {"text": "Refunds: Cleo"}]
    expect(other.get_by_test_id("sticky")).to_have_count(1)
