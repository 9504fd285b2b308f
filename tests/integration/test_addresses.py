"""What answers at a public address: the right endpoint for each, many asked at once, nothing remembered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict

import pytest

from engine.errors import NotFound
from engine.store.access import workflows
from engine.store.addresses import Addresses, PublicEndpoint
from engine.store.session import Database, Scope
from engine.store.tables.workflows import Endpoint
from runners.connections import Connections
from tests.support.api import slug_of

TEXT = """name: {name}
version: "1.0.0"
nodes:
  - {{name: start, type: start}}
  - {{name: end, type: end}}
edges:
  - {{from: start, to: end}}
"""


@pytest.fixture
async def addresses(connections: Connections) -> AsyncIterator[Addresses]:
    opened = Addresses(connections.app_database_url)
    opened.start()
    yield opened
    await opened.close()


async def published(database: Database, scope: Scope, *names: str) -> dict[str, Endpoint]:
    """Workflows of these names, each at a webhook of its name with a secret."""
    found = {}
    async with database.transaction(scope) as tx:
        for name in names:
            row = await workflows.create(tx, TEXT.format(name=name))
            await workflows.publish(tx, row.workflow_id)
            endpoint = await workflows.put_endpoint(
                tx, row.workflow_id, kind="webhook", path=name, config={"auth": "hmac", "name": name}, token_hash="h"
            )
            endpoint.secret_sealed = b"\x00\xff" + name.encode()
            await tx.session.flush()
            await tx.session.refresh(endpoint)
            found[name] = endpoint
    return found


async def test_each_address_has_its_own_endpoint(
    addresses: Addresses, database: Database, scope: Scope, other_scope: Scope
) -> None:
    names = [f"hook_{number}" for number in range(12)]
    wanted = {}
    for one in (scope, other_scope):
        slug = await slug_of(database, one)
        wanted |= {(slug, name): (one, row) for name, row in (await published(database, one, *names)).items()}
    asked = list(wanted) * 3
    found = await asyncio.gather(*(addresses.find(slug, "webhook", name) for slug, name in asked))
    for key, (found_scope, endpoint) in zip(asked, found, strict=True):
        owner, row = wanted[key]
        assert found_scope == Scope(owner.tenant_id, None, "system")
        assert {name: getattr(row, name) for name in PublicEndpoint.__slots__} == asdict(endpoint)


@pytest.mark.parametrize(
    "path", ["", "hook\0", "\ud800", 'hook", "x', "[1]", "../hook", "h" * 100_000, "hook/", "HOOK"]
)
async def test_nothing_is_published_at_odd_addresses(
    addresses: Addresses, database: Database, scope: Scope, path: str
) -> None:
    await published(database, scope, "hook")
    slug = await slug_of(database, scope)
    good, odd = await asyncio.gather(
        addresses.find(slug, "webhook", "hook"), addresses.find(slug, "webhook", path), return_exceptions=True
    )
    assert not isinstance(good, BaseException)
    assert isinstance(odd, NotFound)
    for where in ((slug, "chat", "hook"), ("nobody", "webhook", "hook"), (path, "webhook", "hook")):
        with pytest.raises(NotFound):
            await addresses.find(*where)


async def test_nothing_is_remembered(addresses: Addresses, database: Database, scope: Scope) -> None:
    slug, row = await slug_of(database, scope), (await published(database, scope, "hook"))["hook"]
    _, before = await addresses.find(slug, "webhook", "hook")
    assert before.token_hash == "h"
    async with database.transaction(scope) as tx:
        (await workflows.get_endpoint(tx, row.endpoint_id)).token_hash = "renewed"
    _, after = await addresses.find(slug, "webhook", "hook")
    assert after.token_hash == "renewed"
    async with database.transaction(scope) as tx:
        (await workflows.get_endpoint(tx, row.endpoint_id)).enabled = False
    with pytest.raises(NotFound):
        await addresses.find(slug, "webhook", "hook")
