"""Edits one by one: the exact text that comes out, and what is refused and why."""

# ruff: noqa: E501 - texts are easier to compare on one line

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import SchemaError
from engine.language.document import Document
from engine.language.edits import MAX_EDITS, apply_edits, edit_document
from engine.language.layout import Refused

TEXT = """\
# A file as people write it.
name: "shop"          # the name
version: '1.0.0'
nodes:
  - name: "start"
    type: "start"
    config:
      next_node: "route"

  # decides
  - name: "route"
    type: "condition"
    config:
      conditions:
        - condition: "context.a == 'x'"   # first
          next_node: "ask"
        - condition: "true"
          next_node: "end"

  - name: "ask"
    type: "agent"
    config:
      model: "auto"   # which one
      prompt_template: |
        Hello {nodes.route.output.x},
          it's me.
      settings: {a: 1, "b": [x, y]}  # flow
    on_error: {action: "goto", node: "route"}

  - name: "end"
    type: "end"
# Workflow edges
edges:
  - from: "start"
    to: "route"
    condition: null
  - {from: "route", to: "ask", condition: "context.a == 'x'"}   # branch
  - from: "route"
    to: "end"
    condition: "true"
  - from: "ask"
    to: "end"
    condition:   # nothing
"""


def edited(edit: dict[str, Any], text: str = TEXT) -> str:
    return apply_edits(text, [edit])


def change(before: str, after: str, text: str = TEXT) -> str:
    assert text.count(before) == 1, "the test's own text must be found once"
    return text.replace(before, after)


def field(node: str, *path: str | int, value: Any) -> dict[str, Any]:
    return {"op": "set_field", "node": node, "path": list(path), "value": value}


@pytest.mark.parametrize(
    ("path", "value", "before", "after"),
    [
        (["config", "model"], "tier:A", '"auto"', '"tier:A"'),
        (["config", "model"], 'say "hi"\t', '"auto"', '"say \\"hi\\"\\t"'),
        (["config", "model"], 5, '"auto"', "5"),
        (["config", "model"], None, '"auto"', "null"),
        (["config", "model"], {"a": {"b": 1}}, '"auto"   # which one', "  # which one\n        a:\n          b: 1"),
        (["config", "model"], ["p", "q r"], '"auto"', '["p", "q r"]'),
        (["config", "model"], "one\ntwo\n", '"auto"   # which one', "|\n        one\n        two"),
        (["config", "settings", "a"], 2.5, "{a: 1,", "{a: 2.5,"),
        (["config", "settings", "c"], "z", "[x, y]}", '[x, y], c: "z"}'),
        (["config", "settings", "b", 1], "w", "[x, y]", "[x, w]"),
        (["config", "settings", "b"], ["x", "y", "z"], "[x, y]", '[x, y, "z"]'),
        (["config", "settings"], {}, '{a: 1, "b": [x, y]}', "{}"),
        (["config", "prompt_template"], "Hi.\n\nBye.\n", "Hello {nodes.route.output.x},\n          it's me.", "Hi.\n\n        Bye."),
        (["config", "prompt_template"], "short", "|\n        Hello {nodes.route.output.x},\n          it's me.", "|-\n        short"),
        (["config", "temperature"], 0.2, "# flow\n", "# flow\n      temperature: 0.2\n"),
        (["timeout_seconds"], 5, '"route"}\n', '"route"}\n    timeout_seconds: 5\n'),
        (["on_error", "node"], "end", 'node: "route"}', 'node: "end"}'),
        (["retry", "max_attempts"], 3, '"route"}\n', '"route"}\n    retry:\n      max_attempts: 3\n'),
    ],
)  # fmt: skip
def test_a_field_is_set_in_its_own_formatting(path: list[Any], value: Any, before: str, after: str) -> None:
    assert edited(field("ask", *path, value=value)) == change(before, after)


