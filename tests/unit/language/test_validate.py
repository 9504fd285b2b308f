"""Every finding: its code, its severity, its exact line, and its fix where it has one.

The files mark the line of the finding with `#!` at its end.
"""

# ruff: noqa: E501 - one case a line

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.language import node_types
from engine.language.diagnostics import CODES, Diagnostic, documentation, main
from engine.language.document import Document
from engine.language.positions import apply_patches
from engine.language.validate import MAX_DIAGNOSTICS, has_errors, validate

HEAD = """\
schema_version: 1
name: "w"
version: "1.0.0"
description: "d"
category: "system"
priority: "low"
"""
CLASSIC = HEAD.removeprefix("schema_version: 1\n")
BODY = """\
nodes:
  - name: start
    type: start
  - name: ask
    type: agent
    config:
      prompt_template: "About {message}"
  - name: end
    type: end
edges:
  - {from: start, to: ask}
  - {from: ask, to: end}
"""
GOOD = HEAD + BODY


class Returns(NamedTuple):
    """A stand-in for a ToolSpec."""

    returns: dict[str, Any]


TOOLS = {"search": Returns({"properties": {"results": {}}}), "create_lead": Returns({})}


def findings(text: str) -> list[Diagnostic]:
    return validate(Document.parse(text), tools=TOOLS, workflows={"track_order", "faq"})


def test_a_body_that_ends_is_no_finding() -> None:
    for text in (in_loop(), in_loop(call="    on_error: {action: goto, node: end}\n")):
        assert {found.code for found in findings(text)} <= {"no-default", "unknown-template-path"}


def test_a_good_file_has_no_findings() -> None:
    assert findings(GOOD) == []
    assert findings(CLASSIC + BODY) == []


def nodes(extra: str, *, ask: str = "", edges: str = "") -> str:
    """The good file with more at the ask node, more nodes and more edges."""
    text = GOOD.replace('"About {message}"\n', '"About {message}"\n' + ask)
    return text.replace("edges:\n", extra + "edges:\n") + edges


def in_loop(*, call: str = "", edge: str = "") -> str:
    """A file with a loop whose body is one node, with more at that node and more edges."""
    loop = "  - {name: each, type: loop, config: {over: context.items, body: call}}\n"
    body = f"  - name: call\n    type: message\n{call}  - {{name: after, type: message}}\n"
    ways = (("ask", "each, on: error"), ("each", "after"), ("call", "each"), ("after", "end"))
    return nodes(loop + body, edges="".join(f"  - {{from: {start}, to: {end}}}\n" for start, end in ways) + edge)


