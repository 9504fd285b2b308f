"""Workflows over HTTP: list, read, save, validate, publish."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response, UploadFile
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from engine.language.document import Document
from engine.language.validate import validate
from engine.store.access import event_triggers
from engine.store.access import workflows as access
from engine.store.session import Scope
from studio.api.access import container_of, requires
from studio.api.views import address_json, workflow_json
from studio.services import bulk_import, exporting, publishing, schedules
from studio.services.workflow_files import MAX_TEXT

router = APIRouter(prefix="/api/v1/workflows", tags=["workflows"])

Reader = Annotated[Scope, Depends(requires("workflows:read"))]
Writer = Annotated[Scope, Depends(requires("workflows:write"))]


class SaveDraft(BaseModel):
    """A new text for the draft. `revision` is the one it was made from."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MAX_TEXT)
    revision: int = Field(ge=1)


class NewWorkflow(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str = Field(max_length=MAX_TEXT)


class Publish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field("", max_length=2000)


@router.get("", summary="List workflows")
async def list_workflows(request: Request, scope: Reader) -> dict[str, Any]:
    async with container_of(request).db.transaction(scope) as tx:
        return {"workflows": [workflow_json(row) for row in await access.list_workflows(tx)]}


@router.post("", summary="Create a workflow from YAML", status_code=201)
async def create(request: Request, body: NewWorkflow, scope: Writer) -> dict[str, Any]:
    async with container_of(request).db.transaction(scope) as tx:
        return workflow_json(await access.create(tx, body.text), text=True)


@router.post("/import", summary="Import several files, or a ZIP file of the folder that is exported")
async def import_files(
    request: Request,
    scope: Writer,
    files: list[UploadFile],
    existing: bulk_import.Existing = "copy",
    check: bool = False,
) -> dict[str, Any]:
    """Files of ours and of other studios, 16 MB together. With `check` nothing is kept: it says what each would bring.

    `existing`: what becomes of one whose name is there: a `copy` under a free name, `replace` the draft, or `skip`.
    Nothing becomes live by it. `{"files": [{"file", "kind", "nodes", ..., "outcome", "name", "message"?}]}`.
    """
    uploads = [bulk_import.Upload(one.filename or "file", await one.read()) for one in files]
    db = container_of(request).db
    if check:
        return {"files": await bulk_import.check(db, scope, uploads)}
    return {"files": await bulk_import.import_all(db, scope, uploads, existing)}


@router.get("/export.zip", summary="All drafts, their layouts and golden sets, as a folder for git")
async def export(request: Request, scope: Reader) -> Response:
    """What `heddle import` takes again, once unpacked. No workflow can be called like that: a name has no dots."""
    packed = await exporting.archive(container_of(request).db, scope)
    headers = {"Content-Disposition": 'attachment; filename="workflows.zip"'}
    return Response(packed, headers=headers, media_type="application/zip")


@router.get("/{name}/export.zip", summary="One draft with its layout and golden set, as a folder for git")
async def export_one(request: Request, name: str, scope: Reader) -> Response:
    packed = await exporting.archive(container_of(request).db, scope, name)
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"'}
    return Response(packed, headers=headers, media_type="application/zip")


@router.get("/{name}", summary="One workflow with its draft")
async def get_workflow(request: Request, name: str, scope: Reader) -> dict[str, Any]:
    async with container_of(request).db.transaction(scope) as tx:
        return workflow_json(await access.get_by_name(tx, name), text=True)


@router.get("/{name}/yaml", summary="The draft's text, byte for byte", response_class=PlainTextResponse)
async def get_yaml(request: Request, name: str, scope: Reader) -> PlainTextResponse:
    async with container_of(request).db.transaction(scope) as tx:
        row = await access.get_by_name(tx, name)
    headers = {"Content-Disposition": f'attachment; filename="{row.name}.yaml"'}
    return PlainTextResponse(row.text, headers=headers, media_type="application/yaml")


@router.put("/{name}", summary="Save the draft")
async def save(request: Request, name: str, body: SaveDraft, scope: Writer) -> dict[str, Any]:
    """409 when the draft was changed since `revision`. A text with errors is kept; publishing it is refused."""
    async with container_of(request).db.transaction(scope) as tx:
        row = await access.get_by_name(tx, name)
        revision = await access.save_draft(tx, row.workflow_id, text=body.text, revision=body.revision)
    found = [d.to_dict() for d in validate(Document.parse(body.text))]
    return {"name": name, "revision": revision, "diagnostics": found}


@router.post("/{name}/publish", summary="Publish the draft as the next version", status_code=201)
async def publish(
    request: Request, name: str, body: Publish, scope: Annotated[Scope, Depends(requires("workflows:publish"))]
) -> dict[str, Any]:
    container = container_of(request)
    async with container.db.transaction(scope) as tx:
        row = await access.get_by_name(tx, name)
    done = await publishing.publish(container.db, scope, row.workflow_id, body.note)
    return {
        "number": done.number,
        "addresses": [address_json(address) for address in done.addresses],
    }


@router.post("/{name}/unpublish", summary="Take the published version and its triggers away", status_code=204)
async def unpublish(
    request: Request, name: str, scope: Annotated[Scope, Depends(requires("workflows:publish"))]
) -> None:
    container = container_of(request)
    async with container.db.transaction(scope) as tx:
        row = await access.get_by_name(tx, name)
    await publishing.unpublish(container.db, scope, row.workflow_id)


@router.get("/{name}/triggers", summary="What starts the published version: addresses and schedules")
async def list_triggers(request: Request, name: str, scope: Reader) -> dict[str, Any]:
    container = container_of(request)
    async with container.db.transaction(scope) as tx:
        row = await access.get_by_name(tx, name)
        topics = await event_triggers.of_workflow(tx, row.workflow_id)
    addresses = await publishing.addresses(container.db, scope, row.workflow_id)
    return {
        "addresses": [address_json(address) for address in addresses],
        "schedules": [schedule.to_dict() for schedule in await schedules.listing(container.db, scope, name)],
        "events": [{"name": row.key, "topic": row.topic, "filter": row.filter} for row in topics],
    }


@router.post("/endpoints/{endpoint_id}/secret", summary="A new token or signing secret for a webhook", status_code=201)
async def renew_secret(
    request: Request, endpoint_id: UUID, scope: Annotated[Scope, Depends(requires("workflows:publish"))]
) -> dict[str, str]:
    """The value is in this answer only; the old one stops working at once."""
    container = container_of(request)
    return {"secret": await publishing.renew_secret(container.db, container.vault, scope, endpoint_id)}
