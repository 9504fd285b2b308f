"""A model provider that answers by script, over HTTP, in the OpenAI wire format (chat completions).

LiteLLM's real path runs against it. It lives in a thread of the test process; workers in other processes reach it by
its address. What it can do on demand: latency, 429 with Retry-After, hanging, a cut stream, broken JSON, an error body
under status 200. A request that no script covers gets a short valid answer: an instance of the schema it demands, or
"ok".

    provider.script(Reply(status=429, retry_after_s=1), Reply("hello"))   # in this order, then the default again
    provider.when("refund", Reply(json={"intent": "refund"}))             # whenever the prompt contains that text
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

Json = Any
_HANG_S = 60.0


@dataclass(frozen=True)
class Reply:
    """One answer. `json` wins over `text`. `cut_after` breaks the stream off after so many pieces of text.

    `raw` is sent as the whole body instead of a completion; `tool_calls` are {"id", "name", "arguments": {...}}.
    """

    text: str = "ok"
    json: Json = None
    tool_calls: tuple[Mapping[str, Json], ...] = ()
    latency_s: float = 0.0
    piece_latency_s: float = 0.0
    status: int = 200
    retry_after_s: float | None = None
    hang: bool = False
    cut_after: int | None = None
    raw: str | None = None
    tokens_in: int | None = None
    tokens_out: int | None = None
    finish_reason: str | None = None

    @property
    def content(self) -> str:
        return self.text if self.json is None else json.dumps(self.json)

    @property
    def reason(self) -> str:
        return self.finish_reason or ("tool_calls" if self.tool_calls else "stop")


Script = Reply | Callable[[Mapping[str, Json]], Reply]


@dataclass(frozen=True)
class Recorded:
    """A request as it came in."""

    body: Mapping[str, Json]
    headers: Mapping[str, str]
    at: float

    @property
    def prompt(self) -> str:
        """All messages' text."""
        return prompt_of(self.body)


@dataclass
class ScriptedProvider:
    """See the module's docstring. Safe to use from several threads."""

    requests: list[Recorded] = field(default_factory=list)
    _queue: deque[Script] = field(default_factory=deque)
    _rules: list[tuple[str, Script]] = field(default_factory=list)
    _default: Script | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _released: threading.Event = field(default_factory=threading.Event)
    _server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """What OPENAI_BASE_URL is to be."""
        assert self._server is not None, "the provider is not started"
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def script(self, *replies: Script) -> None:
        """Answer the next requests with these, in order."""
        with self._lock:
            self._queue.extend(replies)

    def when(self, text: str, reply: Script) -> None:
        """Answer every request whose prompt contains `text`; rules made later win, the script wins over rules."""
        with self._lock:
            self._rules.insert(0, (text, reply))

    def otherwise(self, reply: Script) -> None:
        """Answer everything else with this."""
        self._default = reply

    def reset(self) -> None:
        """Forget scripts, rules and requests; whoever hangs is let go."""
        with self._lock:
            self._queue.clear()
            self._rules.clear()
            self._default = None
            self.requests.clear()
        self._released.set()
        self._released = threading.Event()

    def start(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        assert self._server is not None
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def _next(self, body: Mapping[str, Json], headers: Mapping[str, str]) -> Reply:
        recorded = Recorded(body, headers, time.time())
        with self._lock:
            self.requests.append(recorded)
            found: Script | None = self._queue.popleft() if self._queue else None
            if found is None:
                found = next((reply for text, reply in self._rules if text in recorded.prompt), self._default)
        if found is None:
            return _usual(body)
        return found(body) if callable(found) else found


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is what many tests are about."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def prompt_of(body: Mapping[str, Json]) -> str:
    """All text of a request's messages, one line a message."""
    return "\n".join(_text(message.get("content")) for message in body.get("messages", ()))


def _text(content: Json) -> str:
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content)
    return content or ""


def _usual(body: Mapping[str, Json]) -> Reply:
    demanded = body.get("response_format", {}).get("json_schema", {}).get("schema")
    return Reply(json=instance_of(demanded)) if demanded else Reply("ok")


def instance_of(schema: Mapping[str, Json]) -> Json:
    """A small value that fits a simple JSON Schema."""
    if "const" in schema or "enum" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = schema.get("type", "object" if "properties" in schema else "null")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance_of(inner) for name, inner in schema.get("properties", {}).items()}
    simple: dict[str, Json] = {"array": [], "string": "text", "boolean": True, "null": None}
    return simple[kind] if kind in simple else max(1, schema.get("minimum", 1))


