"""Publishing: freeze the draft as a version, and keep its triggers: addresses, schedules, topics of events."""

from __future__ import annotations

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import engine.nodes
from engine.errors import InputError, SchemaError
from engine.language.document import Document
from engine.language.model import Trigger, Workflow
from engine.language.triggers import events_of, schedules_of
from engine.language.validate import Diagnostic, validate
from engine.store.access import audit, event_triggers, identity, schedules, workflows
from engine.store.addresses import PublicEndpoint
from engine.store.session import Database, Scope, Tx
from engine.store.tables.workflows import Endpoint, WorkflowRow
from engine.store.vault import Vault

PUBLISHED_KINDS = ("webhook", "chat", "form")
_PLACES = {"webhook": "hooks", "chat": "c", "form": "f"}
SECRET_PREFIX = "whsec_"  # noqa: S105 - as Standard Webhooks writes signing secrets
TOKEN_PREFIX = "hook_"  # noqa: S105 - says what a token is for, is none


@dataclass(frozen=True, slots=True)
class Address:
    """A published address. `path` is relative to the installation; `token` is shown this once, None when kept.

    `has_secret` says whether callers can prove themselves at all. A webhook with auth "hmac" gets its signing secret
    by `renew_secret`.
    """

    endpoint_id: UUID
    kind: str
    path: str
    auth: str
    token: str | None = None
    has_secret: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """The new version's number and where it answers."""

    number: int
    addresses: tuple[Address, ...]


class NotPublishable(SchemaError):
    """The draft has errors; mend them before publishing."""

    code = "not_publishable"

    def __init__(self, diagnostics: Sequence[Diagnostic], what: str = "the draft") -> None:
        faults = [{"code": d.code, "message": d.message, "line": d.line, "column": d.column} for d in diagnostics]
        message = f"{what[0].upper()}{what[1:]} has {len(faults)} error(s); mend them before publishing."
        super().__init__(message, errors=faults)


async def publish(db: Database, scope: Scope, workflow_id: UUID, note: str = "") -> Published:
    """Validate the draft, freeze it as the next version, make its addresses answer and its schedules fire.

    Raises NotPublishable when the draft has errors, Conflict when an address belongs to another workflow.
    """
    engine.nodes.load()
    async with db.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        document = Document.parse(row.text)
        errors = [d for d in validate(document) if d.severity == "error"]
        if errors or document.workflow is None:
            raise NotPublishable(errors)
        version = await workflows.publish(tx, workflow_id, note)
        opened = await _serve(tx, row, document.workflow)
        await audit.record(
            tx, "workflow.publish", "workflow", workflow_id, {"name": row.name, "number": version.number}
        )
    return Published(version.number, opened)


async def make_live(db: Database, scope: Scope, workflow_id: UUID, number: int, seen: int | None) -> Published:
    """Publish a version that exists already, an earlier one to roll back; the draft stays as it is.

    `seen`: the number that was live for the person who decides. Raises NotFound, Conflict when another one is live by
    now or an address belongs to another workflow, NotPublishable when this Heddle no longer accepts the version.
    """
    engine.nodes.load()
    async with db.transaction(scope) as tx:
        row = await workflows.get_workflow(tx, workflow_id)
        version = await workflows.get_version(tx, workflow_id, number)
        document = Document.parse((await workflows.get_definition(tx, version.hash)).text)
        errors = [d for d in validate(document) if d.severity == "error"]
        if errors or document.workflow is None:
            raise NotPublishable(errors, f"version {number}")
        await workflows.make_live(tx, workflow_id, number, seen)
        opened = await _serve(tx, row, document.workflow)
        details = {"name": row.name, "number": number, "was": seen}
        await audit.record(tx, "workflow.make_live", "workflow", workflow_id, details)
    return Published(number, opened)


async def _serve(tx: Tx, row: WorkflowRow, workflow: Workflow) -> tuple[Address, ...]:
    """Let the addresses, schedules and topics be those of this version, and of no other."""
    tenant = await identity.get_tenant(tx)
    triggers = [t for t in workflow.triggers if t.type in PUBLISHED_KINDS]
    kept = {(t.type, endpoint_path(t, row.name)) for t in triggers if t.enabled}
    for endpoint in await workflows.list_endpoints(tx, row.workflow_id):
        endpoint.enabled = (endpoint.kind, endpoint.path) in kept
    opened = [await _open(tx, row, workflow, tenant.slug, t) for t in triggers if t.enabled]
    await keep_triggers(tx, row.workflow_id, workflow)
    return tuple(opened)