# (code, severity, part of the message, text, text after the fix or None)
CASES: list[tuple[str, str, str, str, str | None]] = [
    ("missing-key", "error", "`description` is missing", GOOD.replace('description: "d"\n', "").replace("schema_version: 1", "schema_version: 1 #!"), None),
    ("missing-key", "error", "`type` is missing", nodes("  - name: x #!\n"), None),
    ("missing-key", "error", "`tool_name` is missing", nodes("  - name: x\n    type: tool\n    config: #!\n      parameters: {}\n"), None),
    ("missing-key", "error", "needs a `node`", nodes("", ask="    on_error: {action: goto} #!\n"), None),
    ("unknown-key", "error", "did you mean `description`", GOOD.replace("description:", "descriptoin:").replace('"d"', '"d" #!'), "description:"),
    ("unknown-key", "error", "did you mean `config`", nodes("  - {name: x, type: note}\n", ask="    confg: {} #!\n"), None),
    ("unknown-key", "error", "did you mean `temperature`", nodes("", ask="      temprature: 0.5 #!\n"), "      temperature: 0.5"),
    ("unknown-key", "error", "unknown key `zzz`", nodes("", ask="      zzz: 0.5 #!\n"), ""),
    ("unknown-key", "warning", "did you mean `max_attempts`", nodes("", ask="    retry:\n      max_atempts: 2 #!\n"), "max_attempts: 2"),
    ("unknown-key", "warning", "unknown key `burst`", GOOD + "config: {rate_limiting: {requests_per_minute: 5, burst: 2}} #!\n", None),
    ("bad-value", "error", "`version` must be a text, not 1.0", GOOD.replace('"1.0.0"', "1.0 #!"), 'version: "1.0"'),
    ("bad-value", "error", "must look like", GOOD.replace('"1.0.0"', '"1.0" #!'), None),
    ("bad-value", "error", "must be one of", GOOD.replace('"low"', '"lwo" #!'), 'priority: "low"'),
    ("bad-value", "error", "must be 2 or less", nodes("", ask="      temperature: 3 #!\n"), None),
    ("bad-value", "error", "must be a whole number", nodes("", ask="      max_tokens: many #!\n"), None),
    ("bad-value", "error", "must be a mapping", nodes("", ask="    retry: 5 #!\n"), None),
    ("bad-value", "error", "item 4 of `nodes`", nodes("  - 5 #!\n"), None),
    ("bad-value", "error", "`condition` must be a text", GOOD.replace("to: end}", "to: end, condition: 5} #!"), None),
    ("bad-name", "error", "'9x' is not a valid name", nodes("  - {name: 9x, type: note} #!\n"), None),
    ("bad-name", "error", "'W X'", GOOD.replace('name: "w"', 'name: "W X" #!'), None),
    ("condition-not-text", "warning", 'write "true"', GOOD.replace("to: end}", "to: end, condition: true} #!"), 'condition: "true"'),
    ("not-a-workflow", "error", "must be a mapping", "- a #!\n", None),
    ("unsupported", "warning", "nothing fetches mail", GOOD + "triggers:\n  - {type: email} #!\n", None),
    ("bad-trigger", "error", "two parts joined by a colon", GOOD + "triggers:\n  - type: api\n    config:\n      scopes:\n        - invoices:approve\n        - Invoices Pay #!\n", None),
    ("bad-trigger", "error", "two parts joined by a colon", GOOD + "triggers:\n  - {type: api, config: {scopes: [orders]}} #!\n", None),
    ("bad-trigger", "error", "did you mean `runs:read`", GOOD + "triggers:\n  - {type: api, config: {scopes: [runs:raed]}} #!\n", 'scopes: ["runs:read"]'),
    ("bad-trigger", "error", "a scope of your own begins otherwise", GOOD + "triggers:\n  - {type: api, config: {scopes: [settings:zzz]}} #!\n", None),
    ("bad-trigger", "error", "must be a list", GOOD + "triggers:\n  - {type: api, config: {scopes: orders:write}} #!\n", None),
    ("bad-trigger", "error", "`auth` must be one of 'key'", GOOD + "triggers:\n  - type: api\n    config:\n      auth: none #!\n", None),
    ("bad-trigger", "error", "`auth` must be", GOOD + "triggers:\n  - type: api\n    config:\n      auth: {type: key} #!\n", None),
    ("bad-trigger", "error", "must be true or false", GOOD + "triggers:\n  - {type: chat, config: {path: p, persist: always}} #!\n", None),
    ("unsupported", "error", "`extends`", GOOD.replace("schema_version: 1", "extends: base.yaml #!"), None),
    ("no-cache", "error", "has to be done each time", nodes("  - name: x\n    type: message\n    config: {text: hi}\n    cache: {ttl_seconds: 5} #!\n"), None),
    ("duplicate-node", "error", "lines 10 and 16", nodes("  - name: ask #!\n    type: note\n"), "  - name: ask_2"),
    ("unknown-node-type", "error", "did you mean `message`", nodes("  - name: x\n    type: mesage #!\n"), "type: message"),
    ("unknown-tool", "error", "did you mean `search`", nodes("  - name: x\n    type: tool\n    config:\n      tool_name: serach #!\n"), "tool_name: search"),
    ("unknown-workflow", "warning", "did you mean `track_order`", nodes("  - name: x\n    type: sub_workflow\n    config:\n      workflow_name: 'trackorder' #!\n"), "workflow_name: 'track_order'"),
    ("sub-workflow-cycle", "error", "calls itself", nodes("  - name: x\n    type: sub_workflow\n    config: {workflow_name: w} #!\n"), None),
    ("unknown-edge-end", "error", "did you mean `ask`", nodes("", edges="  - {from: asc, to: end} #!\n"), "{from: ask, to: end}"),
    ("unknown-reference", "error", "no node `asq`", nodes("", edges="  - from: ask\n    to: end\n    condition: \"nodes.asq.output.x == 1\" #!\n"), '"nodes.ask.output.x == 1"'),
    ("unknown-reference", "error", "no node `gone`", nodes("", ask="      agent_type: \"${nodes.gone.output}\" #!\n"), None),
    ("unknown-reference", "error", "no node `gone`", nodes("  - name: x\n    type: message\n    config:\n      text: |\n        Hello\n        {nodes.gone.output.x} #!\n"), None),
    ("unknown-variable", "warning", "no variable `limt`", GOOD.replace("to: end}", 'to: end, condition: "context.x > variables.limt"} #!') + "variables: [{name: limit}]\n", None),
    ("mirror-disagrees", "warning", "`next_node` says `start`", nodes("", ask="      next_node: start #!\n"), "next_node: end"),
    ("mirror-disagrees", "warning", "branch 1 leads to `ask`", nodes("  - name: c\n    type: condition\n    config:\n      conditions:\n        - condition: 'true'\n          next_node: ask #!\n", edges="  - {from: c, to: end}\n"), "next_node: end"),
    ("mirror-disagrees", "warning", "another condition", nodes("  - name: c\n    type: condition\n    config:\n      conditions:\n        - condition: context.a #!\n          next_node: end\n", edges="  - {from: c, to: end, condition: context.b}\n"), "condition: context.b"),
    ("mirror-disagrees", "warning", "2 branches are listed, but 1", nodes("  - name: c\n    type: condition\n    config:\n      conditions: #!\n        - {condition: 'true', next_node: end}\n        - {condition: 'true', next_node: ask}\n", edges="  - {from: c, to: end}\n"), None),
    ("missing-start", "error", "no start node", GOOD.replace("type: start", "type: note").replace("nodes:\n", "nodes: #!\n"), None),
    ("multiple-start", "error", "second start", nodes("  - name: again #!\n    type: start\n", edges="  - {from: again, to: end}\n"), None),
    ("unreachable-node", "warning", "`x`", nodes("  - name: x #!\n    type: message\n", edges="  - {from: x, to: end}\n"), None),
    ("no-way-out", "error", "no edge leaves `x`", nodes("  - name: x #!\n    type: message\n", edges="  - {from: ask, to: x, on: error}\n"), None),
    ("endless-cycle", "error", "no edge leaves the cycle of `a`, `b`", nodes("  - name: a #!\n    type: message\n  - {name: b, type: message}\n", edges="  - {from: ask, to: a, on: error}\n  - {from: a, to: b}\n  - {from: b, to: a}\n"), None),
    ("endless-cycle", "error", "only leads back to itself", nodes("  - name: a #!\n    type: message\n", edges="  - {from: ask, to: a, on: error}\n  - {from: a, to: a}\n"), None),
    ("several-unconditional", "error", "only a parallel node may", nodes("", edges="  - from: ask\n    to: ask\n    condition: 'true' #!\n"), None),
    ("dead-edge", "warning", "never taken", nodes("", edges="  - from: ask\n    to: ask\n    condition: context.again #!\n"), None),
    ("no-default", "info", "none of its conditions", GOOD.replace("name: ask", "name: ask #!").replace("to: end}", "to: end, condition: context.ok}"), None),
    ("bad-condition", "error", "write `and`", GOOD.replace("{from: ask, to: end}", "from: ask\n    to: end\n    condition: 'context.a && context.b' #!"), "'context.a and context.b'"),
    ("bad-condition", "error", "ends too early", GOOD.replace("{from: ask, to: end}", "from: ask\n    to: end\n    condition: |\n      context.a == #!\n      \n".replace(" #!", "")) .replace("condition: |", "condition: | #!"), None),
    ("bad-condition", "error", "empty", GOOD.replace("to: end}", "to: end, condition: ''} #!"), None),
    ("bad-expression", "error", "unknown name `total`", nodes("  - name: x\n    type: transform\n    config:\n      set: {a: total * 2} #!\n"), None),
    ("bad-expression", "error", "too early", nodes("  - name: x\n    type: tool\n    config:\n      tool_name: search\n      parameters:\n        q: \"${context.a +}\" #!\n"), None),
    ("bad-expression", "error", "name is missing", nodes("  - name: x\n    type: tool\n    config:\n      tool_name: search\n      parameters:\n        q: [\"context.\"] #!\n"), None),
    ("unknown-fallback", "error", "`nowhere`", GOOD + "error_handling:\n  - error_type: '*'\n    action: fallback\n    fallback_node: nowhere #!\n", ""),
    ("unknown-fallback", "error", "did you mean `ask`", GOOD + "error_handling:\n  - {error_type: '*', action: fallback, fallback_node: aks} #!\n", "fallback_node: ask}"),
    ("unknown-fallback", "warning", "`escalate_to_human`", CLASSIC + BODY + "error_handling:\n  - error_type: '*'\n    action: escalate\n    fallback_node: escalate_to_human #!\n", ""),
    ("left-body", "warning", "out of the body of `each` to `after`", in_loop(call="    on_error: {action: goto, node: after} #!\n"), None),
    ("left-body", "warning", "out of the body of `each` to `after`", in_loop(edge="  - {from: call, to: after, on: error} #!\n"), None),
    ("unknown-target", "error", "leads to `edn`", nodes("", ask="    on_error: {action: goto, node: edn} #!\n"), "node: end}"),
    ("unknown-template-path", "warning", "did you mean `message`", GOOD.replace('"About {message}"', '"About {mesage}" #!'), None),
    ("unknown-template-path", "warning", "nothing in this workflow fills `zzz`", GOOD.replace('"About {message}"', '"About {zzz}" #!').replace("config:", "config:\n      output_schema: {properties: {a: {}}}") + "inputs: {properties: {message: {}}}\n", None),
    ("credential-value", "error", "vault", nodes("  - name: x\n    type: tool\n    config:\n      tool_name: search\n      parameters:\n        api_key: sk-abcdefghijklmnopqrstuvwxyz123456 #!\n"), None),
    ("credential-value", "error", "vault", GOOD + "credentials:\n  - name: crm\n    type: http_bearer\n    token: hello #!\n", None),
    ("credential-value", "error", "vault", GOOD + "x-list:\n  - ghp_abcdefghijklmnopqrstuvwxyz0123456789 #!\n", None),
    ("credential-reference", "error", "credential", nodes("  - name: x\n    type: message\n    config:\n      text: \"token {credentials.crm.token}\" #!\n"), None),
    ("credential-reference", "error", "credential", nodes("  - name: x\n    type: tool\n    config:\n      tool_name: search\n      parameters: {q: \"${credentials.crm.token}\"} #!\n"), None),
    ("bad-trigger", "error", "needs `path`", GOOD + "triggers:\n  - type: webhook\n    config: {auth: token} #!\n", None),
    ("bad-trigger", "error", "a path has", GOOD + "triggers:\n  - type: chat\n    config: {path: '../etc'} #!\n", None),
    ("bad-trigger", "error", "five fields", GOOD + "triggers:\n  - type: schedule\n    config: {cron: daily} #!\n", None),
    ("bad-trigger", "error", "`auth` must be one of", GOOD + "triggers:\n  - type: webhook\n    config: {path: p, auth: hmca} #!\n", "auth: hmac}"),
    ("bad-trigger", "error", "'25' is not an hour", GOOD + "triggers:\n  - type: schedule\n    config:\n      cron: 0 25 * * * #!\n", None),
    ("bad-trigger", "error", "did you mean `Europe/Berlin`", GOOD + "triggers:\n  - type: schedule\n    config:\n      cron: 0 8 * * *\n      timezone: Europe/Berln #!\n", "timezone: Europe/Berlin #!"),
    ("bad-trigger", "error", "`overlap` must be one of", GOOD + "triggers:\n  - type: schedule\n    config: {cron: 0 8 * * *, overlap: skipp} #!\n", "overlap: skip}"),
    ("bad-trigger", "error", "`catch_up` must be 100 or less", GOOD + "triggers:\n  - type: schedule\n    config: {cron: 0 8 * * *, catch_up: 101} #!\n", None),
    ("bad-trigger", "error", "the event trigger needs `topic`", GOOD + "triggers:\n  - type: event #!\n", None),
    ("bad-trigger", "error", "a topic has", GOOD + "triggers:\n  - type: event\n    config: {topic: 'a b'} #!\n", None),
    ("bad-trigger", "error", "two triggers named `t`", GOOD + "triggers:\n  - {name: t, type: manual}\n  - {name: t, type: api} #!\n", None),
    ("unknown-key", "error", "did you mean `timezone`", GOOD + "triggers:\n  - type: schedule\n    config: {cron: 0 8 * * *, timezon: UTC} #!\n", "timezone: UTC}"),
    ("bad-expression", "error", "unknown name `total`", GOOD + "triggers:\n  - type: event\n    config: {topic: order.paid, filter: total > 5} #!\n", None),
    ("bad-value", "error", "must be one of", GOOD + "triggers:\n  - type: webhok #!\n    config: {path: p}\n", "type: webhook"),
    ("yaml-syntax", "error", "column as the others", GOOD.replace("    type: agent", "   type: agent #!"), None),
    ("yaml-duplicate-key", "error", "lines 2 and 3", GOOD.replace('name: "w"\n', 'name: "w"\nname: "v" #!\n'), None),
    ("yaml-key", "error", "must be a text", GOOD + "x-a: {? [1] : 2} #!\n", None),
    ("yaml-merge", "error", "`<<` takes", GOOD + "x-a: {<<: 5} #!\n", None),
    ("yaml-number", "error", "infinity", GOOD + "x-a: .inf #!\n", None),
    ("yaml-character", "error", "NUL", GOOD + 'x-a: "\\0" #!\n', None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "severity", "message", "text", "fixed"), CASES, ids=[f"{c[0]}-{i}" for i, c in enumerate(CASES)]
)
def test_a_fault_is_found_at_its_line(code: str, severity: str, message: str, text: str, fixed: str | None) -> None:
    marked = [line for line, content in enumerate(text.splitlines(), 1) if content.rstrip().endswith("#!")]
    assert len(marked) == 1
    found = [d for d in findings(text) if d.code == code and message in d.message]
    assert found, [(d.code, d.message) for d in findings(text)]
    first = found[0]
    assert (first.line, first.severity) == (marked[0], severity)
    assert text[first.start : first.end].strip(), "the place shown is not empty"
    if fixed is None:
        return
    assert first.fix is not None, "a fix is missing"
    mended = apply_patches(text, first.fix.patches)
    assert fixed in mended
    assert not any(d.code == code and message in d.message for d in findings(mended)), "the fix does not mend"
    assert len(mended.splitlines()) >= len(text.splitlines()) - 1


