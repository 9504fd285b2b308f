"""The laws of merging: what only one side changed is kept as that side wrote it, and nothing is overwritten unasked."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import SchemaError
from engine.language.diff import MISSING, ORDER
from engine.language.document import Document
from engine.language.edits import apply_edits
from engine.language.merge import COMMENTS, WHOLE, Merged, merge
from engine.language.merge_data import agree, keyed
from engine.language.writer import same
from tests.support.generated import some_edit, some_workflow
from tests.support.written_files import Scribe

SETTINGS = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
RANDOMS = st.integers(0, 2**32).map(Random)

TEXT = """\
# How we answer.
name: "shop"
version: "1.0.0"
description: "Answers"   # shown in lists
category: "system"
priority: "low"

nodes:
  - {name: start, type: start}

  # The only model call.
  - name: "answer"
    type: "agent"
    config:
      model: "auto"
      temperature: 0.2   # low on purpose
      prompt_template: |
        Answer {message}
        in one sentence.

  - {name: end, type: end}

edges:
  - {from: start, to: answer}
  - {from: answer, to: end}
"""


def changed(*edits: tuple[str, str], text: str = TEXT) -> str:
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def edited(random: Random, text: str, count: int = 2) -> str:
    """The text after a few random edits of the canvas; those that do not fit are left out."""
    for _ in range(count):
        try:
            text = apply_edits(text, [some_edit(random, Document.parse(text).data)])
        except (SchemaError, IndexError):
            continue
    return text


@SETTINGS
@given(RANDOMS)
def test_one_side_alone_is_taken_as_it_is(random: Random) -> None:
    base = Scribe(random).file(some_workflow(random))
    other = edited(random, base) if random.random() < 0.7 else Scribe(random).file(some_workflow(random))
    assert merge(base, other, base) == Merged(other)
    assert merge(base, base, other) == Merged(other)
    assert merge(base, other, other) == Merged(other)


@SETTINGS
@given(RANDOMS)
def test_edits_of_different_nodes_are_both_kept(random: Random) -> None:
    data = some_workflow(random)
    data["nodes"] = [{**node, "config": {"model": "a", "text": "b"}} for node in data["nodes"]]
    data["nodes"].append({"name": "last", "type": "message", "config": {"text": "c"}})
    base = Scribe(random, plain_only=True).file(data)
    first = {"op": "set_field", "node": data["nodes"][0]["name"], "path": ["config", "model"], "value": random.random()}
    second = {"op": "set_field", "node": "last", "path": ["config", "text"], "value": "other words"}
    both = apply_edits(base, [first, second])
    assert merge(base, apply_edits(base, [first]), apply_edits(base, [second])) == Merged(both)
    assert merge(base, apply_edits(base, [second]), apply_edits(base, [first])) == Merged(both)


def unordered(data: Any) -> Any:
    """The file's data; where an edge stands that both have added, the one who saved first has decided."""
    if not isinstance(data, dict) or not isinstance(data.get("edges"), list):
        return keyed(data)
    return {**keyed(data), "edges": sorted(data["edges"], key=repr)}


@SETTINGS
@given(RANDOMS)
def test_whatever_both_do_every_field_is_someones_or_asked_about(random: Random) -> None:
    base = Scribe(random).file(some_workflow(random))
    mine, theirs = edited(random, base, 3), edited(random, base, 3)
    done = merge(base, mine, theirs)
    places = [one.place for one in done.collisions]
    assert len(set(places)) == len(places)
    merged = Document.parse(done.text)
    assert WHOLE in places or (merged.error is None and not merged.tree_problems)
    decided = merge(base, mine, theirs, dict.fromkeys(places, "theirs"))
    assert {one.place for one in decided.collisions} <= {WHOLE}
    back = merge(base, theirs, mine)
    turned = [one.place for one in back.collisions]
    if WHOLE not in (*places, *turned):
        assert {one for one in places if COMMENTS not in one} == {one for one in turned if COMMENTS not in one}
        assert places or same(unordered(merged.data), unordered(Document.parse(back.text).data))


@SETTINGS
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_three_texts_are_merged_or_asked_about(base: str, mine: str, theirs: str) -> None:
    done = merge(base, mine, theirs)
    if not done.collisions and mine not in (base, theirs) and theirs != base:
        assert merge(base, mine, theirs, {WHOLE: "mine"}) == done


def test_different_fields_of_one_node_keep_their_comments() -> None:
    mine = changed(("temperature: 0.2", "temperature: 0.7"), ("in one sentence.", "in two sentences."))
    theirs = changed(('model: "auto"', 'model: "tier:B"  # cheap enough'), ("The only model call.", "The model call."))
    both = changed(
        ("temperature: 0.2", "temperature: 0.7"),
        ("in one sentence.", "in two sentences."),
        ('model: "auto"', 'model: "tier:B"  # cheap enough'),
        ("The only model call.", "The model call."),
    )
    assert merge(TEXT, mine, theirs) == Merged(both)
    assert merge(TEXT, theirs, mine) == Merged(both)


def test_different_fields_on_one_line_are_both_kept() -> None:
    mine = changed(("{from: answer, to: end}", "{from: answer, to: end, label: done}"))
    theirs = changed(("{from: answer, to: end}", '{from: answer, to: end, condition: "context.ok"}'))
    done = merge(TEXT, mine, theirs)
    assert done.collisions == ()
    edge = {"from": "answer", "to": "end", "label": "done", "condition": "context.ok"}
    assert Document.parse(done.text).data["edges"][1] == edge


