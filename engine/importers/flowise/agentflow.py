"""Flowise Agentflow v2: each kind of node."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.importers import comparing, schemas
from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.draft import Draft
from engine.importers.flowise.file import File, Node
from engine.importers.models import model_name
from engine.importers.names import called_name, identifier, slug, variables
from engine.importers.report import Outcome
from engine.importers.script_syntax import Unsayable
from engine.importers.wording import Said

Json = Any
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")


@dataclass(slots=True)
class Job:
    """One node to convert. `branches` gives an output's edges their condition and label."""

    file: File
    node: Node
    branches: dict[int, tuple[str | None, str | None]] = field(default_factory=dict)

    @property
    def draft(self) -> Draft:
        return self.file.draft

    @property
    def inputs(self) -> dict[str, Json]:
        return self.node.inputs

    def add(self, type_name: str, config: dict[str, Json], **more: Json) -> None:
        self.draft.add(self.node.entry, type_name, config, name=self.node.name, **more)

    def approximate(self, reason: str) -> None:
        self.node.entry.approximate(reason)

    def unsupported(self, reason: str) -> None:
        self.node.entry.lower(Outcome.UNSUPPORTED, reason)
        self.draft.placeholder(self.node.entry, self.node.name, self.inputs)

    def template(self, name: str, raw: Json) -> str:
        return self.draft.template(self.node.entry, name, self.file.wording(raw, self.node)).strip()

    def value(self, name: str, raw: Json) -> Json:
        if isinstance(raw, dict):
            return {key: self.value(name, item) for key, item in raw.items() if key}
        if isinstance(raw, list):
            return [self.value(name, item) for item in raw]
        if not isinstance(raw, str):
            return raw
        return self.draft.value(self.node.entry, name, self.file.wording(raw, self.node).stripped())

    def expression(self, name: str, raw: Json) -> str:
        if isinstance(raw, bool | int | float):
            return w.data_literal(raw)
        return self.draft.expression(self.node.entry, name, self.file.wording(raw, self.node).stripped())

    def first(self, *names: str) -> Json:
        """The first of these inputs that says something."""
        return next((self.inputs[name] for name in names if self.inputs.get(name) not in (None, "", [], {})), None)


Converter = Callable[[Job], None]


def model_of(job: Job, prefix: str) -> dict[str, Json]:
    provider = v.text(job.inputs, f"{prefix}Model")
    given = v.mapping(job.inputs, f"{prefix}ModelConfig")
    name = v.text(given, "customModelName") or v.text(given, "modelName") or v.text(given, "model")
    found: dict[str, Json] = {"model": model_name(provider, name)}
    temperature = v.within(v.number(given, "temperature"), 0, 2)
    longest = next(
        (
            n
            for key in ("maxTokens", "maxTokensToSample", "maxOutputTokens")
            if (n := v.within(v.number(given, key), 1, 100_000))
        ),
        None,
    )
    if temperature is not None:
        found["temperature"] = temperature
    if longest:
        found["max_tokens"] = int(longest)
    return found


def llm(job: Job) -> None:
    _model_node(job, "llm")


def agent(job: Job) -> None:
    _model_node(job, "agent")


def _model_node(job: Job, prefix: str) -> None:
    config: dict[str, Json] = {**model_of(job, prefix), **_messages(job, prefix)}
    if v.flag(job.inputs, f"{prefix}EnableMemory"):
        window = v.within(v.number(job.inputs, f"{prefix}MemoryWindowSize"), 1, 100) or 20
        config["memory"] = {"scope": "conversation", "window": int(window)}
    schema = structured(v.items(job.inputs, f"{prefix}StructuredOutput"))
    if schema:
        config["output_schema"] = schema
    _tools(job, config)
    _knowledge(job, config)
    job.add("agent", config)
    keep_state(job, v.items(job.inputs, f"{prefix}UpdateState"), given=set(v.mapping(schema, "properties")))


