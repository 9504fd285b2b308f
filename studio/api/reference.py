"""/docs: the API's reference, from the files of an installed package. No other site's script runs where people are
signed in, and it works where there is no internet."""

from __future__ import annotations

import secrets
from importlib.resources import files
from string import Template
from typing import Literal

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response

from studio.api.access import public

router = APIRouter(dependencies=[Depends(public)], include_in_schema=False)

FILES = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}
PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Heddle API</title>
<link rel="icon" href="/favicon.svg">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<main id="reference"></main>
<script src="/docs/swagger-ui-bundle.js"></script>
<script nonce="$nonce">
const dark = matchMedia("(prefers-color-scheme: dark)")
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches)
follow()
dark.addEventListener("change", follow)
SwaggerUIBundle({url: "/openapi.json", dom_id: "#reference", deepLinking: true, persistAuthorization: false})
</script>
</body>
</html>
""")


@router.get("/docs", response_class=HTMLResponse)
async def reference() -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'self' 'nonce-{nonce}'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return HTMLResponse(PAGE.substitute(nonce=nonce), headers={"Content-Security-Policy": policy})


@router.get("/docs/{name}")
async def file(name: Literal["swagger-ui.css", "swagger-ui-bundle.js"]) -> Response:
    body = files("fastapi_offline").joinpath("static", name).read_bytes()
    return Response(body, media_type=FILES[name], headers={"Cache-Control": "public, max-age=3600"})