def test_both_add_a_node_at_the_same_place() -> None:
    node = "\n  - name: {}\n    type: message\n    config: {{text: hi}}\n"
    mine = changed(("\nedges:", node.format("one") + "\nedges:"), ("to: end}", "to: one}"))
    theirs = changed(("\nedges:", node.format("two") + "\nedges:"))
    done = merge(TEXT, mine, theirs)
    assert done.collisions == ()
    assert [n["name"] for n in Document.parse(done.text).data["nodes"]] == ["start", "answer", "end", "one", "two"]
    assert "# The only model call." in done.text


def test_a_field_that_both_changed_is_asked_about_and_decided_by_choice() -> None:
    mine, theirs = changed(("0.2   #", "0.5   #")), changed(("0.2   #", "0.9   #"), ('"low"', '"high"'))
    done = merge(TEXT, mine, theirs)
    [one] = done.collisions
    assert (one.place, one.base, one.mine, one.theirs) == (("nodes", "answer", "config", "temperature"), 0.2, 0.5, 0.9)
    assert done.text == changed(("0.2   #", "0.5   #"), ('"low"', '"high"'))
    chosen = merge(TEXT, mine, theirs, {one.place: "theirs"})
    assert chosen == Merged(theirs)


def test_a_removed_node_that_the_other_changed_is_asked_about() -> None:
    mine = apply_edits(TEXT, [{"op": "remove_node", "node": "answer"}])
    theirs = changed(("temperature: 0.2", "temperature: 0.7"))
    [one] = merge(TEXT, mine, theirs).collisions
    assert (one.place, one.mine) == (("nodes", "answer"), MISSING)
    kept = merge(TEXT, mine, theirs, {one.place: "theirs"})
    assert Document.parse(kept.text).data["nodes"][-1]["name"] == "end"
    assert "answer" in [node["name"] for node in Document.parse(kept.text).data["nodes"]]


def test_a_node_that_one_renamed_takes_the_others_changes() -> None:
    mine = apply_edits(TEXT, [{"op": "rename_node", "node": "answer", "to": "reply"}])
    theirs = changed(("temperature: 0.2", "temperature: 0.7"))
    both = apply_edits(theirs, [{"op": "rename_node", "node": "answer", "to": "reply"}])
    assert merge(TEXT, mine, theirs) == Merged(both)
    assert merge(TEXT, theirs, mine) == Merged(both)


def test_two_new_names_of_one_node_are_asked_about() -> None:
    mine, theirs = (
        apply_edits(TEXT, [{"op": "rename_node", "node": "answer", "to": name}]) for name in ("reply", "respond")
    )
    done = merge(TEXT, mine, theirs)
    assert [one.place for one in done.collisions] == [("nodes", "answer", "name")]
    assert done.text == mine
    assert merge(TEXT, mine, theirs, {("nodes", "answer", "name"): "theirs"}).text == theirs


def test_two_new_orders_of_edges_are_asked_about() -> None:
    edge = "  - {{from: answer, to: start, condition: {}}}\n"
    three = "".join(edge.format(f'"context.{name}"').replace("start", target) for name, target in CONDITIONS)
    base = changed(("  - {from: answer, to: end}\n", three))
    moves = [{"op": "move_edge", "index": 1, "to": 3}], [{"op": "move_edge", "index": 2, "to": 1}]
    mine, theirs = (apply_edits(base, edits) for edits in moves)
    [one] = merge(base, mine, theirs).collisions
    assert one.place == ("edges", ORDER)
    assert agree(
        Document.parse(merge(base, mine, theirs, {one.place: "theirs"}).text).data, Document.parse(theirs).data
    )


CONDITIONS = (("a", "start"), ("b", "answer"), ("c", "end"))


def test_comments_that_both_changed_are_asked_about() -> None:
    mine, theirs = changed(("low on purpose", "quite low")), changed(("low on purpose", "as agreed in May"))
    done = merge(TEXT, mine, theirs)
    [one] = done.collisions
    assert one.place[-1] == COMMENTS
    assert (one.mine, one.theirs) == ("# quite low", "# as agreed in May")
    assert merge(TEXT, mine, theirs, {one.place: "theirs"}).text == theirs


def test_a_text_that_is_no_yaml_is_merged_by_its_lines() -> None:
    mine = changed(("{name: end, type: end}", "{name: end, type: "))
    theirs = changed(('priority: "low"', 'priority: "high"'))
    both = changed(("{name: end, type: end}", "{name: end, type: "), ('priority: "low"', 'priority: "high"'))
    assert merge(TEXT, mine, theirs) == Merged(both)
    clash = changed(("{name: end, type: end}", "{name: end, type: message}"))
    done = merge(TEXT, mine, clash)
    assert [one.place for one in done.collisions] == [WHOLE]
    assert merge(TEXT, mine, clash, {WHOLE: "theirs"}).text == clash


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends_stay(newline: str) -> None:
    base, mine, theirs = (
        text.replace("\n", newline) for text in (TEXT, changed(("0.2   #", "0.5   #")), changed(('"low"', '"high"')))
    )
    done = merge(base, mine, theirs)
    assert done == Merged(changed(("0.2   #", "0.5   #"), ('"low"', '"high"')).replace("\n", newline))


def test_shared_anchors_are_never_changed_behind_their_backs() -> None:
    base = TEXT + "metadata: {a: &x {k: 1}, b: *x}\n"
    mine = changed(("&x {k: 1}", "&x {k: 2}"), text=base)
    theirs = changed(("{k: 1}, b: *x", "{k: 1}, b: {k: 3}"), text=base)
    done: Any = Document.parse(merge(base, mine, theirs).text).data
    assert done["metadata"]["a"]["k"] == 2
    assert done["metadata"]["b"]["k"] in (2, 3)
