"""MCP servers over streamable HTTP, through the real way out: sessions, paging, failures, and hostile answers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from connectors.http.client import EgressClient
from connectors.mcp.client import McpClient
from connectors.mcp.messages import Answered
from connectors.policy import Guard
from engine.errors import (
    AppError,
    AuthError,
    CircuitOpen,
    EgressBlocked,
    OutputTooLarge,
    PermanentError,
    RateLimited,
    StepTimeout,
    TransientError,
)
from engine.execution.ports import McpServer
from engine.store.session import Database, Scope
from tests.support.echo import Echo, Page, echo_server, redirect
from tests.support.mcp_like import McpLike, Raw, mcp_like, text
from tests.support.outside import Outside, outside
from tests.support.ports import TENANT_ID


@pytest.fixture
def remote() -> Iterator[McpLike]:
    with mcp_like() as found:
        yield found


@pytest.fixture
async def http(remote: McpLike) -> AsyncIterator[EgressClient]:
    """A way out to the test's server; waiting takes no time."""

    async def sleep(_: float) -> None: ...

    client = EgressClient([remote.host], guard=Guard(sleep=sleep))
    yield client
    await client.aclose()


@pytest.fixture
def client(http: EgressClient) -> McpClient:
    return McpClient(http)


def server(remote: McpLike, **more: Any) -> McpServer:
    return McpServer(**{"tenant_id": TENANT_ID, "name": "sums", "url": remote.url, "timeout_s": 20.0, **more})


async def call(client: McpClient, remote: McpLike, tool: str = "add", key: str = "run:step:0", **given: Any) -> Any:
    return await client.call(server(remote), tool, given or {"a": 2, "b": 3}, key)


# -- the protocol ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sse", [False, True], ids=["json", "event stream"])
@pytest.mark.parametrize("with_session", [False, True], ids=["no session", "session"])
async def test_tools_are_listed_and_called(client: McpClient, remote: McpLike, sse: bool, with_session: bool) -> None:
    remote.sse, remote.with_session = sse, with_session
    (spec,) = await client.tools(server(remote))
    assert (spec.name, spec.description, spec.writes) == ("add", "Does add.", False)
    assert await call(client, remote) == "5"
    assert remote.methods() == ["initialize", "notifications/initialized", "tools/list", "tools/call"]
    opened, told = remote.seen[0][1], remote.seen[3][1]
    assert "mcp-session-id" not in opened
    assert ("mcp-session-id" in told, told["mcp-protocol-version"]) == (with_session, "2025-06-18")
    assert told["idempotency-key"] == "run:step:0"


async def test_a_stream_that_stays_open_behind_the_answer_is_not_waited_for(client: McpClient, remote: McpLike) -> None:
    remote.sse = remote.hangs = True
    assert len(await client.tools(server(remote))) == 1
    assert await asyncio.wait_for(call(client, remote), 15) == "5"


def test_an_answer_is_found_in_pieces_of_any_size() -> None:
    wrong = b'data: {"id": 8, "result": {}}\r\n\r\ndata: {"id": 7, "method": "x"}\n\ndata: [\n\n: ping\n\n'
    right = b'id: 1\nevent: message\ndata: {"id": 7,\ndata: "result": {}}'
    for size in (1, 2, 3, 7, 1000):
        for blank in (b"\n\n", b"\r\n\r\n"):
            seen, stream = Answered(7), wrong + right + blank + b"data: more"
            pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
            said = [seen(piece) for piece in pieces]
            first = said.index(True) * size
            assert len(wrong + right) <= first + size <= len(wrong + right + blank) + size, (size, blank)


def test_a_stream_without_blank_lines_is_read_in_linear_time() -> None:
    seen = Answered(7)
    assert not any(seen(b"x" * 10) for _ in range(300_000))


async def test_one_session_serves_many_calls_whatever_time_each_of_them_has(client: McpClient, remote: McpLike) -> None:
    for seconds in (20.0, 19.5, 7.25):
        await client.call(server(remote, timeout_s=seconds, name=f"n{int(seconds)}"), "add", {"a": 1, "b": 1}, "k")
    assert await asyncio.gather(*(call(client, remote, a=n, b=n) for n in range(8))) == [str(2 * n) for n in range(8)]
    assert remote.methods().count("initialize") == 1


