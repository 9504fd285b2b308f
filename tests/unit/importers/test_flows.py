"""Flowise and Langflow: steps of an Agentflow, parts of a chatflow, components that fill each other's fields."""

from __future__ import annotations

from tests.unit.importers.samples import (
    edges,
    flowise,
    flowise_node,
    imported,
    langflow,
    langflow_node,
    node,
    outcomes,
    workflow,
)


def test_an_agentflow_with_form_state_and_branches() -> None:
    found = imported(
        flowise(
            flowise_node(
                "start_0",
                "startAgentflow",
                {
                    "startInputType": "formInput",
                    "formTitle": "Ask",
                    "formInputTypes": [{"name": "topic", "label": "Topic", "type": "string"}],
                    "startState": [{"key": "n", "value": "0"}],
                },
            ),
            flowise_node(
                "llm_0",
                "llmAgentflow",
                {
                    "llmModel": "chatAnthropic",
                    "llmModelConfig": {"modelName": "claude-x", "temperature": 0.2},
                    "llmMessages": [
                        {"role": "system", "content": "<p>About <b>{{ $form.topic }}</b></p><p>Be brief</p>"}
                    ],
                    "llmStructuredOutput": [{"key": "kind", "type": "enum", "enumValues": "a, b"}],
                    "llmUpdateState": [
                        {"key": "kind", "value": "{{ output.kind }}"},
                        {"key": "seen", "value": "{{ output.kind }}!"},
                    ],
                },
            ),
            flowise_node(
                "cond_0",
                "conditionAgentflow",
                {
                    "conditions": [
                        {
                            "type": "string",
                            "value1": "<p>{{ $flow.state.kind }}</p>",
                            "operation": "equal",
                            "value2": "<p>a</p>",
                        }
                    ]
                },
            ),
            flowise_node("reply_0", "directReplyAgentflow", {"directReplyMessage": "<p>{{ llm_0 }}</p>"}),
            flowise_node("loop_0", "loopAgentflow", {"loopBackToNode": "llm_0-LLM", "maxLoopCount": 3}),
            edges=[("start_0", "llm_0"), ("llm_0", "cond_0"), ("cond_0", "reply_0", 0), ("cond_0", "loop_0", 1)],
        )
    )
    assert set(outcomes(found).values()) == {"mapped"}
    config = node(found, "llm_0")["config"]
    assert config["model"] == "claude-x"
    assert config["system_prompt"] == "About {inputs.topic}\nBe brief"
    assert config["output_schema"]["properties"] == {"kind": {"enum": ["a", "b"]}}
    assert node(found, "llm_0_state")["config"]["set"] == {"seen": "text(nodes.llm_0.output.kind) + '!'"}
    assert ("cond_0", "reply_0", "context.kind == 'a'") in edges(found)
    assert ("loop_0", "llm_0", "context.loop_0_count <= 3") in edges(found)
    assert workflow(found)["triggers"][0]["type"] == "form"
    assert ("start", "start_state", None) in edges(found)


def test_an_iteration_and_tools_of_an_agentflow() -> None:
    found = imported(
        flowise(
            flowise_node("start_0", "startAgentflow"),
            flowise_node("it_0", "iterationAgentflow", {"iterationInput": "{{ $flow.state.list }}"}),
            flowise_node(
                "agent_0",
                "agentAgentflow",
                {
                    "agentUserMessage": "<p>{{ $iteration.name }}</p>",
                    "agentTools": [
                        {"agentSelectedTool": "googleCustomSearch"},
                        {"agentSelectedTool": "gmail", "agentSelectedToolRequiresHumanInput": True},
                    ],
                },
                parentNode="it_0",
            ),
            flowise_node(
                "tool_0",
                "toolAgentflow",
                {
                    "toolAgentflowSelectedTool": "gmail",
                    "toolInputArgs": [{"inputArgName": "to", "inputArgValue": "<p>a@b.c</p>"}],
                },
            ),
            flowise_node(
                "pick_0",
                "conditionAgentAgentflow",
                {
                    "conditionAgentScenarios": [{"scenario": "User is happy"}, {"scenario": "User is not"}],
                    "conditionAgentInput": "{{ question }}",
                },
            ),
            flowise_node("note_0", "stickyNoteAgentflow", {"note": "hi"}),
            edges=[("start_0", "it_0"), ("it_0", "tool_0"), ("tool_0", "pick_0")],
        )
    )
    assert node(found, "it_0")["config"] == {"over": "context.list", "body": "agent_0", "max_iterations": 1000}
    agent = node(found, "agent_0")["config"]
    assert (agent["prompt_template"], agent["tools"][0]["approval"]) == ("{item.name}", True)
    assert ("agent_0", "it_0", None) in edges(found)
    assert node(found, "tool_0")["config"]["parameters"] == {"operation": "gmail", "parameters": {"to": "a@b.c"}}
    assert [one["name"] for one in node(found, "pick_0")["config"]["classes"]] == ["user_is_happy", "user_is_not"]


