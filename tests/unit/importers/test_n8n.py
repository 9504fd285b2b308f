"""n8n: each kind of node and of expression, and the shapes that files come in."""

from __future__ import annotations

import pytest

from tests.unit.importers.samples import edges, imported, n8n, n8n_node, node, outcomes, workflow

AGENT = "@n8n/n8n-nodes-langchain."


def test_a_webhook_that_decides() -> None:
    found = imported(
        n8n(
            n8n_node("Hook", "webhook", {"path": "orders", "httpMethod": "POST", "responseMode": "lastNode"}),
            n8n_node(
                "Big?",
                "if",
                {
                    "conditions": {
                        "number": [{"value1": "={{ $json.body.total }}", "operation": "larger", "value2": 100}]
                    }
                },
            ),
            n8n_node(
                "Fields",
                "set",
                {
                    "values": {
                        "string": [{"name": "greeting", "value": "=Hello {{ $json.body.name }}"}],
                        "number": [{"name": "n", "value": "3"}],
                    }
                },
            ),
            n8n_node("Nothing", "noOp"),
            links={"Hook": [["Big?"]], "Big?": [["Fields"], ["Nothing"]]},
        )
    )
    assert set(outcomes(found).values()) == {"mapped"}
    assert workflow(found)["triggers"] == [
        {"type": "webhook", "config": {"path": "orders", "auth": "none", "respond": "last_node"}}
    ]
    assert edges(found) == [
        ("start", "big", None),
        ("big", "fields", "context.total > 100"),
        ("big", "nothing", None),
        ("fields", "end", None),
        ("nothing", "end", None),
    ]
    assert node(found, "fields")["config"]["set"] == {"greeting": "'Hello ' + text(context.name)", "n": 3}


def test_references_to_other_nodes() -> None:
    texts = {
        "a": "={{ $('Get it').item.json.x }}",
        "b": '={{ $node["Get it"].json["y z"] }}',
        "c": "={{ $('Get it').first().json.list[0].n }}",
        "d": "={{ $input.item.json.q }}",
        "e": "={{ $('Hook').item.json.body.mail }}",
        "f": "={{ $now.toSeconds() }}",
        "g": "={{ $vars.brand }}",
    }
    fields = [{"name": name, "type": "string", "value": value} for name, value in texts.items()]
    found = imported(
        n8n(
            n8n_node("Hook", "webhook", {"path": "x", "httpMethod": "POST"}),
            n8n_node("Get it", "httpRequest", {"url": "https://example.com/a"}),
            n8n_node("Fields", "set", {"assignments": {"assignments": fields}}),
            links={"Hook": [["Get it"]], "Get it": [["Fields"]]},
        )
    )
    assert node(found, "fields")["config"]["set"] == {
        "a": "nodes.get_it.output.x",
        "b": "nodes.get_it.output['y z']",
        "c": "nodes.get_it.output.list[0].n",
        "d": "context.q",
        "e": "inputs.mail",
        "f": "now()",
        "g": "variables.brand",
    }
    assert workflow(found)["variables"] == [{"name": "brand"}]


def test_what_cannot_be_said_stays_as_text() -> None:
    found = imported(
        n8n(
            n8n_node(
                "Fields",
                "set",
                {"values": {"string": [{"name": "x", "value": "={{ $json.a.filter(i => i.b).join() }}"}]}},
            )
        )
    )
    entry = found.report.entries[0]
    assert entry.outcome == "approximated"
    assert [(kept.field, kept.reason) for kept in entry.kept] == [("x", "a function")]
    assert node(found, "fields")["config"]["set"]["x"] == "'{{ $json.a.filter(i => i.b).join() }}'"


def test_a_condition_that_cannot_be_said_is_never_true() -> None:
    condition = {
        "leftValue": "={{ $binary.data.mimeType }}",
        "rightValue": "x",
        "operator": {"type": "string", "operation": "equals"},
    }
    found = imported(
        n8n(
            n8n_node("If", "if", {"conditions": {"combinator": "and", "conditions": [condition]}}, typeVersion=2),
            n8n_node("A", "noOp"),
            links={"If": [["A"]]},
        )
    )
    assert ("if", "a", "false") in edges(found)
    assert outcomes(found)["If"] == "approximated"
    assert "default branch" in found.report.entries[0].kept[0].reason


