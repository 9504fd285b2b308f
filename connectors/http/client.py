"""The egress client: `engine.execution.ports.Http` for every address that a tenant may choose.

It follows redirects itself, so that each hop is checked like the first; it uses no proxy and nothing else of the
environment; and it bounds time, size and unpacked size of what it gets.
"""

from __future__ import annotations

import ssl
from collections.abc import Collection
from dataclasses import replace

import httpcore

from connectors.credentials import TenantCredentials, http_header
from connectors.http.addresses import Address
from connectors.http.messages import Outgoing, decoded, idempotency_header, merged, outgoing, read_body, redirected
from connectors.http.network import PinnedBackend, Resolve, resolve
from connectors.policy import PROFILES, Guard, override
from engine.errors import EgressBlocked, PermanentError, RateLimited, TransientError
from engine.execution.ports import HttpReply, HttpRequest, retry_after_s

MAX_BYTES = 5 * 1024 * 1024
MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_DOWN = (502, 503, 504)
_REPEATABLE = ("GET", "HEAD", "OPTIONS")


class _Busy(RateLimited):
    """The other side asks to slow down."""

    def __init__(self, reply: HttpReply) -> None:
        super().__init__(retry_after_s=retry_after_s(reply.headers))
        self.reply = reply


class _Down(TransientError):
    """The other side answers that it cannot answer."""

    def __init__(self, reply: HttpReply) -> None:
        super().__init__(status=reply.status, retry_after_s=retry_after_s(reply.headers))
        self.reply = reply


class EgressClient:
    """One a process; `aclose` it at the end."""

    def __init__(
        self,
        allow: Collection[str] = (),
        *,
        max_bytes: int = MAX_BYTES,
        guard: Guard | None = None,
        credentials: TenantCredentials | None = None,
        resolve: Resolve = resolve,
        backend: httpcore.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`allow` are the operator's own services as "host:port". The last three are for tests."""
        self._max_bytes = max_bytes
        self._guard = guard or Guard()
        self._credentials = credentials
        self._network = PinnedBackend(allow, resolve=resolve, inner=backend)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=15.0,
            http2=False,
            network_backend=self._network,
        )

    async def request(self, request: HttpRequest) -> HttpReply:
        """Send and read; any status is a reply, after the retries that the policy allows for "not now".

        Raises EgressBlocked, InputError, TransientError (nobody there, connection lost), StepTimeout, OutputTooLarge,
        PermanentError (a reply that is none; a credential that is none), AuthError (a credential of another kind).
        """
        ready = outgoing(await self._signed(request))
        policy = override(replace(PROFILES["http"], timeout_s=request.timeout_s), request.policy)
        try:
            return await self._guard.run(
                f"{request.tenant_id}:http:{ready.url.host}",
                policy,
                lambda: self._answered(ready, request),
                repeatable=request.repeatable or ready.method in _REPEATABLE,
                total_s=request.timeout_s,
            )
        except (_Busy, _Down) as unwell:
            return unwell.reply

    async def addresses(self, host: str, port: int) -> list[Address]:
        """Where to connect for other protocols, under the same rules; raises EgressBlocked, TransientError."""
        return await self._network.addresses(host, port)

    async def _signed(self, request: HttpRequest) -> HttpRequest:
        """With the headers of the credential and of the idempotency key, which win over the caller's own."""
        headers = {}
        if request.idempotency_key and request.method.upper() not in _REPEATABLE:
            headers["Idempotency-Key"] = idempotency_header(request.idempotency_key)
        if request.credential:
            if self._credentials is None or request.tenant_id is None:
                raise PermanentError("This request can take no credential.", parameter="credential")
            name, value = http_header(await self._credentials.open(request.tenant_id, request.credential))
            headers[name] = value
        return replace(request, headers=merged(request.headers, headers)) if headers else request

    async def aclose(self) -> None:
        await self._pool.aclose()

    async def _answered(self, sent: Outgoing, request: HttpRequest) -> HttpReply:
        """The reply; one that says "not now" is raised, so that the policy waits as long as it asks, and counts it."""
        reply = await self._follow(sent, request)
        if reply.status == 429:
            raise _Busy(reply)
        if reply.status in _DOWN:
            raise _Down(reply)
        return reply

    async def _follow(self, sent: Outgoing, request: HttpRequest) -> HttpReply:
        """The reply, after some redirects at most; where none is to be followed, a redirect is the reply."""
        hops = MAX_REDIRECTS if request.follow_redirects else 0
        for _ in range(hops + 1):
            status, headers, body = await self._exchange(sent, request)
            location = headers.get("location")
            if status not in _REDIRECTS or not location or not hops:
                return HttpReply(status, headers, decoded(body, headers.get("content-type", "")))
            sent = redirected(sent, status, location)
        raise PermanentError(f"The other side redirected more than {MAX_REDIRECTS} times.")

    async def _exchange(self, sent: Outgoing, asked: HttpRequest) -> tuple[int, dict[str, str], bytes]:
        """One hop. An address written out is judged here; names are resolved and judged on connecting."""
        _, host, port = sent.origin
        hosts = asked.allow_hosts
        if hosts and not any(_covers(pattern, host) for pattern in hosts):
            raise EgressBlocked(f"{host} is not among the hosts that this node may call.", host=host)
        self._network.refuse_literal(host, port)
        headers = [(name.encode(), value.encode()) for name, value in [("Host", _host_header(sent)), *sent.headers]]
        if sent.body or sent.method in ("POST", "PUT", "PATCH"):
            headers.append((b"Content-Length", str(len(sent.body)).encode()))
        # Built from its parts: parsed a second time, an odd address could name another host.
        url = httpcore.URL(scheme=sent.url.raw_scheme, host=sent.url.raw_host, port=port, target=sent.url.raw_path)
        request = httpcore.Request(sent.method, url, headers=headers, content=sent.body)
        try:
            response = await self._pool.handle_async_request(request)
            try:
                shown = _shown(response.headers)
                stream = response.aiter_stream()
                coding = "" if sent.method == "HEAD" else shown.get("content-encoding", "")
                return response.status, shown, await read_body(stream, coding, self._max_bytes, asked.enough)
            finally:
                await response.aclose()
        except httpcore.UnsupportedProtocol as error:
            raise EgressBlocked("Only http and https may be called.") from error
        except (httpcore.ProtocolError, httpcore.NetworkError, httpcore.TimeoutException, ssl.SSLError) as error:
            raise TransientError(f"The connection to {host}:{port} failed.", reason=type(error).__name__) from error


def _covers(pattern: str, host: str) -> bool:
    """Whether a node's allow_hosts entry ("api.example.com", "*.example.com") covers the host."""
    pattern, host = pattern.strip().lower(), host.lower()
    return host == pattern or (pattern.startswith("*.") and host.endswith(pattern[1:]))


def _host_header(sent: Outgoing) -> str:
    return sent.url.netloc.decode("ascii")


def _shown(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers with lower-case names; repeated ones joined with a comma."""
    shown: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        shown[name] = f"{shown[name]}, {value}" if name in shown else value
    return shown
