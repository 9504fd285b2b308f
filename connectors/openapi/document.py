"""An OpenAPI 3 document as operations with one JSON Schema each. Nothing is fetched, and nothing in it is run.

The text passes the bounds of untrusted YAML first (JSON is YAML). References are followed inside the document only, and
written out up to a depth and a size; what goes deeper may hold anything. Patterns are left out: a document could bring
one that takes for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import yaml

from engine.errors import DefinitionError, PermanentError
from engine.language.guard import check_bounds

Json = Any
MAX_OPERATIONS = 300
_MAX_DEPTH, _MAX_SIZE = 16, 4_000
_METHODS = ("get", "head", "post", "put", "patch", "delete")
_OURS = frozenset({"accept", "content-type", "authorization"})  # OpenAPI says that these are no parameters
_LEFT_OUT = frozenset({"pattern", "patternProperties", "example", "examples", "xml", "externalDocs"})
_NAME = re.compile(r"[A-Za-z][\w.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Operation:
    """One call of the API. `places` says where each parameter goes: path, query, header or body."""

    name: str
    method: str
    path: str
    summary: str
    schema: Mapping[str, Json]
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def reads(self) -> bool:
        return self.method in ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Api:
    """The document: where the API is, and its operations by name."""

    server: str | None
    operations: Mapping[str, Operation]


@lru_cache(maxsize=32)
def read_document(text: str) -> Api:
    """Raises PermanentError that says what is wrong with the document."""
    try:
        check_bounds(text)
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        document = yaml.load(text, Loader=loader)  # noqa: S506 - a safe loader
    except (DefinitionError, yaml.YAMLError, ValueError) as error:
        raise _wrong("it is neither JSON nor YAML that we accept") from error
    if not isinstance(document, dict) or not re.match(r"3\.[01](\.|$)", str(document.get("openapi", ""))):
        raise _wrong("it does not say `openapi: 3.x`")
    operations: dict[str, Operation] = {}
    for path, method, item, operation in _written(document):
        made = _operation(document, path, method, {**item, **operation})
        if made.name in operations:
            raise _wrong(f"two operations are named {made.name}")
        operations[made.name] = made
        if len(operations) > MAX_OPERATIONS:
            raise _wrong(f"it has more than {MAX_OPERATIONS} operations")
    return Api(_server(document), operations)


def _written(document: Mapping[str, Json]) -> Iterator[tuple[str, str, Mapping[str, Json], Mapping[str, Json]]]:
    """(path, method, what holds for the path, the operation); parameters of both are put together."""
    for path, item in _mapping(document.get("paths")).items():
        if not isinstance(path, str) or not path.startswith("/"):
            raise _wrong("a path must begin with /")
        shared = _list(_mapping(item).get("parameters"))
        for method in _METHODS:
            operation = _mapping(item).get(method)
            if isinstance(operation, dict):
                yield path, method, {}, {**operation, "parameters": [*shared, *_list(operation.get("parameters"))]}


def _operation(document: Mapping[str, Json], path: str, method: str, written: Mapping[str, Json]) -> Operation:
    name = written.get("operationId") or f"{method}_{re.sub(r'[^A-Za-z0-9]+', '_', path).strip('_') or 'root'}"
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise _wrong("an operationId has letters, digits, _ . - only")
    properties: dict[str, Json] = {}
    places: dict[str, str] = {}
    required: list[str] = []
    for parameter in (_target(document, each) for each in written["parameters"]):
        key, place = parameter.get("name"), parameter.get("in")
        if not isinstance(key, str) or place not in ("path", "query", "header") or key.lower() in _OURS:
            continue
        properties[key], places[key] = _schema(document, parameter.get("schema")), place
        if (place == "path" or parameter.get("required") is True) and key not in required:
            required.append(key)
    body = _target(document, written.get("requestBody"))
    content = _mapping(_mapping(body.get("content")).get("application/json"))
    if content:
        properties["body"], places["body"] = _schema(document, content.get("schema")), "body"
        required += ["body"] if body.get("required") is True else []
    missing = [part for part in re.findall(r"\{([^{}]*)\}", path) if places.get(part) != "path"]
    if missing:
        raise _wrong(f"{name} does not describe the parameter {missing[0][:100]} of its path")
    schema = {"type": "object", "additionalProperties": False, "required": required, "properties": properties}
    summary = str(written.get("summary") or written.get("description") or name)[:300]
    return Operation(name, method.upper(), path, summary, schema, places)


def _schema(document: Mapping[str, Json], written: Json) -> Mapping[str, Json]:
    """The schema written out; one that is none by today's JSON Schema (an old form, say) lets anything pass."""
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - heavy, and only a call needs it

    plain = _Schemas(document).plain(written)
    try:
        Draft202012Validator.check_schema(plain)
    except SchemaError:
        return {}
    return _mapping(plain)


class _Schemas:
    """Writes a schema of the document out, without references, within bounds."""

    def __init__(self, document: Mapping[str, Json]) -> None:
        self._document, self._size = document, 0

    def plain(self, value: Json, depth: int = 0, *, names: bool = False) -> Json:
        """`names` says that the keys are a schema's property names, which may be any word."""
        self._size += 1
        if depth > _MAX_DEPTH or self._size > _MAX_SIZE:
            return {}
        if isinstance(value, dict):
            if "$ref" in value and not names:
                return self.plain(_target(self._document, value), depth + 1)
            kept = [(str(key), each) for key, each in value.items() if names or _kept(key)]
            return {key: self.plain(each, depth + 1, names=key == "properties" and not names) for key, each in kept}
        if isinstance(value, list):
            return [self.plain(each, depth + 1) for each in value]
        return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _kept(key: Json) -> bool:
    return key not in _LEFT_OUT and not str(key).startswith("$")


def _target(document: Mapping[str, Json], value: Json) -> Mapping[str, Json]:
    """What a reference inside the document leads to, or the value itself; an empty mapping for anything else."""
    for _ in range(_MAX_DEPTH):
        reference = value.get("$ref") if isinstance(value, dict) else None
        if not isinstance(reference, str):
            return value if isinstance(value, dict) else {}
        if not reference.startswith("#/"):
            raise _wrong("it refers to another document")
        value = document
        for part in reference[2:].split("/"):
            value = _mapping(value).get(part.replace("~1", "/").replace("~0", "~"))
    raise _wrong("its references lead in a circle")


def _server(document: Mapping[str, Json]) -> str | None:
    servers = _list(document.get("servers"))
    url = servers[0].get("url") if servers and isinstance(servers[0], dict) else None
    return url if isinstance(url, str) and re.match(r"https?://", url) and "{" not in url else None


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}


def _list(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _wrong(why: str) -> PermanentError:
    return PermanentError(f"The OpenAPI document cannot be used: {why}.", parameter="credential")
