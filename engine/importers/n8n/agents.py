"""AI nodes of n8n: an agent and everything plugged into it become one agent of ours."""

from __future__ import annotations

from typing import Any

from engine.importers import schemas
from engine.importers import values as v
from engine.importers.models import model_name
from engine.importers.n8n import tools
from engine.importers.n8n.file import Item, Renames
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import plain
from engine.importers.names import identifier
from engine.importers.report import Outcome

Json = Any
MAX_CALLS = 50
MODEL, MEMORY, PARSER, TOOL = "ai_languageModel", "ai_memory", "ai_outputParser", "ai_tool"
_REPLY = (("reply_text",), ())
_SAME = ((), ())
REPLY_PATHS: Renames = {
    ("output",): _REPLY, ("text",): _REPLY, ("message", "content"): _REPLY, ("content",): _REPLY,
    ("response", "text"): _REPLY, ("response",): _REPLY, ("choices", 0, "message", "content"): _REPLY,
    ("content", "parts", 0, "text"): _REPLY, ("output", 0, "content", 0, "text"): _REPLY,
    ("content", 0, "text"): _REPLY,
}  # fmt: skip
FIELD_PATHS: Renames = {("output",): _SAME, ("text",): _SAME, ("message", "content"): _SAME, ("response",): _SAME}
AGENTS = frozenset(
    {
        "agent",
        "agentTool",
        "chainLlm",
        "chainRetrievalQa",
        "chainSummarization",
        "conversationalAgent",
        "openAiAssistant",
    }
)
# App nodes that talk to a model themselves, with the word that names it; see vendors.py.
VENDORS = {
    "openAi": "openai", "googleGemini": "gemini", "anthropic": "anthropic", "ollama": "ollama",
    "mistralAi": "mistral", "perplexity": "perplexity", "alibabaCloud": "alibaba", "minimax": "minimax",
    "moonshot": "moonshot",
}  # fmt: skip


def prepare(item: Item) -> None:
    """Where its answer stands with us; before any expression is read."""
    if item.kind == "informationExtractor" or v.flag(item.params, "jsonOutput"):
        item.renames = dict(FIELD_PATHS)
    elif item.subs.get(PARSER):
        item.renames = {**FIELD_PATHS, ("output",): _SAME}
    else:
        item.renames = dict(REPLY_PATHS)


def agent(job: Job) -> None:
    """AI Agent and the chains."""
    config: dict[str, Json] = {**_model(job), **_asked(job)}
    config |= memory_of(job)
    config |= _schema(job)
    tools.give(job, config)
    turns = v.within(v.number(job.params, "options", "maxIterations"), 1, 1000)
    if turns and "tools" in config:
        config["max_tool_calls"] = min(MAX_CALLS, int(turns))
    kind = job.item.kind
    if kind == "chainSummarization":
        config.setdefault("system_prompt", "Sum up the text in a few clear sentences.")
    if kind == "chainRetrievalQa" or any(plug in job.item.subs for plug in ("ai_retriever", "ai_vectorStore")):
        tools.knowledge(job, config)
    take_rest(job)
    job.add("agent", config)


def _asked(job: Job) -> dict[str, Json]:
    """Prompt and instructions."""
    params = job.params
    found: dict[str, Json] = {}
    prompt = params.get("text", params.get("prompt", params.get("query")))
    defined = job.item.text("promptType") == "define" or (prompt is not None and job.item.text("promptType") != "auto")
    if defined and isinstance(plain(prompt), str) and plain(prompt):
        found["prompt_template"] = job.reader.template("prompt_template", prompt)
    system = v.at(params, "options", "systemMessage") or v.at(params, "options", "systemPromptTemplate")
    if system:
        found["system_prompt"] = job.reader.template("system_prompt", system)
    said: dict[str, list[str]] = {"system": [], "human": []}
    for one in v.mappings(params, "messages", "messageValues"):
        kind = v.text(one, "type", default="SystemMessagePromptTemplate")
        text = job.reader.template("system_prompt", one.get("message"))
        if text and kind.startswith("Human"):
            said["human"].append(text)
        elif text:
            said["system"].append(text if kind.startswith("System") else f"assistant: {text}")
    if said["system"]:
        found["system_prompt"] = "\n\n".join([found.get("system_prompt", ""), *said["system"]]).strip()
    if said["human"]:
        found["prompt_template"] = "\n\n".join([*said["human"], found.get("prompt_template", "{message}")])
    return found


