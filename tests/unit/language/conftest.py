"""A registry of small node types of the tests' own, so that the language is tested whatever node types exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pytest
from pydantic import Field

from engine.language import node_types
from engine.language.node_types import Group, NodeConfig, NodeType


def _ui(widget: str, default: Any = None, **more: Any) -> Any:
    return Field(default, json_schema_extra={"ui": widget, **more})


class BaseConfig(NodeConfig):
    next_node: str | None = _ui("hidden")


class BranchesConfig(BaseConfig):
    conditions: list[dict[str, Any]] | None = _ui("hidden")


class AskConfig(BaseConfig):
    agent_type: str | None = None
    model: str | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    max_tokens: int | None = Field(None, ge=1)
    prompt_template: str | None = _ui("prompt")
    output_schema: dict[str, Any] | None = _ui("schema")


class CallConfig(BaseConfig):
    tool_name: str = _ui("tool", ...)
    parameters: dict[str, Any] = _ui("key_value", {})


class SubConfig(BaseConfig):
    workflow_name: str = _ui("workflow", ...)
    input: dict[str, Any] | None = _ui("key_value")


class SetConfig(BaseConfig):
    set: dict[str, Any] = _ui("key_value", {}, values="expression")


class SayConfig(BaseConfig):
    text: str = _ui("textarea", "")


class LoopConfig(BaseConfig):
    over: str = _ui("expression", "context.items")
    body: str | None = _ui("node")


class EndConfig(NodeConfig):
    output: dict[str, Any] | None = _ui("key_value")


def _define() -> None:
    """Defining the classes registers them."""

    class Base(NodeType):
        title = "A node"
        summary = "A node of the tests."
        group = Group.FLOW
        icon = "circle"
        example = ""

    class Start(Base):
        type = "start"
        entry = True
        config_model: ClassVar[type[NodeConfig]] = BaseConfig

        def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
            return frozenset()

    class Condition(Start):
        type = "condition"
        entry = False
        config_model = BranchesConfig

    class Parallel(Start):
        type = "parallel"
        entry = False
        branches = True

    class Agent(Base):
        type = "agent"
        infers = True
        config_model = AskConfig

    class Tool(Base):
        type = "tool"
        config_model = CallConfig

    class SubWorkflow(Base):
        type = "sub_workflow"
        config_model = SubConfig

    class Transform(Base):
        type = "transform"
        config_model = SetConfig

        def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
            return frozenset(config.get("set") or ())

    class Message(Base):
        type = "message"
        config_model = SayConfig

        def writes(self, config: Mapping[str, Any]) -> frozenset[str]:
            return frozenset({"reply_text"})

    class Loop(Base):
        type = "loop"
        config_model = LoopConfig

    class Note(Base):
        type = "note"
        runnable = False
        config_model = SayConfig

    class End(Base):
        type = "end"
        final = True
        config_model = EndConfig


@pytest.fixture(autouse=True)
def node_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the registry for the test; the installed node types come back after it."""
    monkeypatch.setattr(node_types, "_registry", {})
    _define()
