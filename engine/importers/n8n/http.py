"""The HTTP Request node in its versions, and requests that a table describes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from engine.importers import values as v
from engine.importers.n8n.job import Job
from engine.importers.n8n.reading import plain
from engine.importers.wording import Part, Wording

Json = Any
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
FORM = "form-urlencoded"
MISSING = "https://example.com"
_OPTIONS = {
    "batching": "requests are not sent in batches", "pagination": "further pages are not fetched",
    "proxy": "there is no proxy", "allowUnauthorizedCerts": "certificates are always checked",
    "redirect": "redirects are followed as the installation allows",
}  # fmt: skip
_OLD_KEYS = {
    "query": ("queryParametersUi", "queryParametersJson"), "headers": ("headerParametersUi", "headerParametersJson"),
    "body": ("bodyParametersUi", "bodyParametersJson"),
}  # fmt: skip


def http_request(job: Job) -> None:
    job.add("http", http_config(job))


def http_config(job: Job) -> dict[str, Json]:
    """The config of an http node for an HTTP Request node of any version."""
    params = job.params
    method = job.reader.wording(params.get("method") or params.get("requestMethod") or "GET").plain
    config: dict[str, Json] = {"method": _method(job, method)}
    config["url"] = address(job, params.get("url"))
    if _sends(params, "sendHeaders", "headerParameters", "specifyHeaders", "headers"):
        config["headers"] = _texts(_pairs(job, "headers", "headerParameters", "jsonHeaders"))
    if _sends(params, "sendQuery", "queryParameters", "specifyQuery", "query"):
        config["query"] = _pairs(job, "query", "queryParameters", "jsonQuery")
    if _sends(params, "sendBody", "bodyParameters", "specifyBody", "body"):
        config["body"] = _body(job)
        if _kind(job) == FORM and config["body"]:
            headers = config.setdefault("headers", {})
            if not any(name.lower() == "content-type" for name in headers):
                headers["Content-Type"] = "application/x-www-form-urlencoded"
    if job.item.text("authentication", default="none") != "none" or job.item.credential():
        config["credential"] = job.credential("http_api")
    _options(job, config)
    return {key: value for key, value in config.items() if value not in (None, {}, [], "")}


def _method(job: Job, written: str | None) -> str:
    method = (written or "").strip().upper()
    if method in METHODS:
        return method
    job.approximate(f"the method {method[:20] or '?'} is not offered")
    return "GET"


def address(job: Job, raw: Json) -> str:
    """The address as a template."""
    found = job.reader.template("url", raw).strip()
    if not found:
        job.approximate("the address is missing")
        return MISSING
    return found


def _sends(params: dict[str, Json], switch: str, *keys: str) -> bool:
    """Is this part sent? Newer versions have a switch, older ones just the values."""
    return (
        bool(params[switch])
        if switch in params
        else any(key in params for key in keys)
        or any(key in params for key in _OLD_KEYS[{"sendHeaders": "headers", "sendQuery": "query"}.get(switch, "body")])
    )


def _pairs(job: Job, field: str, key: str, json_key: str) -> dict[str, Json]:
    """Names and values, from a list of pairs or from JSON."""
    _, old_json = _OLD_KEYS[field]
    found: dict[str, Json] = {}
    for pair in _listed(job, key, field):
        if v.text(pair, "parameterType") == "formBinaryData":
            continue
        name = job.reader.wording(v.text(pair, "name") or v.text(pair, "key")).plain
        if name and not job.reader.asks_model(pair.get("value")):
            found[name] = job.reader.value(f"{field}.{name}", _trimmed(pair.get("value", "")))
    raw = job.params.get(json_key, job.params.get(old_json))
    if raw is not None and not found:
        data = job.reader.data(field, raw, lambda at, wording: job.draft.value(job.entry, at, wording))
        if isinstance(data, dict):
            return {name: value for name, value in data.items() if name}
        job.entry.keep(field, str(raw), "this is not JSON that could be read")
    return found


def _listed(job: Job, key: str, field: str) -> list[dict[str, Json]]:
    """The pairs of a list, in the forms of the node's versions."""
    return [
        *v.mappings(job.params, key, "parameters"),
        *v.mappings(job.params, key, "values"),
        *v.mappings(job.params, _OLD_KEYS[field][0], "parameter"),
    ]


def _trimmed(raw: Json) -> Json:
    return raw.strip() if isinstance(raw, str) else raw


def _texts(headers: dict[str, Json]) -> dict[str, Json]:
    return {name: value if isinstance(value, str | int | float) else str(value) for name, value in headers.items()}


def _kind(job: Job) -> str:
    named = job.item.text("contentType") or job.item.text("bodyContentType")
    return named or v.text(job.params, "options", "bodyContentType") or "json"


def _form(job: Job) -> str | None:
    """A form's fields as the one text that is sent."""
    parts: list[Part] = []
    computed = False
    for pair in _listed(job, "bodyParameters", "body"):
        name = job.reader.wording(v.text(pair, "name") or v.text(pair, "key")).plain
        if not name or job.reader.asks_model(pair.get("value")):
            continue
        parts.append(f"{'&' if parts else ''}{quote(name)}=")
        for part in job.reader.wording(pair.get("value", "")).parts:
            computed |= not isinstance(part, str)
            parts.append(quote(part) if isinstance(part, str) else part)
    if computed:
        job.approximate("values of a form that are computed are sent as they are, without percent-encoding")
    return job.draft.value(job.entry, "body", Wording.of(parts)) if parts else None


def _body(job: Job) -> Json:
    params = job.params
    kind = _kind(job)
    if kind == FORM and (found := _form(job)) is not None:
        return found
    if any(v.text(pair, "parameterType") == "formBinaryData" for pair in _listed(job, "bodyParameters", "body")):
        job.approximate("files are not carried along")
    if kind == "multipart-form-data":
        job.approximate(f"the body is sent as JSON, not as {kind}")
    if kind == "binaryData":
        job.approximate("a file cannot be sent as body")
        return None
    how = job.item.text("specifyBody", default="keypair" if "bodyParameters" in params else "")
    if how in ("json", "string") or (not how and "jsonBody" in params):
        raw = params.get("jsonBody", params.get("body"))
        return _json_or_text(job, raw)
    if kind == "raw" or (not how and "body" in params):
        return _json_or_text(job, params.get("body"))
    return _pairs(job, "body", "bodyParameters", "jsonBody") or None


def _json_or_text(job: Job, raw: Json) -> Json:
    def leaf(field: str, wording: Wording) -> str:
        return job.draft.value(job.entry, field, wording)

    data = job.reader.data("body", raw, leaf)
    if data is not None:
        return data
    text = job.reader.value("body", raw)
    if isinstance(text, str) and text and not text.startswith(("context.", "${")):
        job.approximate("the body is a text that is not JSON")
    return text or None


def _options(job: Job, config: dict[str, Json]) -> None:
    options = v.mapping(job.params, "options")
    timeout = v.within(v.number(plain(options.get("timeout"))), 1, 86_400_000)
    if timeout:
        config["timeout_seconds"] = max(1, round(timeout / 1000))
    for key, reason in _OPTIONS.items():
        if options.get(key):
            job.approximate(reason)
    answer = v.text(options, "response", "response", "responseFormat") or job.item.text("responseFormat")
    if answer == "file":
        job.approximate("the answer is taken as data, not as a file")
