"""The tools of an agent: what the model is told of them, and calling them for it.

A model may ask for anything. Only tools of the node's own list are called, with arguments that follow the tool's
schema; everything else is answered with what is wrong, so that the model can mend it. So is a tool's refusal. A failure
that another attempt may mend is the step's failure: retries and error handling decide about it, not the model.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.errors import AppError, InputError, PermanentError
from engine.execution.context import StepContext
from engine.execution.ports import McpServer, ToolCall, ToolSpec
from engine.execution.records import clean
from engine.execution.schema_check import problems
from engine.nodes._agent_config import AgentConfig, McpUse, ToolUse

Json = Any
MAX_RESULT_CHARS = 16_000
_LONGEST_NAME = 64
_ODD = re.compile(r"[^A-Za-z0-9_-]")
LIMIT = "The limit of tool calls is reached. Answer with what you know."


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool as this agent may use it: `call(arguments, idempotency key)`. `fixed` is added to every call.

    `approval`: a person has to approve each call.
    """

    spec: ToolSpec
    fixed: Mapping[str, Json]
    call: Callable[[Mapping[str, Json], str], Awaitable[Json]]
    approval: bool = False

    def offer(self) -> dict[str, Json]:
        """As the model is told of it (the OpenAI form), without the fixed parameters."""
        schema = self.spec.parameters
        shown = {k: v for k, v in (schema.get("properties") or {}).items() if k not in self.fixed}
        parameters = {**schema, "type": "object", "properties": shown}
        if "required" in schema:
            parameters["required"] = [name for name in schema["required"] if name not in self.fixed]
        function = {"name": self.spec.name, "description": self.spec.description, "parameters": parameters}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Call:
    """A call that the model asked for, with exactly the arguments that the tool gets. `fault`: why it is not made."""

    number: int
    tool: str
    arguments: Mapping[str, Json]
    fault: str | None = None


async def tools_of(ctx: StepContext, config: AgentConfig) -> dict[str, Tool]:
    """The tools on the node's list, by the name that the model sees; raises PermanentError for a missing one."""
    tools = {use.tool_name: _own_tool(ctx, use) for use in config.uses}
    for server in config.mcp:
        tools |= await _remote_tools(ctx, server)
    return tools


async def _remote_tools(ctx: StepContext, use: McpUse) -> dict[str, Tool]:
    server = McpServer(ctx.run.tenant_id, use.name, use.url, use.credential, ctx.timeout_s)
    offered = {spec.name: spec for spec in await ctx.mcp.tools(server)}
    missing = [name for name in use.tools if name not in offered]
    if missing:
        raise PermanentError(f"the MCP server {use.name} has no tool {missing[0]!r}", server=use.name, tool=missing[0])
    tools = (_remote_tool(ctx, server, offered[name], use.approval) for name in use.tools)
    return {tool.spec.name: tool for tool in tools}


def _offered_name(server: str, tool: str) -> str:
    """server__tool in a form that every model provider takes; a name that had to be changed gets a mark of its own."""
    name = f"{server}__{tool}"
    plain = _ODD.sub("_", name)
    if plain == name and len(name) <= _LONGEST_NAME:
        return name
    return f"{plain[: _LONGEST_NAME - 9]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def _remote_tool(ctx: StepContext, server: McpServer, spec: ToolSpec, approval: bool) -> Tool:
    async def call(arguments: Mapping[str, Json], key: str) -> Json:
        return await ctx.mcp.call(server, spec.name, arguments, key)

    try:
        problems(spec.parameters, {})
    except InputError as error:
        message = f"the MCP server {server.name} describes its tool {spec.name!r} with a schema that cannot be used"
        raise PermanentError(message, server=server.name, tool=spec.name) from error
    return Tool(replace(spec, name=_offered_name(server.name, spec.name)), {}, call, approval)


def _own_tool(ctx: StepContext, use: ToolUse) -> Tool:
    spec = ctx.tools.spec(use.tool_name)
    if spec is None:
        raise PermanentError(f"there is no tool named {use.tool_name!r}", tool=use.tool_name)

    async def call(arguments: Mapping[str, Json], key: str) -> Json:
        return await ctx.tools.call(
            ToolCall(
                tenant_id=ctx.run.tenant_id,
                tool=use.tool_name,
                parameters=arguments,
                idempotency_key=key,
                run_id=ctx.run.run_id,
                timeout_s=ctx.timeout_s,
                credential=use.credential,
            )
        )

    return Tool(spec, ctx.resolve(use.parameters), call, use.approval)


def calls_of(tools: Mapping[str, Tool], asked: Sequence[Mapping[str, Json]], done: int, limit: int) -> tuple[Call, ...]:
    """What one turn of the model asks for, in order. `done` calls were made before."""
    return tuple(_call_of(tools, call, done + i + 1, limit) for i, call in enumerate(asked))


def _call_of(tools: Mapping[str, Tool], asked: Mapping[str, Json], number: int, limit: int) -> Call:
    name, given = str(asked["name"]), asked["arguments"]
    tool = tools.get(name)
    if number > limit:
        return Call(number, name, given, LIMIT)
    if tool is None:
        return Call(number, name, given, f"There is no tool {name[:100]!r}. The tools are: {', '.join(tools)}.")
    arguments = _arguments(tool, given)
    wrong = problems(tool.spec.parameters, arguments)
    return Call(number, name, arguments, f"The arguments do not fit: {'; '.join(wrong)}." if wrong else None)


async def call_all(ctx: StepContext, tools: Mapping[str, Tool], calls: Sequence[Call]) -> dict[int, str]:
    """What the calls came to, as the model reads it, by their numbers; they run side by side.

    All of them end before a failure is raised, so that none goes on unseen.
    """
    import asyncio  # noqa: PLC0415 - heavy for a process that only validates

    results = await asyncio.gather(*(_one(ctx, tools, call) for call in calls), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return {call.number: told(result) for call, result in zip(calls, results, strict=True)}


async def _one(ctx: StepContext, tools: Mapping[str, Tool], call: Call) -> Json:
    if call.fault is not None:
        return {"error": call.fault}
    tool = tools[call.tool]

    async def work(key: str) -> Json:
        try:
            return {"result": clean(await tool.call(call.arguments, key))}
        except AppError as error:
            if error.retryable:
                raise
            return {"error": error.public_message}

    request = {"tool": call.tool, "arguments": call.arguments}
    return await ctx.effect(f"tool:{call.number}:{call.tool}", request, work)


def _arguments(tool: Tool, given: Mapping[str, Json]) -> dict[str, Json]:
    """What the model gave without nulls for optional parameters (models write them for "none"), and the fixed ones."""
    required = tool.spec.parameters.get("required") or ()
    return {k: v for k, v in given.items() if v is not None or k in required} | dict(tool.fixed)


def told(result: Json) -> str:
    """A call's result as the model reads it."""
    value = result["result"] if isinstance(result, dict) and "result" in result else result
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= MAX_RESULT_CHARS:
        return text
    return f"{text[:MAX_RESULT_CHARS]} ... (cut: the result has {len(text):,} characters)"
