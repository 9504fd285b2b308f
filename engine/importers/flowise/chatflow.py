"""Flowise chatflows and sequential agents: what is plugged into a chain or an agent is a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.importers import schemas
from engine.importers import values as v
from engine.importers.flowise.agentflow import Job
from engine.importers.flowise.file import Node
from engine.importers.models import model_name
from engine.importers.names import slug
from engine.importers.report import Outcome

Json = Any
FLOW = frozenset({"Chains", "Agents", "Engine", "Sequential Agents", "Multi Agents"})
_BESIDE = frozenset({"seqState", "agentMemory"})
_MODELS = frozenset({"Chat Models", "LLMs"})
_SOURCES = frozenset(
    {"Vector Stores", "Retrievers", "Embeddings", "Document Loaders", "Text Splitters", "Record Manager", "Graph"}
)
_TEXTS = (
    "systemMessage",
    "systemMessagePrompt",
    "systemPrompt",
    "agentPrompt",
    "supervisorPrompt",
    "workerPrompt",
    "responsePrompt",
    "systemMessageText",
)
_ASKED = ("humanMessagePrompt", "template", "humanMessage", "text")


def is_flow(node: Node) -> bool:
    """Is it a step of its own, and not a part of one?"""
    return node.category in FLOW and node.kind not in _BESIDE


def parts_of(node: Node) -> Iterator[Node]:
    """What is plugged in, directly or through other parts; other steps are left out."""
    seen: set[int] = set()
    todo = list(node.before)
    while todo:
        part = todo.pop(0)
        if id(part) in seen or is_flow(part):
            continue
        seen.add(id(part))
        yield part
        todo += part.before


def following(node: Node) -> list[Node]:
    """The steps that get this one's answer, also through parts (a prompt)."""
    seen: set[int] = set()
    found: list[Node] = []
    todo = list(node.targets)
    while todo:
        target = todo.pop(0)
        if id(target) in seen:
            continue
        seen.add(id(target))
        if is_flow(target):
            found.append(target)
        else:
            todo += target.targets
    return found


def step(job: Job) -> None:
    """A chain, an agent or an engine as one agent of ours."""
    kind = job.node.kind
    if kind == "seqEnd":
        job.add("end", {})
        return
    if kind in ("seqLoop", "seqToolNode", "seqCustomFunction", "seqExecuteFlow"):
        _sequential(job)
        return
    if kind in ("seqCondition", "seqConditionAgent"):
        job.approximate("its branches have to get conditions of ours; the first is taken")
        job.add("condition", {})
        return
    if kind == "supervisor":
        job.approximate("all workers are asked one beside the other; nobody chooses among them")
    config: dict[str, Json] = {"model": "auto"}
    said: dict[str, list[str]] = {"system_prompt": [], "prompt_template": []}
    _own_texts(job, job.node, said)
    for part in parts_of(job.node):
        if part.entry.node is None:
            part.entry.node = job.node.name
        _take(job, part, config, said)
    config |= {key: "\n\n".join(texts) for key, texts in said.items() if texts}
    job.add("agent", config)


def _sequential(job: Job) -> None:
    if job.node.kind == "seqLoop":
        wanted = v.text(job.inputs, "loopToName").strip().lower()
        names = ("agentName", "llmNodeName", "toolNodeName", "conditionName", "conditionAgentName")
        target = next(
            (
                node
                for node in job.file.nodes
                if wanted and any(v.text(node.inputs, key).lower() == wanted for key in names)
            ),
            None,
        )
        count = f"{job.node.name[:50]}_count"
        job.add("transform", {"set": {count: f"default(context.{count}, 0) + 1"}})
        if target is not None and target.name:
            job.draft.link(job.node.name, target.name, f"context.{count} <= 5", label="at most 5 times")
        return
    if job.node.kind == "seqToolNode":
        job.approximate("the agent before it calls its tools itself")
        job.add("transform", {})
        return
    if job.node.kind == "seqCustomFunction":
        job.approximate("JavaScript has to be rewritten in Python; switched off until then")
        job.draft.placeholder(job.node.entry, job.node.name, {"source": v.text(job.inputs, "javascriptFunction")})
        return
    job.unsupported("the flow that it calls is not named in the file")


def _own_texts(job: Job, node: Node, said: dict[str, list[str]]) -> None:
    for key in _TEXTS:
        if isinstance(raw := node.inputs.get(key), str) and raw.strip() and not raw.strip().startswith("{{"):
            said["system_prompt"].append(_prompt(job, raw))
    for key in _ASKED:
        if isinstance(raw := node.inputs.get(key), str) and raw.strip() and not raw.strip().startswith("{{"):
            said["prompt_template"].append(_prompt(job, raw))


