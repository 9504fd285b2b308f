"""n8n's nodes for pages, files and queues: what of them can be said with texts in context."""

from __future__ import annotations

from typing import Any

from engine.importers import values as v
from engine.importers import wording as w
from engine.importers.n8n import programs
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import plain
from engine.importers.names import slug

Json = Any
NO_FILES = "files are not carried along: an answer is data or text already, and stays in context"


def html(job: Job) -> None:
    operation = job.item.text("operation", default="generateHtmlTemplate")
    if job.item.kind == "htmlExtract" or operation == "extractHtmlContent":
        _extracted(job)
    elif operation == "convertToHtmlTable":
        programs.html_table(job)
    else:
        raw = job.item.text("html")
        text = job.reader.expression("html", raw if raw.startswith("=") else f"={raw}")
        job.add("transform", {"set": {"html": text}})


def _extracted(job: Job) -> None:
    """CSS selectors cannot be said; a model reads the same values out of the page."""
    properties: dict[str, Json] = {}
    for one in list(v.mappings(job.params, "extractionValues", "values"))[:50]:
        name = (job.reader.wording(one.get("key")).plain or "").strip()[:100]
        if name:
            what = v.text(one, "attribute") if v.text(one, "returnValue") == "attribute" else "the text"
            shape = {"description": f"{what} of what the CSS selector {v.text(one, 'cssSelector')[:150]} finds"[:300]}
            many = v.flag(one, "returnArray")
            properties[name] = (
                {"type": "array", "items": {"type": "string"}, **shape} if many else {"type": "string", **shape}
            )
    if not properties:
        job.unsupported("it says nothing to look for in the page")
        return
    job.approximate("a model reads the values out of the page; in n8n CSS selectors find them")
    place = w.template_place(w.path("context", *_steps(job, "dataPropertyName", "data")))
    job.add("extractor", {"text": place or "{data}", "schema": {"type": "object", "properties": properties}})


def _steps(job: Job, key: str, default: str) -> list[str]:
    written = job.reader.wording(job.params.get(key)).plain or default
    return [step for step in written.split(".") if step] or [default]


def markdown(job: Job) -> None:
    """The text as it is: most of what reads it takes one as well as the other."""
    to_html = job.item.text("mode", default="htmlToMarkdown") == "markdownToHtml"
    job.approximate("the text is not converted")
    found = job.reader.expression("text", job.params.get("markdown" if to_html else "html"))
    job.add("transform", {"set": {job.item.text("destinationKey", default="data") or "data": found}})


def extract(job: Job) -> None:
    """Extract from File, Spreadsheet File and their like."""
    operation = job.item.text("operation", default="csv")
    if operation == "fromFile":
        operation = job.item.text("fileFormat", default="autodetect")
    if operation in ("csv", "autodetect"):
        programs.read_csv(job, "context.data")
    elif operation in ("fromJson", "text", "html", "xml"):
        job.approximate(NO_FILES)
        job.add("transform", {})
    elif operation in ("toFile",):
        _to_file(job, job.item.text("fileFormat"))
    else:
        job.unsupported(f"files of the kind {operation} cannot be read")


def convert(job: Job) -> None:
    """Convert to File."""
    _to_file(job, job.item.text("operation", default="csv"))


def _to_file(job: Job, kind: str) -> None:
    if kind == "csv":
        programs.write_csv(job)
    elif kind == "html":
        programs.html_table(job)
    elif kind in ("toJson", "toText", "toBinary", "json", "text"):
        job.approximate(NO_FILES)
        field = job.reader.wording(job.params.get("sourceProperty")).plain
        steps = [step for step in (field or "").split(".") if step]
        job.add("transform", {"set": {"data": f"text({w.path('context', *steps).text})"}})
    else:
        job.unsupported(f"no file of the kind {kind or 'xls'} can be made")


def move_binary(job: Job) -> None:
    job.approximate(NO_FILES)
    job.add("transform", {})


def measure(job: Job) -> None:
    """Nodes that only measure or try out."""
    job.approximate("it only measures or tests in n8n")
    job.add("transform", {})


def publish(job: Job) -> None:
    """Message queues: our event stream instead."""
    operation = job.item.text("operation", default="publish")
    if operation == "deleteMessage":
        job.unsupported(f"the operation {operation} of a queue is not offered")
        return
    named = next((job.params[key] for key in _TOPICS if job.params.get(key)), None)
    topic = slug(job.reader.wording(plain(named)).plain or "") or slug(job.item.label) or "event"
    job.approximate(f"it is published to our event stream, under the topic {topic}")
    raw = next((job.params[key] for key in ("message", "messageData", "data") if job.params.get(key)), None)
    payload = {"message": job.reader.value("message", raw)} if raw is not None else {"data": "${context}"}
    job.add("event", {"topic": topic, "payload": payload})


_TOPICS = ("topic", "queue", "exchange", "sink", "channel")


def mcp_call(job: Job) -> None:
    """One call of an MCP server's tool, by its protocol."""
    url = job.reader.template("url", job.params.get("endpointUrl")).strip()
    tool = job.reader.value("tool", job.params.get("tool"))
    if not url or not tool:
        job.unsupported("the server or its tool is not named")
        return
    given = v.mapping(job.params, "parameters", "value")
    arguments: Json = {name: job.reader.value(name, raw) for name, raw in given.items() if name}
    if not given and (raw := job.params.get("jsonInput")):
        arguments = job.reader.data("arguments", raw, lambda at, said: job.draft.value(job.entry, at, said)) or {}
    job.approximate("the tool is called by a request of the protocol, without its session")
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    headers = {"Accept": "application/json, text/event-stream"}
    job.add("http", {"method": "POST", "url": url, "headers": headers, "body": body, "credential": job.credential()})
