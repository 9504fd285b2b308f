"""Small foreign files of our own, one for each studio, and what every import has to hold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from connectors.manifest import manifests
from engine.importers import Imported, convert
from engine.importers.report import Outcome
from engine.language.document import Document
from engine.language.validate import validate

Json = Any
TOOLS = {name: spec for manifest in manifests().values() for name, spec in manifest.specs().items()}


def imported(data: Json, title: str = "sample") -> Imported:
    """The import of JSON data or of a text, held to what every import promises."""
    raw = data if isinstance(data, str | bytes) else json.dumps(data)
    found = convert(raw, title=title, tools=TOOLS)
    promised(found)
    return found


def promised(found: Imported) -> None:
    """Each node has one outcome and a place; the draft has no error."""
    report = found.report
    assert sum(report.count(outcome) for outcome in Outcome) == len(report.entries)
    if found.text is None:
        assert found.error
        return
    document = Document.parse(found.text)
    assert [one.message for one in validate(document, tools=TOOLS) if one.is_error] == []
    assert document.workflow is not None
    names = {node.name for node in document.workflow.nodes}
    for entry in report.entries:
        assert entry.node in names, entry
        assert entry.outcome is not Outcome.UNSUPPORTED or entry.reasons, entry
    for name, place in found.layout.get("nodes", {}).items():
        assert name in names
        assert all(isinstance(number, int) and number % 20 == 0 for number in place)


def outcomes(found: Imported) -> dict[str, str]:
    return {entry.source.name: entry.outcome.value for entry in found.report.entries}


def workflow(found: Imported) -> Json:
    """The draft's data."""
    assert found.text is not None
    return Document.parse(found.text).data


def node(found: Imported, name: str) -> dict[str, Json]:
    return next(one for one in workflow(found)["nodes"] if one["name"] == name)


def edges(found: Imported) -> list[tuple[str, str, str | None]]:
    return [(edge["from"], edge["to"], edge.get("condition")) for edge in workflow(found)["edges"]]


def n8n(*nodes: dict[str, Json], links: dict[str, Json] | None = None, **more: Json) -> dict[str, Json]:
    """An n8n file. `links` maps a node's name to the lists of targets of its outputs, or to {plug: target}."""
    connections: dict[str, Json] = {}
    for source, outputs in (links or {}).items():
        if isinstance(outputs, dict):
            connections[source] = {
                plug: [[{"node": target, "type": plug, "index": 0}]] for plug, target in outputs.items()
            }
        else:
            connections[source] = {
                "main": [[{"node": t, "type": "main", "index": 0} for t in targets] for targets in outputs]
            }
    return {"name": "Sample", "nodes": list(nodes), "connections": connections, **more}


def n8n_node(name: str, kind: str, parameters: Json = None, **more: Json) -> dict[str, Json]:
    full = kind if "." in kind else f"n8n-nodes-base.{kind}"
    return {"name": name, "type": full, "typeVersion": 1, "position": [0, 0], "parameters": parameters or {}, **more}


def dify(
    *nodes: dict[str, Json],
    edges: Sequence[tuple[str, str] | tuple[str, str, str]] = (),
    mode: str = "workflow",
    **more: Json,
) -> dict[str, Json]:
    """A Dify file; edges are (source, target) or (source, target, handle)."""
    links = [
        {"id": f"e{n}", "source": e[0], "target": e[1], "sourceHandle": e[2] if len(e) > 2 else "source"}
        for n, e in enumerate(edges)
    ]
    graph = {"nodes": list(nodes), "edges": links}
    return {
        "app": {"name": "Sample", "mode": mode},
        "kind": "app",
        "version": "0.3.1",
        "workflow": {"graph": graph, **more},
    }


def dify_node(key: str, kind: str, title: str = "", parent: str | None = None, **data: Json) -> dict[str, Json]:
    node: dict[str, Json] = {
        "id": key,
        "type": "custom",
        "position": {"x": 0, "y": 0},
        "data": {"type": kind, "title": title or key, **data},
    }
    return node | ({"parentId": parent} if parent else {})


def flowise(*nodes: dict[str, Json], edges: Sequence[tuple[str, str] | tuple[str, str, int]] = ()) -> dict[str, Json]:
    """A Flowise file; edges are (source, target) or (source, target, number of the output)."""
    links = [
        {
            "source": e[0],
            "target": e[1],
            "sourceHandle": f"{e[0]}-output-{e[2] if len(e) > 2 else e[0]}",
            "targetHandle": e[1],
        }
        for e in edges
    ]
    return {"description": "Sample", "nodes": list(nodes), "edges": links}


def flowise_node(
    key: str, kind: str, inputs: Json = None, *, category: str = "Agent Flows", **more: Json
) -> dict[str, Json]:
    data = {"id": key, "name": kind, "label": key, "category": category, "inputs": inputs or {}}
    return {"id": key, "type": "agentFlow", "position": {"x": 0, "y": 0}, "data": data, **more}


