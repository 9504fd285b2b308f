"""Agents that call tools of MCP servers: what the model is told, what is called, and what a hostile server gets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.http.client import EgressClient
from connectors.mcp.client import McpClient
from engine.execution.events import RunStatus
from engine.settings import Settings
from engine.store.access import prompts
from engine.store.session import Database, Scope
from runners.client import ByText, RunRequest
from runners.connections import Connections
from runners.runtime import Runtime
from tests.contract.test_nodes_agent import ask
from tests.contract.test_nodes_agent_tools import calls
from tests.support.mcp_like import McpLike, Raw, mcp_like, text
from tests.support.ports import FakeModels, World
from tests.support.provider import Reply, ScriptedProvider


@pytest.fixture
def remote() -> Iterator[McpLike]:
    with mcp_like() as found:
        yield found


@pytest.fixture
async def http(remote: McpLike) -> AsyncIterator[EgressClient]:
    client = EgressClient([remote.host])
    yield client
    await client.aclose()


async def talk(http: EgressClient, remote: McpLike, tools: list[str], *answers: Any) -> tuple[World, Any]:
    """A run of an agent that may call these tools of the server."""
    w = World(FakeModels({"ask": list(answers)}), mcp=McpClient(http))
    config = f"mcp: [{{name: sums, url: '{remote.url}', tools: {json.dumps(tools)}}}]"
    return w, await w.run(ask(config), {"message": "what is 2 + 3"})


def told(w: World) -> list[str]:
    return [m["content"] for m in w.models.requests[-1].messages if m["role"] == "tool"]


def called(remote: McpLike) -> list[dict[str, Any]]:
    return [message["params"] for message, _ in remote.seen if message["method"] == "tools/call"]


async def test_the_model_is_offered_the_tools_of_the_list_and_gets_their_results(
    http: EgressClient, remote: McpLike
) -> None:
    remote.offer("divide", lambda _: text("never"))
    w, result = await talk(http, remote, ["add"], calls(("sums__add", {"a": 2, "b": 3})), "It is 5.")
    assert result.output == {"reply": "It is 5."}
    offered = [tool["function"] for tool in w.models.requests[0].tools]
    assert [(each["name"], each["parameters"]["required"]) for each in offered] == [("sums__add", ["a", "b"])]
    assert (called(remote), told(w)) == ([{"name": "add", "arguments": {"a": 2, "b": 3}}], ['"5"'])
    key = remote.seen[-1][1]["idempotency-key"]
    assert key.endswith(":ask:0:tool:1:sums__add")


async def test_tools_that_are_not_on_the_list_and_wrong_arguments_never_reach_the_server(
    http: EgressClient, remote: McpLike
) -> None:
    remote.offer("divide", lambda _: text("never"))
    wrong = calls(("sums__divide", {}), ("divide", {}), ("sums__add", {"a": "2"}))
    w, result = await talk(http, remote, ["add"], wrong, "I cannot.")
    assert (called(remote), result.status) == ([], RunStatus.SUCCEEDED)
    assert ["no tool" in words for words in told(w)] == [True, True, False]
    assert "do not fit" in told(w)[2]


async def test_what_a_tool_refuses_is_told_and_a_server_that_is_down_fails_the_step(
    http: EgressClient, remote: McpLike
) -> None:
    remote.offer("book", lambda _: text("no table left", wrong=True))
    w, result = await talk(http, remote, ["book"], calls(("sums__book", {})), "Sorry.")
    assert (told(w), result.output) == (['{"error": "sums: book: no table left"}'], {"reply": "Sorry."})
    remote.odd["tools/call"] = [Raw(500)]
    _, result = await talk(http, remote, ["book"], calls(("sums__book", {})), "Sorry.")
    assert result.error["type"] == "tool_failure"


async def test_a_tool_that_the_server_does_not_have_fails_before_the_model_is_asked(
    http: EgressClient, remote: McpLike
) -> None:
    for name in ("fly", "add\n", ""):
        w, result = await talk(http, remote, [name], "ok")
        assert (result.error["type"], w.models.requests) == ("tool_failure", [])
        assert f"no tool {name!r}" in result.error["message"]


async def test_names_that_models_cannot_write_are_made_so_and_stay_apart(http: EgressClient, remote: McpLike) -> None:
    names = ["files.read", "files/read", "files_read", "x" * 100 + "1", "x" * 100 + "2"]
    for name in names:
        remote.offer(name, lambda _, name=name: text(name))
    w, _ = await talk(http, remote, names, "ok")
    offered = [tool["function"]["name"] for tool in w.models.requests[0].tools]
    assert offered[2] == "sums__files_read"
    assert len(set(offered)) == 5
    assert all(len(name) <= 64 and name.replace("_", "").isalnum() for name in offered)
    w, _ = await talk(http, remote, names, calls(*((name, {}) for name in offered)), "ok")
    assert told(w) == [json.dumps(name) for name in names]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"pattern": "(?<x>["}}},
        {"type": "object", "properties": {"a": {"$ref": "http://169.254.169.254/x"}}, "required": ["a"]},
        {"type": "object", "properties": {"a": 5}},
        {"type": "object", "required": [1]},
    ],
    ids=lambda schema: json.dumps(schema)[-40:],
)
async def test_a_schema_that_nothing_can_be_checked_against(http: EgressClient, remote: McpLike, schema: Any) -> None:
    remote.offer("odd", lambda _: text("x"), schema)
    w, result = await talk(http, remote, ["odd"], calls(("sums__odd", {"a": "x"})), "ok")
    if w.models.requests:
        assert (called(remote), result.error["type"]) == ([], "validation_error")
    else:
        assert "schema that cannot be used" in result.error["message"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("x" * 2_000_000, "at most 1 MB"),
        (json.loads("[" * 200 + "]" * 200), "nested too deeply"),
        ("y" * 40_000, "(cut:"),
        ("a\ud800b\0c", '"a?bc"'),
    ],
    ids=["huge", "deep", "long", "odd letters"],
)
async def test_results_that_cannot_be_kept_are_told_to_the_model(
    http: EgressClient, remote: McpLike, value: Any, said: str
) -> None:
    remote.offer("read", lambda _: {"content": [], "structuredContent": value})
    w, result = await talk(http, remote, ["read"], calls(("sums__read", {})), "ok")
    assert (result.status, said in told(w)[0]) == (RunStatus.SUCCEEDED, True)
    assert len(told(w)[0]) < 17_000


async def test_two_servers_of_one_name_are_refused(http: EgressClient, remote: McpLike) -> None:
    use = f"{{name: sums, url: '{remote.url}', tools: [add]}}"
    with pytest.raises(Exception, match="two MCP servers have one name"):
        await World(mcp=McpClient(http)).run(ask(f"mcp: [{use}, {use}]"))


async def test_library_prompt_and_mcp_tool_through_the_whole_house(
    house: Runtime, database: Database, tenants: tuple[Scope, Scope], remote: McpLike, provider: ScriptedProvider
) -> None:
    scope, other_scope = tenants
    async with database.transaction(scope) as tx:
        await prompts.add(tx, "sums/ask", "Add up: {message}", system="You only add.")
    request = RunRequest(ByText(_whole(remote)), {"message": "2 and 3"})
    provider.script(Reply(tool_calls=({"name": "sums__add", "arguments": {"a": 2, "b": 3}},)), Reply("It is 5."))
    view = await house.client.run_inline(scope, request, 60, whole=True)
    assert (view.status, view.output) == ("succeeded", {"reply": "It is 5."}), view.error
    said = [message["content"] for message in provider.requests[0].body["messages"]]
    assert (said[0].startswith("You only add."), said[1]) == (True, "Add up: 2 and 3")
    assert provider.requests[1].body["messages"][-1]["content"] == '"5"'
    stranger = await house.client.run_inline(other_scope, request, 60, whole=True)
    assert "no prompt sums/ask@1" in stranger.error["message"]


@pytest.fixture
async def house(
    settings: Settings, connections: Connections, remote: McpLike, provider: ScriptedProvider
) -> AsyncIterator[Runtime]:
    """The composition root as a worker opens it; the way out leads to the test's server."""
    settings = replace(
        settings,
        provider_keys={"OPENAI_API_KEY": "sk-test"},
        openai_base_url=provider.url,
        egress_allow=frozenset({remote.host}),
        tier_models={"A": "gpt-4o-mini"},
    )
    runtime = await Runtime.open(settings, connections)
    yield runtime
    await runtime.close()


@pytest.fixture
def tenants(scope: Scope, other_scope: Scope) -> tuple[Scope, Scope]:
    return scope, other_scope


def _whole(remote: McpLike) -> str:
    return ask(f"prompt: sums/ask@1, model: 'tier:A', mcp: [{{name: sums, url: '{remote.url}', tools: [add]}}]")