def test_a_chatflow_is_an_agent_with_its_parts() -> None:
    def edge(source: str, target: str, into: str) -> dict[str, str]:
        return {
            "source": source,
            "target": target,
            "sourceHandle": f"{source}-output-x-Y",
            "targetHandle": f"{target}-input-{into}-Z",
        }

    data = flowise(
        flowise_node("chain_0", "llmChain", {"model": "{{m.data.instance}}"}, category="Chains"),
        flowise_node("m_0", "chatOpenAI", {"modelName": "gpt-x", "temperature": "0.5"}, category="Chat Models"),
        flowise_node("p_0", "promptTemplate", {"template": "Answer {question} kindly"}, category="Prompts"),
        flowise_node("mem_0", "bufferMemory", category="Memory"),
        flowise_node("alone_0", "calculator", category="Tools"),
    )
    data["edges"] = [
        edge("m_0", "chain_0", "model"),
        edge("p_0", "chain_0", "prompt"),
        edge("mem_0", "chain_0", "memory"),
    ]
    found = imported(data)
    config = node(found, "chain_0")["config"]
    assert (config["model"], config["temperature"]) == ("gpt-x", 0.5)
    assert config["prompt_template"] == "Answer {message} kindly"
    assert config["memory"]["scope"] == "conversation"
    assert {entry.node for entry in found.report.entries[:4]} == {"chain_0"}
    assert outcomes(found)["alone_0"] == "unsupported"


def test_langflow_fields_are_filled_by_what_is_plugged_in() -> None:
    found = imported(
        langflow(
            langflow_node("in", "ChatInput"),
            langflow_node("Tone", "TextInput", input_value="kind"),
            langflow_node("prompt", "Prompt", template="Say {a} in a {tone} way, as {{x}}", a="", tone=""),
            langflow_node("model", "OpenAIModel", model_name="gpt-x", temperature=0.1),
            langflow_node("agent", "Agent", system_prompt="Check it", n_messages=9),
            langflow_node("search", "TavilySearchComponent"),
            langflow_node("out", "ChatOutput"),
            edges=[
                ("in", "prompt", "a"),
                ("Tone", "prompt", "tone"),
                ("prompt", "model", "input_value"),
                ("model", "agent", "input_value"),
                ("search", "agent", "tools"),
                ("agent", "out", "input_value"),
            ],
        )
    )
    assert node(found, "model")["config"]["prompt_template"] == "Say {message} in a {variables.tone} way, as {{x}}"
    assert workflow(found)["variables"] == [{"name": "tone", "default": "kind"}]
    assert node(found, "agent")["config"]["prompt_template"] == "{nodes.model.output}"
    assert node(found, "agent")["config"]["memory"]["window"] == 9
    assert node(found, "out")["config"]["text"] == "{nodes.agent.output}"
    assert edges(found) == [
        ("start", "model", None),
        ("model", "agent", None),
        ("agent", "out", None),
        ("out", "end", None),
    ]
    assert outcomes(found)["search"] == "approximated"
    assert outcomes(found)["prompt"] == outcomes(found)["Tone"] == "mapped"


def test_a_langflow_router_parts_the_way() -> None:
    found = imported(
        langflow(
            langflow_node("in", "ChatInput"),
            langflow_node("route", "ConditionalRouter", operator="contains", match_text="order"),
            langflow_node("a", "OpenAIModel"),
            langflow_node("b", "ChatOutput"),
            edges=[
                ("in", "route", "input_text"),
                ("route.true_result", "a", "input_value"),
                ("route.false_result", "b", "input_value"),
            ],
        )
    )
    assert ("route", "a", "contains(context.message, 'order')") in edges(found)
    assert ("route", "b", None) in edges(found)


