"""Published forms: `/f/{tenant}/{path}`. What a visitor sends starts a run; the page then shows what came of it.

A form is open to everybody, so it is narrow: what it takes is bounded, how often is limited, and each page has a token,
so that another site cannot send it and sending it twice starts one run.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from engine.errors import Conflict, Forbidden, InputError, NotFound, RateLimited
from engine.execution.events import RunStatus
from engine.language.forms import form_fields, read_form
from engine.store.access import runs
from engine.store.addresses import PublicEndpoint
from engine.store.session import Scope
from runners.client import ByVersion, RunRequest
from studio.api.access import container_of, public
from studio.api.form_view import TOKEN, failed_page, form_page, thanks_page, waiting_page
from studio.api.hooks import find_endpoint, read_body
from studio.api.rates import check_rate
from studio.auth.origins import is_own
from studio.services.tokens import PageTokens

router = APIRouter(tags=["published"], dependencies=[Depends(public)])

MAX_BODY = 256_000  # bytes
MAX_PARTS = 500
INLINE_S, WAIT_S = 5.0, 10.0
FORM_LIVES_S, ANSWER_LIVES_S = 86_400, 7 * 86_400
KIND = "application/x-www-form-urlencoded"


@router.get("/f/{tenant}/{path:path}", summary="A published form as a page", response_class=HTMLResponse)
async def show(request: Request, tenant: str, path: str, run: UUID | None = None, key: str = "") -> Response:
    """The form, or with `run` and its key what came of it."""
    scope, endpoint = await find_endpoint(request, tenant, "form", path)
    if run is not None:
        return await _answer(request, scope, endpoint, (run, key))
    fields = form_fields(endpoint.config["fields"], endpoint.config["order"])
    return form_page(endpoint.config, _title(endpoint), fields, _tokens(request).make(str(endpoint.endpoint_id)))


@router.post("/f/{tenant}/{path:path}", summary="Send a published form", response_class=HTMLResponse)
async def send(request: Request, tenant: str, path: str) -> Response:
    """Starts a run and leads to the page that shows what came of it; else shows the form again with what to mend."""
    scope, endpoint = await find_endpoint(request, tenant, "form", path)
    if not is_own(request.headers.get("origin"), request.headers.get("host")):
        raise Forbidden("This form was sent from another site.")
    posted = await _posted(request)
    fields = form_fields(endpoint.config["fields"], endpoint.config["order"])
    tokens, about = _tokens(request), str(endpoint.endpoint_id)
    once = tokens.read(about, _first(posted, TOKEN), FORM_LIVES_S)
    values, wrong = read_form(fields, posted)

    def again(note: str = "", status: int = 422) -> Response:
        return form_page(
            endpoint.config,
            _title(endpoint),
            fields,
            tokens.make(about),
            posted=posted,
            wrong=wrong,
            note=note,
            status=status,
        )

    if wrong:
        return again()
    if once is None:
        return again("This page was open for too long. Please send the form once more.", 403)
    try:
        await check_rate(request, endpoint)
        run_id = await _start(request, scope, endpoint, values, once)
    except RateLimited as error:
        response = again("Too many forms were sent just now. Please wait a moment.", 429)
        response.headers["Retry-After"] = str(max(1, round(error.retry_after_s or 1)))
        return response
    except Conflict:  # sent before with other answers: the page was gone back to
        return again("This form was sent already. Send it once more if you want to send it again.", 409)
    query = urlencode({"run": str(run_id), "key": tokens.make(str(run_id))})
    return RedirectResponse(f"/f/{tenant}/{path}?{query}", 303)


async def _start(
    request: Request, scope: Scope, endpoint: PublicEndpoint, values: Mapping[str, object], once: str
) -> UUID:
    client = container_of(request).client
    run = RunRequest(
        source=ByVersion(endpoint.workflow_id),
        input=values,
        trigger="form",
        idempotency_key=f"form:{endpoint.endpoint_id}:{once}",
    )
    if endpoint.config.get("thanks"):  # nobody waits for the answer
        return await client.submit(scope, run)
    return (await client.run_inline(scope, run, deadline_s=INLINE_S)).run_id


async def _answer(request: Request, scope: Scope, endpoint: PublicEndpoint, shown: tuple[UUID, str]) -> Response:
    """What came of a run that this form started; only for whom it led here."""
    container, (run_id, key) = container_of(request), shown
    if _tokens(request).read(str(run_id), key, ANSWER_LIVES_S) is None:
        raise NotFound("Nothing is published here.")
    async with container.db.transaction(scope) as tx:
        started = await runs.get_run(tx, run_id)
    if started.trigger != "form" or started.workflow_id != endpoint.workflow_id:
        raise NotFound("Nothing is published here.")
    title = _title(endpoint)
    if endpoint.config.get("thanks"):
        return thanks_page(endpoint.config, title, None)
    view = await container.client.wait(scope, run_id, WAIT_S)
    if view.status == RunStatus.SUCCEEDED:
        return thanks_page(endpoint.config, title, view.output)
    if view.is_final:
        return failed_page(endpoint.config, title, "Something went wrong. Please try again later.")
    return waiting_page(endpoint.config, title)


async def _posted(request: Request) -> dict[str, list[str]]:
    """What the browser sent, by field. Raises InputError."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise InputError(f"A form is sent as {KIND}.")
    body = await read_body(request, MAX_BODY)
    try:
        text = body.decode("ascii")
        return parse_qs(text, keep_blank_values=True, errors="replace", max_num_fields=MAX_PARTS)
    except ValueError as error:
        raise InputError("This is not a form that a browser sends.") from error


def _title(endpoint: PublicEndpoint) -> str:
    return str(
        endpoint.config.get("title")
        or endpoint.path.rpartition("/")[2].replace("_", " ").replace("-", " ").capitalize()
    )


def _first(posted: Mapping[str, list[str]], name: str) -> str:
    return (posted.get(name) or [""])[0]


def _tokens(request: Request) -> PageTokens:
    return container_of(request).tokens
