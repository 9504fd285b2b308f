"""Langflow's components, by what they do; there are hundreds, so families are told by their names."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from engine.importers import comparing, schemas
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.draft import Draft
from engine.importers.langflow.file import MEMORIES, File, Node
from engine.importers.models import model_name
from engine.importers.names import called_name, identifier, slug
from engine.importers.report import Outcome
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said, Wording

Json = Any
_PLUGS = frozenset(
    {"tools", "llm", "embedding", "embedding_model", "embeddings", "agents", "tasks", "agent", "reranker"}
)
_MODEL = re.compile(r"(LanguageModelComponent|LLM|Model|ChatModel|Bedrock|Ollama\w*|\w+Model(Component)?|\w*LLM\w*)$")
_AGENT = re.compile(
    r"[\w ]*Agents?(Component)?$|ConversationChain$|RetrievalQA$|\w*Crew(Component)?$|SequentialTask\w*|"
    r"\w*TaskComponent$"
)
_STORE = re.compile(
    r"(AstraDB|AstraVectorStore|FAISS|Chroma|Pinecone|Qdrant|Weaviate|Milvus|pgvector|PGVector|Redis|MongoDB|Supabase|Elastic|"
    r"SelfQueryRetriever|MultiQueryRetriever|RetrieverTool|OpenSearch|Cassandra|Couchbase|Upstash|Vectara|ClickHouse|Knowledge|KnowledgeRetrieval|MemoryBase|LocalDB|HCD|Vectorize)\w*"
)
_FILES = re.compile(
    r"(File|Directory|SaveToFile|SplitText|\w*TextSplitter\w*|\w*Embeddings?\w*|KnowledgeIngestion|\w*Loader\w*)$"
)
_URLS = re.compile(r"(URL|URLComponent|url_content_fetcher|WebScraper\w*|RSSReader\w*)$")
_ROUTERS = frozenset({"ConditionalRouter", "ConditionalRouterComponent", "DataConditionalRouter", "IfElse", "If-Else"})
_SMART = frozenset({"SmartRouter", "SmartRouterComponent", "LLMRouterComponent"})
_STRUCTURED = frozenset({"StructuredOutput", "StructuredOutputComponent"})
_CODE = re.compile(r"(CustomComponent|Custom|Python\w*|LambdaFilter\w*|SmartFunction\w*|Smart Transform)$")
_SHAPING = re.compile(
    r"(CombineText|ExtractDataKey|CreateData|UpdateData|FilterData\w*|MergeData\w*|SelectData|DataOperations|DataFrameOperations|"
    r"AlterMetadata|CreateList|DynamicCreateData|TextOperations|Message|RegexExtractor\w*|StaticData|\w*Operations|CurrentDate\w*|GetEnvVar|"
    r"JSONtoData|CSVtoData|DataToDataFrame|ExtractaKey|ExtractKeyFromData|JSONCleaner|SelectivePassThrough|CodeBlockExtractor|"
    r"IDGenerator|Listen|Notify|HtmlLinkExtractor|OutputParser\w*|\w*Parser\w*)$"
)


@dataclass(slots=True)
class Job:
    """One component to convert. `branches` gives an output's edges their condition and label."""

    file: File
    node: Node
    branches: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)

    @property
    def draft(self) -> Draft:
        return self.file.draft

    def add(self, type_name: str, config: dict[str, Json], **more: Json) -> None:
        self.draft.add(self.node.entry, type_name, config, name=self.node.name, **more)

    def approximate(self, reason: str) -> None:
        self.node.entry.approximate(reason)

    def unsupported(self, reason: str) -> None:
        self.node.entry.lower(Outcome.UNSUPPORTED, reason)
        kept = {
            name: one.get("value")
            for name, one in self.node.template.items()
            if isinstance(one, dict) and name != "code"
        }
        self.draft.placeholder(
            self.node.entry,
            self.node.name,
            {key: value for key, value in kept.items() if value not in (None, "", [], {})},
        )

    def template(self, name: str, *fields: str) -> str:
        return self.draft.template(self.node.entry, name, self.file.filled(self.node, *fields)).strip()

    def value(self, name: str, *fields: str) -> str:
        return self.draft.value(self.node.entry, name, self.file.filled(self.node, *fields).stripped())

    def said(self, wording: Wording) -> Said:
        """As one expression; raises Unsayable."""
        stuck = next((part for part in wording.parts if isinstance(part, w.Unsaid)), None)
        if stuck is not None:
            raise Unsayable(stuck.reason)
        found = wording.expression(lambda _text, _reason: None)
        return w.literal(found.literal) if found.literal is not None else found


def is_plugged_in(node: Node) -> bool:
    """Is it a part of another component: its tool, its model, its embeddings?"""
    return bool(node.targets) and all(
        into in _PLUGS and not (into == "llm" and _AGENT.match(node.kind)) for _, into, _ in node.targets
    )


