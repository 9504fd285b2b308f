"""Imported drafts run: what the importers wrote means what the foreign file meant."""

from __future__ import annotations

from typing import Any

from engine.execution.events import RunStatus
from engine.execution.ports import HttpReply
from tests.support.ports import FakeHttp, FakeModels, FakeTools, World
from tests.unit.importers.samples import (
    dify,
    dify_node,
    flowise,
    flowise_node,
    imported,
    langflow,
    langflow_node,
    n8n,
    n8n_node,
)

AGENT = "@n8n/n8n-nodes-langchain."


async def run(data: Any, given: dict[str, Any], world: World) -> Any:
    found = imported(data)
    assert found.text is not None
    result = await world.run(found.text, given)
    assert result.status == RunStatus.SUCCEEDED, result
    return result.output


async def test_an_n8n_workflow_decides_loops_and_calls() -> None:
    http = FakeHttp(HttpReply(200, {}, {"ok": True}))
    data = n8n(
        n8n_node("Hook", "webhook", {"path": "x", "httpMethod": "POST"}),
        n8n_node(
            "Any?",
            "if",
            {
                "conditions": {
                    "number": [{"value1": "={{ $json.body.orders.length }}", "operation": "larger", "value2": 0}]
                }
            },
        ),
        n8n_node("Split", "splitOut", {"fieldToSplitOut": "orders"}),
        n8n_node("Each", "splitInBatches", typeVersion=3),
        n8n_node("Call", "httpRequest", {"url": "=https://x.example/{{ $json.id }}"}),
        n8n_node(
            "Sum",
            "set",
            {
                "values": {
                    "string": [{"name": "text", "value": "=Done for {{ $('Hook').item.json.body.name.toUpperCase() }}"}]
                }
            },
        ),
        n8n_node("None", "stopAndError", {"errorMessage": "nothing to do"}),
        links={
            "Hook": [["Any?"]],
            "Any?": [["Split"], ["None"]],
            "Split": [["Each"]],
            "Each": [["Sum"], ["Call"]],
            "Call": [["Each"]],
        },
    )
    output = await run(
        data, {"name": "ann", "orders": [{"id": 1}, {"id": 2}]}, World(FakeModels(), FakeTools({}), http=http)
    )
    assert output["text"] == "Done for ANN"
    assert [call.url for call in http.requests] == ["https://x.example/1", "https://x.example/2"]
    assert await run(data, {"orders": []}, World(FakeModels(), FakeTools({}))) == {"error": "nothing to do"}


async def test_an_n8n_agent_answers_with_its_schema() -> None:
    models = FakeModels({"agent": '{"mood": "good"}'})
    data = n8n(
        n8n_node("Chat", f"{AGENT}chatTrigger"),
        n8n_node("Agent", f"{AGENT}agent", {"promptType": "define", "text": "=How is {{ $json.chatInput }}?"}),
        n8n_node("Parser", f"{AGENT}outputParserStructured", {"jsonSchemaExample": '{"mood": "x"}'}),
        n8n_node("Fine?", "if", {"conditions": {"string": [{"value1": "={{ $json.output.mood }}", "value2": "good"}]}}),
        n8n_node("Yes", "set", {"values": {"string": [{"name": "said", "value": "=It is {{ $json.output.mood }}"}]}}),
        links={"Chat": [["Agent"]], "Parser": {"ai_outputParser": "Agent"}, "Agent": [["Fine?"]], "Fine?": [["Yes"]]},
    )
    output = await run(data, {"message": "it"}, World(models, FakeTools({})))
    assert output["said"] == "It is good"
    assert "How is it?" in str(models.requests[0].messages)


async def test_a_dify_loop_counts_and_stops() -> None:
    data = dify(
        dify_node("s", "start", variables=[{"variable": "names", "type": "json_list"}]),
        dify_node(
            "l",
            "loop",
            loop_count=10,
            loop_variables=[{"label": "n", "value": "1", "value_type": "constant", "var_type": "number"}],
            break_conditions=[
                {"variable_selector": ["l", "n"], "comparison_operator": "≥", "value": "4", "varType": "number"}
            ],
        ),
        dify_node("ls", "loop-start", parent="l"),
        dify_node(
            "inc",
            "assigner",
            parent="l",
            items=[{"variable_selector": ["l", "n"], "operation": "+=", "input_type": "constant", "value": 1}],
        ),
        dify_node("i", "iteration", iterator_selector=["s", "names"], output_selector=["t", "output"]),
        dify_node("is", "iteration-start", parent="i"),
        dify_node(
            "t",
            "template-transform",
            parent="i",
            template="{{ x }}!",
            variables=[{"variable": "x", "value_selector": ["i", "item"]}],
        ),
        dify_node(
            "e",
            "end",
            outputs=[
                {"variable": "n", "value_selector": ["l", "n"]},
                {"variable": "all", "value_selector": ["i", "output"]},
            ],
        ),
        edges=[("s", "l"), ("ls", "inc"), ("l", "i"), ("is", "t"), ("i", "e")],
    )
    output = await run(data, {"names": ["a", "b"]}, World(FakeModels(), FakeTools({})))
    assert output == {"n": 4, "all": ["a!", "b!"]}