def test_an_http_request_with_a_body_in_json() -> None:
    found = imported(
        n8n(
            n8n_node(
                "Call",
                "httpRequest",
                {
                    "url": "=https://api.example.com/{{ $json.id }}",
                    "method": "POST",
                    "sendBody": True,
                    "specifyBody": "json",
                    "jsonBody": '={"name": "{{ $json.name }}!", "n": {{ $json.n }}, "deep": [{"a": true}]}',
                    "sendHeaders": True,
                    "headerParameters": {
                        "parameters": [
                            {"name": "X-A", "value": "1"},
                            {"name": "Authorization", "value": "Bearer abcdefghijklmnopqrstuvwx"},
                        ]
                    },
                },
                typeVersion=4.2,
                credentials={"httpHeaderAuth": {"id": "1", "name": "My API"}},
            )
        )
    )
    config = node(found, "call")["config"]
    assert config["method"] == "POST"
    assert config["url"] == "https://api.example.com/{id}"
    assert config["body"] == {"name": "${context.name}!", "n": "context.n", "deep": [{"a": True}]}
    assert config["headers"] == {"X-A": "1", "Authorization": "YOUR_SECRET"}
    assert config["credential"] == "my_api"
    assert any("secret" in reason for reason in found.report.entries[0].reasons)


def test_an_object_that_is_written_out_is_a_body() -> None:
    raw = "={{ { model: 'm', messages: [{ role: 'user', content: $json.text }], n: 1 } }}"
    found = imported(
        n8n(
            n8n_node(
                "Call",
                "httpRequest",
                {
                    "url": "https://x.example",
                    "method": "POST",
                    "sendBody": True,
                    "specifyBody": "json",
                    "jsonBody": raw,
                },
            )
        )
    )
    assert node(found, "call")["config"]["body"] == {
        "model": "m",
        "messages": [{"role": "user", "content": "context.text"}],
        "n": 1,
    }


def test_an_agent_takes_its_parts_in() -> None:
    found = imported(
        n8n(
            n8n_node("Chat", f"{AGENT}chatTrigger"),
            n8n_node(
                "Agent",
                f"{AGENT}agent",
                {"promptType": "define", "text": "=Say {{ $json.chatInput }}", "options": {"systemMessage": "Be kind"}},
            ),
            n8n_node(
                "Model",
                f"{AGENT}lmChatAnthropic",
                {"model": {"__rl": True, "mode": "list", "value": "claude-x"}, "options": {"temperature": 0.2}},
            ),
            n8n_node("Memory", f"{AGENT}memoryBufferWindow", {"contextWindowLength": 6}),
            n8n_node("Parser", f"{AGENT}outputParserStructured", {"jsonSchemaExample": '{"answer": "x", "sure": 0.5}'}),
            n8n_node("Search", "httpRequestTool", {"url": "https://x.example"}),
            n8n_node("Reply", "set", {"values": {"string": [{"name": "r", "value": "={{ $json.output.answer }}"}]}}),
            links={
                "Chat": [["Agent"]],
                "Model": {"ai_languageModel": "Agent"},
                "Memory": {"ai_memory": "Agent"},
                "Parser": {"ai_outputParser": "Agent"},
                "Search": {"ai_tool": "Agent"},
                "Agent": [["Reply"]],
            },
        )
    )
    config = node(found, "agent")["config"]
    assert config["model"] == "claude-x"
    assert config["temperature"] == 0.2
    assert config["prompt_template"] == "Say {message}"
    assert config["system_prompt"] == "Be kind"
    assert config["memory"] == {"scope": "conversation", "window": 12}
    assert config["output_schema"]["properties"] == {"answer": {"type": "string"}, "sure": {"type": "number"}}
    assert config["tools"] == [{"tool_name": "call_api", "credential": "agent_api"}]
    assert node(found, "reply")["config"]["set"] == {"r": "context.answer"}
    assert {entry.source.name: entry.node for entry in found.report.entries}["Model"] == "agent"
    assert outcomes(found)["Model"] == outcomes(found)["Memory"] == outcomes(found)["Parser"] == "mapped"
    assert outcomes(found)["Search"] == "approximated"