def test_every_code_is_shown_by_a_case() -> None:
    assert set(CODES) - {case[0] for case in CASES} == {"too-large"}


def test_ten_thousand_nodes_are_refused_by_a_limit_that_is_named() -> None:
    text = HEAD + "nodes: [" + ", ".join(f"{{name: n{i}}}" for i in range(10_001)) + "]\nedges: []\n"
    found = findings(text)
    assert [(d.code, d.message) for d in found] == [("too-large", "more than 2,000 nodes")]
    assert Document.parse(text).workflow is None
    many = HEAD + "nodes: [{name: a, type: end}]\nedges: [" + "{from: a}, " * 10_001 + "]\n"
    assert [d.code for d in findings(many)] == ["too-large"]


def test_the_column_inside_a_condition_is_exact() -> None:
    text = GOOD.replace("to: end}", "to: end, condition: \"context.a == 'x' && 1\"}")
    found = next(d for d in findings(text) if d.code == "bad-condition")
    line = text.splitlines()[found.line - 1]
    assert line[found.column - 1 :].startswith("&& 1")
    assert found.node == "ask"
    assert found.path == ("edges", 1, "condition")


def test_the_column_inside_a_block_text_is_exact() -> None:
    text = nodes(
        "  - name: x\n    type: message\n    config:\n      text: |\n        Hello,\n\n          look: {nodes.gone.output}\n"
    )
    found = next(d for d in findings(text) if d.code == "unknown-reference")
    assert text.splitlines()[found.line - 1][found.column - 1 :].startswith("nodes.gone")


