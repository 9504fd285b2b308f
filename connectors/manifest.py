"""What a connector says about itself: `connectors/<id>/manifest.yaml`, read without importing the connector's code.

Reading manifests must stay light (YAML and pydantic only): `heddle validate` and the inspector need the tools' schemas
in a process that never calls one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import ConfigError
from engine.execution.ports import ToolSpec

ROOT = Path(__file__).resolve().parent
Json = Any


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Auth(_Strict):
    """How the connector signs in. `credential` is the JSON Schema of the secret that a tenant keeps in the vault.

    The credential's kind is the connector's id. A secret that is not a JSON object is the value of the field `plain`.
    Without `required` the connector has something to do for calls that name no credential.
    """

    kind: Literal["none", "api_key", "bearer", "basic", "oauth2"]
    credential: dict[str, Json] | None = None
    plain: str | None = None
    required: bool = True


class Exempt(_Strict):
    """A point of the checklist that does not apply, and why."""

    status: Literal["exempt"]
    comment: str = Field(min_length=1)


class Compensation(_Strict):
    """The tool that takes an action back; its parameters come from the action's: "output.x" or "parameters.x"."""

    tool_name: str
    parameters: dict[str, str]


class Action(_Strict):
    """One tool. `error_type` is the name its failures go by in a workflow's error handling.

    `idempotent` means that a second call with the same idempotency key has no second effect, so it may be retried.
    `policy` overrides the connector's: the name of a profile, or single settings. `compensation` is what a saga calls
    to undo the action when its own step names nothing.
    """

    title: str
    description: str
    writes: bool
    idempotent: bool
    error_type: str = Field(pattern="^[a-z][a-z_]*_error$")
    parameters: dict[str, Json]
    returns: dict[str, Json]
    policy: str | dict[str, Json] | None = None
    compensation: Compensation | None = None
    icon: str | None = None


class Manifest(_Strict):
    """A connector as its folder describes it."""

    id: str = Field(pattern="^[a-z][a-z0-9_]*$")
    name: str
    description: str
    owner: str
    icon: str
    auth: Auth
    policy: str | dict[str, Json] = "default"
    actions: dict[str, Action] = Field(min_length=1)
    checklist: dict[str, Literal["done", "todo"] | Exempt]

    def specs(self) -> dict[str, ToolSpec]:
        """The connector's tools as the language sees them."""
        return {
            name: ToolSpec(
                name=name,
                title=action.title,
                description=action.description,
                connector=self.id,
                parameters=action.parameters,
                returns=action.returns,
                writes=action.writes,
                icon=action.icon or self.icon,
                compensation=action.compensation.model_dump() if action.compensation else None,
            )
            for name, action in self.actions.items()
        }


def read_manifest(path: Path) -> Manifest:
    """Raises ConfigError that names the file and every wrong field."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        with path.open(encoding="utf-8") as file:
            manifest = Manifest.model_validate(yaml.load(file, Loader=loader))  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        raise ConfigError(f"{path.parent.name}/{path.name} is not YAML: {error}") from error
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ConfigError(f"{path.parent.name}/{path.name}: {wrong}") from error
    if manifest.id != path.parent.name:
        raise ConfigError(f"{path.parent.name}/{path.name}: the id must be the folder's name")
    return manifest


def scan(root: Path) -> dict[str, Manifest]:
    """Every connector below `root` by id, in alphabetical order.

    Raises ConfigError when two share a tool's name, or a compensation is no tool.
    """
    found: dict[str, Manifest] = {}
    owner_of: dict[str, str] = {}
    for path in sorted(root.glob("*/manifest.yaml")):
        manifest = read_manifest(path)
        for tool in manifest.actions:
            if tool in owner_of:
                raise ConfigError(f"the tool {tool!r} is in both {owner_of[tool]!r} and {manifest.id!r}")
            owner_of[tool] = manifest.id
        found[manifest.id] = manifest
    for manifest in found.values():
        for tool, action in manifest.actions.items():
            if action.compensation and action.compensation.tool_name not in owner_of:
                raise ConfigError(f"{tool!r} is undone by {action.compensation.tool_name!r}, which is no tool")
    return found


@cache
def manifests() -> Mapping[str, Manifest]:
    """The connectors that Heddle ships; read once a process."""
    return scan(ROOT)
