"""Servers that die, stand still or refuse, and networks that are slow, cut or half-open, while runs are under way.

The servers are this module's own. Real worker and scheduler processes; leases last 2.5 s instead of 15 s.
"""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psutil
import psycopg
import pytest
from redis.asyncio import Redis

from engine.errors import Unavailable
from runners.embedded.servers import EmbeddedServers
from tests.support.bad_network import BadNetwork, bad_network
from tests.support.counting import chain, until
from tests.support.place import Place, open_place
from tests.support.servers import TestServers, embedded_servers
from tests.support.worker_process import LEASE_S, Process


@dataclass(frozen=True, slots=True)
class Machine:
    """The servers, and what can happen to them."""

    folder: Path
    hold: EmbeddedServers
    servers: TestServers

    def process(self, name: str) -> psutil.Process:
        return psutil.Process(json.loads((self.folder / "servers.json").read_text())[name]["pid"])

    async def end(self, name: str, number: signal.Signals) -> None:
        """Send a signal that ends the server, and start it again at the same address."""
        victim = self.process(name)
        victim.send_signal(number)
        await asyncio.to_thread(victim.wait, 30)
        assert await asyncio.to_thread(self.hold.revive)


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory(prefix="heddle-outages-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        with embedded_servers(Path(folder)) as (hold, servers):
            yield Machine(Path(folder), hold, servers)


@pytest.fixture
async def place(machine: Machine, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    name = f"outage_{abs(hash(request.node.name)):x}"
    async with open_place(
        machine.servers, machine.servers.new_database(name), machine.servers.new_redis(), tmp_path
    ) as found:
        yield found


async def each_step_once(place: Place, ids: list[UUID], steps: int) -> None:
    """Whatever happened, the record tells of one execution; the same key twice is the same step tried again."""
    expected = ["start", *(f"{kind}call_{i}" for i in range(steps) for kind in ("", "note_")), "end"]
    for run_id in ids:
        told = await place.runtime.client.steps(place.scope, run_id)
        assert [step.path for step in told if step.status == "succeeded"] == expected
    assert len(place.calls()) == len(ids) * steps


async def test_postgresql_is_stopped_at_once_twice(machine: Machine, place: Place) -> None:
    with place.started("scheduler"), place.started("worker"):
        ids = await place.submit(chain(5, 0.1), 50)
        durable: set[str] = set()
        for calls in (30, 150):
            await until(lambda: len(place.calls()) > calls)  # noqa: B023 - called before the next round
            durable |= await place.journalled(ids)
            await machine.end("postgres", signal.SIGQUIT)
        assert await place.statuses(ids) == {"succeeded": 50}
    await each_step_once(place, ids, 5)
    calls_of = place.calls()
    assert durable
    assert {key: calls_of[key] for key in durable} == dict.fromkeys(durable, 1)


async def test_postgresql_stands_still_for_longer_than_a_lease(machine: Machine, place: Place) -> None:
    with place.started("scheduler"), place.started("worker"):
        ids = await place.submit(chain(4, 0.1), 20)
        await until(lambda: len(place.calls()) > 20)
        postmaster = machine.process("postgres")
        frozen = [postmaster, *postmaster.children(recursive=True)]
        for process in frozen:
            process.suspend()
        await asyncio.sleep(LEASE_S + 1)
        for process in frozen:
            process.resume()
        assert await place.statuses(ids) == {"succeeded": 20}
    await each_step_once(place, ids, 4)


async def test_postgresql_takes_no_connections_for_a_while(place: Place) -> None:
    with psycopg.connect(place.owner_url, autocommit=True) as owner:
        name = owner.info.dbname
        with place.started("scheduler"), place.started("worker"):
            ids = await place.submit(chain(4, 0.1), 20)
            await until(lambda: len(place.calls()) > 20)
            owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0".encode())
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )
            await asyncio.sleep(LEASE_S + 1)
            owner.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1".encode())
            assert await place.statuses(ids) == {"succeeded": 20}
    await each_step_once(place, ids, 4)


_FULL = """
CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'could not extend file "base/16384/16600": No space left on device' USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON runs FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON steps FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
"""


async def test_the_disk_of_postgresql_is_full_for_a_while(place: Place) -> None:
    """What PostgreSQL says then; a disk that is really full takes rights that a test does not have."""
    owner = psycopg.connect(place.owner_url, autocommit=True)
    with owner, place.started("scheduler"), place.started("worker"):
        ids = await place.submit(chain(4, 0.1), 20)
        await until(lambda: len(place.calls()) > 20)
        owner.execute(_FULL)
        with pytest.raises(Unavailable):
            await place.submit(chain(1, 0.0), 1)
        await asyncio.sleep(LEASE_S + 1)
        assert "failed" not in await place.statuses(ids, timeout_s=0)
        owner.execute("DROP FUNCTION full_disk CASCADE")
        assert await place.statuses(ids) == {"succeeded": 20}
    await each_step_once(place, ids, 4)


async def test_redis_is_killed_and_forgets_everything(machine: Machine, place: Place) -> None:
    waiting = await place.submit(chain(2, 0.05), 10)
    await machine.end("redis", signal.SIGKILL)
    with place.started("scheduler"), place.started("worker"):
        running = await place.submit(chain(4, 0.2), 10)
        await until(lambda: len(place.calls()) > 12)
        await machine.end("redis", signal.SIGKILL)
        assert await place.statuses(waiting + running) == {"succeeded": 20}
    assert (len(place.calls()), set(place.calls().values())) == (10 * 2 + 10 * 4, {1})


async def test_redis_has_no_memory_left(place: Place) -> None:
    redis = Redis.from_url(place.redis_url)
    with place.started("scheduler"), place.started("worker"):
        running = await place.submit(chain(4, 0.2), 5)
        await until(lambda: len(place.calls()) >= 5)
        await redis.config_set("maxmemory", "1")  # every write is refused from now on
        try:
            unheard = await place.submit(chain(2, 0.05), 5)
            await until(lambda: len(place.calls()) >= 20)  # what was under way goes on
        finally:
            await redis.config_set("maxmemory", "0")
        assert await place.statuses(running + unheard) == {"succeeded": 10}
    await redis.aclose()
    assert set(place.calls().values()) == {1}


@asynccontextmanager
async def far_worker(place: Place) -> AsyncIterator[tuple[BadNetwork, BadNetwork]]:
    """A worker behind bad networks of its own; yields that to PostgreSQL and that to Redis."""
    async with (
        bad_network(place.owner_url) as (to_postgres, owner_url),
        bad_network(place.redis_url) as (to_redis, redis_url),
    ):
        worker = Process("worker", owner_url, redis_url, place.effects, None)
        try:
            await asyncio.to_thread(worker.ready)  # it comes through the networks, which live in this thread
            yield to_postgres, to_redis
        finally:
            worker.end()


async def test_a_half_open_network_is_noticed_and_the_worker_is_fenced(place: Place) -> None:
    with place.started("scheduler"):
        async with far_worker(place) as networks:
            ids = await place.submit(chain(5, 0.2), 10)
            await until(lambda: len(place.calls()) > 10)
            for network in networks:
                network.go_silent()
            with place.started("worker"):
                assert await place.statuses(ids) == {"succeeded": 10}
            await each_step_once(place, ids, 5)
            for network in networks:
                network.heal()
            after = await place.submit(chain(2, 0.05), 5)
            assert await place.statuses(after) == {"succeeded": 5}  # by the far worker: there is no other
    assert await place.statuses(ids) == {"succeeded": 10}


async def test_a_slow_network_that_is_cut_now_and_then(place: Place) -> None:
    with place.started("scheduler"):
        async with far_worker(place) as networks:
            for network in networks:
                network.delay_s = 0.02
            ids = await place.submit(chain(4, 0.1), 10)
            for calls in (8, 16, 24):
                await until(lambda: len(place.calls()) > calls)  # noqa: B023 - called before the next round
                for network in networks:
                    network.cut()
            assert await place.statuses(ids) == {"succeeded": 10}
    await each_step_once(place, ids, 4)
