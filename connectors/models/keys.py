"""A tenant's own model keys, out of its vault."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from uuid import UUID

from engine.store.access.credentials import model_keys
from engine.store.session import Database, Scope
from engine.store.vault import Vault

_FRESH_S = 30.0
_MOST_TENANTS = 10_000


class VaultKeys:
    """Keys by provider per tenant; looked up at most every 30 seconds, so a new key works within that time."""

    def __init__(self, database: Database, vault: Vault, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._database, self._vault, self._clock = database, vault, clock
        self._known: dict[UUID, tuple[float, Mapping[str, str]]] = {}

    async def __call__(self, tenant_id: UUID) -> Mapping[str, str]:
        """Raises ConfigError when the vault cannot be opened."""
        known = self._known.get(tenant_id)
        if known and known[0] > self._clock():
            return known[1]
        async with self._database.transaction(Scope(tenant_id, None, "system")) as tx:
            keys = await model_keys(tx, self._vault)
        if len(self._known) >= _MOST_TENANTS:
            self._known.clear()
        self._known[tenant_id] = (self._clock() + _FRESH_S, keys)
        return keys
