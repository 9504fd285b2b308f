"""Dify: selectors, conditions, containers and the nodes that have an equal of ours."""

from __future__ import annotations

import json

import pytest
import yaml

from tests.unit.importers.samples import Json, dify, dify_node, edges, imported, node, outcomes, workflow

START = dify_node("s", "start", "Start", variables=[{"variable": "query", "type": "text-input", "required": True}])


def test_if_else_with_two_ends() -> None:
    case = {"variable_selector": ["s", "query"], "comparison_operator": "contains", "value": "hello"}
    found = imported(
        yaml.safe_dump(
            dify(
                START,
                dify_node(
                    "c", "if-else", "IF", cases=[{"case_id": "true", "conditions": [case], "logical_operator": "and"}]
                ),
                dify_node("a", "end", "Yes", outputs=[{"variable": "true", "value_selector": ["s", "query"]}]),
                dify_node("b", "end", "No", outputs=[]),
                edges=[("s", "c"), ("c", "a", "true"), ("c", "b", "false")],
            )
        )
    )
    assert set(outcomes(found).values()) == {"mapped"}
    assert edges(found) == [("start", "if", None), ("if", "yes", "contains(inputs.query, 'hello')"), ("if", "no", None)]
    assert node(found, "yes")["config"]["output"] == {"true": "${inputs.query}"}
    assert workflow(found)["inputs"]["properties"] == {"query": {"type": "string"}}


@pytest.mark.parametrize(
    ("operator", "value", "kind", "wanted"),
    [
        ("is", "x", "string", "inputs.query == 'x'"),
        ("is not", "x", "string", "inputs.query != 'x'"),
        ("not contains", "x", "string", "not contains(inputs.query, 'x')"),
        ("start with", "a.b", "string", r"matches(inputs.query, '^a\\.b')"),
        ("empty", "", "string", "not inputs.query"),
        ("not empty", "", "string", "len(inputs.query) > 0"),
        ("≥", "5", "number", "inputs.query >= 5"),
        ("≠", "1.5", "number", "inputs.query != 1.5"),
        ("in", ["a", "b"], "string", "inputs.query in ['a', 'b']"),
        ("null", "", "string", "inputs.query == null"),
        ("is", "true", "boolean", "inputs.query == true"),
        ("all of", ["a"], "file", None),
    ],
)
def test_operators(operator: str, value: Json, kind: str, wanted: str | None) -> None:
    one = {"variable_selector": ["s", "query"], "comparison_operator": operator, "value": value, "varType": kind}
    data = dify(
        START,
        dify_node("c", "if-else", cases=[{"case_id": "1", "conditions": [one]}]),
        dify_node("a", "answer", answer="x"),
        edges=[("s", "c"), ("c", "a", "1")],
    )
    found = imported(data)
    assert (edges(found)[1][2] if wanted else "kept") == (wanted or "kept")
    assert outcomes(found)["c"] == ("mapped" if wanted else "approximated")


def test_a_model_with_messages_and_context() -> None:
    found = imported(
        dify(
            START,
            dify_node(
                "kb",
                "knowledge-retrieval",
                query_variable_selector=["sys", "query"],
                multiple_retrieval_config={"top_k": 3},
            ),
            dify_node(
                "m",
                "llm",
                "Answer",
                model={
                    "provider": "langgenius/anthropic/anthropic",
                    "name": "claude-x",
                    "completion_params": {"temperature": 0.3},
                },
                prompt_template=[
                    {"role": "system", "text": "Use {{#context#}} {not a place}"},
                    {"role": "user", "text": "{{#sys.query#}} / {{#s.query#}}"},
                ],
                context={"enabled": True, "variable_selector": ["kb", "result"]},
                memory={"window": {"enabled": True, "size": 7}},
            ),
            dify_node("a", "answer", answer="{{#m.text#}}"),
            edges=[("s", "kb"), ("kb", "m"), ("m", "a")],
            mode="advanced-chat",
        )
    )
    config = node(found, "answer")["config"]
    assert config["system_prompt"] == "Use {nodes.kb.output} {not a place}"
    assert config["prompt_template"] == "{message} / {inputs.query}"
    assert (config["model"], config["temperature"], config["memory"]["window"]) == ("claude-x", 0.3, 7)
    assert node(found, "a")["config"]["text"] == "{nodes.answer.output}"
    assert workflow(found)["triggers"] == [{"type": "chat", "config": {"path": "sample"}}]


