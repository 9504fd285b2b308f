"""A TCP proxy in front of a server: the network as it can be. Slow, cut, or half-open."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit


class BadNetwork:
    """Passes on what it gets, `delay_s` later. While it is silent, nothing arrives and nothing is closed either."""

    def __init__(self, host: str, port: int) -> None:
        self._server = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()
        self._heard = asyncio.Event()
        self._heard.set()
        self._refuses = False
        self.delay_s = 0.0
        self.port = 0

    def go_silent(self) -> None:
        self._heard.clear()

    def refuse(self) -> None:
        """Nobody gets through, as if there were no server."""
        self._refuses = True
        self.cut()

    def heal(self) -> None:
        self._refuses = False
        self._heard.set()

    def cut(self) -> None:
        """Reset every connection there is."""
        for writer in self._writers:
            writer.transport.abort()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        there_reader, there_writer = await asyncio.open_connection(*self._server)
        ways = ((reader, there_writer), (there_reader, writer))
        self._writers |= {writer, there_writer}
        await asyncio.gather(*(self._pass_on(*way) for way in ways))
        self._writers -= {writer, there_writer}

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                await asyncio.sleep(self.delay_s)
                await self._heard.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def bad_network(url: str) -> AsyncIterator[tuple[BadNetwork, str]]:
    """A network before the server of `url`, and the address that leads through it."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    network = BadNetwork(parts.hostname, parts.port)
    server = await asyncio.start_server(network.accept, "127.0.0.1", 0)
    network.port = server.sockets[0].getsockname()[1]
    try:
        yield network, url.replace(f":{parts.port}/", f":{network.port}/")
    finally:
        server.close()
        network.heal()
        network.cut()