async def test_tenants_and_credentials_share_no_session(client: McpClient, remote: McpLike, scope: Scope) -> None:
    await client.tools(server(remote))
    await client.tools(server(remote, tenant_id=scope.tenant_id))
    assert remote.methods().count("initialize") == 2
    assert len(remote.sessions) == 2


async def test_a_forgotten_session_is_opened_anew_once(client: McpClient, remote: McpLike) -> None:
    await call(client, remote)
    remote.forget()
    assert await call(client, remote) == "5"
    assert remote.methods().count("initialize") == 2
    remote.odd["tools/call"] = [Raw(404), Raw(404)]
    with pytest.raises(PermanentError, match="404"):
        await call(client, remote)


async def test_many_calls_of_a_forgotten_session_open_one_new_one(client: McpClient, remote: McpLike) -> None:
    await call(client, remote)
    remote.forget()
    assert await asyncio.gather(*(call(client, remote) for _ in range(6))) == ["5"] * 6
    assert remote.methods().count("initialize") == 2


async def test_a_list_of_many_pages_is_read_to_its_end(client: McpClient, remote: McpLike) -> None:
    for number in range(24):
        remote.offer(f"tool_{number}", lambda _: text("x"))
    remote.page = 5
    assert len(await client.tools(server(remote))) == 25
    assert remote.methods().count("tools/list") == 5
    await client.tools(server(remote))
    assert remote.methods().count("tools/list") == 5  # kept for a while


async def test_structured_content_and_what_is_no_text(client: McpClient, remote: McpLike) -> None:
    remote.offer("data", lambda _: {**text("as text"), "structuredContent": {"rows": [1, None]}})
    remote.offer("image", lambda _: {"content": [{"type": "image", "data": "AAAA"}, {"type": "text", "text": "a cat"}]})
    remote.offer("nothing", lambda _: {"content": []})
    assert await call(client, remote, "data") == {"rows": [1, None]}
    assert await call(client, remote, "image") == {"text": "a cat", "left_out": ["image"]}
    assert await call(client, remote, "nothing") == ""


async def test_what_a_tool_refuses_and_what_the_server_refuses(client: McpClient, remote: McpLike) -> None:
    remote.offer("book", lambda _: text("no table\nleft\x00tonight", wrong=True))
    with pytest.raises(PermanentError) as refused:
        await call(client, remote, "book")
    assert refused.value.public_message == "sums: book: no table left tonight"
    with pytest.raises(PermanentError, match="sums refused: Unknown: tools/call") as unknown:
        await call(client, remote, "fly")
    assert unknown.value.details["rpc_code"] == -32602


# -- the policy --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Raw(401), AuthError),
        (Raw(403), AuthError),
        (Raw(400), PermanentError),
        (Raw(429, headers=(("Retry-After", "9"),)), RateLimited),
        (Raw(500), TransientError),
        (Raw(503), TransientError),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Raw) else value.__name__,
)
async def test_statuses_mean_what_they_mean_elsewhere(
    client: McpClient, remote: McpLike, answer: Raw, error: type[AppError]
) -> None:
    remote.offer("write", lambda _: text("done"))
    remote.odd["tools/call"] = [answer] * 5
    with pytest.raises(error):
        await call(client, remote, "write")
    assert remote.methods().count("tools/call") == 1  # it may have been done


async def test_what_only_reads_is_tried_again(client: McpClient, remote: McpLike) -> None:
    for method in ("initialize", "tools/list", "tools/call"):
        remote.odd[method] = [Raw(503)]
    await client.tools(server(remote))
    assert await call(client, remote) == "5"
    assert [remote.methods().count(method) for method in ("initialize", "tools/list", "tools/call")] == [2, 2, 2]


async def test_a_server_that_stays_down_gets_a_rest(client: McpClient, remote: McpLike) -> None:
    remote.offer("write", lambda _: text("done"))
    await call(client, remote)
    remote.odd["tools/call"] = [Raw(502)] * 9
    for _ in range(5):
        with pytest.raises(TransientError):
            await call(client, remote, "write")
    before = len(remote.seen)
    with pytest.raises(CircuitOpen):
        await call(client, remote, "write")
    assert len(remote.seen) == before


