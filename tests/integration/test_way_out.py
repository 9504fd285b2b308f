"""The policy is the only way out: nothing reaches the outside but through `Guard.run`, by modules known here."""

from __future__ import annotations

import ast
import importlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Never

import pytest

from connectors.http.client import EgressClient
from connectors.manifest import manifests
from connectors.mcp.client import McpClient
from connectors.models.client import LiteLlmModels
from connectors.policy import Guard, Policy
from connectors.toolbox import Toolbox
from engine.errors import AppError, CircuitOpen
from engine.execution.ports import HttpReply, HttpRequest, McpServer, ModelRequest, ToolCall
from engine.settings import Settings
from engine.store.session import Database, Scope
from tests.support.echo import Echo, Page, echo_server
from tests.unit.test_layers import imports

ROOT = Path(__file__).parents[2]
LIBRARIES = [
    "httpx",
    "httpcore",
    "socket",
    "ssl",
    "smtplib",
    "imaplib",
    "poplib",
    "ftplib",
    "telnetlib",
    "urllib.request",
    "http.client",
    "psycopg",
    "asyncpg",
    "aiohttp",
    "requests",
    "urllib3",
    "litellm",
    "openai",
    "anthropic",
    "stripe",
    "slack_sdk",
    "redis",
    "websockets",
    "pydantic_monty",
    "subprocess",
]
CALLS = (
    "open_connection",
    "open_unix_connection",
    "create_connection",
    "create_subprocess_exec",
    "create_subprocess_shell",
)
# Who may hold a library that reaches outside, and which. A new one belongs behind the guard, and then here.
KNOWN = {
    "connectors.code.launcher": {"pydantic_monty"},  # tenants' programs run there, and reach nothing
    "connectors.code.sandbox": {"pydantic_monty"},
    "connectors.http.client": {"httpcore", "ssl"},
    "connectors.http.messages": {"httpx"},  # addresses are parsed with it; nothing is sent
    "connectors.http.network": {"httpcore", "socket"},
    "connectors.models.demo.handler": {"litellm"},  # the built-in model is one of its providers; it stays in the house
    "connectors.models.loader": {"litellm"},
    "connectors.shared_limits": {"redis"},  # our own Redis, where the limits live
    "connectors.smtp.client": {"smtplib", "socket", "ssl", "create_connection"},
    "connectors.sql.client": {"psycopg"},
}


class Closed(Guard):
    """Lets nothing pass; `asked` lists the keys."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def run(
        self,
        key: str,
        policy: Policy,
        attempt: Callable[[], Awaitable[Any]],
        *,
        repeatable: bool,
        total_s: float | None = None,
    ) -> Never:
        self.asked.append(key)
        raise CircuitOpen


def modules() -> Iterator[tuple[str, Path]]:
    for folder in ("connectors", "engine/nodes", "engine/execution", "engine/router"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def reaches(module: str, path: Path) -> set[str]:
    """Libraries and calls by which the module could reach outside."""
    names = set(imports(path, module))
    found = {library for library in LIBRARIES if any(n == library or n.startswith(library + ".") for n in names)}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
            found.add(node.func.attr)
    return found


def test_only_the_known_modules_can_reach_outside() -> None:
    found = {module: names for module, path in modules() if (names := reaches(module, path))}
    assert found == KNOWN


def test_nodes_reach_outside_through_ports_alone() -> None:
    for module, path in modules():
        if module.startswith("engine."):
            assert not [name for name in imports(path, module) if name.split(".")[0] == "connectors"], module


@pytest.mark.parametrize("tool", [name for manifest in manifests().values() for name in manifest.actions])
async def test_no_tool_runs_past_the_guard(
    tool: str, database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = next(m for m in manifests().values() if tool in m.actions)

    async def reached(*_: Any) -> None:
        raise AssertionError("past the guard")

    monkeypatch.setattr(importlib.import_module(f"connectors.{manifest.id}.client"), tool, reached)
    monkeypatch.setattr("connectors.toolbox.prepare", lambda *given: given[2])
    monkeypatch.setattr("connectors.toolbox.Toolbox._credential", _none)
    guard = Closed()
    toolbox = Toolbox(database, secret="s", base_url="http://localhost", guard=guard)
    with pytest.raises(CircuitOpen):
        await toolbox.call(ToolCall(scope.tenant_id, tool, {}, "k", scope.tenant_id))
    assert guard.asked == [f"{scope.tenant_id}:{manifest.id}"]


async def _none(*_: Any) -> None:
    return None


async def test_requests_and_model_calls_run_behind_the_guard(settings: Settings, scope: Scope) -> None:
    guard = Closed()
    client = EgressClient(guard=guard)
    with pytest.raises(CircuitOpen):
        await client.request(HttpRequest("GET", "https://example.com/", tenant_id=scope.tenant_id))
    server = McpServer(scope.tenant_id, "sums", "https://mcp.example.com/mcp")
    with pytest.raises(CircuitOpen):
        await McpClient(client).tools(server)
    with pytest.raises(CircuitOpen):
        await McpClient(client).call(server, "add", {}, "k")
    await client.aclose()
    with pytest.raises(CircuitOpen):
        await LiteLlmModels(settings, guard=guard).complete(ModelRequest(scope.tenant_id, "tier:A", [], "k"))
    assert [key.split(":", 1)[1] for key in guard.asked] == [
        "http:example.com",
        "http:mcp.example.com",
        "http:mcp.example.com",
        "model:heddle-demo",
    ]


# -- what the policy does for requests ---------------------------------------------------------------------------------


@pytest.fixture
async def way() -> AsyncIterator[tuple[Echo, EgressClient, list[float]]]:
    """A server, a client that may reach it, and how long it waited."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with echo_server() as echo:
        client = EgressClient([echo.host], guard=Guard(sleep=sleep))
        yield echo, client, waits
        await client.aclose()


async def get(client: EgressClient, echo: Echo, method: str = "GET", **more: Any) -> HttpReply:
    return await client.request(HttpRequest(method, echo.url("/in"), timeout_s=60, **more))


@pytest.mark.parametrize("status", [429, 503])
async def test_a_wish_to_wait_is_obeyed_and_the_last_reply_returned(
    way: tuple[Echo, EgressClient, list[float]], status: int
) -> None:
    echo, client, waits = way
    echo.pages["/in"] = Page(status, (("Retry-After", "7"),), b"later")
    reply = await get(client, echo)
    assert (reply.status, reply.body, waits, len(echo.seen)) == (status, "later", [7], 2)
    await get(client, echo, "POST")
    assert len(echo.seen) == 3  # what may have been done is not done again
    echo.pages["/in"] = Page(status, (("Retry-After", "600"),))
    await get(client, echo)
    assert len(echo.seen) == 4  # longer than the call may take: told, not waited for


async def test_a_node_overrides_the_policy(way: tuple[Echo, EgressClient, list[float]]) -> None:
    echo, client, _ = way
    echo.pages["/in"] = Page(503)
    await get(client, echo, policy={"retries": 3})
    assert len(echo.seen) == 4
    with pytest.raises(AppError, match="colour"):
        await get(client, echo, policy={"colour": "red"})


async def test_a_host_that_stays_down_gets_a_rest(way: tuple[Echo, EgressClient, list[float]]) -> None:
    echo, client, _ = way
    echo.pages["/in"] = Page(502)
    for _ in range(5):
        await get(client, echo, "POST")
    with pytest.raises(CircuitOpen):
        await get(client, echo)
    assert len(echo.seen) == 5
