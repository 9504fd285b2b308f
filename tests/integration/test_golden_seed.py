"""Seeding the demo tenant: complete, once, never over what people have changed, and unseen by other tenants."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from engine.errors import ConfigError
from engine.store.access import commerce, identity, knowledge, workflows
from engine.store.session import Database, Scope
from engine.store.tables.commerce import Customer, Lead, Order, Product
from engine.store.urls import app_url
from studio import demo
from studio.auth import passwords
from studio.services.seed import SHIPPED, TENANT_SLUG, USER_EMAIL, seed_demo
from tests.conftest import make_tenant
from tests.support.servers import SECRET


@pytest.fixture
async def empty(fresh_owner_url: str) -> AsyncIterator[Database]:
    """A migrated database without any tenant."""
    found = Database(app_url(fresh_owner_url, SECRET), pool_size=2)
    yield found
    await found.close()


async def demo_scope(database: Database) -> Scope:
    async with database.anonymous() as session:
        tenant_id = await identity.tenant_id_by_slug(session, TENANT_SLUG)
    assert tenant_id is not None
    return Scope(tenant_id, None, "system")


async def test_makes_the_whole_shop_once(empty: Database) -> None:
    secrets: dict[str, str] = {}
    report = await seed_demo(empty, secrets)
    files = len(list(SHIPPED.glob("*.yaml")))
    assert report.created == {
        "tenants": 1,
        "users": 1,
        "products": 30,
        "customers": 25,
        "orders": 60,
        "leads": 5,
        "faq entries": 41,
        "workflows": files,
    }
    assert report.password == secrets["demo_password"]
    again = await seed_demo(empty, secrets)
    assert again.password is None
    assert sum(again.created.values()) == 0

    scope = await demo_scope(empty)
    async with empty.transaction(scope) as tx:
        for row in await workflows.list_workflows(tx):
            assert row.text.encode() == (SHIPPED / f"{row.name}.yaml").read_bytes()
            assert row.published_number == 1
            assert row.layout["nodes"]
            assert row.golden
        endpoints = {(e.kind, e.path): e.token_hash for e in await workflows.list_endpoints(tx)}
    places = [("chat", "support"), ("webhook", "support"), ("webhook", "orders")]
    assert endpoints == dict.fromkeys(places), "a token is made where a person sees it: by publishing"


async def test_the_demo_user_can_sign_in_as_admin(empty: Database) -> None:
    secrets: dict[str, str] = {}
    await seed_demo(empty, secrets)
    async with empty.anonymous() as session:
        person = await identity.sign_in_lookup(session, USER_EMAIL)
    assert person is not None
    assert [(place.slug, place.role) for place in person.memberships] == [(TENANT_SLUG, "admin")]
    assert await passwords.verify(secrets["demo_password"], person.password_hash)
    assert not await passwords.verify("demo", person.password_hash)


async def test_mends_what_is_missing_and_keeps_what_was_changed(empty: Database) -> None:
    secrets: dict[str, str] = {}
    await seed_demo(empty, secrets)
    scope = await demo_scope(empty)
    async with empty.transaction(scope) as tx:
        row = await workflows.get_by_name(tx, "faq_handling")
        await workflows.save_draft(tx, row.workflow_id, text=row.text + "# mine\n", revision=row.revision)
        await tx.session.execute(sa.delete(Lead))
    report = await seed_demo(empty, secrets)
    assert {what: count for what, count in report.created.items() if count} == {"leads": 5}
    async with empty.transaction(scope) as tx:
        assert (await workflows.get_by_name(tx, "faq_handling")).text.endswith("# mine\n")


async def test_another_tenant_sees_nothing_of_it(empty: Database) -> None:
    await seed_demo(empty, {})
    async with empty.transaction(await make_tenant(empty, "other")) as tx:
        assert await workflows.list_workflows(tx) == []
        assert await knowledge.list_entries(tx) == []
        for table in (Customer, Product, Order, Lead):
            assert (await tx.session.execute(sa.select(sa.func.count()).select_from(table))).scalar_one() == 0


async def test_the_order_of_the_tour_is_on_its_way(empty: Database) -> None:
    await seed_demo(empty, {})
    async with empty.transaction(await demo_scope(empty)) as tx:
        found = (await commerce.get_order(tx, "ORD-10000007")).order
    assert found.status == "shipped"
    assert found.carrier
    assert found.tracking_number
    assert found.shipped_at is not None
    assert found.expected_on is not None
    assert found.created_at < found.shipped_at


async def test_a_folder_without_workflows_is_a_clear_error(empty: Database, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="workflows are missing"):
        await seed_demo(empty, {}, tmp_path)


def test_the_shops_data_hangs_together() -> None:
    products = {p["product_id"] for p in demo.load("products")}
    customers = {c["number"] for c in demo.load("customers")["customers"]}
    orders = demo.load("orders")
    assert len({o["order_id"] for o in orders}) == len(orders) == 60
    assert {o["status"] for o in orders} == {
        "draft",
        "pending",
        "paid",
        "shipped",
        "delivered",
        "returned",
        "cancelled",
    }
    for order in orders:
        assert order["customer"] in customers
        assert set(order["items"]) <= products
        has_left = order["status"] in ("shipped", "delivered", "returned")
        assert has_left == ("tracking_number" in order) == ("carrier" in order)
