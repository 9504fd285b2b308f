"""The agent's config: what may be written under `config` of an agent node."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, field_validator, model_validator

from engine.execution.ports import Tier
from engine.language.node_types import NodeConfig
from engine.nodes._agent_presets import AGENT_TYPES
from engine.nodes._fields import LONGEST_WAIT_S, Assignees, NextNode, Threshold

EscalateOn = Literal["schema_error", "low_quality", "timeout", "rate_limit", "agent_failure"]
ESCALATES: tuple[EscalateOn, ...] = ("schema_error", "low_quality")


class Part(BaseModel):
    """A mapping inside the config: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Routing(Part):
    """How `model: auto` may choose."""

    tiers: dict[Tier, str] | list[Tier] | None = Field(
        None,
        title="Tiers",
        description="Which tiers may be used, with a model for each if it is not the installation's.",
    )
    min_quality: float | None = Field(
        None,
        ge=0,
        le=1,
        title="Least quality",
        description="The router takes no tier that it expects to be worse; with the guard judge, the grade to reach.",
        json_schema_extra={"unit": "of 1"},
    )
    guard: Literal["schema", "judge", "none"] = Field(
        "schema",
        title="Guard",
        description="What an answer must pass, or else the next higher tier is asked: its schema; also the grade that "
        "another model gives it; or nothing.",
    )
    max_cost_usd: float | None = Field(
        None, gt=0, title="Most cost", description="Of one call.", json_schema_extra={"unit": "$"}
    )
    max_latency_ms: int | None = Field(
        None,
        ge=100,
        le=600_000,
        title="Longest wait",
        description="A call that takes longer is broken off; tiers that usually take longer are not chosen.",
        json_schema_extra={"unit": "ms"},
    )
    escalate_on: list[EscalateOn] = Field(
        list(ESCALATES), title="Escalate on", description="Failures after which the next higher tier is asked."
    )


class Memory(Part):
    """How much of the conversation the model sees."""

    scope: Literal["conversation"] = Field(
        "conversation", title="Scope", description="What is remembered: the messages of the conversation so far."
    )
    window: int = Field(
        12,
        ge=1,
        le=100,
        title="Messages",
        description="The last so many messages are sent along.",
        json_schema_extra={"unit": "messages"},
    )


class ToolUse(Part):
    """A tool that the agent may call. The model neither sees nor changes `credential` and `parameters`."""

    tool_name: str = Field(min_length=1, title="Tool")
    credential: str | None = Field(
        None,
        title="Credential",
        description="Name of the credential that the tool uses.",
        json_schema_extra={"ui": "credential"},
    )
    parameters: dict[str, Any] = Field({}, title="Fixed parameters", description="Values that the model cannot choose.")
    approval: StrictBool = Field(
        False, title="Approval", description="true: a person has to approve each call, with exactly its arguments."
    )


