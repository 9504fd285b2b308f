"""What a file says and where: YAML 1.2 meaning, duplicate keys, positions, a tolerant model."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import DefinitionError, SchemaError, YamlError
from engine.language.document import Document
from engine.language.semantics import semantic_hash

HEAD = 'name: "w"\nversion: "1.0.0"\ndescription: "d"\ncategory: "system"\npriority: "low"\n'
GOOD = HEAD + "nodes:\n  - {name: start, type: start}\n  - {name: end, type: end}\nedges:\n  - {from: start, to: end}\n"

VALUES = {
    "no": "no", "yes": "yes", "on": "on", "off": "off", "y": "y", "22:22": "22:22", "1_000": "1_000", "0b1": "0b1",
    "2024-01-01": "2024-01-01", "=": "=", "true": True, "True": True, "FALSE": False, "null": None, "~": None, "": None,
    "Null": None, "12": 12, "-3": -3, "+4": 4, "0o17": 15, "017": 17, "0x1F": 31, "1.10": 1.1, "1e3": 1000.0, ".5": 0.5,
    "5.": 5.0, "-.5e-1": -0.05, "1.2.3": "1.2.3", "0o8": "0o8", "'no'": "no", '"1.10"': "1.10", "tRue": "tRue",
    "18446744073709551615": 18446744073709551615,
}  # fmt: skip


@pytest.mark.parametrize("written", VALUES)
def test_a_value_means_what_yaml_1_2_says(written: str) -> None:
    value = Document.parse(f"a: {written}\n").data["a"]
    assert value == VALUES[written]
    assert type(value) is type(VALUES[written])


@pytest.mark.parametrize("written", [".inf", "-.Inf", ".NaN", "1e999", "18446744073709551616", "9" * 5000])
def test_a_number_that_json_cannot_carry_is_an_error(written: str) -> None:
    codes = [(d.code, d.line) for d in Document.parse(f"a: 1\nb: {written}\n").diagnostics]
    assert ("yaml-number", 2) in codes


def test_nul_is_refused_and_never_kept() -> None:
    document = Document.parse('a: "x\\0y"\n')
    assert document.diagnostics[0].code == "yaml-character"
    assert "\0" not in json.dumps(document.data)


def test_a_duplicate_key_names_both_lines() -> None:
    text = GOOD.replace("  - {name: end, type: end}", "  - name: end\n    type: end\n    # again\n    name: two")
    found = next(d for d in Document.parse(text).diagnostics if d.code == "yaml-duplicate-key")
    assert found.message == "the key `name` stands twice in one mapping: lines 8 and 11"
    assert found.line == 11


@pytest.mark.parametrize("text", ["? [a, b]\n: 1\n", "? {a: 1}\n: 1\n", "?\n: 1\n"])
def test_a_key_that_is_no_text_is_an_error(text: str) -> None:
    assert any(d.code == "yaml-key" for d in Document.parse(text).diagnostics)


def test_unquoted_keys_are_texts() -> None:
    assert Document.parse("1: a\ntrue: b\nnull: c\non: d\n1.50: e\n").data == {
        "1": "a", "true": "b", "null": "c", "on": "d", "1.50": "e",
    }  # fmt: skip


def test_merges_give_way_to_written_keys_and_earlier_sources() -> None:
    text = "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc:\n  <<: [*a, *b]\n  x: 0\n"
    assert Document.parse(text).data["c"] == {"x": 0, "y": 1, "z": 2}
    assert any(d.code == "yaml-merge" for d in Document.parse("a: {<<: 5}\n").diagnostics)
    assert Document.parse('a: {"<<": 5}\n').data == {"a": {"<<": 5}}


def test_merged_values_are_not_shared_between_documents() -> None:
    text = "a: &a {x: [1]}\nb: *a\n"
    first, second = Document.parse(text), Document.parse(text)
    assert first.data["b"] is not second.data["b"]


def mangled(text: str, how: str) -> str:
    """The same content with other line ends, a byte order mark, or characters of several bytes in front."""
    return {
        "plain": text,
        "crlf": text.replace("\n", "\r\n"),
        "bom": "\ufeff" + text,
        "bom crlf": "\ufeff" + text.replace("\n", "\r\n"),
        "unicode": "# ünï 😀 \u3000\n" + text.replace('"d"', '"😀é\u00a0"'),
        "no final break": text.rstrip("\n"),
    }[how]


@pytest.mark.parametrize("how", ["plain", "crlf", "bom", "bom crlf", "unicode", "no final break"])
def test_positions_are_those_of_the_text(how: str) -> None:
    text = mangled(GOOD.replace("{name: end, type: end}", 'name: "end"\n    type: end'), how)
    document = Document.parse(text)
    assert document.diagnostics == ()
    span = document.span(("nodes", 1, "name"))
    assert span is not None
    assert text[span.start : span.end] == '"end"'
    lines = text.splitlines()
    assert lines[span.line - 1][span.column - 1 :].startswith('"end"')
    key = document.find_key(("edges",))
    assert key is not None
    assert text[key.start : key.end] == "edges"
    assert document.node_lines("end") == (span.line, span.line + 1)
    assert document.text == text


def test_spans_of_every_kind_of_value() -> None:
    text = "a: |\n  x\n\n  y\n\n# c\nb: >-\n  t\nc: [1, 'q']\nd:\n  - p\n  - q # note\n\ne:\nf: &x {k: v}\n"
    document = Document.parse(text)

    def written(*path: str | int) -> str:
        span = document.span(path)
        assert span is not None
        return text[span.start : span.end]

    assert written("a") == "|\n  x\n\n  y"
    assert written("b") == ">-\n  t"
    assert written("c") == "[1, 'q']"
    assert written("d") == "- p\n  - q"
    assert written("e") == ""
    assert written("f") == "&x {k: v}"
    assert document.span(("nope",)) is None


LEAVES = st.none() | st.booleans() | st.integers(-9, 9) | st.text("xyz ")
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("pq", min_size=1), inner), max_leaves=8
)


@given(st.dictionaries(st.text("abc", min_size=1), JSON))
@settings(max_examples=100, deadline=None)
def test_json_is_read_as_json(data: dict[str, Any]) -> None:
    assert Document.parse(json.dumps(data)).data == data


def test_the_model_is_tolerant_and_running_is_not() -> None:
    text = GOOD.replace("- {name: end, type: end}", "- {name: end, type: end}\n  - 5\n  - {type: agent}\n  - {name: x}")
    document = Document.parse(text)
    assert document.workflow is not None
    assert [n.name for n in document.workflow.nodes] == ["start", "end", "x"]
    assert [index for index, _ in document.placed_nodes()] == [0, 1, 4]
    with pytest.raises(SchemaError) as caught:
        document.runnable()
    assert caught.value.details["line"] == 9
    with pytest.raises(YamlError):
        Document.parse("a: [").runnable()
    with pytest.raises(DefinitionError):
        Document.parse("- a").runnable()
    assert Document.parse(GOOD).runnable().name == "w"


def test_everything_of_a_file_reaches_the_model() -> None:
    text = HEAD + (
        "schema_version: 1\nstatus: development\nmetadata: {author: A}\n"
        "config: {timeout_seconds: 9, max_retries: 2, retry_delay_seconds: 0.5, max_cost_usd: 0.1, max_steps: 7}\n"
        "inputs: {type: object}\noutputs: {type: object}\nvariables: [{name: v, default: 3}, {name: u}]\n"
        "credentials: [{name: c, type: http_bearer}]\ntriggers: [{type: webhook, config: {path: p}, enabled: false}]\n"
        "nodes:\n- name: a\n  type: agent\n  config: {timeout_seconds: 4}\n  disabled: true\n"
        "  cache: {ttl_seconds: 5}\n"
        "  retry: {max_attempts: 3, backoff: fixed, initial_seconds: 1, max_seconds: 2, multiplier: 3, jitter: false,"
        " on: [x]}\n"
        "  on_error: {action: continue, node: a, output: {z: 1}, response: r, wait_seconds: 6}\n"
        "edges: [{from: a, to: a, condition: true, on: error, label: l}]\n"
        "error_handling: [{error_type: '*', action: wait, max_retries: 1, fallback_node: a, retry_after: 8}]\n"
        "tests: {golden: []}\nmonitoring: {metrics: []}\nui: {nodes: {}}\nx-mine: {}\n"
    )
    document = Document.parse(text)
    assert [d.message for d in document.diagnostics] == []
    flow = document.runnable()
    node, edge, rule = flow.nodes[0], flow.edges[0], flow.error_handling[0]
    assert (flow.status, flow.defaults.timeout_s, flow.defaults.max_retries, flow.defaults.retry_delay_s) == (
        "development", 9, 2, 0.5,
    )  # fmt: skip
    assert (flow.defaults.max_cost_usd, flow.defaults.max_steps) == (0.1, 7)
    assert flow.variables == {"v": 3, "u": None}
    assert (flow.triggers[0].type, flow.triggers[0].enabled) == ("webhook", False)
    assert node.retry is not None
    assert (node.retry.max_attempts, node.retry.backoff, node.retry.jitter, node.retry.on) == (
        3,
        "fixed",
        False,
        ("x",),
    )
    assert node.on_error is not None
    assert (node.on_error.node, node.on_error.output, node.on_error.wait_s) == ("a", {"z": 1}, 6)
    assert (node.timeout_s, node.disabled, node.cache) == (4, True, {"ttl_seconds": 5})
    assert (edge.condition, edge.is_default, edge.on, edge.label) == ("true", True, "error", "l")
    assert (rule.action, rule.fallback_node, rule.max_retries, rule.wait_s) == ("wait", "a", 1, 8)


def test_a_cached_document_is_the_same_object_for_the_same_text() -> None:
    first = Document.parse_cached(GOOD)
    assert Document.parse_cached(GOOD) is first
    assert Document.parse_cached(GOOD + " ") is not first


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        (("# comment", "# other"), True),
        (('author: "A"', 'author: "B"'), True),
        (("condition: null", 'condition: "true"'), True),
        (("type: end", "'type':   end"), True),
        (("ui: {}", "ui: {nodes: {end: [0, 20]}}"), True),
        (("condition: null", 'condition: "context.a"'), False),
        (('description: "d"', 'description: "e"'), False),
        (("to: end", "to: start"), False),
    ],
)
def test_the_semantic_hash_ignores_what_has_no_meaning(change: tuple[str, str], is_same: bool) -> None:
    text = (
        "# comment\n"
        + HEAD
        + 'metadata: {author: "A"}\nui: {}\nnodes: [{name: start, type: start}, {name: end, type: end}]\n'
        "edges: [{from: start, to: end, condition: null}]\n"
    )
    assert change[0] in text
    before, after = Document.parse(text), Document.parse(text.replace(*change))
    assert (semantic_hash(before) == semantic_hash(after)) is is_same
    assert before.hash != after.hash
