"""n8n's nodes for notes, lists, forms, mail, databases and knowledge."""

from __future__ import annotations

from typing import Any

from engine.importers import values as v
from engine.importers.n8n import programs, texts
from engine.importers.n8n.http import address
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import plain
from engine.importers.names import slug

Json = Any
_MEMORY = {"get": "read", "set": "write", "delete": "clear"}


def note(job: Job) -> None:
    job.draft.note(job.entry, job.item.text("content"), name=job.item.name)


def form(job: Job) -> None:
    """A further page of a form: a person fills it in."""
    if job.item.text("operation") == "completion":
        text = job.reader.template(
            "text",
            job.params.get("completionMessage") or job.params.get("completionTitle") or job.params.get("responseText"),
        )
        job.add("message", {"text": text or "Thank you."})
        return
    fields = [
        (
            v.text(one, "fieldName") or v.text(one, "fieldLabel"),
            v.text(one, "fieldType", default="string"),
            "",
            v.flag(one, "requiredField"),
        )
        for one in v.mappings(job.params, "formFields", "values")
    ]
    ask_person(job, "form", job.params.get("options"), fields)


def ask_person(job: Job, mode: str, message: Json, fields: list[tuple[str, str, str, bool]] | None = None) -> None:
    """A human node."""
    from engine.importers import schemas  # noqa: PLC0415

    text = job.reader.template("message", message) if isinstance(message, str) else ""
    config: dict[str, Json] = {"mode": mode, "message": text or job.item.label}
    if mode == "form":
        config["form"] = schemas.of_fields(fields) if fields else {"type": "object"}
    job.approximate("a person answers it in the studio")
    job.add("human", config)


def item_lists(job: Job) -> None:
    from engine.importers.n8n import logic  # noqa: PLC0415

    operation = job.item.text("operation", default="splitOutItems")
    known = {"splitOutItems": logic.split_out, "concatenateItems": logic.aggregate, "aggregateItems": logic.aggregate,
             "limit": programs.limit, "sort": programs.sort, "removeDuplicates": programs.unique,
             "summarize": programs.summarize}  # fmt: skip
    known.get(operation, _no_lists)(job)


def _no_lists(job: Job) -> None:
    job.unsupported("there are no separate items to work on")


def email(job: Job, to: str = "") -> None:
    """Send Email, Gmail and Outlook; `to` is where it goes when the node does not say."""
    params = job.params
    job.approximate("the mail goes through the tenant's own SMTP server")
    html = params.get("html") or params.get("text") or params.get("message") or params.get("bodyContent")
    if "html" in (job.item.text("emailType"), job.item.text("emailFormat"), job.item.text("bodyContentType")):
        job.approximate("the mail is sent as text")
    options = v.mapping(params, "options") | v.mapping(params, "additionalFields")
    if any(options.get(key) for key in ("attachmentsUi", "attachments", "ccList", "bccList", "ccEmail", "bccEmail")):
        job.approximate("copies and attachments are not sent")
    to = to or _addresses(job) or "context.email"
    job.add(
        "email",
        {
            "to": to,
            "subject": job.reader.template("subject", params.get("subject")) or "-",
            "body": job.reader.template("body", html) or "-",
            "credential": job.credential("smtp", "smtp"),
        },
    )


def _addresses(job: Job) -> Json:
    """One address, or several that are written out."""
    raw = next(
        (job.params[key] for key in ("toEmail", "sendTo", "toList", "toRecipients") if job.params.get(key)), None
    )
    if isinstance(raw, str) and not raw.startswith("="):
        raw = [part.strip() for part in raw.replace(";", ",").split(",") if part.strip()]
    listed = [found for one in raw if (found := job.reader.value("to", one))] if isinstance(raw, list) else []
    if not isinstance(raw, list):
        return job.reader.value("to", raw)
    return listed[0] if len(listed) == 1 else listed