def _prompt(job: Job, raw: str) -> str:
    """A prompt of LangChain has its places in single braces, as ours have."""
    for theirs, ours in (
        ("{input}", "{message}"),
        ("{question}", "{message}"),
        ("{text}", "{message}"),
        ("{user_message}", "{message}"),
    ):
        raw = raw.replace(theirs, ours)
    for gone in ("{chat_history}", "{context}", "{agent_scratchpad}", "{format_instructions}"):
        raw = raw.replace(gone, "")
    return raw if "{{" not in raw else job.template("prompt_template", raw)


def _take(job: Job, part: Node, config: dict[str, Json], said: dict[str, list[str]]) -> None:
    """A part goes into the agent."""
    entry, category = part.entry, part.category
    if category in _MODELS:
        _model(part, config)
    elif category == "Prompts":
        _own_texts(job, part, said)
    elif category == "Memory":
        config["memory"] = {"scope": "conversation", "window": 12}
    elif category == "Output Parsers":
        _parser(part, config)
    elif category in _SOURCES:
        entry.approximate(
            "the knowledge base takes its place: its texts have to be put there, and it chooses how they are found"
        )
        if category in ("Vector Stores", "Retrievers"):
            sources = config.setdefault("knowledge", [])
            source = slug(part.label) or "knowledge"
            if source not in sources and len(sources) < 8:
                sources.append(source)
    elif category.startswith("Tools"):
        _tool(job, part, config)
    elif category == "Sequential Agents" or part.kind in _BESIDE:
        entry.approximate("what a run knows is kept in context")
    elif category == "Moderation":
        _moderated(job, part)
    elif category in ("Response Synthesizer", "Cache"):
        entry.approximate("the agent answers in its own way")
    else:
        entry.lower(Outcome.UNSUPPORTED, f"an agent of ours has no place for {category or part.kind or 'this'}")


def _moderated(job: Job, part: Node) -> None:
    """The input is looked at before the agent gets it."""
    part.entry.approximate("a guardrail in front of the agent looks at the input, by checks of its own")
    name = job.node.name
    if name in job.draft.gates:
        return
    checks = {"checks": ["moderation"], "on_violation": "block"}
    job.draft.gates[name] = job.draft.helper(f"{name[:50]}_moderation", "guardrail", checks).name


def _model(part: Node, config: dict[str, Json]) -> None:
    if config["model"] != "auto":
        part.entry.approximate("the model of the agent is asked instead")
        return
    name = v.text(part.inputs, "customModelName") or v.text(part.inputs, "modelName") or v.text(part.inputs, "model")
    config["model"] = model_name(part.kind, name)
    temperature = v.within(v.number(part.inputs, "temperature"), 0, 2)
    if temperature is not None:
        config["temperature"] = temperature


def _parser(part: Node, config: dict[str, Json]) -> None:
    fields = schemas.parsed(v.text(part.inputs, "jsonStructure"))
    if isinstance(fields, list):
        rows = (
            (v.text(one, "property"), v.text(one, "type", default="string"), v.text(one, "description"), False)
            for one in v.mappings(fields)
        )
        if schema := schemas.of_fields(rows):
            config["output_schema"] = schema
            return
    if "csv" in part.kind.lower() or "list" in part.kind.lower():
        config["output_schema"] = {
            "type": "object",
            "required": ["items"],
            "properties": {"items": {"type": "array", "items": {"type": "string"}}},
        }
        return
    part.entry.approximate("the form of the answer has to be written as a JSON Schema")


def _tool(job: Job, part: Node, config: dict[str, Json]) -> None:
    if part.kind in ("retrieverTool", "queryEngineToolLlamaIndex", "chainTool"):
        part.entry.approximate("the agent looks things up before it answers")
        return
    operation = slug(part.label) or part.kind
    credential = job.draft.credential(f"{job.node.name[:50]}_api", "openapi")
    config.setdefault("tools", [{"tool_name": "call_api", "credential": credential}])
    listed = config.get("description", f"Tools: operations of the API that the credential {credential} describes:")
    config["description"] = f"{listed} {operation}"[:400]
    part.entry.approximate(
        f"the agent calls it as the operation {operation} of an API, whose OpenAPI document has to be stored"
    )
