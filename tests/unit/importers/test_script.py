"""JavaScript's expressions in our language: what is said, and that it means the same when it is evaluated."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.importers import script
from engine.importers import wording as w
from engine.importers.script_syntax import Unsayable
from engine.language.expressions import compile_expression

DATA = {"name": "Ann", "n": 3, "empty": "", "list": ["a", "b"], "odd key": {"x": 1}, "flag": True, "text": "a.b c",
        "rows": [{"id": "x", "a": {"b": 1}}, {"a": {"b": 2}}]}  # fmt: skip


class Refs:
    """`$json` is the context."""

    def chain(self, name: str, steps: Sequence[script.Step]) -> tuple[w.Said, int] | None:
        return (w.path("context"), 0) if name == "$json" else None


@pytest.mark.parametrize(
    ("source", "wanted", "value"),
    [
        ("$json.name", "context.name", "Ann"),
        ("$json['odd key'].x", "context['odd key'].x", 1),
        ("$json.list[1]", "context.list[1]", "b"),
        ("$json.name === 'Ann' && !$json.empty", "context.name == 'Ann' and not context.empty", True),
        ("$json.n > 2 || $json.n < 0", "context.n > 2 or context.n < 0", True),
        ("($json.n + 1) * 2", "(context.n + 1) * 2", 8),
        ("$json.n - (1 - 1)", "context.n - (1 - 1)", 3),
        ("!($json.n == 3)", "not context.n == 3", False),
        ("$json.flag ? 'yes' : 'no'", "context.flag and 'yes' or 'no'", "yes"),
        ("$json.missing ?? 'none'", "default(context.missing, 'none')", "none"),
        ("$json.list.length", "len(context.list)", 2),
        ("$json.text.includes('b')", "contains(context.text, 'b')", True),
        ("$json.text.startsWith('a.')", r"matches(context.text, '^a\\.')", True),
        ("$json.text.toUpperCase()", "upper(context.text)", "A.B C"),
        ("Math.max($json.n, 5)", "max(context.n, 5)", 5),
        ("Object.keys($json).length", "len(context)", len(DATA)),
        ("$json?.list?.[0]", "context.list[0]", "a"),
        ("JSON.stringify($json.list)", "context.list", ["a", "b"]),
        ("'it\\'s'", r"'it\'s'", "it's"),
        ("'n: ' + $json.n", "'n: ' + text(context.n)", "n: 3"),
        ("`${$json.n}${$json.missing}`", "text(context.n) + text(context.missing)", "3"),
        ("$json.n == 3 ? 1 : 0", "context.n == 3 and 1 or 0", 1),
        ("$json.empty ? $json.n : $json.name", "(context.empty and [context.n] or [context.name])[0]", "Ann"),
        ("$json.flag ? $json.empty : $json.name", "(context.flag and [context.empty] or [context.name])[0]", ""),
        ("$json.flag ? '' : 'b'", "not context.flag and 'b' or ''", ""),
        ("$json.text.indexOf('b') > -1", "contains(context.text, 'b')", True),
        ("$json.text.indexOf('q') === -1", "not contains(context.text, 'q')", True),
        ("/B C/i.test($json.text)", "matches(context.text, '(?i)B C')", True),
        ("!$json.text.match(/q/)", "not matches(context.text, 'q')", True),
        ("$json.text.match(/b/) !== null", "matches(context.text, 'b')", True),
        ("typeof $json.missing === 'undefined'", "context.missing == null", True),
        ("'n' in $json", "'n' in context", True),
        ("Object.keys($json).includes('n')", "contains(context, 'n')", True),
        ("Math.floor(-7 / 2)", "round(-7 / 2 - (-7 / 2) % 1)", -4),
        ("Math.ceil($json.n / 2)", "round(context.n / 2 + -(context.n / 2) % 1)", 2),
        ("Math.abs(-2)", "max(-2, -(-2))", 2),
        ("parseInt('12') + 1", "number('12') + 1", 13),
        ("$json.list.at(-1)", "context.list[-1]", "b"),
        ("$json.list.slice(-1)[0]", "context.list[-1]", "b"),
        ("$json.list.concat(['c'])", "context.list + ['c']", ["a", "b", "c"]),
        ("$json.n;", "context.n", 3),
        ("' x '.trim()", "trim(' x ')", "x"),
        ("$json.text.split('.')[0]", "split(context.text, '.')[0]", "a"),
        ("$json.text.split(' ').pop()", "split(context.text, ' ')[-1]", "c"),
        ("$json.list.join('-')", "join(context.list, '-')", "a-b"),
        ("$json.list.join()", "join(context.list, ',')", "a,b"),
        ("'a-a'.replace('a', 'b')", "replace('a-a', 'a', 'b', 1)", "b-a"),
        ("'a-a'.replaceAll('a', 'b')", "replace('a-a', 'a', 'b')", "b-b"),
        (r"'a\nb'.replace(/\n/g, ' ')", r"replace('a\nb', '\n', ' ')", "a b"),
        ("$json.text.replace(/\\./, '')", "replace(context.text, '.', '', 1)", "ab c"),
        ("$json.text.slice(-1)", "slice(context.text, -1)", "c"),
        ("$json.text.substring(0, 3)", "slice(context.text, 0, 3)", "a.b"),
        ("$json.text.substr(2, 1)", "slice(context.text, 2, 3)", "b"),
        ("$json.rows.map(row => row.a.b).join(', ')", "join(pluck(pluck(context.rows, 'a'), 'b'), ', ')", "1, 2"),
        ("$json.rows.map((r) => r['id'])", "pluck(context.rows, 'id')", ["x", None]),
    ],
)
def test_what_both_can_say(source: str, wanted: str, value: Any) -> None:
    found = script.translate_whole(source, Refs())
    assert found.text == wanted
    assert compile_expression(found.text).evaluate({"context": DATA}) == value


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("$json.list.map(x => x + 1)", "a function"),
        ("$json.list.map((x, i) => x)", "a function"),
        ("$json.list.map(x => { return x })", "a function"),
        ("$json.list.filter(x => x.a)", "a function"),
        ("$json.list.find((x) => x.id == 1).name", "a function"),
        ("$json.text.replace(/[a-z]+/g, 'b')", "a pattern"),
        ("$json.text.replace(/A/gi, 'b')", "a pattern"),
        ("$json.text.replace($json.a, 'b')", "computed"),
        ("$json.text.replace('a', '$&')", "computed"),
        ("$json.text.split('')", "single letters"),
        ("$json.text.substring(-2)", "computed"),
        ("new Date()", "`new Date`"),
        ("new Date().toISOString()", "`new Date`"),
        ("$json.list.reduce((a, b) => a + b, 0)", "a function"),
        ("$json.n; $json.n", "a statement"),
        ("typeof $json.n", "`typeof`"),
        ("$json.text.match(/(b)/)[1]", "a pattern"),
        ("a = 1", "an assignment"),
        ("const a = 1", "a statement"),
        ("window.location", "`window`"),
        ("constructor.constructor('x')()", "`constructor.constructor()`"),
        ("", "ends too early"),
        ("((((", "ends too early"),
        ("$json.", "ends too early"),
        ("`${`", "never closed"),
        ("(" * 5000, "nested too deep"),
        ("-" * 5000 + "1", "nested too deep"),
        ("1" + "+1" * 4000, "too long"),
        ("x" * 20_000, "too long"),
    ],
)
def test_what_we_cannot_say(source: str, reason: str) -> None:
    with pytest.raises(Unsayable, match=reason.replace("(", r"\(").replace(")", r"\)")):
        script.translate_whole(source, Refs())


def test_a_joined_text_comes_apart() -> None:
    parts = script.translate("`Hi ${$json.name}, ` + $json.n + '!'", Refs())
    wording = w.Wording.of(parts)
    assert wording.template(_never) == "Hi {name}, {n}!"
    assert wording.value(_never) == "Hi ${context.name}, ${context.n}!"
    assert wording.expression(_never).text == "'Hi ' + text(context.name) + ', ' + text(context.n) + '!'"


def _never(text: str, reason: str) -> None:
    raise AssertionError((text, reason))


@pytest.mark.parametrize(
    "source", ["'" * 7999, "/*" * 3999, "`" + "${'" * 2000, "$json" + "[" * 3000, " " * 7999 + "#"]
)
def test_hostile_texts_are_refused_at_once(source: str) -> None:
    started = time.perf_counter()
    with pytest.raises(Unsayable):
        script.translate_whole(source, Refs())
    assert time.perf_counter() - started < 10  # not a measurement: without bounds these take minutes


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="$json.a'\"`{}()[]+-*/%<>=!&|?:,01 \\n\u00e9", max_size=60))
def test_anything_is_said_or_refused(source: str) -> None:
    try:
        found = script.translate(source, Refs())
    except Unsayable:
        return
    for part in found:
        if isinstance(part, w.Said):
            compile_expression(part.text)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="{}ab' |.$", max_size=20), st.text(alphabet="{}ab' |.$", max_size=20))
def test_a_literal_text_survives_each_way_of_writing(before: str, after: str) -> None:
    """A value renders to the text it came from, whatever braces are in it."""
    from engine.language.resolve import resolve_value

    wording = w.Wording.of([before, w.path("context", "x"), after])
    scope = {"context": {"x": "V"}}
    assert resolve_value(wording.value(_never), scope) == f"{before}V{after}"
    said = wording.expression(_never)
    assert compile_expression(said.text).evaluate(scope) == f"{before}V{after}"
