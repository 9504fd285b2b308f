"""The editor's use cases on a real database: what a commit changes, refuses, and never overwrites."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from engine.errors import InputError, NotFound
from engine.store.access import workflows
from engine.store.session import Database, Scope
from studio.services import editing
from studio.services.editing import Commit
from studio.services.editor_graph import Utf16, derive
from studio.services.editor_specs import node_specs
from tests.support.editor import SMALL, changed_lines

TEXT = SMALL.format(name="small")


@pytest.fixture
async def workflow_id(database: Database, scope: Scope) -> UUID:
    async with database.transaction(scope) as tx:
        return (await workflows.create(tx, TEXT, {"nodes": {"start": [0, 0]}})).workflow_id


async def draft(database: Database, scope: Scope, workflow_id: UUID) -> tuple[str, dict[str, Any], int]:
    async with database.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        return row.text, row.layout, row.revision


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
    opened = await editing.open_draft(database, scope, "small")
    assert opened["workflow_id"] == str(workflow_id)
    assert opened["text"] == TEXT
    assert [node["name"] for node in opened["graph"]["nodes"]] == ["start", "answer", "end"]
    first, last = opened["graph"]["nodes"][1]["lines"]
    lines = TEXT.splitlines()
    assert 'name: "answer"' in lines[first - 1]
    assert "one sentence" in lines[last - 1]
    assert [(edge["from"], edge["to"]) for edge in opened["graph"]["edges"]] == [("start", "answer"), ("answer", "end")]
    assert {field["key"] for field in opened["specs"]["agent"]["fields"]} >= {"model", "prompt_template", "temperature"}
    assert opened["can"] == {"write": True, "run": True, "publish": True}
    assert opened["live"] is None


async def test_one_field_is_one_line(database: Database, scope: Scope, workflow_id: UUID) -> None:
    edit = {"op": "set_field", "node": "answer", "path": ["config", "temperature"], "value": 0.5}
    answer = await editing.save(database, scope, workflow_id, Commit(1, edits=[edit]))
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
    answer = await editing.save(database, scope, workflow_id, Commit(1, text=typed, edits=edits))
    text, _, _ = await draft(database, scope, workflow_id)
    assert "greet" in text
    assert apply(typed, answer["changes"]) == text
    assert len(answer["changes"]) == 2


async def test_places_never_touch_the_text(database: Database, scope: Scope, workflow_id: UUID) -> None:
    places = {"answer": [20, 140], "start": None}
    answer = await editing.save(database, scope, workflow_id, Commit(1, places=places))
    text, layout, revision = await draft(database, scope, workflow_id)
    assert (text, layout["nodes"], revision) == (TEXT, {"answer": [20, 140]}, 2)
    assert answer["changes"] == []


async def test_a_commit_that_changes_nothing_keeps_the_revision(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    answer = await editing.save(database, scope, workflow_id, Commit(1, text=TEXT))
    assert answer["revision"] == 1


async def test_text_that_is_no_yaml_is_kept_with_its_error(database: Database, scope: Scope, workflow_id: UUID):
    broken = TEXT + "extra: [unclosed\n"
    answer = await editing.save(database, scope, workflow_id, Commit(1, text=broken))
    assert (await draft(database, scope, workflow_id))[0] == broken
    assert answer["graph"] is None
    [error] = [d for d in answer["diagnostics"] if d["severity"] == "error"]
    assert error["line"] >= len(TEXT.splitlines())
    opened = await editing.open_draft(database, scope, "small")
    assert opened["graph"] is None
    assert opened["text"] == broken


async def test_edits_that_do_not_fit_change_nothing(database: Database, scope: Scope, workflow_id: UUID) -> None:
    edits = [
        {"op": "set_field", "node": "answer", "path": ["config", "temperature"], "value": 0.9},
        {"op": "remove_node", "node": "nobody"},
    ]
    answer = await editing.save(database, scope, workflow_id, Commit(1, edits=edits, places={"answer": [1, 1]}))
    assert answer["error"]
    assert (await draft(database, scope, workflow_id)) == (TEXT, {"nodes": {"start": [0, 0]}}, 1)


async def test_a_stale_commit_gets_the_other_draft_and_overwrites_nothing(
    database: Database, scope: Scope, workflow_id: UUID
) -> None:
    theirs = TEXT.replace("Answers greetings", "Theirs")
    await editing.save(database, scope, workflow_id, Commit(1, text=theirs))
    answer = await editing.save(database, scope, workflow_id, Commit(1, text=TEXT.replace("greetings", "mine")))
    assert answer["conflict"]["text"] == theirs
    assert answer["conflict"]["revision"] == 2
    assert answer["conflict"]["graph"]["nodes"]
    assert (await draft(database, scope, workflow_id))[0] == theirs


async def test_another_tenant_finds_nothing(database: Database, other_scope: Scope, workflow_id: UUID) -> None:
    with pytest.raises(NotFound):
        await editing.open_draft(database, other_scope, "small")
    with pytest.raises(NotFound):
        await editing.save(database, other_scope, workflow_id, Commit(1, text="x: 1"))
    with pytest.raises(NotFound):
        await editing.publish(database, other_scope, workflow_id, "")


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"revision": "1"},
        {"revision": True},
        {"revision": 1, "text": 5},
        {"revision": 1, "text": "a: \x00"},
        {"revision": 1, "text": "a: \ud800"},
        {"revision": 1, "text": "a" * 1_000_001},
        {"revision": 1, "edits": "remove everything"},
        {"revision": 1, "edits": ["x"]},
        {"revision": 1, "layout": ["answer"]},
        {"revision": 1, "layout": {"answer": [1]}},
        {"revision": 1, "layout": {"answer": ["a", "b"]}},
        {"revision": 1, "layout": {"answer": [float("nan"), 0]}},
        {"revision": 1, "layout": {"answer": [10**9, 0]}},
    ],
    ids=repr,
)
def test_what_no_editor_sends_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Commit.from_json(bad)


async def test_publishing_a_draft_with_errors_is_refused(database: Database, scope: Scope, workflow_id: UUID) -> None:
    await editing.save(database, scope, workflow_id, Commit(1, edits=[{"op": "remove_node", "node": "end"}]))
    with pytest.raises(Exception, match="error"):
        await editing.publish(database, scope, workflow_id, "")


async def test_publishing_makes_the_draft_live(database: Database, scope: Scope, workflow_id: UUID) -> None:
    done = await editing.publish(database, scope, workflow_id, "first")
    assert done["number"] == 1
    opened = await editing.open_draft(database, scope, "small")
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
        assert derive(text, {}, [])["graph"]["nodes"][0]["type"] == kind


def test_inferred_classes_are_shown_with_the_agent() -> None:
    edges = "".join(
        f"  - {{from: sort, to: end, condition: \"context.intent == '{one}'\"}}\n" for one in ("faq", "order")
    )
    text = (
        'name: x\nversion: "1"\ndescription: d\ncategory: system\npriority: low\n'
        "nodes:\n  - {name: start, type: start}\n  - {name: sort, type: agent}\n  - {name: end, type: end}\n"
        f"edges:\n  - {{from: start, to: sort}}\n{edges}  - {{from: sort, to: end}}\n"
    )
    sort = derive(text, {}, [])["graph"]["nodes"][1]
    [field] = [one for one in sort["inferred"]["fields"] if one["name"] == "intent"]
    assert {"faq", "order"} <= set(field["values"])
    assert sort["inferred"]["branches"] == 2


def test_utf16_units() -> None:
    text = "a🧵b"
    assert [Utf16(text)(offset) for offset in range(4)] == [0, 1, 3, 4]
