"""Calls of an API that a tenant described by an OpenAPI document, kept with its key as one credential.

Parameters are checked against the operation's schema before anything goes out. Requests go to the API's own host only,
also after a redirect, under the egress rules; the key does not follow to another origin.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from connectors.action import ActionCall
from connectors.http.replies import checked
from connectors.openapi.document import Api, Operation, read_document
from connectors.parameters import prepare
from engine.errors import PermanentError
from engine.execution.ports import HttpRequest

Json = Any
_ERROR = "api_error"


async def get_api_operations(call: ActionCall, parameters: Mapping[str, Json]) -> Json:  # noqa: ARG001
    """The operations of the API with their parameters' schemas."""
    return {
        "operations": [
            {"operation": each.name, "summary": each.summary, "reads": each.reads, "parameters": each.schema}
            for each in (await _api(call)).operations.values()
        ]
    }


async def query_api(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Call an operation that only reads; an operation that may write, or does not exist, is an error."""
    return await _call(call, parameters, reads=True)


async def call_api(call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Call an operation that may write. It carries the effect's key, and is not repeated by the policy."""
    return await _call(call, parameters, reads=False)


async def _call(call: ActionCall, parameters: Mapping[str, Json], *, reads: bool) -> Json:
    api, name = await _api(call), parameters["operation"]
    operation = api.operations.get(name)
    if operation is None:
        raise PermanentError(f"The API has no operation {name!r}.", parameter="operation")
    if operation.reads is not reads:
        other = "query_api" if operation.reads else "call_api"
        raise PermanentError(f"{name} is called by {other}.", parameter="operation")
    given = prepare(name, operation.schema, parameters["parameters"], _ERROR)
    reply = await call.outside.request(_request(call, api, operation, given))
    checked(reply, "The API")
    return {"status": reply.status, "body": reply.body}


async def _api(call: ActionCall) -> Api:
    """The document, read in a thread: a large one takes a while."""
    written = call.secret["document"]
    return await asyncio.to_thread(read_document, written if isinstance(written, str) else json.dumps(written))


def _request(call: ActionCall, api: Api, operation: Operation, given: Mapping[str, Json]) -> HttpRequest:
    base = call.secret.get("base_url") or api.server
    if not base:
        raise PermanentError("The document names no server: put base_url into the credential.", parameter="credential")
    by_place = {place: {k: v for k, v in given.items() if operation.places[k] == place} for place in _PLACES}
    headers = {name: _text(value) for name, value in by_place["header"].items()}
    if call.secret.get("token"):
        header = call.secret["header"]
        bearer = "Bearer " if header.lower() == "authorization" else ""
        headers = {k: v for k, v in headers.items() if k.lower() != header.lower()}
        headers[header] = f"{bearer}{call.secret['token']}"
    return HttpRequest(
        method=operation.method,
        url=base.rstrip("/") + _path(operation.path, by_place["path"]),
        headers=headers,
        query=by_place["query"],
        body=by_place["body"].get("body"),
        timeout_s=call.timeout_s,
        allow_hosts=(urlsplit(base).hostname or "",),
        tenant_id=call.scope.tenant_id,
        idempotency_key=call.idempotency_key,
    )


_PLACES = ("path", "query", "header", "body")


def _path(template: str, values: Mapping[str, Json]) -> str:
    """The path with its parameters, each of which stays within its segment."""
    path = template
    for name, value in values.items():
        text = _text(value)
        if text in ("", ".", ".."):
            raise PermanentError(f"{name} cannot stand in an address.", parameter=name)
        path = path.replace(f"{{{name}}}", quote(text, safe=""))
    return path


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)
