"""n8n files of any shape, drawn from a source of chance; see shapes.py."""

from __future__ import annotations

from random import Random
from typing import Any

Json = Any
AGENT = "@n8n/n8n-nodes-langchain."
NAMES = [
    "A",
    "B",
    "A",
    'it\'s "q"',
    "😀",
    "天気",
    "",
    "x" * 300,
    "IF",
    "a.b",
    " Set ",
    "${x}",
    "{{x}}",
    "null",
    "start",
    "end",
    "context",
    "A 2",
    "a_2",
    "$json",
    "\n",
]
N8N_STEPS = [
    "set",
    "if",
    "switch",
    "filter",
    "merge",
    "code",
    "httpRequest",
    "splitInBatches",
    "wait",
    "noOp",
    "sort",
    "respondToWebhook",
    "stopAndError",
    "executeWorkflow",
    "googleSheets",
    "slack",
    "gmail",
    "notion",
    "form",
    "stickyNote",
    "splitOut",
    "aggregate",
    "limit",
    "html",
    "dateTime",
    "telegram",
    "airtable",
    "unknownThing",
    "emailSend",
    "summarize",
    "removeDuplicates",
    "convertToFile",
    "extractFromFile",
    "crypto",
    "redis",
]
N8N_STARTS = [
    "manualTrigger",
    "webhook",
    "scheduleTrigger",
    "cron",
    "formTrigger",
    "errorTrigger",
    "interval",
    "start",
    "executeWorkflowTrigger",
    "telegramTrigger",
    "emailReadImap",
    "rssFeedReadTrigger",
    "kafkaTrigger",
    f"{AGENT}chatTrigger",
    f"{AGENT}mcpTrigger",
]
N8N_AGENTS = [
    f"{AGENT}{kind}"
    for kind in (
        "agent",
        "chainLlm",
        "chainRetrievalQa",
        "openAi",
        "textClassifier",
        "sentimentAnalysis",
        "informationExtractor",
        "guardrails",
        "chainSummarization",
    )
]
N8N_PARTS = {
    "ai_languageModel": ["lmChatOpenAi"],
    "ai_memory": ["memoryBufferWindow", "memoryPostgresChat"],
    "ai_outputParser": ["outputParserStructured", "outputParserAutofixing", "outputParserItemList"],
    "ai_tool": ["toolWorkflow", "toolHttpRequest", "toolCode", "toolCalculator", "mcpClientTool", "agentTool"],
    "ai_vectorStore": ["vectorStoreQdrant", "vectorStoreInMemory"],
    "ai_embedding": ["embeddingsOpenAi"],
    "ai_retriever": ["retrieverVectorStore"],
    "ai_document": ["documentDefaultDataLoader"],
    "ai_textSplitter": ["textSplitterTokenSplitter"],
}
N8N_PLUG = {f"{AGENT}{kind}": plug for plug, kinds in N8N_PARTS.items() for kind in kinds}
TEXTS = [
    "=Hi {{ $json.x }} {{ $json.y.length }}",
    "={{ $('A').item.json.x }}",
    "={{ $json.b.map(x => x) }}",
    "x",
    "",
    None,
    5,
    True,
    ["a"],
    {"a": 1},
    '={"a": {{ $json.b }}}',
    "={{ $json.k ? $json.a : $json.b }}",
    "={{",
]


def n8n(r: Random) -> tuple[Json, int]:
    nodes = [_n8n_node(r, number) for number in range(r.randint(0, 12))]
    known = [node for node in nodes if isinstance(node, dict)]
    labels = [str(node.get("name")) for node in known] + ["nowhere", "i1"]
    connections: dict[str, Json] = {}
    for node in known:
        plug = N8N_PLUG.get(str(node.get("type")), "main")
        if r.random() < 0.85:
            targets = [_n8n_targets(r, labels, plug) for _ in range(r.randint(0, 3))]
            connections[str(node.get("name"))] = r.choice(
                [{plug: targets}] * 12 + [{plug: None}, [], None, {plug: "x"}]
            )
    file: dict[str, Json] = {"name": r.choice(["W", "", None, 5]), "nodes": nodes, "connections": connections}
    if r.random() < 0.2:
        file |= {
            "settings": {"executionTimeout": r.choice([-1, 30, "x"])},
            "meta": {},
            "pinData": {"A": [{"json": {}}]},
        }
    if not nodes:
        return file, 0
    return r.choice(
        [file] * 4 + [{"workflow": file}, {"data": [file]}, [file], {"data": file}, {"workflowData": file}]
    ), len(nodes)


