"""Dify's nodes that call the outside world, compute and answer."""

from __future__ import annotations

import json
import re
from typing import Any

from engine.importers import schemas
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.dify.job import Job
from engine.importers.names import called_name, identifier, slug, variables
from engine.importers.wording import Said, Wording

Json = Any
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


def code(job: Job) -> None:
    source = v.text(job.data, "code")
    is_python = v.text(job.data, "code_language", default="python3").startswith("python")
    job.approximate(
        "code does not run until a person has looked at it"
        if is_python
        else "JavaScript has to be rewritten in Python; switched off until then"
    )
    inputs = variables(
        {
            v.text(one, "variable"): job.selected_value("inputs", one.get("value_selector"))
            for one in v.mappings(job.data, "variables")
            if v.text(one, "variable")
        }
    )
    if is_python and re.search(r"^def main\(", source, re.MULTILINE):
        source += f"\n\nresult = main({', '.join(f'{name}={name}' for name in inputs)})\n"
    job.add("code", {"source": source or "# empty", "inputs": inputs}, disabled=True)


def template(job: Job) -> None:
    wording = job.file.jinja(v.text(job.data, "template"), job.data.get("variables"), job.node)
    job.add("transform", {"set": {"output": job.file.draft.expression(job.node.entry, "output", wording)}})


def http(job: Job) -> None:
    method = v.text(job.data, "method", default="get").upper()
    if method not in METHODS:
        job.approximate(f"the method {method[:20]} is not offered")
        method = "GET"
    config: dict[str, Json] = {
        "method": method,
        "url": job.template("url", v.text(job.data, "url")).strip() or "https://example.com",
    }
    config["headers"] = _lines(job, "headers")
    config["query"] = _lines(job, "params")
    config["body"] = _body(job)
    if v.text(job.data, "authorization", "type") not in ("", "no-auth"):
        config["credential"] = job.file.draft.credential(f"{job.node.name[:50]}_key")
        job.approximate("its key has to be stored as a credential")
    seconds = v.within(
        v.number(job.data, "timeout", "read") or v.number(job.data, "timeout", "max_read_timeout"), 1, 86_400
    )
    if seconds:
        config["timeout_seconds"] = seconds
    job.add("http", config)


def _lines(job: Job, key: str) -> dict[str, Json]:
    """`name: value` on lines of their own."""
    found: dict[str, Json] = {}
    for line in v.text(job.data, key).splitlines():
        name, _, value = line.partition(":")
        if name.strip():
            found[name.strip()[:200]] = job.value(key, value.strip())
    return found


def _body(job: Job) -> Json:
    body = v.mapping(job.data, "body")
    kind, data = v.text(body, "type", default="none"), body.get("data")
    if kind in ("none", ""):
        return None
    if kind == "binary":
        job.approximate("a file cannot be sent as body")
        return None
    if kind in ("form-data", "x-www-form-urlencoded"):
        job.approximate(f"the body is sent as JSON, not as {kind}")
        if isinstance(data, list):
            return {
                name: job.value("body", one.get("value", ""))
                for one in v.mappings(data)
                if (name := v.text(one, "key"))
            }
        return {
            name.strip(): job.value("body", value.strip())
            for name, _, value in (line.partition(":") for line in v.text(body, "data").splitlines())
            if name.strip()
        }
    text = v.text(data, 0, "value") if isinstance(data, list) else v.text(body, "data")
    structured = _json(job, text)
    return structured if structured is not None else job.value("body", text) or None


def _json(job: Job, text: str) -> Json:
    """JSON with `{{#...#}}` in it; places that stand without quotes get them first."""
    from engine.importers.dify.file import PLACE  # noqa: PLC0415

    quoted, in_text, at = "", False, 0
    for found in PLACE.finditer(text):
        between = text[at : found.start()]
        in_text ^= (between.count('"') - between.count('\\"')) % 2 == 1
        quoted += between + (found[0] if in_text else f'"{found[0]}"')
        at = found.end()
    parsed = schemas.parsed(quoted + text[at:])
    return job.value("body", parsed) if isinstance(parsed, dict | list) else None


def tool(job: Job) -> None:
    """A tool of a plugin: an operation of an API of ours; a workflow as a tool: a sub-workflow."""
    provider = v.text(job.data, "provider_name") or v.text(job.data, "provider_id")
    given: dict[str, Json] = {}
    for key, one in v.mapping(job.data, "tool_parameters").items():
        if not key:
            continue
        raw = one.get("value") if isinstance(one, dict) else one
        if isinstance(one, dict) and v.text(one, "type") == "variable":
            given[key] = job.selected_value(key, raw)
        else:
            given[key] = job.value(key, raw)
    for key, raw in v.mapping(job.data, "tool_configurations").items():
        if key and raw not in (None, ""):
            given.setdefault(key, job.value(key, raw.get("value") if isinstance(raw, dict) and "value" in raw else raw))
    name = v.text(job.data, "tool_name") or v.text(job.data, "tool_label") or job.node.title
    if v.text(job.data, "provider_type") == "workflow":
        called = called_name(name, job.file.draft.title)
        job.approximate(f"the workflow it calls must be imported too, and be named {called}")
        job.add("sub_workflow", {"workflow_name": called, "input": given})
        return
    credential = job.file.draft.credential(slug(provider) or "tool_api", "openapi")
    job.approximate(f"the OpenAPI document of {provider or 'the tool'} has to be stored as the credential {credential}")
    operation = identifier(name, "operation", 90)
    job.add(
        "tool",
        {
            "tool_name": "call_api",
            "credential": credential,
            "parameters": {"operation": operation, "parameters": given},
        },
    )


def answer(job: Job) -> None:
    job.add("message", {"text": job.template("text", v.text(job.data, "answer")) or "…"})