def test_a_field_of_an_empty_node_gets_its_config() -> None:
    assert edited(field("end", "config", "output", value={"a": "context.b"})) == change(
        'type: "end"\n', 'type: "end"\n    config:\n      output:\n        a: "context.b"\n'
    )


def test_a_key_that_is_named_anew_keeps_its_place_and_its_comment() -> None:
    text = change(
        'settings: {a: 1, "b": [x, y]}  # flow', "settings:\n        a: 0x10   # the first\n        b: [x,  y]"
    )

    def named(value: Any) -> str:
        return edited(field("ask", "config", "settings", value=value), text)

    assert named({"c": 16, "b": ["x", "y"]}) == change("a: 0x10", "c: 0x10", text)
    assert named({"a": 16, "c": ["x", "y"]}) == change("b: [x,  y]", "c: [x,  y]", text)
    assert named({"yes": 16, "b": ["x", "y"]}) == change("a: 0x10", '"yes": 0x10', text)
    assert '        "<<": 16\n' in named({"<<": 16, "b": ["x", "y"]})
    assert "c: 17" in named({"c": 17, "b": ["x", "y"]})
    assert edited(field("ask", "config", "settings", value={"c": 1, "b": ["x", "y"]})) == change("{a: 1", "{c: 1")


def test_fields_are_unset() -> None:
    unset = {"op": "unset_field", "node": "ask", "path": ["config", "settings"]}
    assert edited(unset) == change('      settings: {a: 1, "b": [x, y]}  # flow\n', "")
    assert edited({**unset, "path": ["config", "settings", "a"]}) == change('{a: 1, "b"', '{"b"')
    assert edited({**unset, "path": ["config", "settings", "b"]}) == change(', "b": [x, y]}', "}")
    assert edited({**unset, "path": ["config", "settings", "b", 0]}) == change("[x, y]", "[y]")
    assert edited({**unset, "path": ["config", "nothing"]}) == TEXT
    only = {"op": "unset_field", "node": "start", "path": ["config", "next_node"]}
    assert edited(only) == change('    config:\n      next_node: "route"\n\n', "    config: {}\n\n")


def test_a_node_is_added_behind_another_with_the_files_habits() -> None:
    new = {"name": "say", "type": "message", "config": {"text": "Hi\nyou\n", "more": [1, {"a": 2}]}}
    result = edited({"op": "add_node", "node": new, "after": "route"})
    assert result == change(
        '          next_node: "end"\n\n',
        '          next_node: "end"\n\n  - name: "say"\n    type: "message"\n    config:\n      text: |\n        Hi\n        you\n'
        "      more:\n        - 1\n        - a: 2\n\n",
    )


def test_a_node_added_at_the_end_stands_before_the_comment_of_the_edges() -> None:
    result = edited({"op": "add_node", "node": {"name": "z", "type": "note"}, "after": None})
    assert result == change('    type: "end"\n#', '    type: "end"\n\n  - name: "z"\n    type: "note"\n#')


def test_what_is_added_to_a_list_of_single_lines_is_one() -> None:
    text = "name: x\nnodes:\n  - {name: a, type: start}\n  - {name: b, type: end}\nedges:\n  - {from: a, to: b}\n"
    edge = {"op": "add_edge", "from": "b", "to": "a", "condition": None}
    assert edited(edge, text) == text + "  - {from: b, to: a}\n"
    says_null = text.replace("to: b}", "to: b, condition: null}")
    assert edited(edge, says_null) == says_null + "  - {from: b, to: a, condition: null}\n"
    node = {"name": "say", "type": "message", "config": {"text": "Hi, you"}}
    assert '  - {name: say, type: message, config: {text: "Hi, you"}}\n' in edited(
        {"op": "add_node", "node": node, "after": "a"}, text
    )
    quoted = text.replace("{name: a, type: start}", '{name: "a", type: "start"}').replace(
        "b, type: end", '"b", type: "end"'
    )
    assert edited(edge, quoted) == quoted + "  - {from: b, to: a}\n", "as the edges are written, not the nodes"
    long = node | {"config": {"text": "x" * 120}}
    assert "  - name: say\n    type: message\n    config:\n" in edited(
        {"op": "add_node", "node": long, "after": "a"}, text
    )