async def test_a_flowise_flow_goes_back_so_many_times_at_most() -> None:
    condition = {"type": "string", "value1": "{{ llm_0 }}", "operation": "equal", "value2": "good"}
    data = flowise(
        flowise_node("start_0", "startAgentflow"),
        flowise_node("llm_0", "llmAgentflow", {"llmMessages": [{"role": "user", "content": "<p>{{ question }}</p>"}]}),
        flowise_node("cond_0", "conditionAgentflow", {"conditions": [condition]}),
        flowise_node("reply_0", "directReplyAgentflow", {"directReplyMessage": "<p>It is {{ llm_0 }}</p>"}),
        flowise_node("loop_0", "loopAgentflow", {"loopBackToNode": "llm_0-LLM", "maxLoopCount": 5}),
        edges=[("start_0", "llm_0"), ("llm_0", "cond_0"), ("cond_0", "reply_0", 0), ("cond_0", "loop_0", 1)],
    )
    output = await run(data, {"message": "hm"}, World(FakeModels({"llm_0": ["bad", "worse", "good"]}), FakeTools({})))
    assert output["reply"] == "It is good"


async def test_a_langflow_prompt_is_filled() -> None:
    models = FakeModels({"model": "fine"})
    data = langflow(
        langflow_node("in", "ChatInput"),
        langflow_node("Tone", "TextInput", input_value="kind"),
        langflow_node("prompt", "Prompt", template="Say {a} in a {tone} way {{x}}", a="", tone=""),
        langflow_node("model", "OpenAIModel"),
        langflow_node("out", "ChatOutput"),
        edges=[
            ("in", "prompt", "a"),
            ("Tone", "prompt", "tone"),
            ("prompt", "model", "input_value"),
            ("model", "out", "input_value"),
        ],
    )
    output = await run(data, {"message": "hello"}, World(models, FakeTools({})))
    assert output["reply"] == "fine"
    assert "Say hello in a kind way {x}" in str(models.requests[0].messages)


async def test_what_follows_split_out_is_done_for_each_entry() -> None:
    http = FakeHttp(HttpReply(200, {}, {"ok": True}))
    one_field = {"fieldsToAggregate": {"fieldToAggregate": [{"fieldToAggregate": "label"}]}}
    label = {"values": {"string": [{"name": "label", "value": "=Order {{ $('Split').item.json.id }}"}]}}
    large = {"conditions": {"number": [{"value1": "={{ $json.id }}", "operation": "larger", "value2": 1}]}}
    said = {"values": {"string": [{"name": "said", "value": "={{ $json.label.length }} of {{ $json.label[0] }}"}]}}
    data = n8n(
        n8n_node("Start", "manualTrigger"),
        n8n_node("Split", "splitOut", {"fieldToSplitOut": "orders"}),
        n8n_node("Large?", "if", large),
        n8n_node("Call", "httpRequest", {"url": "=https://x.example/{{ $json.id }}"}),
        n8n_node("Label", "set", label),
        n8n_node("All", "aggregate", one_field),
        n8n_node("Say", "set", said),
        links={
            "Start": [["Split"]],
            "Split": [["Large?"]],
            "Large?": [["Call"], ["Label"]],
            "Call": [["Label"]],
            "Label": [["All"]],
            "All": [["Say"]],
        },
    )
    world = World(FakeModels(), FakeTools({}), http=http)
    output = await run(data, {"orders": [{"id": 1}, {"id": 2}, {"id": 3}]}, world)
    assert [call.url for call in http.requests] == ["https://x.example/2", "https://x.example/3"]
    assert output["label"] == ["Order 1", "Order 2", "Order 3"]
    assert output["said"] == "3 of Order 1"


async def test_lists_in_lists_and_entries_that_are_no_mappings() -> None:
    http = FakeHttp(HttpReply(200, {}, {"ok": True}))
    data = n8n(
        n8n_node("Start", "manualTrigger"),
        n8n_node("Groups", "splitOut", {"fieldToSplitOut": "groups"}),
        n8n_node("Urls", "splitOut", {"fieldToSplitOut": "urls"}),
        n8n_node("Call", "httpRequest", {"url": "={{ $json.urls }}"}),
        links={"Start": [["Groups"]], "Groups": [["Urls"]], "Urls": [["Call"]]},
    )
    groups = [{"urls": ["https://x.example/a", "https://x.example/b"]}, {"urls": ["https://x.example/c"]}]
    await run(data, {"groups": groups}, World(FakeModels(), FakeTools({}), http=http))
    assert [call.url[-1] for call in http.requests] == ["a", "b", "c"]
