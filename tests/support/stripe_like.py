"""A small payment provider on loopback that speaks Stripe's form: payment intents, refunds, idempotency keys."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

API_KEY = "sk_test_SECRET_of_the_shop"


@dataclass
class StripeLike:
    """`intents` and `refunds` are what really happened; `answers` are scripted statuses for the next requests.

    A scripted 504 does the work and then loses the answer.
    """

    intents: dict[str, dict[str, Any]] = field(default_factory=dict)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    keys: dict[str, tuple[str, int, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def credential(self) -> str:
        return json.dumps({"api_key": API_KEY, "base_url": f"http://{self.host}"})

    def answer(self, path: str, key: str, token: str, form: dict[str, str]) -> tuple[int, Any]:
        self.requests.append((path, key))
        if token != f"Bearer {API_KEY}":
            return 401, {"error": {"code": "api_key_invalid", "message": f"Invalid key: {token}"}}
        scripted = self.answers.pop(0) if self.answers else 200
        if scripted not in (200, 504):
            return scripted, {"error": {"code": "scripted", "message": token}}
        if key not in self.keys:
            self.keys[key] = (path, *self._do(path, form))
        known, status, body = self.keys[key]
        if known != path:
            return 400, {"error": {"code": "idempotency_error"}}
        return (504, {}) if scripted == 504 else (status, body)

    def _do(self, path: str, form: dict[str, str]) -> tuple[int, Any]:
        parts = path.strip("/").split("/")
        if parts[1:] == ["payment_intents"]:
            if form["payment_method"] == "pm_declined":
                return 402, {"error": {"code": "card_declined", "decline_code": "insufficient_funds"}}
            intent = {"id": f"pi_{len(self.intents) + 1}", "status": "requires_capture", **form}
            self.intents[intent["id"]] = intent
            return 200, intent
        if parts[1:] == ["refunds"]:
            self.refunds.append({"id": f"re_{len(self.refunds) + 1}", **form})
            return 200, self.refunds[-1]
        intent = self.intents[parts[2]]
        if intent["status"] != "requires_capture":
            return 400, {"error": {"code": "payment_intent_unexpected_state"}}
        intent["status"] = "succeeded" if parts[3] == "capture" else "canceled"
        return 200, intent


@contextmanager
def stripe_like() -> Iterator[StripeLike]:
    """A provider for the time of the block."""
    provider = StripeLike()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            """Quiet."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            headers = self.headers
            status, answer = provider.answer(
                self.path, headers["Idempotency-Key"], headers.get("Authorization", ""), form
            )
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.port = server.server_address[1]
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