def test_removing_a_node_removes_its_edges_and_mirrors_and_no_comment() -> None:
    result = edited({"op": "remove_node", "node": "ask"})
    assert "ask" not in result
    assert "# Workflow edges" in result
    assert "# decides" in result
    assert Document.parse(result).data["nodes"][1]["config"]["conditions"] == [
        {"condition": "true", "next_node": "end"}
    ]
    assert [e["from"] for e in Document.parse(result).data["edges"]] == ["start", "route"]
    last = edited({"op": "remove_node", "node": "end"})
    assert '  - name: "end"' not in last
    assert "# Workflow edges\nedges:\n" in last


def test_the_last_node_goes_without_the_comments_around_it() -> None:
    text = (
        "name: x\nnodes:  # all of them\n  # The first.\n  - name: a\n    type: start  # so\n  # below\n\nedges: []\n"
    )
    assert edited({"op": "remove_node", "node": "a"}, text) == (
        "name: x\nnodes: []  # all of them\n  # The first.\n  # below\n\nedges: []\n"
    )
    assert edited({"op": "remove_node", "node": "a", "comments": True}, text) == (
        "name: x\nnodes: []  # all of them\n  # below\n\nedges: []\n"
    )
    unended = "edges: []\nnodes: &all\n\n# Why.\n- name: a\n  type: start"
    assert edited({"op": "remove_node", "node": "a"}, unended) == "edges: []\nnodes: &all []\n\n# Why."
    two = edit_document(
        Document.parse("nodes:\n# One.\n- {name: a, type: start}\n\n# Two.\n- {name: b, type: end}\n"),
        [{"op": "remove_node", "node": name} for name in ("a", "b")],
    )
    assert two.text == "nodes: []\n# One.\n\n# Two.\n"


def test_renaming_rewrites_every_reference_and_nothing_else() -> None:
    text = (
        TEXT
        + "error_handling:\n  - {error_type: '*', action: fallback, fallback_node: route}\nui: {nodes: {route: [1, 2]}}\n"
    )
    text = text.replace(
        "condition:   # nothing", "condition: nodes.route.output.x == 'nodes.route' and nodes['route'].output"
    )
    text += "x-note: route\n"
    result = edited({"op": "rename_node", "node": "route", "to": "way"}, text)
    assert result == (
        text.replace('"route"', '"way"')
        .replace("{nodes.route.output", "{nodes.way.output")
        .replace("fallback_node: route", "fallback_node: way")
        .replace("nodes.route.output.x ==", "nodes.way.output.x ==")
        .replace("nodes['route']", "nodes['way']")
        .replace("{route: [1", "{way: [1")
    )
    assert edited({"op": "rename_node", "node": "way", "to": "route"}, result) == text


VARIABLES = (
    TEXT.replace(
        "Hello {nodes.route.output.x},",
        "Hello from {variables.shop} ({variables['shop'] | shop}), {{variables.shop}}, variables.shop, {variables.shops}.",
    )
    .replace("settings: {a: 1,", """settings: {a: "${variables.shop + '-variables.shop'}",""")
    .replace(
        "condition:   # nothing",
        "condition: 'variables.shop.city == context.variables.shop'  # by variables.shop",
    )
    + "outputs: {shop: '${variables.shop}'}\nvariables:\n- name: shop  # variables.shop\n  default: 'variables.shop'\n- {name: shops, default: 2}\n"
)


def test_renaming_a_variable_rewrites_where_it_is_read_and_nothing_else() -> None:
    rename = {"op": "rename_variable", "index": 0, "to": "store"}
    result = edited(rename, VARIABLES)
    assert result == (
        VARIABLES.replace("{variables.shop} ({variables['shop'] |", "{variables.store} ({variables['store'] |")
        .replace("${variables.shop + ", "${variables.store + ")
        .replace("'variables.shop.city ==", "'variables.store.city ==")
        .replace("'${variables.shop}'", "'${variables.store}'")
        .replace("- name: shop  #", "- name: store  #")
    )
    assert Document.parse(result).workflow is not None
    assert edited({**rename, "to": "shop"}, result) == VARIABLES
    assert edited({**rename, "to": "shop"}, VARIABLES) == VARIABLES