def _messages(job: Job, prefix: str) -> dict[str, Json]:
    said = [
        (v.text(one, "role"), job.template("prompt_template", one.get("content")))
        for one in v.mappings(job.inputs, f"{prefix}Messages")
    ]
    said = [(role, text) for role, text in said if text]
    asked = job.template("prompt_template", job.inputs.get(f"{prefix}UserMessage") or "")
    users = [text for role, text in said if role in ("user", "human")]
    system = [
        text if role in ("system", "developer") else f"{role}: {text}"
        for role, text in said
        if role not in ("user", "human")
    ]
    found: dict[str, Json] = {}
    prompt = "\n\n".join([*users, *([asked] if asked else [])])
    if prompt:
        found["prompt_template"] = prompt
    if system:
        found["system_prompt"] = "\n\n".join(system)
    return found


def structured(fields: list[Json]) -> dict[str, Json] | None:
    """The schema of a structured output."""
    properties: dict[str, Json] = {}
    for one in v.mappings(fields):
        name, kind = v.text(one, "key"), v.text(one, "type")
        if not name:
            continue
        shape: dict[str, Json] = {"type": schemas.TYPES.get(kind.lower(), "string")}
        if kind == "enum":
            options = [option.strip() for option in v.text(one, "enumValues").split(",") if option.strip()]
            shape = {"enum": options} if options else {"type": "string"}
        elif kind == "stringArray":
            shape = {"type": "array", "items": {"type": "string"}}
        elif kind == "jsonArray":
            inner = schemas.parsed(v.text(one, "jsonSchema"))
            shape = {
                "type": "array",
                "items": {"type": "object", "properties": inner} if isinstance(inner, dict) else {"type": "object"},
            }
        if description := v.text(one, "description"):
            shape["description"] = description[:300]
        properties[name[:100]] = shape
    return (
        schemas.usable({"type": "object", "properties": properties, "required": list(properties)})
        if properties
        else None
    )


def _tools(job: Job, config: dict[str, Json]) -> None:
    given = [one for one in v.mappings(job.inputs, "agentTools") if v.text(one, "agentSelectedTool")]
    tools = [v.text(one, "agentSelectedTool") for one in given]
    if v.text(job.inputs, "agentToolsBuiltInOpenAI") or v.text(job.inputs, "agentToolsBuiltInGemini"):
        job.approximate("tools that the model's vendor runs are not offered")
    if not tools:
        return
    credential = job.draft.credential(f"{job.node.name[:50]}_api", "openapi")
    listed = ", ".join(dict.fromkeys(slug(tool) or "tool" for tool in tools))
    use: dict[str, Json] = {"tool_name": "call_api", "credential": credential}
    if any(v.flag(one, "agentSelectedToolRequiresHumanInput") for one in given):
        use["approval"] = True  # all are operations of one tool: where one asks, all do
    config["tools"] = [use]
    config["description"] = f"Tools: operations {listed} of the API that the credential {credential} describes"[:400]
    job.approximate("its tools have to be operations of an API whose OpenAPI document is stored")


def _knowledge(job: Job, config: dict[str, Json]) -> None:
    stores = [v.text(one, "documentStore") for one in v.mappings(job.inputs, "agentKnowledgeDocumentStores")]
    stores += [
        v.text(one, "knowledgeName") or "knowledge" for one in v.mappings(job.inputs, "agentKnowledgeVSEmbeddings")
    ]
    sources = list(dict.fromkeys(slug(store.rpartition(":")[2]) or "knowledge" for store in stores if store))
    if sources:
        config["knowledge"] = sources[:8]
        job.approximate("the passages have to be in the tenant's knowledge base, under these sources")


def keep_state(job: Job, updates: list[Json], given: set[str] | None = None) -> None:
    """What a node writes into the flow's state, in a transform behind it; what is in context anyway is left out."""
    values: dict[str, Json] = {}
    for one in v.mappings(updates):
        key = v.text(one, "key")
        if key:
            values[key] = job.expression(key, one.get("value"))
    own = f"nodes.{job.node.name}.output."
    values = {key: text for key, text in values.items() if not (key in (given or ()) and text == f"{own}{key}")}
    if not values or job.node.name not in job.draft.nodes:
        return
    helper = job.draft.helper(f"{job.node.name[:52]}_state", "transform", {"set": values})
    job.draft.link(job.node.name, helper.name)
    if job.node.parent is not None:
        job.draft.homes[helper.name] = job.node.parent.name
    job.node.exit = helper.name


def condition(job: Job) -> None:
    number = -1
    for number, one in enumerate(v.mappings(job.inputs, "conditions")):
        job.branches[number] = (_compared(job, one) or "false", None)
    job.branches[number + 1] = (None, "else")
    job.branches = comparing.live(job.branches)
    job.add("condition", {})


