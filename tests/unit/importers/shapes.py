"""Foreign files of any shape, drawn from a source of chance: what exports, old versions and other tools write.

Each function gives (the file, how many nodes it holds). Names repeat, links lead nowhere, fields are missing or of
another type; what stands in `parameters` is what such nodes have, or something odd.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.unit.importers.n8n_shapes import n8n

Json = Any


def dify(r: Random) -> tuple[Json, int]:
    kinds = [
        "start",
        "end",
        "answer",
        "llm",
        "knowledge-retrieval",
        "question-classifier",
        "if-else",
        "code",
        "assigner",
        "template-transform",
        "http-request",
        "tool",
        "variable-aggregator",
        "variable-assigner",
        "parameter-extractor",
        "iteration",
        "iteration-start",
        "loop",
        "loop-start",
        "loop-end",
        "list-operator",
        "document-extractor",
        "agent",
        "human-input",
        "trigger-webhook",
        "trigger-schedule",
        "trigger-plugin",
        "note",
        "odd",
        "",
        "datasource",
    ]
    count = r.randint(0, 12)
    keys = [f"n{number}" for number in range(count)] + ["nope"]
    nodes = [_damaged(r, _dify_node(r, keys[number], r.choice(kinds), keys)) for number in range(count)]
    handles = ["source", "true", "false", "1", "2", "fail-branch", "odd"]
    edges = [
        {"source": r.choice(keys), "target": r.choice(keys), "sourceHandle": r.choice(handles)}
        for _ in range(r.randint(0, count * 2))
    ]
    more = {
        "conversation_variables": r.choice([[{"name": "n", "value": 0}], None]),
        "environment_variables": r.choice([[{"name": "K", "value": "x", "value_type": "secret"}], None]),
        "features": r.choice([{"opening_statement": "Hi"}, None]),
    }
    mode = r.choice(["workflow", "advanced-chat", "chat", "odd"])
    return {
        "app": {"name": r.choice(["A", "", None]), "mode": mode},
        "kind": "app",
        "version": r.choice(["0.1.0", "0.4.0"]),
        "workflow": {"graph": {"nodes": nodes, "edges": edges}, **more},
    }, count


def _selector(r: Random, keys: list[str]) -> Json:
    some = [r.choice(keys), r.choice(["text", "output", "result", "item", "q"])]
    return r.choice(
        [some] * 6 + [["sys", "query"], ["env", "K"], ["conversation", "n"], [], None, "x", [r.choice(keys)]]
    )


def _dify_node(r: Random, key: str, kind: str, keys: list[str]) -> Json:
    text = r.choice(
        [f"Hi {{{{#{r.choice(keys)}.text#}}}} {{{{#context#}}}}", "x", "", None, "{{ q | upper }}", "{% for x in q %}"]
    )
    condition = {
        "variable_selector": _selector(r, keys),
        "value": r.choice(["x", 5, ["a"], True, None, text]),
        "comparison_operator": r.choice(["contains", "=", "≥", "empty", "odd", "in", "is", "exists"]),
    }
    item = {
        "variable_selector": _selector(r, keys),
        "operation": r.choice(["over-write", "append", "clear", "+=", "odd"]),
        "input_type": r.choice(["variable", "constant"]),
        "value": r.choice([_selector(r, keys), 5, "x", {"a": 1}]),
    }
    data: dict[str, Json] = {
        "variables": r.choice(
            [[{"variable": "q", "value_selector": _selector(r, keys), "type": "select"}], [_selector(r, keys)]]
        ),
        "model": {"provider": "openai", "name": r.choice(["m", "", None])},
        "template": text,
        "url": text,
        "answer": text,
        "prompt_template": r.choice(
            [[{"role": "system", "text": text}, {"role": "user", "text": text}], {"text": text}, None]
        ),
        "context": {"variable_selector": _selector(r, keys)},
        "cases": [{"case_id": "true", "conditions": [condition]}],
        "conditions": [condition],
        "classes": [{"id": "1", "name": "a"}, {"id": 2, "name": "a"}],
        "query": _selector(r, keys),
        "query_variable_selector": _selector(r, keys),
        "parameters": [{"name": r.choice(["a", "", "a b"]), "type": "string"}],
        "code": r.choice(["def main(a):\n  return {}", "", None]),
        "headers": "a:b\nc",
        "outputs": r.choice([[item], {"a": {}}]),
        "body": r.choice(
            [{"type": "json", "data": [{"value": '{"a": {{#sys.query#}}}'}]}, {"type": "form-data", "data": "a:b"}, "x"]
        ),
        "tool_parameters": {
            "a": {"type": r.choice(["mixed", "variable"]), "value": r.choice([text, _selector(r, keys)])}
        },
        "provider_type": r.choice(["builtin", "workflow"]),
        "tool_name": r.choice(["s", "A"]),
        "items": r.choice([[item], None]),
        "iterator_selector": _selector(r, keys),
        "output_selector": _selector(r, keys),
        "loop_count": r.choice([3, 0, "x"]),
        "break_conditions": [condition],
        "loop_variables": [{"label": "n", "value_type": "constant", "value": "1"}],
        "variable": _selector(r, keys),
        "variable_selector": _selector(r, keys),
        "user_actions": [{"id": "a"}, {"id": ""}],
        "error_strategy": r.choice(["fail-branch", "default-value", None]),
        "default_value": [{"key": "text", "value": "x"}],
        "visual_config": r.choice([{"time": "11:30 AM", "weekdays": ["mon"]}, None, {"time": 5, "on_minute": 70}]),
    }
    kept = {name: value for name, value in data.items() if r.random() < 0.7}
    node = {
        "id": key,
        "type": "custom",
        "position": r.choice([{"x": 1, "y": 2}, None]),
        "data": {"type": kind, "title": r.choice(["LLM", "LLM", "天", ""]), **kept},
    }
    return node | ({"parentId": r.choice(keys)} if r.random() < 0.25 else {})


def flowise(r: Random) -> tuple[Json, int]:
    agentflow = [
        f"{kind}Agentflow"
        for kind in (
            "start",
            "llm",
            "agent",
            "tool",
            "retriever",
            "http",
            "condition",
            "conditionAgent",
            "humanInput",
            "directReply",
            "customFunction",
            "executeFlow",
            "iteration",
            "loop",
            "stickyNote",
        )
    ]
    chatflow = {
        "Chains": "llmChain",
        "Agents": "toolAgent",
        "Chat Models": "chatOpenAI",
        "Memory": "bufferMemory",
        "Prompts": "promptTemplate",
        "Tools": "calculator",
        "Vector Stores": "pinecone",
        "Embeddings": "openAIEmbeddings",
        "Output Parsers": "structuredOutputParser",
        "Sequential Agents": r.choice(["seqAgent", "seqCondition", "seqLoop", "seqEnd"]),
        "Multi Agents": r.choice(["supervisor", "worker"]),
        "Moderation": "inputModerationSimple",
        "Utilities": "setVariable",
    }
    count = r.randint(1, 12)
    keys = [f"x_{number}" for number in range(count)] + ["nope"]
    is_old = r.random() < 0.5
    nodes = []
    for number in range(count):
        category = r.choice(list(chatflow)) if is_old and r.random() < 0.9 else "Agent Flows"
        kind = chatflow.get(category) or r.choice([*agentflow, "odd"])
        nodes.append(_damaged(r, _flowise_node(r, keys[number], kind, category, keys), of="data"))
    edges = []
    for _ in range(r.randint(0, count * 2)):
        source, target = r.choice(keys), r.choice(keys)
        edges.append(
            {
                "source": source,
                "target": target,
                "sourceHandle": r.choice([f"{source}-output-{r.randint(0, 2)}", None]),
                "targetHandle": r.choice([f"{target}-input-model-BaseChatModel", target, None]),
            }
        )
    file = {"nodes": nodes, "edges": edges}
    return r.choice([file, file, {"flowData": json.dumps(file), "name": "x"}]), count


def _flowise_node(r: Random, key: str, kind: str, category: str, keys: list[str]) -> Json:
    text = r.choice(
        [
            f"<p>Hi {{{{ {r.choice(keys)} }}}} {{{{ question }}}}</p>",
            "{{ $flow.state.n }}",
            "{input} {{x}}",
            "x",
            None,
            5,
        ]
    )
    given: dict[str, Json] = {
        "llmModel": "chatOpenAI",
        "llmModelConfig": r.choice([{"modelName": "m", "temperature": "0.2"}, None, "x"]),
        "llmMessages": r.choice([[{"role": "system", "content": text}], None, [5]]),
        "agentUserMessage": text,
        "url": text,
        "llmStructuredOutput": [
            {"key": r.choice(["a", ""]), "type": r.choice(["enum", "jsonArray", "odd"]), "enumValues": "a"}
        ],
        "llmUpdateState": r.choice([[{"key": "n", "value": text}], None]),
        "directReplyMessage": text,
        "template": text,
        "conditions": [
            {"type": "string", "value1": text, "operation": r.choice(["equal", "isEmpty", "odd"]), "value2": text}
        ],
        "conditionAgentScenarios": [{"scenario": "a"}, {"scenario": "a"}],
        "agentTools": r.choice([[{"agentSelectedTool": "t"}], [5]]),
        "toolInputArgs": [{"inputArgName": "a", "inputArgValue": text}],
        "loopBackToNode": f"{r.choice(keys)}-LLM",
        "maxLoopCount": r.choice([3, 0, "x"]),
        "iterationInput": r.choice([text, ["a"]]),
        "startInputType": r.choice(["formInput", None]),
        "formInputTypes": [{"name": "q", "type": "options", "addOptions": [{"option": "a"}]}],
        "startState": [{"key": "n", "value": "0"}],
        "systemMessage": text,
        "jsonStructure": r.choice(['[{"property":"a","type":"string"}]', "x"]),
        "executeFlowSelectedFlow": "x",
    }
    inputs = {name: value for name, value in given.items() if r.random() < 0.7}
    data = {
        "id": key,
        "name": kind,
        "label": r.choice(["L", "L", "天", ""]),
        "category": category,
        "inputs": r.choice([inputs, inputs, None]),
    }
    node = {
        "id": key,
        "type": r.choice(["agentFlow", "customNode", "stickyNote", "iteration"]),
        "position": {"x": 1, "y": 2},
        "data": data,
    }
    return node | ({"parentNode": r.choice(keys)} if r.random() < 0.2 else {})


def langflow(r: Random) -> tuple[Json, int]:
    kinds = [
        "ChatInput",
        "TextInput",
        "ChatOutput",
        "Prompt",
        "LanguageModelComponent",
        "OpenAIModel",
        "Agent",
        "Memory",
        "File",
        "ConditionalRouter",
        "SmartRouter",
        "StructuredOutput",
        "URLComponent",
        "APIRequest",
        "SplitText",
        "AstraDB",
        "OpenAIEmbeddings",
        "LoopComponent",
        "PythonREPLComponent",
        "CombineText",
        "Parser",
        "TavilySearchComponent",
        "CalculatorComponent",
        "MCPTools",
        "RunFlow",
        "Webhook",
        "note",
        "CustomComponent",
        "Odd",
    ]
    count = r.randint(0, 12)
    keys = [f"{r.choice(kinds)}-{number}" for number in range(count)] + ["nope"]
    nodes = [_damaged(r, _langflow_node(r, keys[number])) for number in range(count)]
    edges = []
    for _ in range(r.randint(0, count * 2)):
        source, target = r.choice(keys), r.choice(keys)
        ends = {
            "sourceHandle": {
                "id": source,
                "name": r.choice(["text", "true_result", "false_result", "component_as_tool"]),
            },
            "targetHandle": {
                "id": target,
                "fieldName": r.choice(["input_value", "a", "tools", "system_prompt", "input_text"]),
            },
        }
        old = {name: json.dumps(end).replace('"', "œ") for name, end in ends.items()}
        edges.append({"source": source, "target": target, **r.choice([{"data": ends}, old, {}])})
    file = {"name": "x", "data": {"nodes": nodes, "edges": edges}}
    return r.choice([file, file, {"flows": [file]}]), count


def _langflow_node(r: Random, key: str) -> Json:
    kind = key.partition("-")[0]
    text = r.choice(["Hi {a} and {b}", "x", None, 5, "{{a}}", ["u1", "u2"]])
    names = [
        "input_value",
        "template",
        "system_prompt",
        "model_name",
        "operator",
        "match_text",
        "urls",
        "routes",
        "a",
        "flow_name",
    ]
    fields = {name: {"value": r.choice([text, "equals", "x", True, 3, None])} for name in names if r.random() < 0.5}
    inner = r.choice(
        [{"display_name": r.choice([kind, "天", ""]), "template": r.choice([fields, fields, None])}] * 5 + [None, 5]
    )
    return {
        "id": key,
        "type": r.choice(["genericNode", "noteNode"]),
        "position": r.choice([{"x": 1, "y": 2}, None]),
        "data": {"id": key, "type": kind, "node": inner},
    }


def _damaged(r: Random, node: Json, of: str = "") -> Json:
    """The node, now and then without one of its fields; the one that tells whose file it is stays."""
    if r.random() < 0.05:
        node.pop(r.choice([key for key in ("id", "position", "data") if key != of]))
    return node


SHAPES: dict[str, Callable[[Random], tuple[Json, int]]] = {
    "n8n": n8n,
    "dify": dify,
    "flowise": flowise,
    "langflow": langflow,
}
