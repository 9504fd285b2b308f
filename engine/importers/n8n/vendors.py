"""OpenAI, Gemini, Anthropic and others as app nodes: a talk becomes an agent, anything else a request to the vendor."""

from __future__ import annotations

from typing import Any

from engine.importers import values as v
from engine.importers.models import model_name
from engine.importers.n8n import apps, tools
from engine.importers.n8n.agents import VENDORS, memory_of, take_rest
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import plain

Json = Any
_TALKS = frozenset({"message", "response", "complete", "edit", "createResponse"})
_FILED = frozenset({"image", "audio", "file", "video", "document", "fileSearch"})
_TALKING = frozenset({"text", "chat", "agent", "assistant"})


def talks(kind: str, resource: str, operation: str) -> bool:
    """Is it a question to a model, which an agent asks as well?"""
    if kind == "openAi" and resource == "assistant":
        return operation in ("", "message")
    return resource in _TALKING and (operation in _TALKS or not operation)


def vendor(job: Job) -> None:
    resource = job.item.text("resource") or ("chat" if job.item.kind == "perplexity" else "text")
    if not talks(job.item.kind, resource, job.item.text("operation")):
        if apps.app_of(job.item) is None:
            job.unsupported(f"{resource} of {job.item.kind} is not offered")
            return
        if resource in _FILED:
            job.approximate("files are not carried along")
        apps.call(job)
        return
    raw = plain(job.params.get("modelId", job.params.get("model", job.params.get("chatModel"))))
    named = raw if isinstance(raw, str) else ""
    config: dict[str, Json] = {"model": model_name(VENDORS.get(job.item.kind, job.item.kind), named), **_said(job)}
    if v.flag(job.params, "jsonOutput"):
        config["output_schema"] = {"type": "object"}
    if resource == "assistant":
        job.approximate("the assistant's own instructions and files lie with its vendor; copy them here")
    temperature = v.within(v.number(job.params, "options", "temperature"), 0, 2)
    longest = v.within(v.number(job.params, "options", "maxTokens"), 1, 100_000)
    config |= {"temperature": temperature, "max_tokens": int(longest) if longest else None}
    tools.give(job, config)
    config |= memory_of(job)
    take_rest(job)
    job.add("agent", config)


def _said(job: Job) -> dict[str, Json]:
    """Instructions and prompt out of the messages."""
    said: dict[str, list[str]] = {"system": [], "user": []}
    for key in ("messages", "responses", "prompt"):
        for group in ("values", "messages", "message"):
            for one in v.mappings(job.params, key, group):
                role = "system" if v.text(one, "role") in ("system", "developer", "assistant") else "user"
                said[role].append(job.reader.template("prompt_template", one.get("content", one.get("message"))))
    prompt = job.params.get("prompt", job.params.get("text", job.params.get("input")))
    if prompt in ("auto", "define"):  # the assistant's switch; its words stand beside it
        prompt = job.params.get("text") if prompt == "define" else None
    if isinstance(prompt, str):
        said["user"].append(job.reader.template("prompt_template", prompt))
    if isinstance(instruction := job.params.get("instruction"), str):
        said["system"].append(job.reader.template("system_prompt", instruction))
    options = v.mapping(job.params, "options")
    if system := next((options[key] for key in ("systemMessage", "instructions", "system") if options.get(key)), None):
        said["system"].insert(0, job.reader.template("system_prompt", system))
    found = {}
    for key, role in (("prompt_template", "user"), ("system_prompt", "system")):
        if text := "\n\n".join(part for part in said[role] if part):
            found[key] = text
    return found