def end(job: Job) -> None:
    output = {
        v.text(one, "variable"): job.selected_value("output", one.get("value_selector"))
        for one in v.mappings(job.data, "outputs")
        if v.text(one, "variable")
    }
    job.leads_on = False
    job.add("end", {"output": output})


def aggregator(job: Job) -> None:
    """The first of several variables that has a value."""
    settings = v.mapping(job.data, "advanced_settings")
    values: dict[str, Json] = {}
    if v.flag(settings, "group_enabled"):
        for group in v.mappings(settings, "groups"):
            if name := v.text(group, "group_name"):
                values[name] = _first(job, v.items(group, "variables"))
    values = values or {"output": _first(job, v.items(job.data, "variables"))}
    job.add("transform", {"set": values})


def _first(job: Job, selectors: list[Json]) -> str:
    found = [text for one in selectors[:20] if (text := job.selector("output", one)) != "null"]
    text = found[-1] if found else "null"
    for one in reversed(found[:-1]):
        text = f"default({one}, {text})"
    return text


def assigner(job: Job) -> None:
    values: dict[str, Json] = {}
    items = list(v.mappings(job.data, "items"))
    if not items:
        items = [{
            "variable_selector": job.data.get("assigned_variable_selector"), "operation": job.data.get("write_mode"),
            "input_type": "variable", "value": job.data.get("input_variable_selector"),
        }]  # fmt: skip
    for item in items:
        selector = v.items(item, "variable_selector")
        target = str(selector[-1]) if len(selector) > 1 else ""
        if target:
            values[target] = _assigned(job, target, item)
    job.approximate("the variable lasts for this run, not for the conversation") if any(
        v.at(item, "variable_selector", 0) == "conversation" for item in items
    ) else None
    job.add("transform", {"set": values})


_SIGNS = {"+=": "+", "-=": "-", "*=": "*", "/=": "/"}


def _assigned(job: Job, target: str, item: dict[str, Json]) -> Json:
    operation = v.text(item, "operation", default="over-write")
    old = w.path("context", target).text
    if operation in ("clear",):
        return "null"
    raw = item.get("value")
    if v.text(item, "input_type") == "variable" or (
        isinstance(raw, list) and len(raw) > 1 and all(isinstance(s, str) for s in raw)
    ):
        new = job.selector(target, raw)
    else:
        new = _spoken(job, target, raw)
    if operation in _SIGNS:
        return f"{old} {_SIGNS[operation]} {new}"
    if operation == "append":
        return f"default({old}, []) + [{new}]"
    if operation == "extend":
        return f"default({old}, []) + {new}"
    if operation in ("remove-first", "remove-last"):
        job.node.entry.keep(target, operation, "removing from a list")
        return old
    return new


def _spoken(job: Job, name: str, raw: Json) -> str:
    """A constant as an expression."""
    if isinstance(raw, str):
        return job.file.draft.expression(job.node.entry, name, job.file.wording(raw, job.node))
    if isinstance(raw, list):
        return "[" + ", ".join(_spoken(job, name, item) for item in raw[:50]) + "]"
    if isinstance(raw, dict):
        return job.file.draft.expression(job.node.entry, name, Wording.of([json.dumps(raw, ensure_ascii=False)]))
    return json.dumps(raw)


def list_operator(job: Job) -> None:
    said = Said(job.selector("variable", job.data.get("variable"), "context.items"))
    if any(v.flag(job.data, key, "enabled") for key in ("filter_by", "order_by", "limit", "extract_by")):
        job.approximate("the list is not filtered, sorted or cut")
    job.add(
        "transform",
        {"set": {"result": said.text, "first_record": f"{said.text}[0]", "last_record": f"{said.text}[-1]"}},
    )


def document(job: Job) -> None:
    """A run takes data only, so what is taken for a file is its text already."""
    job.approximate("the text of a file is not taken out; it has to come as text")
    text = job.selector("text", job.data.get("variable_selector"), "context.text")
    is_list = v.flag(job.data, "is_array_file")
    job.add("transform", {"set": {"text": text if is_list else f"text({text})"}})


def human(job: Job) -> None:
    text = v.text(job.data, "form_content") or v.text(job.data, "message")
    job.approximate("a person answers it in the studio")
    actions = [v.text(one, "id") or v.text(one, "title") for one in v.mappings(job.data, "user_actions")]
    for number, name in enumerate(actions):
        job.branches[name] = (f"context.choice == '{slug(name)}'" if number < len(actions) - 1 else None, name)
    config: dict[str, Any] = {"mode": "approval", "message": job.template("message", text) or job.node.title}
    if actions:
        config |= {"mode": "choice", "choices": list(dict.fromkeys(slug(name) for name in actions))}
    job.add("human", config)


def note(job: Job) -> None:
    job.file.draft.note(job.node.entry, note_text(v.text(job.data, "text")), name=job.node.name)


def note_text(raw: str) -> str:
    """A note is saved as the tree of its editor; its texts, a line for each paragraph."""
    tree = schemas.parsed(raw)
    if not isinstance(tree, dict):
        return raw
    lines: list[str] = []

    def walk(node: Json, depth: int) -> None:
        if depth > 30 or not isinstance(node, dict):
            return
        if isinstance(node.get("text"), str):
            if not lines:
                lines.append("")
            lines[-1] += node["text"]
        for child in v.items(node, "children"):
            if v.text(child, "type") in ("paragraph", "listitem", "heading", "quote"):
                lines.append("")
            walk(child, depth + 1)

    walk(tree.get("root", tree), 0)
    return "\n".join(line for line in lines if line.strip())


def nothing(job: Job) -> None:
    job.add("transform", {})
