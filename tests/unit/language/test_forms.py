"""Forms: which schemas make one, and what a visitor's answers mean."""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.language.document import Document
from engine.language.forms import MAX_TEXT, FormError, form_fields, read_form
from engine.language.validate import validate
from tests.unit.language.test_validate import GOOD

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name", "email", "size", "agree"],
    "properties": {
        "name": {"type": "string", "title": "Your name", "minLength": 2, "maxLength": 20},
        "email": {"type": "string", "format": "email"},
        "size": {"enum": ["S", "M", 42]},
        "colours": {"type": "array", "items": {"enum": ["red", "blue"]}, "maxItems": 1},
        "amount": {"type": "integer", "minimum": 1, "maximum": 99},
        "price": {"type": ["number", "null"]},
        "born": {"type": "string", "format": "date"},
        "at": {"type": "string", "format": "time"},
        "site": {"type": "string", "format": "uri"},
        "code": {"type": "string", "pattern": "^[A-Z]{3}$"},
        "message": {"type": "string", "maxLength": 2000},
        "agree": {"type": "boolean", "const": True},
        "news": {"type": "boolean"},
    },
}
GIVEN = {"name": ["Ada"], "email": ["ada@example.com"], "size": ["M"], "agree": ["yes"]}


def test_fields_in_the_order_of_the_schema() -> None:
    fields = form_fields(SCHEMA)
    assert [field.kind for field in fields] == [
        "text", "email", "choice", "choices", "integer", "number", "date", "time", "url", "text", "multiline", "yes", "yes",
    ]  # fmt: skip
    assert (fields[0].title, fields[1].title) == ("Your name", "Email")
    assert [field.name for field in fields if field.required] == ["name", "email", "size", "agree"]


def test_answers_become_json() -> None:
    given_ = GIVEN | {"size": ["42"], "colours": ["blue", "blue"], "amount": [" 7 "], "price": ["1.5"], "born": ["2026-03-30"],
                      "at": ["09:30"], "site": ["https://x.test/a"], "code": ["ABC"], "message": ["a\r\nb\0"], "extra": ["x"]}  # fmt: skip
    values, wrong = read_form(form_fields(SCHEMA), given_)
    assert wrong == {}
    assert values == {
        "name": "Ada", "email": "ada@example.com", "size": 42, "colours": ["blue"], "amount": 7, "price": 1.5,
        "born": "2026-03-30", "at": "09:30", "site": "https://x.test/a", "code": "ABC", "message": "a\nb",
        "agree": True, "news": False,
    }  # fmt: skip


def test_what_may_be_left_out_is_left_out() -> None:
    values, wrong = read_form(form_fields(SCHEMA), GIVEN | {"born": [""], "message": ["  "]})
    assert (values, wrong) == ({"name": "Ada", "email": "ada@example.com", "size": "M", "colours": [],
                                "agree": True, "news": False}, {})  # fmt: skip


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("name", [], "fill this in"),
        ("name", [" "], "fill this in"),
        ("name", ["A"], "At least 2 characters"),
        ("name", ["A" * 21], "At most 20 characters"),
        ("email", ["ada"], "e-mail address"),
        ("email", ["a@b"], "e-mail address"),
        ("email", ["a b@c.de"], "e-mail address"),
        ("size", ["XL"], "choose one of these"),
        ("size", [""], "fill this in"),
        ("colours", ["red", "blue"], "at most 1"),
        ("colours", ["green"], "choose one of these"),
        ("amount", ["1.5"], "whole number"),
        ("amount", ["x"], "whole number"),
        ("amount", ["0"], "At least 1"),
        ("amount", ["100"], "At most 99"),
        ("amount", ["9" * 5000], "whole number"),
        ("price", ["nan"], "too large"),
        ("price", ["1e999"], "too large"),
        ("born", ["30.3.2026"], "a date"),
        ("at", ["25:00"], "a time"),
        ("site", ["javascript:alert(1)"], "https://"),
        ("site", ["http://["], "https://"),
        ("code", ["abc"], "right form"),
        ("message", ["x" * 2001], "At most 2000 characters"),
        ("agree", [], "tick this"),
    ],
)
def test_what_is_to_be_mended(name: str, answer: list[str], said: str) -> None:
    values, wrong = read_form(form_fields(SCHEMA), GIVEN | {name: answer})
    assert list(wrong) == [name]
    assert said in wrong[name]
    assert name not in values


