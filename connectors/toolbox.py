"""All tools of all connectors behind one port (`engine.execution.ports.Tools`).

`toolbox_specs()` reads manifests only; database drivers and a connector's code are loaded when a tool is called.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from connectors.action import ActionCall, Outside, Site
from connectors.credentials import TenantCredentials
from connectors.manifest import Action, Manifest, manifests
from connectors.parameters import prepare
from connectors.policy import Guard, Policy, override, policy_of
from engine.errors import AppError, ConnectorError, NotFound, PermanentError, StepTimeout, TransientError
from engine.execution.ports import ToolCall, ToolSpec

if TYPE_CHECKING:
    from engine.store.session import Database

Json = Any
Run = Callable[[ActionCall, Mapping[str, Json]], Awaitable[Json]]
_log = logging.getLogger(__name__)


@cache
def toolbox_specs() -> Mapping[str, ToolSpec]:
    """Every tool by name, in alphabetical order; for validation and the inspector."""
    specs = {name: spec for manifest in manifests().values() for name, spec in manifest.specs().items()}
    return MappingProxyType(dict(sorted(specs.items())))


@dataclass(frozen=True, slots=True)
class _Tool:
    manifest: Manifest
    action: Action
    spec: ToolSpec
    policy: Policy


class Toolbox:
    """The tenant's tools. One a process; cheap to make."""

    def __init__(
        self,
        database: Database,
        *,
        secret: str,
        base_url: str,
        guard: Guard | None = None,
        credentials: TenantCredentials | None = None,
        outside: Outside | None = None,
    ) -> None:
        """Without `credentials` and `outside` only the tools on the tenant's own tables work."""
        self._database = database
        self._credentials, self._outside = credentials, outside
        self._site = Site(base_url, secret)
        self._guard = guard or Guard()
        self._tools = {
            name: _Tool(manifest, manifest.actions[name], spec, _policy(manifest, manifest.actions[name]))
            for manifest in manifests().values()
            for name, spec in manifest.specs().items()
        }

    def spec(self, name: str) -> ToolSpec | None:
        tool = self._tools.get(name)
        return tool.spec if tool else None

    async def call(self, call: ToolCall) -> Json:
        """Check the parameters, then run the action under its policy; see `engine.execution.ports.Tools`."""
        tool = self._tools.get(call.tool)
        if tool is None:
            raise PermanentError(f"There is no tool {call.tool!r}.")
        error_type = tool.action.error_type
        try:
            policy = override(tool.policy, call.policy)
            parameters = prepare(call.tool, tool.action.parameters, call.parameters, error_type)
            action_call = await self._action_call(call, tool, policy)
            run = _implementation(tool.manifest.id, call.tool)
            return await self._guard.run(
                f"{call.tenant_id}:{tool.manifest.id}",
                policy,
                lambda: _attempt(run, action_call, parameters),
                repeatable=tool.action.idempotent,
                total_s=call.timeout_s,
            )
        except NotFound as error:
            raise PermanentError(error.public_message, **{**error.details, "error_type": error_type}) from error
        except (ConnectorError, StepTimeout) as error:
            error.details.setdefault("error_type", error_type)
            raise

    async def _action_call(self, call: ToolCall, tool: _Tool, policy: Policy) -> ActionCall:
        from engine.store.session import Scope  # noqa: PLC0415 - loads the database driver

        own_key = call.policy.get("idempotency_key")
        key = f"{call.tool}:{own_key or call.idempotency_key}"
        return ActionCall(
            self._database,
            Scope(call.tenant_id, None, "system"),
            call.run_id,
            key,
            self._site,
            await self._credential(call, tool),
            self._outside,
            policy.timeout_s,
        )

    async def _credential(self, call: ToolCall, tool: _Tool) -> Mapping[str, Json] | None:
        auth = tool.manifest.auth
        if auth.kind == "none":  # one that is named all the same stays closed
            return None
        if not call.credential:
            if auth.required:
                raise PermanentError(f"{call.tool} needs a credential.", parameter="credential")
            return None
        if self._credentials is None:
            raise PermanentError(f"{call.tool} can take no credential here.", parameter="credential")
        with _database_errors():
            return await self._credentials.for_connector(call.tenant_id, call.credential, tool.manifest)


def _policy(manifest: Manifest, action: Action) -> Policy:
    return policy_of(manifest.policy, action.policy)


def _implementation(connector: str, tool: str) -> Run:
    run: Run = getattr(importlib.import_module(f"connectors.{connector}.client"), tool)
    return run


async def _attempt(run: Run, call: ActionCall, parameters: Mapping[str, Json]) -> Json:
    """Run the action once."""
    with _database_errors():
        return await run(call, parameters)


@contextmanager
def _database_errors() -> Iterator[None]:
    """What our database raises becomes an error of ours, without its text (it may hold data)."""
    from sqlalchemy import exc  # noqa: PLC0415 - only a call needs it

    try:
        yield
    except AppError:
        raise
    except (exc.IntegrityError, exc.DataError) as error:
        _log.warning("the database refused a write: %s", error)
        raise PermanentError("The database refused these values.") from error
    except (exc.SQLAlchemyError, ConnectionError) as error:
        _log.warning("the database did not answer: %s", error)
        raise TransientError("The database did not answer.") from error
