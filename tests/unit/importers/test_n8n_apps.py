"""App nodes of n8n: the request that each operation means, with what it sends."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.importers.samples import imported, n8n, n8n_node, node, outcomes

Json = Any
LANGCHAIN = "@n8n/n8n-nodes-langchain"
BOTH = ["a@x.example", "b@y.example"]


def made(kind: str, parameters: Json, **more: Json) -> tuple[Json, list[str]]:
    """(the node of ours, the reasons of the report) for one app node behind a manual trigger."""
    found = imported(
        n8n(n8n_node("Start", "manualTrigger"), n8n_node("App", kind, parameters, **more), links={"Start": [["App"]]})
    )
    assert outcomes(found)["App"] == "approximated"
    return node(found, "app"), found.report.entries[1].reasons


def locator(value: str, mode: str = "id", **more: Json) -> Json:
    return {"__rl": True, "mode": mode, "value": value, **more}


REQUESTS = {
    "an operation that the table does not have is not another one": (
        "slack",
        {"resource": "gadget", "operation": "polish", "gadgetId": "7"},
        {"method": "POST", "url": "https://slack.com/api/gadget/7"},
    ),
    "the default of another resource": (
        "hubspot",
        {"resource": "deal"},
        {"method": "POST", "url": "https://api.hubapi.com/crm/v3/objects/deals"},
    ),
    "a default that reads": ("stripe", {"resource": "charge", "operation": "get", "chargeId": "c1"}, {"method": "GET"}),
    "a guessed address has the id": (
        "hubspot",
        {"resource": "gadget", "operation": "delete", "gadgetId": "={{ $json.id }}"},
        {"method": "DELETE", "url": "https://api.hubapi.com/gadget/{id}"},
    ),
    "a pull request is closed": (
        "github",
        {"resource": "pullRequest", "operation": "close", "owner": "o", "repository": "r", "pullRequestNumber": 7},
        {"method": "PATCH", "url": "https://api.github.com/repos/o/r/pulls/7", "body": {"state": "closed"}},
    ),
    "slack blocks": (
        "slack",
        {"channelId": locator("C1"), "messageType": "block", "blocksUi": '{"blocks": [{"type": "divider"}]}'},
        {"body": {"channel": "C1", "blocks": [{"type": "divider"}]}},
    ),
    "slack replies in a thread": (
        "slack",
        {
            "channelId": locator("C1"),
            "text": "Hi",
            "otherOptions": {"thread_ts": {"replyValues": {"thread_ts": "={{ $json.ts }}"}}},
        },
        {"body": {"channel": "C1", "text": "Hi", "thread_ts": "context.ts"}},
    ),
    "slack asks for a user": (
        "slack",
        {"resource": "user", "operation": "info", "user": locator("U1")},
        {"method": "GET", "url": "https://slack.com/api/users.info", "query": {"user": "U1"}},
    ),
    "telegram sends a document as one": (
        "telegram",
        {"operation": "sendDocument", "chatId": "5", "file": "https://x.example/a.pdf"},
        {"body": {"chat_id": "5", "document": "https://x.example/a.pdf"}},
    ),
    "whatsapp": (
        "whatsApp",
        {"operation": "send", "phoneNumberId": "9", "recipientPhoneNumber": "+1", "textBody": "Hi {{ $json.n }}"},
        {
            "url": "https://graph.facebook.com/v19.0/9/messages",
            "body": {"messaging_product": "whatsapp", "to": "+1", "text": {"body": "Hi {{ $json.n }}"}},
        },
    ),
    "supabase deletes only what fits": (
        "supabase",
        {
            "operation": "delete",
            "tableId": "people",
            "filters": {"conditions": [{"keyName": "id", "condition": "eq", "keyValue": "={{ $json.id }}"}]},
        },
        {"method": "DELETE", "query": {"id": "eq.${context.id}"}},
    ),
    "supabase fills columns": (
        "supabase",
        {"tableId": "people", "fieldsUi": {"fieldValues": [{"fieldId": "name", "fieldValue": "={{ $json.name }}"}]}},
        {"method": "POST", "body": {"name": "context.name"}},
    ),
    "airtable updates by the id among the columns": (
        "airtable",
        {
            "operation": "update",
            "base": locator("https://airtable.com/appABCDEFGHIJKLMN/tblABCDEFGHIJKLMN/viw", "url"),
            "table": locator("https://airtable.com/appABCDEFGHIJKLMN/tblABCDEFGHIJKLMN/viw", "url"),
            "columns": {
                "mappingMode": "defineBelow",
                "matchingColumns": ["id"],
                "value": {"id": "={{ $json.id }}", "Name": "x"},
            },
        },
        {
            "method": "PATCH",
            "url": "https://api.airtable.com/v0/appABCDEFGHIJKLMN/tblABCDEFGHIJKLMN/{id}",
            "body": {"fields": {"Name": "x"}},
        },
    ),
    "airtable takes all fields": (
        "airtable",
        {"operation": "create", "base": "b", "table": "t", "columns": {"mappingMode": "autoMapInputData"}},
        {"body": {"fields": "${context}"}},
    ),
    "a mail of gmail is read": (
        "gmail",
        {"operation": "markAsRead", "messageId": "m"},
        {"body": {"removeLabelIds": ["UNREAD"]}},
    ),
    "a sheet is called by its name": (
        "googleSheets",
        {
            "operation": "append",
            "documentId": locator("https://docs.google.com/spreadsheets/d/1AbCdEfGhIjKlMn/edit#gid=0", "url"),
            "sheetName": locator("gid=0", "list", cachedResultName="Neue Kunden"),
            "columns": {
                "mappingMode": "defineBelow",
                "value": {"Mail": "={{ $json.mail }}"},
                "schema": [{"id": "Name"}, {"id": "Mail"}],
            },
        },
        {
            "url": "https://sheets.googleapis.com/v4/spreadsheets/1AbCdEfGhIjKlMn/values/Neue%20Kunden:append"
            "?valueInputOption=USER_ENTERED",
            "body": {"values": [[None, "context.mail"]]},
        },
    ),
    "a row is updated, not the sheet's first one": (
        "googleSheets",
        {
            "operation": "update",
            "documentId": "D",
            "sheetName": "S",
            "columns": {"value": {"row_number": "={{ $json.row }}", "A": "1"}, "schema": [{"id": "A"}]},
        },
        {
            "method": "PUT",
            "url": "https://sheets.googleapis.com/v4/spreadsheets/D/values/S!A{row}?valueInputOption=USER_ENTERED",
            "body": {"values": [["1"]]},
        },
    ),
    "rows are deleted by a range from 0": (
        "googleSheets",
        {"operation": "delete", "documentId": "D", "sheetName": locator("gid=12", "list"), "startIndex": 3},
        {
            "body": {
                "requests": [
                    {
                        "deleteDimension": {
                            "range": {"sheetId": 12, "dimension": "ROWS", "startIndex": 2, "endIndex": 3}
                        }
                    }
                ]
            }
        },
    ),
    "notion's properties": (
        "notion",
        {
            "resource": "databasePage",
            "databaseId": locator("d1"),
            "propertiesUi": {
                "propertyValues": [
                    {"key": "Name|title", "title": "={{ $json.name }}"},
                    {"key": "Note|rich_text", "textContent": "x"},
                    {"key": "Tags|multi_select", "multiSelectValue": ["a", "b"]},
                    {"key": "Due|date", "date": "2026-01-01"},
                    {"key": "Done|checkbox", "checkboxValue": True},
                    {"key": "N|number", "numberValue": 3},
                    {"key": "State|status", "statusValue": "Open"},
                ]
            },
        },
        {
            "method": "POST",
            "url": "https://api.notion.com/v1/pages",
            "headers": {"Notion-Version": "2022-06-28"},
            "body": {
                "parent": {"database_id": "d1"},
                "properties": {
                    "Name": {"title": [{"text": {"content": "context.name"}}]},
                    "Note": {"rich_text": [{"text": {"content": "x"}}]},
                    "Tags": {"multi_select": [{"name": "a"}, {"name": "b"}]},
                    "Due": {"date": {"start": "2026-01-01"}},
                    "Done": {"checkbox": True},
                    "N": {"number": 3},
                    "State": {"status": {"name": "Open"}},
                },
            },
        },
    ),
    "notion's blocks": (
        "notion",
        {
            "resource": "block",
            "operation": "append",
            "blockId": locator("b1"),
            "blockUi": {"blockValues": [{"type": "heading_1", "textContent": "T"}, {"textContent": "p"}]},
        },
        {
            "method": "PATCH",
            "url": "https://api.notion.com/v1/blocks/b1/children",
            "body": {
                "children": [
                    {"object": "block", "type": "heading_1", "heading_1": {"rich_text": [{"text": {"content": "T"}}]}},
                    {"object": "block", "type": "paragraph", "paragraph": {"rich_text": [{"text": {"content": "p"}}]}},
                ]
            },
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_the_request_of_an_operation(name: str) -> None:
    kind, parameters, wanted = REQUESTS[name]
    config = made(kind, parameters)[0]["config"]
    assert {key: config.get(key) for key in wanted} == wanted


@pytest.mark.parametrize(
    ("kind", "parameters", "to"),
    [
        ("gmail", {"sendTo": "a@x.example,b@y.example", "subject": "S", "message": "Hi"}, BOTH),
        ("gmail", {"sendTo": "={{ $json.mail }}", "subject": "S", "message": "Hi"}, "context.mail"),
        ("gmail", {"operation": "reply", "messageId": "m", "subject": "S", "message": "Hi"}, "context.from"),
        ("microsoftOutlook", {"toRecipients": "a@x.example", "subject": "S", "bodyContent": "Hi"}, "a@x.example"),
    ],
)  # fmt: skip
def test_mail_is_sent_as_mail(kind: str, parameters: Json, to: Json) -> None:
    found, reasons = made(kind, parameters)
    assert found["type"] == "email"
    assert (found["config"]["to"], found["config"]["subject"], found["config"]["body"]) == (to, "S", "Hi")
    assert "the mail goes through the tenant's own SMTP server" in reasons


def test_what_is_not_sent_along_is_named() -> None:
    _, reasons = made("telegram", {"chatId": "1", "text": "x", "additionalFields": {"width": 3, "parse_mode": "HTML"}})
    assert "not sent along: width" in reasons
    _, reasons = made("telegram", {"operation": "sendPhoto", "chatId": "1", "binaryData": True})
    assert "files are not carried along" in reasons


QUESTION = "={{ $json.q }}"
VENDORS = {
    "a talk of the old node": (
        "openAi",
        {"resource": "chat", "prompt": {"messages": [{"role": "system", "content": "Be kind"}, {"content": QUESTION}]}},
        {"system_prompt": "Be kind", "prompt_template": "{q}"},
    ),
    "a completion of the old node": ("openAi", {"prompt": "=Say {{ $json.q }}"}, {"prompt_template": "Say {q}"}),
    "an assistant's own words": (
        f"{LANGCHAIN}.openAi",
        {"resource": "assistant", "assistantId": "a", "prompt": "define", "text": "={{ $json.q }}"},
        {"prompt_template": "{q}"},
    ),
    "perplexity": ("perplexity", {"messages": {"message": [{"content": QUESTION}]}}, {"prompt_template": "{q}"}),
    "moderation": (
        f"{LANGCHAIN}.openAi",
        {"operation": "classify", "input": "={{ $json.q }}"},
        {"url": "https://api.openai.com/v1/moderations", "body": {"input": "context.q"}},
    ),
    "a file is deleted": (
        f"{LANGCHAIN}.openAi",
        {"resource": "file", "operation": "deleteFile", "fileId": locator("f1")},
        {"method": "DELETE", "url": "https://api.openai.com/v1/files/f1"},
    ),
    "a picture is looked at": (
        f"{LANGCHAIN}.anthropic",
        {"resource": "image", "modelId": locator("m"), "text": "What?", "imageUrls": "https://x.example/a.png"},
        {
            "url": "https://api.anthropic.com/v1/messages",
            "headers": {"anthropic-version": "2023-06-01"},
            "body": {
                "model": "m",
                "max_tokens": 1024,
                "messages": [
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "What?"},
                            {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
                        ],
                    }
                ],
            },
        },
    ),
    "discord by its webhook": (
        "discord",
        {"webhookUri": "https://x.example/hook", "text": "Hi"},
        {"method": "POST", "url": "https://x.example/hook", "body": {"content": "Hi"}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", VENDORS)
def test_vendors_of_models(name: str) -> None:
    kind, parameters, wanted = VENDORS[name]
    found = imported(n8n(n8n_node("App", kind, parameters)))
    config = node(found, "app")["config"]
    assert {key: config.get(key) for key in wanted} == wanted
    assert outcomes(found)["App"] in ("mapped", "approximated")


def test_a_form_is_sent_as_one() -> None:
    parameters = {
        "url": "https://x.example",
        "method": "POST",
        "sendBody": True,
        "contentType": "form-urlencoded",
        "bodyParameters": {"parameters": [{"name": "a b", "value": "1&2"}, {"name": "c", "value": "=x {{ $json.c }}"}]},
    }
    config = node(imported(n8n(n8n_node("App", "httpRequest", parameters))), "app")["config"]
    assert config["body"] == "a%20b=1%262&c=x%20${context.c}"
    assert config["headers"] == {"Content-Type": "application/x-www-form-urlencoded"}
    old = {
        "url": "https://x.example",
        "requestMethod": "POST",
        "options": {"bodyContentType": "form-urlencoded"},
        "bodyParametersUi": {"parameter": [{"name": "a", "value": "1"}]},
    }
    assert node(imported(n8n(n8n_node("App", "httpRequest", old))), "app")["config"]["body"] == "a=1"