def _compared(job: Job, one: dict[str, Json]) -> str | None:
    kind = v.text(one, "type", default="string")
    try:
        left = _side(job, one.get("value1"))
        operation = v.text(one, "operation", default="equal")
        if comparing.takes_no_right_side(operation):
            return comparing.compare(left, operation, None).text
        return comparing.compare(left, operation, _side(job, one.get("value2")), is_number=kind == "number").text
    except Unsayable as err:
        shown = f"{v.text(one, 'value1')} {v.text(one, 'operation')} {v.text(one, 'value2')}"
        job.node.entry.keep("condition", shown, f"{err}; until it is written the default branch is taken")
        return None


def _side(job: Job, raw: Json) -> Said:
    if isinstance(raw, bool | int | float):
        return Said(w.data_literal(raw))
    wording = job.file.wording(raw, job.node).stripped()
    stuck = next((part for part in wording.parts if isinstance(part, w.Unsaid)), None)
    if stuck is not None:
        raise Unsayable(stuck.reason)
    found = wording.expression(lambda _text, _reason: None)
    return w.literal(found.literal) if found.literal is not None else found


def condition_agent(job: Job) -> None:
    """A model picks one of the scenarios."""
    classes = []
    taken: set[str] = set()
    for number, one in enumerate(v.mappings(job.inputs, "conditionAgentScenarios")):
        said = v.text(one, "scenario")
        name = identifier(said, f"scenario_{number + 1}", 40)
        while name in taken:
            name += "_2"
        taken.add(name)
        classes.append({"name": name, "description": " ".join(said.split())[:500]})
        job.branches[number] = (f"context.class == '{name}'", said or None)
    while len(classes) < 2:
        classes.append({"name": f"other_{len(classes)}", "description": "Anything else"})
    config: dict[str, Json] = {
        "text": job.template("text", job.inputs.get("conditionAgentInput")) or "{message}",
        "classes": classes[:50],
    }
    if instructions := job.template("instructions", job.inputs.get("conditionAgentInstructions") or ""):
        config["instructions"] = instructions[:4000]
    config["model"] = model_of(job, "conditionAgent")["model"]
    job.add("classifier", config)


def tool(job: Job) -> None:
    name = v.text(job.inputs, "toolAgentflowSelectedTool") or v.text(job.inputs, "selectedTool") or job.node.label
    given = {
        v.text(one, "inputArgName"): job.value("parameters", one.get("inputArgValue"))
        for one in v.mappings(job.inputs, "toolInputArgs")
        if v.text(one, "inputArgName")
    }
    credential = job.draft.credential(slug(name) or "tool_api", "openapi")
    job.approximate(f"the OpenAPI document of {name} has to be stored as the credential {credential}")
    parameters = {"operation": identifier(name, "operation", 90), "parameters": given}
    job.add("tool", {"tool_name": "call_api", "credential": credential, "parameters": parameters})
    keep_state(job, v.items(job.inputs, "toolUpdateState"))


def http(job: Job) -> None:
    method = v.text(job.inputs, "method", default="GET").upper()
    if method not in METHODS:
        job.approximate(f"the method {method[:20]} is not offered")
        method = "GET"
    url = job.template("url", job.inputs.get("url") or "")
    if not url:
        job.approximate("the address is missing")
    config: dict[str, Json] = {"method": method, "url": url or "https://example.com"}
    config["headers"], config["query"] = _pairs(job, "headers"), _pairs(job, "queryParams")
    body, kind = job.inputs.get("body"), v.text(job.inputs, "bodyType")
    if isinstance(body, list):
        config["body"] = _pairs(job, "body")
    elif isinstance(body, str) and body.strip():
        parsed = schemas.parsed(body)
        config["body"] = job.value("body", parsed if isinstance(parsed, dict | list) else body)
    if kind in ("formData", "xWwwFormUrlencoded"):
        job.approximate(f"the body is sent as JSON, not as {kind}")
    if v.text(job.node.raw, "data", "credential") or v.text(job.inputs, "credential"):
        config["credential"] = job.draft.credential(f"{job.node.name[:50]}_key")
    job.add("http", config)