def test_a_secret_is_never_repeated() -> None:
    secret = "sk-abcdefghijklmnopqrstuvwxyz123456"
    for key in ("api_key", "Authorization", "client_secret", "anything"):
        found = findings(
            nodes(f"  - name: x\n    type: tool\n    config: {{tool_name: search, parameters: {{{key}: {secret}}}}}\n")
        )
        assert any(d.code == "credential-value" for d in found)
        assert not any(secret in d.message for d in found)


@pytest.mark.parametrize(
    "value",
    [
        "context.api_key",
        "${context.key}",
        "{api_key}",
        "your-api-key",
        "<api key>",
        "short",
        "xxxxxxxxxxxx",
        "a few words here",
    ],
)
def test_a_reference_or_placeholder_is_no_secret(value: str) -> None:
    text = nodes(
        f'  - name: x\n    type: tool\n    config: {{tool_name: search, parameters: {{api_key: "{value}"}}}}\n'
    )
    assert not any(d.code == "credential-value" for d in findings(text))


def test_checks_of_tools_and_workflows_can_be_left_out() -> None:
    text = nodes(
        "  - {name: x, type: tool, config: {tool_name: nope}}\n  - {name: y, type: sub_workflow, config: {workflow_name: nope}}\n"
    )
    codes = {d.code for d in validate(Document.parse(text))}
    assert not codes & {"unknown-tool", "unknown-workflow"}
    assert "unknown-tool" in {d.code for d in validate(Document.parse(text), tools=["search"])}


