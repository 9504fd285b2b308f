"""What a connector's `client.py` gets and gives.

An action is an async function named like the tool: `async def check_inventory(call: ActionCall, parameters) -> Json`.
Its parameters have been checked against the manifest. It raises `engine.errors.ConnectorError`; database errors are
turned into ours by the toolbox.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from engine.errors import PermanentError
from engine.execution.ports import HttpReply, HttpRequest

if TYPE_CHECKING:
    from engine.store.session import Database, Scope, Tx

Json = Any


@dataclass(frozen=True, slots=True)
class Site:
    """What actions know of the installation: its address, and the secret that links are signed with."""

    base_url: str
    secret: str = field(repr=False)

    def sign(self, *parts: str) -> str:
        """A short, unforgeable mark over the parts."""
        text = "\n".join(parts).encode()
        return hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()[:32]


class Outside(Protocol):
    """The way out (`connectors.http.client.EgressClient`)."""

    async def request(self, request: HttpRequest) -> HttpReply: ...

    async def addresses(self, host: str, port: int) -> list[IPv4Address | IPv6Address]:
        """Where to connect for protocols other than HTTP; raises EgressBlocked, TransientError."""
        ...


@dataclass(frozen=True, slots=True)
class ActionCall:
    """One call of an action. `idempotency_key` is unique to the effect: the same for each attempt.

    `credential` holds the fields of the tenant's secret; they may go to the other side and nowhere else.
    """

    database: Database
    scope: Scope
    run_id: UUID
    idempotency_key: str
    site: Site
    credential: Mapping[str, Json] | None = field(default=None, repr=False)
    way_out: Outside | None = None
    timeout_s: float = 30.0

    @property
    def secret(self) -> Mapping[str, Json]:
        """The credential, for actions that cannot do without."""
        if self.credential is None:
            raise PermanentError("This tool needs a credential.", parameter="credential")
        return self.credential

    @property
    def outside(self) -> Outside:
        """The way out; raises PermanentError in a process that has none."""
        if self.way_out is None:
            raise PermanentError("This process may not call the outside world.")
        return self.way_out

    def transaction(self) -> AbstractAsyncContextManager[Tx]:
        """A transaction of the tenant; commits at the end of the block."""
        return self.database.transaction(self.scope)
