"""The demo tenant: an invented shop with its data, people and all shipped workflows, published and answering.

Every part is made only where it is missing, so seeding again mends a half-seeded tenant and changes nothing in a whole
one. What people have changed since stays as it is.
"""

from __future__ import annotations

import asyncio
import secrets as random
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import yaml

from engine.errors import ConfigError, NotFound
from engine.language.document import Document
from engine.store.access import identity, workflows
from engine.store.session import Database, Scope, Tx
from engine.store.tables.commerce import Customer, Lead, Order, Product
from engine.store.tables.knowledge import FaqEntry
from engine.store.tables.workflows import WorkflowRow
from studio.auth import passwords
from studio.demo import rows
from studio.services.publishing import PUBLISHED_KINDS, endpoint_config, endpoint_path, keep_triggers
from studio.services.workflow_files import SHIPPED, SHIPPED_NOTE

TENANT_SLUG = "demo"
TENANT_NAME = "Larkfell"
USER_EMAIL = "demo@heddle.local"
USER_NAME = "Demo User"
PASSWORD_KEY = "demo_password"  # noqa: S105  # where secrets.json keeps it


@dataclass(slots=True)
class SeedReport:
    """What was made; `password` is None when the demo user was there before."""

    email: str = USER_EMAIL
    password: str | None = None
    created: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Files:
    """One shipped workflow: its text, layout and golden set."""

    name: str
    text: str
    layout: Mapping[str, Any]
    golden: str | None


async def seed_demo(db: Database, secrets: MutableMapping[str, str], folder: Path = SHIPPED) -> SeedReport:
    """Make what is missing of the demo tenant. `secrets` gets the password; the caller keeps it.

    Raises ConfigError when the shipped workflows are not in `folder`.
    """
    report = SeedReport()
    files = await asyncio.to_thread(_shipped, folder)
    scope = await _tenant(db, secrets, report)
    async with db.transaction(scope) as tx:
        await _shop(tx, report)
        await _knowledge(tx, report)
    async with db.transaction(scope) as tx:
        report.created["workflows"] = await _workflows(tx, files)
    return report


async def _tenant(db: Database, secrets: MutableMapping[str, str], report: SeedReport) -> Scope:
    """The demo tenant's scope, with the demo user as admin; both are made when they are missing."""
    async with db.anonymous() as session:
        tenant_id = await identity.tenant_id_by_slug(session, TENANT_SLUG)
        known = await identity.sign_in_lookup(session, USER_EMAIL)
    scope = Scope(tenant_id or identity.new_tenant_id(), None, "system")
    if tenant_id is not None and known is not None:
        return scope
    password = secrets.setdefault(PASSWORD_KEY, _password())
    hashed = await asyncio.to_thread(passwords.hash_password, password)
    async with db.transaction(scope) as tx:
        if tenant_id is None:
            await identity.create_tenant(tx, TENANT_SLUG, TENANT_NAME)
        await identity.add_member(tx, USER_EMAIL, USER_NAME, hashed, "admin")
    report.password = password if known is None else None
    report.created["tenants"] = int(tenant_id is None)
    report.created["users"] = int(known is None)
    return scope


def _password() -> str:
    """Four groups of easy letters: about 75 bits, and possible to type."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(random.choice(letters) for _ in range(4)) for _ in range(4))


async def _shop(tx: Tx, report: SeedReport) -> None:
    """Products, customers, orders and leads; each kind only into an empty table."""
    tenant_id, now = tx.scope.tenant_id, datetime.now(UTC)
    if await _is_empty(tx, Product):
        report.created["products"] = await _add(tx, rows.products(tenant_id))
    if await _is_empty(tx, Customer):
        buyers = rows.customers(tenant_id, now)
        report.created["customers"] = await _add(tx, buyers)
        if await _is_empty(tx, Order):
            orders, lines = rows.orders(tenant_id, now, buyers)
            report.created["orders"] = await _add(tx, orders)
            await _add(tx, lines)
    if await _is_empty(tx, Lead):
        report.created["leads"] = await _add(tx, rows.leads(tenant_id, now))


async def _knowledge(tx: Tx, report: SeedReport) -> None:
    if await _is_empty(tx, FaqEntry):
        report.created["faq entries"] = await _add(tx, rows.faq_entries(tx.scope.tenant_id))


async def _is_empty(tx: Tx, table: Any) -> bool:
    query = sa.select(sa.exists().where(table.tenant_id == tx.scope.tenant_id))
    return not (await tx.session.execute(query)).scalar_one()


async def _add(tx: Tx, new_rows: list[Any]) -> int:
    tx.session.add_all(new_rows)
    await tx.session.flush()
    return len(new_rows)


async def _workflows(tx: Tx, files: Sequence[_Files]) -> int:
    """Import and publish every shipped workflow that the tenant does not have; returns how many were new."""
    made = 0
    for each in files:
        try:
            await workflows.get_by_name(tx, each.name)
        except NotFound:
            row = await workflows.create(tx, each.text, each.layout, each.golden)
            await workflows.publish(tx, row.workflow_id, note=SHIPPED_NOTE)
            await _triggers(tx, row)
            made += 1
    return made


async def _triggers(tx: Tx, row: WorkflowRow) -> None:
    """The triggers of the workflow; a webhook gets its token when a person publishes and sees it."""
    workflow = Document.parse(row.text).workflow
    assert workflow is not None
    await keep_triggers(tx, row.workflow_id, workflow)
    for trigger in workflow.triggers:
        if trigger.enabled and trigger.type in PUBLISHED_KINDS:
            await workflows.put_endpoint(
                tx,
                row.workflow_id,
                kind=trigger.type,
                path=endpoint_path(trigger, row.name),
                config=endpoint_config(trigger, workflow),
            )


def _shipped(folder: Path) -> list[_Files]:
    """All shipped workflows by name."""
    found = [_read(path) for path in sorted(folder.glob("*.yaml"))]
    if not found:
        raise ConfigError("The shipped workflows are missing; the installation is not complete.")
    return found


def _read(path: Path) -> _Files:
    layout, golden = (path.parent / place / path.name for place in (".layout", "golden"))
    return _Files(
        name=path.stem,
        text=path.read_bytes().decode(),  # byte for byte: no newline is touched
        layout=yaml.safe_load(layout.read_text("utf-8")) if layout.is_file() else {},
        golden=golden.read_bytes().decode() if golden.is_file() else None,
    )