def test_a_loop_with_its_body() -> None:
    found = imported(
        n8n(
            n8n_node("Start", "manualTrigger"),
            n8n_node("Split", "splitOut", {"fieldToSplitOut": "orders"}),
            n8n_node("Each", "splitInBatches", typeVersion=3),
            n8n_node("Send", "httpRequest", {"url": "=https://x.example/{{ $json.id }}"}),
            n8n_node("Done", "noOp"),
            links={"Start": [["Split"]], "Split": [["Each"]], "Each": [["Done"], ["Send"]], "Send": [["Each"]]},
        )
    )
    assert node(found, "each")["config"] == {"over": "nodes.split.output.items", "body": "send", "max_iterations": 1000}
    assert node(found, "send")["config"]["url"] == "https://x.example/{item.id}"
    assert ("send", "each", None) in edges(found)
    assert ("each", "done", None) in edges(found)
    assert not any(source == "each" and target == "send" for source, target, _ in edges(found))


def test_several_ways_on_need_a_fork() -> None:
    found = imported(
        n8n(
            n8n_node("Start", "manualTrigger"),
            n8n_node("A", "noOp"),
            n8n_node("B", "noOp"),
            n8n_node("Meet", "merge"),
            links={"Start": [["A", "B"]], "A": [["Meet"]], "B": [["Meet"]]},
        )
    )
    kinds = {one["name"]: one["type"] for one in workflow(found)["nodes"]}
    assert kinds["start_branches"] == "parallel"
    assert kinds["meet"] == "join"


def test_triggers_of_several_kinds_have_their_own_ways() -> None:
    found = imported(
        n8n(
            n8n_node("Click", "manualTrigger"),
            n8n_node(
                "Daily",
                "scheduleTrigger",
                {"rule": {"interval": [{"field": "days", "triggerAtHour": 7, "triggerAtMinute": 30}]}},
            ),
            n8n_node("A", "noOp"),
            n8n_node("B", "noOp"),
            links={"Click": [["A"]], "Daily": [["B"]]},
        )
    )
    assert workflow(found)["triggers"] == [{"type": "manual"}, {"type": "schedule", "config": {"cron": "30 7 * * *"}}]
    assert ("which_trigger", "a", "run.trigger == 'manual'") in edges(found)
    assert ("which_trigger", "b", "run.trigger == 'schedule'") in edges(found)


def test_two_schedules_are_told_apart_by_their_input() -> None:
    found = imported(
        n8n(
            n8n_node("Daily", "scheduleTrigger", {"rule": {"interval": [{"field": "days"}]}}),
            n8n_node("Weekly", "scheduleTrigger", {"rule": {"interval": [{"field": "weeks", "triggerAtDay": [1]}]}}),
            n8n_node("A", "noOp"),
            n8n_node("B", "noOp"),
            links={"Daily": [["A"]], "Weekly": [["B"]]},
        )
    )
    assert [one["config"] for one in workflow(found)["triggers"]] == [
        {"cron": "0 0 * * *", "input": {"started_by": "daily"}},
        {"cron": "0 0 * * 1", "input": {"started_by": "weekly"}},
    ]
    assert ("which_trigger", "b", "context.started_by == 'weekly'") in edges(found)


def test_columns_of_a_sheet_are_a_row() -> None:
    columns = {
        "mappingMode": "defineBelow",
        "value": {"Name": "={{ $json.name }}", "Mail": ""},
        "schema": [{"id": "Name"}],
    }
    found = imported(n8n(n8n_node("Sheet", "googleSheets", {"operation": "append", "columns": columns})))
    assert node(found, "sheet")["config"]["body"] == {"values": [["context.name", ""]]}


