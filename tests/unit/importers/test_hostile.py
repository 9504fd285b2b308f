"""Hostile files: refused with the bound's name, or imported with every node accounted for; never a crash."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engine.importers
from engine.errors import NotImportable
from engine.importers import attempt, convert
from tests.unit.importers import samples
from tests.unit.importers.samples import n8n, n8n_node, outcomes, promised

Json = Any

REFUSED = {
    "A16 python tag": ("app: !!python/object/apply:os.system ['id']", "tag"),
    "A17 alias bomb": (
        "a: &a [x,x,x,x,x,x,x,x,x]\n"
        + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(8)),
        "more than 50,000 values",
    ),
    "A18 merge bomb": (
        "b0: &b0 {k0: 1}\n" + "".join(f"b{i + 1}: &b{i + 1}\n  <<: [{', '.join([f'*b{i}'] * 9)}]\n" for i in range(7)),
        "values",
    ),
    "A19 brackets": ("[" * 50_000, "deeper than 64 levels"),
    "A19 brackets in YAML": ("a: " + "[" * 50_000, "deeper than 32 levels"),
    "A22 alias in itself": ("a: &a {b: *a}", "inside its own anchor"),
    "A23 large": ('{"nodes": "' + "x" * 5_000_000 + '"}', "larger than 4,000,000 bytes"),
    "many values": ("[" + "0," * 500_000 + "0]", "more than 400,000 values"),
    "not JSON": ('{"nodes": [', "not JSON"),
    "empty": ("  \n", "empty"),
    "a number": ("5", "no workflow"),
    "a list of nothing": ("[[[]]]", "no workflow"),
    "another JSON": ('{"name": "x", "version": "1"}', "no workflow"),
    "not UTF-8": (b"\xff\xfe{}", "not UTF-8"),
    "a long number": ("[" + "9" * 10_000 + "]", "no workflow"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why(name: str) -> None:
    data, message = REFUSED[name]
    with pytest.raises(NotImportable, match=message):
        convert(data)


def test_too_many_nodes_are_all_accounted_for() -> None:
    data = {"nodes": [n8n_node(f"N{number}", "noOp") for number in range(10_001)], "connections": {}}
    found = convert(json.dumps(data))
    assert found.text is None
    assert found.error == "The file has more than 4,000 nodes."
    assert len(found.report.entries) == 10_001
    between = convert(json.dumps({**data, "nodes": data["nodes"][:2_500]}))
    assert between.error == "The workflow has more than 2,000 nodes."
    promised(between)


def _without_nets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The converters have to be right by themselves: nothing catches their faults."""
    monkeypatch.setattr(attempt, "FAULTS", ())
    monkeypatch.setattr(engine.importers, "FAULTS", ())


ODD = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "=",
    "={{",
    "={{ }}",
    "={{ $json }}",
    "{{ $json.x }}",
    "={{ constructor.constructor('x')() }}",
    "__proto__",
    [],
    {},
    [[]],
    [{}],
    {"__proto__": {"a": 1}},
    "x" * 5_000,
    "\x00",
    "\ud800",
    "context.",
    "context.x +",
    "${",
    "${context.x",
    "{message",
    "}}",
    "${nodes.none.output}",
    "'",
    "Bearer abcdefghijklmnopqrstuvwxyz",
    1e308,
    10**15,
    "😀",
    "\u202e",
]