async def unpublish(db: Database, scope: Scope, workflow_id: UUID) -> None:
    """Nothing starts the workflow any more, and no other workflow can call it; its versions and secrets stay.

    Raises NotFound, Conflict when it is not published.
    """
    async with db.transaction(scope) as tx:
        await workflows.unpublish(tx, workflow_id)
        await keep_triggers(tx, workflow_id, None)
        await audit.record(tx, "workflow.unpublish", "workflow", workflow_id)


async def keep_triggers(tx: Tx, workflow_id: UUID, workflow: Workflow | None) -> None:
    """Keep the schedules and topics of a published workflow; none without one."""
    await schedules.replace(tx, workflow_id, schedules_of(workflow) if workflow else [])
    await event_triggers.replace(tx, workflow_id, events_of(workflow) if workflow else [])


async def addresses(db: Database, scope: Scope, workflow_id: UUID) -> tuple[Address, ...]:
    """Where the workflow answers now; tokens are never given out again."""
    async with db.transaction(scope) as tx:
        tenant = await identity.get_tenant(tx)
        rows = [e for e in await workflows.list_endpoints(tx, workflow_id) if e.enabled]
    return tuple(_address(tenant.slug, endpoint) for endpoint in rows)


async def renew_secret(db: Database, vault: Vault, scope: Scope, endpoint_id: UUID) -> str:
    """Give a webhook a new token or signing secret, whichever its trigger asks for; the old one stops working at once.

    The value is shown this once. Raises InputError for an endpoint that is open to everybody.
    """
    async with db.transaction(scope) as tx:
        endpoint = await workflows.get_endpoint(tx, endpoint_id)
        auth = auth_of(endpoint)
        if auth != "none":
            await audit.record(tx, "endpoint.renew_secret", "endpoint", endpoint_id, {"path": endpoint.path})
        if auth == "token":
            return _new_token(endpoint)
        if auth == "hmac":
            secret = SECRET_PREFIX + b64encode(secrets.token_bytes(32)).decode()
            endpoint.secret_sealed = await vault.seal(tx, secret.encode(), **secret_place(endpoint))
            return secret
    raise InputError("This endpoint is open to everybody; it has no secret.")


def secret_place(endpoint: Endpoint | PublicEndpoint) -> dict[str, str]:
    """What a signing secret is bound to in the vault: moved to another row it cannot be opened."""
    return {"table": "endpoints", "row": str(endpoint.endpoint_id), "field": "secret_sealed"}


def endpoint_path(trigger: Trigger, workflow_name: str) -> str:
    """The last part of the address: the trigger's path, or the workflow's name."""
    return str(trigger.config.get("path") or workflow_name).strip("/")


def public_path(slug: str, endpoint: Endpoint) -> str:
    """`/hooks/{tenant}/{path}`, `/c/{tenant}/{path}` or `/f/{tenant}/{path}`."""
    return f"/{_PLACES[endpoint.kind]}/{slug}/{endpoint.path}"


def endpoint_config(trigger: Trigger, workflow: Workflow) -> dict[str, Any]:
    """The trigger's config; a form that names no fields asks for the workflow's inputs.

    The database does not keep the order of keys, so that of a form's fields is kept beside them.
    """
    config = dict(trigger.config)
    if trigger.type == "form":
        fields = config.get("fields") or dict(workflow.inputs or {})
        config |= {"fields": fields, "order": list(fields["properties"])}
    if rate := workflow.defaults.rate:
        config["rate_limiting"] = {"requests_per_minute": rate.per_minute, "burst_size": rate.burst}
    return config


def auth_of(endpoint: Endpoint | PublicEndpoint) -> str:
    """How callers prove themselves. A webhook asks for a token unless its trigger says otherwise; all else is open."""
    return str(endpoint.config.get("auth") or "token") if endpoint.kind == "webhook" else "none"


async def _open(tx: Tx, row: WorkflowRow, workflow: Workflow, slug: str, trigger: Trigger) -> Address:
    path, config = endpoint_path(trigger, row.name), endpoint_config(trigger, workflow)
    endpoint = await workflows.put_endpoint(tx, row.workflow_id, kind=trigger.type, path=path, config=config)
    wants_token = auth_of(endpoint) == "token" and endpoint.token_hash is None
    token = _new_token(endpoint) if wants_token else None
    await tx.session.flush()
    return _address(slug, endpoint, token)


def _address(slug: str, endpoint: Endpoint, token: str | None = None) -> Address:
    has_secret = endpoint.token_hash is not None or endpoint.secret_sealed is not None
    return Address(
        endpoint.endpoint_id, endpoint.kind, public_path(slug, endpoint), auth_of(endpoint), token, has_secret
    )


def _new_token(endpoint: Endpoint) -> str:
    token = TOKEN_PREFIX + secrets.token_urlsafe(24)
    endpoint.token_hash = identity.token_hash(token)
    return token
