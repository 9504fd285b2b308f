"""MCP servers over streamable HTTP: `engine.execution.ports.Mcp`.

Every request goes through the egress client, so an MCP server is reached under the same rules as any other address of a
tenant. A session is opened at the first call and used again; one that the server has forgotten is opened anew.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.mcp.messages import MAX_TOOLS, PROTOCOL, call, notification, result_of, specs_of, value_of
from engine.execution.ports import Http, HttpReply, HttpRequest, McpServer, ToolSpec

Json = Any
_KEPT = 500
_FRESH_S = 300.0  # the list of tools is asked for again after so long
_PAGES = 10


@dataclass(slots=True)
class _Session:
    """What a server knows us by. `lock` lets one task at a time open it."""

    headers: dict[str, str] | None = None
    specs: list[ToolSpec] | None = None
    asked_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class McpClient:
    """One a process; `http` is the way out."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._sessions: OrderedDict[McpServer, _Session] = OrderedDict()
        self._numbers = itertools.count(1)

    async def tools(self, server: McpServer) -> Sequence[ToolSpec]:
        session = self._session(server)
        if session.specs is None or time.monotonic() - session.asked_at > _FRESH_S:
            session.specs = await self._list(server, session)
            session.asked_at = time.monotonic()
        return session.specs

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Json], idempotency_key: str) -> Json:
        params = {"name": tool, "arguments": dict(arguments)}
        result = await self._ask(server, self._session(server), "tools/call", params, idempotency_key)
        return value_of(result, f"{server.name}: {tool}")

    async def _list(self, server: McpServer, session: _Session) -> list[ToolSpec]:
        found: list[ToolSpec] = []
        params: dict[str, Json] = {}
        for _ in range(_PAGES):
            page = await self._ask(server, session, "tools/list", params)
            found += specs_of(page, server.name)
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or len(found) >= MAX_TOOLS:
                break
            params = {"cursor": cursor}
        return found[:MAX_TOOLS]

    def _session(self, server: McpServer) -> _Session:
        session = self._sessions.pop(server, None) or _Session()
        self._sessions[server] = session
        if len(self._sessions) > _KEPT:
            self._sessions.popitem(last=False)
        return session

    async def _ask(
        self, server: McpServer, session: _Session, method: str, params: Mapping[str, Json], key: str | None = None
    ) -> Mapping[str, Json]:
        """One call; a session that is gone (404) is opened anew, once."""
        headers = await self._opened(server, session)
        number = next(self._numbers)
        reply = await self._post(server, call(number, method, params), headers, key)
        if reply.status == 404 and "Mcp-Session-Id" in headers:
            if session.headers is headers:
                session.headers = None
            reply = await self._post(server, call(number, method, params), await self._opened(server, session), key)
        return result_of(reply, number, server.name)

    async def _opened(self, server: McpServer, session: _Session) -> dict[str, str]:
        async with session.lock:
            if session.headers is None:
                session.headers = await self._open(server)
            return session.headers

    async def _open(self, server: McpServer) -> dict[str, str]:
        """Shake hands; returns the headers that every later request carries."""
        about = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "Heddle", "version": "1"}}
        number = next(self._numbers)
        reply = await self._post(server, call(number, "initialize", about), {})
        agreed = result_of(reply, number, server.name).get("protocolVersion")
        headers = {"MCP-Protocol-Version": agreed if isinstance(agreed, str) and len(agreed) < 40 else PROTOCOL}
        if reply.headers.get("mcp-session-id"):
            headers["Mcp-Session-Id"] = reply.headers["mcp-session-id"]
        await self._post(server, notification("notifications/initialized"), headers)
        return headers

    async def _post(
        self, server: McpServer, message: Json, headers: Mapping[str, str], key: str | None = None
    ) -> HttpReply:
        return await self._http.request(
            HttpRequest(
                method="POST",
                url=server.url,
                headers={"Accept": "application/json, text/event-stream", **headers},
                body=message,
                timeout_s=server.timeout_s,
                tenant_id=server.tenant_id,
                credential=server.credential,
                idempotency_key=key,
            )
        )
