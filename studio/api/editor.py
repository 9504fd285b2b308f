"""What the editor asks beside its commits: the draft at first, the language, what can be read where, what an expression
gives, what pasted YAML holds, who else is there. Nothing here changes the draft, and nothing is run.
"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine.execution.schema_check import faults
from engine.language import shape
from engine.store.access import step_numbers
from engine.store.session import Scope
from studio.api.access import container_of, requires
from studio.services import editing, fragments, presence, scope
from studio.services.editor_specs import packed_language
from studio.services.workflow_files import MAX_TEXT

router = APIRouter(prefix="/api/v1/editor", tags=["editor"])

Reader = Annotated[Scope, Depends(requires("workflows:read"))]
RunReader = Annotated[Scope, Depends(requires("runs:read"))]
Name = Annotated[str, Query(max_length=200)]


class Fragment(BaseModel):
    """YAML with `nodes:`, a list of nodes, or one node; or a workflow of another studio."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MAX_TEXT)
    taken: list[str] = Field([], max_length=shape.MAX_NODES, description="Names that its nodes must not have.")
    begins: bool = Field(False, description="The workflow has a start already: that of the fragment is left out.")


class Evaluate(BaseModel):
    """A text, how it is read, and the step of a run whose data it reads."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["expression", "template", "value"]
    text: str = Field(max_length=scope.MAX_TEXT)
    run_id: UUID | None = Field(None, description="Without a run, the text is only read.")
    path: str = Field("", max_length=1_000)
    iteration: int | None = Field(None, ge=0)
    after: bool = Field(False, description="As the edges of the step read it.")


class Input(BaseModel):
    """What a run is to be given, and the schema that the draft has for it."""

    model_config = ConfigDict(extra="forbid")

    input_schema: dict[str, Any] = Field(alias="schema")
    input: Any


class Present(BaseModel):
    """A tab in which a draft is open."""

    model_config = ConfigDict(extra="forbid")

    tab: str = Field(max_length=32, description="The tab's own id.")
    node: str | None = Field(None, max_length=64, description="The node that is selected in it.")
    leaves: bool = Field(False, description="The tab is being closed.")


@router.get("/draft", summary="A draft, and all that the editor shows of it at first")
async def draft(request: Request, workflow: Name, reader: Reader) -> Response:
    """Asked for before the page's websocket is connected."""
    container = container_of(request)
    opened = await editing.open_draft(container.db, reader, workflow, container.settings)
    plain = orjson.dumps(opened)
    zip_it = partial(gzip.compress, plain, compresslevel=5, mtime=0)
    return await asyncio.to_thread(_packed, request, plain, zip_it, {"Cache-Control": "no-store"})


@router.post("/presence", summary="Say that a draft is open in a tab, and see who else has it open")
async def report_presence(request: Request, workflow: Name, body: Present, reader: Reader) -> dict[str, Any]:
    """Said again every few seconds; who says nothing for twenty is gone. Answers with the draft's revision as well."""
    container = container_of(request)
    said = presence.Report(body.tab, body.node, body.leaves)
    return await presence.report(container.db, container.redis, reader, workflow, said)


@router.post("/fragment", summary="Nodes and edges of a piece of YAML, under free names")
async def read_fragment(body: Fragment, _: Reader) -> dict[str, Any]:
    return await asyncio.to_thread(fragments.read, body.text, body.taken, begins=body.begins)


@router.post("/input", summary="What does not fit in the input of a run")
async def check_input(body: Input, _: Reader) -> dict[str, Any]:
    """`{"faults": [{"at": ["customer", "age"], "message"}]}`: as a run would find, in words for a form."""
    found = await asyncio.to_thread(faults, body.input_schema, body.input)
    return {"faults": [{"at": list(place), "message": message} for place, message in found]}


@router.get("/scope", summary="The paths that a node of a draft can read")
async def node_scope(
    request: Request, workflow: Name, node: Name, reader: Reader, after: bool = False
) -> dict[str, Any]:
    """With `after`, what the conditions of its edges can read."""
    return await scope.of_node(container_of(request).db, reader, workflow, node, after=after)


@router.get("/runs/{run_id}/scope", summary="What a step of a run could read when it began")
async def step_scope(
    request: Request,
    run_id: UUID,
    path: Annotated[str, Query(max_length=1_000)],
    reader: RunReader,
    iteration: Annotated[int | None, Query(ge=0)] = None,
    after: bool = False,
) -> dict[str, Any]:
    """Shortened where it is large. For a step that did not run: what the run's own workflow knows."""
    return await scope.seen(container_of(request).client, reader, scope.At(run_id, path, iteration, after))


@router.get("/heat", summary="What each node took and cost in the latest runs")
async def heat(
    request: Request, workflow: Name, reader: RunReader, days: Annotated[Literal[1, 7, 30], BeforeValidator(int)] = 7
) -> dict[str, Any]:
    """Of the last `days` days, and of the latest thousand runs at most."""
    async with container_of(request).db.transaction(reader) as tx:
        found = await step_numbers.numbers_of_nodes(tx, workflow, days)
    return {"days": days} | asdict(found)


@router.post("/evaluate", summary="What an expression gives on the data of a run")
async def evaluate(request: Request, body: Evaluate, reader: RunReader) -> dict[str, Any]:
    at = scope.At(body.run_id, body.path, body.iteration, body.after) if body.run_id else None
    return await scope.evaluate(container_of(request).client, reader, at, body.kind, body.text)


@router.get("/language", summary="JSON Schema of the workflow language")
async def language(request: Request, _: Reader) -> Response:
    """For completion and help; browsers keep it and only ask whether it is still the same."""
    packed = await asyncio.to_thread(packed_language)
    headers = {"ETag": packed.etag, "Cache-Control": "private, no-cache"}
    if packed.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return _packed(request, packed.plain, lambda: packed.zipped, headers)


def _packed(request: Request, plain: bytes, zipped: Callable[[], bytes], headers: dict[str, str]) -> Response:
    """JSON as small as the browser takes it."""
    headers = headers | {"Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(plain, headers=headers, media_type="application/json")
    headers |= {"Content-Encoding": "gzip"}
    return Response(zipped(), headers=headers, media_type="application/json")