class McpUse(Part):
    """A server of the Model Context Protocol, and those of its tools that the agent may call."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_]{0,23}$", title="Name", description="The model sees the tools as name__tool."
    )
    url: str = Field(
        pattern=r"^https?://", max_length=2_000, title="Address", description="Its streamable HTTP address."
    )
    tools: list[str] = Field(min_length=1, max_length=64, title="Tools", description="Those that may be called.")
    credential: str | None = Field(
        None,
        title="Credential",
        description="Name of the credential that signs requests in.",
        json_schema_extra={"ui": "credential"},
    )
    approval: StrictBool = Field(
        False, title="Approval", description="true: a person has to approve each call of these tools."
    )


class Approvals(Part):
    """Who is asked about calls of tools with `approval: true`, and for how long."""

    assignees: Assignees = Field([])
    timeout_seconds: float | None = Field(
        None,
        gt=0,
        le=LONGEST_WAIT_S,
        title="Timeout",
        description="A call that nobody answers within this time is not made. Empty: it is waited for ever.",
        json_schema_extra={"unit": "s"},
    )


class KnowledgeUse(Part):
    """Where the agent looks things up before it answers."""

    source: str = Field(min_length=1, title="Source", description="Name of the source, such as help_center.")
    query: str = Field("{message}", title="Query", description="What is looked up; a template.")
    limit: int = Field(
        5,
        ge=1,
        le=20,
        title="Most passages",
        description="So many at most are given to the model.",
        json_schema_extra={"unit": "passages"},
    )
    threshold: Threshold = Field(0.5)


class AgentConfig(NodeConfig):
    agent_type: str = Field(
        "general",
        title="Kind of agent",
        description="Picks the instructions that the model gets by default.",
        examples=list(AGENT_TYPES),
        json_schema_extra={"ui": "select", "free": True},
    )
    model: str = Field(
        "auto",
        title="Model",
        description="auto: the router picks; tier:A, tier:B or tier:C; or the name of a model.",
        json_schema_extra={"ui": "model"},
    )
    routing: Routing | None = Field(None, title="Routing", description="Limits for the router's choice.")
    temperature: float | None = Field(
        None,
        ge=0,
        le=2,
        title="Temperature",
        description="0: always the likeliest words; higher: more varied.",
        json_schema_extra={"ui": "slider", "step": 0.1, "unit": "of 2"},
    )
    max_tokens: int | None = Field(
        None,
        ge=1,
        le=100_000,
        title="Longest answer",
        description="The answer is cut after so many tokens.",
        json_schema_extra={"unit": "tokens"},
    )
    prompt_template: str = Field(
        "{message}",
        title="Prompt",
        description="What the model is asked; {path} and {path | default} are filled in.",
        json_schema_extra={"ui": "prompt"},
    )
    prompt: str | None = Field(
        None,
        pattern=r"^[a-z][a-z0-9_/-]{0,200}@[1-9][0-9]{0,5}$",
        title="Library prompt",
        description="A prompt of the library with its version, such as answers/faq@3, in place of the prompt above.",
    )
    system_prompt: str | None = Field(
        None,
        title="Instructions",
        description="Replaces the default instructions of the kind of agent; a template too.",
        json_schema_extra={"ui": "prompt"},
    )
    output_schema: dict[str, Any] | None = Field(
        None,
        title="Output schema",
        description="JSON Schema that the answer must follow. Empty: inferred from what is read downstream.",
        json_schema_extra={"ui": "schema"},
    )
    tools: list[str | ToolUse] = Field(
        [],
        max_length=64,
        title="Tools",
        description="Tools that the model may call, and no others; by name, or with credential, fixed parameters "
        "and approval.",
        json_schema_extra={"ui": "tool"},
    )
    approvals: Approvals | None = Field(
        None, title="Approvals", description="Who is asked about tools with `approval: true`, and for how long."
    )
    max_tool_calls: int = Field(
        8,
        ge=1,
        le=50,
        title="Most tool calls",
        description="After so many the model has to answer.",
        json_schema_extra={"unit": "calls"},
    )
    mcp: list[McpUse] = Field(
        [],
        max_length=8,
        title="MCP servers",
        description="Servers whose tools the model may call.",
        json_schema_extra={"ui": "json"},
    )
    knowledge: list[str | KnowledgeUse] = Field(
        [],
        max_length=8,
        title="Knowledge",
        description="Sources that are searched for the request; what is found goes to the model.",
        json_schema_extra={"ui": "json"},
    )
    cite: bool = Field(
        False,
        title="Cite",
        description="Have the answer name its passages as [1], and put them at context.citations.",
        json_schema_extra={"ui": "switch"},
    )
    memory: Memory | None = Field(None, title="Memory", description="Let the model see the conversation so far.")
    stream: bool = Field(
        True,
        title="Stream",
        description="Show a free text while it is being written.",
        json_schema_extra={"ui": "switch"},
    )
    next_node: NextNode = None

    @model_validator(mode="after")
    def _one_prompt(self) -> AgentConfig:
        if self.prompt is not None and "prompt_template" in self.model_fields_set:
            raise ValueError("give either prompt or prompt_template, not both")
        return self

    @model_validator(mode="after")
    def _somebody_is_asked(self) -> AgentConfig:
        if self.approvals is not None and not self.asks_first:
            raise ValueError("approvals says who is asked, but no tool has `approval: true`")
        return self

    @field_validator("tools")
    @classmethod
    def _no_two_minds(cls, tools: list[str | ToolUse]) -> list[str | ToolUse]:
        used: dict[str, ToolUse] = {}
        for use in map(_as_use, tools):
            if used.setdefault(use.tool_name, use) != use:
                raise ValueError(f"the tool {use.tool_name} is listed twice, with different settings")
        return tools

    @field_validator("mcp")
    @classmethod
    def _unlike_names(cls, mcp: list[McpUse]) -> list[McpUse]:
        if len({use.name for use in mcp}) < len(mcp):
            raise ValueError("two MCP servers have one name")
        return mcp

    @property
    def asks_first(self) -> bool:
        """Whether a person has to approve calls of some tool."""
        return any(use.approval for use in self.uses) or any(server.approval for server in self.mcp)

    @property
    def uses(self) -> list[ToolUse]:
        """The tools, also those that are only named."""
        return [_as_use(entry) for entry in self.tools]


def _as_use(entry: str | ToolUse) -> ToolUse:
    return ToolUse(tool_name=entry) if isinstance(entry, str) else entry
