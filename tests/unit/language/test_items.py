"""Items as their owners wrote them: taken out of one text with their comments, and put into another."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import SchemaError
from engine.language.document import Document
from engine.language.edits import apply_edits
from engine.language.items import read_item, with_value, written_item

TEXT = """\
nodes:   # all of them
  # The beginning.
  - name: start
    type: start

  # Of the section, not of a node.

  # Asks the model.
# Twice: it is worth it.
  - name: ask   # by name
    type: agent
    config:
      # Not too warm.
      temperature: 1.0
      prompt_template: |
        # no comment
        Hello {message}
      # stays below
    # and so does this
  - {name: end, type: end}  # over
edges: []
"""
ASK = """\
# Asks the model.
# Twice: it is worth it.
- name: ask   # by name
  type: agent
  config:
    # Not too warm.
    temperature: 1.0
    prompt_template: |
      # no comment
      Hello {message}
    # stays below
  # and so does this"""


def written(text: str, index: int) -> str | None:
    return written_item(Document.parse(text), ("nodes", index))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_item_is_taken_with_the_comments_that_are_its_own(newline: str) -> None:
    text = TEXT.replace("\n", newline)
    assert written(text, 0) == "# The beginning.\n- name: start\n  type: start"
    assert written(text, 1) == ASK
    assert written(text, 2) == "- {name: end, type: end}  # over"


def test_what_stands_in_no_lines_of_its_own_is_not_written() -> None:
    assert written("nodes: [{name: a, type: b}]", 0) is None
    assert written('{"nodes": [{"name": "a"}]}', 0) is None
    assert written(TEXT, 7) is None
    assert written("nodes: 5", 0) is None
    assert written("rest: &r\n  - name: a\nnodes: *r\n", 0) is None


def test_what_is_shared_by_anchors_is_written_out_below_its_comments() -> None:
    text = "x: &x {b: 1}\nnodes:\n  # Why.\n  - name: a\n    config: *x\n  - &n {name: b}\n"
    assert written(text, 0) == '# Why.\n- name: "a"\n  config:\n    b: 1'
    assert written(text, 1) == '- name: "b"'


def test_another_value_changes_no_comment() -> None:
    value: dict[str, Any] = Document.parse(TEXT).data["nodes"][1]
    value = value | {"name": "ask_2", "config": value["config"] | {"prompt_template": "# no comment\nHi\n"}}
    expected = ASK.replace("name: ask ", "name: ask_2 ").replace("Hello {message}", "Hi")
    assert with_value(ASK, value) == expected
    assert with_value(ASK, Document.parse(TEXT).data["nodes"][1]) == ASK
    assert with_value("# Why.\n- a: [1]", {"b": {"c": 2}}) == "# Why.\n- b:\n    c: 2"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "name: a",
        "- a",
        "- name: a\n- name: b",
        "- name: a\nother: b",
        "- &x {name: a}",
        "- name: a\n  more: *x",
        "- name: a\n  name: b",
        "- name: [",
        "- name: a\n...\n- name: b",
        "- name: a\n--- \nb",
        "- !!python/object:os.system {name: a}",
        "- name: a\n" + "  # x\n" * 200_000,
    ],
    ids=lambda text: text[:24] or "empty",
)
def test_a_text_that_is_not_one_item_is_refused(text: str) -> None:
    with pytest.raises(SchemaError):
        read_item(text)


def added(text: str, item: str, after: str | None = None) -> str:
    return apply_edits(text, [{"op": "add_node", "text": item, "after": after}])


def test_an_item_is_put_in_as_it_is_written() -> None:
    copy = ASK.replace("name: ask ", "name: ask_2 ")
    inner = "\n".join(f"  {line}" for line in copy.splitlines())
    assert added(TEXT, copy) == TEXT.replace("edges:", f"{inner}\nedges:")
    # What belongs to the node before stays with it.
    assert added(TEXT, copy, "ask") == TEXT.replace("  - {name: end", f"{inner}\n  - {{name: end")
    assert added(TEXT.replace("\n", "\r\n"), copy) == added(TEXT, copy).replace("\n", "\r\n")


def test_where_it_cannot_stand_as_written_its_data_is_put_in() -> None:
    item = "# Why.\n- name: b\n  type: x  # so\n  text: |\n    Hi\n"
    assert added("nodes: [{name: a, type: x}]\n", item) == (
        'nodes: [{name: a, type: x}, {name: b, type: x, text: "Hi\\n"}]\n'
    )
    assert added("nodes: []\n", item) == "nodes:\n  # Why.\n  - name: b\n    type: x  # so\n    text: |\n      Hi\n"
    without = added("nodes:\n  - name: a\n    type: x", item)
    assert Document.parse(without).data["nodes"][1] == {"name": "b", "type": "x", "text": "Hi\n"}
    assert "# Why." in without


@pytest.mark.parametrize(
    ("item", "message"),
    [("- name: ask\n  type: x", "already"), ("- name: a b\n  type: x", "letters"), ("- name: b", "name and a type")],
)
def test_a_node_by_its_text_is_checked_like_any_other(item: str, message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        added(TEXT, item)


def test_a_node_that_is_cut_takes_its_comments_along() -> None:
    cut = {"op": "remove_node", "node": "ask", "comments": True}
    left = apply_edits(TEXT, [cut])
    assert left == TEXT.replace(
        "\n".join(f"  {line}" for line in ASK.splitlines()).replace("  # Twice", "# Twice") + "\n", ""
    )
    assert "# Of the section" in left
    everything = [{"op": "remove_node", "node": name, "comments": True} for name in ("start", "ask", "end")]
    assert Document.parse(apply_edits(TEXT, everything)).data["nodes"] == []


def test_a_cut_and_a_paste_lose_no_comment() -> None:
    item = written(TEXT, 1)
    assert item is not None
    back = apply_edits(
        TEXT,
        [{"op": "remove_node", "node": "ask", "comments": True}, {"op": "add_node", "text": item, "after": "start"}],
    )
    assert sorted(back.split()) == sorted(TEXT.split())
