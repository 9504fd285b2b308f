"""An HTTP answer that a workflow wrote: `{"status", "headers", "body"}`, and what may stand in it.

It goes out under the studio's own address, so a header that speaks to the browser about that address as a whole
(cookies, stored data, policies), to a proxy, or about the connection, is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.errors import InputError

Json = Any
MAX_HEADERS = 50
MAX_HEADER_BYTES = 8_000
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_REFUSED = frozenset({
    "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "content-encoding",
    "host", "date", "server", "via", "alt-svc", "http2-settings", "set-cookie", "set-cookie2", "clear-site-data",
    "strict-transport-security", "public-key-pins", "expect-ct", "www-authenticate", "authentication-info", "refresh",
    "link", "service-worker-allowed", "x-frame-options", "x-content-type-options", "x-xss-protection",
    "access-control-allow-credentials", "origin-agent-cluster", "permissions-policy", "feature-policy",
    "referrer-policy", "report-to", "reporting-endpoints", "nel", "sourcemap", "x-sourcemap", "x-sendfile",
    "x-lighttpd-send-file", "timing-allow-origin", "content-location", "document-policy",
})  # fmt: skip
_REFUSED_PREFIXES = (
    "proxy-",
    "sec-",
    "content-security-policy",
    "cross-origin-",
    "x-accel-",
    "x-forwarded-",
    "heddle-",
)
_WITHOUT_BODY = (204, 205, 304)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Checked: may be sent as it is, with the content type in `headers` (lower-case names)."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def http_answer(written: Mapping[str, Json]) -> HttpAnswer:
    """The answer that `written` describes; raises InputError that names what is wrong with it."""
    status, body = written.get("status"), written.get("body")
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise InputError(f"an answer's status is a number from 200 to 599, not {str(status)[:40]!r}", field="status")
    if status in _WITHOUT_BODY and body is not None:
        raise InputError(f"an answer with status {status} has no body", field="body")
    headers = checked_headers(written.get("headers") or {})
    if body is None:
        return HttpAnswer(status, headers, b"")
    if isinstance(body, str):
        return HttpAnswer(
            status, {"content-type": "text/plain; charset=utf-8", **headers}, body.encode("utf-8", "replace")
        )
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpAnswer(status, {"content-type": "application/json", **headers}, text.encode("utf-8", "replace"))


def checked_headers(given: Mapping[str, Json]) -> dict[str, str]:
    """The headers with lower-case names; those without a value are left out. Raises InputError."""
    headers: dict[str, str] = {}
    for name, value in given.items():
        refusal = name_fault(name)
        if refusal:
            raise InputError(refusal, field="headers")
        text = "" if value is None else str(value).strip(" \t") if isinstance(value, str | int | float) else None
        if text is None or isinstance(value, bool) or not _VALUE.fullmatch(text):
            raise InputError(f"the header {name} has a value that a header cannot hold", field="headers")
        if text:
            headers[name.lower()] = text
    if len(headers) > MAX_HEADERS or sum(len(n) + len(v) for n, v in headers.items()) > MAX_HEADER_BYTES:
        raise InputError(
            f"an answer has {MAX_HEADERS} headers and {MAX_HEADER_BYTES:,} bytes of them at most", field="headers"
        )
    return headers


def name_fault(name: str) -> str | None:
    """What is wrong with this name of a header, None when it may be used."""
    if not _NAME.fullmatch(name):
        return f"{name[:40]!r} is not a header name"
    if name.lower() in _REFUSED or name.lower().startswith(_REFUSED_PREFIXES):
        return f"the header {name} may not be set by a workflow"
    return None