APPS = {
    "slack": (
        {"channelId": {"__rl": True, "value": "C1", "mode": "id"}, "text": "=Hi {{ $json.n }}"},
        {"url": "https://slack.com/api/chat.postMessage", "body": {"channel": "C1", "text": "Hi ${context.n}"}},
    ),
    "telegram": (
        {"chatId": "={{ $json.chat }}", "text": "x"},
        {
            "url": "https://api.telegram.org/bot{variables.telegram_token}/sendMessage",
            "body": {"chat_id": "context.chat", "text": "x"},
        },
    ),
    "googleSheets": (
        {"operation": "append", "documentId": {"__rl": True, "value": "D"}, "sheetName": "S"},
        {"url": "https://sheets.googleapis.com/v4/spreadsheets/D/values/S:append?valueInputOption=USER_ENTERED"},
    ),
    "github": (
        {"resource": "issue", "operation": "get", "owner": "o", "repository": "r", "issueNumber": 7},
        {"method": "GET", "url": "https://api.github.com/repos/o/r/issues/7"},
    ),
    "hubspot": (
        {"resource": "gadget", "operation": "getAll"},
        {"method": "GET", "url": "https://api.hubapi.com/gadget"},
    ),
}


@pytest.mark.parametrize(("kind", "parameters", "wanted"), [(kind, *both) for kind, both in APPS.items()])
def test_apps_are_called_by_their_web_api(kind: str, parameters: dict[str, object], wanted: dict[str, object]) -> None:
    found = imported(n8n(n8n_node("App", kind, parameters)))
    config = node(found, "app")["config"]
    assert {key: config.get(key) for key in wanted} == wanted
    assert outcomes(found)["App"] == "approximated"


def test_what_nothing_does_keeps_its_place() -> None:
    found = imported(
        n8n(n8n_node("A", "manualTrigger"), n8n_node("Odd", "someThingElse", {"x": 1}), links={"A": [["Odd"]]})
    )
    odd = node(found, "odd")
    assert odd["type"] == "transform"
    assert odd["disabled"] is True
    assert odd["x-source"] == {"type": "n8n-nodes-base.someThingElse", "parameters": {"x": 1}}
    assert outcomes(found)["Odd"] == "unsupported"


def test_code_does_not_run() -> None:
    found = imported(n8n(n8n_node("Code", "code", {"jsCode": "return items"})))
    assert node(found, "code")["disabled"] is True
    assert outcomes(found)["Code"] == "approximated"


def test_names_in_any_script() -> None:
    labels = ["Wetter für Köln", "天気", "Погода", "", "if", "1st", "a" * 300, "Wetter für Köln"]
    found = imported(n8n(*[n8n_node(label, "noOp") for label in labels]))
    names = [entry.node for entry in found.report.entries]
    assert len(set(names)) == len(labels)
    assert names[0] == "wetter_fur_koln"
    assert node(found, str(names[1]))["config"]["description"] == "天気"


def test_notes_errors_and_switches() -> None:
    found = imported(
        n8n(
            n8n_node("Note", "stickyNote", {"content": "# Hi {x}"}),
            n8n_node(
                "Try",
                "httpRequest",
                {"url": "https://x.example"},
                onError="continueErrorOutput",
                retryOnFail=True,
                maxTries=4,
            ),
            n8n_node("Ok", "noOp", disabled=True),
            n8n_node("Bad", "stopAndError", {"errorMessage": "no"}),
            n8n_node("Failed", "errorTrigger"),
            n8n_node("Tell", "noOp"),
            links={"Try": [["Ok"], ["Bad"]], "Failed": [["Tell"]]},
        )
    )
    assert node(found, "note") == {"name": "note", "type": "note", "config": {"text": "# Hi {x}"}}
    assert node(found, "try")["retry"]["max_attempts"] == 4
    on = [edge for edge in workflow(found)["edges"] if edge.get("on")]
    assert on == [{"from": "try", "to": "bad", "on": "error"}]
    assert node(found, "ok")["disabled"] is True
    assert workflow(found)["error_handling"] == [{"error_type": "*", "action": "fallback", "fallback_node": "tell"}]


