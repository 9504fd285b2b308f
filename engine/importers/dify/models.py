"""Dify's nodes that ask a model, and the one that looks knowledge up."""

from __future__ import annotations

from typing import Any

from engine.importers import schemas
from engine.importers import values as v
from engine.importers.dify.job import Job
from engine.importers.models import model_name
from engine.importers.names import identifier, slug

Json = Any


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
