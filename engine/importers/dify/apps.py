"""Dify's apps without a graph: a chat, an agent or a completion is one model with a prompt."""

from __future__ import annotations

import re
from typing import Any

from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.draft import Draft
from engine.importers.models import model_name
from engine.importers.names import slug
from engine.importers.places import filled
from engine.importers.report import Entry, Source

Json = Any
_PLACE = re.compile(r"\{\{\s*([A-Za-z_]\w{0,80})\s*\}\}")


def convert(data: dict[str, Json], draft: Draft) -> Draft:
    """The app as start, agent, end; it counts as one node."""
    given = v.mapping(data, "model_config")
    mode = v.text(data, "app", "mode", default="chat")
    if not given:
        return draft
    entry = draft.entry(Source("app", v.text(data, "app", "name") or "App", mode))
    name = draft.names.take("answer", "agent")
    config: dict[str, Json] = {"model": model_name(v.text(given, "model", "provider"), v.text(given, "model", "name"))}
    temperature = v.within(v.number(given, "model", "completion_params", "temperature"), 0, 2)
    if temperature is not None:
        config["temperature"] = temperature
    wording = filled(_prompt(given), _PLACE, lambda inner: w.path("context", "message" if inner == "query" else inner))
    prompt = draft.template(entry, "system_prompt", wording)
    if prompt:
        config["prompt_template" if mode == "completion" else "system_prompt"] = prompt
    if mode != "completion":
        config["memory"] = {"scope": "conversation", "window": 12}
    if v.items(given, "dataset_configs", "datasets", "datasets"):
        entry.approximate("the passages of its datasets have to be in the tenant's knowledge base")
        config["knowledge"] = ["knowledge"]
    _tools(given, draft, entry, config)
    for form in v.mappings(given, "user_input_form"):
        for one in form.values():
            if variable := v.text(one, "variable"):
                draft.inputs[variable[:100]] = {"type": "string"}
    draft.add(entry, "agent", config, name=name)
    greeting = v.text(given, "opening_statement")
    path = {"path": slug(draft.title) or "chat"}
    draft.triggers.append({"type": "chat", "config": path | ({"greeting": greeting[:500]} if greeting else {})})
    return draft


def _prompt(given: dict[str, Json]) -> str:
    """The prompt of a simple app, or the system's texts of one that was written out."""
    simple = v.text(given, "pre_prompt")
    if v.text(given, "prompt_type") != "advanced":
        return simple
    said = [v.text(one, "text") for one in v.mappings(given, "chat_prompt_config", "prompt")]
    written = "\n\n".join(text for text in said if text) or v.text(given, "completion_prompt_config", "prompt", "text")
    return (
        written.replace("{{#query#}}", "{{query}}").replace("{{#context#}}", "").replace("{{#histories#}}", "")
        or simple
    )


def _tools(given: dict[str, Json], draft: Draft, entry: Entry, config: dict[str, Json]) -> None:
    """What the agent of an app may call: operations of an API of ours."""
    tools = [one for one in v.mappings(given, "agent_mode", "tools") if v.at(one, "enabled") is not False]
    operations = [slug(v.text(one, "tool_name") or v.text(one, "tool_label")) or "tool" for one in tools]
    if v.at(given, "agent_mode", "enabled") is False or not operations:
        return
    credential = draft.credential("answer_api", "openapi")
    config["tools"] = [{"tool_name": "call_api", "credential": credential}]
    listed = ", ".join(dict.fromkeys(operations))
    config["description"] = f"Tools: operations {listed} of the API that the credential {credential} describes"[:400]
    entry.approximate("its tools have to be operations of an API whose OpenAPI document is stored")
