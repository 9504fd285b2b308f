"""Fixtures that every kind of test shares: real servers, a migrated database, two tenants, settings.

A test sees its own tenants and its own Redis database, so tests need no cleaning up. A test that looks across tenants
(the sweeper, migrations) takes `fresh_owner_url`, a database of its own.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from engine.settings import Settings
from engine.store.access import identity
from engine.store.session import Database, Scope
from engine.store.urls import app_url
from runners.connections import Connections
from tests.support.servers import SECRET, TestServers, shared_servers

pytest_plugins = ["tests.support.provider"]  # the fixture `provider`: a scripted model provider

_RUN_DIR = "heddle_run_dir"
# A slow machine says nothing about what is tested. `make test` says of one commit always the same: it draws the same
# examples again, and `make explore` looks for others.
_ANY_SPEED = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("same_examples", _ANY_SPEED, derandomize=True)
hypothesis.settings.register_profile("explore", _ANY_SPEED, derandomize=False)
hypothesis.settings.load_profile("same_examples")
# What a developer's shell may hold, and tests must not depend on.
_AMBIENT = ("DATABASE_URL", "REDIS_URL", "OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "GEMINI_API_KEY")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--simulate", type=int, default=None, help="the seed of one schedule to tell again")


def pytest_configure(config: pytest.Config) -> None:
    """One folder for the whole run, outside pytest's own, which other accounts may not enter."""
    worker_input = getattr(config, "workerinput", None)
    if worker_input is None:
        run_dir = Path(tempfile.mkdtemp(prefix="heddle-test-"))
        run_dir.chmod(0o711)
        setattr(config, _RUN_DIR, run_dir)
    for name in [*_AMBIENT, *(name for name in os.environ if name.startswith("HEDDLE_"))]:
        os.environ.pop(name, None)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[_RUN_DIR] = str(getattr(node.config, _RUN_DIR))


def pytest_unconfigure(config: pytest.Config) -> None:
    run_dir = getattr(config, _RUN_DIR, None)
    if run_dir is not None:
        shutil.rmtree(run_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def run_dir(pytestconfig: pytest.Config) -> Path:
    """The run's folder, the same for all workers."""
    worker_input = getattr(pytestconfig, "workerinput", None)
    return Path(worker_input[_RUN_DIR]) if worker_input else getattr(pytestconfig, _RUN_DIR)


@pytest.fixture(scope="session")
def worker_number(pytestconfig: pytest.Config) -> int:
    """This xdist worker's number from 0; 0 without xdist."""
    worker_input = getattr(pytestconfig, "workerinput", None)
    return int(worker_input["workerid"].removeprefix("gw")) if worker_input else 0


@pytest.fixture(scope="session")
def servers(run_dir: Path, worker_number: int) -> Iterator[TestServers]:
    """Real PostgreSQL and Redis, shared by all workers."""
    with shared_servers(run_dir, worker_number) as found:
        yield found


@pytest.fixture(scope="session")
def owner_url(servers: TestServers) -> str:
    """Owner's address of this worker's migrated database."""
    return servers.new_database(f"heddle_worker_{servers.number}")


@pytest.fixture
def fresh_owner_url(servers: TestServers) -> str:
    """Owner's address of a migrated, empty database for this test alone."""
    return servers.new_database(f"heddle_{uuid.uuid4().hex[:12]}")


@pytest.fixture
def redis_url(servers: TestServers) -> str:
    """Address of a Redis database for this test alone."""
    return servers.new_redis()


@pytest.fixture
def settings(servers: TestServers, tmp_path: Path, owner_url: str, redis_url: str) -> Settings:
    """Settings of an installation on the test servers, with a data folder of its own."""
    return servers.settings(tmp_path / "data", owner_url, redis_url)


@pytest.fixture
def connections(servers: TestServers, owner_url: str, redis_url: str) -> Connections:
    """The same as `open_connections(settings)` gives."""
    return servers.connections(owner_url, redis_url)


@pytest.fixture
async def database(owner_url: str) -> AsyncIterator[Database]:
    """The worker's database as the app role, under row-level security."""
    found = Database(app_url(owner_url, SECRET), pool_size=5)
    yield found
    await found.close()


@pytest.fixture
async def scope(database: Database) -> Scope:
    """A fresh tenant and its admin."""
    return await make_tenant(database, "tenant")


@pytest.fixture
async def other_scope(database: Database) -> Scope:
    """A second fresh tenant and its admin, who must see nothing of the first."""
    return await make_tenant(database, "other")


async def make_tenant(database: Database, name: str, role: str = "admin") -> Scope:
    """A tenant with one member; its password hash fits no password."""
    slug = f"{name}-{uuid.uuid4().hex[:10]}"
    tenant_id = identity.new_tenant_id()
    async with database.transaction(Scope(tenant_id, None, "system")) as tx:
        await identity.create_tenant(tx, slug, name.title())
        user_id = await identity.add_member(tx, f"{slug}@example.com", name.title(), "no password", role)
    return Scope(tenant_id, user_id, role)