@pytest.mark.parametrize(
    "data",
    [
        {"nodes": [], "connections": {}},
        n8n(n8n_node("A", "noOp"), links={"A": [["A"]]}),
        n8n(n8n_node("A", "noOp"), n8n_node("B", "noOp"), links={"A": [["B"]], "B": [["A"]]}),
        n8n(n8n_node("A", "noOp"), n8n_node("A", "noOp"), links={"A": [["A"]]}),
        n8n(n8n_node("A", "manualTrigger"), n8n_node("B", "noOp"), n8n_node("C", "noOp")),
        n8n(n8n_node("A", "if"), links={"A": [["nowhere"]]}),
        [n8n(n8n_node("A", "noOp"))],
        {"data": n8n(n8n_node("A", "noOp"))},
    ],
)  # fmt: skip
def test_every_shape_gives_a_valid_draft(data: object) -> None:
    assert imported(data).text is not None


def test_what_expressions_call_in_n8n() -> None:
    texts = {
        "a": "={{ $('Get it').all()[0].json.x }}",
        "b": "={{ $('Get it').isExecuted }}",
        "c": "={{ $itemIndex }}",
        "d": "={{ $jmespath($json, 'list[0].name') }}",
        "e": "={{ Math.floor(Date.now() / 1000) }}",
        "f": "={{ new Date().getTime() }}",
        "g": "={{ $node['Get it'].data.x }}",
        "h": "={{ $('Get it').all() }}",
        "i": "={{ $('Get it').params.url }}",
        "j": "={{ $node['Get it'].parameter['url'] + '?x' }}",
    }
    fields = [{"name": name, "type": "string", "value": value} for name, value in texts.items()]
    found = imported(
        n8n(
            n8n_node("Start", "manualTrigger"),
            n8n_node("Get it", "httpRequest", {"url": "https://example.com/a"}),
            n8n_node("Fields", "set", {"assignments": {"assignments": fields}}),
            links={"Start": [["Get it"]], "Get it": [["Fields"]]},
        )
    )
    assert node(found, "fields")["config"]["set"] == {
        "a": "nodes.get_it.output.x",
        "b": "nodes.get_it.output != null",
        "c": "0",
        "d": "nodes.get_it.output.list[0].name",
        "e": "round(now() * 1000 / 1000 - (now() * 1000 / 1000) % 1)",
        "f": "now() * 1000",
        "g": "nodes.get_it.output.x",
        "h": "'{{ $(\\'Get it\\').all() }}'",
        "i": "'https://example.com/a'",
        "j": "'https://example.com/a' + '?x'",
    }


def test_what_a_prompt_computes_is_computed_before_it() -> None:
    prompt = "={{ $json.list.length }} of {{ $json.name }}: {{ $json.big ? $json.a : $json.b }} {{ $json.list.length }}"
    found = imported(
        n8n(
            n8n_node("Start", "manualTrigger"),
            n8n_node("Each", "splitInBatches", typeVersion=3),
            n8n_node("Ask", f"{AGENT}agent", {"promptType": "define", "text": prompt}),
            n8n_node("Page", "httpRequest", {"url": "=https://x.example/{{ $json.n + 1 }}"}),
            links={"Start": [["Each"]], "Each": [["Page"], ["Ask"]], "Ask": [["Each"]]},
        )
    )
    assert node(found, "ask")["config"]["prompt_template"] == (
        "{ask_prompt_template} of {item.name}: {ask_prompt_template_2} {ask_prompt_template}"
    )
    assert node(found, "ask_values")["config"]["set"] == {
        "ask_prompt_template": "len(item.list)",
        "ask_prompt_template_2": "(item.big and [item.a] or [item.b])[0]",
    }
    assert node(found, "each")["config"]["body"] == "ask_values"
    assert node(found, "page")["config"]["url"] == "https://x.example/{page_url}"
    assert [edge for edge in edges(found) if "ask" in edge[0]] == [("ask_values", "ask", None), ("ask", "each", None)]
    assert ("each", "page_values", None) in edges(found)
    assert not any(entry.kept for entry in found.report.entries)