def test_branches_of_a_parallel_node_may_be_unconditional() -> None:
    text = nodes("  - {name: p, type: parallel}\n", edges="  - {from: p, to: end}\n  - {from: p, to: ask}\n")
    assert not any(d.code == "several-unconditional" for d in findings(text))


def test_a_cycle_with_a_way_out_a_loop_body_and_a_note_are_fine() -> None:
    text = nodes(
        "  - {name: l, type: loop, config: {body: inner}}\n  - {name: inner, type: message}\n  - {name: n, type: note}\n",
        edges="  - {from: inner, to: l}\n  - {from: l, to: end}\n",
    ).replace("{from: ask, to: end}", "{from: ask, to: start, condition: context.again}\n  - {from: ask, to: l}")
    assert [d.code for d in findings(text)] == []


def test_a_fallback_node_counts_as_reachable() -> None:
    text = nodes("  - {name: f, type: message}\n", edges="  - {from: f, to: end}\n")
    assert any(d.code == "unreachable-node" for d in findings(text))
    text += "error_handling: [{error_type: '*', action: fallback, fallback_node: f}]\n"
    assert findings(text) == []


def test_without_any_node_type_each_node_is_unknown_and_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_types, "_registry", {})
    codes = [d.code for d in findings(GOOD)]
    assert codes.count("unknown-node-type") == 3
    assert set(codes) <= {"unknown-node-type", "missing-start"}


def test_findings_are_in_order_and_bounded() -> None:
    text = HEAD + "nodes:\n" + "  - {name: 1, typ: x, zz: 1}\n" * 400 + "edges: []\n"
    found = findings(text)
    assert len(found) == MAX_DIAGNOSTICS
    assert [d.line for d in found] == sorted(d.line for d in found)
    assert has_errors(found)
    assert not has_errors([])


def test_a_finding_is_plain_json_for_the_api() -> None:
    found = findings(GOOD.replace('"low"', '"lwo"'))[0].to_dict()
    assert found["path"] == ["priority"]
    assert (found["line"], found["column"], found["severity"]) == (6, 11, "error")
    assert found["fix"] == {
        "title": "Change to `low`",
        "patches": [{"start": found["start"], "end": found["end"], "text": '"low"'}],
    }


def test_the_page_of_codes_is_written_and_checked(tmp_path: Path) -> None:
    assert main(["--check", "--root", str(tmp_path)]) == 1
    assert main(["--root", str(tmp_path)]) == 0
    assert main(["--check", "--root", str(tmp_path)]) == 0
    page = (tmp_path / "docs" / "diagnostics.md").read_text(encoding="utf-8")
    assert page == documentation()
    assert all(f"`{code}`" in page for code in CODES)
