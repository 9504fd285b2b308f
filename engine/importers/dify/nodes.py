"""Dify's nodes that ask models, call the outside world, compute and answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from engine.importers import schemas
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.dify.file import File, Node
from engine.importers.models import model_name
from engine.importers.names import identifier, slug, variables, workflow_name
from engine.importers.report import Outcome
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said, Wording
from engine.language import node_types

Json = Any
FAIL = "fail-branch"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


@dataclass(slots=True)
class Job:
    """One node to convert. `branches` gives a handle's edges their condition and label."""

    file: File
    node: Node
    branches: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    leads_on: bool = True

    @property
    def data(self) -> dict[str, Json]:
        return self.node.data

    def add(self, type_name: str, config: dict[str, Json], **more: Json) -> None:
        noted = v.text(self.data, "desc").strip()
        if noted and "description" not in config:
            config = {"description": " ".join(noted.split())[:400], **config}
        self.file.draft.add(self.node.entry, type_name, config, name=self.node.name, **{**self._more(), **more})

    def _more(self) -> dict[str, Json]:
        retry = v.mapping(self.data, "retry_config")
        tries = v.within(v.number(retry, "max_retries"), 1, 10)
        more: dict[str, Json] = {}
        if tries and (v.flag(retry, "retry_enabled") or v.flag(retry, "enabled")):
            pause = v.within(v.number(retry, "retry_interval"), 0, 600_000) or 0
            more["retry"] = {"max_attempts": int(tries) + 1, "backoff": "fixed", "initial_seconds": pause / 1000}
        if v.text(self.data, "error_strategy") == "default-value":
            values = {v.text(one, "key"): one.get("value") for one in v.mappings(self.data, "default_value")}
            more["on_error"] = {"action": "continue", "output": {key: value for key, value in values.items() if key}}
        return more

    def has(self, type_name: str) -> bool:
        return node_types.get(type_name) is not None

    def unsupported(self, reason: str) -> None:
        self.node.entry.lower(Outcome.UNSUPPORTED, reason)
        self.file.draft.placeholder(self.node.entry, self.node.name, self.data)

    def approximate(self, reason: str) -> None:
        self.node.entry.approximate(reason)

    # -- texts and selectors ------------------------------------------------------------------------------------------

    def template(self, name: str, text: str) -> str:
        return self.file.draft.template(self.node.entry, name, self.file.wording(text, self.node))

    def value(self, name: str, raw: Json) -> Json:
        if isinstance(raw, dict):
            return {key: self.value(name, item) for key, item in raw.items() if key}
        if isinstance(raw, list):
            return [self.value(name, item) for item in raw]
        if not isinstance(raw, str):
            return raw
        return self.file.draft.value(self.node.entry, name, self.file.wording(raw, self.node))

    def selector(self, name: str, selector: Json, fallback: str = "null") -> str:
        """The expression for a selector."""
        try:
            return self.file.selected(selector if isinstance(selector, list) else [], self.node).text
        except Unsayable as err:
            self.node.entry.keep(
                name, ".".join(map(str, selector)) if isinstance(selector, list) else str(selector), str(err)
            )
            return fallback

    def selected_value(self, name: str, selector: Json) -> str:
        """The same for fields that take `${...}`."""
        text = self.selector(name, selector)
        return text if text.startswith("context.") else f"${{{text}}}"

    def selector_template(self, name: str, selector: Json, fallback: str) -> str:
        try:
            said = self.file.selected(selector if isinstance(selector, list) else [], self.node)
        except Unsayable as err:
            if selector:
                self.node.entry.keep(name, str(selector), str(err))
            return fallback
        return w.template_place(said) or fallback

    def model(self) -> str:
        return model_name(v.text(self.data, "model", "provider"), v.text(self.data, "model", "name"))


Converter = Callable[[Job], None]