def langflow(*nodes: dict[str, Json], edges: Sequence[tuple[str, str, str]] = ()) -> dict[str, Json]:
    """A Langflow file; edges are (source, target, field) or (source.output, target, field)."""
    links = []
    for source, target, into in edges:
        key, _, output = source.partition(".")
        handles = {
            "sourceHandle": {"id": key, "name": output or "text"},
            "targetHandle": {"id": target, "fieldName": into},
        }
        links.append({"source": key, "target": target, "data": handles})
    return {"name": "Sample", "data": {"nodes": list(nodes), "edges": links}}


def langflow_node(key: str, kind: str, **fields: Json) -> dict[str, Json]:
    template = {name: {"value": value} for name, value in fields.items()}
    data = {"id": key, "type": kind, "node": {"display_name": key, "template": template}}
    return {"id": key, "type": "genericNode", "position": {"x": 0, "y": 0}, "data": data}


def foreign_files() -> dict[str, Json]:
    """One file of each kind with something of everything, to be damaged."""
    agent = "@n8n/n8n-nodes-langchain."
    condition = {
        "leftValue": "={{ $json.a }}",
        "rightValue": "x",
        "operator": {"type": "string", "operation": "equals"},
    }
    return {
        "n8n": n8n(
            n8n_node("Hook", "webhook", {"path": "x", "httpMethod": "POST"}),
            n8n_node("If", "if", {"conditions": {"combinator": "and", "conditions": [condition]}}, typeVersion=2),
            n8n_node(
                "Set",
                "set",
                {
                    "assignments": {
                        "assignments": [{"name": "a.b", "type": "object", "value": '={"x": "{{ $json.y }}"}'}]
                    }
                },
            ),
            n8n_node("Each", "splitInBatches", typeVersion=3),
            n8n_node(
                "Call",
                "httpRequest",
                {
                    "url": "=https://x.example/{{ $json.id }}",
                    "sendBody": True,
                    "jsonBody": '={"a": {{ $json.b }}}',
                    "specifyBody": "json",
                },
            ),
            n8n_node("Sheet", "googleSheets", {"operation": "append", "documentId": {"__rl": True, "value": "D"}}),
            n8n_node("Agent", f"{agent}agent", {"text": "={{ $('Set').item.json.a }}", "promptType": "define"}),
            n8n_node("Model", f"{agent}lmChatOpenAi", {"model": "m"}),
            n8n_node("Parser", f"{agent}outputParserStructured", {"jsonSchemaExample": '{"a": 1}'}),
            n8n_node("Tool", "httpRequestTool", {"url": "https://x.example"}),
            n8n_node("Note", "stickyNote", {"content": "x"}),
            links={
                "Hook": [["If"]],
                "If": [["Set"], ["Each"]],
                "Each": [["Sheet"], ["Call"]],
                "Call": [["Each"]],
                "Set": [["Agent", "Sheet"]],
                "Model": {"ai_languageModel": "Agent"},
                "Parser": {"ai_outputParser": "Agent"},
                "Tool": {"ai_tool": "Agent"},
            },
        ),
        "dify": dify(
            dify_node(
                "s", "start", variables=[{"variable": "q", "type": "select", "options": ["a"], "required": True}]
            ),
            dify_node(
                "if",
                "if-else",
                cases=[
                    {
                        "case_id": "true",
                        "logical_operator": "and",
                        "conditions": [
                            {"variable_selector": ["s", "q"], "comparison_operator": "contains", "value": "{{#s.q#}}"}
                        ],
                    }
                ],
            ),
            dify_node(
                "llm",
                "llm",
                model={"provider": "openai", "name": "m"},
                prompt_template=[{"role": "user", "text": "{{#s.q#}} {{#context#}}"}],
                context={"enabled": True, "variable_selector": ["kb", "result"]},
            ),
            dify_node(
                "kb", "knowledge-retrieval", query_variable_selector=["s", "q"], multiple_retrieval_config={"top_k": 3}
            ),
            dify_node(
                "it",
                "iteration",
                iterator_selector=["code", "list"],
                output_selector=["t", "output"],
                start_node_id="its",
            ),
            dify_node("its", "iteration-start", parent="it"),
            dify_node(
                "t",
                "template-transform",
                parent="it",
                template="{{ x }}!",
                variables=[{"variable": "x", "value_selector": ["it", "item"]}],
            ),
            dify_node(
                "code", "code", code="def main(): ...", variables=[{"variable": "a", "value_selector": ["s", "q"]}]
            ),
            dify_node(
                "http",
                "http-request",
                method="post",
                url="https://x.example/{{#s.q#}}",
                headers="a:b",
                body={"type": "json", "data": [{"value": '{"a": {{#s.q#}}}'}]},
            ),
            dify_node(
                "q",
                "question-classifier",
                classes=[{"id": "1", "name": "a"}, {"id": "2", "name": "b"}],
                query_variable_selector=["s", "q"],
            ),
            dify_node("p", "parameter-extractor", parameters=[{"name": "x", "type": "string"}], query=["s", "q"]),
            dify_node("v", "variable-aggregator", variables=[["llm", "text"], ["p", "x"]]),
            dify_node(
                "as",
                "assigner",
                items=[
                    {
                        "variable_selector": ["conversation", "n"],
                        "operation": "+=",
                        "input_type": "constant",
                        "value": 1,
                    }
                ],
            ),
            dify_node(
                "tool",
                "tool",
                provider_name="google",
                tool_name="search",
                tool_parameters={"q": {"type": "mixed", "value": "{{#s.q#}}"}},
            ),
            dify_node("e", "end", outputs=[{"variable": "a", "value_selector": ["v", "output"]}]),
            edges=[
                ("s", "if"),
                ("if", "llm", "true"),
                ("if", "kb", "false"),
                ("kb", "llm"),
                ("llm", "code"),
                ("code", "it"),
                ("its", "t"),
                ("it", "http"),
                ("http", "q", "source"),
                ("http", "e", "fail-branch"),
                ("q", "p", "1"),
                ("q", "tool", "2"),
                ("p", "v"),
                ("tool", "v"),
                ("v", "as"),
                ("as", "e"),
            ],
            conversation_variables=[{"name": "n", "value": 0}],
            environment_variables=[{"name": "K", "value": "x", "value_type": "secret"}],
        ),
        "flowise": flowise(
            flowise_node(
                "start_0",
                "startAgentflow",
                {
                    "startInputType": "formInput",
                    "formInputTypes": [{"name": "q", "type": "string"}],
                    "startState": [{"key": "n", "value": "1"}],
                },
            ),
            flowise_node(
                "cond_0",
                "conditionAgentflow",
                {
                    "conditions": [
                        {"type": "string", "value1": "<p>{{ $form.q }}</p>", "operation": "equal", "value2": "x"}
                    ]
                },
            ),
            flowise_node(
                "llm_0",
                "llmAgentflow",
                {
                    "llmModel": "chatOpenAI",
                    "llmModelConfig": {"modelName": "m"},
                    "llmMessages": [{"role": "system", "content": "<p>Hi {{ $flow.state.n }}</p>"}],
                    "llmStructuredOutput": [{"key": "a", "type": "enum", "enumValues": "x, y"}],
                    "llmUpdateState": [{"key": "b", "value": "{{ output.a }}"}],
                },
            ),
            flowise_node("it_0", "iterationAgentflow", {"iterationInput": "{{ llm_0.output.a }}"}),
            flowise_node(
                "agent_0",
                "agentAgentflow",
                {"agentTools": [{"agentSelectedTool": "t"}], "agentUserMessage": "{{ $iteration }}"},
                parentNode="it_0",
            ),
            flowise_node(
                "tool_0",
                "toolAgentflow",
                {
                    "toolAgentflowSelectedTool": "gmail",
                    "toolInputArgs": [{"inputArgName": "to", "inputArgValue": "{{ llm_0 }}"}],
                },
            ),
            flowise_node("loop_0", "loopAgentflow", {"loopBackToNode": "llm_0-LLM", "maxLoopCount": 3}),
            flowise_node("reply_0", "directReplyAgentflow", {"directReplyMessage": "{{ tool_0 }}"}),
            flowise_node("note_0", "stickyNoteAgentflow", {"note": "x"}),
            edges=[
                ("start_0", "cond_0"),
                ("cond_0", "llm_0", 0),
                ("cond_0", "loop_0", 1),
                ("llm_0", "it_0"),
                ("it_0", "tool_0"),
                ("tool_0", "reply_0"),
            ],
        ),
        "langflow": langflow(
            langflow_node("in", "ChatInput"),
            langflow_node("text", "TextInput", input_value="x"),
            langflow_node("prompt", "Prompt", template="Say {a} and {b}", b="two"),
            langflow_node("model", "LanguageModelComponent", model_name="m", temperature=0.1),
            langflow_node("route", "ConditionalRouter", operator="equals", match_text="x"),
            langflow_node("agent", "Agent", system_prompt="Be kind"),
            langflow_node("store", "AstraDB"),
            langflow_node("tool", "TavilySearchComponent"),
            langflow_node("out", "ChatOutput"),
            edges=[
                ("in", "prompt", "a"),
                ("text", "model", "system_message"),
                ("prompt", "model", "input_value"),
                ("model", "route", "input_text"),
                ("route.true_result", "agent", "input_value"),
                ("store", "agent", "tools"),
                ("tool", "agent", "tools"),
                ("agent", "out", "input_value"),
                ("route.false_result", "out", "input_value"),
            ],
        ),
    }