def convert(job: Job) -> None:  # noqa: PLR0912  (one branch per family)
    kind = job.node.kind
    if kind in ("ChatOutput", "TextOutput", "TextOutputComponent", "DataOutput"):
        job.add("message", {"text": job.template("text", "input_value") or "…"})
    elif kind in _ROUTERS:
        _router(job)
    elif kind in _SMART:
        _smart_router(job)
    elif kind in _STRUCTURED:
        _structured(job)
    elif kind == "HumanInput":
        _human(job)
    elif kind.startswith("GuardrailValidator"):
        _guard(job)
    elif kind in ("APIRequest", "APIRequestComponent"):
        _request(job)
    elif kind in ("LoopComponent", "Loop"):
        job.approximate("what stands in the loop is done once; a loop node does it for each entry")
        job.add("transform", {"set": {"item": _expression(job, "data")}})
    elif kind in ("RunFlow", "SubFlow", "FlowTool", "RunFlowBaseComponent"):
        called = called_name(job.node.text("flow_name_selected", "flow_name") or job.node.label, job.draft.title)
        job.approximate(f"the workflow it calls must be imported too, and be named {called}")
        job.add("sub_workflow", {"workflow_name": called})
    elif kind == "BatchRunComponent" or _AGENT.match(kind):
        _agent(job)
    elif _STORE.match(kind) and "Ingestion" not in kind:
        _store(job)
    elif _FILES.match(kind):
        job.unsupported("files are put into the knowledge base on its page, not by a workflow")
    elif _URLS.match(kind):
        _url(job)
    elif _CODE.match(kind):
        _code(job)
    elif _SHAPING.match(kind):
        job.approximate("the data is handed on as it is")
        job.add("transform", {"set": {"text": _expression(job, *job.node.plugged)}})
    elif _MODEL.match(kind) and "Embedding" not in kind:
        _model(job)
    elif job.node.text("code") and "Component" in job.node.text("code") and not job.node.targets:
        job.unsupported("nothing of ours does this")
    else:
        _service(job)


def _expression(job: Job, *fields: str) -> str:
    wording = job.file.filled(job.node, *fields) if fields else Wording()
    return job.draft.expression(job.node.entry, fields[0] if fields else "text", wording.stripped())


def _settings(node: Node) -> dict[str, Json]:
    chosen = v.at(node.value("model"), 0) if isinstance(node.value("model"), list) else node.value("model")
    name = v.text(chosen, "name") if isinstance(chosen, dict) else node.text("model_name", "model_id", "model")
    provider = (
        v.text(chosen, "provider") if isinstance(chosen, dict) else node.text("provider", "agent_llm") or node.kind
    )
    found: dict[str, Json] = {"model": model_name(provider, name)}
    temperature = v.within(v.number(node.template, "temperature", "value"), 0, 2)
    longest = v.within(v.number(node.template, "max_tokens", "value"), 1, 100_000)
    if temperature is not None:
        found["temperature"] = temperature
    if longest:
        found["max_tokens"] = int(longest)
    return found


def _memory(job: Job, config: dict[str, Json]) -> None:
    for sources in job.node.plugged.values():
        for source, _ in sources:
            inner = [one for ones in source.plugged.values() for one, _ in ones]
            if source.kind in MEMORIES or any(one.kind in MEMORIES for one in inner):
                config["memory"] = {"scope": "conversation", "window": 12}


def _model(job: Job) -> None:
    config = _settings(job.node)
    if prompt := job.template("prompt_template", "input_value"):
        config["prompt_template"] = prompt
    if system := job.template("system_prompt", "system_message", "system_prompt"):
        config["system_prompt"] = system
    _memory(job, config)
    job.add("agent", config)


def _agent(job: Job) -> None:
    node = job.node
    models = [source for field_name in ("llm", "model", "agent_llm") for source, _ in node.plugged.get(field_name, [])]
    config = _settings(models[0] if models else node)
    for model in models:
        model.entry.node = model.entry.node or node.name
    if prompt := job.template("prompt_template", "input_value", "task_description", "df"):
        config["prompt_template"] = prompt
    system = [
        job.template("system_prompt", name)
        for name in ("system_prompt", "system_message", "role", "goal", "backstory", "expected_output")
    ]
    if any(system):
        config["system_prompt"] = "\n\n".join(text for text in system if text)
    if node.kind in ("Agent", "AgentComponent"):
        config["memory"] = {
            "scope": "conversation",
            "window": int(v.within(v.number(node.template, "n_messages", "value"), 1, 100) or 100),
        }
    elif node.kind != "ToolCallingAgent":
        job.approximate("it is one agent here")
    _memory(job, config)
    schema = _rows(node.value("output_schema"))
    if schema:
        config["output_schema"] = schema
    _tools(job, config)
    job.add("agent", config)