def llm(job: Job) -> None:
    config: dict[str, Json] = {"model": job.model(), **_settings(job.data)}
    said = _messages(job)
    config |= said
    if v.mapping(job.data, "memory") and v.at(job.data, "memory", "enabled") is not False:
        window = v.within(v.number(job.data, "memory", "window", "size"), 1, 100)
        config["memory"] = {"scope": "conversation", "window": int(window or 12)}
    if v.flag(job.data, "vision", "enabled"):
        job.approximate("pictures are not shown to the model")
    structured = v.mapping(job.data, "structured_output")
    if structured and (v.flag(job.data, "structured_output_enabled") or structured.get("enabled") is not False):
        schema = schemas.usable(structured.get("schema"))
        if schema is not None:
            config["output_schema"] = schema
    job.add("agent", config)


def _settings(data: dict[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    given = v.mapping(data, "model", "completion_params")
    temperature = v.within(v.number(given, "temperature"), 0, 2)
    longest = v.within(v.number(given, "max_tokens"), 1, 100_000)
    if temperature is not None:
        found["temperature"] = temperature
    if longest:
        found["max_tokens"] = int(longest)
    return found


def _messages(job: Job) -> dict[str, Json]:
    """System texts become the instructions, the last user's text the prompt; what else was said comes between."""
    raw = job.data.get("prompt_template")
    messages = list(v.mappings(raw)) if isinstance(raw, list) else [{"role": "user", **v.mapping(raw)}]
    variables = v.at(job.data, "prompt_config", "jinja2_variables")
    said = [(v.text(one, "role"), _message(job, one, variables)) for one in messages]
    said = [(role, text) for role, text in said if text.strip()]
    system = [text for role, text in said if role == "system"]
    others = [(role, text) for role, text in said if role != "system"]
    found: dict[str, Json] = {}
    if others and others[-1][0] != "assistant":
        found["prompt_template"] = others.pop()[1]
    if others:
        job.approximate("example messages became a part of the instructions")
        system += [f"{role}: {text}" for role, text in others]
    if system:
        found["system_prompt"] = "\n\n".join(system)
    if "prompt_template" not in found and (system or others):
        asked = v.text(job.data, "memory", "query_prompt_template")
        found["prompt_template"] = job.template("prompt_template", asked) if asked else "{message}"
    return found


def _message(job: Job, message: dict[str, Json], variables: Json) -> str:
    if v.text(message, "edition_type") == "jinja2":
        text = v.text(message, "jinja2_text") or v.text(message, "text")
        return job.file.draft.template(job.node.entry, "prompt_template", job.file.jinja(text, variables, job.node))
    return job.template("prompt_template", v.text(message, "text"))


def agent(job: Job) -> None:
    given = v.mapping(job.data, "agent_parameters")
    model = v.mapping(given, "model", "value")
    config: dict[str, Json] = {
        "model": model_name(v.text(model, "provider"), v.text(model, "model") or v.text(model, "name"))
    }
    if instruction := v.text(given, "instruction", "value"):
        config["system_prompt"] = job.template("system_prompt", instruction)
    if query := v.text(given, "query", "value"):
        config["prompt_template"] = job.template("prompt_template", query)
    elif selector := v.items(given, "query", "value"):
        config["prompt_template"] = job.selector_template("prompt_template", selector, "{message}")
    tools = [v.text(tool, "tool_label") or v.text(tool, "tool_name") for tool in v.mappings(given, "tools", "value")]
    operations = [slug(tool) or "tool" for tool in tools if tool]
    if operations:
        credential = job.file.draft.credential(f"{job.node.name[:50]}_api", "openapi")
        config["tools"] = [{"tool_name": "call_api", "credential": credential}]
        config["description"] = (
            f"Tools: operations {', '.join(operations)} of the API that the credential {credential} describes"
        )
        job.approximate("its tools have to be operations of an API whose OpenAPI document is stored")
    turns = v.within(v.number(given, "maximum_iterations", "value"), 1, 50)
    if turns and operations:
        config["max_tool_calls"] = int(turns)
    if v.mapping(job.data, "memory"):
        config["memory"] = {"scope": "conversation", "window": 12}
    job.add("agent", config)


def knowledge(job: Job) -> None:
    job.approximate("the passages of its datasets have to be in the tenant's knowledge base")
    found = v.mapping(job.data, "multiple_retrieval_config")
    limit = v.within(v.number(found, "top_k"), 1, 20)
    threshold = (
        v.within(v.number(found, "score_threshold"), 0, 1)
        if v.at(found, "score_threshold_enabled") is not False
        else None
    )
    query = job.selector("query", job.data.get("query_variable_selector"), "context.message")
    config = {
        "query": query if query.startswith("context.") else f"${{{query}}}",
        "limit": int(limit) if limit else None,
        "threshold": threshold,
    }
    job.add("knowledge", config)


def classifier(job: Job) -> None:
    classes = []
    taken: set[str] = set()
    for number, one in enumerate(v.mappings(job.data, "classes")):
        wanted = v.text(one, "name")
        name = identifier(wanted, f"class_{number + 1}", 40)
        while name in taken:
            name += "_2"
        taken.add(name)
        classes.append({"name": name, "description": " ".join(wanted.split())[:500]})
        job.branches[v.text(one, "id", default=str(number + 1))] = (f"context.class == '{name}'", wanted)
    if len(classes) > 50:
        job.approximate("a classifier has 50 classes at most")
    while len(classes) < 2:
        classes.append({"name": f"other_{len(classes)}", "description": "Anything else"})
    selector = job.data.get("query_variable_selector")
    config: dict[str, Json] = {
        "text": job.selector_template("text", selector, "{message}"), "classes": classes[:50], "model": job.model(),
    }  # fmt: skip
    if instruction := v.text(job.data, "instruction") or v.text(job.data, "instructions"):
        config["instructions"] = job.template("instructions", instruction)[:4000]
    job.add("classifier", config)


def extractor(job: Job) -> None:
    schema = schemas.of_fields(
        (
            v.text(one, "name"),
            v.text(one, "type", default="string"),
            v.text(one, "description"),
            v.flag(one, "required"),
        )
        for one in v.mappings(job.data, "parameters")
    )
    if schema is None:
        job.approximate("it names nothing to extract")
        schema = {"type": "object", "properties": {"result": {"type": "string"}}}
    text = job.selector_template("text", job.data.get("query"), "{message}")
    config: dict[str, Json] = {"text": text, "schema": schema, "model": job.model()}
    if instruction := v.text(job.data, "instruction"):
        config["instructions"] = job.template("instructions", instruction)[:4000]
    job.add("extractor", config)


def code(job: Job) -> None:
    source = v.text(job.data, "code")
    is_python = v.text(job.data, "code_language", default="python3").startswith("python")
    job.approximate(
        "code does not run until a person has looked at it"
        if is_python
        else "JavaScript has to be rewritten in Python; switched off until then"
    )
    inputs = {
        v.text(one, "variable"): job.selected_value("inputs", one.get("value_selector"))
        for one in v.mappings(job.data, "variables")
        if v.text(one, "variable")
    }
    if not job.has("code"):
        job.file.draft.placeholder(job.node.entry, job.node.name, {"source": source, "inputs": inputs})
        return
    inputs = variables(inputs)
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
        called = workflow_name(name)
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


def human(job: Job) -> None:
    if not job.has("human"):
        job.unsupported("the node type human is not installed")
        return
    text = v.text(job.data, "form_content") or v.text(job.data, "message")
    job.approximate("a person answers it in the studio")
    actions = [v.text(one, "id") or v.text(one, "title") for one in v.mappings(job.data, "user_actions")]
    for number, name in enumerate(actions):
        job.branches[name] = (f"context.choice == '{slug(name)}'" if number < len(actions) - 1 else None, name)
    job.add("human", {"mode": "approval", "message": job.template("message", text) or job.node.title})


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