def _n8n_targets(r: Random, labels: list[str], plug: str) -> Json:
    if r.random() < 0.1:
        return None
    return [
        r.choice([{"node": r.choice(labels), "type": plug, "index": 0}] * 15 + [None, {}])
        for _ in range(r.randint(0, 2))
    ]


def _n8n_node(r: Random, number: int) -> Json:
    if r.random() < 0.02:
        return r.choice([None, 5, "x", []])
    kind = r.choice(
        [*N8N_STEPS, *N8N_STARTS[:6], r.choice(N8N_STARTS), *N8N_AGENTS[:3], r.choice(N8N_AGENTS), *N8N_PLUG]
    )
    node: dict[str, Json] = {
        "name": r.choice(NAMES) if r.random() < 0.4 else f"N{number}",
        "type": kind if "." in kind else f"n8n-nodes-base.{kind}",
        "typeVersion": r.choice([1, 2, 2.2, 3, 3.4, None, "x"]),
        "position": r.choice([[number * 100, 0], None, [], ["a", "b"], {"x": 1, "y": 2}]),
        "parameters": _n8n_parameters(r) if r.random() < 0.7 else {},
    }
    settings: dict[str, list[Json]] = {
        "disabled": [True, "yes"],
        "retryOnFail": [True],
        "maxTries": [0, 3, 100, "x"],
        "waitBetweenTries": [-1, 1000],
        "onError": ["continueErrorOutput", "continueRegularOutput", "x"],
        "continueOnFail": [True],
        "executeOnce": [True],
        "alwaysOutputData": [True],
        "notes": ["hi\nthere", ""],
        "id": ["i1", 5],
        "credentials": [{"a": {"id": 1, "name": "X y"}}, {"a": "old"}, [], None],
    }
    node |= {key: r.choice(choices) for key, choices in settings.items() if r.random() < 0.12}
    for key in ("name", "type", "parameters", "position", "typeVersion"):
        if r.random() < 0.03:
            del node[key]
    return node


def _n8n_parameters(r: Random) -> dict[str, Json]:
    operator = {
        "type": r.choice(["string", "number", "boolean"]),
        "operation": r.choice(["equals", "gt", "exists", "odd"]),
    }
    condition = {"leftValue": r.choice(TEXTS), "rightValue": r.choice(TEXTS), "operator": operator}
    return {
        "conditions": {"combinator": r.choice(["and", "or"]), "conditions": [condition]},
        "rules": {"values": [{"conditions": {"conditions": [condition]}, "outputKey": "k"}, {"value2": "a"}]},
        "mode": r.choice(
            ["rules", "expression", "raw", "define", "append", "combine", "load", "insert", "runOnceForEachItem"]
        ),
        "text": r.choice(TEXTS),
        "promptType": r.choice(["define", "auto"]),
        "url": r.choice(TEXTS),
        "operation": r.choice(["append", "read", "getAll", "delete", "sendAndWait", "completion", "get"]),
        "assignments": {
            "assignments": [{"name": r.choice(["a", "a.b", "", "={{ $json.k }}"]), "value": r.choice(TEXTS)}]
        },
        "options": r.choice([{}, {"fallbackOutput": "extra"}, {"systemMessage": "=You {{ $now }}"}, None, []]),
        "categories": {"categories": [{"category": "a"}, {"category": "a"}]},
        "fieldToSplitOut": r.choice(["a.b", "a, b", "", 5]),
        "httpMethod": r.choice(["GET", "POST"]),
        "path": r.choice(["x", "", "a b"]),
        "amount": r.choice([3, -1, "={{ $json.a }}"]),
        "rule": {"interval": [{"field": r.choice(["days", "cronExpression", "seconds"]), "expression": "* * *"}]},
        "workflowId": {"__rl": True, "value": "W", "cachedResultName": "Sub"},
        "jsCode": "return 1",
        "message": r.choice(TEXTS),
        "columns": r.choice(
            [{"mappingMode": "autoMapInputData", "schema": [{"id": "A"}]}, {"value": {"A": "x"}}, None]
        ),
        "propertiesUi": {
            "propertyValues": [{"key": r.choice(["A|title", "A|date", "A", ""]), "title": r.choice(TEXTS)}]
        },
    }