async def test_a_call_takes_no_longer_than_its_step_may(client: McpClient, remote: McpLike) -> None:
    remote.offer("slow", _late)
    await client.tools(server(remote))
    with pytest.raises(StepTimeout):
        await client.call(server(remote, timeout_s=0.3), "slow", {}, "k")


def _late(_: Any) -> Any:
    time.sleep(2)
    return text("late")


async def test_addresses_of_the_house_are_blocked_also_behind_a_redirect(remote: McpLike) -> None:
    closed = EgressClient()
    with pytest.raises(EgressBlocked):
        await McpClient(closed).tools(server(remote))
    await closed.aclose()
    assert remote.seen == []
    with echo_server() as outer:
        outer.pages["/mcp"] = redirect(remote.url, 307)
        partly = EgressClient([outer.host])
        with pytest.raises(EgressBlocked):
            await McpClient(partly).tools(server(remote, url=outer.url("/mcp")))
        await partly.aclose()
    assert remote.seen == []


# -- credentials -------------------------------------------------------------------------------------------------------


async def test_the_named_credential_signs_each_request_and_follows_nowhere_else(
    database: Database, scope: Scope, other_scope: Scope, remote: McpLike
) -> None:
    async with outside(database, scope, remote.host) as world:
        await world.keep("http_bearer", "token-1", "sums")
        await McpClient(world.http).tools(_mine(remote, scope))
        assert {headers["authorization"] for _, headers in remote.seen} == {"Bearer token-1"}
        with pytest.raises(PermanentError, match="no credential"):
            await McpClient(world.http).tools(_mine(remote, other_scope))
        with echo_server() as other:
            await _redirected(world, remote, other)


def _mine(remote: McpLike, scope: Scope) -> McpServer:
    return server(remote, tenant_id=scope.tenant_id, credential="sums")


async def _redirected(world: Outside, remote: McpLike, other: Echo) -> None:
    other.pages["/mcp"] = Page(200, (("Content-Type", "application/json"),), b"{}")
    remote.odd["initialize"] = [Raw(307, headers=(("Location", other.url("/mcp")),))]
    async with outside(world.database, world.scope, remote.host, other.host) as wide:
        with pytest.raises(TransientError):
            await McpClient(wide.http).tools(_mine(remote, world.scope))
    assert [("authorization" in seen["headers"], seen["path"]) for seen in other.seen] == [(False, "/mcp")]


# -- hostile answers ---------------------------------------------------------------------------------------------------

DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Raw(body="{" + " " * 6_000_000), OutputTooLarge),
        (Raw(body='{"jsonrpc": "2.0", "id": {id}, "result": '), TransientError),
        (Raw(body="<html>"), TransientError),
        (Raw(body=DEEP), TransientError),
        (Raw(body="null"), TransientError),
        (Raw(body='"text"'), TransientError),
        (Raw(body='[1, null, [], {"id": {id}}]'), TransientError),
        (Raw(body='{"jsonrpc": "2.0", "id": 999999, "result": {}}'), TransientError),
        (Raw(body='{"jsonrpc": "2.0", "id": "{id}", "result": {}}'), TransientError),
        (Raw(body='{"jsonrpc": "2.0", "id": {id}, "result": [1]}'), TransientError),
        (Raw(body='{"jsonrpc": "2.0", "id": {id}, "method": "sampling/createMessage", "result": {}}'), TransientError),
        (Raw(202), TransientError),
        (Raw(body="data: {\n\ndata: \n\n: x\n\n", type="text/event-stream"), TransientError),
        (Raw(body=f"data: {DEEP}\n\n", type="text/event-stream"), TransientError),
        (Raw(body='{"id": {id}, "error": {"code": "x", "message": {"a": "\\ud800\\u0000"}}}'), PermanentError),
        (Raw(body='{"id": {id}, "error": {"code": 1e400, "message": null}}'), PermanentError),
        (Raw(body=json.dumps({"id": 0, "error": {"message": "x" * 90_000}}).replace("0", "{id}", 1)), PermanentError),
    ],
    ids=lambda value: value.body[:30] if isinstance(value, Raw) else value.__name__,
)
async def test_answers_that_are_none(client: McpClient, remote: McpLike, answer: Raw, error: type[AppError]) -> None:
    await client.tools(server(remote))
    remote.odd["tools/call"] = [answer]
    with pytest.raises(error) as caught:
        await call(client, remote)
    shown = json.dumps(caught.value.to_dict(), ensure_ascii=False, allow_nan=False)
    assert len(shown.encode()) < 1_000
    assert "\\u0000" not in shown
    assert await call(client, remote) == "5"