def test_a_text_has_a_limit_where_the_schema_has_none() -> None:
    fields = form_fields({"properties": {"a": {"type": "string"}}})
    assert "At most" in read_form(fields, {"a": ["x" * (MAX_TEXT + 1)]})[1]["a"]


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({}, "needs `properties`"),
        ({"properties": {}}, "needs `properties`"),
        ({"properties": []}, "needs `properties`"),
        ({"properties": {f"f{i}": {} for i in range(51)}}, "at most 50"),
        ({"properties": {"a": 5}}, "must be a mapping"),
        ({"properties": {"a": {"type": "object"}}}, "cannot show the field `a`"),
        ({"properties": {"a": {"type": ["string", "integer"]}}}, "cannot show the field `a`"),
        ({"properties": {"a": {"type": "array", "items": {"type": "string"}}}}, "needs `items` with an `enum`"),
        ({"properties": {"a": {"enum": []}}}, "1 to 200 values"),
        ({"properties": {"a": {"enum": [{"b": 1}]}}}, "texts or numbers"),
        ({"properties": {"a": {"enum": [1, "1"]}}}, "each once"),
        ({"properties": {"a": {"type": "string", "pattern": "(?=a)"}}}, "pattern of `a`"),
        ({"properties": {"a": {}}, "required": ["b"]}, "no such field"),
        ({"properties": {"a": {}}, "required": "a"}, "list of names"),
    ],
)
def test_what_makes_no_form(schema: dict[str, Any], said: str) -> None:
    with pytest.raises(FormError) as caught:
        form_fields(schema)
    assert said in caught.value.public_message


@given(st.dictionaries(st.sampled_from(list(SCHEMA["properties"])), st.lists(st.text(max_size=30), max_size=3)))
@settings(max_examples=300, deadline=None)
def test_any_answers_are_values_or_faults(posted: dict[str, list[str]]) -> None:
    values, wrong = read_form(form_fields(SCHEMA), posted)
    assert not set(values) & set(wrong)
    assert {"name", "email", "size", "agree"} <= set(values) | set(wrong)


@pytest.mark.parametrize(
    ("trigger", "line", "said"),
    [
        ("  - type: form #!\n", 1, "needs `fields`"),
        ("  - type: form\n    config:\n      fields: {properties: {a: {type: object}}} #!\n", 3, "cannot show"),
        ("  - type: form\n    config:\n      fields:\n        properties:\n          a: {type: array} #!\n", 5, "needs `items`"),
        ("  - type: form\n    config: {path: 'a b', fields: {properties: {a: {}}}} #!\n", 2, "a path has"),
        ("  - type: form\n    config: {theme: blue, fields: {properties: {a: {}}}} #!\n", 2, "must be one of"),
    ],
)  # fmt: skip
def test_a_form_trigger_is_checked_at_its_line(trigger: str, line: int, said: str) -> None:
    text = f"{GOOD}triggers:\n{trigger}"
    found = [d for d in validate(Document.parse(text)) if d.code == "bad-trigger"]
    assert [(d.line - len(GOOD.splitlines()) - 1, d.severity) for d in found] == [(line, "error")]
    assert said in found[0].message


def test_a_form_may_show_the_files_inputs() -> None:
    text = GOOD + "inputs: {properties: {message: {type: string}}}\ntriggers:\n  - {type: form}\n"
    assert [d for d in validate(Document.parse(text)) if d.code == "bad-trigger"] == []
    wrong = GOOD + "inputs: {properties: {order: {type: object}}}\ntriggers:\n  - {type: form}\n"
    (found,) = [d for d in validate(Document.parse(wrong)) if d.code == "bad-trigger"]
    assert found.message.startswith("`inputs`: a form cannot show")
