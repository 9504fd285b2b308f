"""Texts of workflows, as the runs of a process share them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import DefinitionMissing
from engine.store.access import workflows
from engine.store.session import Database, Scope
from runners import definitions
from runners.definitions import DefinitionCache

TEXT = """\
name: "shared"
version: "1.0.0"
nodes:
  - name: "start"
    type: "start"
"""


async def test_runs_that_begin_together_read_a_text_once(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, TEXT)
        digest = (await workflows.publish(tx, row.workflow_id, "first")).hash
    read, asked = workflows.get_definition, []

    async def counted(tx: Any, hash: str) -> Any:
        asked.append(hash)
        return await read(tx, hash)

    monkeypatch.setattr(workflows, "get_definition", counted)
    cache = DefinitionCache()
    found = await asyncio.gather(*(cache.get(database, scope, digest) for _ in range(100)))
    assert {one.text for one in found} == {TEXT}
    assert (await cache.get(database, scope, digest)).text == TEXT
    assert asked == [digest]


async def test_what_was_used_last_is_kept_as_far_as_there_is_room(
    database: Database, scope: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests = []
    async with database.transaction(scope) as tx:
        for name in ("one", "two", "three"):
            row = await workflows.create(tx, TEXT.replace("shared", name))
            digests.append((await workflows.publish(tx, row.workflow_id, "first")).hash)
    read, asked = workflows.get_definition, []

    async def counted(tx: Any, hash: str) -> Any:
        asked.append(hash)
        return await read(tx, hash)

    monkeypatch.setattr(workflows, "get_definition", counted)
    monkeypatch.setattr(definitions, "_MOST_KEPT", 2 * len(TEXT) + 10)
    cache, (one, two, three) = DefinitionCache(), digests
    for digest in (one, two, one, three, one, two):
        await cache.get(database, scope, digest)
    assert asked == [one, two, three, two]  # the second one had to go for the third


async def test_a_text_that_was_missing_is_looked_for_again(database: Database, scope: Scope) -> None:
    cache = DefinitionCache()
    wanted = [cache.get(database, scope, "0" * 64) for _ in range(3)]
    outcomes = await asyncio.gather(*wanted, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DefinitionMissing] * 3
    with pytest.raises(DefinitionMissing):
        await cache.get(database, scope, "0" * 64)


async def test_a_run_that_is_cut_off_leaves_the_reading_to_the_others(database: Database, scope: Scope) -> None:
    async with database.transaction(scope) as tx:
        row = await workflows.create(tx, TEXT)
        digest = (await workflows.publish(tx, row.workflow_id, "first")).hash
    cache = DefinitionCache()
    first, second = (asyncio.create_task(cache.get(database, scope, digest)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).text == TEXT
