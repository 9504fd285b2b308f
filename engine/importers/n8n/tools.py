"""What an agent of n8n may call, as tools, MCP servers and knowledge of an agent of ours."""

from __future__ import annotations

from typing import Any

from engine.importers import values as v
from engine.importers.n8n.file import Item
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import plain
from engine.importers.names import identifier, slug
from engine.importers.report import Outcome

Json = Any
TOOL = "ai_tool"
API = "call_api"
_THINKING = frozenset({"toolThink"})
_CALLED = "the agent calls it as the operation {} of an API, whose OpenAPI document has to be stored"
_HTTP = frozenset(
    {"httpRequestTool", "toolHttpRequest", "toolWikipedia", "toolSerpApi", "toolWolframAlpha", "toolSearXng"}
)


# What a connector of ours does for an app; everything else is an operation of the app's own API.
_OWN_OPERATIONS = {
    "postgresTool": ("executeQuery", "select"), "emailSendTool": ("", "send"), "slackTool": ("", "post"),
    "gmailTool": ("", "send"), "microsoftOutlookTool": ("", "send"),
}  # fmt: skip


def give(job: Job, config: dict[str, Json]) -> None:
    """Add what is plugged in as tools to the agent's config."""
    found: dict[str, Json] = {}
    operations: list[str] = []
    for sub in job.item.subs.get(TOOL, []):
        sub.entry.node = job.item.name
        _one(job, sub, config, found, operations)
    if operations:
        name = job.draft.credential(f"{job.item.name[:50]}_api", "openapi")
        found[API] = {"tool_name": API, "credential": name}
        listed = ", ".join(dict.fromkeys(operations))
        config["description"] = f"Tools: operations {listed} of the API that the credential {name} describes"[:400]
    if found:
        config["tools"] = list(found.values())


def _one(job: Job, sub: Item, config: dict[str, Json], found: dict[str, Json], operations: list[str]) -> None:
    kind = sub.kind
    if kind in _THINKING:
        return  # a model thinks by itself
    if kind.startswith("mcpClient") or kind == "mcpClientTool":
        _mcp(job, sub, config)
    elif kind == "toolVectorStore" or kind.startswith("vectorStore"):
        knowledge(job, config, sub)
    elif sub.text("operation") in _OWN_OPERATIONS.get(kind, ()):
        _own(job, sub, found)
    elif kind == "postgresTool":
        sub.entry.lower(Outcome.UNSUPPORTED, "the connector for databases only reads")
    elif kind == "toolCalculator":
        sub.entry.approximate("there is no calculator among the tools; the model calculates by itself")
    elif kind == "toolWorkflow":
        operation = slug(sub.text("name") or sub.label) or kind
        operations.append(operation)
        sub.entry.approximate(
            f"{_CALLED.format(operation)}: POST /api/v1/runs of this installation, for the workflow that it calls, "
            "which must be imported and published too"
        )
    elif kind in ("agentTool", "toolCode", "toolExecutor"):
        reasons = {
            "agentTool": "an agent cannot call another agent; put the two one behind the other",
            "toolCode": "an agent cannot call code of the file",
        }
        sub.entry.lower(Outcome.UNSUPPORTED, reasons.get(kind, "there is no such tool"))
    elif kind in _HTTP or kind.endswith("Tool"):
        operation = slug(sub.label) or kind
        operations.append(operation)
        sub.entry.approximate(_CALLED.format(operation))
    else:
        sub.entry.lower(Outcome.UNSUPPORTED, "there is no such tool")


def _own(job: Job, sub: Item, found: dict[str, Json]) -> None:
    """Apps that a connector of ours reaches."""
    name, kind = {
        "postgresTool": ("query_database", "sql"), "slackTool": ("send_slack_message", "slack"),
    }.get(sub.kind, ("send_email", "smtp"))  # fmt: skip
    credential = job.draft.credential(slug(sub.credential() or "") or kind, kind)
    found.setdefault(name, {"tool_name": name, "credential": credential})
    sub.entry.approximate(f"the agent has the tool {name} instead, with parameters that it chooses itself")


def _mcp(job: Job, sub: Item, config: dict[str, Json]) -> None:
    url = sub.text("endpointUrl") or sub.text("sseEndpoint") or v.text(plain(sub.params.get("endpointUrl")))
    names = [text for one in v.items(sub.params, "includeTools") if isinstance(one, str) and (text := one.strip())]
    if not url.startswith(("http://", "https://")) or len(url) > 2000 or "{{" in url:
        sub.entry.lower(Outcome.UNSUPPORTED, "the address of the MCP server is not written out")
        return
    sub.entry.approximate("" if names else "name the tools that the agent may call")
    entry = {"name": identifier(sub.label, "mcp")[:24].rstrip("_") or "mcp", "url": url, "tools": names[:64] or ["*"]}
    if sub.credential():
        entry["credential"] = job.draft.credential(slug(sub.credential() or "mcp") or "mcp")
    config.setdefault("mcp", [])
    if len(config["mcp"]) < 8:
        config["mcp"].append(entry)


def knowledge(job: Job, config: dict[str, Json], sub: Item | None = None) -> None:
    """A vector store that the agent looks things up in."""
    stores = (
        [sub]
        if sub is not None
        else [one for plug in ("ai_retriever", "ai_vectorStore") for one in job.item.subs.get(plug, [])]
    )
    for store in stores:
        store.entry.node = job.item.name
        store.entry.approximate("the passages have to be in the tenant's knowledge base, under this source")
        source = slug(store.text("toolName") or store.text("name") or store.label) or "knowledge"
        listed = config.setdefault("knowledge", [])
        if source not in listed and len(listed) < 8:
            listed.append(source)
