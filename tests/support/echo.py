"""A small HTTP server on loopback that answers by path; for tests of what goes out."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Echo:
    """`seen` are the requests: {method, path, headers, body}; `pages` the answers by path, else an echo as JSON."""

    seen: list[dict[str, Any]] = field(default_factory=list)
    pages: dict[str, Page] = field(default_factory=dict)
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str = "/") -> str:
        return f"http://{self.host}{path}"


@dataclass(frozen=True)
class Page:
    """An answer. `drip` sends a byte, then waits that long, for ever; `endless` sends blocks until nobody reads."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    drip: float = 0.0
    endless: bool = False
    cut: bool = False


def redirect(to: str, status: int = 302) -> Page:
    return Page(status, (("Location", to),))


def bomb(megabytes: int) -> Page:
    """Zeros, packed about a thousand times smaller."""
    return Page(200, (("Content-Encoding", "gzip"),), gzip.compress(b"\0" * megabytes * 1024 * 1024))


@contextmanager
def echo_server() -> Iterator[Echo]:
    """A server for the time of the block."""
    echo = Echo()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(echo))
    server.daemon_threads = True
    echo.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield echo
    finally:
        echo.closing.set()
        server.shutdown()
        server.server_close()


def _handler(echo: Echo) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Quiet."""

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = {"method": self.command, "path": self.path, "headers": headers, "body": body.decode()}
            echo.seen.append(request)
            page = echo.pages.get(self.path)
            if page is None:
                content = json.dumps(request).encode()
                page = Page(200, (("Content-Type", "application/json"),), content)
            try:
                _send(self, page, echo)
            except ConnectionError:
                self.close_connection = True

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"):
        setattr(Handler, f"do_{method}", Handler.answer)
    return Handler


def _send(http: BaseHTTPRequestHandler, page: Page, echo: Echo) -> None:
    http.send_response(page.status)
    for name, value in page.headers:
        http.send_header(name, value)
    if page.drip or page.endless:
        http.send_header("Connection", "close")
        http.end_headers()
        while not echo.closing.is_set():
            http.wfile.write(b"x" if page.drip else b"x" * 65_536)
            time.sleep(page.drip)
        return
    http.send_header("Content-Length", str(len(page.body) + (100 if page.cut else 0)))
    http.end_headers()
    if http.command != "HEAD":
        http.wfile.write(page.body)
    http.close_connection = http.close_connection or page.cut
