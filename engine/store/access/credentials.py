"""The tenant's credentials: put in, listed without their values, opened only where they are used."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select

from engine.errors import InputError, NotFound
from engine.store.session import Tx
from engine.store.tables.identity import Credential
from engine.store.vault import Vault

MODEL_KINDS = "model:"
_HINT_LENGTH = 4


@dataclass(frozen=True, slots=True)
class CredentialInfo:
    """What people may see of a credential; `hint` is the end of its value."""

    credential_id: UUID
    name: str
    kind: str
    hint: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OpenCredential:
    """A credential with its value."""

    name: str
    kind: str
    value: str = field(repr=False)


async def put_credential(tx: Tx, vault: Vault, *, name: str, kind: str, value: str) -> CredentialInfo:
    """Keep a secret under a name; one of that name is replaced. Kinds: "model:openai", "http_bearer", ..."""
    if not name.strip() or not kind.strip() or not value.strip():
        raise InputError("A credential needs a name, a kind and a value.")
    row = await _find(tx, name.strip()) or Credential(
        tenant_id=tx.scope.tenant_id, name=name.strip(), kind=kind, sealed=b""
    )
    row.kind = kind.strip()
    row.sealed = await vault.seal(tx, value.strip().encode(), **_place(row))
    row.hint = value.strip()[-_HINT_LENGTH:] if len(value.strip()) >= 4 * _HINT_LENGTH else ""
    row.updated_at = datetime.now(UTC)
    tx.session.add(row)
    await tx.session.flush()
    await tx.session.refresh(row)
    return _info(row)


async def list_credentials(tx: Tx) -> list[CredentialInfo]:
    """All credentials of the tenant by name, without their values."""
    query = select(Credential).where(col(Credential.tenant_id) == tx.scope.tenant_id).order_by(Credential.name)
    return [_info(row) for row in (await tx.session.execute(query)).scalars()]


async def open_credential(tx: Tx, vault: Vault, name: str) -> OpenCredential:
    """The credential with its value; raises NotFound, or ConfigError when the vault cannot open it."""
    row = await _find(tx, name)
    if row is None:
        raise NotFound(f"There is no credential {name!r}.")
    return OpenCredential(row.name, row.kind, (await vault.open(tx, row.sealed, **_place(row))).decode())


async def model_keys(tx: Tx, vault: Vault) -> dict[str, str]:
    """The tenant's own model keys by provider: {"openai": "sk-..."}; of several the one kept last."""
    query = (
        select(Credential)
        .where(col(Credential.tenant_id) == tx.scope.tenant_id, col(Credential.kind).startswith(MODEL_KINDS))
        .order_by(col(Credential.updated_at))
    )
    rows = (await tx.session.execute(query)).scalars().all()
    return {
        row.kind.removeprefix(MODEL_KINDS): (await vault.open(tx, row.sealed, **_place(row))).decode() for row in rows
    }


async def delete_credential(tx: Tx, credential_id: UUID) -> None:
    """Forget a credential; raises NotFound."""
    query = sa.delete(Credential).where(
        col(Credential.tenant_id) == tx.scope.tenant_id, col(Credential.credential_id) == credential_id
    )
    done: Any = await tx.session.execute(query)
    if not done.rowcount:
        raise NotFound("No such credential.")


async def reseal_all(tx: Tx, vault: Vault) -> int:
    """Seal every credential anew under the tenant's newest data key (after `Vault.renew`); returns how many."""
    query = select(Credential).where(col(Credential.tenant_id) == tx.scope.tenant_id).with_for_update()
    rows = (await tx.session.execute(query)).scalars().all()
    for row in rows:
        plain = await vault.open(tx, row.sealed, **_place(row))
        row.sealed = await vault.seal(tx, plain, **_place(row))
        tx.session.add(row)
    await tx.session.flush()
    return len(rows)


async def _find(tx: Tx, name: str) -> Credential | None:
    query = select(Credential).where(col(Credential.tenant_id) == tx.scope.tenant_id, Credential.name == name)
    return (await tx.session.execute(query)).scalar_one_or_none()


def _place(row: Credential) -> dict[str, str]:
    return {"table": "credentials", "row": str(row.credential_id), "field": "sealed"}


def _info(row: Credential) -> CredentialInfo:
    return CredentialInfo(row.credential_id, row.name, row.kind, row.hint, row.created_at, row.updated_at)
