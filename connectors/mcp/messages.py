"""What goes to an MCP server and what comes back, as JSON-RPC 2.0; everything a server says is checked before use.

Format: https://modelcontextprotocol.io/specification/2025-06-18
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.http.replies import checked
from engine.errors import PermanentError, TransientError
from engine.execution.ports import HttpReply, ToolSpec

Json = Any
PROTOCOL = "2025-06-18"
MAX_TOOLS = 256
_SPOKEN = ("2025-11-25", PROTOCOL, "2025-03-26", "2024-11-05")
_MAX_SCHEMA_CHARS = 20_000
_MAX_ALL_CHARS = 400_000
_MAX_DESCRIPTION = 2_000
_NAME = re.compile(r"[A-Za-z0-9_./-]{1,128}")
_SESSION = re.compile(r"[!-~]{1,1024}")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+")

_BLANK = re.compile(rb"\r?\n\r?\n")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def call(number: int, method: str, params: Mapping[str, Json] | None = None) -> dict[str, Json]:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params or {})}


def notification(method: str) -> dict[str, Json]:
    return {"jsonrpc": "2.0", "method": method}


def opening(number: int) -> dict[str, Json]:
    """The handshake's first message."""
    about = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": {"name": "Heddle", "version": "1"}}
    return call(number, "initialize", about)


def headers_of(reply: HttpReply, agreed: Mapping[str, Json], who: str) -> dict[str, str]:
    """What each later request of the session carries; raises PermanentError when nothing was agreed."""
    version = agreed.get("protocolVersion")
    if version not in _SPOKEN:
        raise PermanentError(f"{who} speaks no version of the protocol that we do: {_shown(version, 40)}")
    session = reply.headers.get("mcp-session-id")
    if session is None:
        return {"MCP-Protocol-Version": version}
    if not _SESSION.fullmatch(session):
        raise PermanentError(f"{who} gave its session a name that no header can hold.")
    return {"MCP-Protocol-Version": version, "Mcp-Session-Id": session}


def result_of(reply: HttpReply, number: int, who: str) -> Mapping[str, Json]:
    """The result of call `number`, out of a JSON body or an event stream; raises ConnectorError."""
    checked(reply, who)
    for message in _messages(reply):
        if not _answers(message, number):
            continue
        error = message.get("error")
        if isinstance(error, Mapping):
            code = error.get("code")
            known = code if isinstance(code, int) and abs(code) < 1_000_000 else None
            raise PermanentError(f"{who} refused: {_shown(error.get('message'), 300)}", rpc_code=known)
        if isinstance(message.get("result"), Mapping):
            return message["result"]  # type: ignore[no-any-return]  # a Mapping, as just asked
    raise TransientError(f"{who} answered without an answer.")


def _shown(text: Json, most: int) -> str:
    """What a server says, as one line that can stand in an error."""
    return _UNSEEN.sub(" ", str(text)[: most * 2]).strip()[:most]


class Answered:
    """Whether an event stream has brought the answer to call `number`: fed with its pieces, it says so once."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._rest = bytearray()

    def __call__(self, piece: bytes) -> bool:
        start = max(0, len(self._rest) - 3)  # nothing is looked at twice, however small the pieces are
        self._rest += piece
        while found := _BLANK.search(self._rest, start):
            event = self._rest[: found.start()].decode("utf-8", "replace")
            del self._rest[: found.end()]
            start = 0
            if _answers(_event(event), self._number):
                return True
        return False


def _answers(message: Json, number: int) -> bool:
    """Whether this is the answer to call `number`, a result or an error."""
    return isinstance(message, Mapping) and message.get("id") == number and "method" not in message


def _messages(reply: HttpReply) -> list[Json]:
    """All messages of a reply: one, a batch, or those of an event stream."""
    if not reply.headers.get("content-type", "").lower().startswith("text/event-stream"):
        return reply.body if isinstance(reply.body, list) else [reply.body]
    return [_event(event) for event in re.split(r"\r?\n\r?\n", str(reply.body))]


def _event(text: str) -> Json:
    """The message of one event of a stream, None when it has none."""
    data = [line[5:].removeprefix(" ") for line in text.splitlines() if line.startswith("data:")]
    try:
        return json.loads("\n".join(data))
    except (ValueError, RecursionError):
        return None


def specs_of(result: Mapping[str, Json], who: str) -> list[ToolSpec]:
    """The tools of a page of `tools/list`; those that no model could be offered are left out."""
    tools = result.get("tools")
    if not isinstance(tools, list):
        raise TransientError(f"{who} told no list of tools.")
    return [spec for tool in tools[:MAX_TOOLS] if (spec := _spec(tool)) is not None]


def _spec(tool: Json) -> ToolSpec | None:
    if not isinstance(tool, Mapping) or not _NAME.fullmatch(str(tool.get("name"))):
        return None
    schema = tool.get("inputSchema")
    if not isinstance(schema, Mapping) or not _is_offerable(schema):
        return None
    hints = tool.get("annotations")
    reads = isinstance(hints, Mapping) and hints.get("readOnlyHint") is True
    return ToolSpec(
        name=str(tool["name"]),
        title=_shown(tool.get("title") or tool["name"], 100),
        description=_shown(tool.get("description") or "", _MAX_DESCRIPTION),
        connector="mcp",
        parameters=schema,
        returns={},
        writes=not reads,
    )


def _is_offerable(schema: Mapping[str, Json]) -> bool:
    """Whether a model can be told this schema: that of an object, and of a size that does not crowd out the rest."""
    properties, required = schema.get("properties", {}), schema.get("required", [])
    formed = isinstance(properties, Mapping) and isinstance(required, list) and schema.get("type", "object") == "object"
    text = json.dumps(schema, ensure_ascii=False)
    return formed and len(text) <= _MAX_SCHEMA_CHARS and _SURROGATE.search(text) is None


def fitting(specs: Sequence[ToolSpec]) -> list[ToolSpec]:
    """As many of them, in their order, as are kept of one server."""
    kept: list[ToolSpec] = []
    chars = 0
    for spec in specs[:MAX_TOOLS]:
        chars += len(json.dumps(spec.parameters))
        if chars > _MAX_ALL_CHARS:
            break
        kept.append(spec)
    return kept


def value_of(result: Mapping[str, Json], who: str) -> Json:
    """What a tool gave: its structured content, else its texts; raises PermanentError when it says that it failed."""
    content = result.get("content")
    parts = [part for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    text = "\n".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")
    if result.get("isError") is True:
        raise PermanentError(f"{who}: {_shown(text, 500) or 'the tool failed'}")
    if result.get("structuredContent") is not None:
        return result["structuredContent"]
    left_out = sorted({_shown(part.get("type"), 40) for part in parts if part.get("type") != "text"})
    return {"text": text, "left_out": left_out} if left_out else text