def _model(job: Job) -> dict[str, Json]:
    """Model and settings from the model plugged in."""
    found: dict[str, Json] = {}
    for number, sub in enumerate(job.item.subs.get(MODEL, [])):
        if number:
            sub.entry.approximate("a second model is not kept; tiers of the router take over when one fails")
        else:
            found = model_of(sub)
        _fold(job, sub)
    return found


def model_of(item: Item) -> dict[str, Json]:
    raw = plain(item.params.get("model", item.params.get("modelName", item.params.get("modelId"))))
    named = raw if isinstance(raw, str) else ""
    name = model_name(item.kind, named)
    if name == "auto" and named:
        item.entry.keep("model", named, "the model is computed; the router chooses one")
    found: dict[str, Json] = {"model": name}
    temperature = v.within(v.number(item.params, "options", "temperature"), 0, 2)
    longest = (
        v.number(item.params, "options", "maxTokens")
        or v.number(item.params, "options", "maxOutputTokens")
        or v.number(item.params, "options", "maxTokensToSample")
    )
    if temperature is not None:
        found["temperature"] = temperature
    if longest is not None and v.within(longest, 1, 100_000):
        found["max_tokens"] = int(longest)
    return found


def memory_of(job: Job) -> dict[str, Json]:
    subs = job.item.subs.get(MEMORY, [])
    if not subs:
        return {}
    window = v.within(v.number(subs[0].params, "contextWindowLength"), 1, 50) or 5
    for sub in subs:
        if sub.kind != "memoryBufferWindow":
            sub.entry.approximate("the conversation is kept by the studio itself, not in that store")
        _fold(job, sub)
    return {"memory": {"scope": "conversation", "window": int(window) * 2}}


def _schema(job: Job) -> dict[str, Json]:
    """The answer's schema from the parser plugged in."""
    found: dict[str, Json] | None = None
    todo = list(job.item.subs.get(PARSER, []))
    seen = {id(sub) for sub in todo}
    while todo:
        sub = todo.pop(0)
        _fold(job, sub)
        for inner in sub.subs.get(PARSER, []):
            if id(inner) not in seen:
                seen.add(id(inner))
                todo.append(inner)
        if sub.kind == "outputParserStructured":
            found = found or _structured(sub)
        elif sub.kind == "outputParserItemList":
            found = found or {
                "type": "object",
                "required": ["items"],
                "properties": {"items": {"type": "array", "items": {"type": "string"}}},
            }
    if found is None and job.item.subs.get(PARSER):
        job.item.renames = dict(REPLY_PATHS)
    return {"output_schema": found} if found else {}


def _structured(item: Item) -> dict[str, Json] | None:
    manual = item.text("inputSchema") or item.text("jsonSchema")
    example = item.text("jsonSchemaExample")
    schema = schemas.usable(schemas.parsed(manual.lstrip("="))) if manual else None
    if schema is None and example and (found := schemas.parsed(example.lstrip("="))) is not None:
        schema = schemas.usable(schemas.of_example(found))
    if schema is None and (manual or example):
        item.entry.keep("output_schema", manual or example, "this is no JSON Schema and no example that could be read")
    return schema


def _fold(job: Job, sub: Item) -> None:
    """The sub-node is a part of this node now."""
    sub.entry.node = job.item.name


def take_rest(job: Job) -> None:
    """Sub-nodes that nothing above has taken up, and those plugged into sub-nodes (embeddings of a store)."""
    todo = [sub for subs in job.item.subs.values() for sub in subs]
    seen = set(map(id, todo))
    while todo:
        sub = todo.pop()
        if sub.entry.node is None:
            _fold(job, sub)
            _judge(sub)
        for inner in (inner for subs in sub.subs.values() for inner in subs):
            if id(inner) not in seen:
                seen.add(id(inner))
                todo.append(inner)