def _pairs(job: Job, key: str) -> dict[str, Json]:
    return {
        v.text(one, "key"): job.value(key, one.get("value", ""))
        for one in v.mappings(job.inputs, key)
        if v.text(one, "key")
    }


def retriever(job: Job) -> None:
    stores = [v.text(one, "documentStore") for one in v.mappings(job.inputs, "retrieverKnowledgeDocumentStores")]
    source = next((slug(store.rpartition(":")[2]) for store in stores if store), "")
    job.approximate("the passages have to be in the tenant's knowledge base, under this source")
    query = job.value("query", job.inputs.get("retrieverQuery") or "")
    job.add("knowledge", {"source": source, "query": query or "context.message"})
    keep_state(job, v.items(job.inputs, "retrieverUpdateState"))


def human(job: Job) -> None:
    text = job.template(
        "message", job.inputs.get("humanInputDescription") or job.inputs.get("humanInputModelPrompt") or ""
    )
    job.approximate("a person answers it in the studio")
    job.branches = {0: ("context.approved", "proceed"), 1: (None, "reject")}
    job.add("human", {"mode": "approval", "message": text or job.node.label})


def code(job: Job) -> None:
    source = v.text(job.inputs, "customFunctionJavascriptFunction") or v.text(job.inputs, "javascriptFunction")
    job.approximate("JavaScript has to be rewritten in Python; switched off until then")
    inputs = {
        v.text(one, "variableName"): job.value("inputs", one.get("variableValue"))
        for one in v.mappings(job.inputs, "customFunctionInputVariables")
        if v.text(one, "variableName")
    }
    job.add("code", {"source": source or "# empty", "inputs": variables(inputs)}, disabled=True)
    keep_state(job, v.items(job.inputs, "customFunctionUpdateState"))


def reply(job: Job) -> None:
    job.add("message", {"text": job.template("text", job.inputs.get("directReplyMessage") or "") or "…"})


def sub_workflow(job: Job) -> None:
    called = called_name(v.text(job.inputs, "executeFlowSelectedFlow") or job.node.label, job.draft.title)
    job.approximate(f"the workflow it calls must be imported too, and be named {called}")
    given = job.value("input", job.inputs.get("executeFlowInput") or "")
    job.add("sub_workflow", {"workflow_name": called, "input": {"message": given} if given else None})
    keep_state(job, v.items(job.inputs, "executeFlowUpdateState"))


def loop_back(job: Job) -> None:
    """Goes back to an earlier node, so many times at most."""
    key = v.text(job.inputs, "loopBackToNode")
    target = job.file.by_key.get(key) or job.file.by_key.get(key.partition("-")[0])
    times = int(v.within(v.number(job.inputs, "maxLoopCount"), 1, 1000) or 5)
    count = f"{job.node.name[:50]}_count"
    job.add("transform", {"set": {count: f"default(context.{count}, 0) + 1"}})
    if target is None or not target.name:
        job.approximate("the node to go back to is not in the file")
        return
    job.draft.link(job.node.name, target.name, f"context.{count} <= {times}", label=f"at most {times} times")


def iteration(job: Job) -> None:
    inside = [node for node in job.file.nodes if node.parent is job.node and node.name]
    first = [node.name for node in inside if not any(before.parent is job.node for before in node.before)] or [
        node.name for node in inside[:1]
    ]
    body = first[0] if len(first) == 1 else ""
    if not body:
        helper = job.draft.helper(f"{job.node.name[:52]}_body", "parallel" if first else "transform", {})
        job.draft.homes[helper.name] = job.node.name
        for name in first:
            job.draft.link(helper.name, name)
        body = helper.name
    over = job.expression("over", job.inputs.get("iterationInput") or "")
    job.add("loop", {"over": over if over != "''" else "context.items", "body": body, "max_iterations": 1000})


TABLE: Mapping[str, Converter] = {
    "llmAgentflow": llm,
    "agentAgentflow": agent,
    "conditionAgentflow": condition,
    "conditionAgentAgentflow": condition_agent,
    "toolAgentflow": tool,
    "httpAgentflow": http,
    "retrieverAgentflow": retriever,
    "humanInputAgentflow": human,
    "customFunctionAgentflow": code,
    "directReplyAgentflow": reply,
    "executeFlowAgentflow": sub_workflow,
    "loopAgentflow": loop_back,
    "iterationAgentflow": iteration,
}
