"""Nodes of n8n that become a program: what the program computes, and that it is switched off."""

from __future__ import annotations

from typing import Any

import pytest

from engine.importers.n8n.moments import strftime
from tests.unit.importers.samples import imported, n8n, n8n_node, node, outcomes

Json = Any
ROWS = [
    {"name": "b", "n": 2, "team": "x"},
    {"name": "a", "n": 5, "team": "y"},
    {"name": "c", "n": 2, "team": "x"},
    {"name": "a", "n": 5, "team": "y"},
]


def computed(kind: str, parameters: Json, inputs: Json, version: float = 1) -> Json:
    """What the program leaves in `result`."""
    found = imported(n8n(n8n_node("X", kind, parameters, typeVersion=version)))
    made = node(found, "x")
    assert made["type"] == "code"
    assert made["disabled"] is True
    assert outcomes(found)["X"] == "approximated"
    scope = dict(inputs)
    exec(made["config"]["source"], scope)
    return scope["result"]


@pytest.mark.parametrize(
    ("kind", "parameters", "wanted"),
    [
        ("limit", {"maxItems": 1, "keep": "lastItems"}, ROWS[-1:]),
        (
            "sort",
            {"sortFieldsUi": {"sortField": [{"fieldName": "n", "order": "descending"}, {"fieldName": "name"}]}},
            [ROWS[1], ROWS[3], ROWS[0], ROWS[2]],
        ),
        ("removeDuplicates", {}, ROWS[:3]),
        ("removeDuplicates", {"compare": "selectedFields", "fieldsToCompare": "n, team"}, ROWS[:2]),
        ("removeDuplicates", {"compare": "allFieldsExcept", "fieldsToExclude": "name"}, ROWS[:2]),
        ("itemLists", {"operation": "removeDuplicates"}, ROWS[:3]),
        (
            "summarize",
            {
                "fieldsToSplitBy": "team",
                "fieldsToSummarize": {
                    "values": [
                        {"aggregation": "sum", "field": "n"},
                        {"aggregation": "concatenate", "field": "name", "separateBy": "other", "customSeparator": "-"},
                        {"field": "name"},
                    ]
                },
            },
            [
                {"team": "x", "sum_n": 4, "concatenated_name": "b-c", "count_name": 2},
                {"team": "y", "sum_n": 10, "concatenated_name": "a-a", "count_name": 2},
            ],
        ),
    ],
)
def test_lists(kind: str, parameters: Json, wanted: Json) -> None:
    assert computed(kind, parameters, {"items": ROWS})["items"] == wanted


@pytest.mark.parametrize(
    ("parameters", "inputs", "wanted"),
    [
        (
            {"operation": "formatDate", "date": "={{ $json.d }}", "format": "dd.MM.yyyy 'at' HH:mm"},
            {"date": "2026-03-04T05:06:07.000Z"},
            {"formattedDate": "04.03.2026 at 05:06"},
        ),
        (
            {"operation": "formatDate", "options": {"fromFormat": "dd/MM/yyyy"}, "format": "yyyy-MM-dd"},
            {"date": "04/03/2026"},
            {"formattedDate": "2026-03-04"},
        ),
        (
            {"operation": "subtractFromDate", "timeUnit": "weeks", "duration": 2, "outputFieldName": "then"},
            {"date": "2026-03-15", "duration": 2},
            {"then": "2026-03-01T00:00:00"},
        ),
        (
            {"operation": "getTimeBetweenDates", "units": ["day", "hour"]},
            {"start": "2026-03-01", "end": "2026-03-02T12:00:00"},
            {"timeDifference": {"days": 1.5, "hours": 36}},
        ),
        ({"operation": "extractDate", "part": "year"}, {"date": "2026-03-01"}, {"datePart": 2026}),
    ],
)
def test_dates(parameters: Json, inputs: Json, wanted: Json) -> None:
    assert computed("dateTime", parameters, inputs, 2) == wanted