@pytest.mark.parametrize(
    ("index", "to", "why"),
    [
        (0, "shops", "already"),
        (0, "a b", "letters"),
        (0, None, "letters"),
        (2, "x", "no variable"),
        (True, "x", "no variable"),
    ],
)
def test_a_variable_gets_a_name_that_can_be_read(index: Any, to: Any, why: str) -> None:
    with pytest.raises(SchemaError, match=why):
        edited({"op": "rename_variable", "index": index, "to": to}, VARIABLES)


def test_what_reads_one_of_two_variables_of_a_name_stays() -> None:
    twins = VARIABLES.replace("{name: shops,", "{name: shop,")
    renamed = edited({"op": "rename_variable", "index": 1, "to": "store"}, twins)
    assert renamed == twins.replace("{name: shop,", "{name: store,")


def test_an_edge_is_added_where_it_can_be_taken() -> None:
    result = edited({"op": "add_edge", "from": "route", "to": "start", "condition": "context.b", "label": "again"})
    assert [(e["from"], e["to"]) for e in Document.parse(result).data["edges"]][1:4] == [
        ("route", "ask"), ("route", "start"), ("route", "end"),
    ]  # fmt: skip
    assert Document.parse(result).data["nodes"][1]["config"]["conditions"][1] == {
        "condition": "context.b", "next_node": "start",
    }  # fmt: skip
    assert '  - from: "route"\n    to: "start"\n    condition: "context.b"\n    label: "again"\n' in result
    default = edited({"op": "add_edge", "from": "end", "to": "ask", "condition": None})
    assert default == TEXT + '  - from: "end"\n    to: "ask"\n    condition: null\n'


def test_edges_are_set_moved_and_removed_with_their_mirrors() -> None:
    there = edited({"op": "set_edge", "index": 0, "field": "to", "value": "ask"})
    assert there == change('    to: "route"\n', '    to: "ask"\n').replace('next_node: "route"', 'next_node: "ask"')
    moved = edited({"op": "move_edge", "index": 2, "to": 1})
    assert [b["next_node"] for b in Document.parse(moved).data["nodes"][1]["config"]["conditions"]] == ["end", "ask"]
    assert "# branch" in moved
    assert "# first" in moved
    gone = edited({"op": "remove_edge", "index": 0})
    assert "next_node" not in str(Document.parse(gone).data["nodes"][0])
    condition = edited({"op": "set_edge", "index": 3, "field": "condition", "value": "context.ok"})
    assert condition == change("condition:   # nothing", 'condition: "context.ok"   # nothing')
    labelled = edited({"op": "set_edge", "index": 1, "field": "label", "value": "yes"})
    assert edited({"op": "set_edge", "index": 1, "field": "label", "value": None}, labelled) == TEXT


def test_a_mirror_that_disagreed_before_is_left_alone() -> None:
    text = TEXT.replace('next_node: "route"', 'next_node: "end"')
    assert 'next_node: "end"\n\n  # decides' in edited({"op": "remove_edge", "index": 0}, text)


def test_top_level_keys_are_set_and_unset() -> None:
    assert edited({"op": "set_top", "path": ["name"], "value": "store"}) == change('"shop"', '"store"')
    added = edited({"op": "set_top", "path": ["metadata", "tags"], "value": ["a"]})
    assert added == TEXT + 'metadata:\n  tags: ["a"]\n'
    assert edited({"op": "unset_top", "path": ["metadata"]}, added) == TEXT
    triggers = edited({"op": "set_top", "path": ["triggers"], "value": [{"type": "manual"}, {"type": "api"}]})
    assert edited({"op": "unset_top", "path": ["triggers", 0]}, triggers) == TEXT + 'triggers:\n  - type: "api"\n'


