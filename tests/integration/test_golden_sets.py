"""Every golden case of every shipped workflow, end to end: the seeded shop, real servers, LiteLLM, the demo model."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import engine.nodes
from engine.evals.golden import GoldenCase, check_run, load_golden, run_view
from engine.language.document import Document
from engine.store.access import identity, workflows
from engine.store.session import Database, Scope
from engine.store.urls import app_url
from runners.client import ByVersion, RunRequest
from runners.runtime import Runtime
from studio.services.seed import TENANT_SLUG, seed_demo
from tests.support.servers import SECRET, TestServers

FOLDER = Path(__file__).parents[2] / "workflows"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
AT_ONCE = 4
# Taken only when a system of ours fails.
BROKEN_SYSTEM = {"search_error", "handle_inventory_error"}


@pytest.fixture(scope="module")
def shop_url(servers: TestServers) -> str:
    """Owner's address of a database with the demo tenant, for all tests of this worker."""
    owner_url = servers.new_database(f"heddle_golden_{uuid.uuid4().hex[:8]}")

    async def seed() -> None:
        database = Database(app_url(owner_url, SECRET), pool_size=2)
        await seed_demo(database, {})
        await database.close()

    asyncio.run(seed())
    return owner_url


@pytest.fixture
async def runtime(servers: TestServers, shop_url: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Runtime]:
    engine.nodes.load()
    settings = servers.settings(tmp_path, shop_url, redis_url)
    found = await Runtime.open(settings, servers.connections(shop_url, redis_url))
    yield found
    await found.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", NAMES)
async def test_golden_set(name: str, runtime: Runtime) -> None:
    async with runtime.db.anonymous() as session:
        tenant_id = await identity.tenant_id_by_slug(session, TENANT_SLUG)
    assert tenant_id is not None
    scope = Scope(tenant_id, None, "system")
    async with runtime.db.transaction(scope) as tx:
        source = ByVersion((await workflows.get_by_name(tx, name)).workflow_id, None)
    room = asyncio.Semaphore(AT_ONCE)
    taken: set[str] = set()

    async def failures(case: GoldenCase) -> list[str]:
        async with room:
            request = RunRequest(source, dict(case.input), "cli")
            run = await runtime.client.run_inline(scope, request, 60, whole=True)
            steps = [step.to_dict() for step in await runtime.client.steps(scope, run.run_id)]
        view = run_view(run.output, steps, status=run.status, cost_usd=run.cost_usd)
        taken.update(view["run"]["path"])
        return [f"{case.task_id} {dict(case.input)}: {finding}" for finding in check_run(case, view)]

    found = await asyncio.gather(*map(failures, load_golden((FOLDER / "golden" / f"{name}.yaml").read_text("utf-8"))))
    assert [line for lines in found for line in lines] == []
    assert branches_of(name) - taken - BROKEN_SYSTEM == set()


def branches_of(name: str) -> set[str]:
    """Every node that a condition node leads to: the golden set has to take each of them."""
    workflow = Document.parse((FOLDER / f"{name}.yaml").read_text("utf-8")).runnable()
    conditions = {node.name for node in workflow.nodes if node.type == "condition"}
    return {edge.target for edge in workflow.edges if edge.source in conditions}