async def test_ten_thousand_tools(client: McpClient, remote: McpLike) -> None:
    remote.extra = [{"name": f"t{n}", "inputSchema": {"type": "object"}} for n in range(10_000)]
    remote.page = 20_000
    assert len(await client.tools(server(remote))) == 256
    remote.page = 3
    assert len(await client.tools(server(remote, credential=None, url=remote.url + "?other"))) == 30


async def test_a_list_without_end_is_read_for_ten_pages(client: McpClient, remote: McpLike) -> None:
    page = Raw(body='{"jsonrpc": "2.0", "id": {id}, "result": {"tools": [], "nextCursor": "again"}}')
    remote.odd["tools/list"] = [page] * 100
    assert await client.tools(server(remote)) == []
    assert remote.methods().count("tools/list") == 10


async def test_schemas_of_a_server_are_bounded_in_all(client: McpClient, remote: McpLike) -> None:
    schema = {"type": "object", "description": "x" * 15_000}
    remote.extra = [{"name": f"t{n}", "inputSchema": schema} for n in range(100)]
    assert 20 < len(await client.tools(server(remote))) < 30


@pytest.mark.parametrize(
    "tool",
    [
        None,
        {},
        {"name": "no_schema"},
        {"name": "line\nend", "inputSchema": {"type": "object"}},
        {"name": "", "inputSchema": {"type": "object"}},
        {"name": "x" * 129, "inputSchema": {"type": "object"}},
        {"name": "ünicode", "inputSchema": {"type": "object"}},
        {"name": ["list"], "inputSchema": {"type": "object"}},
        {"name": "a", "inputSchema": "object"},
        {"name": "a", "inputSchema": {"type": "string"}},
        {"name": "a", "inputSchema": {"properties": ["a"]}},
        {"name": "a", "inputSchema": {"required": {"a": 1}}},
        {"name": "a", "inputSchema": {"description": "x" * 30_000}},
        {"name": "a", "inputSchema": {"description": "\ud800"}},
    ],
    ids=lambda tool: json.dumps(tool)[:40],
)
async def test_a_tool_that_no_model_can_be_offered_is_left_out(client: McpClient, remote: McpLike, tool: Any) -> None:
    remote.extra = [tool]
    assert [spec.name for spec in await client.tools(server(remote))] == ["add"]


async def test_texts_of_a_tool_hide_nothing(client: McpClient, remote: McpLike) -> None:
    words = "Adds.\u202e\u2066\x1b[31m\nIgnore\ud800 all " + "x" * 9_000
    hints = {"readOnlyHint": "yes"}
    remote.extra = [{"name": "t", "title": words, "description": words, "inputSchema": {}, "annotations": hints}]
    spec = (await client.tools(server(remote)))[1]
    assert spec.description.isprintable()
    assert (len(spec.description), len(spec.title), spec.writes) == (2_000, 100, True)


@pytest.mark.parametrize("version", ["1999-01-01", "x" * 90, "2025-06-18\r\nX-Evil: 1"])
async def test_a_version_that_nobody_speaks_is_refused(client: McpClient, remote: McpLike, version: str) -> None:
    remote.version = version
    with pytest.raises(PermanentError, match="no version of the protocol") as caught:
        await client.tools(server(remote))
    assert "\n" not in caught.value.public_message
    remote.version = "2025-03-26"
    await client.tools(server(remote))
    assert remote.seen[-1][1]["mcp-protocol-version"] == "2025-03-26"


@pytest.mark.parametrize("session", ["two words", "x" * 2_000, "ü"])
async def test_a_session_that_no_header_can_hold_is_refused(client: McpClient, remote: McpLike, session: str) -> None:
    about = {"jsonrpc": "2.0", "id": 1, "result": {"protocolVersion": "2025-06-18"}}
    body = json.dumps(about).replace('"id": 1', '"id": {id}')
    remote.odd["initialize"] = [Raw(body=body, headers=(("Mcp-Session-Id", session),))]
    with pytest.raises(PermanentError, match="session"):
        await client.tools(server(remote))
    assert len(await client.tools(server(remote))) == 1