def _tools(job: Job, config: dict[str, Json]) -> None:
    operations = []
    for field_name in ("tools", "agents", "tasks", "agent"):
        for tool, _ in job.node.plugged.get(field_name, []):
            if tool.entry.node is None and not tool.name:
                tool.entry.node = job.node.name
                operations += _tool(tool, config)
    if operations:
        credential = job.draft.credential(f"{job.node.name[:50]}_api", "openapi")
        config["tools"] = [{"tool_name": "call_api", "credential": credential}]
        listed = ", ".join(dict.fromkeys(operations))
        config["description"] = f"Tools: operations {listed} of the API that the credential {credential} describes"[
            :400
        ]


def _tool(tool: Node, config: dict[str, Json]) -> list[str]:
    """One thing that the agent may use; the names of operations that it has to be given."""
    if _STORE.match(tool.kind):
        tool.entry.approximate("the passages have to be in the tenant's knowledge base, under this source")
        sources = config.setdefault("knowledge", [])
        source = slug(tool.label) or "knowledge"
        if source not in sources and len(sources) < 8:
            sources.append(source)
        return []
    if "Calculator" in tool.kind:
        tool.entry.approximate("there is no calculator among the tools; the model calculates by itself")
        return []
    if "Python" in tool.kind or _AGENT.match(tool.kind):
        tool.entry.lower(Outcome.UNSUPPORTED, "there is no such tool for an agent")
        return []
    operation = slug(tool.label) or "tool"
    tool.entry.approximate(
        f"the agent calls it as the operation {operation} of an API, whose OpenAPI document has to be stored"
    )
    return [operation]


def _rows(rows: Json) -> dict[str, Json] | None:
    """A table of fields as a schema."""
    return schemas.of_fields(
        (
            v.text(one, "name"),
            "array" if v.flag(one, "multiple") else v.text(one, "type", default="string"),
            v.text(one, "description"),
            True,
        )
        for one in v.mappings(rows)
    )


def _structured(job: Job) -> None:
    schema = _rows(job.node.value("output_schema")) or {"type": "object", "properties": {"result": {"type": "string"}}}
    config: dict[str, Json] = {"text": job.template("text", "input_value") or "{message}", "schema": schema}
    if said := job.template("instructions", "system_prompt"):
        config["instructions"] = said[:4000]
    for model, _ in job.node.plugged.get("llm", []):
        model.entry.node = model.entry.node or job.node.name
        config["model"] = _settings(model)["model"]
    job.add("extractor", config)


_OPERATORS = {
    "less than": "<", "less than or equal": "<=", "greater than": ">", "greater than or equal": ">=",
}  # fmt: skip


def _router(job: Job) -> None:
    operator = job.node.text("operator") or "equals"
    try:
        left = job.said(job.file.filled(job.node, "input_text", "data_input").stripped())
        right = job.said(job.file.filled(job.node, "match_text", "compare_value").stripped())
        is_number = "than" in operator
        ignore = v.at(job.node.template, "case_sensitive", "value") is False and operator != "regex" and not is_number
        found = comparing.compare(
            left, _OPERATORS.get(operator, operator), right, is_number=is_number, ignore_case=ignore
        ).text
    except Unsayable as err:
        job.node.entry.keep("condition", operator, f"{err}; until it is written the default branch is taken")
        found = "false"
    job.branches = comparing.live(
        {
            "true_result": (found, "true"),
            "true_output": (found, "true"),
            "false_result": (None, "false"),
            "false_output": (None, "false"),
        }
    )
    job.branches["false_output"] = job.branches["false_result"]
    job.add("condition", {})


def _smart_router(job: Job) -> None:
    classes: list[dict[str, str]] = []
    for number, one in enumerate(v.mappings(job.node.value("routes"))):
        label = v.text(one, "route_category") or v.text(one, "output_value")
        name = identifier(label, f"route_{number + 1}", 40)
        if any(known["name"] == name for known in classes):
            name = f"{name}_{number + 1}"
        classes.append({"name": name, "description": (v.text(one, "route_description") or label)[:500]})
        job.branches[f"category_{number + 1}_result"] = (f"context.class == '{name}'", label)
    job.branches["default_result"] = (None, "otherwise")
    while len(classes) < 2:
        classes.append({"name": f"other_{len(classes)}", "description": "Anything else"})
    job.add(
        "classifier",
        {"text": job.template("text", "input_text", "input_value") or "{message}", "classes": classes[:50]},
    )


