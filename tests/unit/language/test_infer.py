"""The output schema that an agent gets from the conditions behind it."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from engine.language.document import Document
from engine.language.infer import Inference, infer_output_schema


def workflow(edges: list[tuple[str, str, str | None]], **config: dict[str, Any]) -> Any:
    """A workflow whose node types follow from the names: a* agent, c* condition, t* tool, s* sub-workflow, ..."""
    types = {"a": "agent", "c": "condition", "t": "tool", "s": "sub_workflow", "x": "transform", "m": "message"}
    types |= {"start": "start", "end": "end"}
    names = list(dict.fromkeys(name for edge in edges for name in edge[:2]))
    nodes = [{"name": n, "type": types.get(n) or types[n[0]], "config": config.get(n, {})} for n in names]
    made = [{"from": a, "to": b, "condition": c} for a, b, c in edges]
    document = Document.parse("{}")
    document.data = {"name": "w", "nodes": nodes, "edges": made}
    return document.workflow


def properties(flow: Any, name: str = "a", **more: Any) -> dict[str, Any]:
    schema = infer_output_schema(flow, name, **more)
    return schema["properties"] if schema else {}


def test_words_become_an_enum_with_other_for_the_default() -> None:
    flow = workflow(
        [
            ("start", "a", None),
            ("a", "c", None),
            ("c", "a2", "context.intent == 'faq'"),
            ("c", "a3", "context.intent == 'order'"),
            ("c", "a4", "true"),
            ("a2", "end", None),
            ("a3", "end", None),
            ("a4", "end", None),
        ]
    )
    assert infer_output_schema(flow, "a") == {
        "type": "object",
        "properties": {"intent": {"type": "string", "enum": ["faq", "order", "other"]}},
        "required": ["intent"],
    }
    assert infer_output_schema(flow, "a2") is None
    assert infer_output_schema(flow, "nobody") is None


@pytest.mark.parametrize(
    ("condition", "default", "expected"),
    [
        ("context.k == 'a' or context.k == 'b'", None, {"type": "string", "enum": ["a", "b"]}),
        ("context.k == 'critical'", None, {"type": "string", "enum": ["critical", "other"]}),
        ("context.k in ['a', 'b']", "true", {"type": "string", "enum": ["a", "b", "other"]}),
        ("context.k == 'a' or context.k == 'other'", "true", {"type": "string", "enum": ["a", "other"]}),
        ("context.k != 'a'", "true", {"type": "string", "enum": ["a", "other"]}),
        ("context.k == true", "true", {"type": "boolean"}),
        ("false == context.k", None, {"type": "boolean"}),
        ("context.k >= 0.8", "true", {"type": "number"}),
        ("context.k and len(context.k) > 0", "true", {"type": "array"}),
        ("context.k[0] == 'x'", "true", {"type": "array"}),
        ("context.k and context.k != ''", "true", {"type": ["string", "null"]}),
        ("context.k or context.z", "true", {"type": ["string", "null"]}),
        ("lower(context.k) == 'yes'", "true", {"type": ["string", "null"]}),
        ("context.k == context.message", "true", {"type": ["string", "null"]}),
        ("context.k.score >= 0.5", "true", {"type": ["object", "null"], "properties": {"score": {"type": "number"}}}),
        ("nodes.a.output.k == 'a'", "true", {"type": "string", "enum": ["a", "other"]}),
    ],
)
def test_a_comparison_gives_the_type(condition: str, default: str | None, expected: dict[str, Any]) -> None:
    edges = [("start", "a", None), ("a", "c", None), ("c", "a2", condition), ("a2", "end", None)]
    flow = workflow([*edges, ("c", "end", default)] if default else edges)
    assert properties(flow)["k"] == expected


def test_keys_that_the_trigger_gives_are_not_asked() -> None:
    flow = workflow([("start", "a", None), ("a", "m", "context.message == 'x'"), ("a", "end", "context.reply_text")])
    assert infer_output_schema(flow, "a") is None
    edges = [("start", "a", None), ("a", "m", "context.given == 'x'"), ("a", "end", "true"), ("m", "end", None)]
    document = Document.parse("{}")
    document.data = {
        "inputs": {"properties": {"given": {}}},
        "nodes": [
            {"name": n, "type": t} for n, t in [("start", "start"), ("a", "agent"), ("m", "message"), ("end", "end")]
        ],
        "edges": [{"from": a, "to": b, "condition": c} for a, b, c in edges],
    }
    assert document.workflow is not None
    assert infer_output_schema(document.workflow, "a") is None


def test_only_conditions_before_another_step_overwrites_the_key_count() -> None:
    behind_tool = [
        ("start", "a", None),
        ("a", "t", None),
        ("t", "m", "context.k == 'x'"),
        ("t", "end", None),
        ("m", "end", None),
    ]
    assert properties(workflow(behind_tool)) == {}
    behind_sub = [
        ("start", "a", None),
        ("a", "s", None),
        ("s", "m", "context.k == 'x'"),
        ("s", "end", None),
        ("m", "end", None),
    ]
    assert properties(workflow(behind_sub)) == {}
    keyed = workflow(behind_tool, t={"output_key": "rows", "tool_name": "t"})
    assert "k" in properties(keyed)
    overwritten = workflow(behind_tool, t={"output_key": "k", "tool_name": "t"})
    assert properties(overwritten) == {}
    set_between = [
        ("start", "a", None),
        ("a", "x", None),
        ("x", "m", "context.k == 'x' or context.j == 'y'"),
        ("x", "end", None),
    ]
    assert set(properties(workflow(set_between, x={"set": {"k": "1"}}))) == {"j", "reply_text"}


def test_of_two_agents_the_nearer_is_asked() -> None:
    flow = workflow(
        [
            ("start", "a", None),
            ("a", "c", None),
            ("c", "a2", "context.intent == 'x'"),
            ("c", "end", None),
            ("a2", "c2", None),
            ("c2", "m", "context.solved == true"),
            ("c2", "end", None),
            ("m", "end", None),
        ]
    )
    assert set(properties(flow)) == {"intent", "reply_text"}
    assert set(properties(flow, "a2")) == {"solved", "reply_text"}
    declared = workflow(
        [
            ("start", "a", None),
            ("a", "a2", None),
            ("a2", "m", "context.intent == 'x' or context.mood == 'y'"),
            ("a2", "end", None),
            ("m", "end", None),
        ],
        a2={"output_schema": {"properties": {"mood": {}}}},
    )
    assert set(properties(declared)) == {"intent"}


def test_an_output_key_moves_the_question() -> None:
    edges = [
        ("start", "a", None),
        ("a", "m", "context.out.k == 'x' and context.k == 'y'"),
        ("a", "end", None),
        ("m", "end", None),
    ]
    flow = workflow(edges, a={"output_key": "out"})
    assert properties(flow)["k"]["enum"] == ["x", "other"]


def test_an_output_key_is_asked_of_the_node_that_names_it() -> None:
    edges = [
        ("start", "a", None),
        ("a", "a2", None),
        ("a2", "m", "context.out.k == 'x' and context.j == true"),
        ("a2", "end", None),
        ("m", "end", None),
    ]
    flow = workflow(edges, a={"output_key": "out"})
    assert set(properties(flow)) == {"k"}
    assert set(properties(flow, "a2")) == {"j", "reply_text"}


def test_an_output_that_is_read_by_the_name_of_its_node_cannot_be_overwritten() -> None:
    edges = [
        ("start", "a", None),
        ("a", "s", None),
        ("s", "a2", "context.k == 'x'"),
        ("a2", "m", "nodes.a.output.k == 'y'"),
        ("a2", "end", None),
        ("m", "end", None),
    ]
    assert properties(workflow(edges)) == {"k": {"type": "string", "enum": ["y", "other"]}}
    assert properties(workflow(edges), "a2") == {}


def test_a_thousand_agents_in_a_row() -> None:
    names = [f"a{number}" for number in range(1_000)]
    edges = [(one, other, f"context.k{one} == 'x'") for one, other in zip(names, [*names[1:], "end"], strict=True)]
    inference = Inference(workflow([("start", "a0", None), *edges]))
    for name in names:
        schema = inference.schema(name)
        assert schema is not None
        assert schema["required"] == [f"k{name}"]


def test_cycles_end() -> None:
    flow = workflow(
        [
            ("start", "a", None),
            ("a", "a2", "context.k == 'x'"),
            ("a2", "a", "context.j == 'y'"),
            ("a", "end", None),
            ("a2", "end", None),
        ]
    )
    assert set(properties(flow)) - {"reply_text"} == {"k"}
    assert set(properties(flow, "a2")) - {"reply_text"} == {"j"}


def test_an_agent_that_has_the_last_word_is_asked_for_its_reply() -> None:
    edges = [("start", "a", None), ("a", "m", "context.k == 'x'"), ("m", "end", None)]
    assert "reply_text" not in properties(workflow(edges))
    assert "reply_text" in properties(workflow([*edges, ("a", "end", None)]))
    schema = infer_output_schema(workflow([*edges, ("a", "end", None)]), "a")
    assert schema is not None
    assert schema["required"] == ["k"]


class Spec(NamedTuple):
    returns: dict[str, Any]


def test_values_that_steps_read_are_asked_when_nothing_else_makes_them() -> None:
    edges = [("start", "a", None), ("a", "t", None), ("t", "a2", None), ("a2", "t2", None), ("t2", "end", None)]
    config = {
        "t": {
            "tool_name": "find",
            "parameters": {"q": "context.order_id", "m": "context.message", "n": ["${context.email}"]},
        },
        "t2": {"tool_name": "tell", "parameters": {"to": "context.address", "x": "context.rows"}},
    }
    flow = workflow(edges, **config)
    assert properties(flow) == {"order_id": {"type": ["string", "null"]}, "email": {"type": ["string", "null"]}}
    assert properties(flow, "a2") == {}, "the tool before may have made them"
    tools = {"find": Spec({"properties": {"rows": {}}})}
    assert set(properties(flow, "a2", tools=tools)) == {"address", "reply_text"}


def test_a_condition_that_does_not_parse_is_skipped() -> None:
    flow = workflow(
        [("start", "a", None), ("a", "m", "context.k =="), ("a", "end", "context.j == 'x'"), ("m", "end", None)]
    )
    assert set(properties(flow)) == {"j", "reply_text"}
