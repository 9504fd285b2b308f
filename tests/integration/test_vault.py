"""The vault: what is sealed opens only with the right keys and only in its place."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from connectors.models.keys import VaultKeys
from engine.errors import ConfigError, InputError, NotFound
from engine.store.access import credentials
from engine.store.session import Database, Scope, Tx
from engine.store.tables.identity import Credential, DataKey
from engine.store.vault import Vault

OLD, NEW = "the first master key, 32 characters", "the second master key, also long enough"
PLACE = {"table": "endpoints", "row": "7", "field": "secret_sealed"}


async def put(tx: Tx, vault: Vault, name: str = "main", value: str = "sk-a-secret-of-many-characters") -> None:
    await credentials.put_credential(tx, vault, name=name, kind="model:openai", value=value)


async def test_a_secret_comes_back_and_is_nowhere_in_the_row(database: Database, scope: Scope) -> None:
    vault = Vault(OLD)
    async with database.transaction(scope) as tx:
        await put(tx, vault)
    async with database.transaction(scope) as tx:
        opened = await credentials.open_credential(tx, vault, "main")
        row = (await tx.session.execute(sa.select(Credential))).scalar_one()
        listed = await credentials.list_credentials(tx)
    assert (opened.kind, opened.value) == ("model:openai", "sk-a-secret-of-many-characters")
    assert b"secret" not in row.sealed
    assert [(info.name, info.hint) for info in listed] == [("main", "ters")]
    assert "secret-of" not in repr(opened) + repr(listed)


async def test_the_same_secret_never_looks_the_same(database: Database, scope: Scope) -> None:
    vault = Vault(OLD)
    async with database.transaction(scope) as tx:
        sealed = {await vault.seal(tx, b"x", **PLACE) for _ in range(20)}
        assert len(sealed) == 20
        assert {await vault.open(tx, each, **PLACE) for each in sealed} == {b"x"}


@pytest.mark.parametrize("change", [{"table": "credentials"}, {"row": "8"}, {"field": "token"}, {"row": "7|x"}])
async def test_a_value_opens_only_in_its_place(database: Database, scope: Scope, change: dict[str, str]) -> None:
    vault = Vault(OLD)
    async with database.transaction(scope) as tx:
        sealed = await vault.seal(tx, b"x", **PLACE)
        with pytest.raises(ConfigError, match="changed or moved"):
            await vault.open(tx, sealed, **{**PLACE, **change})


async def test_another_tenant_cannot_open_it(database: Database, scope: Scope, other_scope: Scope) -> None:
    vault = Vault(OLD)
    async with database.transaction(scope) as tx:
        await put(tx, vault)
        sealed = await vault.seal(tx, b"x", **PLACE)
    async with database.transaction(other_scope) as tx:
        with pytest.raises(ConfigError):
            await vault.open(tx, sealed, **PLACE)
        await vault.seal(tx, b"own", **PLACE)  # now it has a data key of its own
        with pytest.raises(ConfigError):
            await vault.open(tx, sealed, **PLACE)
        assert await credentials.list_credentials(tx) == []
        with pytest.raises(NotFound):
            await credentials.open_credential(tx, vault, "main")


@pytest.mark.parametrize("damage", [0, 3, 8, 20, -1])
async def test_a_changed_byte_is_seen(database: Database, scope: Scope, damage: int) -> None:
    vault = Vault(OLD)
    async with database.transaction(scope) as tx:
        sealed = bytearray(await vault.seal(tx, b"value", **PLACE))
        sealed[damage] ^= 1
        with pytest.raises(ConfigError):
            await vault.open(tx, bytes(sealed), **PLACE)


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"plain text", b"\x02" + b"0" * 60])
async def test_what_was_never_sealed_is_refused(database: Database, scope: Scope, sealed: bytes) -> None:
    vault = Vault(OLD)
    async with database.transaction(scope) as tx:
        with pytest.raises(ConfigError):
            await vault.open(tx, sealed, **PLACE)


async def test_a_wrong_master_key_is_a_clear_error(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        await put(tx, Vault(OLD))
    async with database.transaction(scope) as tx:
        for attempt in (
            credentials.open_credential(tx, Vault(NEW), "main"),
            put(tx, Vault(NEW), "another"),
        ):
            with pytest.raises(ConfigError, match="HEDDLE_MASTER_KEY") as caught:
                await attempt
            assert OLD not in str(caught.value.to_dict()) + NEW


async def test_a_new_master_key_takes_over(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        await put(tx, Vault(OLD))
        before = (await tx.session.execute(sa.select(Credential))).scalar_one().sealed
    async with database.transaction(scope) as tx:
        assert await Vault(NEW, previous=[OLD]).rotate(tx) == 1
    async with database.transaction(scope) as tx:
        assert (await credentials.open_credential(tx, Vault(NEW), "main")).value.startswith("sk-a-secret")
        assert (await tx.session.execute(sa.select(Credential))).scalar_one().sealed == before
        with pytest.raises(ConfigError):
            await credentials.open_credential(tx, Vault(OLD), "main")


async def test_a_new_data_key_is_used_from_then_on(database: Database, scope: Scope) -> None:
    vault = Vault(OLD)
    async with database.transaction(scope) as tx:
        await put(tx, vault, "old")
        assert await vault.renew(tx) == 2
        await put(tx, vault, "new")
    async with database.transaction(scope) as tx:
        for name in ("old", "new"):
            assert (await credentials.open_credential(tx, vault, name)).value.startswith("sk-a-secret")
        assert await credentials.reseal_all(tx, vault) == 2
        await tx.session.execute(sa.delete(DataKey).where(DataKey.version == 1))
    async with database.transaction(scope) as tx:
        assert (await credentials.open_credential(tx, vault, "old")).value.startswith("sk-a-secret")


async def test_first_seals_at_the_same_moment_share_one_key(database: Database, scope: Scope) -> None:
    vault = Vault(OLD)

    async def one(number: int) -> None:
        async with database.transaction(scope) as tx:
            await put(tx, vault, f"c{number}", f"secret number {number}")

    await asyncio.gather(*(one(number) for number in range(5)))
    async with database.transaction(scope) as tx:
        assert (await tx.session.execute(sa.select(sa.func.count()).select_from(DataKey))).scalar_one() == 1
        for number in range(5):
            opened = await credentials.open_credential(tx, vault, f"c{number}")
            assert opened.value == f"secret number {number}"


async def test_a_credential_is_replaced_and_forgotten(database: Database, scope: Scope, other_scope: Scope) -> None:
    vault = Vault(OLD)
    async with database.transaction(scope) as tx:
        await put(tx, vault)
        await put(tx, vault, value="short")
        (info,) = await credentials.list_credentials(tx)
        assert (await credentials.open_credential(tx, vault, "main")).value == "short"
        assert info.hint == ""  # too short to show a part of it
    async with database.transaction(other_scope) as tx:
        with pytest.raises(NotFound):
            await credentials.delete_credential(tx, info.credential_id)
    async with database.transaction(scope) as tx:
        await credentials.delete_credential(tx, info.credential_id)
        with pytest.raises(NotFound):
            await credentials.delete_credential(tx, info.credential_id)


@pytest.mark.parametrize("empty", [{"name": " "}, {"kind": ""}, {"value": "\n"}])
async def test_an_empty_credential_is_refused(database: Database, scope: Scope, empty: dict[str, str]) -> None:
    good = {"name": "n", "kind": "http_bearer", "value": "v"}
    async with database.transaction(scope) as tx:
        with pytest.raises(InputError):
            await credentials.put_credential(tx, Vault(OLD), **{**good, **empty})


def test_a_short_master_key_is_refused() -> None:
    with pytest.raises(ConfigError, match="32 characters"):
        Vault("short")


async def test_model_keys_are_looked_up_now_and_then(database: Database, scope: Scope) -> None:
    now = 0.0
    vault = Vault(OLD)
    keys = VaultKeys(database, vault, clock=lambda: now)
    assert await keys(scope.tenant_id) == {}
    async with database.transaction(scope) as tx:
        await put(tx, vault)
        await credentials.put_credential(tx, vault, name="other", kind="http_bearer", value="not a model key")
    assert await keys(scope.tenant_id) == {}
    now = 31.0
    assert await keys(scope.tenant_id) == {"openai": "sk-a-secret-of-many-characters"}