def _human(job: Job) -> None:
    """A person decides which way the flow takes; its outputs are named by the choices."""
    job.approximate("a person answers it in the studio")
    text = job.template("message", "prompt") or job.node.label
    ways = list(dict.fromkeys(output for _, _, output in job.node.targets if output.startswith("branch_")))
    if set(ways) <= {"branch_approve", "branch_reject"}:
        job.branches = {"branch_approve": ("context.approved", "approve"), "branch_reject": (None, "reject")}
        job.add("human", {"mode": "approval", "message": text})
        return
    choices = {way: slug(way.removeprefix("branch_")) or f"choice_{number + 1}" for number, way in enumerate(ways)}
    for number, (way, choice) in enumerate(choices.items()):
        job.branches[way] = (None if number == len(ways) - 1 else f"context.choice == '{choice}'", choice)
    job.add("human", {"mode": "choice", "message": text, "choices": list(dict.fromkeys(choices.values()))})


_CHECKS = {
    "PII": "pii_redact", "Prompt Injection": "prompt_injection", "Jailbreak": "prompt_injection",
    "Offensive Content": "moderation",
}  # fmt: skip


def _guard(job: Job) -> None:
    job.approximate("the checks of our guardrail node, with their own settings")
    enabled = job.node.value("enabled_guardrails")
    checks = [_CHECKS[one] for one in enabled if one in _CHECKS] if isinstance(enabled, list) else []
    job.branches = {"pass_result": ("context.passed", "passed"), "failed_result": (None, "failed")}
    found = list(dict.fromkeys(checks)) or ["prompt_injection"]
    job.add("guardrail", {"checks": found, "on_violation": "flag"})


def _request(job: Job) -> None:
    method = (job.node.text("method") or "GET").upper()
    urls = job.node.value("url_input", "urls", "url")
    if isinstance(urls, list) and len(urls) > 1:
        job.approximate("only the first of several addresses is called")
    config: dict[str, Json] = {"method": method if method in ("GET", "POST", "PUT", "PATCH", "DELETE") else "GET"}
    config["url"] = _address(job, urls)
    for key, field_name in (("headers", "headers"), ("query", "query_params")):
        pairs = {
            v.text(one, "key"): v.text(one, "value")
            for one in v.mappings(job.node.value(field_name))
            if v.text(one, "key")
        }
        if pairs:
            config[key] = pairs
    body = {v.text(one, "key"): one.get("value") for one in v.mappings(job.node.value("body")) if v.text(one, "key")}
    if job.node.plugged.get("body"):
        config["body"] = job.value("body", "body")
    elif body:
        config["body"] = body
    job.add("http", config)


def _address(job: Job, raw: Json) -> str:
    first = raw[0] if isinstance(raw, list) and raw else raw
    found = (
        job.template("url", "url_input", "urls", "url")
        if any(job.node.plugged.get(name) for name in ("url_input", "urls", "url"))
        else ""
    )
    found = found or (job.draft.template(job.node.entry, "url", Wording.of([first])) if isinstance(first, str) else "")
    if not found.strip():
        job.approximate("the address is missing")
        return "https://example.com"
    return found.strip() if "://" in found or "{" in found else f"https://{found.strip()}"


def _url(job: Job) -> None:
    job.approximate("the page is fetched as it is; its text is not taken out")
    job.add("http", {"url": _address(job, job.node.value("urls", "url"))})


def _store(job: Job) -> None:
    job.approximate("it searches the tenant's knowledge base; the passages have to be put there")
    query = job.value("query", "search_query", "search_input", "query", "input_value")
    limit = v.within(
        v.number(job.node.template, "number_of_results", "value") or v.number(job.node.template, "top_k", "value"),
        1,
        20,
    )
    job.add(
        "knowledge",
        {"source": slug(job.node.label), "query": query or "context.message", "limit": int(limit) if limit else None},
    )


def _code(job: Job) -> None:
    source = job.node.text("python_code", "function_code", "code", "filter_instruction")
    job.approximate("code does not run until a person has looked at it")
    job.add("code", {"source": source or "# empty"}, disabled=True)


def _service(job: Job) -> None:
    """A component that calls a service of its own: an operation of that service's API."""
    if not job.node.targets and not job.node.plugged:
        job.unsupported("nothing of ours does this")
        return
    credential = job.draft.credential(slug(job.node.label) or "api", "openapi")
    job.approximate(f"the OpenAPI document of {job.node.label[:60]} has to be stored as the credential {credential}")
    given = {}
    for name in list(job.node.template)[:60]:
        if name in ("code", "_type") or not re.fullmatch(r"[A-Za-z]\w{0,60}", name):
            continue
        own = isinstance(job.node.value(name), str) and name not in ("api_key", "token", "tools_metadata")
        if (own or job.node.plugged.get(name)) and (value := job.value(name, name)):
            given[name] = value
    parameters = {"operation": identifier(job.node.label, "operation", 90), "parameters": given}
    job.add("tool", {"tool_name": "call_api", "credential": credential, "parameters": parameters})