def test_a_split_that_others_lead_past_stays_a_list() -> None:
    found = imported(
        n8n(
            n8n_node("Start", "manualTrigger"),
            n8n_node("Split", "splitOut", {"fieldToSplitOut": "orders"}),
            n8n_node("Both", "noOp"),
            n8n_node("First", "limit", {"maxItems": 2}),
            links={"Start": [["Split", "Both"]], "Split": [["Both"]], "Both": [["First"]]},
        )
    )
    assert node(found, "split")["config"]["set"] == {"items": "context.orders"}
    assert "put a loop around" in found.report.entries[1].reasons[0]
    assert node(found, "first")["config"]["inputs"] == {"items": "context.items"}


def test_what_takes_all_items_stands_behind_the_loop() -> None:
    found = imported(
        n8n(
            n8n_node("Start", "manualTrigger"),
            n8n_node("Split", "splitOut", {"fieldToSplitOut": "orders"}),
            n8n_node("Each", "noOp"),
            n8n_node("First", "limit", {"maxItems": 2}),
            n8n_node("Loop", "splitInBatches", typeVersion=3),
            n8n_node("Do", "noOp"),
            links={
                "Start": [["Split"]],
                "Split": [["Each"]],
                "Each": [["First", "Loop"]],
                "Loop": [[], ["Do"]],
                "Do": [["Loop"]],
            },
        )
    )
    assert node(found, "split")["config"] == {"over": "context.orders", "body": "each", "max_iterations": 1000}
    assert node(found, "first")["config"]["inputs"] == {"items": "${nodes.split.output.results}"}
    assert node(found, "loop")["config"]["over"] == "nodes.split.output.results"
    assert [edge[1] for edge in edges(found) if edge[0] == "each"] == ["split"]
    assert {edge[1] for edge in edges(found) if edge[0] == "split_branches"} == {"first", "loop"}


def decided(condition: dict[str, object], options: dict[str, object] | None = None, **parameters: object) -> str | None:
    """The condition of the first branch of an If in its second form."""
    group = {"combinator": "and", "conditions": [condition], "options": options or {}}
    data = n8n(
        n8n_node("If", "if", {"conditions": group, **parameters}, typeVersion=2.2),
        n8n_node("A", "noOp"),
        links={"If": [["A"]]},
    )
    return next(condition for source, target, condition in edges(imported(data)) if (source, target) == ("if", "a"))


def test_how_conditions_compare() -> None:
    text = {"leftValue": "={{ $json.a }}", "rightValue": "Yes", "operator": {"type": "string", "operation": "equals"}}
    number = {"leftValue": "={{ $json.n }}", "rightValue": "5", "operator": {"type": "number", "operation": "gt"}}
    empty = {
        "leftValue": "={{ $json.n }}",
        "operator": {"type": "number", "operation": "notEmpty", "singleValue": True},
    }
    assert decided(text) == "context.a == 'Yes'"
    assert decided(text, {"caseSensitive": False}) == "lower(context.a) == 'yes'"
    assert decided(text, options={}, looseTypeValidation=True) == "text(context.a) == 'Yes'"
    assert decided(number) == "context.n > 5"
    assert decided(number, {"typeValidation": "loose"}) == "number(context.n) > 5"
    assert decided(empty) == "context.n != null"


def test_each_time_of_a_schedule_by_the_clock_of_the_workflow() -> None:
    times = [{"field": "days", "triggerAtHour": 9}, {"field": "cronExpression", "expression": "0 30 17 * * 1-5"}]
    found = imported(
        n8n(
            n8n_node("Twice", "scheduleTrigger", {"rule": {"interval": times}}),
            n8n_node("A", "noOp"),
            links={"Twice": [["A"]]},
            settings={"timezone": "Europe/Berlin"},
        )
    )
    assert [one["config"] for one in workflow(found)["triggers"]] == [
        {"cron": "0 9 * * *", "timezone": "Europe/Berlin"},
        {"cron": "30 17 * * 1-5", "timezone": "Europe/Berlin"},
    ]
    assert outcomes(found)["Twice"] == "mapped"
    for zone in ("Nowhere/Land", "", 5):
        data = n8n(n8n_node("Daily", "scheduleTrigger"), settings={"timezone": zone})
        assert workflow(imported(data))["triggers"][0]["config"] == {"cron": "0 0 * * *"}


