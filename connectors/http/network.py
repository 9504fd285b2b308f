"""Sockets for the egress client: a name is resolved once, all its addresses are judged, and the connection goes to one
of exactly these. A second answer of the name server is never asked for, so it cannot lead elsewhere."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Any

import httpcore

from connectors.http.addresses import Address, allows, is_public, is_refused, literal, normal
from engine.errors import EgressBlocked, TransientError

Resolve = Callable[[str, int], Awaitable[list[Address]]]


async def resolve(host: str, port: int) -> list[Address]:
    """All addresses of a name, by the system's resolver; raises TransientError when there are none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise TransientError(f"The name {host!r} could not be resolved.") from error
    addresses = (literal(str(info[4][0])) for info in found)
    return list(dict.fromkeys(address for address in addresses if address is not None))


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to public addresses, and to the operator's `allow` list ("host:port") wherever those are."""

    def __init__(
        self, allow: Collection[str], *, resolve: Resolve = resolve, inner: httpcore.AsyncNetworkBackend | None = None
    ) -> None:
        self._allow = normal(allow)
        self._resolve = resolve
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        error: Exception | None = None
        for address in await self.addresses(host, port):
            try:
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                error = failed
        raise TransientError(f"{host}:{port} cannot be reached.") from error

    async def addresses(self, host: str, port: int) -> list[Address]:
        """The addresses to connect to; raises EgressBlocked when one of them is not to be reached."""
        self.refuse_literal(host, port)
        allowed = allows(self._allow, host, port)
        written = literal(host)
        found = [written] if written else await self._resolve(host, port)
        if not found:
            raise TransientError(f"The name {host!r} has no address.")
        if not allowed and not all(is_public(address) for address in found):
            raise EgressBlocked(f"{host} is not on the public internet.", host=host)
        return found

    def refuse_literal(self, host: str, port: int) -> None:
        """Raise EgressBlocked for an address that is written out, or disguised, and not to be reached."""
        if is_refused(self._allow, host, port):
            raise EgressBlocked(f"{host} is not on the public internet.", host=host)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
