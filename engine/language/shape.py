"""The fixed part of a workflow file as pydantic models: what every file may contain, whatever node types exist.

Used for two things only: to find faults (schema_faults.py maps pydantic's errors to places in the text) and to generate
the JSON Schema of the language (schema.py). The values themselves are read by build.py, which tolerates faults.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

WORKFLOW_NAME = r"^[a-z][a-z0-9_-]{0,63}$"
NODE_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"
VERSION = r"^\d+\.\d+\.\d+([-+].+)?$"
MAX_NODES = 2_000
MAX_EDGES = 10_000

TriggerType = Literal["manual", "chat", "webhook", "api", "schedule", "email", "form", "event", "workflow"]
Action = Literal[
    "fail", "retry", "goto", "continue", "fallback", "escalate", "compensate", "custom_response", "log_and_continue",
    "wait",
]  # fmt: skip
Seconds = Annotated[float, Field(ge=0, le=31_536_000)]
JsonObject = dict[str, Any]


class Shape(BaseModel):
    """`strict`: a number in quotes is a text. Unknown keys are found here; build.py decides how bad they are."""

    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class OpenShape(Shape):
    """A mapping in which classic files carry further keys: an unknown one is a warning."""


class RetryShape(OpenShape):
    max_attempts: int = Field(1, ge=1, le=100, description="How often the step is tried, the first time included.")
    backoff: Literal["fixed", "linear", "exponential"] = Field("exponential", description="How the pause grows.")
    initial_seconds: Seconds = Field(1.0, description="Pause before the second attempt.")
    max_seconds: Seconds = Field(60.0, description="Longest pause.")
    multiplier: float = Field(2.0, ge=1, le=100, description="Growth of the pause with `exponential`.")
    jitter: bool = Field(True, description="Vary the pause a little, so that retries do not come in waves.")
    on: list[str] = Field([], description="Error types that are retried; empty: all that may pass.")


class OnErrorShape(OpenShape):
    action: Action = Field(description="What happens once the retries are used up.")
    node: str | None = Field(None, description="Where goto, fallback and escalate lead.")
    output: Any = Field(None, description="Output of the step with continue.")
    response: str | None = Field(None, description="Answer of the run with custom_response.")
    wait_seconds: Seconds | None = Field(None, description="Pause with wait.")


class CacheShape(OpenShape):
    ttl_seconds: float = Field(300.0, ge=1, le=604_800, description="How long an answer is kept, a week at most.")
    key: str | None = Field(
        None,
        min_length=1,
        max_length=2_000,
        description="Template: steps with one key get one answer. When absent, those that are asked the same.",
    )


class NodeShape(Shape):
    name: str = Field(pattern=NODE_NAME, description="Unique in the file.")
    type: str = Field(description="A node type.")
    config: JsonObject | None = Field(None, description="Fields of the node type.")
    retry: RetryShape | None = None
    on_error: OnErrorShape | None = None
    timeout_seconds: float | None = Field(None, gt=0, le=86_400)
    cache: CacheShape | None = None
    disabled: bool | None = Field(None, description="A disabled node is passed through.")


class EdgeShape(Shape):
    """`condition` is checked by hand: a bare `true` is a warning only."""

    source: str = Field(alias="from", description="Name of the node it leaves.")
    target: str = Field(alias="to", description="Name of the node it enters.")
    condition: Any = Field(None, description="Expression; null or `true` is the default branch.")
    on: Literal["success", "error", "timeout"] | None = Field(None, description="Which outcome takes this edge.")
    label: str | None = Field(None, description="Shown on the canvas.")


class TriggerShape(Shape):
    name: str | None = None
    type: TriggerType
    config: JsonObject | None = None
    enabled: bool | None = None


class VariableShape(OpenShape):
    name: str = Field(pattern=NODE_NAME)
    type: str | None = None
    default: Any = None
    env: JsonObject | None = None
    description: str | None = None


class CredentialShape(OpenShape):
    name: str
    type: str
    required: bool | None = None
    description: str | None = None


class ErrorRuleShape(OpenShape):
    error_type: str
    action: str
    max_retries: int | None = Field(None, ge=0, le=100)
    fallback_node: str | None = None
    response: str | None = None
    status_code: int | None = None
    wait_seconds: Seconds | None = None
    retry_after: Seconds | None = None
    backoff_seconds: Seconds | None = None
    compensation_steps: list[Any] | None = None
    fallback_message: str | None = None
    prompt: str | None = None


class BreakerShape(OpenShape):
    failure_threshold: int | None = Field(None, ge=1, description="Failures in a row after which calls rest.")
    recovery_timeout: Seconds | None = Field(None, description="Rest before the next try.")


class RateShape(OpenShape):
    requests_per_minute: int | None = Field(None, ge=1, description="Calls of each published address.")
    burst_size: int | None = Field(None, ge=1, description="Calls that may come at once; else those of a minute.")


class RunConfigShape(OpenShape):
    timeout_seconds: float | None = Field(None, gt=0, le=31_536_000, description="Longest time a run may take.")
    max_retries: int | None = Field(None, ge=0, le=100, description="Default retries of a node.")
    retry_delay_seconds: Seconds | None = Field(None, description="Default pause before a retry.")
    max_cost_usd: float | None = Field(None, ge=0, description="A run stops at this cost.")
    max_steps: int | None = Field(None, ge=1, le=100_000, description="A run stops after this many steps.")
    circuit_breaker: BreakerShape | None = Field(None, description="Breaker of tool and http nodes without their own.")
    rate_limiting: RateShape | None = Field(None, description="How often the workflow may be called from outside.")


class FileShape(Shape):
    schema_version: Literal[1] | None = None
    extends: str | None = None
    name: str = Field(pattern=WORKFLOW_NAME)
    version: str = Field(pattern=VERSION)
    description: str
    category: str
    priority: Literal["critical", "high", "medium", "low"]
    status: Literal["active", "inactive", "deprecated", "development"] | None = None
    metadata: JsonObject | None = None
    config: RunConfigShape | None = None
    inputs: JsonObject | None = None
    outputs: JsonObject | None = None
    variables: list[VariableShape] | None = None
    credentials: list[CredentialShape] | None = None
    triggers: list[TriggerShape] | None = None
    nodes: list[NodeShape] = Field(min_length=1)
    edges: list[EdgeShape]
    error_handling: list[ErrorRuleShape] | None = None
    tests: JsonObject | None = None
    monitoring: JsonObject | None = None
    ui: JsonObject | None = None