def sql(job: Job) -> None:
    """Queries that read; a connector of ours writes nothing."""
    query = plain(job.params.get("query"))
    operation = job.item.text("operation", default="insert")
    credential = job.credential("postgres", "sql")
    if operation == "select":
        table = job.reader.wording(job.params.get("table")).plain or "table"
        job.approximate("the conditions of the selection have to be written into the query")
        query = f'SELECT * FROM "{table}"'  # noqa: S608  # a draft for a person, run with a role that only reads
    elif operation != "executeQuery" or not isinstance(query, str) or not query:
        job.unsupported("the connector for databases only reads")
        return
    else:
        job.approximate("it must be one SELECT, with values as $1, $2 in `parameters`")
    job.add(
        "tool",
        {
            "tool_name": "query_database",
            "credential": credential,
            "parameters": {"query": job.reader.value("query", query)[:20_000]},
        },
    )


def redis(job: Job) -> None:
    operation = job.item.text("operation", default="info")
    if operation == "publish":
        texts.publish(job)
        return
    if operation not in _MEMORY:
        job.unsupported(f"the operation {operation} of Redis is not offered")
        return
    job.approximate("it is kept in the tenant's memory, not in Redis")
    config: dict[str, Json] = {
        "op": _MEMORY[operation],
        "scope": "tenant",
        "key": job.reader.template("key", job.params.get("key")) or "key",
    }
    if operation == "set":
        config["value"] = job.reader.value("value", job.params.get("value")) or "context.value"
    job.add("memory", config)


def rss(job: Job) -> None:
    job.approximate("the feed is fetched as text; its entries are not taken apart")
    job.add("http", {"url": address(job, job.params.get("url"))})


def graphql(job: Job) -> None:
    body: dict[str, Json] = {"query": job.reader.value("body.query", job.params.get("query"))}
    variables = job.params.get("variables")
    if variables:
        data = job.reader.data(
            "body.variables", variables, lambda field, found: job.draft.value(job.entry, field, found)
        )
        body["variables"] = data if data is not None else job.reader.value("body.variables", variables)
    headers = {
        v.text(one, "name"): job.reader.value("headers", one.get("value"))
        for one in v.mappings(job.params, "headerParametersUi", "parameter")
        if v.text(one, "name")
    }
    url, credential = address(job, job.params.get("endpoint")), job.credential()
    job.add("http", {"method": "POST", "url": url, "headers": headers, "body": body, "credential": credential})


def chat(job: Job) -> None:
    text = job.reader.template("text", job.params.get("message"))
    job.add("message", {"text": text or "…", "final": False})


def guardrails(job: Job) -> None:
    job.approximate("the checks of our guardrail node, with their own settings")
    given = v.mapping(job.params, "guardrails")
    checks = [
        ours
        for theirs, ours in (("pii", "pii_redact"), ("jailbreak", "prompt_injection"), ("nsfw", "moderation"))
        if theirs in given
    ]
    config: dict[str, Json] = {"checks": checks or ["prompt_injection"], "on_violation": "flag"}
    only = job.reader.wording(job.params.get("text")).stripped().only
    if only is not None and only.path is not None and len(only.path) == 2 and only.path[0] == "context":
        config["field"] = only.path[1]
    job.branches = {0: ("context.passed", "passed"), 1: (None, "failed")}
    for sub in job.item.subs.get("ai_languageModel", []):
        sub.entry.node = job.item.name
    job.add("guardrail", config)


def vector_store(job: Job) -> None:
    """Reading from a store is a search in the knowledge base; filling one is done on its page."""
    mode = job.item.text("mode", default="retrieve")
    if mode in ("load", "retrieve", "retrieve-as-tool"):
        job.approximate("it searches the tenant's knowledge base; the passages have to be put there")
        limit = v.within(v.number(job.params, "topK"), 1, 20)
        config = {
            "source": slug(job.item.label),
            "query": job.reader.value("query", job.params.get("prompt")) or "context.message",
            "limit": int(limit) if limit else None,
        }
        job.add("knowledge", config)
    else:
        job.unsupported("passages are put into the knowledge base on its page, not by a workflow")
