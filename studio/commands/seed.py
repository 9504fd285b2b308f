"""`heddle seed`: the demo tenant with its people, shop data and workflows. Does nothing when it is there."""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from studio.commands.common import DEMO_TENANT, Progress, add_data_dir, settings_from

if TYPE_CHECKING:
    from engine.settings import Settings
    from runners.connections import Connections


def configure(parser: argparse.ArgumentParser) -> None:
    add_data_dir(parser)


def run(args: argparse.Namespace) -> int:
    from runners.connections import open_connections
    from runners.embedded.secrets_file import read_notes

    settings = settings_from(args)
    with open_connections(settings, progress=Progress()) as connections:
        print(asyncio.run(seed(settings, connections)))
    password = read_notes(settings.data_dir).get("demo_password")
    print(f"Sign in as demo@heddle.local, password {password or '(set before)'}, tenant {DEMO_TENANT}")
    return 0


async def demo_exists(connections: Connections) -> bool:
    """Whether the demo tenant is there."""
    from engine.store.access.identity import tenant_id_by_slug
    from engine.store.session import Database

    db = Database(connections.app_database_url, pool_size=1)
    try:
        async with db.anonymous() as session:
            return await tenant_id_by_slug(session, DEMO_TENANT) is not None
    finally:
        await db.close()


async def seed(settings: Settings, connections: Connections) -> str:
    """Fill in what is missing of the demo tenant; returns a line that says what was made."""
    from engine.store.session import Database
    from runners.embedded.secrets_file import read_notes, write_notes
    from studio.services.seed import seed_demo

    db = Database(connections.app_database_url, pool_size=2)
    notes = read_notes(settings.data_dir)
    try:
        report = await seed_demo(db, notes)
    finally:
        await db.close()
    write_notes(settings.data_dir, notes)
    made = ", ".join(f"{count} {what}" for what, count in report.created.items() if count)
    return f"Made {made}" if made else "Nothing to do: the demo tenant is complete"
