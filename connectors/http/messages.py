"""Requests made safe, and replies read with limits. No sockets here."""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import AsyncIterable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from engine.errors import EgressBlocked, InputError, OutputTooLarge, PermanentError
from engine.execution.ports import HttpRequest

Json = Any
Headers = list[tuple[str, str]]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[0-9A-Za-z._-]+|[0-9A-Fa-f:.]+(%[\w.%-]+)?")  # a name, or an IPv6 address with a zone
_LONGEST_KEY = 200
_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# The client's own business; a caller who could set them could smuggle a second request or reach another virtual host.
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer", "expect"})
# What may follow a redirect to another origin; anything else could be a credential.
_HARMLESS = frozenset({"accept", "accept-language", "content-type", "user-agent", "accept-encoding"})
_CODINGS = {"gzip": 16 + zlib.MAX_WBITS, "x-gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request, checked and ready to send."""

    method: str
    url: httpx.URL
    headers: Headers
    body: bytes

    @property
    def origin(self) -> tuple[str, str, int]:
        return origin_of(self.url)


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    """Scheme, host and port: what credentials belong to."""
    return url.scheme, url.host, url.port or (443 if url.scheme == "https" else 80)


def outgoing(request: HttpRequest) -> Outgoing:
    """Check and encode a request; raises InputError, or EgressBlocked for another scheme than http(s)."""
    method = request.method.upper()
    if method not in _METHODS:
        raise InputError(f"{request.method[:20]!r} is not a method that may be used.")
    headers: Headers = [("Accept", "*/*"), ("Accept-Encoding", "gzip, deflate"), ("User-Agent", "Heddle")]
    body, content_type = _body(request.body)
    if content_type:
        headers.append(("Content-Type", content_type))
    for name, value in request.headers.items():
        _check_header(name, str(value))
        headers = [pair for pair in headers if pair[0].lower() != name.lower()] + [(name, str(value))]
    return Outgoing(method, parsed_url(request.url, request.query), headers, body)


def merged(given: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """`given` with `ours` put over it, whatever the case of the names."""
    names = {name.lower() for name in ours}
    return {name: value for name, value in given.items() if name.lower() not in names} | dict(ours)


def idempotency_header(key: str) -> str:
    """The key in a form that every provider takes: itself, or its hash when it is long or not plain."""
    plain = len(key) <= _LONGEST_KEY and re.fullmatch(r"[!-~]+", key)
    return key if plain else hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def parsed_url(text: str, query: Mapping[str, Json] | None = None) -> httpx.URL:
    """The address with the query added to its own; raises InputError or EgressBlocked."""
    try:
        url = httpx.URL(text.strip())
        host, port = url.raw_host.decode("ascii"), url.port
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise InputError(f"This is not an address: {text[:80]!r}") from error
    if url.scheme not in ("http", "https"):
        raise EgressBlocked(
            f"Only http and https may be called, not {url.scheme[:20] or 'an address without scheme'!r}."
        )
    if not host or not _HOST.fullmatch(host) or (port is not None and not 0 < port < 65_536):
        raise InputError(f"The address names no host that there could be: {text[:80]!r}")
    if url.userinfo:
        raise InputError("A user name or password does not belong into an address: use a credential.")
    pairs = [(name, each) for name, value in (query or {}).items() for each in _values(value)]
    if pairs:
        more = urlencode(pairs, quote_via=quote).encode()
        url = url.copy_with(query=b"&".join(filter(None, (url.query, more))), fragment=None)
    return url


def redirected(sent: Outgoing, status: int, location: str) -> Outgoing:
    """The next request after a redirect. On a change of origin only harmless headers go along."""
    try:
        target = sent.url.join(location)
    except (httpx.InvalidURL, UnicodeError, ValueError) as error:
        raise PermanentError("The other side redirected to something that is no address.") from error
    url = parsed_url(str(target))
    if sent.url.scheme == "https" and url.scheme == "http":
        raise EgressBlocked("The other side redirected from https to http.")
    changes = status == 303 or (status in (301, 302) and sent.method == "POST")
    method = "GET" if changes and sent.method != "HEAD" else sent.method
    headers = [pair for pair in sent.headers if not (changes and pair[0].lower() == "content-type")]
    if origin_of(url) != sent.origin:
        headers = [pair for pair in headers if pair[0].lower() in _HARMLESS]
    return Outgoing(method, url, headers, b"" if changes else sent.body)


async def read_body(
    pieces: AsyncIterable[bytes], coding: str, limit: int, enough: Callable[[bytes], bool] | None = None
) -> bytes:
    """The body, unpacked, as far as `enough` wants it; raises OutputTooLarge when its packed or its unpacked form is
    larger than `limit`."""
    unpack = _unpacker(coding)
    received, parts, size = 0, [], 0
    try:
        async for piece in pieces:
            received += len(piece)
            part = unpack.decompress(piece, limit + 1 - size) if unpack else piece
            size += len(part)
            parts.append(part)
            if received > limit or size > limit or (unpack and unpack.unconsumed_tail):
                raise OutputTooLarge(f"The reply is larger than {limit // 1024} KiB.")
            if enough is not None and enough(part):
                return b"".join(parts)
        if unpack and not unpack.eof and received:
            raise PermanentError("The reply's compressed body is cut off.")
    except zlib.error as error:
        raise PermanentError("The reply's compressed body is damaged.") from error
    return b"".join(parts)


def decoded(body: bytes, content_type: str) -> Json:
    """JSON as data when the reply says it is JSON and is; else text in the charset it names, broken bytes replaced."""
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
    charset = re.search(r"charset=\"?([\w-]+)", parameters, re.IGNORECASE)
    try:
        text = body.decode(charset[1] if charset else "utf-8", "replace")
    except LookupError:
        text = body.decode("utf-8", "replace")
    return text.replace("\0", "")


def _unpacker(coding: str) -> Any:
    coding = coding.strip().lower()
    if coding in ("", "identity"):
        return None
    if coding not in _CODINGS:
        raise PermanentError(f"The reply is packed in a way that was not asked for: {coding[:40]!r}.")
    return zlib.decompressobj(_CODINGS[coding])


def _body(body: Json) -> tuple[bytes, str | None]:
    """Text goes as it is, everything else as JSON; None is no body."""
    if body is None:
        return b"", None
    if isinstance(body, str):
        return body.encode("utf-8", "replace"), "text/plain; charset=utf-8"
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace"), "application/json"


def _values(value: Json) -> Sequence[str]:
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [text for each in value for text in _values(each)]
    return [json.dumps(value) if isinstance(value, (bool, Mapping)) else str(value)]


def _check_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise InputError(f"{name[:40]!r} is not a header name.")
    if name.lower() in _OURS or name.lower().startswith("proxy-"):
        raise InputError(f"The header {name!r} is set by Heddle itself.")
    if not value.isascii() or any((ord(letter) < 32 and letter != "\t") or ord(letter) == 127 for letter in value):
        raise InputError(f"The header {name!r} has characters that a header cannot hold.")