def test_a_file_without_limits_has_no_place_for_them() -> None:
    limited = edited({"op": "set_top", "path": ["config", "timeout_seconds"], "value": 60})
    assert limited == TEXT + "config:\n  timeout_seconds: 60\n"
    assert edited({"op": "unset_top", "path": ["config", "timeout_seconds"]}, limited) == TEXT
    assert edited({"op": "unset_top", "path": ["config", "max_cost_usd"]}, limited) == limited
    assert edited({"op": "unset_top", "path": ["config", "max_cost_usd"]}) == TEXT


def test_several_edits_are_all_or_nothing() -> None:
    good = field("ask", "config", "model", value="x")
    with pytest.raises(SchemaError):
        apply_edits(TEXT, [good, {"op": "remove_edge", "index": 99}])
    assert apply_edits(
        TEXT, [good, {"op": "rename_node", "node": "ask", "to": "b"}, field("b", "config", "model", value="auto")]
    )
    with pytest.raises(SchemaError, match="more than"):
        apply_edits(TEXT, [good] * (MAX_EDITS + 1))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "unknown edit"),
    ({"op": "explode"}, "unknown edit"),
    (field("nobody", "config", "a", value=1), "no node `nobody`"),
    ({"op": "set_field", "path": ["a"], "value": 1}, "name of a node is missing"),
    (field("ask", value=1), "path"),
    (field("ask", "config", True, value=1), "path"),
    (field("ask", "config", -1, value=1), "path"),
    (field("ask", *["a"] * 31, value=1), "path"),
    (field("ask", "name", value="x"), "rename_node"),
    (field("ask", "type", "deep", value=1), "cannot be set"),
    (field("ask", "config", "settings", "b", 9, value=1), "cannot be set"),
    (field("ask", "config", "model", value="a\0b"), "NUL"),
    (field("ask", "config", "model", value="\ud800"), "surrogate"),
    (field("ask", "config", "model", value=float("inf")), "cannot be written"),
    (field("ask", "config", "model", value=1 << 70), "64 bits"),
    (field("ask", "config", "model", value="x" * 200_001), "longer than"),
    (field("ask", "config", "model", value={1: 2}), "key must be a text"),
    (field("ask", "config", "model", value={1, 2}), "not JSON"),
    (field("ask", "config", "model", value={"": 2}), "key must be a text"),
    ({"op": "unset_field", "node": "ask", "path": ["type"]}, "needs its `type`"),
    ({"op": "unset_field", "node": "ask", "path": ["config", "settings", "b", 7]}, "no item 7"),
    ({"op": "add_node", "node": {"name": "ask", "type": "x"}, "after": None}, "already"),
    ({"op": "add_node", "node": {"name": "a b", "type": "x"}, "after": None}, "letters"),
    ({"op": "add_node", "node": {"name": "z"}, "after": None}, "name and a type"),
    ({"op": "add_node", "node": {"name": "z", "type": "x"}, "after": "nobody"}, "no node"),
    ({"op": "rename_node", "node": "ask", "to": "end"}, "already"),
    ({"op": "rename_node", "node": "ask", "to": "x\ny"}, "letters"),
    ({"op": "rename_variable", "index": 0, "to": "x"}, "there is no variable"),
    ({"op": "add_edge", "from": "ask", "to": "nobody", "condition": None}, "no node"),
    ({"op": "add_edge", "from": "ask", "to": "end", "condition": 5}, "must be a text"),
    ({"op": "add_edge", "from": "ask", "to": "end", "condition": None, "on": "maybe"}, "success, error or timeout"),
    ({"op": "remove_edge", "index": -1}, "no edge"),
    ({"op": "remove_edge", "index": True}, "no edge"),
    ({"op": "set_edge", "index": 0, "field": "colour", "value": "red"}, "no field"),
    ({"op": "set_edge", "index": 0, "field": "to", "value": "nobody"}, "no node"),
    ({"op": "set_top", "path": [], "value": 1}, "path"),
    ({"op": "unset_top", "path": ["triggers", 0]}, "no item 0"),
]


