"""MCP servers over streamable HTTP: `engine.execution.ports.Mcp`.

Every request goes through the egress client, so an MCP server is reached under the same rules and the same policy as
any other address of a tenant. A session is opened at the first call and used again; one that the server has forgotten
is opened anew. What only reads (the handshake, the list of tools, tools that say so) is tried again after a passing
failure; a tool that may have done something is not.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from connectors.mcp.messages import (
    MAX_TOOLS,
    Answered,
    call,
    fitting,
    headers_of,
    notification,
    opening,
    result_of,
    specs_of,
    value_of,
)
from engine.execution.ports import Http, HttpReply, HttpRequest, McpServer, ToolSpec

Json = Any
_Known = tuple[UUID, str, str | None]  # tenant, address, credential: whose session it is
_KEPT = 200
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
        self._sessions: OrderedDict[_Known, _Session] = OrderedDict()
        self._numbers = itertools.count(1)

    async def tools(self, server: McpServer) -> Sequence[ToolSpec]:
        session = self._session(server)
        if session.specs is None or time.monotonic() - session.asked_at > _FRESH_S:
            session.specs = await self._list(server, session)
            session.asked_at = time.monotonic()
        return session.specs

    async def call(self, server: McpServer, tool: str, arguments: Mapping[str, Json], idempotency_key: str) -> Json:
        session = self._session(server)
        reads = any(spec.name == tool and not spec.writes for spec in session.specs or ())
        params = {"name": tool, "arguments": dict(arguments)}
        result = await self._ask(server, session, "tools/call", params, key=idempotency_key, repeatable=reads)
        return value_of(result, f"{server.name}: {tool}")

    async def _list(self, server: McpServer, session: _Session) -> list[ToolSpec]:
        found: list[ToolSpec] = []
        params: dict[str, Json] = {}
        for _ in range(_PAGES):
            page = await self._ask(server, session, "tools/list", params, repeatable=True)
            found += specs_of(page, server.name)
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or len(found) >= MAX_TOOLS:
                break
            params = {"cursor": cursor}
        return fitting(found)

    def _session(self, server: McpServer) -> _Session:
        known = (server.tenant_id, server.url, server.credential)
        session = self._sessions.pop(known, None) or _Session()
        self._sessions[known] = session
        if len(self._sessions) > _KEPT:
            self._sessions.popitem(last=False)
        return session

    async def _ask(
        self,
        server: McpServer,
        session: _Session,
        method: str,
        params: Mapping[str, Json],
        *,
        key: str | None = None,
        repeatable: bool = False,
    ) -> Mapping[str, Json]:
        """One call; a session that is gone (404) is opened anew, once."""
        headers = await self._opened(server, session)
        number = next(self._numbers)
        message = call(number, method, params)
        reply = await self._post(server, message, headers, key=key, repeatable=repeatable)
        if reply.status == 404 and "Mcp-Session-Id" in headers:
            if session.headers is headers:
                session.headers = None
            headers = await self._opened(server, session)
            reply = await self._post(server, message, headers, key=key, repeatable=repeatable)
        return result_of(reply, number, server.name)

    async def _opened(self, server: McpServer, session: _Session) -> dict[str, str]:
        async with session.lock:
            if session.headers is None:
                session.headers = await self._open(server)
            return session.headers

    async def _open(self, server: McpServer) -> dict[str, str]:
        """Shake hands; returns the headers that every later request carries."""
        number = next(self._numbers)
        reply = await self._post(server, opening(number), {}, repeatable=True)
        headers = headers_of(reply, result_of(reply, number, server.name), server.name)
        await self._post(server, notification("notifications/initialized"), headers, repeatable=True)
        return headers

    async def _post(
        self,
        server: McpServer,
        message: Json,
        headers: Mapping[str, str],
        *,
        key: str | None = None,
        repeatable: bool = False,
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
                repeatable=repeatable,
                enough=Answered(message["id"]) if "id" in message else None,
            )
        )
