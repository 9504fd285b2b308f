"""An API by its OpenAPI document: checked parameters, egress rules, and documents that mean harm."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import yaml

from connectors.openapi.document import MAX_OPERATIONS, read_document
from engine.errors import AppError, AuthError, EgressBlocked, PermanentError, RateLimited, TransientError
from engine.store.session import Database, Scope
from tests.support.echo import Echo, Page, echo_server, redirect
from tests.support.outside import Outside, outside

DOCUMENT = """\
openapi: 3.0.3
paths:
  /pets/{pet_id}:
    parameters:
      - {name: pet_id, in: path, required: true, schema: {type: string}}
    get:
      operationId: getPet
      summary: One pet
      parameters:
        - {name: depth, in: query, schema: {type: integer, maximum: 3}}
        - {$ref: "#/components/parameters/trace"}
        - {name: Authorization, in: header, schema: {type: string}}
    put:
      operationId: putPet
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Pet"}}}
components:
  parameters:
    trace: {name: X-Trace, in: header, schema: {type: string}}
  schemas:
    Pet:
      type: object
      additionalProperties: false
      required: [name]
      properties:
        name: {type: string, pattern: "^(a+)+$"}
        example: {type: string}
        friends: {type: array, items: {$ref: "#/components/schemas/Pet"}}
