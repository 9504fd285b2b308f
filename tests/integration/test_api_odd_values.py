"""No route answers "internal error" to a value that a column cannot hold, or that is no value of its kind."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic import TypeAdapter

from engine.store.session import Database, Scope
from studio.api.app import http_routes
from tests.support.api import key_for

NUL, LONG, TEXT = "a\0b", "x" * 5000, "\U0001f600'\"; -- %s {0} ../"
BIG = 10**30


def _addresses(route: APIRoute, text: str) -> Iterator[str]:
    """The route's address with the text wherever one goes, and numbers that no column holds."""
    for number in (BIG, 2**40, -1):
        path = route.path
        for one in route.dependant.path_params:
            path = re.sub(rf"{{{one.name}(:path)?}}", quote(str(_value(one.field_info.annotation, text, number))), path)
        asked = {p.name: str(_value(p.field_info.annotation, text, number)) for p in route.dependant.query_params}
        yield f"{path}?{httpx.QueryParams(asked)}"


def _value(kind: Any, text: str, number: int) -> Any:
    names = str(kind)
    if "UUID" in names:
        return uuid.uuid4()
    if "int" in names:
        return number
    if "bool" in names:
        return True
    return 7 if "Literal" in names else text


def _body(route: APIRoute, text: str) -> Any:
    if route.body_field is None:
        return {}
    schema = TypeAdapter(route.body_field.field_info.annotation).json_schema()
    return _filled(schema, schema.get("$defs", {}), text)


def _filled(schema: Mapping[str, Any], known: Mapping[str, Any], text: str) -> Any:
    """A value that follows the JSON schema, as odd as it allows."""
    while "$ref" in schema or "anyOf" in schema:
        schema = known[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema["anyOf"][0]
    kind = schema.get("type", "string")
    if kind == "object":
        named = {key: _filled(one, known, text) for key, one in schema.get("properties", {}).items()}
        return named or {text: text}
    if kind == "array":
        return [_filled(schema["items"], known, text)]
    if kind == "string":
        given = str(uuid.uuid4()) if schema.get("format") == "uuid" else text[: schema.get("maxLength", len(text))]
        return schema.get("enum", [given])[0]
    return False if kind == "boolean" else min(2**40, schema.get("maximum", 2**40))


@pytest.mark.parametrize("text", [NUL, LONG, TEXT], ids=["nul", "long", "odd"])
async def test_odd_values_are_refused_or_not_found(
    http: httpx.AsyncClient, database: Database, scope: Scope, text: str
) -> None:
    key = await key_for(database, scope)
    calls = [
        (method, address, _body(route, text))
        for route in http_routes()
        for method in sorted(route.methods)
        for address in _addresses(route, text)
    ]
    assert len(calls) > 150
    failed = []
    for method, address, body in calls:
        answer = await http.request(method, address, headers=key, json=body if method != "GET" else None)
        if answer.status_code >= 500:
            failed.append((method, address[:100], answer.status_code, answer.text[:160]))
    assert failed == []
