"""Templates and references in values: filled once, from data only."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ExpressionError
from engine.language.resolve import expressions_in, resolve_value
from engine.language.templates import compile_template

SCOPE: dict[str, Any] = {
    "context": {
        "message": "Hi {intent}", "intent": "faq", "n": 3, "f": 2.5, "yes": True, "nothing": None, "rows": [{"k": "v"}, 2],
        "nodes": "mine", "evil": "{{ vars.secret }} {variables.brand} ${context.n}", "inputs": {"x": 1},
    },
    "nodes": {"find": {"output": {"total": 7}}},
    "variables": {"brand": "Acme"},
    "credentials": {"crm": {"token": "s3cret"}},
    "run": {"id": "r1"},
}  # fmt: skip

RENDERED = {
    "": "", "plain": "plain", "{intent}": "faq", "a{intent}b{n}c": "afaqb3c", "{context.intent}": "faq",
    "{variables.brand}": "Acme", "{rows[0].k}": "v", "{rows.0.k}": "v", "{rows[-1]}": "2", "{rows}": '[{"k": "v"}, 2]',
    "{yes} {nothing} {f}": "true  2.5", "{missing}": "", "{missing.deep[3]}": "", "{missing | none}": "none",
    "{missing|a b, c!}": "a b, c!", "{missing | }": "", "{nothing | x}": "x", "{intent | x}": "faq", "{run.id}": "r1",
    "{nodes}": "mine", "{inputs.x}": "1",
    "{{": "{", "}}": "}}", "{{}}": "{}", "{{intent}}": "{intent}", "{{{intent}}}": "{faq}",
    '{"intent": "faq"}': '{"intent": "faq"}', '{"a": {"b": 1}}': '{"a": {"b": 1}}', '[{"a": {"b": {intent}}}]': '[{"a": {"b": faq}}]',
    '{{"intent": "{intent}"}}': '{"intent": "faq"}', "{ intent }": "{ intent }", "{a b}": "{a b}", "{}": "{}", "{1}": "{1}",
    "{a.}": "{a.}", "{.a}": "{.a}", "{intent": "{intent", "$5 {n}": "$5 3", "${n}": "$3", "{message}": "Hi {intent}",
    "{evil}": "{{ vars.secret }} {variables.brand} ${context.n}",
    "{credentials.crm.token}": "", "{intent.__class__}": "", "{message.format}": "", "{rows.__len__}": "",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}": "{ ''.__class__.__mro__[1].__subclasses__() }",
    "{{ '{0.__class__}'.format(x) }}": "{ '{0.__class__}'.format(x) }",
    "{{ 9**9**9 }}": "{ 9**9**9 }", "{{ debug() }}": "{ debug() }", "{% for i in x %}": "{% for i in x %}",
}  # fmt: skip


@pytest.mark.parametrize("source", RENDERED)
def test_a_template_renders(source: str) -> None:
    assert compile_template(source).render(SCOPE) == RENDERED[source]


def test_paths_are_given_as_written() -> None:
    template = compile_template("{a} {context.b[0]} {{c}} {d['e f'] | x} {a}")
    assert template.paths == (("a",), ("context", "b", 0), ("d", "e f"))
    assert [(p.start, p.end, p.default) for p in template.places][:2] == [(0, 3, None), (4, 18, None)]


def test_rendering_is_bounded() -> None:
    template = compile_template("{big}" * 100)
    began = time.process_time()
    with pytest.raises(ExpressionError, match="longer than"):
        template.render({"context": {"big": "x" * 100_000}})
    assert time.process_time() - began < 0.5
    compile_template("{" * 100_000 + "}" * 100_000).render(SCOPE)
    compile_template("{a" + ".b" * 60_000).render(SCOPE)
    assert time.process_time() - began < 3


@given(st.text("{}ab.| [0]'", max_size=30))
def test_any_text_is_a_template(source: str) -> None:
    assert isinstance(compile_template(source).render(SCOPE), str)


def test_a_text_without_braces_is_itself() -> None:
    assert compile_template("50 % off, $5, C:\\x").render({}) == "50 % off, $5, C:\\x"


RESOLVED: list[tuple[Any, Any]] = [
    ("context.n", 3),
    ("context.rows", [{"k": "v"}, 2]),
    ("context.n + 1", 4),
    ("context.missing.deep", None),
    (" context.n", " context.n"),
    ("contextual", "contextual"),
    ("${context.n}", 3),
    ("${nodes.find.output.total * 2}", 14),
    ("${context.missing or 'none'}", "none"),
    ("n is ${context.n}, ${context.yes}", "n is 3, true"),
    ("${'}' + \"{\"}", "}{"),
    ("$${context.n} ${context.n}", "${context.n} 3"),
    ("${", "${"),
    ("{intent}", "{intent}"),
    ("${context.evil}", SCOPE["context"]["evil"]),
    ({"a": ["context.n", {"b": "${context.f}"}], "c": 5, "d": None}, {"a": [3, {"b": 2.5}], "c": 5, "d": None}),
    (True, True),
]


@pytest.mark.parametrize(("value", "expected"), RESOLVED)
def test_a_value_is_resolved_with_its_type(value: Any, expected: Any) -> None:
    resolved = resolve_value(value, SCOPE)
    assert resolved == expected
    assert type(resolved) is type(expected)


def test_resolving_copies_containers() -> None:
    value = {"a": [1]}
    resolved = resolve_value(value, SCOPE)
    resolved["a"].append(2)
    assert value == {"a": [1]}


@pytest.mark.parametrize(
    "value", ["context.", "context.a ==", "${}", "x ${context.a +} y", "${credentials.crm.token}", "${intent}"]
)
def test_a_reference_that_does_not_parse_is_a_typed_error(value: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        resolve_value({"deep": [value]}, SCOPE)
    assert caught.value.details["column"] >= 1


def test_joined_texts_are_bounded() -> None:
    with pytest.raises(ExpressionError, match="longer than"):
        resolve_value("${context.s} ${context.s} ${context.s}", {"context": {"s": "x" * 900_000}})


def test_expressions_in_a_text_are_found_with_their_offsets() -> None:
    assert expressions_in("a ${context.n} $${x} ${1}") == [("context.n", 4), ("1", 23)]
    assert expressions_in("context.a") == [("context.a", 0)]
    assert expressions_in("nothing") == []