"""


@pytest.fixture
def server() -> Iterator[Echo]:
    with echo_server() as found:
        yield found


@pytest.fixture
async def world(database: Database, scope: Scope, server: Echo) -> AsyncIterator[Outside]:
    async with outside(database, scope, server.host) as found:
        await found.keep("openapi", credential(server))
        yield found


def credential(server: Echo, **change: Any) -> str:
    return json.dumps({"document": DOCUMENT, "base_url": server.url("/v1"), "token": "SECRET-token", **change})


async def call(world: Outside, tool: str, operation: str, name: str = "main", **given: Any) -> Any:
    return await world.call(tool, name, operation=operation, parameters=given)


async def test_operations_are_told_with_their_schemas(world: Outside) -> None:
    found = (await world.call("get_api_operations"))["operations"]
    assert [(each["operation"], each["reads"]) for each in found] == [("getPet", True), ("putPet", False)]
    read, write = (each["parameters"] for each in found)
    assert (set(read["properties"]), read["required"]) == ({"pet_id", "depth", "X-Trace"}, ["pet_id"])
    assert write["required"] == ["pet_id", "body"]
    assert "pattern" not in json.dumps(write)
    assert write["properties"]["body"]["properties"]["example"] == {"type": "string"}


async def test_a_call_goes_where_the_document_says(world: Outside, server: Echo) -> None:
    given = {"pet_id": "a/b ?#ü", "depth": "2", "X-Trace": "7"}
    assert (await call(world, "query_api", "getPet", **given))["status"] == 200
    assert (await call(world, "call_api", "putPet", pet_id=5, body={"name": "Rex"}))["status"] == 200
    read, write = server.seen
    assert (read["method"], read["path"]) == ("GET", "/v1/pets/a%2Fb%20%3F%23%C3%BC?depth=2")
    assert (read["headers"]["authorization"], read["headers"]["x-trace"]) == ("Bearer SECRET-token", "7")
    assert (write["method"], write["path"], json.loads(write["body"])) == ("PUT", "/v1/pets/5", {"name": "Rex"})
    assert "idempotency-key" in write["headers"]


@pytest.mark.parametrize(
    ("tool", "operation", "given"),
    [
        ("query_api", "getPet", {}),
        ("query_api", "getPet", {"pet_id": ".."}),
        ("query_api", "getPet", {"pet_id": "1", "depth": 9}),
        ("query_api", "getPet", {"pet_id": "1", "Authorization": "mine"}),
        ("query_api", "getPet", {"pet_id": "1", "X-Trace": "a\r\nX: y"}),
        ("query_api", "putPet", {"pet_id": "1", "body": {"name": "x"}}),
        ("call_api", "getPet", {"pet_id": "1"}),
        ("call_api", "putPet", {"pet_id": "1", "body": {"colour": "red"}}),
        ("call_api", "putPet", {"pet_id": "1", "body": {"name": "x", "friends": [{"nom": 1}]}}),
        ("call_api", "dropPets", {}),
    ],
)
async def test_what_does_not_fit_is_not_sent(
    world: Outside, server: Echo, tool: str, operation: str, given: dict[str, Any]
) -> None:
    with pytest.raises(AppError) as caught:
        await call(world, tool, operation, **given)
    assert (caught.value.retryable, server.seen) == (False, [])


@pytest.mark.parametrize(
    ("page", "error"),
    [
        (Page(401), AuthError),
        (Page(404), PermanentError),
        (Page(429, (("Retry-After", "900"),)), RateLimited),
        (Page(500), TransientError),
    ],
)
async def test_refusals_are_mapped(world: Outside, server: Echo, page: Page, error: type[AppError]) -> None:
    server.pages["/v1/pets/1"] = page
    with pytest.raises(error) as caught:
        await call(world, "call_api", "putPet", pet_id="1", body={"name": "x"})
    assert (caught.value.error_type, len(server.seen)) == ("api_error", 1)
    assert "SECRET" not in json.dumps(caught.value.to_dict())


async def test_a_redirect_to_another_host_is_blocked_and_the_key_stays(world: Outside, server: Echo) -> None:
    server.pages["/v1/pets/1"] = redirect("http://localhost:1/")
    with pytest.raises(EgressBlocked):
        await call(world, "query_api", "getPet", pet_id="1")


async def test_an_api_of_the_house_and_another_tenants_are_out_of_reach(
    database: Database, scope: Scope, other_scope: Scope, server: Echo
) -> None:
    async with outside(database, scope) as closed:
        await closed.keep("openapi", credential(server))
        with pytest.raises(EgressBlocked):
            await call(closed, "query_api", "getPet", pet_id="1")
    async with outside(database, other_scope, server.host) as stranger:
        with pytest.raises(PermanentError, match="no credential"):
            await call(stranger, "query_api", "getPet", pet_id="1")
    assert server.seen == []


def paths(count: int) -> str:
    return yaml.safe_dump({"openapi": "3.1.0", "paths": {f"/p{n}": {"get": {}} for n in range(count)}})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 50_000,
        "openapi: 2.0",
        "openapi: 3.0.0\npaths: {pets: {get: {}}}",
        "openapi: 3.0.0\npaths: {/a: {get: {operationId: x}, put: {operationId: x}}}",
        "openapi: 3.0.0\npaths: {/a: {get: {operationId: 'x y'}}}",
        "openapi: 3.0.0\npaths: {'/{id}': {get: {}}}",
        "openapi: 3.0.0\npaths: {/a: {get: {parameters: [{$ref: 'http://x.example/p.yaml'}]}}}",
        "openapi: 3.0.0\npaths: {/a: {get: {parameters: [{$ref: '#/x'}]}}}\nx: {$ref: '#/x'}",
        "openapi: 3.0.0\nx: !!python/object/apply:os.system ['id']",
        "a: &a {b: *a}\nopenapi: 3.0.0",
        paths(MAX_OPERATIONS + 1),
    ],
)
def test_a_document_that_cannot_be_used_is_refused(text: str) -> None:
    with pytest.raises(PermanentError, match="OpenAPI document"):
        read_document(text)


def test_odd_documents_give_what_they_can() -> None:
    odd = "openapi: 3.0.0\npaths: {/a: {get: {parameters: 5, requestBody: []}, put: 7}, /b: null}\nservers: [1]"
    api = read_document(odd)
    assert (list(api.operations), api.server) == (["get_a"], None)
    old = "openapi: 3.0.0\npaths: {/a: {get: {parameters: [{name: n, in: query, schema: {exclusiveMinimum: true}}]}}}"
    assert read_document(old).operations["get_a"].schema["properties"] == {"n": {}}
    assert read_document(paths(MAX_OPERATIONS)).operations["get_p0"].path == "/p0"