def test_prompts_that_fill_each_other_end_somewhere() -> None:
    """Without a bound this text would double with each prompt, and the circle would never end."""
    prompts = [langflow_node(f"p{n}", "Prompt", template="{a} {b}") for n in range(60)]
    links = [(f"p{n}", f"p{(n + 1) % 60}", into) for n in range(60) for into in ("a", "b")]
    found = imported(
        langflow(*prompts, langflow_node("model", "OpenAIModel"), edges=[*links, ("p7", "model", "input_value")])
    )
    assert outcomes(found)["model"] == "approximated"
    assert {entry.node for entry in found.report.entries} == {"model"}


def test_what_moderates_the_input_stands_in_front_of_the_agent() -> None:
    found = imported(
        flowise(
            flowise_node("a_0", "toolAgent", category="Agents"),
            flowise_node("m_0", "inputModerationOpenAI", category="Moderation"),
            edges=[("m_0", "a_0")],
        )
    )
    assert node(found, "a_0_moderation")["type"] == "guardrail"
    assert edges(found) == [("start", "a_0_moderation", None), ("a_0_moderation", "a_0", None), ("a_0", "end", None)]
    assert outcomes(found)["m_0"] == "approximated"


def test_a_sticky_note_is_no_step_whatever_it_is_called() -> None:
    found = imported(
        flowise(
            flowise_node("start_0", "startAgentflow"),
            flowise_node("llm_0", "llmAgentflow", {"llmUserMessage": "{{ odd_0 }}"}),
            flowise_node("odd_0", "oddThing", {"note": "x"}, type="stickyNote"),
            flowise_node("call_0", "executeFlowAgentflow", {"executeFlowSelectedFlow": "sample"}),
            edges=[("start_0", "llm_0"), ("llm_0", "call_0")],
        )
    )
    assert node(found, "llm_0")["type"] == "agent"
    assert node(found, "note")["type"] == "note"
    assert outcomes(found)["llm_0"] == "approximated"


def test_langflow_asks_people_guards_and_starts_by_the_clock() -> None:
    found = imported(
        langflow(
            langflow_node("at", "ScheduleTrigger", cron_expression="0 7 * * 1", timezone="Europe/Berlin"),
            langflow_node("guard", "GuardrailValidator", enabled_guardrails=["PII", "Jailbreak"]),
            langflow_node("ask", "HumanInput", prompt="Send it?"),
            langflow_node("yes", "ChatOutput"),
            langflow_node("no", "ChatOutput"),
            langflow_node("bad", "ChatOutput"),
            edges=[
                ("at", "guard", "input_text"),
                ("guard.pass_result", "ask", "prompt_data"),
                ("guard.failed_result", "bad", "input_value"),
                ("ask.branch_approve", "yes", "input_value"),
                ("ask.branch_reject", "no", "input_value"),
            ],
        )
    )
    assert workflow(found)["triggers"] == [
        {"type": "schedule", "config": {"cron": "0 7 * * 1", "timezone": "Europe/Berlin"}}
    ]
    assert node(found, "guard")["config"]["checks"] == ["pii_redact", "prompt_injection"]
    assert node(found, "ask")["type"] == "human"
    assert ("guard", "ask", "context.passed") in edges(found)
    assert ("ask", "yes", "context.approved") in edges(found)
    assert ("ask", "no", None) in edges(found)


def test_langflow_choices_have_their_names() -> None:
    found = imported(
        langflow(
            langflow_node("in", "ChatInput"),
            langflow_node("ask", "HumanInput", prompt="Which?"),
            langflow_node("a", "ChatOutput"),
            langflow_node("b", "ChatOutput"),
            edges=[
                ("in", "ask", "x"),
                ("ask.branch_now", "a", "input_value"),
                ("ask.branch_later", "b", "input_value"),
            ],
        )
    )
    assert node(found, "ask")["config"]["choices"] == ["now", "later"]
    assert ("ask", "a", "context.choice == 'now'") in edges(found)