@pytest.mark.parametrize(("edit", "message"), WRONG, ids=[f"{e.get('op')}-{m}" for e, m in WRONG])
def test_a_wrong_edit_is_refused_with_a_reason(edit: dict[str, Any], message: str) -> None:
    with pytest.raises(SchemaError, match=message):
        edited(edit)


SHARED = """\
defaults: &defaults {model: a, retry: &r {max: 1, pause: 3}}
nodes:
  - name: one
    type: agent
    config: *defaults
  - name: two
    type: agent
    config:
      <<: *defaults
      own: 1
      limits: *r
  - name: &three three
    type: agent
    config: &unused
      k: v
edges:
  - {from: one, to: *three}
"""


@pytest.mark.parametrize(
    ("edit", "message", "line"),
    [
        (field("one", "config", "model", value="b"), "alias of `&defaults`", 5),
        (field("two", "config", "limits", "max", value=2), "alias of `&r`", 11),
        ({"op": "unset_field", "node": "two", "path": ["config", "model"]}, "comes from a merge", 9),
        ({"op": "set_top", "path": ["defaults", "model"], "value": "b"}, "shared by the anchor `&defaults`", 1),
        ({"op": "set_top", "path": ["defaults", "retry"], "value": 5}, "shared by the anchor", 1),
    ],
)
def test_a_shared_value_is_not_changed_behind_ones_back(edit: dict[str, Any], message: str, line: int) -> None:
    with pytest.raises(Refused, match=message) as caught:
        edited(edit, SHARED)
    assert caught.value.details["line"] == line


def test_what_is_not_shared_can_be_edited_beside_anchors() -> None:
    assert edited(field("two", "config", "own", value=2), SHARED) == change("own: 1", "own: 2", SHARED)
    assert edited(field("two", "config", "model", value="b"), SHARED) == change(
        "limits: *r\n", "limits: *r\n      model: b\n", SHARED
    )
    assert edited(field("two", "config", "retry", "max", value=2), SHARED) == change(
        "limits: *r\n", "limits: *r\n      retry:\n        max: 2\n        pause: 3\n", SHARED
    )
    assert edited(field("one", "config", value={"x": 1}), SHARED) == change(
        "    config: *defaults\n", "    config:\n      x: 1\n", SHARED
    )
    assert edited(field("three", "config", "k", value="w"), SHARED) == change("k: v", "k: w", SHARED)
    assert edited({"op": "rename_node", "node": "three", "to": "four"}, SHARED) == change(
        "&three three", "&three four", SHARED
    ).replace("to: *three", "to: four")


def test_a_text_that_is_not_yaml_is_not_edited() -> None:
    for text in ("a: [", "", "- x", "\ud800"):
        with pytest.raises(SchemaError):
            apply_edits(text, [{"op": "set_top", "path": ["a"], "value": 1}])


def test_explicit_keys_are_refused_with_their_line() -> None:
    text = "nodes:\n  - ? name\n    : a\n    ? type\n    : note\n"
    with pytest.raises(Refused, match="line 2"):
        edited(field("a", "config", value={}), text)


def test_twins_must_be_renamed_in_the_text_first() -> None:
    text = TEXT.replace('name: "end"', 'name: "ask"')
    with pytest.raises(SchemaError, match="two nodes named"):
        edited(field("ask", "config", "model", value="x"), text)


def test_the_outcome_carries_patches_and_undo() -> None:
    outcome = edit_document(Document.parse(TEXT), [field("ask", "config", "model", value="b")])
    patch = outcome.steps[0][0]
    assert (TEXT[patch.start : patch.end], patch.text) == ('"auto"', '"b"')
    assert outcome.undo[0][0].text == '"auto"'
    assert outcome.document.text == outcome.text
