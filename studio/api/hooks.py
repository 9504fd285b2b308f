"""Published webhooks: `POST /hooks/{tenant}/{path}` starts a run with the request's JSON as input."""

from __future__ import annotations

import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from engine.errors import ConfigError, Forbidden, InputError, InputMismatch, Unauthenticated
from engine.execution.events import RunStatus
from engine.execution.http_answer import http_answer
from engine.execution.schema_check import problems
from engine.store.access import identity, runs
from engine.store.addresses import PublicEndpoint
from engine.store.session import Scope
from runners.client import ByVersion, RunRequest, RunView
from studio.api.access import container_of, public
from studio.api.problems import problem
from studio.api.rates import check_rate
from studio.services.publishing import auth_of, secret_place

router = APIRouter(tags=["published"], dependencies=[Depends(public)])

PATH = "/hooks/{tenant}/{path:path}"
MAX_BODY = 1_000_000  # bytes
ANSWER_WITHIN_S = 30.0
# What a workflow answers comes from the studio's own address: in a browser it gets no part in it.
_ALONE = {"Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'"}


@router.post(PATH, summary="Call a published workflow")
async def call_webhook(request: Request, tenant: str, path: str) -> Response:
    """Runs the published version. Answers with the run's output, or 202 and the run's address when it takes longer.

    Send `Idempotency-Key` to make a repeated call safe: the same key gives the first call's answer.
    """
    body = await read_body(request)
    container = container_of(request)
    scope, endpoint = await find_endpoint(request, tenant, "webhook", path)
    signed_id = await _check_caller(request, endpoint, scope, body)
    await check_rate(request, endpoint)
    given = parse_json_object(body)
    _check_schema(endpoint, given)
    key = signed_id or request.headers.get("idempotency-key")
    run = RunRequest(
        source=ByVersion(endpoint.workflow_id),
        input=given,
        trigger="webhook",
        idempotency_key=f"{endpoint.endpoint_id}:{key}" if key else None,
    )
    if endpoint.config.get("respond") == "immediate":
        return accepted(await container.client.submit(scope, run))
    until = time.monotonic() + ANSWER_WITHIN_S
    view = await container.client.run_inline(scope, run, deadline_s=ANSWER_WITHIN_S)
    if not view.is_final:  # handed to a worker at its first long step
        view = await container.client.wait(scope, view.run_id, until - time.monotonic())
    return await answered(request, scope, view)


async def find_endpoint(request: Request, tenant: str, kind: str, path: str) -> tuple[Scope, PublicEndpoint]:
    """The published endpoint and the scope its runs have; raises NotFound, with the same words for any reason."""
    return await container_of(request).addresses.find(tenant, kind, path.strip("/"))


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The whole body, refused as soon as it is larger than `limit` bytes."""
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise InputError(f"The body is larger than {limit:,} bytes.")
        parts.append(part)
    return b"".join(parts)


def parse_json_object(body: bytes) -> dict[str, Any]:
    """The body as a JSON object; an empty one counts as {}. Raises InputError, also for lone surrogates and NaN."""
    if not body.strip():
        return {}
    try:
        text = body.decode(json.detect_encoding(body))
        value = _DECODER.decode(text)
        if "\\u" in text:  # only so can half of a character be written
            json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise InputError("The body is not JSON that we accept.") from error
    if not isinstance(value, dict):
        raise InputError('The body must be a JSON object, such as {"message": "..."}.')
    return value


def accepted(run_id: UUID) -> JSONResponse:
    """202: the run is durable and will be done; where to look for it."""
    address = f"/api/v1/runs/{run_id}"
    return JSONResponse({"run_id": str(run_id), "status": "queued", "url": address}, 202, {"Location": address})


def answer(view: RunView) -> Response:
    """The run's output, a problem when it failed, 202 when it is still going on."""
    headers = {"Heddle-Run-Id": str(view.run_id)}
    if view.status == RunStatus.SUCCEEDED:
        return JSONResponse(view.output, 200, headers)
    if view.status == RunStatus.FAILED:
        response = _failed(view.run_id, view.error or {})
    elif view.status == RunStatus.CANCELLED:
        response = problem(409, "run_cancelled", "The run was cancelled.", run_id=str(view.run_id))
    else:
        response = accepted(view.run_id)
    response.headers.update(headers)
    return response


def _failed(run_id: UUID, error: Mapping[str, Any]) -> JSONResponse:
    """422 where the caller's own input was refused: by the workflow itself, not by one that it called."""
    message = str(error.get("message", "The run failed."))
    path = (error.get("details") or {}).get("path", "")
    if error.get("code") == InputMismatch.code and "/" not in path:
        return problem(422, InputMismatch.code, message, run_id=str(run_id))
    return problem(500, "run_failed", message, run_id=str(run_id))


async def answered(request: Request, scope: Scope, view: RunView) -> Response:
    """As `answer`, or what a respond node at the run's end says. Only that node's word goes out as status and headers,
    never an output that merely looks like it."""
    output = view.output if view.status == RunStatus.SUCCEEDED else None
    if not isinstance(output, dict) or not isinstance(output.get("response"), dict):
        return answer(view)
    async with container_of(request).db.transaction(scope) as tx:
        ended_by = await runs.last_node_type(tx, view.run_id)
    if ended_by != "respond":
        return answer(view)
    written = http_answer(output["response"])
    return Response(written.body, written.status, {**written.headers, **_ALONE, "Heddle-Run-Id": str(view.run_id)})


def _check_schema(endpoint: PublicEndpoint, given: dict[str, Any]) -> None:
    """A body that does not follow the trigger's `schema` is refused before anything starts."""
    schema = endpoint.config.get("schema")
    found = problems(schema, given) if isinstance(schema, dict) else []
    if found:
        raise InputError(f"The body does not fit: {'; '.join(found)}", errors=found)


async def _check_caller(request: Request, endpoint: PublicEndpoint, scope: Scope, body: bytes) -> str | None:
    """Let in whom the trigger lets in; returns the message's id where the caller signs one, for idempotency."""
    match auth_of(endpoint):
        case "none":
            return None
        case "token":
            return _check_token(request, endpoint)
        case "hmac":
            return await _check_signature(request, endpoint, scope, body)
        case other:
            raise ConfigError(f"The webhook's trigger asks for {other!r}; it can be none, token or hmac.")


def _check_token(request: Request, endpoint: PublicEndpoint) -> None:
    if endpoint.token_hash is None:
        raise Unauthenticated("This webhook has no token yet; publish its workflow in the studio to get one.")
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("Send the webhook's token: Authorization: Bearer <token>.")
    if not hmac.compare_digest(identity.token_hash(token.strip()), endpoint.token_hash):
        raise Forbidden("This token is not the webhook's.")


async def _check_signature(request: Request, endpoint: PublicEndpoint, scope: Scope, body: bytes) -> str:
    """Standard Webhooks: the signature covers id, timestamp (at most five minutes off) and the raw body."""
    if endpoint.secret_sealed is None:
        raise Unauthenticated("This webhook has no signing secret yet; create one in the studio.")
    container = container_of(request)
    async with container.db.transaction(scope) as tx:
        secret = await container.vault.open(tx, endpoint.secret_sealed, **secret_place(endpoint))
    try:
        Webhook(secret.decode()).verify(body, dict(request.headers), json_parse=False)
    except (WebhookVerificationError, ValueError) as error:  # the library lets a ValueError through for odd headers
        raise Unauthenticated("The signature does not fit: check secret, id, timestamp and body.") from error
    return request.headers["webhook-id"]


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_constant)