def _judge(sub: Item) -> None:
    kind = sub.kind
    if kind.startswith("vectorStore"):
        sub.entry.approximate("the passages have to be in the tenant's knowledge base")
    elif kind.startswith(("embeddings", "reranker", "retriever")):
        sub.entry.approximate("the knowledge base chooses how passages are found")
    elif kind.startswith("lm"):
        sub.entry.approximate("the model of the agent is asked instead")
    elif not kind.startswith(("outputParser", "memory")):
        sub.entry.lower(Outcome.UNSUPPORTED, "an agent of ours has no place for this")


def extractor(job: Job) -> None:
    """Information Extractor."""
    params = job.params
    how = job.item.text("schemaType", default="fromAttributes")
    schema: dict[str, Json] | None
    if how == "fromAttributes":
        schema = schemas.of_fields(
            (
                v.text(one, "name"),
                v.text(one, "type", default="string"),
                v.text(one, "description"),
                v.flag(one, "required"),
            )
            for one in v.mappings(params, "attributes", "attributes")
        )
    elif how == "fromJson":
        schema = schemas.as_object(schemas.of_example(schemas.parsed(job.item.text("jsonSchemaExample").lstrip("="))))
    else:
        schema = schemas.as_object(schemas.parsed(job.item.text("inputSchema").lstrip("=")))
    if schema is None:
        job.approximate("what to extract could not be read")
        schema = {"type": "object", "properties": {"result": {"type": "string"}}}
    config = {"text": job.reader.template("text", params.get("text")) or "{message}", "schema": schema}
    if system := v.at(params, "options", "systemPromptTemplate"):
        config["instructions"] = job.reader.template("instructions", system)[:4000]
    config |= {key: value for key, value in _model(job).items() if key == "model"}
    take_rest(job)
    job.add("extractor", config)


def classifier(job: Job) -> None:
    """Text Classifier: an output for each category, and one for none of them."""
    classes = []
    taken: set[str] = set()
    for number, one in enumerate(v.mappings(job.params, "categories", "categories")):
        name = identifier(v.text(one, "category"), f"class_{number + 1}")
        while name in taken:
            name += "_2"
        taken.add(name)
        classes.append(
            {"name": name[:64], "description": (v.text(one, "description") or v.text(one, "category"))[:500]}
        )
        job.branches[number] = (f"context.class == '{name[:64]}'", v.text(one, "category"))
    job.branches[len(classes)] = (None, "other")
    if job.item.text("options", "fallback") == "other" and "other" not in taken:
        classes.append({"name": "other", "description": "None of the other classes fits"})
    if v.flag(job.params, "options", "multiClass"):
        job.approximate("one class is chosen, not several")
    _classify(job, classes, job.params.get("inputText"))


def sentiment(job: Job) -> None:
    """Sentiment Analysis: an output for each mood."""
    names = [
        word.strip()
        for word in (job.item.text("options", "categories") or "Positive, Neutral, Negative").split(",")
        if word.strip()
    ]
    classes = []
    for number, word in enumerate(dict.fromkeys(names)):
        name = identifier(word, f"class_{number + 1}")
        classes.append({"name": name, "description": f"The text is {word.lower()}"[:500]})
        job.branches[number] = (f"context.class == '{name}'", word)
    _classify(job, classes, job.params.get("inputText"))


def _classify(job: Job, classes: list[dict[str, Json]], raw: Json) -> None:
    while len(classes) < 2:
        classes.append({"name": f"other_{len(classes)}" if classes else "other", "description": "Anything else"})
    if len(classes) > 50:
        job.approximate("a classifier has 50 classes at most")
    job.error_output = len(job.branches)
    config: dict[str, Json] = {"text": job.reader.template("text", raw) or "{message}", "classes": classes[:50]}
    config |= {key: value for key, value in _model(job).items() if key == "model"}
    take_rest(job)
    job.add("classifier", config)
