"""A Model Context Protocol server on loopback that speaks streamable HTTP, and misbehaves when it is told to.

It is strict about what a client has to do: the order of the handshake, the headers, the session.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Json = Any
Run = Callable[[Mapping[str, Json]], Json]
ADD = {"type": "object", "required": ["a", "b"], "properties": {"a": {"type": "number"}, "b": {"type": "number"}}}


def text(words: str, *, wrong: bool = False) -> dict[str, Json]:
    """A tool's result."""
    return {"content": [{"type": "text", "text": words}], "isError": wrong}


@dataclass(frozen=True)
class Raw:
    """An answer instead of the right one. `{id}` in the body becomes the call's number."""

    status: int = 200
    body: str = ""
    type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass
class McpLike:
    """`seen` are the messages that came in, with their headers; `odd` scripts answers by method, each used up once."""

    tools: dict[str, tuple[Mapping[str, Json], Run]] = field(default_factory=dict)
    hints: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    extra: list[Json] = field(default_factory=list)  # further entries of the list of tools, as they are
    sse: bool = False
    hangs: bool = False  # an event stream stays open behind the answer
    page: int = 100
    with_session: bool = True
    version: str | None = None
    odd: dict[str, list[Raw]] = field(default_factory=dict)
    seen: list[tuple[dict[str, Json], dict[str, str]]] = field(default_factory=list)
    sessions: dict[str, bool] = field(default_factory=dict)  # id -> whether the handshake is complete
    port: int = 0
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/mcp"

    def methods(self) -> list[str]:
        return [message["method"] for message, _ in self.seen]

    def forget(self) -> None:
        """As a server does that was started anew."""
        self.sessions.clear()

    def offer(self, name: str, run: Run, schema: Mapping[str, Json] | None = None, **hints: Json) -> None:
        self.tools[name] = (schema or {"type": "object"}, run)
        self.hints[name] = hints

    def listed(self) -> list[Json]:
        named = [
            {"name": name, "description": f"Does {name}.", "inputSchema": schema, "annotations": self.hints.get(name)}
            for name, (schema, _) in self.tools.items()
        ]
        return [*named, *self.extra]


@contextmanager
def mcp_like() -> Iterator[McpLike]:
    """A server with the tool `add`, for the time of the block."""
    state = McpLike()
    state.offer("add", lambda given: {**text(str(given["a"] + given["b"]))}, ADD, readOnlyHint=True)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(state))
    server.daemon_threads = True
    state.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        server.server_close()


def _handler(state: McpLike) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            headers = {name.lower(): value for name, value in self.headers.items()}
            state.seen.append((message, headers))
            try:
                self._send(_answer(state, message, headers), message)
            except ConnectionError:
                self.close_connection = True

        def _send(self, answer: Raw, message: Mapping[str, Json]) -> None:
            body = answer.body.replace("{id}", str(message.get("id"))).encode("utf-8", "surrogatepass")
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.type)
            hangs = state.hangs and answer.type.startswith("text/event-stream")
            self.send_header("Content-Length", str(len(body) + 1000 * hangs))
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            if hangs:
                self.wfile.flush()
                state.closing.wait(60)
                self.close_connection = True

    return Handler


def _answer(state: McpLike, message: Mapping[str, Json], headers: Mapping[str, str]) -> Raw:
    method, session = message["method"], headers.get("mcp-session-id", "")
    if state.odd.get(method):
        return state.odd[method].pop(0)
    wrong = _wrong(state, message, headers)
    if wrong is not None:
        return wrong
    if method == "initialize":
        return _open(state, message)
    if method == "notifications/initialized":
        state.sessions[session] = True
        return Raw(202)
    return _result(state, message, _do(state, method, message["params"]))


def _wrong(state: McpLike, message: Mapping[str, Json], headers: Mapping[str, str]) -> Raw | None:
    """What a client did wrong, as the protocol answers it."""
    method, session = message["method"], headers.get("mcp-session-id", "")
    accepted = headers.get("accept", "")
    if message.get("jsonrpc") != "2.0" or not ("application/json" in accepted and "text/event-stream" in accepted):
        return Raw(400, "not acceptable", "text/plain")
    if method == "initialize":
        return None
    if state.with_session and session not in state.sessions:
        return Raw(404 if session else 400, "no such session", "text/plain")
    ready = method == "notifications/initialized" or state.sessions.get(session)
    if not ready or "mcp-protocol-version" not in headers:
        return Raw(400, "shake hands first", "text/plain")
    return None


def _open(state: McpLike, message: Mapping[str, Json]) -> Raw:
    session = uuid.uuid4().hex
    state.sessions[session if state.with_session else ""] = False
    about = {
        "protocolVersion": state.version or message["params"]["protocolVersion"],
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "test", "version": "1"},
    }
    named = (("Mcp-Session-Id", session),) if state.with_session else ()
    return _result(state, message, {"result": about}, named)


def _do(state: McpLike, method: str, params: Mapping[str, Json]) -> dict[str, Json]:
    if method == "tools/list":
        at, listed = int(params.get("cursor", 0)), state.listed()
        more = {"nextCursor": str(at + state.page)} if at + state.page < len(listed) else {}
        return {"result": {"tools": listed[at : at + state.page], **more}}
    if method == "tools/call" and params["name"] in state.tools:
        return {"result": state.tools[params["name"]][1](params["arguments"])}
    return {"error": {"code": -32602, "message": f"Unknown: {method}"}}


def _result(
    state: McpLike, message: Mapping[str, Json], given: Mapping[str, Json], headers: tuple[tuple[str, str], ...] = ()
) -> Raw:
    body = json.dumps({"jsonrpc": "2.0", "id": message["id"], **given})
    if not state.sse:
        return Raw(200, body, headers=headers)
    progress = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"data": "at it"}})
    stream = f": a comment\n\nevent: message\ndata: {progress}\n\nid: 7\nevent: message\ndata: {body}\n\n"
    return Raw(200, stream, "text/event-stream; charset=utf-8", headers)
