"""Dates in n8n's expressions: what they become, and what that is on the 26th of November 2026, 19:30:05 UTC."""

from __future__ import annotations

import pytest

from engine.language.expressions import compile_expression
from tests.unit.importers.samples import edges, imported, n8n, n8n_node, node, outcomes

SCOPE = {
    "context": {"date": "2026-01-02T03:04:05+01:00", "seconds": 1_767_322_800, "days": 2},
    "run": {"now": 1_795_721_405, "id": "r1"},
}


def said(source: str, zone: str = "UTC") -> tuple[str, str]:
    """(the expression of ours, what became of the node)."""
    fields = {"assignments": {"assignments": [{"name": "x", "type": "string", "value": f"={{{{ {source} }}}}"}]}}
    found = imported(n8n(n8n_node("Set", "set", fields), settings={"timezone": zone}))
    return node(found, "set")["config"]["set"]["x"], outcomes(found)["Set"]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("$now", "2026-11-26T19:30:05+00:00"),
        ("$now.toISO()", "2026-11-26T19:30:05+00:00"),
        ("$today", "2026-11-26"),
        ("$today.toFormat('dd.MM.yyyy')", "26.11.2026"),
        ("$now.toFormat(\"cccc, LLLL d 'at' HH:mm\")", "Thursday, November 26 at 19:30"),
        ("$now.minus({days: 1, hours: 2}).toISODate()", "2026-11-25"),
        ("$now.plus(1, 'week').toFormat('yyyy-MM-dd')", "2026-12-03"),
        ("$now.startOf('day').toISODate()", "2026-11-26"),
        ("$now.setZone('Asia/Tokyo').toFormat('HH:mm')", "04:30"),
        ("$now.hour", 19),
        ("$now.weekdayLong", "Thursday"),
        ("new Date().toISOString()", "2026-11-26T19:30:05+00:00"),
        ("new Date().getFullYear() + 1", 2027),
        ("new Date($json.date).toISOString()", "2026-01-02T02:04:05+00:00"),
        ("new Date($json.seconds * 1000).toISOString()", "2026-01-02T03:00:00+00:00"),
        ("DateTime.fromISO($json.date).toFormat('yyyy')", "2026"),
        ("DateTime.now().minus({minutes: 30}).toFormat('HH:mm')", "19:00"),
        ("DateTime.fromSeconds($json.seconds).toISODate()", "2026-01-02"),
        ("$json.date.toDateTime().toFormat('dd.MM.')", "02.01."),
        ("$json.date.toDateTime().plus({days: 1}).toISODate()", "2026-01-03"),
        ("new Date(Date.now()).toUTCString()", "Thu, 26 Nov 2026 19:30:05 GMT"),
        ("new Date(new Date(Date.now()).getTime() - (1000*60*60*24)).toISOString()", "2026-11-25T19:30:05+00:00"),
        ("$json.date.toDateTime().toMillis()", 1_767_319_445_000),
        ("new Date('2026-01-0' + $json.days).getTime()", 1_767_312_000_000),
        ("$now.toUnixInteger()", 1_795_721_405),
        ("$now.toMillis()", 1_795_721_405_000),
        ("$execution.id", "r1"),
        ("'Today is ' + $now.toFormat('dd.MM.')", "Today is 26.11."),
    ],
)
def test_dates_mean_the_same(source: str, value: object) -> None:
    text, outcome = said(source)
    assert outcome == "mapped", text
    assert compile_expression(text).evaluate(SCOPE) == value


def test_dates_have_the_clock_of_the_workflow() -> None:
    text, _ = said("$now.toFormat('HH:mm')", "Europe/Berlin")
    assert text == "date(now(), '%H:%M', 'Europe/Berlin')"
    assert compile_expression(text).evaluate(SCOPE) == "20:30"
    assert said("new Date().toISOString()", "Europe/Berlin")[0] == "date(now())"


@pytest.mark.parametrize(
    "source",
    [
        "$now.plus({months: 1})",
        "$now.minus({days: $json.days})",
        "$now.toRelative()",
        "new Date(2026, 1, 2)",
        "Date.parse('x')",
        "$now.toFormat($json.form)",
        "$now.diff($today)",
        "$now.startOf('month')",
    ],
)
def test_dates_that_cannot_be_said_stay(source: str) -> None:
    assert said(source)[1] == "approximated"


def test_moments_are_compared_in_one_form() -> None:
    condition = {
        "leftValue": "={{ $json.date }}",
        "rightValue": "={{ $now.minus({days: 7}) }}",
        "operator": {"type": "dateTime", "operation": "after"},
    }
    data = n8n(
        n8n_node("If", "if", {"conditions": {"combinator": "and", "conditions": [condition]}}, typeVersion=2),
        n8n_node("A", "noOp"),
        links={"If": [["A"]]},
    )
    assert ("if", "a", "date(context.date) > date(now() - 604800)") in edges(imported(data))


def test_a_prompt_tells_the_date() -> None:
    parameters = {"promptType": "define", "text": "Hi", "options": {"systemMessage": "=Today is {{ $today }}"}}
    found = imported(n8n(n8n_node("Ask", "@n8n/n8n-nodes-langchain.agent", parameters)))
    assert node(found, "ask")["config"]["system_prompt"] == "Today is {ask_system_prompt}"
    assert node(found, "ask_values")["config"]["set"] == {"ask_system_prompt": "date(now(), '%Y-%m-%d')"}