def test_messages_of_a_chain_by_their_kind() -> None:
    kind = "MessagePromptTemplate"
    messages = [
        {"message": "Be kind"},
        {"type": f"Human{kind}", "message": "=About {{ $json.topic }}"},
        {"type": f"AI{kind}", "message": "Sure"},
    ]
    parameters = {"promptType": "define", "text": "Go", "messages": {"messageValues": messages}}
    config = node(imported(n8n(n8n_node("Chain", f"{AGENT}chainLlm", parameters))), "chain")["config"]
    assert config["system_prompt"] == "Be kind\n\nassistant: Sure"
    assert config["prompt_template"] == "About {topic}\n\nGo"


def test_a_text_classifier_may_find_that_nothing_fits() -> None:
    categories = {"categories": [{"category": "Sport"}, {"category": "Politics"}]}
    parameters = {"inputText": "={{ $json.x }}", "categories": categories, "options": {"fallback": "other"}}
    config = node(imported(n8n(n8n_node("Sort", f"{AGENT}textClassifier", parameters))), "sort")["config"]
    assert [one["name"] for one in config["classes"]] == ["sport", "politics", "other"]


def test_a_tool_that_reads_mail_does_not_send_it() -> None:
    kinds = {
        "Read": ("gmailTool", {"operation": "getAll"}),
        "Send": ("gmailTool", {"sendTo": "a@x.example"}),
        "Rows": ("postgresTool", {"operation": "select"}),
        "Add": ("postgresTool", {"operation": "insert"}),
    }
    found = imported(
        n8n(
            n8n_node("Agent", f"{AGENT}agent"),
            *[n8n_node(name, kind, parameters) for name, (kind, parameters) in kinds.items()],
            links={name: {"ai_tool": "Agent"} for name in kinds},
        )
    )
    tools = [tool["tool_name"] for tool in node(found, "agent")["config"]["tools"]]
    assert sorted(tools) == ["call_api", "query_database", "send_email"]
    assert "operations read" in node(found, "agent")["config"]["description"]
    assert outcomes(found)["Add"] == "unsupported"


def test_an_answer_in_json_is_a_mapping() -> None:
    found = imported(
        n8n(
            n8n_node("Ask", f"{AGENT}openAi", {"jsonOutput": True, "messages": {"values": [{"content": "Score it"}]}}),
            n8n_node(
                "Say", "set", {"values": {"number": [{"name": "n", "value": "={{ $json.message.content.score }}"}]}}
            ),
            links={"Ask": [["Say"]]},
        )
    )
    assert node(found, "ask")["config"]["output_schema"] == {"type": "object"}
    assert node(found, "say")["config"]["set"] == {"n": "context.score"}


def test_a_file_of_a_form_is_left_out() -> None:
    fields = [{"parameterType": "formBinaryData", "name": "file"}, {"name": "model", "value": "m"}]
    parameters = {
        "url": "https://x.example",
        "method": "POST",
        "sendBody": True,
        "contentType": "multipart-form-data",
        "bodyParameters": {"parameters": fields},
    }
    found = imported(n8n(n8n_node("Send", "httpRequest", parameters)))
    assert node(found, "send")["config"]["body"] == {"model": "m"}
    assert "files are not carried along" in found.report.entries[0].reasons


def switched(version: float, parameters: dict[str, object]) -> list[tuple[str, str | None]]:
    """The edges of a Switch whose outputs lead to a, b and c."""
    data = n8n(
        n8n_node("Switch", "switch", parameters, typeVersion=version),
        *[n8n_node(name, "noOp") for name in "ABC"],
        links={"Switch": [["A"], ["B"], ["C"]]},
    )
    return [(target, condition) for source, target, condition in edges(imported(data)) if source == "switch"]


def test_rules_of_a_switch_in_its_old_versions() -> None:
    rules = [{"value2": "x"}, {"value2": "y"}, {"value2": "z"}]
    given = {"dataType": "string", "value1": "={{ $json.a }}", "rules": {"rules": rules}}
    assert switched(2, given)[:3] == [("a", "context.a == 'x'"), ("b", "context.a == 'y'"), ("c", "context.a == 'z'")]
    rules = [{"value2": "x", "output": 1}, {"value2": "y"}, {"value2": "z", "output": 0}]
    old = {**given, "rules": {"rules": rules}}
    found = dict(switched(1, old))
    assert (found["a"], found["b"]) == ("context.a == 'y' or context.a == 'z'", "context.a == 'x'")
    assert dict(switched(1, {**old, "fallbackOutput": 1}))["b"] is None