@pytest.mark.parametrize(
    "kind",
    [
        "set",
        "if",
        "switch",
        "httpRequest",
        "code",
        "wait",
        "merge",
        "splitInBatches",
        "webhook",
        "formTrigger",
        "scheduleTrigger",
        "respondToWebhook",
        "executeWorkflow",
        "googleSheets",
        "slack",
        "postgres",
        "form",
        "emailSend",
        "sort",
        "limit",
        "graphql",
        "redis",
        "splitOut",
        "aggregate",
        "renameKeys",
        "stickyNote",
    ],
)
def test_any_value_in_any_parameter(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_nets(monkeypatch)
    names = [
        "conditions",
        "rules",
        "values",
        "assignments",
        "url",
        "method",
        "jsonBody",
        "options",
        "path",
        "rule",
        "amount",
        "mode",
        "documentId",
        "channelId",
        "fieldToSplitOut",
        "content",
        "query",
        "operation",
        "resource",
        "workflowId",
        "toEmail",
        "formFields",
        "parameters",
        "headerParameters",
        "sendHeaders",
        "sendBody",
        "bodyParameters",
        "unit",
        "jsCode",
        "text",
    ]
    for value in ODD:
        node = n8n_node("N", kind, dict.fromkeys(names, value))
        nested = n8n_node(
            "M",
            kind,
            {name: {"values": [value], "conditions": [value], name: value, "interval": [value]} for name in names},
        )
        samples.imported(n8n(node, nested, links={"N": [["M"]]}))


def test_hostile_names_and_prototypes() -> None:
    labels = [
        "__proto__",
        "constructor",
        "toString",
        "a.b",
        "'; DROP TABLE x",
        "${x}",
        "{x}",
        "\n\n",
        "<script>",
        "null",
        "true",
        "no",
        "~",
    ]
    data = n8n(
        *[
            n8n_node(
                label,
                "set",
                {"values": {"string": [{"name": label, "value": f"={{{{ $('{label}').item.json['{label}'] }}}}"}]}},
            )
            for label in labels
        ]
    )
    found = samples.imported(data)
    assert len(outcomes(found)) == len(labels)
    assert "\n<script>" not in str(found.text)


def test_duplicate_keys_and_nan_are_read_as_javascript_does() -> None:
    found = samples.imported(
        '{"nodes": [], "nodes": [{"name": "A", "type": "n8n-nodes-base.noOp", "position": [NaN, Infinity]}],'
        ' "connections": {}}'
    )
    assert list(outcomes(found)) == ["A"]


def test_secrets_do_not_reach_the_draft() -> None:
    secret = "sk-" + "a1" * 20
    node = n8n_node(
        "A",
        "set",
        {
            "values": {
                "string": [{"name": "api_key", "value": secret}, {"name": "b", "value": f"={{{{ '{secret}' }}}}"}]
            }
        },
    )
    other = n8n_node("B", "unknownThing", {"deep": [{"password": "hunter2hunter2", "x": secret}]})
    found = samples.imported(n8n(node, other))
    assert secret not in str(found.text)
    assert "hunter2hunter2" not in str(found.text)


FILES = samples.foreign_files()


def _mutations(data: Json) -> st.SearchStrategy[Json]:
    """The file with some of its values replaced by odd ones, removed, or moved."""
    places = list(_places(data))
    odd = st.sampled_from(ODD) | st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=6,
    )
    change = st.tuples(
        st.sampled_from(places), odd, st.sampled_from(["set", "remove", "copy"]), st.sampled_from(places)
    )
    return st.lists(change, min_size=1, max_size=6).map(lambda changes: _changed(data, changes))


def _places(data: Json, at: tuple[str | int, ...] = ()) -> Any:
    for key, item in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*at, key)
        yield from _places(item, (*at, key))


def _at(data: Json, path: tuple[str | int, ...]) -> Json:
    for step in path:
        try:
            data = data[step]
        except (KeyError, IndexError, TypeError):
            return None
    return data


def _changed(data: Json, changes: list[Any]) -> Json:
    data = json.loads(json.dumps(data))
    for path, value, how, other in changes:
        holder = _at(data, path[:-1])
        if not isinstance(holder, dict | list) or _at(data, path) is None:
            continue
        if how == "remove":
            del holder[path[-1]]
        else:
            holder[path[-1]] = _at(json.loads(json.dumps(data)), other) if how == "copy" else value
    return data


@pytest.mark.parametrize("name", FILES)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_is_imported_or_refused(name: str, data: st.DataObject, monkeypatch: pytest.MonkeyPatch) -> None:
    _without_nets(monkeypatch)
    changed = data.draw(_mutations(FILES[name]))
    raw = json.dumps(changed)
    try:
        found = convert(raw, title="damaged", tools=samples.TOOLS)
    except NotImportable:
        return
    promised(found)
    assert found.text is not None, found.error