def _handler(provider: ScriptedProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            try:
                _answer(self, provider._next(body, dict(self.headers)), body, provider._released)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

    return Handler


def _answer(http: BaseHTTPRequestHandler, reply: Reply, body: Mapping[str, Json], released: threading.Event) -> None:
    if reply.hang:
        released.wait(_HANG_S)
        http.close_connection = True
        return
    time.sleep(reply.latency_s)
    if reply.raw is not None:
        _send(http, reply.status, reply.raw.encode(), reply.retry_after_s)
    elif reply.status != 200:
        error = {"error": {"message": reply.text, "type": "scripted", "code": str(reply.status)}}
        _send(http, reply.status, json.dumps(error).encode(), reply.retry_after_s)
    elif body.get("stream"):
        _stream(http, reply, body)
    else:
        _send(http, 200, json.dumps(_completion(reply, body)).encode(), None)


def _send(http: BaseHTTPRequestHandler, status: int, content: bytes, retry_after_s: float | None) -> None:
    http.send_response(status)
    http.send_header("Content-Type", "application/json")
    http.send_header("Content-Length", str(len(content)))
    if retry_after_s is not None:
        http.send_header("Retry-After", f"{retry_after_s:g}")
    http.end_headers()
    http.wfile.write(content)


def _stream(http: BaseHTTPRequestHandler, reply: Reply, body: Mapping[str, Json]) -> None:
    http.send_response(200)
    http.send_header("Content-Type", "text/event-stream")
    http.send_header("Transfer-Encoding", "chunked")
    http.end_headers()
    for number, event in enumerate(_events(reply, body)):
        if reply.cut_after is not None and number > reply.cut_after:
            http.close_connection = True  # no last chunk: the other side sees a broken body
            return
        _chunk(http, f"data: {json.dumps(event)}\n\n")
        time.sleep(reply.piece_latency_s)
    _chunk(http, "data: [DONE]\n\n")
    http.wfile.write(b"0\r\n\r\n")


def _chunk(http: BaseHTTPRequestHandler, text: str) -> None:
    data = text.encode()
    http.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
    http.wfile.flush()


def _events(reply: Reply, body: Mapping[str, Json]) -> Iterator[dict[str, Json]]:
    """The role, the text in pieces of about 12 characters, the tool calls, the end, the usage."""
    head = {"id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1, "model": body.get("model", "")}

    def event(delta: dict[str, Json], reason: str | None = None) -> dict[str, Json]:
        return head | {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

    yield event({"role": "assistant", "content": ""})
    text = "" if reply.tool_calls else reply.content
    for start in range(0, len(text), 12):
        yield event({"content": text[start : start + 12]})
    for index, call in enumerate(_tool_calls(reply)):
        yield event({"tool_calls": [{"index": index} | call]})
    yield event({}, reply.reason)
    if body.get("stream_options", {}).get("include_usage"):
        yield head | {"choices": [], "usage": _usage(reply, body)}


def _completion(reply: Reply, body: Mapping[str, Json]) -> dict[str, Json]:
    message: dict[str, Json] = {"role": "assistant", "content": None if reply.tool_calls else reply.content}
    if reply.tool_calls:
        message["tool_calls"] = _tool_calls(reply)
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 1,
        "model": body.get("model", ""),
        "choices": [{"index": 0, "message": message, "finish_reason": reply.reason}],
        "usage": _usage(reply, body),
    }


def _tool_calls(reply: Reply) -> list[dict[str, Json]]:
    return [
        {
            "id": call.get("id", f"call_{index}"),
            "type": "function",
            "function": {"name": call["name"], "arguments": json.dumps(call.get("arguments", {}))},
        }
        for index, call in enumerate(reply.tool_calls)
    ]


def _usage(reply: Reply, body: Mapping[str, Json]) -> dict[str, int]:
    tokens_in = reply.tokens_in if reply.tokens_in is not None else max(1, len(prompt_of(body)) // 4)
    tokens_out = reply.tokens_out if reply.tokens_out is not None else max(1, len(reply.content) // 4)
    return {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out}


@pytest.fixture(scope="session")
def _provider_server() -> Iterator[ScriptedProvider]:
    provider = ScriptedProvider()
    provider.start()
    yield provider
    provider.stop()


@pytest.fixture
def provider(_provider_server: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """The scripted model provider, without scripts."""
    _provider_server.reset()
    yield _provider_server
    _provider_server.reset()
