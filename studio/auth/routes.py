"""Signing in and out by plain HTML forms, because only an HTTP response can set an HttpOnly cookie."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse

from engine.errors import Forbidden, RateLimited, Unauthenticated
from studio.api.access import container_of, public
from studio.auth import cookies
from studio.auth.origins import is_own
from studio.auth.places import HOME, local_path, sign_in_address
from studio.services import accounts

log = logging.getLogger("heddle.auth")

router = APIRouter(prefix="/auth", tags=["sign-in"], dependencies=[Depends(public)])


@router.post("/sign-in", summary="Sign in with e-mail address and password", response_class=RedirectResponse)
async def sign_in(
    request: Request,
    email: Annotated[str, Form(max_length=320)],
    password: Annotated[str, Form(max_length=1024)],
    next_path: Annotated[str, Form(alias="next", max_length=2000)] = HOME,
) -> RedirectResponse:
    if not _own_page(request):
        return _again("origin", next_path)
    container = container_of(request)
    try:
        signed_in = await accounts.sign_in(container.db, container.redis, email, password, _address(request))
    except Unauthenticated:
        return _again("wrong", next_path)
    except RateLimited:
        return _again("locked", next_path)
    except Forbidden:
        return _again("no_tenant", next_path)
    except Exception:
        log.exception("sign-in failed")
        return _again("unavailable", next_path)
    response = RedirectResponse(local_path(next_path), 303)
    cookies.set_session(response, signed_in.token, secure=_is_https(request))
    return response


@router.post("/sign-out", summary="End the session", response_class=RedirectResponse)
async def sign_out(request: Request) -> RedirectResponse:
    if not _own_page(request):
        raise Forbidden("This request came from another site.")
    response = RedirectResponse(sign_in_address("signed_out"), 303)
    cookies.clear_session(response)
    token = request.cookies.get(cookies.COOKIE)
    if token:
        container = container_of(request)
        await accounts.sign_out(container.db, container.callers, token)
    return response


def _again(reason: str, next_path: str) -> RedirectResponse:
    return RedirectResponse(sign_in_address(reason, next_path), 303)


def _own_page(request: Request) -> bool:
    return is_own(request.headers.get("origin"), request.headers.get("host"))


def _address(request: Request) -> str:
    return request.client.host if request.client else ""


def _is_https(request: Request) -> bool:
    public_url = container_of(request).settings.public_url or ""
    return request.url.scheme == "https" or public_url.startswith("https://")
