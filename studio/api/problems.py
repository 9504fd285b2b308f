"""Errors as problem details (RFC 9457): `{"type", "title", "status", "detail", "code", ...}` with a stable code.

Who opens a page in a browser, a published form or chat, gets a page that says the same.
"""

from __future__ import annotations

import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from engine import errors
from studio.api.form_view import sorry_page

log = logging.getLogger("heddle.api")

STATUS: tuple[tuple[type[errors.AppError], int], ...] = (
    (errors.Unauthenticated, 401),
    (errors.Forbidden, 403),
    (errors.NotFound, 404),
    (errors.KeyReused, 422),
    (errors.Conflict, 409),
    (errors.AccessError, 403),
    (errors.DefinitionError, 422),
    (errors.InputError, 422),
    (errors.StepTimeout, 504),
    (errors.RateLimited, 429),
    (errors.Unavailable, 503),
    (errors.ConnectorError, 502),
    (errors.ConfigError, 503),
)
TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Not valid",
    429: "Too many requests",
    500: "Internal error",
    502: "The outside world failed",
    503: "Not available",
    504: "Timed out",
}


MEMBERS = ("type", "title", "status", "detail", "code")  # of every problem; an error's details do not replace them


def problem(status: int, code: str, detail: str, **extra: Any) -> JSONResponse:
    """A problem response; `extra` becomes further members of the body."""
    body = {"type": f"urn:heddle:{code}", "title": TITLES.get(status, "Error"), "status": status, "detail": detail}
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse(body | {"code": code} | extra, status, headers, media_type="application/problem+json")


def status_of(error: errors.AppError) -> int:
    """The HTTP status that says what kind of error it is; 500 for what should not have reached the caller."""
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def problem_of(error: errors.AppError) -> JSONResponse:
    """An expected error as a response."""
    details = error.to_dict().get("details", {})
    extra = {key: value for key, value in details.items() if key not in MEMBERS}
    response = problem(status_of(error), error.code, error.public_message, **extra)
    retry_after = getattr(error, "retry_after_s", None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(max(1, round(retry_after)))
    return response


def _is_for_a_person(request: Request) -> bool:
    """Whether a browser asks for a page, and not a program for data."""
    is_page = getattr(request.scope.get("route"), "response_class", None) is HTMLResponse
    return is_page and "text/html" in request.headers.get("accept", "")


def _answer(request: Request, response: JSONResponse) -> Response:
    """The problem, as a page for a person."""
    if not _is_for_a_person(request):
        return response
    found = orjson.loads(response.body)
    page = sorry_page(found["title"], found["detail"], response.status_code)
    if "retry-after" in response.headers:
        page.headers["Retry-After"] = response.headers["retry-after"]
    return page


def install(api: FastAPI) -> None:
    """Make every error of the API leave it as problem details."""

    @api.exception_handler(errors.AppError)
    async def app_error(request: Request, error: errors.AppError) -> Response:
        return _answer(request, problem_of(error))

    @api.exception_handler(RequestValidationError)
    async def not_valid(request: Request, error: RequestValidationError) -> Response:
        # The value itself is left out: it may be a secret sent to the wrong field.
        faults = [{"at": ".".join(map(str, e["loc"])), "message": e["msg"]} for e in error.errors()]
        return _answer(request, problem(422, "not_valid", "The request is not valid.", errors=faults))

    @api.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, f"http_{error.status_code}", str(error.detail))

    @api.exception_handler(RecursionError)
    async def too_deep(request: Request, error: RecursionError) -> JSONResponse:
        log.warning("%s %s: nested too deeply", request.method, request.url.path, exc_info=error)
        return problem(422, errors.InputError.code, "The request is nested too deeply.")

    @api.exception_handler(Exception)
    async def bug(request: Request, error: Exception) -> Response:
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        wrong = problem(500, "internal_error", "Something went wrong on our side; it has been logged.")
        return _answer(request, wrong)