def test_a_loop_with_variables_and_an_iteration() -> None:
    found = imported(
        dify(
            START,
            dify_node(
                "l",
                "loop",
                loop_count=4,
                loop_variables=[{"label": "n", "value": "1", "value_type": "constant", "var_type": "number"}],
                break_conditions=[
                    {"variable_selector": ["l", "n"], "comparison_operator": "≥", "value": "3", "varType": "number"}
                ],
            ),
            dify_node("ls", "loop-start", parent="l"),
            dify_node(
                "inc",
                "assigner",
                parent="l",
                items=[{"variable_selector": ["l", "n"], "operation": "+=", "input_type": "constant", "value": 1}],
            ),
            dify_node(
                "i",
                "iteration",
                iterator_selector=["s", "query"],
                output_selector=["t", "output"],
                is_parallel=True,
                parallel_nums=3,
            ),
            dify_node("is", "iteration-start", parent="i"),
            dify_node(
                "t",
                "template-transform",
                parent="i",
                template="{{ x }}!",
                variables=[{"variable": "x", "value_selector": ["i", "item"]}],
            ),
            dify_node("e", "end", outputs=[{"variable": "all", "value_selector": ["i", "output"]}]),
            edges=[("s", "l"), ("ls", "inc"), ("l", "i"), ("is", "t"), ("i", "e")],
        )
    )
    assert node(found, "l")["config"] == {"body": "inc", "max_iterations": 4, "until": "context.n >= 3"}
    assert node(found, "l_variables")["config"]["set"] == {"n": 1}
    assert node(found, "inc")["config"]["set"] == {"n": "context.n + 1"}
    assert node(found, "i")["config"] == {
        "over": "inputs.query",
        "body": "t",
        "collect": "nodes.t.output.output",
        "concurrency": 3,
        "max_iterations": 1000,
    }
    assert node(found, "t")["config"]["set"] == {"output": "text(item) + '!'"}
    assert {("inc", "l", None), ("t", "i", None), ("start", "l_variables", None)} <= set(edges(found))
    assert node(found, "e")["config"]["output"] == {"all": "${nodes.i.output.results}"}


def test_a_name_that_no_key_can_have_is_cut_and_said() -> None:
    long = "n" * 5_000
    kept = {
        "variable_selector": ["conversation", long],
        "operation": "over-write",
        "input_type": "constant",
        "value": 1,
    }
    loop = [{"label": long, "value": "1", "value_type": "constant", "var_type": "number"}]
    found = imported(
        dify(
            START,
            dify_node("a", "assigner", items=[kept]),
            dify_node("l", "loop", loop_count=2, loop_variables=loop),
            dify_node("ls", "loop-start", parent="l"),
            dify_node("t", "template-transform", parent="l", template="x"),
            edges=[("s", "a"), ("a", "l"), ("ls", "t")],
        )
    )
    assert found.error is None
    assert list(node(found, "a")["config"]["set"]) == ["n" * 400]
    assert list(node(found, "l_variables")["config"]["set"]) == ["n" * 400]
    assert any("was cut" in reason for entry in found.report.entries for reason in entry.reasons)


def test_classifier_extractor_http_and_variables() -> None:
    found = imported(
        dify(
            START,
            dify_node(
                "q",
                "question-classifier",
                classes=[{"id": "1", "name": "Orders and returns"}, {"id": "2", "name": "投诉"}],
                query_variable_selector=["s", "query"],
            ),
            dify_node(
                "p",
                "parameter-extractor",
                parameters=[{"name": "city", "type": "string", "description": "Where", "required": True}],
                query=["s", "query"],
            ),
            dify_node(
                "h",
                "http-request",
                method="post",
                url="https://x.example/{{#p.city#}}",
                headers="X-A: {{#env.KEY#}}",
                body={"type": "json", "data": [{"value": '{"a": "{{#p.city#}}", "n": {{#s.query#}}}'}]},
                error_strategy="fail-branch",
            ),
            dify_node("v", "variable-aggregator", variables=[["h", "body"], ["p", "city"]]),
            dify_node("x", "end", outputs=[]),
            edges=[("s", "q"), ("q", "p", "1"), ("p", "h"), ("h", "v"), ("h", "x", "fail-branch")],
            environment_variables=[{"name": "KEY", "value": "secret-value-1", "value_type": "secret"}],
        )
    )
    assert ("q", "p", "context.class == 'orders_and_returns'") in edges(found)
    assert [one["name"] for one in node(found, "q")["config"]["classes"]] == ["orders_and_returns", "class_2"]
    assert node(found, "p")["config"]["schema"]["required"] == ["city"]
    http = node(found, "h")["config"]
    assert http["url"] == "https://x.example/{nodes.p.output.city}"
    assert http["body"] == {"a": "${nodes.p.output.city}", "n": "${inputs.query}"}
    assert http["headers"] == {"X-A": "${variables.key}"}
    assert {"from": "h", "to": "x", "on": "error"} in workflow(found)["edges"]
    assert node(found, "v")["config"]["set"] == {"output": "default(nodes.h.output, nodes.p.output.city)"}
    assert "secret-value-1" not in str(found.text)


