"""Ten thousand random schedules of crashes, freezes, drains, signals and failures, each against the simple model.

A failing seed is printed; `pytest tests/unit/execution/test_simulation.py --simulate SEED` tells the same story again.
`make test` has the same ten thousand each time; `make explore` has others.
"""

from __future__ import annotations

import random
import time

import hypothesis
import pytest

from tests.support.simulation import Simulation

PARTS = 20
EACH = 500


@pytest.mark.hypothesis
@pytest.mark.timeout(300)
@pytest.mark.parametrize("part", range(PARTS))
async def test_every_schedule_ends_as_the_model_says(part: int, request: pytest.FixtureRequest) -> None:
    chosen: int | None = request.config.getoption("simulate")
    for seed in _seeds(part) if chosen is None else (chosen,):
        simulation = Simulation(seed)
        try:
            await simulation.run()
        except BaseException as problem:
            pytest.fail(f"seed {seed}: {problem!r}; tell it again with --simulate {seed}\n{story(simulation)}")


def _seeds(part: int) -> range:
    exploring = hypothesis.settings.get_current_profile_name() == "explore"
    first = random.Random(time.time_ns() + part).randrange(10**9) if exploring else part * EACH
    return range(first, first + EACH)


def story(simulation: Simulation) -> str:
    records = simulation.database.records
    lines = [f"{r.seq} {r.path} {r.attempt} {r.status} {r.outcome['then']}" for r in records]
    return "\n".join([simulation.text, *lines])


async def test_the_same_seed_tells_the_same_story() -> None:
    stories = []
    for _ in range(2):
        simulation = Simulation(4711)
        await simulation.run()
        stories.append((simulation.leases, simulation.done, simulation.database.records))
    assert stories[0] == stories[1]


async def test_the_schedules_are_not_harmless() -> None:
    """Of some hundred schedules many have crashes, freezes, repeated effects and suspended runs."""
    several_leases = frozen = repeated = waits = 0
    for seed in range(300):
        simulation = Simulation(seed)
        await simulation.run()
        several_leases += simulation.leases > 3
        frozen += simulation.frozen > 0
        repeated += any(count > 1 for count in simulation.done.values())
        waits += any(record.status == "suspended" for record in simulation.database.records)
    assert min(several_leases, frozen, repeated, waits) > 30, (several_leases, frozen, repeated, waits)