def test_dates_of_the_first_version() -> None:
    found = computed("dateTime", {"value": "={{ $json.d }}", "toFormat": "YYYY-MM-DD"}, {"date": "2026-03-04"})
    assert found == {"data": "2026-03-04"}


def test_texts() -> None:
    found = computed("crypto", {"type": "SHA256", "value": "={{ $json.x }}"}, {"value": "a"})
    assert found["data"].startswith("ca978112ca1b")
    assert computed("extractFromFile", {"operation": "csv"}, {"text": 'a,b\n1,"x,y"'})["items"] == [
        {"a": "1", "b": "x,y"}
    ]
    assert computed("convertToFile", {}, {"items": [{"a": 1, "b": 'x,"y'}]})["data"] == 'a,b\n1,"x,""y"'
    table = computed("html", {"operation": "convertToHtmlTable"}, {"items": [{"a": 1}]})["table"]
    assert table == "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>1</td></tr></tbody></table>"


def test_marks_of_a_date() -> None:
    assert strftime("yyyy-MM-dd'T'HH:mm:ss") == "%Y-%m-%dT%H:%M:%S"
    assert strftime("[on] D MMMM, h a 100%") == "on %d %B, %I %p 100%%"


def test_pages_and_files() -> None:
    values = [{"key": "title", "cssSelector": "h1"}, {"key": "links", "cssSelector": "a", "returnArray": True}]
    found = imported(
        n8n(
            n8n_node("Page", "html", {"operation": "extractHtmlContent", "extractionValues": {"values": values}}),
            n8n_node("Mail", "html", {"html": "<b>{{ $json.name }}</b>"}),
            n8n_node("Read", "extractFromFile", {"operation": "fromJson"}),
            n8n_node("Pdf", "extractFromFile", {"operation": "pdf"}),
            n8n_node("Text", "markdown", {"html": "={{ $json.page }}", "destinationKey": "text"}),
            n8n_node("Queue", "rabbitmq", {"queue": "orders", "message": "={{ $json.order }}"}),
        )
    )
    page = node(found, "page")
    assert page["type"] == "extractor"
    assert page["config"]["text"] == "{data}"
    assert page["config"]["schema"]["properties"]["links"]["type"] == "array"
    assert node(found, "mail")["config"]["set"] == {"html": "'<b>' + text(context.name) + '</b>'"}
    assert node(found, "text")["config"]["set"] == {"text": "context.page"}
    assert node(found, "queue")["config"] == {"topic": "orders", "payload": {"message": "context.order"}}
    assert outcomes(found)["Pdf"] == "unsupported"
    assert outcomes(found)["Read"] == "approximated"


def test_a_header_without_a_name_costs_no_answer() -> None:
    entries = [{"name": "={{ $json.h }}", "value": "x"}, {"name": "X-A", "value": "y"}]
    parameters = {"respondWith": "text", "responseBody": "Hi", "options": {"responseHeaders": {"entries": entries}}}
    found = imported(n8n(n8n_node("Answer", "respondToWebhook", parameters)))
    made = node(found, "answer")
    assert (made["type"], made["config"]["headers"]) == ("respond", {"X-A": "y"})
    assert outcomes(found)["Answer"] == "approximated"


def test_xml_becomes_mappings() -> None:
    text = """<?xml version="1.0"?><!-- x -->
    <rss version="2.0"><channel><title>News</title>
      <item id='1'><title><![CDATA[A < B]]></title><link/></item>
      <item id="2">text</item>
    </channel></rss>"""
    assert computed("xml", {}, {"text": text}) == {
        "rss": {
            "version": "2.0",
            "channel": {"title": "News", "item": [{"id": "1", "title": "A < B", "link": ""}, {"id": "2", "_": "text"}]},
        }
    }
    found = imported(
        n8n(n8n_node("X", "xml", {"dataPropertyName": "feed.body"}), n8n_node("Y", "xml", {"mode": "jsonToxml"}))
    )
    assert node(found, "x")["config"]["inputs"] == {"text": "context.feed.body"}
    assert outcomes(found)["Y"] == "unsupported"