def test_code_is_switched_off_and_a_file_is_its_text() -> None:
    found = imported(
        dify(
            START,
            dify_node(
                "c",
                "code",
                code="def main(a):\n    return {'x': a}",
                code_language="python3",
                variables=[{"variable": "a", "value_selector": ["s", "query"]}],
            ),
            dify_node("d", "document-extractor", variable_selector=["s", "query"]),
            edges=[("s", "c"), ("c", "d")],
        )
    )
    code = node(found, "c")
    assert code["disabled"] is True
    assert code["config"]["source"].endswith("result = main(a=a)\n")
    assert outcomes(found) == {"Start": "mapped", "c": "approximated", "d": "approximated"}
    assert node(found, "d")["config"]["set"] == {"text": "text(inputs.query)"}


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ q | upper }}!", "text(upper(inputs.query)) + '!'"),
        ("{{ q | default('none') | lower }}", "lower(default(inputs.query, 'none'))"),
        ("{{ q | length }}", "len(inputs.query)"),
        ("{{ q.list | first }}", "inputs.query.list[0]"),
        ("{{ q | round(2) }}", "round(inputs.query, 2)"),
        ("{{ q | tojson }}", "inputs.query"),
        ("{{ q | join(', ') }}", "join(inputs.query, ', ')"),
        ("{{ q | replace('|', '-') | trim }}", "trim(replace(inputs.query, '|', '-'))"),
    ],
)
def test_filters_of_a_template(template: str, said: str) -> None:
    variables = [{"variable": "q", "value_selector": ["s", "query"]}]
    found = imported(
        dify(START, dify_node("t", "template-transform", template=template, variables=variables), edges=[("s", "t")])
    )
    assert node(found, "t")["config"]["set"] == {"output": said}
    assert outcomes(found)["t"] == "mapped"


def test_a_filter_that_cannot_be_said_stays() -> None:
    variables = [{"variable": "q", "value_selector": ["s", "query"]}]
    for template in ("{{ q | sort }}", "{{ q | replace(x, 'x') }}", "{{ q + 1 }}"):
        found = imported(
            dify(
                START, dify_node("t", "template-transform", template=template, variables=variables), edges=[("s", "t")]
            )
        )
        assert outcomes(found)["t"] == "approximated"
        assert [kept.text for kept in found.report.entries[1].kept] == [template]


@pytest.mark.parametrize(
    ("data", "cron"),
    [
        ({"frequency": "daily", "visual_config": {"time": "11:30 PM"}}, "30 23 * * *"),
        ({"frequency": "weekly", "visual_config": {"time": "12:05 AM", "weekdays": ["mon", "fri"]}}, "5 0 * * 1,5"),
        (
            {"frequency": "monthly", "visual_config": {"time": "9:00", "monthly_days": [1, 15, "last"]}},
            "0 9 1,15,28 * *",
        ),
        ({"frequency": "hourly", "visual_config": {"on_minute": 20}}, "20 * * * *"),
        ({"mode": "cron", "cron_expression": "*/5 * * * *"}, "*/5 * * * *"),
        ({"frequency": "daily", "visual_config": {"time": "25:99"}}, "0 9 * * *"),
    ],
)
def test_times_that_were_chosen_in_the_form(data: dict[str, object], cron: str) -> None:
    found = imported(
        dify(dify_node("s", "trigger-schedule", **data), dify_node("a", "answer", answer="x"), edges=[("s", "a")])
    )
    assert workflow(found)["triggers"][0] == {"type": "schedule", "config": {"cron": cron}}


def test_what_has_no_output_and_what_calls_itself() -> None:
    found = imported(
        dify(
            START,
            dify_node("data", "datasource"),
            dify_node("a", "answer", answer="{{#data.text#}} {{#s.query#}}"),
            dify_node("again", "tool", provider_type="workflow", tool_name="Sample"),
            edges=[("s", "a"), ("a", "again")],
        )
    )
    assert node(found, "a")["type"] == "message"
    assert node(found, "again")["config"]["workflow_name"] == "sample_part"


def test_tools_and_datasets_of_an_app_without_a_graph() -> None:
    app = {
        "app": {"name": "Helper", "mode": "agent-chat"},
        "kind": "app",
        "model_config": {
            "prompt_type": "advanced",
            "chat_prompt_config": {"prompt": [{"role": "system", "text": "Be {{tone}} {{#context#}}"}]},
            "agent_mode": {"enabled": True, "tools": [{"enabled": True, "tool_name": "current_time"}]},
            "dataset_configs": {"datasets": {"datasets": [{"dataset": {"id": "1"}}]}},
        },
    }
    config = node(imported(app), "answer")["config"]
    assert config["system_prompt"] == "Be {tone} "
    assert config["tools"] == [{"tool_name": "call_api", "credential": "answer_api"}]
    assert config["knowledge"] == ["knowledge"]


def test_a_note_and_an_app_without_a_graph() -> None:
    lines = [{"type": "paragraph", "children": [{"text": line}]} for line in ("Hello", "you")]
    text = json.dumps({"root": {"children": lines}})
    note = {
        "id": "n",
        "type": "custom-note",
        "position": {"x": 0, "y": 0},
        "data": {"type": "", "title": "", "theme": "blue", "text": text},
    }
    assert node(imported(dify(START, note)), "note")["config"]["text"] == "Hello\nyou"
    app = {
        "app": {"name": "Helper", "mode": "chat"},
        "kind": "app",
        "model_config": {
            "pre_prompt": "Be {{tone}}",
            "model": {"provider": "openai", "name": "gpt-x"},
            "opening_statement": "Hi",
        },
    }
    found = imported(app)
    assert node(found, "answer")["config"]["system_prompt"] == "Be {tone}"
    assert workflow(found)["triggers"][0]["config"]["greeting"] == "Hi"
