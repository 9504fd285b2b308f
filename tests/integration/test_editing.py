"""The editor's use cases on a real database: what a commit changes, refuses, and never overwrites."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from engine.errors import NotFound
from engine.language.document import Document
from engine.language.infer import Inference
from engine.settings import Settings
from engine.store.access import identity, workflows
from engine.store.access import pins as pin_rows
from engine.store.session import Database, Scope
from studio.services import editing, pins
from studio.services import scope as scopes
from studio.services.editor_commit import Commit, Utf16
from studio.services.editor_graph import drawn, inferred
from studio.services.editor_specs import node_specs
from tests.support.editor import SMALL, changed_lines

SETTINGS = Settings(data_dir=Path("unused"))
TEXT = SMALL.format(name="small")


@pytest.fixture
async def workflow_id(database: Database, scope: Scope) -> UUID:
    async with database.transaction(scope) as tx:
        return (await workflows.create(tx, TEXT, {"nodes": {"start": [0, 0]}})).workflow_id


async def draft(database: Database, scope: Scope, workflow_id: UUID) -> tuple[str, dict[str, Any], int]:
    async with database.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        return row.text, row.layout, row.revision


async def save(database: Database, scope: Scope, workflow_id: UUID, commit: Commit) -> dict[str, Any]:
    return (await editing.save(database, scope, workflow_id, commit)).answer


def typing(before: str, after: str) -> list[dict[str, Any]]:
    """What the browser sends when `after` was typed over `before`."""
    units = Utf16(before)
    most = min(len(before), len(after))
    start = next((i for i in range(most) if before[i] != after[i]), most)
    end = next((i for i in range(most - start) if before[-1 - i] != after[-1 - i]), most - start)
    return [{"from": units(start), "to": units(len(before) - end), "insert": after[start : len(after) - end]}]


def apply(text: str, steps: list[list[dict[str, Any]]]) -> str:
    """What the browser does with `changes`: UTF-16 offsets, one step after the other."""
    for step in steps:
        data = text.encode("utf-16-le")
        for change in sorted(step, key=lambda one: -one["from"]):
            insert = change["insert"].encode("utf-16-le")
            data = data[: change["from"] * 2] + insert + data[change["to"] * 2 :]
        text = data.decode("utf-16-le")
    return text


async def test_open_gives_the_graph_and_what_the_inspector_needs(database: Database, scope: Scope, workflow_id: UUID):
    opened = await editing.open_draft(database, scope, "small", SETTINGS)
    assert opened["workflow_id"] == str(workflow_id)
    assert opened["text"] == TEXT
    assert [node["name"] for node in opened["graph"]["nodes"]] == ["start", "answer", "end"]
    first, last = opened["graph"]["node_lines"][1]
    lines = TEXT.splitlines()
    assert 'name: "answer"' in lines[first - 1]
    assert "one sentence" in lines[last - 1]
    assert [(edge["from"], edge["to"]) for edge in opened["graph"]["edges"]] == [("start", "answer"), ("answer", "end")]
    assert {field["key"] for field in opened["specs"]["agent"]["fields"]} >= {"model", "prompt_template", "temperature"}
    assert opened["can"] == {"write": True, "run": True, "publish": True}
    assert opened["live"] is None


async def test_one_field_is_one_line(database: Database, scope: Scope, workflow_id: UUID) -> None:
    edit = {"op": "set_field", "node": "answer", "path": ["config", "temperature"], "value": 0.5}
    answer = await save(database, scope, workflow_id, Commit(1, edits=[edit]))
    text, _, revision = await draft(database, scope, workflow_id)
    assert changed_lines(TEXT, text) == ["-      temperature: 0.2", "+      temperature: 0.5"]
    assert answer["revision"] == revision == 2
    assert apply(TEXT, answer["changes"]) == text


async def test_changes_count_like_a_browser(database: Database, scope: Scope, workflow_id: UUID) -> None:
    typed = TEXT.replace("one answer", "one 🧵 answer")
    edits = [
        {"op": "rename_node", "node": "answer", "to": "greet"},
        {"op": "set_field", "node": "greet", "path": ["config", "temperature"], "value": 0},
    ]
    answer = await save(database, scope, workflow_id, Commit(1, typed=typing(TEXT, typed), edits=edits))
    text, _, _ = await draft(database, scope, workflow_id)
    assert "greet" in text
    assert apply(typed, answer["changes"]) == text
    assert len(answer["changes"]) == 2


async def test_places_never_touch_the_text(database: Database, scope: Scope, workflow_id: UUID) -> None:
    places = {"answer": [20, 140], "start": None}
    answer = await save(database, scope, workflow_id, Commit(1, places=places))
    text, layout, revision = await draft(database, scope, workflow_id)
    assert (text, layout["nodes"], revision) == (TEXT, {"answer": [20, 140]}, 2)
    assert answer["changes"] == []


async def test_what_stands_beside_a_node_goes_with_a_name_that_is_typed_over(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    group = {"title": "Both", "nodes": ["start", "answer"], "color": "blue"}
    await save(database, scope, workflow_id, Commit(1, places={"answer": [20, 140]}, groups=[group]))
    await pins.pin(database, scope, "small", "answer", {"n": 1})

    async def beside(after: str, revision: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
        before, _, _ = await draft(database, scope, workflow_id)
        answer = await save(database, scope, workflow_id, Commit(revision, typed=typing(before, after)))
        async with database.transaction(scope) as tx:
            pinned = await pin_rows.outputs(tx, workflow_id)
        return answer, (await draft(database, scope, workflow_id))[1], pinned

    renamed = TEXT.replace('name: "answer"', 'name: "answers"')
    answer, layout, pinned = await beside(renamed, 2)
    assert answer["retyped"] == {"answer": "answers"}
    assert layout["nodes"] == {"start": [0, 0], "answers": [20, 140]}
    assert [one["nodes"] for one in layout["groups"]] == [["start", "answers"]]
    assert pinned == {"answers": {"n": 1}}
    # Two nodes of one name: nobody's place is taken, and when the name is another one again, nothing was lost.
    answer, layout, _ = await beside(renamed.replace('name: "answers"', 'name: "start"'), 3)
    assert "retyped" not in answer
    answer, layout, pinned = await beside(TEXT, 4)
    assert (layout["nodes"], pinned) == ({"start": [0, 0], "answers": [20, 140]}, {"answers": {"n": 1}})


async def test_names_typed_over_together_take_their_places_and_pins_along(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    two = TEXT.replace('name: "answer"', 'name: "step_one"').replace('name: "end"', 'name: "step_two"')
    two = (
        two.replace("answer}", "step_one}").replace("from: answer", "from: step_one").replace("to: end", "to: step_two")
    )
    await save(database, scope, workflow_id, Commit(1, typed=typing(TEXT, two)))
    await save(database, scope, workflow_id, Commit(2, places={"step_one": [20, 140], "step_two": [20, 280]}))
    await pins.pin(database, scope, "small", "step_one", {"n": 1})
    replaced = [{"from": at.start(), "to": at.end(), "insert": "part"} for at in re.finditer("step(?=_)", two)]
    answer = await save(database, scope, workflow_id, Commit(3, typed=replaced))
    assert answer["retyped"] == {"step_one": "part_one", "step_two": "part_two"}
    _, layout, _ = await draft(database, scope, workflow_id)
    assert layout["nodes"] == {"start": [0, 0], "part_one": [20, 140], "part_two": [20, 280]}
    async with database.transaction(scope) as tx:
        assert await pin_rows.outputs(tx, workflow_id) == {"part_one": {"n": 1}}
    # Another text in its place, which happens to have as many nodes, is no renaming.
    other = typing(two.replace("step_", "part_"), two.replace("step_", "other_"))
    assert "retyped" not in await save(database, scope, workflow_id, Commit(4, typed=other))


async def test_a_commit_that_changes_nothing_keeps_the_revision(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    answer = await save(database, scope, workflow_id, Commit(1, typed=typing(TEXT, TEXT)))
    assert answer["revision"] == 1


async def test_text_that_is_no_yaml_is_kept_with_its_error(database: Database, scope: Scope, workflow_id: UUID):
    broken = TEXT + "extra: [unclosed\n"
    done = await editing.save(database, scope, workflow_id, Commit(1, typed=typing(TEXT, broken)))
    assert (await draft(database, scope, workflow_id))[0] == broken
    assert done.answer["graph"] is None
    assert done.document is not None
    found = await editing.check(database, scope, done.document)
    [error] = [one for one in found if one["severity"] == "error"]
    assert error["line"] >= len(TEXT.splitlines())
    opened = await editing.open_draft(database, scope, "small", SETTINGS)
    assert opened["graph"] is None
    assert opened["text"] == broken


async def test_edits_that_do_not_fit_change_nothing(database: Database, scope: Scope, workflow_id: UUID) -> None:
    edits = [
        {"op": "set_field", "node": "answer", "path": ["config", "temperature"], "value": 0.9},
        {"op": "remove_node", "node": "nobody"},
    ]
    answer = await save(database, scope, workflow_id, Commit(1, edits=edits, places={"answer": [1, 1]}))
    assert answer["error"]
    assert (await draft(database, scope, workflow_id)) == (TEXT, {"nodes": {"start": [0, 0]}}, 1)


async def test_a_stale_commit_gets_the_other_draft_and_overwrites_nothing(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    theirs = TEXT.replace("Answers greetings", "Theirs")
    await save(database, scope, workflow_id, Commit(1, typed=typing(TEXT, theirs)))
    mine = Commit(1, typed=typing(TEXT, TEXT.replace("greetings", "mine")))
    assert await save(database, scope, workflow_id, mine) == {"stale": 2}
    answer = await save(database, scope, workflow_id, replace(mine, base=TEXT))
    conflict = answer["conflict"]
    assert (conflict["text"], conflict["revision"]) == (theirs, 2)
    assert conflict["graph"]["nodes"]
    assert conflict["collisions"] == [
        {"place": ["description"], "base": "Answers greetings", "mine": "Answers mine", "theirs": "Theirs"}
    ]
    assert (await draft(database, scope, workflow_id))[0] == theirs


async def test_two_commits_on_one_revision_are_merged(database: Database, scope: Scope, workflow_id: UUID) -> None:
    typed = TEXT.replace("Answers greetings", "Answers 🧵")
    theirs = typed.replace('"low"', '"high"')
    await save(database, scope, workflow_id, Commit(1, typed=typing(TEXT, theirs), places={"end": [5, 5]}))
    edit = {"op": "set_field", "node": "answer", "path": ["config", "temperature"], "value": 0.9}
    mine = Commit(1, typed=typing(TEXT, typed), edits=[edit], places={"answer": [1, 1]}, base=TEXT)
    answer = await save(database, scope, workflow_id, mine)
    text, layout, revision = await draft(database, scope, workflow_id)
    assert text == theirs.replace("temperature: 0.2", "temperature: 0.9")
    assert layout == answer["layout"] == {"nodes": {"answer": [1, 1], "end": [5, 5], "start": [0, 0]}}
    assert revision == answer["revision"] == 3
    assert apply(typed, [*answer["changes"], answer["merged"]]) == text


async def test_what_is_beside_a_node_goes_with_a_rename_that_is_merged(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    await save(database, scope, workflow_id, Commit(1, places={"answer": [20, 140]}))
    await pins.pin(database, scope, "small", "answer", {"n": 1})
    await save(database, scope, workflow_id, Commit(2, typed=typing(TEXT, TEXT.replace('"low"', '"high"'))))
    mine = Commit(2, edits=[{"op": "rename_node", "node": "answer", "to": "reply"}], base=TEXT)
    answer = await save(database, scope, workflow_id, mine)
    text, layout, _ = await draft(database, scope, workflow_id)
    assert 'name: "reply"' in text
    assert 'priority: "high"' in text
    assert layout == answer["layout"] == {"nodes": {"start": [0, 0], "reply": [20, 140]}}
    async with database.transaction(scope) as tx:
        assert await pin_rows.outputs(tx, workflow_id) == {"reply": {"n": 1}}


async def test_choices_hold_for_the_draft_that_was_shown(database: Database, scope: Scope, workflow_id: UUID) -> None:
    def saying(what: str) -> str:
        return TEXT.replace("Answers greetings", what)

    await save(database, scope, workflow_id, Commit(1, typed=typing(TEXT, saying("Theirs"))))
    mine = Commit(1, typed=typing(TEXT, saying("Mine")), base=TEXT, choices={("description",): "mine"}, theirs=2)
    await save(database, scope, workflow_id, Commit(2, typed=typing(saying("Theirs"), saying("Theirs again"))))
    asked = (await save(database, scope, workflow_id, mine))["conflict"]
    assert (asked["revision"], asked["collisions"][0]["theirs"]) == (3, "Theirs again")
    done = await save(database, scope, workflow_id, replace(mine, theirs=3))
    assert (done["revision"], (await draft(database, scope, workflow_id))[0]) == (4, saying("Mine"))


async def test_a_commit_that_arrived_before_somebody_elses_is_not_applied_twice(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    edit = {"op": "add_node", "node": {"name": "more", "type": "message"}, "after": "answer"}
    commit = Commit(1, edits=[edit], base=TEXT)
    await save(database, scope, workflow_id, commit)
    arrived = (await draft(database, scope, workflow_id))[0]
    theirs = arrived.replace('"low"', '"high"').replace("  # The only model call.", "  # A model call.")
    await save(database, scope, workflow_id, Commit(2, typed=typing(arrived, theirs)))
    answer = await save(database, scope, workflow_id, commit)
    assert (answer["revision"], (await draft(database, scope, workflow_id))[0]) == (3, theirs)


async def test_notes_of_both_are_kept(database: Database, scope: Scope, workflow_id: UUID) -> None:
    first, second, third = ({"at": [n, 0], "text": f"note {n}"} for n in range(3))
    await save(database, scope, workflow_id, Commit(1, notes=[first]))
    await save(database, scope, workflow_id, Commit(2, notes=[first, second]))
    await save(database, scope, workflow_id, Commit(2, notes=[third], base=TEXT, base_notes=[first]))
    assert (await draft(database, scope, workflow_id))[1]["notes"] == [third, second]


async def test_what_both_write_on_one_note_is_asked_about(database: Database, scope: Scope, workflow_id: UUID) -> None:
    """And there stays one note, with what each of them moved."""
    note = {"id": "n", "at": [0, 0], "text": "Refunds: Ann"}
    await save(database, scope, workflow_id, Commit(1, notes=[note]))
    theirs, mine = note | {"text": "Refunds: Bob", "at": [40, 0]}, note | {"text": "Refunds: Cleo"}
    await save(database, scope, workflow_id, Commit(2, notes=[theirs]))
    commit = Commit(2, notes=[mine], base=TEXT, base_notes=[note])
    asked = (await save(database, scope, workflow_id, commit))["conflict"]
    place = ["notes", "n", "text"]
    assert asked["collisions"] == [
        {"place": place, "base": "Refunds: Ann", "mine": "Refunds: Cleo", "theirs": "Refunds: Bob"}
    ]
    assert (await draft(database, scope, workflow_id))[1]["notes"] == [theirs]
    chosen = replace(commit, choices={("notes", "n", "text"): "mine"}, theirs=asked["revision"])
    await save(database, scope, workflow_id, chosen)
    assert (await draft(database, scope, workflow_id))[1]["notes"] == [mine | {"at": [40, 0]}]


async def test_a_browser_without_a_graph_gets_the_whole_one(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    typed = typing(TEXT, TEXT.replace("greetings", "everything"))
    answer = await save(database, scope, workflow_id, Commit(1, typed=typed, anew=True))
    assert [node["name"] for node in answer["graph"]["nodes"]] == ["start", "answer", "end"]


async def test_a_merge_names_the_other_and_what_was_there(database: Database, scope: Scope, workflow_id: UUID) -> None:
    async with database.transaction(scope) as tx:
        ids = [
            await identity.add_member(tx, f"{uuid4().hex}@example.com", name, "x", "admin") for name in ("Ann", "Bo")
        ]
    ann, bo = (replace(scope, user_id=user_id) for user_id in ids)
    await save(database, ann, workflow_id, Commit(1, places={"answer": [7, 7]}))
    answer = await save(database, bo, workflow_id, Commit(1, places={"answer": [1, 1]}, base=TEXT))
    assert answer["by"] == "Ann"
    assert answer["theirs"]["nodes"]["answer"] == [7, 7]
    assert answer["layout"]["nodes"]["answer"] == [1, 1]


async def test_who_asks_for_what_somebody_else_moved_gets_it(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    """A commit that changes nothing, which is how a tab asks, has not arrived before."""
    note = {"at": [0, 0], "text": "look"}
    await save(database, scope, workflow_id, Commit(1, places={"answer": [300, 40]}, notes=[note]))
    asked = await save(database, scope, workflow_id, Commit(1, base=TEXT))
    assert (asked["revision"], asked["merged"]) == (2, [])
    assert (asked["layout"]["nodes"]["answer"], asked["layout"]["notes"][0]["text"]) == ([300, 40], "look")


async def test_another_tenant_finds_nothing(database: Database, other_scope: Scope, workflow_id: UUID) -> None:
    with pytest.raises(NotFound):
        await editing.open_draft(database, other_scope, "small", SETTINGS)
    with pytest.raises(NotFound):
        await save(database, other_scope, workflow_id, Commit(1, typed=typing(TEXT, "x: 1")))
    with pytest.raises(NotFound):
        await editing.publish(database, other_scope, workflow_id, "")


async def test_a_repeated_commit_whose_answer_was_lost_is_applied_once(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    edit = {"op": "add_node", "node": {"name": "more", "type": "message"}, "after": "answer"}
    typed = typing(TEXT, TEXT.replace("greetings", "everything"))
    commit = Commit(1, typed=typed, edits=[edit], places={"more": [1, 2]}, base=TEXT)
    first = await save(database, scope, workflow_id, commit)
    again = await save(database, scope, workflow_id, commit)
    assert again["revision"] == first["revision"] == 2
    assert again["changes"] == first["changes"]
    text, layout, revision = await draft(database, scope, workflow_id)
    assert text.count("more") == 1
    assert (layout["nodes"]["more"], revision) == ([1, 2], 2)


async def test_a_repeated_commit_does_not_pass_for_somebody_elses(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    await save(database, scope, workflow_id, Commit(1, typed=typing(TEXT, TEXT + "# theirs\n")))
    mine = Commit(1, typed=typing(TEXT, TEXT + "# mine\n"), base=TEXT)
    await save(database, scope, workflow_id, mine)
    assert (await draft(database, scope, workflow_id))[0] == TEXT + "# mine\n# theirs\n"


async def test_notes_and_groups_stand_beside_the_text(database: Database, scope: Scope, workflow_id: UUID) -> None:
    note = {"at": [10, 20], "text": "Owner: support", "color": "yellow", "size": [200, 100]}
    group = {"title": "Talk", "nodes": ["answer"], "color": "#F59E0B"}
    sent = Commit.from_json({"revision": 1, "layout": {"notes": [note], "groups": [group]}})
    await save(database, scope, workflow_id, sent)
    text, layout, _ = await draft(database, scope, workflow_id)
    assert text == TEXT
    assert layout == {"nodes": {"start": [0, 0]}, "notes": [note], "groups": [group]}
    await save(database, scope, workflow_id, Commit(2, notes=[], places={"answer": [5, 5]}))
    _, layout, _ = await draft(database, scope, workflow_id)
    assert "notes" not in layout
    assert layout["groups"] == [group]


async def test_publishing_a_draft_with_errors_is_refused(database: Database, scope: Scope, workflow_id: UUID) -> None:
    await save(database, scope, workflow_id, Commit(1, edits=[{"op": "remove_node", "node": "end"}]))
    with pytest.raises(Exception, match="error"):
        await editing.publish(database, scope, workflow_id, "")


async def test_publishing_makes_the_draft_live(database: Database, scope: Scope, workflow_id: UUID) -> None:
    done = await editing.publish(database, scope, workflow_id, "first")
    assert done["number"] == 1
    opened = await editing.open_draft(database, scope, "small", SETTINGS)
    assert opened["live"]["number"] == 1


def test_every_node_type_can_be_offered_and_started() -> None:
    for kind, spec in node_specs().items():
        text = f"nodes:\n  - name: one\n    type: {kind}\n"
        assert spec["title"], kind
        assert spec["icon"], kind
        keys = [field["key"] for field in spec["fields"]]
        assert len(keys) == len(set(keys)), kind
        required = {field["key"] for field in spec["fields"] if field.get("required")}
        assert required <= set(spec["initial"] or {}), kind
        assert drawn(Document.parse(text))["nodes"][0]["type"] == kind


def test_inferred_classes_are_shown_with_the_agent() -> None:
    edges = "".join(
        f"  - {{from: sort, to: end, condition: \"context.intent == '{one}'\"}}\n" for one in ("faq", "order")
    )
    text = (
        'name: x\nversion: "1"\ndescription: d\ncategory: system\npriority: low\n'
        "nodes:\n  - {name: start, type: start}\n  - {name: sort, type: agent}\n  - {name: end, type: end}\n"
        f"edges:\n  - {{from: start, to: sort}}\n{edges}  - {{from: sort, to: end}}\n"
    )
    workflow = Document.parse(text).workflow
    assert workflow is not None
    asked = inferred(Inference(workflow), workflow.nodes[1])
    assert asked is not None
    [field] = [one for one in asked["fields"] if one["name"] == "intent"]
    assert {"faq", "order"} <= set(field["values"])
    assert asked["branches"] == 2


def test_utf16_units() -> None:
    text = "a🧵b"
    assert [Utf16(text)(offset) for offset in range(4)] == [0, 1, 3, 4]


async def test_what_an_agent_is_asked_counts_with_what_tools_return(database: Database, scope: Scope) -> None:
    nodes = """\
  - {name: start, type: start}
  - {name: ask, type: agent, config: {prompt_template: 'Hi'}}
  - {name: find, type: tool, config: {tool_name: search_order, parameters: {order_id: context.order_id}}}
  - {name: more, type: message, config: {text: 'Wait'}}
  - {name: end, type: end}
edges:
  - {from: start, to: ask}
  - {from: ask, to: find}
  - {from: find, to: more, condition: "context.mood == 'angry' and context.order_found"}
  - {from: find, to: end}
  - {from: more, to: end}
"""
    head = TEXT.split("nodes:")[0].replace("small", "asked")
    async with database.transaction(scope) as tx:
        await workflows.create(tx, f"{head}nodes:\n{nodes}")
    found = await scopes.of_node(database, scope, "asked", "ask")
    assert found["inferred"]["fields"][0] == {"name": "mood", "values": ["angry", "other"]}
    assert "order_found" not in {field["name"] for field in found["inferred"]["fields"]}