def test_triggers_of_one_kind_are_told_apart_by_their_callers() -> None:
    found = imported(
        n8n(
            n8n_node("Orders", "webhook", {"path": "orders", "httpMethod": "POST"}),
            n8n_node("Mail", "gmailTrigger", {"pollTimes": {"item": [{"mode": "everyMinute"}]}}),
            n8n_node("Feed", "rssFeedReadTrigger", {"feedUrl": "https://x.example/feed"}),
            *[n8n_node(name, "noOp") for name in "ABC"],
            links={"Orders": [["A"]], "Mail": [["B"]], "Feed": [["C"]]},
        )
    )
    assert [one["type"] for one in workflow(found)["triggers"]] == ["webhook", "webhook", "schedule"]
    assert [edge for edge in edges(found) if edge[0] == "which_trigger"][:3] == [
        ("which_trigger", "b", "context.trigger == 'mail'"),
        ("which_trigger", "a", "run.trigger == 'webhook'"),
        ("which_trigger", "c", "run.trigger == 'schedule'"),
    ]
    assert "mailboxes are not read" in found.report.entries[1].reasons[0]


def test_inputs_of_a_called_workflow_by_an_example() -> None:
    trigger = n8n_node(
        "In", "executeWorkflowTrigger", {"inputSource": "jsonExample", "jsonExample": '{"a": 1, "b": "x"}'}
    )
    found = imported(n8n(trigger, n8n_node("A", "noOp"), links={"In": [["A"]]}))
    assert workflow(found)["inputs"]["properties"] == {"a": {"type": "number"}, "b": {"type": "string"}}


def test_a_store_behind_a_tool_or_a_retriever_is_the_knowledge_base() -> None:
    found = imported(
        n8n(
            n8n_node("Agent", f"{AGENT}agent"),
            n8n_node("Docs", f"{AGENT}toolVectorStore", {"name": "docs"}),
            n8n_node("Store", f"{AGENT}vectorStoreQdrant"),
            n8n_node("Vectors", f"{AGENT}embeddingsOpenAi"),
            n8n_node("Chain", f"{AGENT}chainRetrievalQa"),
            n8n_node("Find", f"{AGENT}retrieverVectorStore"),
            n8n_node("Other", f"{AGENT}vectorStorePinecone"),
            links={
                "Agent": [["Chain"]],
                "Docs": {"ai_tool": "Agent"},
                "Store": {"ai_vectorStore": "Docs"},
                "Vectors": {"ai_embedding": "Store"},
                "Find": {"ai_retriever": "Chain"},
                "Other": {"ai_vectorStore": "Find"},
            },
        )
    )
    assert "unsupported" not in outcomes(found).values()
    assert node(found, "agent")["config"]["knowledge"] == ["docs"]
    assert node(found, "chain")["config"]["knowledge"] == ["find"]


def test_many_lists_in_lists_are_many_loops() -> None:
    nodes = [n8n_node(f"S{number}", "splitOut", {"fieldToSplitOut": "a"}) for number in range(150)]
    found = imported(n8n(*nodes, links={f"S{number}": [[f"S{number + 1}"]] for number in range(149)}))
    assert len(edges(found)) < 400
    assert node(found, "s0")["config"]["body"] == "s1"


def test_a_loop_does_not_begin_with_a_note_or_a_part() -> None:
    found = imported(
        n8n(
            n8n_node("Each", "splitInBatches", typeVersion=3),
            n8n_node("Note", "stickyNote", {"content": "x"}),
            n8n_node("Do", "noOp"),
            links={"Each": [[], ["Note", "Do"]], "Note": [["Each"]], "Do": [["Each"]]},
        )
    )
    assert node(found, "each")["config"]["body"] == "do"
