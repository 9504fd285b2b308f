"""Secrets at rest: AES-256-GCM under a data key per tenant, which in turn is sealed with the installation's master key.

Every sealed value is bound to its place (tenant | table | row | field), so a value copied to another row, column or
tenant does not open. Sealed forms, in bytes:

    value      1 (format) | data key version (4) | nonce (12) | ciphertext and tag
    data key   1 (format) | nonce (12) | ciphertext and tag

To change the master key, start with the new one and the old one as `previous`; `rotate` then seals a tenant's data keys
anew (values stay as they are). `renew` makes a new data key and gives back how to re-seal values under it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from engine.errors import ConfigError
from engine.store.session import Tx
from engine.store.tables.identity import DataKey

_FORMAT = b"\x01"
_NONCE = 12
_HEAD = 5  # format and data key version
_SHORTEST_MASTER_KEY = 32


class Vault:
    """Seals and opens. One a process; holds the master key, never a data key longer than a call."""

    def __init__(self, master_key: str, previous: Sequence[str] = ()) -> None:
        """`master_key` is any text of at least 32 characters; `previous` are older ones that may still be in use."""
        self._masters = [_master(text) for text in (master_key, *previous)]

    async def seal(self, tx: Tx, plain: bytes, *, table: str, row: str, field: str) -> bytes:
        """Encrypt for one place, under the tenant's newest data key; makes the tenant's first one."""
        version, key = await self._newest(tx)
        nonce = os.urandom(_NONCE)
        place = _place(tx, table, row, field)
        return _FORMAT + version.to_bytes(4, "big") + nonce + AESGCM(key).encrypt(nonce, plain, place)

    async def open(self, tx: Tx, sealed: bytes, *, table: str, row: str, field: str) -> bytes:
        """Decrypt what was sealed for that place; raises ConfigError when the key is wrong or the value was changed."""
        if len(sealed) <= _HEAD + _NONCE or sealed[:1] != _FORMAT:
            raise ConfigError("A stored secret is damaged.", table=table, field=field)
        version = int.from_bytes(sealed[1:_HEAD], "big")
        known = await tx.session.get(DataKey, (tx.scope.tenant_id, version))
        if known is None:
            raise ConfigError("The data key of a stored secret is missing.", table=table, field=field)
        nonce, rest = sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
        try:
            return AESGCM(self._unsealed(known)).decrypt(nonce, rest, _place(tx, table, row, field))
        except InvalidTag as error:
            raise ConfigError("A stored secret was changed or moved.", table=table, field=field) from error

    async def rotate(self, tx: Tx) -> int:
        """Seal the tenant's data keys with the present master key; returns how many. Values need no change."""
        rows = (await tx.session.execute(_data_keys(tx).with_for_update())).scalars().all()
        for row in rows:
            row.sealed = self._sealed(self._unsealed(row), tx, row.version)
            tx.session.add(row)
        await tx.session.flush()
        return len(rows)

    async def renew(self, tx: Tx) -> int:
        """Make a new data key, used for all that is sealed from now on; returns its version.

        Values stay readable under the older key until they are sealed again.
        """
        newest = (await tx.session.execute(_data_keys(tx).with_for_update())).scalars().first()
        version = newest.version + 1 if newest else 1
        await self._add_key(tx, version)
        return version

    async def _newest(self, tx: Tx) -> tuple[int, bytes]:
        for _ in range(2):
            row = (await tx.session.execute(_data_keys(tx).limit(1))).scalar_one_or_none()
            if row is not None:
                return row.version, self._unsealed(row)
            await self._add_key(tx, 1)
        raise ConfigError("The tenant's data key could not be made.")

    async def _add_key(self, tx: Tx, version: int) -> None:
        sealed = self._sealed(AESGCM.generate_key(256), tx, version)
        values = {"tenant_id": tx.scope.tenant_id, "version": version, "sealed": sealed}
        await tx.session.execute(insert(DataKey).values(values).on_conflict_do_nothing())

    def _sealed(self, key: bytes, tx: Tx, version: int) -> bytes:
        nonce = os.urandom(_NONCE)
        place = _place(tx, "data_keys", str(version), "sealed")
        return _FORMAT + nonce + AESGCM(self._masters[0]).encrypt(nonce, key, place)

    def _unsealed(self, row: DataKey) -> bytes:
        place = _join(str(row.tenant_id), "data_keys", str(row.version), "sealed")
        nonce, rest = row.sealed[1 : 1 + _NONCE], row.sealed[1 + _NONCE :]
        for master in self._masters:
            try:
                return AESGCM(master).decrypt(nonce, rest, place)
            except InvalidTag:
                continue
        raise ConfigError("The master key does not fit the stored secrets: set HEDDLE_MASTER_KEY to the one they had.")


def _data_keys(tx: Tx) -> SelectOfScalar[DataKey]:
    """The tenant's data keys, newest first."""
    return select(DataKey).where(col(DataKey.tenant_id) == tx.scope.tenant_id).order_by(col(DataKey.version).desc())


def _master(text: str) -> bytes:
    if len(text) < _SHORTEST_MASTER_KEY:
        raise ConfigError(f"The master key must have at least {_SHORTEST_MASTER_KEY} characters.")
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"heddle master key 1").derive(text.encode())


def _place(tx: Tx, table: str, row: str, field: str) -> bytes:
    return _join(str(tx.scope.tenant_id), table, row, field)


def _join(*parts: str) -> bytes:
    return "|".join(part.replace("\\", "\\\\").replace("|", "\\|") for part in parts).encode()
